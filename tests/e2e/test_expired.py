"""A destination that keeps less than another one lacks nothing, and is not given back what it let go."""
import json
import shutil
import time

import pytest
from kept import Kept

BOTH = ("disk", "disk2")


class Two(Kept):
    """The pipeline `p` on two disks, of which the second keeps less."""

    def rule(self, *more, second="keep = 2 last"):
        self.write("keep = 20 last", "max_delete = 100%", *more, destinations=BOTH)
        path = self.kist.conf / "kist.ini"
        self.kist.write(path.read_text().replace("[destination disk2]", f"[destination disk2]\n{second}"))

    def states(self):
        return {row["id"]: row["state"] for row in self.kist.backups("p")}


@pytest.fixture
def two(plain_kist, plugins):
    """Five backups on one disk and the newest two of them on the other. Returns (two, their ids)."""
    two = Two(plain_kist, plugins)
    two.write(destinations=BOTH)
    ids = two.past(4, 3, 2, 1, destinations=BOTH)
    two.rule()
    two.prune()
    assert (two.there(), two.there("disk2")) == (ids, ids[3:])
    return two, ids


def test_nobody_is_alarmed(two):
    kept, ids = two
    assert kept.states() == dict.fromkeys(ids, "ok")
    row = kept.kist.backups("p")[0]
    assert row["destinations"] == {"disk": "good", "disk2": "absent"}
    kept.kist.run("status", "--check")
    # What it should have is a lack as ever, and so is what is held.
    kept.kist.manifest_path(ids[3], destination="disk2").unlink()
    kept.kist.run("hold", f"p/{ids[0]}")
    assert {id for id, state in kept.states().items() if state == "partial"} == {ids[0], ids[3]}


def test_it_is_not_given_back(two):
    kept, ids = two
    assert kept.kist.run("run", "--repair", "p").out == "p: every destination has every backup\n"
    assert kept.there("disk2") == ids[3:]
    # A disk that is new gets what it is to keep.
    shutil.rmtree(kept.kist.folder / "disk2")
    kept.kist.run("run", "--repair", "p")
    kept.is_whole(*ids[3:], destination="disk2")
    # One that keeps more than it did, too.
    kept.rule(second="keep = 3 last")
    kept.kist.run("run", "--repair", "p")
    kept.is_whole(*ids[2:], destination="disk2")


def test_a_copy_is_held_as_the_original_is(two):
    kept, ids = two
    kept.kist.run("hold", f"p/{ids[0]}", "--reason", "audit")
    assert not kept.kist.marks(ids[0], destination="disk2")
    kept.kist.run("run", "--repair", "p")
    assert kept.kist.mark(ids[0], "held", destination="disk2") == kept.kist.mark(ids[0], "held")
    kept.prune()
    kept.is_whole(ids[0], *ids[3:], destination="disk2")


def test_what_is_being_deleted_is_not_copied(two):
    """Its data may be there for another moment."""
    kept, ids = two
    kept.rule(second="keep = 5 last")
    folder = kept.kist.folder / "disk2"
    tombstone = folder / "_kist/p" / f"{ids[2]}.tombstone"
    shutil.copy(kept.kist.manifest_path(ids[2]), tombstone)
    for id in ids[1:3]:
        shutil.copytree(kept.kist.backup_dir(id), kept.kist.backup_dir(id, destination="disk2"))
    result = kept.kist.run("run", "--repair", "p", expect=3)
    assert f"{ids[2]} is not copied there: it is being deleted" in result.err, result
    # Nor is one whose objects are there already while anything is.
    assert "what a prune has not finished to remove" in result.err, result
    assert kept.there("disk2") == [ids[0], *ids[3:]]
    kept.prune()
    kept.kist.run("run", "--repair", "p")
    kept.is_whole(*ids, destination="disk2")


def test_a_note_of_a_repair_on_another_host_is_young(two):
    """The id that it brings is old; what it has written so far is not swept by the next run here."""
    kept, ids = two
    kept.rule(second="keep = 1 last")
    data = kept.kist.backup_dir(ids[0], destination="disk2") / "lines.txt"
    note = kept.kist.manifest_path(ids[0], destination="disk2").with_suffix(".pending")
    body = {"kist_pending": 1, "pipeline": "p", "id": ids[0], "owner": "elsewhere:1:2"}
    keys = [str(data.relative_to(kept.kist.folder / "disk2"))]
    note.write_text(json.dumps({**body, "begun": int(time.time()), "keys": keys}))
    data.parent.mkdir(parents=True)
    data.write_text("half")
    kept.kist.run("run", "p", expect=3)
    assert note.exists() and data.exists()
    assert f"a run of another host, {ids[0]}" in kept.prune(expect=3).err
    note.write_text(json.dumps({**body, "begun": int(time.time()) - 90000, "keys": keys}))
    kept.runs(1000)
    assert not note.exists() and not data.exists()
