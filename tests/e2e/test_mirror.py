"""A store whose objects are saved one by one: what is copied, what is not copied again, and what comes back. Both stores
are directories here."""
import hashlib
import os
import random
import re
import signal
import subprocess
import time

import pytest
from kist import Kist, sanitizer_options
from test_roundtrip import commands_of


class Mirror(Kist):
    """Saves the directory "blobs" to the directory "disk"."""

    def __init__(self, folder, program=None):
        super().__init__(folder, program=program)
        self.blobs = self.folder / "blobs"
        self.blobs.mkdir()
        self.configure()

    def configure(self, source="", sections="", **keys):
        keys = {"source": "objects", "destinations": "disk", **keys}
        text = "[pipeline p]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
        text += f"[source objects]\nplugin = mirror\nfrom = blobs\n{source}\n"
        for name in {"blobs", "disk", *keys["destinations"].split(", ")}:
            text += f"[destination {name}]\nplugin = local\npath = {self.folder / name}\n"
        self.write(text + sections)

    def fill(self, objects):
        for key, content in objects.items():
            path = self.blobs / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def items(self, id=None, **more):
        return {item["name"]: item for item in self.manifest(id or self.ids()[-1], **more)["items"]}

    def held(self, id=None, destination="disk"):
        """What a backup holds, read with nothing but its manifest."""
        items = self.items(id, destination=destination)
        return {name: (self.folder / destination / item["key"]).read_bytes() for name, item in items.items()}

    def copied(self, id, destination="disk"):
        """The keys that a run has written, without its notes."""
        root = self.backup_dir(id, destination=destination)
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} - {"RESTORE.txt"}


def contents(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


SOME = {
    "a.txt": b"a",
    "photos/1.jpg": b"one" * 1000,
    "photos/2.jpg": b"two" * 1000,
    "photos/thumbs/1.jpg": b"small",
    "empty": b"",
    "large.bin": random.Random(7).randbytes((3 << 20) + 17),
}


@pytest.fixture
def kist(tmp_path):
    kist = Mirror(tmp_path)
    kist.fill(SOME)
    return kist


@pytest.mark.parametrize("filters", ["", "zstd", "zstd, gzip"])
@pytest.mark.parametrize("parallel", [1, 4])
def test_every_object_is_saved(kist, filters, parallel):
    kist.configure(parallel=parallel, **({"filters": filters} if filters else {}))
    id = kist.backup()
    if filters:
        assert kist.copied(id) == {key + (".zst.gz" if "gzip" in filters else ".zst") for key in SOME}
    else:
        assert kist.held() == SOME
    facts = kist.manifest(id)["source"]["facts"]
    assert (facts["objects"], facts["bytes"]) == (len(SOME), sum(map(len, SOME.values())))
    for level in ("size", "hash", "decode"):
        kist.run("verify", "p", "--level", level)
    out = kist.folder / "out"
    kist.run("restore", "p", "--output", out)
    assert contents(out) == SOME


def test_only_what_has_changed_is_copied_again(kist):
    first = kist.backup()
    kist.fill({"a.txt": b"b", "new/x": b"new"})
    (kist.blobs / "photos/2.jpg").unlink()
    second = kist.backup()
    assert kist.copied(second) == {"a.txt", "new/x"}
    now = {**SOME, "a.txt": b"b", "new/x": b"new"}
    del now["photos/2.jpg"]
    assert kist.held(second) == now and kist.held(first) == SOME
    assert kist.items()["empty"]["key"] == f"p/{first}/empty"
    assert kist.manifest(second)["source"]["facts"]["reused"] == len(SOME) - 2
    # The objects of the third are in the folders of three backups.
    kist.fill({"empty": b"not any more"})
    third = kist.backup()
    assert kist.copied(third) == {"empty"}
    assert {item["key"].split("/")[1] for item in kist.items().values()} == {first, second, third}
    kist.run("verify", "p", "--all", "--level", "decode")
    out = kist.folder / "out"
    kist.run("restore", f"p/{third}", "--output", out)
    now["empty"] = b"not any more"
    assert contents(out) == now


def test_nothing_has_changed(kist):
    kist.backup()
    second = kist.backup()
    assert kist.copied(second) == set() and kist.held(second) == SOME
    kist.run("verify", "p")


def test_reuse_switched_off(kist):
    kist.backup()
    kist.configure(reuse="no")
    assert kist.copied(kist.backup()) == set(SOME)


def test_other_filters_copy_anew(kist):
    kist.backup()
    kist.configure(filters="zstd")
    assert len(kist.copied(kist.backup())) == len(SOME)
    assert kist.copied(kist.backup()) == set()
    kist.configure(filters="zstd, gzip")
    assert len(kist.copied(kist.backup())) == len(SOME)


@pytest.mark.parametrize("damage", ["gone", "short"])
def test_an_object_that_is_not_there_any_more_is_copied_again(kist, damage):
    first = kist.backup()
    path = kist.backup_dir(first) / "photos/1.jpg"
    path.unlink() if damage == "gone" else path.write_bytes(b"cut")
    second = kist.backup()
    assert kist.copied(second) == {"photos/1.jpg"}
    kist.run("verify", f"p/{second}")


def newest(kist):
    """The id of one more backup, where the list has bad ones."""
    kist.run("run", "p")
    return kist.history("run")[-1]["id"]


def test_damage_is_not_handed_on(kist):
    """An object of the right size whose content is wrong: once that is known, nothing of the backup is reused."""
    first = kist.backup()
    path = kist.backup_dir(first) / "photos/1.jpg"
    path.write_bytes(bytes(path.stat().st_size))
    # Found in a later backup that refers to it, or in the one that holds it.
    second = kist.backup()
    kist.run("verify", f"p/{second}", expect=4)
    third = newest(kist)
    assert kist.copied(third) == set(SOME)
    kist.run("verify", f"p/{third}")
    assert kist.copied(newest(kist)) == set()


def test_damage_of_an_older_backup_is_not_handed_on(kist):
    first = kist.backup()
    path = kist.backup_dir(first) / "photos/1.jpg"
    path.write_bytes(bytes(path.stat().st_size))
    kist.fill({"a.txt": b"b"})
    second = kist.backup()
    assert kist.copied(second) == {"a.txt"}
    kist.run("verify", f"p/{first}", expect=4)
    third = newest(kist)
    assert kist.copied(third) == set(SOME) - {"a.txt"}
    kist.run("verify", f"p/{third}")


def test_reuse_needs_the_object_on_every_destination(kist):
    kist.backup()
    kist.configure(destinations="disk, disk2")
    (kist.folder / "disk2").mkdir(mode=0o700)
    # The new destination has no backup that both have, and gets everything.
    second = kist.backup()
    assert kist.copied(second, "disk2") == set(SOME) == kist.copied(second)
    third = kist.backup()
    assert kist.copied(third) == kist.copied(third, "disk2") == set()
    (kist.backup_dir(second, destination="disk2") / "a.txt").unlink()
    fourth = kist.backup()
    assert kist.copied(fourth) == kist.copied(fourth, "disk2") == {"a.txt"}
    assert kist.held(fourth) == kist.held(fourth, "disk2") == SOME


def test_a_destination_that_fails_is_out(kist):
    """The other one gets all of it."""
    kist.configure(destinations="disk, disk2", require="any", parallel=3, reuse="no")
    disk2 = kist.folder / "disk2"
    disk2.mkdir(mode=0o700)
    kist.fill({f"many/{n}": b"%d" % n for n in range(50)})
    # What should be a folder is a file.
    (disk2 / "p").write_bytes(b"")
    result = kist.run("run", "p", expect=3)
    assert "disk2" in result.out + result.err, result
    assert len(kist.held()) == len(SOME) + 50
    assert kist.backups()[0]["state"] == "partial"
    (disk2 / "p").unlink()
    kist.run("run", "p", "--repair")
    assert kist.held(destination="disk2") == kist.held()


def test_a_folder_for_each_day(kist):
    kist.configure(name="{date}")
    id = kist.backup()
    assert kist.copied(id) == {f"{id[:10]}/{key}" for key in SOME}
    assert set(kist.items()) == set(SOME)
    assert kist.copied(kist.backup()) == set()
    kist.configure(name="{item}")
    assert "folder" in kist.run("config", "check", expect=2).err


@pytest.mark.parametrize(
    "keys, expected",
    [
        ("include = photos/*", {"photos/1.jpg", "photos/2.jpg"}),
        ("include = photos/**, a.*", {"photos/1.jpg", "photos/2.jpg", "photos/thumbs/1.jpg", "a.txt"}),
        ("include = **/1.jpg\nexclude = **/thumbs/**", {"photos/1.jpg"}),
        ("exclude = **.jpg, *.bin", {"a.txt", "empty"}),
        ("prefix = photos/thumbs", {"photos/thumbs/1.jpg"}),
        ("prefix = photos\nexclude = */thumbs/*", {"photos/1.jpg", "photos/2.jpg"}),
    ],
)
def test_a_part_of_the_store(kist, keys, expected):
    kist.configure(source=keys)
    kist.backup()
    assert kist.held() == {key: SOME[key] for key in expected}


def test_an_empty_store(kist):
    kist.configure(source="include = *.gif")
    result = kist.run("run", "p", expect=1)
    assert "include" in result.is_one_error() and "allow_empty" in result.err
    assert kist.ids() == []
    kist.configure(source="include = *.gif\nallow_empty = yes")
    kist.backup()
    kist.run("verify", "p", "--level", "decode")
    assert kist.held() == {}
    kist.run("run", "p")


def test_odd_keys(kist):
    odd = [
        "-rf",
        "two words",
        "q\"'$(touch x)`.txt",
        "ü€😀",
        "*?[a]",
        "%41",
        "a\\b",
        "#;",
        "~/~",
        ".hidden/.x",
        "END",
        "x" * 255,
        "/".join(["y" * 100] * 7),
        "e\u0301",
    ]
    odd = {key: key.encode() for key in odd}
    kist.fill(odd)
    kist.backup()
    assert kist.held() == {**SOME, **odd}
    kist.run("verify", "p")
    script = commands_of((kist.backup_dir(kist.ids()[-1]) / "RESTORE.txt").read_text())
    subprocess.run(["bash", "-e", "-c", script], cwd=kist.backup_dir(kist.ids()[-1]), check=True)


@pytest.mark.parametrize("filters", ["zstd", "gzip"])
def test_notes_word_for_word(kist, filters):
    """Objects of two backups, with names that a shell might take for something else."""
    kist.configure(filters=filters)
    kist.backup()
    more = {"-rf": b"1", "q'\"$(touch x)/END": b"2", "END": b"3", "two  words ": b"4", "a\\nb": b"5"}
    kist.fill(more)
    id = kist.backup()
    folder = kist.backup_dir(id)
    script = commands_of((folder / "RESTORE.txt").read_text())
    subprocess.run(["bash", "-e", "-c", script], cwd=folder, check=True)
    root = folder / "restored"
    assert contents(root) == {**SOME, **more}


def test_keys_that_cannot_be_kept(kist):
    """They are left out, told, and the run is degraded; all others are saved."""
    nasty = {f"esc\x1b[2J{n}": b"x" for n in range(14)} | {
        "line\nbreak": b"x",
        "z" * 200 + "/" + "z" * 250 + "/" + "/".join(["w" * 200] * 3): b"too long with the folder in front",
    }
    kist.fill(nasty)
    result = kist.run("run", "p", expect=3)
    assert kist.held() == SOME
    assert "16 objects" in result.out + result.err, result
    assert "\x1b" not in result.err and result.err.count("left out '") == 10, result
    facts = kist.manifest(kist.ids()[-1])["source"]["facts"]
    assert facts["left_out"] == 16
    assert kist.history()[-1]["outcome"] == "degraded" and "16 objects" in kist.history()[-1]["cause"]
    kist.run("verify", "p")


def test_a_key_like_our_own_notes(kist):
    kist.fill({"RESTORE.txt": b"mine"})
    assert "name = {date}" in kist.run("run", "p", expect=2).err
    kist.configure(name="{date}")
    kist.backup()
    assert kist.held()["RESTORE.txt"] == b"mine"


def test_a_store_is_not_saved_into_itself(kist):
    kist.write(
        kist.conf.joinpath("kist.ini").read_text().replace(f"path = {kist.folder}/disk", f"path = {kist.blobs}")
    )
    assert "lies in" in kist.run("config", "check", expect=2).err
    text = kist.conf.joinpath("kist.ini").read_text()
    kist.write(text.replace("from = blobs", "from = blob"))
    assert "did you mean 'blobs'?" in kist.run("config", "check", expect=2).err


# ---- objects that come and go ----


def slow_run(kist):
    """A run that takes a tenth of a second to give an object its name."""
    # No leaks are looked for, since that does not work in a process that is traced.
    return kist.start(
        "run",
        "p",
        env={"ASAN_OPTIONS": sanitizer_options(detect_leaks="0")},
        before=[
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=renameat2",
            "-e",
            "inject=renameat2:delay_enter=100000",
        ],
    )


def wait_for(condition, limit=30):
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_objects_that_vanish_meanwhile(kist):
    kist.fill({f"many/{n:02}": b"x" for n in range(40)})
    kist.configure(parallel=2)
    running = slow_run(kist)
    wait_for(lambda: len(list(kist.disk.rglob("many/*"))) > 2)
    gone = {key for key in (f"many/{n:02}" for n in range(40)) if not list(kist.disk.rglob(key))}
    gone = set(sorted(gone)[:10]) & {str(p.relative_to(kist.blobs)) for p in kist.blobs.rglob("*")}
    for key in gone:
        (kist.blobs / key).unlink()
    result = running.finish()
    assert result.code == 0, result
    left = set(kist.items())
    # One or the other was being read at that moment, and was whole.
    assert gone - left and left | gone == set(SOME) | {f"many/{n:02}" for n in range(40)}
    assert kist.manifest(kist.ids()[-1])["source"]["facts"]["vanished"] == len(gone - left)
    for key in gone - left:
        assert key in result.err
    kist.run("verify", "p")


def test_objects_that_change_meanwhile(kist):
    """Whatever is saved is one version or the other, and the next run sees which."""
    versions = {f"many/{n:02}": [b"old", b"newer"] for n in range(40)}
    kist.fill({key: old for key, (old, _) in versions.items()})
    kist.configure(parallel=2)
    running = slow_run(kist)
    wait_for(lambda: len(list(kist.disk.rglob("many/*"))) > 2)
    for key, (_, new) in versions.items():
        (kist.blobs / key).write_bytes(new)
    assert running.finish().code == 0
    held = kist.held()
    saved = {key: held[key] for key in versions}
    assert all(saved[key] in versions[key] for key in versions)
    assert b"newer" in saved.values()
    kist.run("run", "p")
    assert {key: value for key, value in kist.held().items() if key in versions} == {
        key: b"newer" for key in versions
    }


def test_killed_in_the_middle(kist):
    kist.fill({f"many/{n:03}": b"%d" % n for n in range(100)})
    kist.configure(reuse="no")
    first = kist.backup()
    running = slow_run(kist)
    wait_for(lambda: len(list(kist.disk.rglob("many/*"))) > 120)
    (child,) = [int(pid) for pid in open(f"/proc/{running.pid}/task/{running.pid}/children").read().split()]
    os.kill(child, signal.SIGKILL)
    running.finish()
    assert kist.ids() == [first]
    kist.run("verify", "p")
    result = kist.run("run", "p")
    assert "leftovers" in result.err
    assert len(kist.held()) == len(SOME) + 100
    folders = {path.name for path in (kist.disk / "p").iterdir()}
    assert folders == set(kist.ids())
    assert not list(kist.disk.rglob("*.pending"))


def test_a_failure_stops_all_workers(kist):
    """A run that breaks off in the middle is no backup, and leaves nothing."""
    kist.fill({f"many/{n:03}": b"x" for n in range(200)})
    result = kist.start("run", "p", before=["sh", "-c", 'ulimit -f 2048; exec "$@"', "sh"]).finish()
    assert result.code == 1 and "large.bin" in result.is_one_error(), result
    assert kist.ids() == [] and contents(kist.disk) == {}


# ---- restore ----


def test_restore_to_the_store_itself(kist):
    kist.backup()
    result = kist.run("restore", "p", expect=7)
    assert "--clean" in result.err
    before = (kist.blobs / "a.txt").stat()
    (kist.blobs / "photos/1.jpg").unlink()
    kist.fill({"photos/2.jpg": b"spoilt", "other": b"of somebody else"})
    kist.run("restore", "p", "--clean")
    assert contents(kist.blobs) == {**SOME, "other": b"of somebody else"}
    after = (kist.blobs / "a.txt").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_a_refused_restore_has_changed_nothing(kist):
    kist.backup()
    for path in list(kist.blobs.rglob("*")):
        if path.is_file() and path.name != "large.bin":
            path.unlink()
    kist.run("restore", "p", expect=7)
    assert set(contents(kist.blobs)) == {"large.bin"}


def test_restore_to_another_store(kist):
    kist.configure(
        filters="zstd", sections=f"[destination other]\nplugin = local\npath = {kist.folder}/other\nprefix = x/y\n"
    )
    kist.backup()
    kist.fill({"a.txt": b"b"})
    kist.backup()
    kist.run("restore", "p", "--to", "other")
    assert contents(kist.folder / "other/x/y") == {**SOME, "a.txt": b"b"}
    assert contents(kist.blobs)["a.txt"] == b"b"
    result = kist.run("restore", "p", "--to", "othr", "--clean", expect=2)
    assert "did you mean 'other'?" in result.err


@pytest.mark.parametrize(
    "globs, expected",
    [
        (["a.txt"], {"a.txt"}),
        (["photos/*.jpg"], {"photos/1.jpg", "photos/2.jpg"}),
        (["photos/**", "empty"], {"photos/1.jpg", "photos/2.jpg", "photos/thumbs/1.jpg", "empty"}),
    ],
)
def test_restore_of_a_few(kist, globs, expected):
    kist.backup()
    out = kist.folder / "out"
    words = [word for glob in globs for word in ("--include", glob)]
    kist.run("restore", "p", *words, "--output", out)
    assert contents(out) == {key: SOME[key] for key in expected}
    for key in expected:
        (kist.blobs / key).unlink()
    kist.run("restore", "p", *words)
    assert contents(kist.blobs) == SOME
    result = kist.run("restore", "p", "--include", "no/such", "--output", kist.folder / "none", expect=None)
    assert result.code in (2, 6) and "no/such" in result.err, result


# ---- many ----


def test_ten_thousand_objects(kist):
    noise = random.Random(5)
    many = {f"d{n % 100}/{n:05}": noise.randbytes(200) for n in range(10000)}
    kist.fill(many)
    first = kist.run("run", "p", timeout=300)
    changed = noise.sample(sorted(many), 500)
    kist.fill({key: b"changed " + key.encode() for key in changed})
    second = kist.run("run", "p", timeout=300)
    id = kist.ids()[-1]
    assert kist.copied(id) == set(changed)
    held = kist.held()
    assert all(held[key] == b"changed " + key.encode() for key in changed)
    assert (
        hashlib.sha256(b"".join(held[key] for key in sorted(set(many) - set(changed)))).digest()
        == hashlib.sha256(b"".join(many[key] for key in sorted(set(many) - set(changed)))).digest()
    )
    assert second.took < first.took
    shown = kist.run("show", "p").out
    assert len(shown.splitlines()) < 200 and re.search(r"10,00\d", shown)
    kist.run("verify", "p", "--level", "size", timeout=300)
    out = kist.folder / "out"
    kist.run("restore", "p", "--output", out, "--include", "d7/*", timeout=300)
    assert len(contents(out)) == 100
