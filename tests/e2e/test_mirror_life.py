"""A store whose objects are saved one by one: while they come and go, when a run is killed, and what comes back."""
import hashlib
import os
import random
import re
import signal
import time

import pytest
from kist import sanitizer_options
from mirrored import SOME, Mirror, contents


@pytest.fixture
def kist(tmp_path):
    kist = Mirror(tmp_path)
    kist.fill(SOME)
    return kist


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
