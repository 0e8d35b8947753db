"""Restores that run out of space, are lied to or led astray. The numbers are those of the catalogue of faults."""
import contextlib
import gzip
import os
import struct
import subprocess
import threading
import time

import pytest
from aftermath import assert_no_child_is_left
from mirrored import mirror_of_files
from tampered import assert_not_restored, files_below, replace_stored, rewrite


@contextlib.contextmanager
def small_disk(path, size):
    """A directory with little space."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", path]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


# ---- 97: what the server does not take ----


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_rows_that_do_not_fit(two, cluster, jobs):
    """Fault 97: the server takes all rows of a table but the last, and none of them stays."""
    cluster.create("conflict", 'CREATE TABLE "t 1" (id int CHECK (id < 50), v text); CREATE TABLE empty_one (x int)')
    before = cluster.fingerprint("conflict")
    result = two.run("restore", "p", "--to", "conflict", "--data-only", "--jobs", jobs, expect=7 if jobs == "2" else 1)
    assert ("jobs" if jobs == "2" else "violates check constraint") in result.err, result
    cluster._fingerprints.pop("conflict")
    assert cluster.fingerprint("conflict") == before
    cluster.sql('ALTER TABLE "t 1" DROP CONSTRAINT "t 1_id_check"', "conflict")
    cluster.sql("""INSERT INTO "t 1" VALUES (50, 'mine')""", "conflict")
    two.run("restore", "p", "--to", "conflict", "--data-only", expect=7).is_one_error()
    assert cluster.sql("SELECT string_agg(id || v, ',') FROM \"t 1\"", "conflict") == "50mine"
    cluster.sql('TRUNCATE "t 1"', "conflict")
    two.run("restore", "p", "--to", "conflict", "--data-only")
    assert cluster.sql('SELECT count(*) FROM "t 1"', "conflict") == "50"
    cluster.drop("conflict")


# ---- 99 to 101: no room, no right, no end ----


def test_no_room_for_the_work(kist, cluster, noise):
    """Fault 99: the archive that several jobs read has to lie somewhere."""
    kist.pipeline(noise)
    kist.backup()
    cluster.create("live", "CREATE TABLE mine AS SELECT 1 AS x")
    with small_disk(kist.folder / "tiny", "4m"):
        words = ["restore", "p", "--to", "live", "--jobs", "2", "--state", kist.folder / "tiny"]
        result = kist.run(*words, expect=1)
        assert "space" in result.is_one_error()
        left = {path.name for path in files_below(kist.folder / "tiny")}
        assert "history.jsonl" in left and not [name for name in left if "dump" in name or "toc" in name], left
        assert not [path for path in (kist.folder / "tiny").iterdir() if path.is_dir() and "-" in path.name]
    assert cluster.sql("SELECT string_agg(datname, ',') FROM pg_database WHERE datname LIKE 'live%'") == "live"
    assert cluster.sql("SELECT x FROM mine", "live") == "1"
    assert_no_child_is_left(cluster)
    cluster.drop("live")


def test_no_room_for_the_files(kist, noise):
    """Fault 99: there is no file under its name, and none under another."""
    kist.pipeline(noise)
    kist.backup()
    with small_disk(kist.folder / "out", "4m") as out:
        assert "space" in kist.run("restore", "p", "--output", out, expect=1).is_one_error()
        assert files_below(out) == []
    kist.run("restore", "p", "--output", kist.folder / "out")
    assert len(files_below(kist.folder / "out")) == 1


@pytest.mark.parametrize("words", [[], ["--in-place", "--confirm", "live"]])
def test_no_room_at_the_server(kist, cluster, noise, words):
    """Fault 99: the disk of the target is full; what was there is there, and what was begun is not."""
    kist.pipeline(noise)
    kist.backup()
    with small_disk(cluster.parent / "tiny", "14m") as tiny:
        os.chown(tiny, *owner_of(cluster.dir))
        cluster.sql(f"CREATE TABLESPACE tiny LOCATION '{tiny}'")
        try:
            cluster.sql("CREATE DATABASE live TABLESPACE tiny")
            if words:
                cluster.sql("CREATE TABLE mine AS SELECT 1 AS x", "live")
            result = kist.run("restore", "p", "--to", "live", *words, expect=1)
            assert "space" in result.err, result
            assert cluster.table_count("live") == (1 if words else 0)
            assert cluster.sql("SELECT string_agg(datname, ',') FROM pg_database WHERE datname LIKE 'live%'") == "live"
        finally:
            cluster.drop("live")
            cluster.sql("DROP TABLESPACE tiny")
    kist.run("restore", "p", "--to", "live", "--create")
    assert cluster.sql("SELECT count(*) FROM noise", "live") == "195"
    cluster.drop("live")


def owner_of(path):
    status = (path / "data").stat() if (path / "data").exists() else path.stat()
    return status.st_uid, status.st_gid


LED_ASTRAY = ["../evil", "a/../../evil", "/tmp/kist-evil", "a//evil", "./evil", "a/", "", ".."]
LED_ASTRAY += ["a\u0000/../../evil", "a\nb"]


@pytest.mark.parametrize("name", LED_ASTRAY)
def test_names_that_lead_elsewhere(plain_kist, name):
    """Fault 100: what an item is called in a manifest is not where it may be written to."""
    kist = plain_kist
    id = mirror_of_files(kist, {"a": b"a", "b/c": b"c"})
    rewrite(kist, id, lambda document: document["items"][0].update(name=name))
    seen = {path for path in files_below(kist.folder) if kist.state not in path.parents}
    for words in (["--output", kist.folder / "out"], ["--to", "other"], ["--clean"]):
        result = kist.run("restore", f"p/{id}", *words, expect=4)
        result.is_one_error()
    assert {path for path in files_below(kist.folder) if kist.state not in path.parents} == seen
    assert not os.path.exists("/tmp/kist-evil")


class Swapper(threading.Thread):
    """Puts a link to another directory in a directory's place, and takes it away, as fast as it can."""

    def __init__(self, folder, outside):
        super().__init__(daemon=True)
        self.folder, self.outside, self.stop, self.swaps = folder, outside, threading.Event(), 0

    def run(self):
        aside = self.folder.with_name("aside")
        while not self.stop.is_set():
            with contextlib.suppress(OSError):
                os.rename(self.folder, aside)
                os.symlink(self.outside, self.folder)
                self.swaps += 1
                time.sleep(0.0002)
            with contextlib.suppress(OSError):
                if self.folder.is_symlink():
                    os.unlink(self.folder)
                if aside.exists():
                    os.rename(aside, self.folder)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.join()


@pytest.mark.parametrize("where", ["--output", "--to"])
def test_folder_that_becomes_a_link(plain_kist, where):
    """Fault 100, as a race: somebody who may write in the target does not lead us out of it."""
    kist = plain_kist
    mirror_of_files(kist, {f"deep/{n}": b"%d" % n for n in range(150)})
    outside = kist.folder / "outside"
    outside.mkdir()
    target = kist.folder / ("out" if where == "--output" else "other")
    swaps = 0
    for _ in range(4):
        (target / "deep").mkdir(parents=True, exist_ok=True)
        with Swapper(target / "deep", outside) as swapper:
            words = [where, target if where == "--output" else "other"]
            kist.run("restore", "p", *words, *(["--clean"] if where == "--to" else []), expect=None, timeout=60)
        swaps += swapper.swaps
        assert list(outside.iterdir()) == []
        subprocess.run(["rm", "-rf", *target.iterdir()], check=True)
    assert swaps > 20
    kist.run("restore", "p", where, target if where == "--output" else "other")
    assert len(files_below(target)) == 150


def zstd_of_zeros(size):
    """A frame that says in four bytes that 128 KiB of zeros follow, again and again."""
    block, last = (struct.pack("<I", (128 << 10) << 3 | 1 << 1 | end)[:3] + b"\0" for end in (0, 1))
    return b"\x28\xb5\x2f\xfd\x00\x38" + block * (size // (128 << 10) - 1) + last


def test_bombs(kist, cluster, small):
    """Fault 101: a megabyte that would become 32 GiB stops where the manifest says that it ends."""
    bomb = zstd_of_zeros(32 << 30)
    assert len(bomb) < 1100 << 10
    sound = subprocess.run(["zstd", "-dq"], input=zstd_of_zeros(1 << 20), stdout=subprocess.PIPE)
    assert sound.stdout == bytes(1 << 20)
    for filters, data in (("zstd", bomb), ("zstd, gzip", gzip.compress(bomb))):
        name = filters[-4:]
        kist.pipeline(small, name=name, filters=filters)
        id = kist.backup(name)
        replace_stored(kist, id, data, name=name)
        started = time.monotonic()
        result = kist.run("verify", f"{name}/{id}", "--level", "decode", expect=4, timeout=60)
        assert "more bytes than its manifest says" in result.err, result
        assert_not_restored(kist, cluster, id, name)
        assert time.monotonic() - started < 20
