"""The notifier `command`: a program that gets the event on its standard input, and nothing else that matters."""
import json
import os
import time

import pytest
from told import HOSTILE, Told, build_rude

RECORD = """#!/usr/bin/python3
import json, os, sys
with open({path!r}, "a") as out:
    out.write(json.dumps([sys.argv, dict(os.environ), sys.stdin.read(), os.listdir("/proc/self/fd")]) + "\\n")
"""


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build_rude(tmp_path_factory.mktemp("plugins") / "rude")


@pytest.fixture
def told(plain_kist, plugins):
    return Told(plain_kist, plugins)


def program(told, text):
    path = told.kist.folder / "program"
    path.write_text(text)
    path.chmod(0o755)
    return path


def recorder(told):
    notes = told.kist.folder / "notes"
    return program(told, RECORD.format(path=str(notes))), notes


def records(notes):
    return [json.loads(line) for line in notes.read_text().splitlines()]


def test_arguments_environment_and_input(told):
    path, notes = recorder(told)
    told.kist.env.update(C4NARY="secret", HANDED_ON="a b", LD_LIBRARY_PATH="/nonexistent")
    told.fails(HOSTILE)
    told.write("command", command=path, args="--team, a b, $(id), *, `id`'\", ", env="HANDED_ON, MISSING")
    told.kist.run("run", "p", expect=1)
    ((argv, env, text, fds),) = records(notes)
    assert argv == [str(path), "--team", "a b", "$(id)", "*", "`id`'\""]
    event = json.loads(text)
    assert event["event"] == "failure" and "<!channel>" in event["cause"]
    assert env.pop("KIST_TITLE") == event["title"] and env.pop("KIST_RUN") == event["run"]
    env.pop("LC_CTYPE", None)  # Python's own
    path_of = env.pop("PATH")
    assert "/usr/bin" in path_of.split(":")
    assert env == {"LC_ALL": "C.UTF-8", "TZ": "UTC", "KIST_EVENT": "failure", "KIST_PIPELINE": "p", "HANDED_ON": "a b"}
    assert set(fds) <= {"0", "1", "2", "3", "4"}  # the last are the note and the directory that is listed


def test_success_is_told_once_and_a_start_never(told):
    path, notes = recorder(told)
    told.write("command", command=path)
    id = told.kist.backup()
    ((_, env, text, _),) = records(notes)
    assert env["KIST_EVENT"] == "success" and json.loads(text)["backup"] == id


@pytest.mark.parametrize("status, again", ((1, False), (75, True)))
def test_exit_statuses(told, status, again):
    count = told.kist.folder / "count"
    words = "echo first >&2\necho 'the last \033[31mwords' >&2"
    path = program(told, f"#!/bin/sh\necho x >>{count}\n{words}\nexit {status}\n")
    told.write("command", command=path, deadline="2s")
    result = told.kist.run("run", "p", expect=3)
    assert f"exited with status {status}" in result.err and "the last ?[31mwords" in result.err
    assert (len(count.read_text().splitlines()) > 1) == again
    assert len(told.waiting()) == 1
    path.write_text("#!/bin/sh\nexit 0\n")
    told.kist.run("run", "p")
    assert told.waiting() == []


def test_a_secret_that_is_handed_on_is_not_shown(told):
    path = program(told, "#!/bin/sh\necho \"refused: $CHAT_TOKEN and $PAGER_URL\" >&2\nexit 1\n")
    told.kist.env.update(CHAT_TOKEN="c4nary-of-the-chat", PAGER_URL="https://u:c4nary-too@pager.example/x")
    told.write("command", command=path, env="CHAT_TOKEN, PAGER_URL")
    result = told.kist.run("notify", "test", "ops", expect=1)
    assert "refused: ***" in result.err and "c4nary" not in result.err


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_one_that_hangs_is_ended_with_all_that_it_started(told):
    pids = told.kist.folder / "pids"
    path = program(told, f"#!/bin/sh\ntrap '' TERM\nsleep 300 &\necho $$ $! >>{pids}\nwait\nsleep 300\n")
    told.write("command", command=path, deadline="1s")
    result = told.kist.run("run", "p", expect=3)
    assert result.took < 8 and "longer than it may" in result.err
    until = time.monotonic() + 5
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) >= 2
    while any(alive(pid) for pid in started) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in started)


@pytest.mark.parametrize(
    "script", ("exit 0", "exec <&-; exit 0", "exec >&- 2>&-; exit 0", "head -c 10000000 /dev/zero")
)
def test_what_does_not_read_or_talks_too_much_is_fine(told, script):
    told.fails("x" * 1000000)
    told.write("command", command=program(told, f"#!/bin/sh\n{script}\n"))
    result = told.kist.run("run", "p", expect=1)
    assert result.took < 8 and told.waiting() == []


def test_no_zombie_is_left_by_many(told):
    notes = told.kist.folder / "notes"
    path = program(told, f"#!/bin/sh\necho $PPID $$ >>{notes}\n")
    told.write("command", command=path, more="")
    for _ in range(3):
        told.kist.run("notify", "test", "ops")
    for line in notes.read_text().splitlines():
        for pid in map(int, line.split()):
            assert not os.path.exists(f"/proc/{pid}"), pid


def test_mistakes(told):
    for command, words in (("program", "absolute"), ("/nonexistent/x", "cannot be"), ("/etc/passwd", "cannot be")):
        told.write("command", command=command)
        assert words in told.kist.run("notify", "test", "ops", expect=1).is_one_error()
    told.write("command", command="/bin/true", env="LD_PRELOAD")
    assert "LD_PRELOAD" in told.kist.run("notify", "test", "ops", expect=1).is_one_error()
