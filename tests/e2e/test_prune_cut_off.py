"""A prune that was cut off, is told to stop, or meets what cannot be removed: what is left, and how it ends."""
import os
import shutil
import signal

import pytest
from kept import id_of
from manifests import flip
from processes import descendants, wait_until
from test_mirror import Mirror
from tracing import ENVIRONMENT, count_calls, spread, tracer


def test_tombstones_of_a_prune_that_was_cut_off(six):
    kept, ids = six
    folder = kept.kist.manifest_path(ids[0]).parent
    # One whose deleting had not begun; two whose manifests are gone.
    (folder / f"{ids[4]}.tombstone").write_bytes((folder / f"{ids[4]}.json").read_bytes())
    for id in ids[:2]:
        (folder / f"{id}.json").rename(folder / f"{id}.tombstone")
    kept.kist.data_path(ids[0]).unlink()
    assert kept.kist.ids() == ids[2:]
    dry = kept.prune("--dry-run", "--json").json[0]["backups"]
    assert {row["id"] for row in dry if row["state"] == "deleted"} == set(ids[:2])
    kept.prune()
    kept.is_whole(*ids[3:])


def test_tombstones_that_are_damaged_or_forged(six):
    kept, ids = six
    folder = kept.kist.manifest_path(ids[0]).parent
    (folder / f"{ids[0]}.json").rename(folder / f"{ids[0]}.tombstone")
    flip(folder / f"{ids[0]}.tombstone", 60, 2)
    other = folder / f"{id_of(20)}.tombstone"
    other.write_bytes((folder / f"{ids[5]}.json").read_bytes())
    kept.write("keep = 6 last")
    result = kept.prune(expect=3)
    assert kept.there() == ids[1:] and kept.folders() == ids, result
    assert kept.tombstones() == sorted([other.stem, ids[0]])
    assert ids[0] in result.err and "failed: the next prune tries again" in result.out, result
    kept.kist.run("verify", "p", "--all")


def test_a_tombstone_shares_objects_with_what_stays(tmp_path):
    """An old backup of a mirror goes; what newer ones reuse of it stays, until they go."""
    mirror = Mirror(tmp_path)
    mirror.fill({"a": b"a" * 1000, "b": b"b" * 1000})
    ids = [mirror.backup()]
    for name in "cde":
        mirror.fill({name: name.encode() * 1000, "a": name.encode()})
        ids.append(mirror.backup())
    mirror.configure(keep="2 last", max_delete="100%")
    mirror.run("prune", "p")
    assert mirror.ids() == ids[2:]
    held = {path.name for path in mirror.backup_dir(ids[0]).rglob("*")}
    assert held == {"b"}
    mirror.run("verify", "p", "--level", "decode")
    # When the last that names it is gone, it goes.
    (mirror.blobs / "b").unlink()
    for n in (1, 2):
        mirror.fill({"a": b"n" * n})
        mirror.run("run", "p")
    assert ids[3] in mirror.ids() and mirror.backup_dir(ids[0]).exists()
    mirror.run("verify", "p", "--all", "--level", "decode")
    mirror.run("prune", "p")
    assert len(mirror.ids()) == 2 and not mirror.backup_dir(ids[0]).exists()
    mirror.run("verify", "p", "--all", "--level", "decode")


# 92


def test_what_cannot_be_removed(six):
    """The disk refuses to remove the manifest of one; the others go, and it goes next time."""
    kept, ids = six
    result = kept.prune(
        before=tracer(
            kept.kist.folder / "strace", "-e", "trace=unlinkat", "-e", "inject=unlinkat:error=EPERM:when=1"
        ),
        env=ENVIRONMENT,
        expect=3,
    )
    assert "failed: the next prune tries again" in result.out and "not permitted" in result.err, result
    assert kept.there() == [ids[0], *ids[3:]] and kept.folders() == kept.there()
    assert kept.kist.history("prune")[-1]["failed"] == {"disk": [ids[0]]}
    kept.kist.run("verify", "p", "--all")
    kept.prune()
    assert kept.there() == kept.folders() == ids[3:] and kept.tombstones() == []


def test_told_to_stop(six):
    """Between two backups, and the next prune goes on."""
    kept, ids = six
    slow = ["-e", "trace=unlinkat", "-e", "inject=unlinkat:delay_enter=400000"]
    running = kept.kist.start("prune", before=tracer(kept.kist.folder / "strace", *slow), env=ENVIRONMENT)
    assert wait_until(lambda: len(kept.there()) == 5)
    for pid in descendants(running.pid):
        os.kill(pid, signal.SIGTERM)
    result = running.finish()
    assert result.code in (143, -15), result
    there = kept.there()
    assert len(there) in (4, 5) and len(kept.tombstones()) == 3 and kept.folders() == ids
    for id in there:
        kept.kist.run("verify", f"p/{id}")
    kept.prune()
    assert set(kept.there()) - set(there[:2]) == set(ids[3:]) and kept.tombstones() == []


# 89
@pytest.mark.parametrize("call", ["unlinkat", "renameat2", "fsync", "openat2"])
def test_killed_anywhere(six, call):
    """No backup is listed that lacks data, and the next prune finishes what was begun."""
    kept, ids = six
    kept.kist.run("verify", f"p/{ids[5]}")
    whole = kept.kist.folder / "whole"
    shutil.copytree(kept.kist.disk, whole)
    log = kept.kist.folder / "strace"
    kept.prune(before=tracer(log), env=ENVIRONMENT)
    calls = count_calls(log, kept.kist.program)[call]
    assert calls > 2, calls
    middles = 0
    for number in spread(calls, 12):
        shutil.rmtree(kept.kist.disk)
        shutil.copytree(whole, kept.kist.disk)
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
        result = kept.prune(before=tracer(log, *inject), env=ENVIRONMENT, expect=None)
        assert result.code in (-9, 137), result
        there = kept.there()
        middles += bool(kept.tombstones())
        assert set(ids[3:]) <= set(there)
        for id in there:
            assert (
                kept.kist.data_path(id).stat().st_size > 30000
                and (kept.kist.backup_dir(id) / "RESTORE.txt").exists()
            )
        kept.kist.run("verify", "p", "--all")
        kept.prune()
        # What was proved meanwhile does not change what goes.
        assert set(kept.there()) == set(ids[3:]) and kept.folders() == kept.there() and kept.tombstones() == []
    assert middles > 1 or call == "openat2"
