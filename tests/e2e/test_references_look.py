"""What a provider holds is listed, shown and verified like any backup."""
import pytest
from flaky import build
from held import AT_ONCE, Held, build_held
from manifests import seal


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build(build_held(tmp_path_factory.mktemp("plugins") / "all"), "source", "nested")


@pytest.fixture
def held(saved):
    return saved


def lapse(held):
    """In place of the backup there is one that has outlived what the provider holds of it."""
    held.write(until=AT_ONCE)
    held.id = held.kist.backup()
    held.forget()


def rows(held, *args, expect=0):
    """The table of `list` as lists of words, without its head."""
    return [line.split() for line in held.kist.run("list", *args, expect=expect).out.splitlines()[1:]]


# ---- list and show ----


def test_list(held):
    assert rows(held) == [
        ["p", held.id, "ok", "1000", "B", "-", "-", "disk,", "held", "by", "held"],
    ]
    held.kist.run("hold", f"p/{held.id}")
    assert rows(held)[0][-5:] == ["disk,", "held", "by", "held", "(held)"]
    backup = held.kist.backups()[0]
    assert backup["held_by"] == ["held"] and backup["held"] is True
    assert (backup["raw_size"], backup["stored_size"], backup["state"]) == (1000, 0, "ok")
    assert backup["destinations"] == {"disk": "good"}
    assert held.calls() == []


def test_list_without_a_size(held):
    held.write(size="0")
    held.kist.backup()
    assert rows(held)[-1][3:5] == ["-", "-"]


def test_list_of_what_is_stored(held):
    held.write(can="plain")
    held.kist.backup()
    assert rows(held)[-1][-1] == "disk" and held.kist.backups()[-1]["held_by"] == []
    held.write(stored="notes.txt")
    held.kist.backup()
    assert held.kist.backups()[-1]["held_by"] == ["held"]
    assert rows(held)[-1][5:7] == ["9", "B"]


def test_list_of_what_has_expired(held):
    lapse(held)
    assert [row[2] for row in rows(held)] == ["ok", "expired"]
    assert [backup["state"] for backup in held.kist.backups()] == ["ok", "expired"]


def test_one_item_of_two_has_not_expired(held):
    held.write(items="a.branch, b.branch", until=AT_ONCE, until_items="a.branch")
    held.kist.backup()
    assert rows(held)[-1][2] == "ok"


def test_show(held):
    held.write(until="7d")
    id = held.kist.backup()
    out = held.kist.run("show", f"p/{id}").out
    item = dict(line.split(None, 1) for line in out.partition("  db.branch\n")[2].splitlines() if line.strip())
    reference = held.kist.manifest(id)["items"][0]["reference"]
    assert item.pop("held") == "by    held"
    assert item.pop("data") == f"of    {reference['time']}"
    assert item == {
        "kind": "branch",
        "id": f"br-p-{id}-db.branch",
        "name": f"kist-p-{id}-db.branch",
        "account": "project one",
        "state": "ready",
        "until": reference["until"],
        "size": "1000 B (1000 bytes)",
        "restore": "cp from the provider",
    }
    assert "stored as" not in out and "sha256" not in out
    assert held.kist.run("show", f"p/{id}", "--json").json["items"] == [
        {"name": "db.branch", "reference": reference}
    ]


# ---- verify ----


@pytest.mark.parametrize("level", ["size", "hash", "decode"])
def test_verify_asks_the_provider(held, level):
    result = held.kist.run("verify", "p", "--level", level)
    assert result.out == f"p/{held.id} on disk: ok ({level})\n"
    assert held.calls() == [("look", f"br-p-{held.id}-db.branch")]
    assert held.kist.marks(held.id) == ([] if level == "size" else [level])


@pytest.mark.parametrize("level", ["size", "hash", "decode"])
def test_verify_of_what_is_gone(held, level):
    held.branch(held.id).unlink()
    result = held.kist.run("verify", "p", "--level", level, expect=4)
    assert result.out == f"p/{held.id} on disk: damaged ({level})\n"
    assert f"the branch br-p-{held.id}-db.branch of held project one is gone" in result.is_one_error()
    assert "run a new backup now" in result.err
    assert rows(held, expect=4)[0][2] == "bad"
    (word,) = held.kist.marks(held.id)
    assert word == ("baddecode" if level == "decode" else "badhash")
    fault = held.kist.mark(held.id, word)["faults"][0]
    assert fault["key"] == "db.branch" and "is gone" in fault["fault"]


def test_verify_of_what_failed_and_recovered(held):
    path = held.branch(held.id)
    sound = path.read_text()
    path.write_text(sound.replace("state=ready", "state=failed"))
    result = held.kist.run("verify", "p", "--json", expect=4)
    assert result.json[0]["result"] == "damaged" and "failed" in result.json[0]["faults"][0]["fault"]
    path.write_text(sound)
    held.kist.run("verify", "p")
    assert rows(held)[0][2] == "ok"


@pytest.mark.parametrize("fail", ["down", "auth", "look"])
def test_a_provider_that_cannot_be_asked_is_no_verdict(held, fail):
    held.write(fail=fail)
    result = held.kist.run("verify", "p", expect=1)
    assert result.out == f"p/{held.id} on disk: failed (hash)\n"
    assert "p/p-db(held): the provider" in result.is_one_error()
    assert held.kist.marks() == [] and rows(held)[0][2] == "ok"


def test_a_source_of_another_plugin_cannot_ask(held):
    held.kist.write(
        held.kist.conf.joinpath("kist.ini")
        .read_text()
        .replace("plugin = held", "plugin = nested")
        .replace(f"place = {held.place}\n", "inner = other\n")
        + f"[source other]\nplugin = held\nplace = {held.place}\n"
    )
    result = held.kist.run("verify", "p", expect=2)
    assert "only the source plugin 'held' can ask for it" in result.is_one_error()
    assert held.kist.marks() == []


def test_verify_of_what_has_expired(held):
    good = held.id
    lapse(held)
    result = held.kist.run("verify", f"p/{held.id}", expect=6)
    assert result.out == f"p/{held.id} on disk: expired (hash)\n"
    assert f"p/{held.id} has expired: held was to hold it no longer" in result.is_one_error()
    assert held.calls() == [] and held.kist.marks() == []
    assert held.kist.run("verify", "p").out == f"p/{good} on disk: ok (hash)\n"
    result = held.kist.run("verify", "p", "--all")
    assert result.out == f"p/{good} on disk: ok (hash)\np/{held.id} on disk: expired (hash)\n" and not result.err
    assert held.kist.marks(held.id) == []
    assert [row["result"] for row in held.kist.run("verify", "--all", "--json").json] == ["ok", "expired"]


def test_one_question_for_all_destinations(held):
    held.write(destinations=("disk", "other"), items="a.branch, b.branch", more="verify = hash")
    id = held.kist.backup()
    assert len(held.calls("look")) == 2
    held.forget()
    held.kist.run("verify", f"p/{id}")
    assert sorted(held.calls("look")) == [("look", f"br-p-{id}-{name}.branch") for name in "ab"]
    held.forget()
    held.branch(id, "a.branch").unlink()
    result = held.kist.run("verify", f"p/{id}", expect=4)
    assert result.out.count(": damaged (hash)") == 2
    held.forget()
    held.kist.run("verify", "p", "--all", expect=4)
    assert held.calls("look").count(("look", f"br-p-{id}-b.branch")) == 1


def test_another_manifest_is_asked_for_anew(held):
    """One destination proves nothing of what another one says."""
    held.write(destinations=("disk", "other"))
    id = held.kist.backup()
    path = held.kist.manifest_path(id, destination="other")
    path.write_bytes(seal(path.read_bytes().replace(b'"id": "br-p-', b'"id": "br-q-')))
    result = held.kist.run("verify", f"p/{id}", expect=4)
    assert f"p/{id} on disk: ok (hash)\np/{id} on other: damaged (hash)\n" == result.out


def test_verify_where_all_has_expired(plain_kist, plugins):
    held = Held(plain_kist, plugins)
    lapse(held)
    result = plain_kist.run("verify", "p", expect=6)
    assert result.out == f"p/{held.id} on disk: expired (hash)\n"
    assert f"p/{held.id} has expired" in result.is_one_error()


def test_the_latest_is_the_newest_that_has_not_expired(held):
    good = held.id
    lapse(held)
    result = held.kist.run("show", "p")
    assert result.out.startswith(f"p/{good} on disk\n") and "p: 1 newer backup has expired\n" in result.err
    assert held.kist.run("show", f"p/{held.id}").out.startswith(f"p/{held.id} on disk\n")
    assert held.kist.run("hold", "p").out == f"p/{good}: held\n"


def test_one_that_is_gone_in_its_time_is_no_fault(held):
    held.write(items="a.branch, b.branch", until=AT_ONCE, until_items="a.branch")
    id = held.kist.backup()
    held.branch(id, "a.branch").unlink()
    held.kist.run("verify", f"p/{id}")
    held.branch(id, "b.branch").unlink()
    held.kist.run("verify", f"p/{id}", expect=4)


def test_what_is_stored_is_read_all_the_same(held):
    held.write(stored="notes.txt")
    id = held.kist.backup()
    held.kist.run("verify", "p", "--level", "decode")
    held.kist.data_path(id).write_bytes(b"notes.tx!")
    result = held.kist.run("verify", "p", expect=4)
    assert "notes.txt" in result.err and held.calls("look")


def test_every_run_can_be_verified(held):
    held.write(more="verify = decode")
    id = held.kist.backup()
    assert held.kist.marks(id) == ["decode"]
    held.write(more="verify = drill")
    result = held.kist.run("config", "check", expect=2)
    assert "[pipeline p] verify: the source plugin 'held' has no scratch place to drill in" in result.err


def test_drill(held):
    result = held.kist.run("drill", "p", expect=1)
    assert "there is nothing to drill: the backup is held by held" in result.is_one_error()
    assert f"`kist restore p/{held.id}` makes a copy of it" in result.err
    assert held.calls() == [] and held.kist.marks() == []


# ---- what else tells of it ----


def test_sizes_are_told_as_they_are_known(held):
    assert "1000 B held in " in held.kist.run("run", "p").out
    held.write(size="0")
    out = held.kist.run("run", "p").out
    assert ": ok, held in " in out and " 0 B" not in out
    assert " 0 B" not in held.kist.run("status").out
    assert held.kist.run("status", "--json").json[0]["stored_size"] == 0
    report = held.kist.folder / "report.html"
    held.kist.run("report", "--html", report)
    assert "<dd>not known <small>held by held</small></dd>" in report.read_text()
    held.write(stored="notes.txt")
    held.kist.run("run", "p")
    held.kist.run("report", "--html", report)
    assert "<small>stored as 9 B, held by held</small>" in report.read_text()


def test_status_knows_what_has_expired(held):
    lapse(held)
    status = held.kist.run("status", "--json").json[0]
    assert status["newest"] == held.id > status["last_good"]
    assert status["trend"] == [1000]
