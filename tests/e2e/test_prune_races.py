"""What others do while a prune, a run or a proof is at work: no backup that somebody counts on is lost by it."""
import json
import re
import shutil
import subprocess
import time

import pytest
from clock import Clock
from kept import KEEP, Kept, id_of
from kist import sanitizer_options
from test_mirror import Mirror


def script(folder, text):
    """A program of these shell commands."""
    path = folder / "meanwhile.sh"
    path.write_text(f"#!/bin/sh -e\n{text}\n")
    path.chmod(0o700)
    return path


class Store(Kept):
    """The pipeline `p` with a flaky destination `store`; its objects are files of one folder."""

    def __init__(self, kist, plugins):
        super().__init__(kist, plugins)
        self.folder = kist.folder / "store"

    def take_over(self):
        """What the local destination has moves to the flaky one."""
        self.folder.mkdir()
        for path in self.kist.disk.rglob("*"):
            if path.is_file():
                shutil.copy(path, self.folder / self.name(path.relative_to(self.kist.disk)))

    @staticmethod
    def name(key):
        return str(key).replace("/", "=")

    def point(self, rule=KEEP, happens="", at="commit", only=""):
        """`happens`: what somebody does in the folder after the first such call for a key that contains `only`."""
        program = script(self.kist.folder, f"cd {self.folder}\n{happens}") if happens else ""
        section = f"[destination store]\nplugin = flaky\npath = {self.folder}\nretries = 0\n"
        section += f"meanwhile = {program}\nmeanwhile_at = {at}\nonly = {only}\n" if happens else ""
        self.write(rule, destinations=(), sections=section)
        path = self.kist.conf / "kist.ini"
        self.kist.write(path.read_text().replace("destinations = \n", "destinations = store\n"))

    def keys(self, pattern):
        return sorted(path.name for path in self.folder.glob(pattern))

    def left(self):
        """(ids of the manifests, ids of the data, tombstones)."""
        manifests = [key[8:-5] for key in self.keys("_kist=p=*.json")]
        return manifests, sorted({key.split("=")[1] for key in self.keys("p=*")}), self.keys("*.tombstone")


@pytest.fixture
def six(plain_kist, plugins):
    """Six daily backups; three of them are one too many each. Returns (store, their ids)."""
    store = Store(plain_kist, plugins)
    store.write()
    ids = store.past(5, 4, 3, 2, 1)
    store.take_over()
    store.point()
    return store, ids


def test_a_pin_between_the_plan_and_the_deletion(six):
    store, ids = six
    mark = f"_kist=p={ids[0]}.held.{id_of(0)}"
    store.point(happens=f"echo '{{}}' > {mark}", only=f"{ids[2]}.tombstone")
    result = store.prune()
    stay = [ids[0], *ids[3:]]
    assert store.left() == (stay, stay, []), result
    assert re.search(rf"{ids[0]} .* held\n", result.out), result


def test_a_pin_that_comes_too_late_says_so(six):
    store, ids = six
    tombstone = f"_kist=p={ids[0]}.tombstone"
    manifest = store.folder / f"_kist=p={ids[0]}.json"
    # A prune is about to delete it.
    store.point(happens=f"cp {manifest} {tombstone}", only=f"{ids[0]}.held")
    result = store.kist.run("hold", f"p/{ids[0]}", expect=1)
    assert "may have come too late" in result.err and "held\n" not in result.out, result
    store.point()
    store.prune()
    assert ids[0] in store.left()[0]
    # It has deleted it.
    store.point(happens=f"rm _kist=p={ids[1]}* p={ids[1]}* || true", only=f"{ids[3]}.held")
    assert store.kist.run("hold", f"p/{ids[3]}").code == 0
    store.point(happens=f"rm _kist=p={ids[4]}.json", only=f"{ids[4]}.held")
    assert "has been deleted" in store.kist.run("hold", f"p/{ids[4]}", expect=1).err


def test_a_run_of_another_host_begins_after_the_plan(six):
    store, ids = six
    note = {"kist_pending": 1, "pipeline": "p", "id": id_of(-0.001), "owner": "elsewhere:1:2", "keys": []}
    key = f"_kist=p={note['id']}.pending"
    store.point(happens=f"echo '{json.dumps(note)}' > {key}", only=f"{ids[2]}.tombstone")
    result = store.prune(expect=3)
    assert "a run of another host" in result.err and store.left() == (ids, ids, []), result


def test_a_run_of_another_host_begins_while_manifests_go(six):
    """What it may have chosen to reuse is still there until it has ended."""
    store, ids = six
    note = {"kist_pending": 1, "pipeline": "p", "id": id_of(-0.001), "owner": "elsewhere:1:2", "keys": []}
    key = f"_kist=p={note['id']}.pending"
    store.point(happens=f"echo '{json.dumps(note)}' > {key}", at="remove", only=f"{ids[0]}.json")
    result = store.prune(expect=3)
    manifests, data, tombstones = store.left()
    assert manifests == ids[3:] and data == ids and len(tombstones) == 3, result
    (store.folder / key).unlink()
    store.point()
    store.prune()
    assert store.left() == (ids[3:], ids[3:], [])


def test_another_host_prunes_too(six):
    """A tombstone that is gone again would leave data that nobody knows of."""
    store, ids = six
    store.point(happens=f"rm _kist=p={ids[1]}.tombstone", only=f"{ids[2]}.tombstone")
    result = store.prune(expect=3)
    assert "another host may prune" in result.err and store.left()[:2] == (ids, ids), result
    store.point()
    store.prune()
    assert store.left() == (ids[3:], ids[3:], [])


def test_a_proof_fails_after_the_plan(six):
    """It may be of the one for which the others were to go."""
    store, ids = six
    mark = f"_kist=p={ids[5]}.badhash.{id_of(-0.001)}"
    store.point(happens=f"echo '{{}}' > {mark}", only=f"{ids[2]}.tombstone")
    result = store.prune(expect=3)
    assert "was found to be bad just now" in result.err and store.left()[:2] == (ids, ids), result
    store.point()
    assert "the newest backup is not good" in store.prune(expect=3).err
    assert store.left() == (ids, ids, [])


def test_a_manifest_that_is_listed_and_cannot_be_had(six):
    """It may name what is about to go."""
    store, ids = six
    lost = f"_kist=p={ids[4]}.json"
    store.point(happens=f"mv {lost} {store.kist.folder}/kept", at="get", only=f"{ids[0]}.tombstone")
    store.prune(expect=3)
    assert store.left()[1] == ids
    shutil.move(store.kist.folder / "kept", store.folder / lost)
    store.point()
    store.prune()
    assert store.left() == (ids[3:], ids[3:], [])


@pytest.mark.parametrize("level", ["size", "hash"])
def test_a_proof_of_what_is_being_deleted(six, level):
    """It finds nothing bad, marks nothing and alarms nobody."""
    store, ids = six
    gone = f"rm _kist=p={ids[0]}.json p={ids[0]}=*"
    store.point(happens=gone, at="get", only=f"{ids[0]}.json")
    result = store.kist.run("verify", f"p/{ids[0]}", "--level", level, expect=1)
    assert "was deleted while it was read" in result.err, result
    assert not store.keys(f"_kist=p={ids[0]}*")


def test_a_restore_of_what_is_being_deleted(six):
    store, ids = six
    gone = f"rm _kist=p={ids[0]}.json p={ids[0]}=*"
    store.point(happens=gone, at="get", only=f"{ids[0]}.json")
    result = store.kist.run("restore", f"p/{ids[0]}", "--output", store.kist.folder / "out", expect=None)
    assert result.code not in (0, 4) and "was deleted while it was read" in result.err, result


def test_what_a_run_reuses_is_deleted_before_its_note(tmp_path, plugins):
    mirror = Mirror(tmp_path)
    mirror.fill({"a": b"a" * 1000})
    store = tmp_path / "store"
    store.mkdir()

    def configure(happens=""):
        section = f"[kist]\nplugin_dirs = {plugins}\n[destination store]\nplugin = flaky\npath = {store}\nretries = 0\n"
        if happens:
            program = script(tmp_path, f"cd {store}\n{happens}")
            section += f"meanwhile = {program}\nonly = .pending\n"
        mirror.configure()
        text = (mirror.conf / "kist.ini").read_text()
        text = re.sub(r"\[destination disk\][^[]*", section, text).replace("= disk", "= store")
        mirror.write(text)

    configure()
    mirror.run("run", "p")
    time.sleep(1)
    (first,) = mirror.ids()
    configure(happens=f"rm _kist=p={first}.json p={first}=*")
    result = mirror.run("run", "p", expect=1)
    assert "has just been deleted" in result.err, result
    assert not list(store.glob("*.json")) and not list(store.glob("*.pending"))
    configure()
    mirror.run("run", "p")
    mirror.run("verify", "p", "--level", "decode")


def test_a_run_that_another_host_took_for_dead(six):
    """It has lasted for more than a day, and what it had written is gone: it makes no backup that lacks data."""
    store, ids = six
    clock = Clock(store.kist.folder)
    step = f"import struct; open('{clock.path}', 'r+b').write(struct.pack('=q', 90000))"
    store.point(happens=f'rm *.pending p=*; /usr/bin/python3 -c "{step}"', only="lines.txt")
    env = {**clock.env, "ASAN_OPTIONS": sanitizer_options(verify_asan_link_order="0")}
    result = store.kist.run("run", "p", env=env, expect=1)
    assert "took this run for dead" in result.err and store.left()[0] == ids, result


# A disk that is full must be able to become less full.
def test_a_full_disk(plain_kist, plugins):
    kept = Kept(plain_kist, plugins)
    kept.kist.disk.mkdir(mode=0o700, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none", kept.kist.disk])
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        kept.write()
        ids = kept.past(5, 4, 3, 2, 1)
        kept.write(KEEP)
        with open(kept.kist.disk / "filler", "wb", buffering=0) as filler:
            with pytest.raises(OSError):
                while True:
                    filler.write(bytes(4096))
        with pytest.raises(OSError):
            (kept.kist.disk / "more").write_bytes(bytes(100))
        (kept.kist.disk / "more").unlink()
        kept.prune()
        kept.is_whole(*ids[3:])
    finally:
        subprocess.run(["umount", kept.kist.disk], check=True)
