"""Retention: what goes, what never does, and what is left when something is in the way."""
import json
import os
import re
import shutil

import pytest
from clock import skewed_by
from kept import KEEP, Kept, id_of
from kist import Kist, sanitizer_options
from manifests import clone, flip, seal
from processes import wait_until

KEY = "0123456789abcdef0123456789abcdef"


def test_what_goes_and_what_stays(six):
    kept, ids = six
    before = kept.kist.files()
    dry = kept.prune("--dry-run")
    assert kept.kist.files() == before
    assert not [line for line in kept.kist.history() if line["event"] == "prune"]
    assert "p on disk: keep = 3 last" in dry.out and "3 stay, 3 would go" in dry.out, dry
    for id in ids[:3]:
        assert re.search(rf"{id} .* ok +would go: expired", dry.out), dry
    for id in ids[3:]:
        assert re.search(rf"{id} .* ok +kept: last", dry.out), dry
    result = kept.prune()
    assert "3 stay, 3 deleted" in result.out and "deleted: expired" in result.out, result
    kept.is_whole(*ids[3:])
    (entry,) = kept.kist.history("prune")
    assert (entry["removed"], entry["exit"], entry["frozen"]) == ({"disk": ids[:3]}, 0, 0), entry
    assert entry["freed"] > 3 * 30000
    # And nothing more.
    assert "3 stay, none goes" in kept.prune().out
    assert len(kept.kist.history("prune")) == 1


def test_a_run_prunes_by_itself(six):
    kept, ids = six
    new = kept.runs(1000)
    assert [line["event"] for line in kept.kist.history()[-2:]] == ["prune", "run"]
    assert kept.kist.history()[-1]["outcome"] == "ok"
    kept.is_whole(*ids[4:], *new)


def test_without_a_rule(kept):
    kept.write()
    ids = kept.past(400, 300)
    assert "there is no `keep`" in kept.prune().out
    kept.runs(1000)
    assert set(ids) <= set(kept.there())


def test_marks_go_too_and_strays(six):
    kept, ids = six
    kept.kist.run("verify", "p", "--all")
    stray = kept.kist.manifest_path(id_of(9)).with_suffix(".hash." + id_of(8))
    young = kept.kist.manifest_path(id_of(10)).with_suffix(".hash." + id_of(0))
    stray.write_text("{}")
    young.write_text("{}")
    kept.prune()
    assert not stray.exists() and young.exists()
    assert all(not kept.kist.marks(id) for id in ids[:3])
    assert all(kept.kist.marks(id) == ["hash"] for id in ids[3:])


def test_each_destination_by_its_own_rule(kept):
    kept.write(destinations=("disk", "disk2"))
    ids = kept.past(5, 4, 3, 2, 1, destinations=("disk", "disk2"))
    kept.write(KEEP, destinations=("disk", "disk2"))
    kept.kist.write(
        (kept.kist.conf / "kist.ini")
        .read_text()
        .replace("[destination disk2]", "[destination disk2]\nkeep = 5 last")
    )
    kept.prune("--destination", "disk2")
    assert (kept.there(), kept.there("disk2")) == (ids, ids[1:])
    places = kept.prune("--json").json
    assert [place["destination"] for place in places] == ["disk", "disk2"]
    kept.is_whole(*ids[3:])
    kept.is_whole(*ids[1:], destination="disk2")
    kept.prune("--destination", "nowhere", expect=2)
    kept.prune("q", expect=2)


# 83
@pytest.mark.parametrize("how", ["failed", "degraded", "suspect"])
def test_only_after_a_good_run(six, how):
    kept, ids = six
    if how == "failed":
        kept.path.unlink()
        kept.kist.run("run", "p", expect=1)
    elif how == "suspect":
        kept.runs(10, expect=3)
    else:
        # One of two destinations cannot be written to.
        kept.write(KEEP, "require = 1", destinations=("disk", "disk2"))
        shutil.rmtree(kept.kist.folder / "disk2")
        (kept.kist.folder / "disk2").write_text("")
        kept.kist.run("run", "p", expect=3)
        shutil.copytree(kept.kist.disk, kept.kist.folder / "new")
        kept.write(KEEP)
    there = kept.there()
    assert set(ids) <= set(there)
    result = kept.prune(expect=3)
    assert "nothing is deleted" in result.err, result
    assert kept.there() == there
    # The next good one does it.
    kept.fill(1000)
    kept.runs(1000)
    assert len(kept.there()) == 3 + (how == "suspect")


def test_accepting_a_suspect_one_is_enough(six):
    kept, ids = six
    (new,) = kept.runs(10, expect=3)
    assert "the last run was not good" in kept.prune(expect=3).err
    kept.kist.run("accept", f"p/{new}")
    kept.prune()
    kept.is_whole(*ids[4:], new)


def test_copies_made_for_safety_count_for_nothing_and_go_in_the_end(kept):
    kept.write()
    ids = kept.past(6, 5, 4, 3, 2, 1)
    for id in ids[1:5]:
        path = kept.kist.manifest_path(id)
        text = path.read_bytes()
        assert text.count(b'"labels": {}') == 1
        path.write_bytes(seal(text.replace(b'"labels": {}', b'"labels": {"safety": "x"}')))
    kept.write("keep = 3 last", "max_delete = 100%")
    plan = {id: fate for id, (fate, _) in kept.plan("--dry-run").items()}
    # The three newest good ones, and the three newest of all.
    assert [id for id in ids if plan[id] == "kept"] == [ids[0], *ids[4:]], plan
    kept.prune()
    kept.is_whole(ids[0], *ids[4:])


# 84
@pytest.mark.parametrize("bad", [1, 2, 3])
def test_the_newest_are_damaged(six, bad):
    """While the newest is not good nothing goes, and bad ones take no good one's place."""
    kept, ids = six
    kept.kist.run("verify", f"p/{ids[1]}")
    for id in ids[-bad:]:
        flip(kept.kist.data_path(id), 100, 3)
    kept.kist.run("verify", "p", "--all", expect=4)
    result = kept.prune(expect=3 if bad < 3 else 0)
    assert "the newest backup is not good" in result.err or bad == 3, result
    assert kept.there() == ids
    new = kept.runs(1000)
    good = [*ids[:-bad], *new]
    assert set(good[-3:]) <= set(kept.there()) and ids[0] not in kept.there()


def test_the_last_verified_one_stays(six):
    kept, ids = six
    kept.kist.run("verify", f"p/{ids[0]}")
    assert kept.plan()[ids[0]][0] == "kept"
    assert kept.there() == [ids[0], *ids[3:]]


def test_a_damaged_manifest(six):
    """Nobody knows what it names: it stays, and so does whatever is older."""
    kept, ids = six
    flip(kept.kist.manifest_path(ids[1]), 50, 1)
    result = kept.prune()
    assert kept.there() == [*ids[:2], *ids[3:]] and kept.folders() == kept.there(), result
    assert re.search(rf"{ids[1]} .* damaged ", result.out), result


# 85
@pytest.mark.parametrize("what", ["fail_list", "fail_get"])
def test_a_listing_or_manifest_that_cannot_be_read(six, what):
    kept, ids = six
    flaky = kept.kist.folder / "flaky"
    flaky.mkdir()
    for path in kept.kist.disk.rglob("*"):
        if path.is_file():
            shutil.copy(path, flaky / str(path.relative_to(kept.kist.disk)).replace("/", "="))
    text = (kept.kist.conf / "kist.ini").read_text()
    section = f"[destination disk]\nplugin = flaky\npath = {flaky}\nretries = 0\n"
    healthy = re.sub(r"\[destination disk\][^[]*", section, text)
    kept.kist.write(re.sub(r"\[destination disk\][^[]*", section + f"only = {ids[4]}\n{what} = 99\n", text))
    before = sorted(os.listdir(flaky))
    assert "no luck" in kept.prune(expect=3).err
    assert sorted(os.listdir(flaky)) == before
    kept.kist.write(healthy)
    kept.prune()
    assert kept.kist.ids() == ids[3:]


# 86
def test_foreign_keys(six):
    """What is nobody's, another pipeline's, or outside, stays, whatever a manifest says."""
    kept, ids = six
    disk = kept.kist.disk
    strangers = [
        "p/notes.txt",
        "q/2020-01-01T00-00-00Z/data",
        "p/2020-01-01T00-00-00Z/data",
        "_kist/p/readme",
        "pp/x",
    ]
    for key in strangers:
        (disk / key).parent.mkdir(parents=True, exist_ok=True)
        (disk / key).write_text("mine")
    outside = kept.kist.folder / "outside"
    outside.write_text("mine")
    newer = kept.kist.data_path(ids[5]).relative_to(disk)
    for id, key in zip(ids, ("q/2020-01-01T00-00-00Z/data", "p/notes.txt", str(newer))):
        path = kept.kist.manifest_path(id)
        old = str(kept.kist.data_path(id).relative_to(disk))
        path.write_bytes(seal(path.read_bytes().replace(old.encode(), key.encode())))
    result = kept.prune()
    # A key of another pipeline makes the manifest itself unsound.
    assert kept.there() == [ids[0], *ids[3:]] and "2 keys that deleted backups name" in result.err, result
    assert all((disk / key).read_text() == "mine" for key in strangers) and outside.read_text() == "mine"
    for id in ids[3:]:
        kept.kist.run("verify", f"p/{id}")


def test_a_manifest_with_a_key_outside_is_damaged(six):
    kept, ids = six
    path = kept.kist.manifest_path(ids[0])
    old = str(kept.kist.data_path(ids[0]).relative_to(kept.kist.disk))
    (kept.kist.folder / "outside").write_text("mine")
    path.write_bytes(seal(path.read_bytes().replace(old.encode(), b"../outside")))
    kept.prune(expect=None)
    assert (kept.kist.folder / "outside").read_text() == "mine" and ids[0] in kept.there()


def test_two_pipelines_share_a_destination(kept):
    kept.write()
    ids = kept.past(3, 2, 1)
    for source, target in (("p", "q"), ("_kist/p", "_kist/q")):
        shutil.copytree(kept.kist.disk / source, kept.kist.disk / target)
    for path in (kept.kist.disk / "_kist/q").glob("*.json"):
        path.write_bytes(seal(path.read_bytes().replace(b'"p"', b'"q"').replace(b'"p/', b'"q/')))
    kept.write("keep = 1 last\nmin_keep = 1\nmax_delete = 100%")
    kept.prune()
    kept.is_whole(ids[3])
    assert kept.there(name="q") == kept.folders(name="q") == ids


# 87
@pytest.mark.parametrize("years, rule", [(10, "keep = 30 days"), (-1, "keep = 1 last"), (10, KEEP)])
def test_a_clock_that_is_wrong(kept, years, rule):
    kept.write()
    ids = kept.past(50, 40, 3, 2, 1)
    kept.write(rule, "max_delete = 100%" if "max_delete" not in rule else "")
    env = skewed_by(kept.kist.folder, years * 365 * 86400)
    env["ASAN_OPTIONS"] = sanitizer_options(verify_asan_link_order="0")
    result = kept.prune(env=env, expect=3)
    assert "clock" in result.err and "hint" in result.err, result
    assert kept.there() == kept.folders() == ids and kept.tombstones() == []
    kept.prune()
    assert len(kept.there()) < len(ids)


def test_more_than_half_at_once(six):
    kept, ids = six
    kept.write("keep = 1 last")
    result = kept.prune(expect=3)
    assert "max_delete" in result.err and kept.there() == ids, result
    assert "nothing is deleted now" in kept.prune("--dry-run", expect=3).out
    # A run of its own is good, and degraded by that alone: it says so, and freezes nothing.
    kept.kist.run("run", "p", expect=3)
    kept.write("keep = 1 last", "max_delete = 80%")
    kept.prune()
    assert len(kept.there()) == 2


# 90
def test_the_run_of_another_host(six):
    kept, ids = six
    note = kept.kist.manifest_path(id_of(0.01)).with_suffix(".pending")
    body = {"kist_pending": 1, "pipeline": "p", "id": note.stem, "owner": "elsewhere:1:2", "keys": []}
    note.write_text(json.dumps(body))
    result = kept.prune(expect=3)
    assert f"a run of another host, {note.stem}" in result.err, result
    assert kept.prune("--dry-run", expect=3).code == 3 and kept.there() == ids
    # Our own is dead, for the lock is ours; and nobody runs for days.
    note.rename(note.with_stem(id_of(3.5)))
    kept.prune()
    assert kept.there() == ids[3:]


def test_two_hosts_at_once(kept):
    """While one saves, the other deletes nothing; both have what they need in the end."""
    store = kept.kist.folder / "store"
    store.mkdir()
    other = Kept(Kist(kept.kist.folder / "b", program=kept.kist.program), kept.plugins[0])
    for host, more in ((kept, ""), (other, "only = lines\nslow = 250ms\n")):
        section = f"[destination store]\nplugin = flaky\npath = {store}\n{more}"
        host.write("keep = 2 last", "max_delete = 100%", destinations=(), sections=section)
        text = (host.kist.conf / "kist.ini").read_text().replace("destinations = \n", "destinations = store\n")
        host.kist.write(text)
    rule = (kept.kist.conf / "kist.ini").read_text()
    kept.kist.write(rule.replace("keep = 2 last", ""))
    ids = kept.runs(1000, 1000, 1000)
    kept.kist.write(rule)
    running = other.kist.start("run", "p")
    assert wait_until(lambda: list(store.glob("*.pending")))
    result = kept.prune(expect=3)
    assert "a run of another host" in result.err, result
    assert kept.kist.ids()[:3] == ids
    assert running.finish().code == 0
    # It has pruned by itself: nobody is at work any more.
    now = kept.kist.ids()
    assert len(now) == 2 and now[0] == ids[2]
    kept.prune()
    kept.kist.run("verify", "p", "--all")


def test_a_run_of_this_state_is_at_work(six):
    kept, ids = six
    lock = kept.kist.state / "locks" / "p.lock"
    import fcntl

    with open(lock, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        kept.prune(expect=5)
        assert kept.there() == ids
        kept.prune("--dry-run")


def test_forged_newer_backups_do_not_count(kept):
    kept.write(f"sign_key = {KEY}")
    ids = kept.runs(1000, 1000, 1000, 1000)
    path = kept.kist.manifest_path(ids[-1])
    for days in (-0.01, -0.02, -0.03):
        clone(kept.kist, ids[-1], [id_of(days)])
    assert path.exists()
    kept.write(f"sign_key = {KEY}", "keep = 2 last", "max_delete = 100%")
    kept.prune()
    assert set(ids) <= set(kept.there())
    # Neither does a forged tombstone, even of a backup that is gone.
    folder = path.parent
    (folder / f"{id_of(9)}.tombstone").write_bytes(
        seal(path.read_bytes()).replace(ids[-1].encode(), id_of(9).encode())
    )
    kept.prune(expect=3)
    for id in ids:
        kept.kist.run("verify", f"p/{id}")


# 91
