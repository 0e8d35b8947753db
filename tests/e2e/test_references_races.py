"""What others do while references are made, swept, copied and discarded: nothing that is needed is lost at the provider by it."""
import json
import signal
import time

import pytest
from flaky import build
from fleet import wait_until
from held import build_held
from past import BOTH, Past
from test_prune_races import script

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build(build_held(tmp_path_factory.mktemp("plugins") / "all"))


class Races(Past):
    """A flaky destination `store`, whose objects are files of one folder, beside others."""

    def point(self, more="", happens="", at="commit", only="", destinations=(), **options):
        """`happens`: what somebody does in the folder of the tests after the first such call for a key with `only`."""
        self.store = self.kist.folder / "store"
        self.store.mkdir(exist_ok=True)
        self.write(more, destinations=destinations, **options)
        section = f"[destination store]\nplugin = flaky\npath = {self.store}\nretries = 0\n"
        if happens:
            program = script(self.kist.folder, f"cd {self.kist.folder}\n{happens}")
            section += f"meanwhile = {program}\nmeanwhile_at = {at}\nonly = {only}\n"
        path = self.kist.conf / "kist.ini"
        before, after = (", ".join(names) for names in (destinations, [*destinations, "store"]))
        text = path.read_text().replace(f"destinations = {before}\n", f"destinations = {after}\n")
        self.kist.write(f"{text}{section}")

    def key(self, name):
        return self.store / f"_kist=p={name}"

    def kill_while_made(self):
        """With the configuration that stands, whose source hangs; the id of the run."""
        there = self.branches()
        running = self.kist.start("run", "p")
        wait_until(lambda: any("state=" in (self.place / id).read_text() for id in set(self.branches()) - set(there)))
        running.signal(signal.SIGKILL)
        running.finish()
        (left,) = set(self.branches()) - set(there)
        return left[len("br-p-") :][:20]


@pytest.fixture
def races(plain_kist, plugins):
    return Races(plain_kist, plugins)


def note_of(id, owner="elsewhere:1:2"):
    return json.dumps(
        {"kist_pending": 1, "pipeline": "p", "id": id, "owner": owner, "begun": int(time.time()), "keys": []}
    )


# ---- leftovers ----


def test_a_listing_that_is_behind(races):
    """The manifest is there by the time that the provider would be asked to sweep: the objects count, not the listing."""
    races.point(fail="hang")
    left = races.kill_while_made()
    races.point(happens=f"echo {{}} > store/_kist=p={left}.json", at="get", only=".pending")
    races.forget()
    races.kist.run("run", "p", expect=None)
    assert races.calls("sweep") == [] and races.branch(left).exists() and races.key(f"{left}.pending").exists()
    races.key(f"{left}.json").unlink()
    races.point()
    races.kist.run("run", "p")
    assert not races.branch(left).exists() and not races.key(f"{left}.pending").exists()


def test_a_disk_that_is_not_mounted(races):
    """An empty directory is where the backup may be."""
    options = {"destinations": BOTH, "more": "require = 1"}
    races.write(fail="hang", **options)
    left = races.kill_while_made()
    disk2, away = races.kist.folder / "disk2", races.kist.folder / "away"
    disk2.rename(away)
    disk2.mkdir(mode=0o700)
    races.write(**options)
    races.forget()
    result = races.kist.run("run", "p")
    assert races.calls("sweep") == [] and races.branch(left).exists()
    assert "a destination is empty, and may have that backup" in result.err, result
    assert (races.kist.disk / "_kist" / "p" / f"{left}.pending").exists()
    disk2.rename(races.kist.folder / "other")
    away.rename(disk2)
    races.kist.run("run", "p")
    assert len(races.calls("sweep")) == 1 and not races.branch(left).exists()


def test_a_note_under_another_name(races):
    """Signed it is, but of another run: it says nothing of the backup whose name it was given."""
    signed = f"sign_key = {KEY}"
    races.write(signed)
    first = races.kist.backup()
    races.write(signed, fail="hang")
    left = races.kill_while_made()
    folder = races.kist.disk / "_kist" / "p"
    (folder / f"{left}.pending").rename(folder / f"{first}.pending")
    (folder / f"{first}.json").rename(races.kist.folder / "saved")
    races.branch(left).unlink()
    races.write(signed)
    races.forget()
    result = races.kist.run("run", "p")
    assert races.calls("sweep") == [] and races.branch(first).exists(), result
    assert f"the note of the run {first}" in result.err, result


# ---- runs ----


def test_a_name_that_another_run_has_taken(races):
    """Of another host with the same pipeline and other destinations, in the same second: it is left alone."""
    races.write(fail="taken")
    result = races.kist.run("run", "p", expect=1)
    assert "is there already" in result.err, result
    assert len(races.branches()) == 1 and races.calls("sweep") == []
    assert not list(races.kist.disk.glob("_kist/p/*"))


def test_what_was_made_before_a_name_was_taken_goes(races):
    races.write(fail="taken", items="db.branch, db.copy")
    races.kist.run("run", "p", expect=1)
    assert len(races.calls("make")) == 2 and len(races.calls("sweep")) == 1


def test_a_run_that_another_host_took_for_dead(races):
    """That has a wrong clock: what it has not left is no backup, however short the run was."""
    races.point(happens="rm store/*.pending provider/br-*", only="RESTORE.txt")
    result = races.kist.run("run", "p", expect=1)
    assert "took this run for dead" in result.err and not list(races.store.glob("*.json")), result


# ---- copies ----


def test_a_copy_of_what_another_host_has_just_deleted(races):
    """It was discarded before the note of the copy was there: no backup is made that lacks what it names."""
    races.write()
    id = races.kist.backup()
    gone = f"rm disk/_kist/p/{id}.json provider/br-p-{id}-db.branch"
    races.point(happens=gone, only=f"{id}.pending", destinations=("disk",))
    result = races.kist.run("run", "p", "--repair", expect=None)
    assert result.code != 0 and "has just been deleted on 'disk'" in result.err, result
    assert not races.key(f"{id}.json").exists() and not races.key(f"{id}.pending").exists()


def test_nothing_is_discarded_that_another_host_is_copying(races):
    races.write(destinations=BOTH)
    ids = races.past(5, 4, 3, 2, 1, destinations=BOTH)
    folder = races.kist.folder / "disk2" / "_kist" / "p"
    (folder / f"{ids[0]}.json").unlink()
    (folder / f"{ids[0]}.pending").write_text(note_of(ids[0]))
    races.keep_on("disk", "3 last", ("disk2", "30 last"))
    result = races.prune("--destination", "disk", expect=3)
    assert "another host may be copying it to destination 'disk2' just now" in result.err, result
    assert races.calls("discard") == [] and races.tombstones() == [ids[0]] and races.there() == ids[3:]
    (folder / f"{ids[0]}.pending").unlink()
    races.prune("--destination", "disk")
    assert races.discarded() == races.names(ids[0]) and races.tombstones() == []


# ---- what is past its time ----


def test_a_hold_that_a_destination_knows_of_that_is_not_asked(races):
    """It may be held: neither a prune of one destination, nor one that another does not answer, is sure that it is not."""
    items = {"items": "db.branch, db.copy", "destinations": BOTH}
    races.write(**items)
    ids = races.past(1, items=("db.branch", "db.copy"), destinations=BOTH)
    races.expire(ids[0], "db.copy", destinations=BOTH)
    races.write("keep = 30 last", **items)
    races.kist.run("hold", f"p/{ids[0]}")
    disk2, away = races.kist.folder / "disk2", races.kist.folder / "away"
    for mark in (races.kist.disk / "_kist" / "p").glob("*.held.*"):
        mark.unlink()
    races.prune("--destination", "disk")
    assert races.calls() == []
    disk2.rename(away)
    disk2.write_text("no directory")
    races.prune(expect=3)
    assert races.calls() == []
    disk2.unlink()
    away.rename(disk2)
    races.kist.run("release", f"p/{ids[0]}")
    races.prune()
    assert set(races.discarded()) == set(races.names(ids[0], item="db.copy"))


# ---- a part of the provider ----


def test_a_region_that_refuses_keeps_no_other(races):
    """It is asked once; what lies elsewhere goes, and is not paid for until the end of days."""
    items = {"items": "db.branch, db.copy", "far": "db.copy"}
    races.write(**items)
    ids = races.past(4, 3, 2, 1, items=("db.branch", "db.copy"))
    races.write("keep = 2 last\nmax_delete = 100%", fail="far", **items)
    result = races.prune(expect=3)
    assert races.tombstones() == ids[:3] and result.err.count("the key is refused in far") == 1, result
    asked = [races.branch(ids[0], "db.copy").name]
    assert sorted(races.discarded()) == sorted(races.names(*ids[:3]) + asked)
    races.write("keep = 2 last\nmax_delete = 100%", **items)
    races.prune()
    assert races.tombstones() == []
    assert races.branches() == sorted(races.names(*ids[3:]) + races.names(*ids[3:], item="db.copy"))
