"""`kist run --repair`, and the repair of the next run: what one destination lacks comes from another one."""
import signal
import time

import pytest
from flaky import Many, build
from manifests import seal


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build(tmp_path_factory.mktemp("plugins") / "flaky")


@pytest.fixture
def many(kist, plugins, small):
    return Many(kist, plugins, small)


GOOD = {"a": None, "far": {}}


@pytest.fixture
def lacking(many):
    """Two backups; the destination `far` lacks both. Returns (many, ids)."""
    many.write("any", a=None, far={"fail_check": 1000, "retries": 0})
    for _ in range(2):
        many.kist.run("run", "p", expect=3)
    ids = [entry["id"] for entry in many.kist.history()]
    many.write("any", **GOOD)
    assert many.keys("far") == []
    return many, ids


def same_everywhere(many, ids):
    for id in ids:
        assert many.has(id, "a", "far") == ["a", "far"]
    assert many.keys("far") == many.keys("a")
    assert sorted(many.kist.files("a").values()) == sorted(many.kist.files("far").values())


def test_all_that_is_lacking(lacking):
    many, ids = lacking
    before = many.kist.files("a")
    result = many.kist.run("run", "--repair", "p")
    lines = result.out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"p/{id}" for id in ids]
    assert all(": copied to far (" in line for line in lines)
    same_everywhere(many, ids)
    assert many.kist.files("a") == before
    entry = many.kist.history("repair")[-1]
    assert (entry["event"], entry["copied"], entry["failed"], entry["exit"]) == ("repair", 2, 0, 0)
    assert many.kist.run("run", "--repair", "--all").out == "p: every destination has every backup\n"


def test_a_dry_run_changes_nothing(lacking):
    many, ids = lacking
    result = many.kist.run("run", "--repair", "--dry-run", "p")
    assert [line.split(" (")[0] for line in result.out.splitlines()] == [
        f"p/{id}: would be copied to far" for id in ids
    ]
    assert many.keys("far") == []
    assert many.kist.history("run", "repair")[-1]["event"] == "run"


def test_the_next_run_repairs_the_newest(lacking):
    many, ids = lacking
    result = many.kist.run("run", "p")
    assert f"copied the backup {ids[1]} to 'far', which lacked it" in result.err
    assert many.has(ids[1], "a", "far") == ["a", "far"]
    assert many.has(ids[0], "a", "far") == ["a"]
    assert [entry["event"] for entry in many.kist.history("run", "repair")[-2:]] == ["run", "repair"]
    # There is nothing more to do for the next one.
    many.kist.run("run", "p")
    assert many.kist.history("run", "repair")[-1]["event"] == "run"


def test_a_repair_that_fails_leaves_the_next_run_good(lacking):
    many, ids = lacking
    many.write("any", a=None, far={"fail_commit": 1000, "only": ids[1], "retries": 0})
    result = many.kist.run("run", "p")
    assert "warning" in result.err and f"{ids[1]} cannot be copied to 'far'" in result.err
    many.write("any", **GOOD)
    assert [key for key in many.keys("far") if ids[1] in key] == []


def test_a_source_object_that_is_damaged(lacking):
    many, ids = lacking
    path = many.kist.data_path(ids[0], destination="a")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    result = many.kist.run("run", "--repair", "p", expect=3)
    assert f"p/{ids[0]} cannot be copied to 'far'" in result.is_one_error()
    assert "does not hold the stored bytes that were saved" in result.err
    assert f"p/{ids[1]}: copied to far" in result.out
    # Nothing of it is left, and the other is whole.
    assert [key for key in many.keys("far") if ids[0] in key] == []
    assert many.has(ids[1], "far") == ["far"]


def test_another_good_destination_is_tried(many):
    many.write("2", a=None, b=None, far={"fail_check": 1000, "retries": 0})
    many.kist.run("run", "p", expect=3)
    id = many.kist.history()[-1]["id"]
    path = many.kist.data_path(id, destination="a")
    path.chmod(0o600)
    path.write_bytes(b"other bytes")
    many.write("2", a=None, b=None, far={})
    result = many.kist.run("run", "--repair", "p")
    assert f"p/{id}: copied to far" in result.out and "warning" in result.err
    assert many.has(id, "b", "far") == ["b", "far"]


def test_nothing_can_be_repaired(lacking):
    many, ids = lacking
    many.write("any", a=None, far={"fail_begin": 1000, "retries": 0})
    result = many.kist.run("run", "--repair", "p", expect=1)
    assert len(result.errors) == 2 and all("the store has no luck" in error for error in result.errors)
    many.write("any", a=None, far={"fail_check": 1000, "retries": 0})
    assert "the store has no luck" in many.kist.run("run", "--repair", "p", expect=1).is_one_error()
    many.write("any", **GOOD)
    assert many.keys("far") == []


def test_objects_that_are_there_are_compared(lacking):
    many, ids = lacking
    folder = many.kist.folder / "far"
    data = many.kist.data_path(ids[0], destination="a")
    good, bad = data.read_bytes(), bytes(data.stat().st_size)
    name = f"p={ids[0]}={data.name}"
    (folder / name).write_bytes(bad)
    result = many.kist.run("run", "--repair", "p", expect=3)
    assert "far: " in result.is_one_error() and "does not hold the stored bytes" in result.err
    # Not overwritten, and not removed: it is not ours to judge.
    assert (folder / name).read_bytes() == bad
    (folder / name).write_bytes(good)
    many.kist.run("run", "--repair", "p")
    same_everywhere(many, ids)


def test_objects_of_older_backups_come_along(lacking):
    """A manifest that names a key of another backup's folder, as one of a mirror does."""
    many, ids = lacking
    older, newer = (many.kist.manifest_path(id, destination="a") for id in ids)
    items = [
        next(line for line in path.read_bytes().splitlines() if line.startswith(b'    {"name"')) for path in (newer, older)
    ]
    many.kist.data_path(ids[1], destination="a").unlink()
    newer.chmod(0o600)
    newer.write_bytes(seal(newer.read_bytes().replace(*items)))
    many.kist.run("run", "--repair", "p")
    same_everywhere(many, ids)
    # The newer backup alone is lacked now: what it shares with the older one is there, and stays as it is.
    for path in (many.kist.folder / "far").iterdir():
        if ids[1] in path.name:
            path.unlink()
    many.kist.run("run", "--repair", "p")
    same_everywhere(many, ids)


@pytest.mark.parametrize("call", ["begin", "write", "commit", "list"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_at_work(lacking, call, number):
    many, ids = lacking
    many.write("any", a=None, far={"stall": call, "only": "RESTORE.txt"})
    running = many.kist.start("run", "--repair", "p")
    time.sleep(1.5)
    running.signal(number)
    assert running.finish().code == (-number if number == signal.SIGKILL else 128 + number)
    many.write("any", **GOOD)
    assert many.has(ids[0], "a", "far") == ["a"]
    many.kist.run("run", "--repair", "p")
    same_everywhere(many, ids)


def test_a_run_at_work_keeps_it_away(lacking):
    many, _ = lacking
    many.write("any", a=None, far={"stall": "write"})
    running = many.kist.start("run", "p")
    time.sleep(1.5)
    many.kist.run("run", "--repair", "p", expect=5)
    running.signal(signal.SIGKILL)
    running.finish()


def test_words(many):
    many.write("any", a=None)
    many.kist.run("run", "--repair", expect=2)
    many.kist.run("run", "--repair", "p", "--label", "a=b", expect=2)
    assert many.kist.run("run", "--repair", "p").out == "p: every destination has every backup\n"
