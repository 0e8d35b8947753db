"""What a provider holds goes with its backup: that alone, when no destination has the backup any more, and never what is not ours."""
import signal

import pytest
from held import build_held
from kept import KEEP
from past import BOTH, references, text_of
from processes import wait_until
from shelf import build_shelf


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build_shelf(build_held(tmp_path_factory.mktemp("plugins") / "all"))


@pytest.fixture
def twice(past):
    """The same on two destinations."""
    past.write(destinations=BOTH)
    ids = past.past(5, 4, 3, 2, 1, destinations=BOTH)
    past.write(KEEP, destinations=BOTH)
    return past, ids


# ---- what goes ----


def test_just_what_goes_is_discarded(six_held):
    past, ids = six_held
    out = past.prune("--dry-run").out
    for id in ids[:3]:
        assert f"would go: expired, and {text_of(past, id)}\n" in out, out
    plan = past.prune("--dry-run", "--json").json
    assert references(plan) == {"disk": {id: [text_of(past, id)] for id in ids[:3]}}
    assert past.calls() == [] and past.there() == ids
    result = past.prune("--json")
    assert references(result.json) == references(plan)
    past.is_whole(*ids[3:])
    assert past.calls() == [("discard", name) for name in past.names(*ids[:3])]
    (entry,) = past.kist.history("prune")
    assert entry["references"] == {"disk": [text_of(past, id) for id in ids[:3]]}
    assert "deleted 3, discarded 3 at the provider\n" in past.kist.run("history").out
    past.forget()
    past.prune()
    assert past.calls() == []


def test_a_run_does_it_too(six_held):
    past, ids = six_held
    new = past.kist.backup()
    past.is_whole(*ids[4:], new)


def test_what_is_held_or_gone_already(six_held):
    past, ids = six_held
    past.kist.run("hold", f"p/{ids[0]}")
    past.branch(ids[1]).unlink()
    past.prune()
    past.is_whole(ids[0], *ids[3:])
    past.kist.run("release", f"p/{ids[0]}")
    past.prune()
    past.is_whole(*ids[3:])


def test_what_is_stored_beside_it_goes_too(past):
    past.write(stored="notes.txt")
    ids = past.past(3, 2, 1)
    past.write("keep = 2 last\nmax_delete = 100%", stored="notes.txt")
    past.prune()
    past.is_whole(*ids[2:])
    assert all(past.kist.data_path(id).name == "notes.txt" for id in ids[2:])
    past.kist.run("verify", "p", "--all")


# ---- several destinations ----


def test_the_last_that_lets_go_discards(twice):
    past, ids = twice
    past.keep_on("disk", "3 last", ("disk2", "5 last"))
    plan = references(past.prune("--dry-run", "--json").json)
    assert plan == {"disk": {}, "disk2": {ids[0]: [text_of(past, ids[0])]}}
    past.prune()
    assert (past.there(), past.there("disk2")) == (ids[3:], ids[1:])
    assert past.branches() == past.names(*ids[1:]) and set(past.discarded()) == set(past.names(ids[0]))
    assert past.tombstones() == past.tombstones("disk2") == []
    past.keep_on("disk", "3 last", ("disk2", "3 last"))
    past.prune()
    past.is_whole(*ids[3:], destinations=BOTH)


def test_both_at_once(twice):
    past, ids = twice
    past.prune()
    past.is_whole(*ids[3:], destinations=BOTH)
    assert set(past.discarded()) == set(past.names(*ids[:3]))


def test_one_that_was_left_out_is_asked(twice):
    past, ids = twice
    assert references(past.prune("--destination", "disk", "--dry-run", "--json").json) == {"disk": {}}
    past.prune("--destination", "disk")
    assert past.there() == ids[3:] and past.tombstones() == []
    assert past.calls() == [] and past.branches() == past.names(*ids)
    past.prune("--destination", "disk2")
    past.is_whole(*ids[3:], destinations=BOTH)


def test_one_that_is_away(twice):
    """Whether it has the backup still is not known: what the provider holds stays, and goes when it can be asked."""
    past, ids = twice
    away = past.kist.folder / "away"
    (past.kist.folder / "disk2").rename(away)
    result = past.prune("--destination", "disk", expect=3)
    assert past.there() == ids[3:] and past.tombstones() == ids[:3], result
    assert past.calls() == [] and past.branches() == past.names(*ids)
    assert result.err.count("destination 'disk2', which may still have it, cannot be asked") == 1, result
    assert "3 could not go" in result.out
    away.rename(past.kist.folder / "disk2")
    past.prune()
    past.is_whole(*ids[3:], destinations=BOTH)


# ---- what goes wrong ----


def test_what_somebody_else_made_stays(six_held):
    past, ids = six_held
    foreign = past.branch(ids[1])
    ours = foreign.read_text()
    foreign.write_text(ours.replace(f"backup={ids[1]}", "backup=of-theirs"))
    for _ in range(2):
        result = past.prune("--json", expect=3)
        row = next(row for row in result.json[0]["backups"] if row["id"] == ids[1])
        assert row["fate"] == "failed" and f"branch '{foreign.name}' is not of this backup" in row["cause"]
        assert f"the {text_of(past, ids[1])} stays" in row["cause"] and row["cause"] in result.err
        assert past.tombstones() == [ids[1]] and past.branches() == past.names(ids[1], *ids[3:])
    foreign.write_text(ours)
    past.prune()
    past.is_whole(*ids[3:])


@pytest.mark.parametrize("fault, words", [("down", "does not answer"), ("auth", "refuses the key")])
def test_a_provider_that_is_away_is_asked_once(six_held, fault, words):
    past, ids = six_held
    past.write(KEEP, fail=fault)
    result = past.prune(expect=3)
    assert past.there() == ids[3:] and past.tombstones() == ids[:3]
    assert past.branches() == past.names(*ids) and len(past.calls()) == 1
    assert result.err.count(words) == 1, result
    past.write(KEEP)
    past.prune()
    past.is_whole(*ids[3:])


def test_one_that_fails_does_not_keep_the_others(six_held):
    past, ids = six_held
    past.write(KEEP, fail="discard")
    result = past.prune(expect=3)
    assert past.discarded() == past.names(*ids[:3]) and past.branches() == past.names(*ids)
    assert result.err.count("the provider failed: discard") == 3, result
    past.write(KEEP)
    past.prune()
    past.is_whole(*ids[3:])


@pytest.mark.parametrize("number, code", [(signal.SIGKILL, -9), (signal.SIGTERM, 143)])
def test_a_prune_that_was_cut_off(six_held, number, code):
    past, ids = six_held
    past.write(KEEP, fail="hang_discard")
    running = past.kist.start("prune")
    wait_until(past.discarded)
    running.signal(number)
    assert running.finish().code == code
    assert past.there() == ids[3:] and past.tombstones() == ids[:3] and past.branches() == past.names(*ids)
    past.write(KEEP)
    plan = references(past.prune("--dry-run", "--json").json)
    assert plan == {"disk": {id: [text_of(past, id)] for id in ids[:3]}}
    past.prune()
    past.is_whole(*ids[3:])


def test_another_source_cannot_discard_it(six_held):
    past, ids = six_held
    configured = (past.kist.conf / "kist.ini").read_text()
    file = past.kist.folder / "file"
    file.write_text("a line\n")
    other = configured.replace("plugin = held", "plugin = shelf").replace(f"place = {past.place}", f"path = {file}")
    past.kist.write(other)
    result = past.prune(expect=3)
    assert result.err.count("only the source plugin 'held' can ask for it, [source p-db] is 'shelf'") == 1, result
    assert "give the pipeline a source of that plugin again" in result.err
    assert past.tombstones() == ids[:3] and past.calls() == []
    # Who has left the provider for good removes what the hint names.
    assert f"and then '_kist/p/{ids[0]}.tombstone' here" in result.err
    past.branch(ids[0]).unlink()
    (past.kist.disk / "_kist" / "p" / f"{ids[0]}.tombstone").unlink()
    past.prune(expect=3)
    past.kist.write(configured)
    past.prune()
    past.is_whole(*ids[3:])
