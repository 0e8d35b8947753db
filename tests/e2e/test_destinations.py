"""Many destinations at once: none of them stops or starves the others, and what one lacks is said."""
import os
import signal
import time

import pytest
from flaky import Many, build


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build(tmp_path_factory.mktemp("plugins") / "flaky")


@pytest.fixture
def many(kist, plugins, small):
    return Many(kist, plugins, small)


@pytest.fixture
def large(kist, plugins, noise):
    """A dump of some megabytes, which no queue holds."""
    return Many(kist, plugins, noise)


DEAD = {"fail_check": 1000, "retries": 0}
BROKEN = {"fail_commit": 1000, "retries": 0}


@pytest.mark.parametrize(
    ("require", "good", "exit"),
    [("all", 3, 0), ("all", 2, 1), ("any", 1, 3), ("any", 0, 1), ("2", 2, 3), ("2", 1, 1), ("2", 3, 0), ("3", 2, 1)],
)
@pytest.mark.parametrize("fault", [DEAD, BROKEN])
def test_require(many, require, good, exit, fault):
    names = ["a", "b", "c"]
    many.write(require, **{name: None if i < good else fault for i, name in enumerate(names)})
    result = many.kist.run("run", "p", expect=exit)
    places = many.kist.history()[-1].get("destinations", {})
    if exit == 1:
        assert not many.kist.backups("p", expect=None if good < 3 else 0)
        assert all(not many.keys(name) for name in names), [many.keys(name) for name in names]
        assert "failed, no backup was made" in result.out
        return
    assert places == {name: i < good for i, name in enumerate(names)}
    id = many.kist.history()[-1]["id"]
    for i, name in enumerate(names):
        assert (f"missing on {name}" in result.out) == (i >= good)
        assert bool(many.keys(name)) == (i < good), many.keys(name)
    for error in result.errors:
        assert "the store has no luck" in error and "p/" in error
    assert len(result.errors) == 3 - good
    assert many.has(id, *names[:good]) == names[:good]


@pytest.mark.parametrize("call", ["open", "check", "list", "begin", "write", "commit"])
def test_a_stall_holds_nobody_up_for_longer_than_its_deadline(large, call):
    large.write("any", a=None, far={"stall": call, "deadline": "2s"}, c=None)
    result = large.kist.run("run", "p", expect=3)
    assert 2 <= result.took < 12, result
    assert "missing on far" in result.out
    line = result.is_one_error()
    words = "took no data for 2 s" if call in ("begin", "write", "commit") else "did not answer for 2 s"
    assert f"p/far(flaky): {words}" in line
    assert "hint: `deadline` of [destination far] says how long is too long" in result.err
    id = large.kist.history()[-1]["id"]
    assert large.has(id, "a", "c") == ["a", "c"]
    large.write("any", a=None, far={}, c=None)
    assert large.keys("far") == []


def test_two_that_stall_do_not_add_up(large):
    large.write("any", a=None, far={"stall": "write", "deadline": "3s"}, off={"stall": "write", "deadline": "3s"})
    result = large.kist.run("run", "p", expect=3)
    assert 3 <= result.took < 6 + 6, result
    assert len(result.errors) == 2


def test_a_slow_one_is_waited_for(large):
    large.write("all", a=None, far={"slow": "100ms", "deadline": "1s"})
    result = large.kist.run("run", "p")
    assert result.took > 1
    id = large.kist.backups("p")[-1]["id"]
    assert large.has(id, "a", "far") == ["a", "far"]


def test_all_stall(large):
    large.write("any", a={"stall": "write", "deadline": "1s"}, b={"stall": "commit", "deadline": "1s"})
    result = large.kist.run("run", "p", expect=1)
    assert "took no data for 1 s" in result.is_one_error()
    large.write("any", a={}, b={})
    assert large.kist.ids() == []
    assert large.keys("a") == large.keys("b") == []


def test_a_signal_ends_a_stall_at_once(large):
    large.write("all", a=None, far={"stall": "write"})
    running = large.kist.start("run", "p")
    time.sleep(2)
    begun = time.monotonic()
    running.signal(signal.SIGTERM)
    assert running.finish().code == 143
    assert time.monotonic() - begun < 10


def test_cleaning_up_after_a_failure_is_bounded(large):
    # The data is there, the manifest never comes, and then nothing can be removed.
    faults = {"fail_commit": 1000, "only": ".json", "retries": 0, "stall": "remove"}
    large.write("all", a=None, far=faults)
    result = large.kist.run("run", "p", expect=1)
    assert result.took < 50, result
    assert "cannot remove what the failed run wrote (the next run tries again)" in result.err
    large.write("all", a=None, far={})
    large.kist.run("run", "p")
    id = large.kist.backups("p")[-1]["id"]
    assert [key for key in large.keys("far") if id not in key] == []


@pytest.mark.parametrize("call", ["open", "check", "list", "begin", "commit"])
def test_what_fails_in_passing_is_tried_again(many, call):
    # A stream's commit cannot be made again here, that of a document can.
    faults = {f"fail_{call}": 3, "only": ".pending" if call == "commit" else ""}
    many.write("all", a=None, far=faults)
    result = many.kist.run("run", "p", "-v")
    for tries in (2, 3, 4):
        assert f"try {tries} of 6 in 0.0 s: the store has no luck" in result.err
    many.write("all", a=None, far={**faults, "retries": 2})
    result = many.kist.run("run", "p", expect=1)
    assert "the store has no luck (tried 3 times in " in result.is_one_error()


def test_a_lost_reply_is_no_failure(many):
    many.write("all", a=None, far={"lose_commit": 3, "only": "_kist"})
    many.kist.run("run", "p")
    id = many.kist.backups("p")[-1]["id"]
    assert many.has(id, "a", "far") == ["a", "far"]


def test_a_read_that_breaks_goes_on(many):
    many.write("all", far={})
    many.kist.run("run", "p")
    many.write("all", far={"fail_get": 2, "fail_read": 3})
    many.kist.run("verify", "p")
    # The manifest is looked at before, and goes on without the answer.
    many.write("all", far={"fail_read": 1000, "retries": 2})
    assert "tried 3 times" in many.kist.run("verify", "p", expect=1).err


def test_the_store_asks_to_wait(many):
    many.write("all", far={"fail_check": 1, "retry_after": "1s"})
    assert many.kist.run("run", "p").took >= 1
    many.write("all", far={"fail_check": 1, "retry_after": "10m"})
    result = many.kist.run("run", "p", expect=1)
    assert result.took < 10
    assert "asks to wait 10 min 00 s, longer than the deadline of 5 min 00 s leaves" in result.is_one_error()


def test_the_many_keys_of_a_killed_run_are_swept(many):
    """A note of a killed run that names many keys: they go, and nobody else's."""
    many.write("all", disk=None)
    id = many.kist.backup()
    root = many.kist.folder / "disk"
    dead = "2026-01-01T00-00-00Z"
    folder = root / "p" / dead
    folder.mkdir()
    names = [f"object-{i}" for i in range(2500)]
    for name in names:
        (folder / name).write_bytes(b"x")
    note = (root / "_kist" / "p").joinpath(f"{dead}.pending")
    keys = ",".join(f'"p/{dead}/{name}"' for name in names)
    note.write_text(f'{{"kist_pending": 1, "owner": "gone", "keys": [{keys}, "p/{id}/RESTORE.txt"]}}')
    many.kist.run("run", "p")
    assert not note.exists() and not [name for name in os.listdir(root / "p") if name == dead and os.listdir(folder)]
    assert many.has(id, "disk") == ["disk"]
