"""Whatever notifiers do, the backup is good and nobody waits for them; what could not be told is told by the next run."""
import json
import os
import shutil
import signal
import stat
import time

import pytest
from aftermath import left_over
from moody import Moody, build_moody
from processes import descendants, is_gone, read, wait_until
from tracing import ENVIRONMENT, tracer

SECRET = "c4nary-of-moods"
TAKES, NO = {}, {"mood": "no", "secret": "${SECRET}"}


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build_moody(tmp_path_factory.mktemp("plugins") / "moody")


@pytest.fixture
def moody(plain_kist, plugins):
    plain_kist.env["SECRET"] = SECRET
    return Moody(plain_kist, plugins)


class Nobody:
    """In the place of a database server, where there is none."""

    class server:
        pid = 0


def assert_nobody_is_left(seconds=2.0):
    left = wait_until(lambda: not left_over(Nobody), seconds)
    assert left, [read(pid, "cmdline") for pid in left_over(Nobody)]


def test_one_that_crashes_ends_or_refuses_harms_nobody(moody):
    kist = moody.kist
    moody.write(ok=TAKES, crash={"mood": "crashes"}, exit={"mood": "exits"}, no=NO)
    result = kist.run("run", "p", expect=3)
    (id,) = kist.ids()
    kist.run("verify", "p", "--level", "decode")
    (event,) = moody.told("ok")
    assert (event["event"], event["pipeline"], event["backup"], event["exit"]) == ("success", "p", id, 0)
    assert event["kist_event"] == 1 and event["late"] is False and event["destinations"] == {"disk": True}
    assert len(result.errors) == 3, result
    assert "p/crash(moody): the plugin crashed: signal 11 (SIGSEGV, Segmentation fault)" in result.err
    assert "p/exit(moody): the plugin ended its process with exit status 0" in result.err
    assert "p/no(moody): no, said with ***" in result.err
    for name in ("crash", "exit", "no"):
        assert f"the message to '{name}' waits in '{kist.state}/outbox'" in result.err
    waiting = moody.waiting()
    assert sorted(json.loads(path.read_text())["notifier"] for path in waiting) == ["crash", "exit", "no"]
    for path in waiting:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 and SECRET not in path.read_text()
    assert SECRET not in result.err + result.out
    assert stat.S_IMODE((kist.state / "outbox").stat().st_mode) == 0o700
    assert_nobody_is_left()


def test_while_one_hangs_the_backup_is_there_and_the_lock_is_free(moody):
    kist = moody.kist
    moody.write(slow={"mood": "forks", "deadline": "2s"}, ok=TAKES)
    running = kist.start("run", "p")
    assert wait_until(lambda: moody.notes("ok").exists() and "success" in moody.notes("ok").read_text(), 20)
    assert moody.lock_is_free() and len(kist.ids()) == 1 and running.process.poll() is None
    begun = time.monotonic()
    result = running.finish(20)
    assert result.code == 3 and time.monotonic() - begun < 2 + 2 + 1 + 2, result
    assert "p/slow(moody): it was not done in time, and was ended" in result.is_one_error()
    assert len(moody.waiting()) == 1
    assert_nobody_is_left()


def test_kill_9_while_one_hangs_leaves_no_process(moody):
    kist = moody.kist
    moody.write(slow={"mood": "forks", "deadline": "60s", "on": "success"})
    running = kist.start("run", "p")
    # The helper, the worker, and what the plugin started.
    assert wait_until(lambda: len(descendants(running.pid)) >= 3, 20)
    started = descendants(running.pid)
    running.signal(signal.SIGKILL)
    assert wait_until(lambda: all(is_gone(pid) for pid in started), 2), started
    running.finish(5)
    assert_nobody_is_left()
    assert moody.lock_is_free() and len(kist.ids()) == 1


def test_the_next_run_tells_what_waits_and_recovery_is_told_once(moody):
    kist = moody.kist
    moody.write(file=kist.folder / "missing", n=NO, m={"on": "success, failure"})
    kist.run("run", "p", expect=1)
    kist.run("run", "p", expect=1)
    assert len(moody.waiting()) == 2 and moody.lines("n") == []
    assert moody.words("m") == ["failure", "failure"]
    moody.write(n=TAKES, m={"on": "success, failure"})
    result = kist.run("run", "p")
    assert moody.waiting() == [] and result.err.count("told 'n' what could not be told at ") == 2, result
    events = moody.told("n")
    assert sorted(event["event"] for event in events) == ["failure", "failure", "recovery"]
    late = [event for event in events if event["late"]]
    assert [event["event"] for event in late] == ["failure", "failure"]
    assert all("missing" in event["cause"] and event["title"].endswith("(late)") for event in late)
    assert all("kist: error: p" in event["log_tail"] for event in late) and "log_tail" not in events[-1]
    assert late[0]["finished"] <= late[1]["finished"] and late[0]["run"] != late[1]["run"]
    # Who does not ask for a recovery hears of a success.
    assert moody.words("m") == ["success"]
    kist.run("run", "p")
    assert moody.words("n") == ["success"] and moody.words("m") == ["success"]
    runs = kist.history("run")
    assert len({entry["run"] for entry in runs}) == 4 and late[0]["run"] == runs[0]["run"]


def test_the_text_of_a_late_message_says_when_it_was(moody):
    kist = moody.kist
    moody.write(file=kist.folder / "missing", n=NO)
    kist.run("run", "p", expect=1)
    moody.write(n={"text": "yes"})
    kist.run("verify", "p", expect=6)
    text = "\n".join(moody.lines("n"))
    assert text.startswith("This comes late: it happened at 20") and "No backup was made." in text
    assert "kist doctor p" in text and "kist run p" in text


def test_suspect_and_its_plain_word(moody):
    moody.write("min_size = 1GiB\n", n=TAKES, m={"on": "degraded"}, none={"on": "success, failure"})
    moody.kist.run("run", "p", expect=3)
    (event,) = moody.told("n")
    assert event["event"] == "suspect" and f"kist accept p/{event['backup']}" in event["next_step"]
    assert moody.words("m") == ["degraded"] and moody.words("none") == []


def test_start_and_end_belong_together(moody):
    moody.write(n={"remember": "yes"}, m={"remember": "yes", "on": "success"})
    moody.kist.run("run", "p")
    start, memory, end = moody.lines("n")
    start, end = json.loads(start), json.loads(end)
    assert (start["event"], end["event"]) == ("start", "success")
    assert memory == start["run"] == end["run"] == moody.kist.history()[-1]["run"]
    assert "finished" not in start and "raw_size" not in start
    assert moody.lines("m")[0] == "nothing"


def test_what_may_pass_is_tried_again(moody):
    moody.write(n={"mood": "later", "times": "1"})
    result = moody.kist.run("run", "p")
    assert moody.words("n") == ["success"] and moody.waiting() == [] and "try 2 of " in result.err
    moody.write(n={"mood": "later", "retry_after": "1h"})
    result = moody.kist.run("run", "p", expect=3)
    assert "asks to wait 1 h" in result.is_one_error() and result.took < 10 and len(moody.waiting()) == 1


def test_told_in_part_is_not_told_again(moody):
    moody.write(n={"mood": "some"})
    result = moody.kist.run("run", "p", expect=3)
    assert "one of two was told" in result.is_one_error() and moody.waiting() == []


def test_a_megabyte_of_nonsense(moody):
    moody.write(n={"mood": "talks"})
    result = moody.kist.run("run", "p", expect=3)
    assert len(result.is_one_error()) < 5000 and "<!channel>" in result.err
    assert "\x1b" not in result.err and "\r" not in result.err
    (path,) = moody.waiting()
    assert path.stat().st_size < 40000


def fill(moody, count):
    """That many messages in the outbox."""
    moody.write(n=NO)
    moody.kist.run("run", "p", expect=3)
    (path,) = moody.waiting()
    for number in range(1, count):
        shutil.copy(path, path.with_name(path.name.replace(".json", f"{number:03}.json")))
    assert len(moody.waiting()) == count


def test_two_at_once_tell_everything_once(moody):
    kist = moody.kist
    fill(moody, 20)
    moody.write(n=TAKES)
    both = [kist.start("verify", "p"), kist.start("verify", "p")]
    results = [running.finish(60) for running in both]
    assert [result.code for result in results] == [0, 0], results
    assert wait_until(lambda: moody.waiting() == [], 1), moody.waiting()
    assert moody.words("n") == ["success"] * 20


def test_one_that_still_hangs_keeps_no_other_waiting(moody):
    kist = moody.kist
    moody.write(a=NO, b=NO)
    kist.run("run", "p", expect=3)
    kist.run("run", "p", expect=3)
    moody.write(a={"mood": "hangs", "deadline": "1s"}, b=TAKES)
    result = kist.run("verify", "p")
    assert moody.words("b") == ["success", "success"] and len(moody.waiting()) == 2
    assert "'a' still cannot be told what waits since" in result.err and result.took < 15, result


def test_what_nobody_wants_any_more_goes(moody):
    kist = moody.kist
    fill(moody, 1)
    moody.write(m=TAKES)
    (kist.state / "outbox" / "2026-01-01T00-00-00Z-000-0000000000000000.json").write_text('{"kist_outbox":1,')
    result = kist.run("verify", "p")
    assert "'n', which is no notifier any more" in result.err and "it is damaged" in result.err
    assert moody.waiting() == [] and moody.lines("m") == []


def test_an_outbox_that_cannot_be_written_is_said(moody):
    moody.write(n=NO)
    moody.kist.state.mkdir(mode=0o700)
    (moody.kist.state / "outbox").write_text("in the way")
    result = moody.kist.run("run", "p", expect=3)
    assert "the message to 'n' is lost" in result.err and len(moody.kist.ids()) == 1, result


def proving(moody, **notifiers):
    """A run that has made its backup, and proves it for long."""
    moody.write("verify = drill\n", source="slow = 30s", **notifiers)
    running = moody.kist.start("run", "p")
    assert wait_until((moody.kist.folder / "places").exists, 20)
    return running


def test_a_signal_to_all_processes_does_not_keep_it_from_being_told(moody):
    running = proving(moody, n=TAKES)
    for pid in {running.pid} | descendants(running.pid):
        os.kill(pid, signal.SIGTERM)
    result = running.finish(20)
    assert result.code == 128 + signal.SIGTERM, result
    assert moody.words("n") == ["degraded"]
    assert_nobody_is_left()


def test_without_the_helper_it_waits_in_the_outbox(moody):
    running = proving(moody, n=TAKES)
    (helper,) = [pid for pid in descendants(running.pid) if b"kist-tell" in read(pid, "comm")]
    os.kill(helper, signal.SIGKILL)
    running.signal(signal.SIGTERM)
    result = running.finish(20)
    assert result.code == 128 + signal.SIGTERM and len(moody.waiting()) == 1, result
    moody.write(n=TAKES)
    moody.lines("n")
    moody.kist.run("verify", "p", "--level", "size")
    assert moody.words("n") == ["degraded"]


FAULTS = [
    ("socketpair", "EMFILE"),
    ("clone", "EAGAIN"),
    ("sendmsg", "EPIPE"),
    ("recvmsg", "EIO"),
    ("recvfrom", "EIO"),
    ("pipe2", "EMFILE"),
    ("signalfd4", "EMFILE"),
    ("dup2", "EBUSY"),
]


@pytest.mark.parametrize("call,error", FAULTS)
def test_whatever_fails_the_backup_is_good_and_it_is_told_at_last(moody, call, error):
    kist = moody.kist
    moody.write(n={"on": "success"})
    fault = tracer(kist.folder / "calls", "-e", f"trace={call}", "-e", f"inject={call}:error={error}")
    result = kist.run("run", "p", before=fault, env=ENVIRONMENT, expect=3)
    (id,) = kist.ids()
    waiting = moody.waiting()
    assert len(waiting) == 1 and "error:" in result.err, result
    assert_nobody_is_left()
    kist.run("verify", "p")
    # Only where it was told, and kist could not hear of that, it is told twice.
    backups = [event["backup"] for event in moody.told("n")]
    assert backups == [id] * (2 if call == "recvfrom" else 1) and moody.waiting() == []


def test_notify_test(moody):
    kist = moody.kist
    moody.write(n=NO, unused=TAKES, quiet={"on": "failure"}, later={"mood": "later", "times": "1"})
    result = kist.run("notify", "test", "unused")
    assert result.out.startswith("unused (moody): ok, ")
    (event,) = moody.told("unused")
    assert (event["event"], event["pipeline"], event["summary"]) == ("test", "test", "test of the notifier 'unused'")
    kist.run("notify", "test", "quiet")
    assert moody.told("quiet")[0]["pipeline"] == "p"
    kist.run("notify", "test", "later")
    result = kist.run("notify", "test", "n", expect=1)
    assert "p/n(moody): no, said with ***" in result.is_one_error() and SECRET not in result.err
    assert "no [notifier p]" in kist.run("notify", "test", "p", expect=2).is_one_error()
    assert moody.waiting() == []
    assert_nobody_is_left()
