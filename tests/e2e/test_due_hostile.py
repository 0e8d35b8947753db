"""Due runs where the host, its crons and its notifiers are in each other's way."""
import json
import os
import signal

import pytest
from fleet import kill_all, wait_until
from moody import build_moody
from processes import descendants


def waiting(fleet):
    return sorted((fleet.kist.state / "outbox").glob("*.json"))


def test_several_crons_at_once(fleet):
    """Each finds the same slots due: each is done once, and nobody complains."""
    names = ("p", "q", "r")
    for exclusive in ("auto", "no"):
        fleet.write(names=names, more=f"exclusive = {exclusive}")
        before = [len(fleet.ids(name)) for name in names]
        fleet.told()
        results = [running.finish() for running in [fleet.kist.start("run", "--due") for _ in range(4)]]
        assert [result.code for result in results] == [0] * 4, results
        assert not [line for result in results for line in result.errors], results
        assert "warning" not in "".join(result.err for result in results), results
        assert [len(fleet.ids(name)) for name in names] == [count + 1 for count in before]
        assert [line.split()[0] for line in fleet.told()] == ["success"] * 3
        fleet.clock.set("2028-02-28T02:00:00")


def test_several_crons_at_once_and_the_run_fails(fleet):
    fleet.due()
    fleet.told()
    fleet.file.unlink()
    fleet.clock.set("2028-02-28T02:00:00")
    codes = sorted(running.finish().code for running in [fleet.kist.start("run", "--due") for _ in range(4)])
    assert codes == [0, 0, 0, 1]
    assert [line.split()[0] for line in fleet.told()] == ["failure"]


def make_unreachable(fleet):
    """A notifier that nobody reads, with what it was to tell in the outbox; returns what makes it work again."""
    fleet.notes = fleet.folder / "away" / "notes"
    fleet.write()
    fleet.due(expect=3)
    assert len(waiting(fleet)) == 1
    return fleet.notes.parent.mkdir


def test_what_waits_is_sent_though_nothing_is_due(fleet):
    repair = make_unreachable(fleet)
    # Tried again, though not each minute for ever, and then without a word.
    fleet.clock.step(60)
    assert fleet.due() == [] and "still cannot be told" in fleet.result.err
    fleet.clock.step(3600 * 20 // 2)
    assert fleet.due() == [] and "still cannot be told" in fleet.result.err
    fleet.clock.step(60)
    assert fleet.due() == [] and not fleet.result.err
    repair()
    fleet.clock.step(3600)
    assert fleet.due() == [] and "what could not be told at" in fleet.result.err
    assert [line.split()[0] for line in fleet.told()] == ["success"]
    assert waiting(fleet) == []
    fleet.clock.step(3600)
    assert fleet.due() == [] and not fleet.result.err


def test_a_daemon_sends_what_waits(fleet):
    repair = make_unreachable(fleet)
    repair()
    fleet.clock.step(3600)
    running = fleet.kist.start("daemon")
    wait_until(lambda: not waiting(fleet))
    running.signal(signal.SIGTERM)
    result = running.finish()
    assert result.code == 0 and "kist: 1 pipeline, at most" in result.err, result
    assert "told to stop\n" in result.err, result
    assert [line.split()[0] for line in fleet.told()] == ["success"]


def test_a_run_that_never_ends_is_told_of(fleet):
    fleet.due()
    fleet.told()
    pipe = fleet.pipe()
    fleet.write(source=pipe)
    fleet.clock.set("2028-02-28T02:00:00")
    running = fleet.kist.start("run", "--due")
    wait_until(lambda: list((fleet.folder / "disk" / "_kist" / "p").glob("*.pending")))
    # It may take long: for a day nobody is woken up.
    for text, told in (("2028-02-29T07:00:00", []), ("2028-03-01T12:00:00", ["overdue"]), ("2028-03-01T13:00:00", [])):
        fleet.clock.set(text)
        assert fleet.due() == []
        assert [line.split()[0] for line in fleet.told()] == told, text
        assert ("a run is under way, and does not come to an end" in fleet.result.err) == bool(told)
    kill_all(running)


def test_overdue_says_what_is_known(fleet):
    """A destination that does not answer is no proof that there is no backup."""
    away = {"plugin": "flaky", "retries": 0}
    fleet.write(destinations={"far": {**away, "fail_list": 1000}}, more="require = any")
    fleet.due(expect=1)
    fleet.told()
    fleet.clock.step(3600 * 40)
    fleet.due(expect=1)
    fleet.told()
    fleet.clock.step(60)
    fleet.due()
    said = [line for line in fleet.result.err.splitlines() if "overdue" in line]
    assert not said
    fleet.clock.step(3600 * 25)
    fleet.due(expect=1)
    assert "p: overdue: no good backup is known, and a destination that may have one does not answer" in fleet.result.err
    assert "overdue" in "".join(fleet.told())


def test_what_was_saved_before_a_restore_is_the_backup_of_no_slot(fleet):
    fleet.due()
    (first,) = fleet.ids()
    fleet.clock.set("2028-02-28T02:05:00")
    fleet.kist.run("run", "p")
    # As a restore leaves it behind that came before the host got to the slot.
    path = fleet.kist.state / "ledger" / "p.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "aside": fleet.ids()[-1], "newest": first}))
    fleet.clock.step(60)
    assert fleet.due() == ["p"] and len(fleet.ids()) == 3
    fleet.clock.step(60)
    assert fleet.due() == []


def test_overdue_is_told_once_however_slow_a_destination_is(fleet):
    fleet.write(names=("p", "q"))
    fleet.due()
    fleet.told()
    fleet.file.unlink()
    fleet.clock.set("2028-02-28T02:00:00")
    fleet.due(expect=1)
    fleet.told()
    fleet.clock.set("2028-02-28T12:00:00")
    both = [fleet.kist.start("run", "--due") for _ in range(4)]
    assert [running.finish().code for running in both] == [0] * 4
    assert sorted(line.split("/")[0] for line in fleet.told()) == ["overdue p", "overdue q"]


@pytest.fixture
def small_disk(fleet):
    """The state directory on a disk that can be filled."""
    fleet.kist.state.mkdir(mode=0o700)
    if os.system(f"mount -t tmpfs -o size=512k,mode=0700 tmpfs {fleet.kist.state} 2>/dev/null") != 0:
        pytest.skip("no disk of its own: not root")
    yield lambda: os.system(f"head -c 600k /dev/zero > {fleet.kist.state}/full 2>/dev/null")
    os.system(f"umount -l {fleet.kist.state}")


def test_a_full_disk_keeps_nobody_from_saving(fleet, small_disk):
    """Nothing can be remembered there: the backups are made, and it is said."""
    assert fleet.due() == ["p"]
    small_disk()
    fleet.clock.set("2028-02-28T02:00:00")
    assert fleet.due(expect=3) == ["p"]
    assert "No space left" in fleet.result.err
    assert fleet.due() == []
    # Not even the first time.
    fleet.notes = fleet.folder / "away" / "notes"
    fleet.write(names=("q",))
    assert fleet.due(expect=3) == ["q"]
    assert "is lost" in fleet.result.err
    (fleet.kist.state / "full").unlink()
    assert len(fleet.ids()) == 2 and len(fleet.ids("q")) == 1


def test_a_daemon_that_is_told_to_stop_leaves_the_outbox_for_later(fleet):
    build_moody(fleet.plugins)
    make_unreachable(fleet)
    text = (fleet.kist.conf / "kist.ini").read_text()
    fleet.kist.write(text.replace("plugin = logfile", "plugin = moody\nmood = hangs\ndeadline = 60s"))
    fleet.clock.step(3600)
    running = fleet.kist.start("daemon")
    wait_until(lambda: len(descendants(running.pid)) >= 3)
    running.signal(signal.SIGTERM)
    result = running.finish(8)
    assert result.code == 0 and len(waiting(fleet)) == 1, result
