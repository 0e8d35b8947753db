"""`kist daemon`: on time, one process, and well behaved towards those who manage it."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest
from fleet import feed, kill_each, wait_until
from processes import descendants, is_gone


def at_work(fleet):
    """Pipelines that have written their note."""
    return sorted(path.parent.name for path in (fleet.folder / "disk" / "_kist").glob("*/*.pending"))


class Daemon:
    def __init__(self, fleet, env=None, before=()):
        self.fleet = fleet
        self.log = fleet.folder / "daemon.log"
        with open(self.log, "w") as log:
            self.running = fleet.kist.start(
                "daemon", env={**fleet.kist.env, **(env or {})}, before=before, stderr=log, stdout=log
            )
        self.pid = self.running.pid
        self.says("at a time")

    def text(self):
        return self.log.read_text()

    def says(self, words, count=1):
        return wait_until(lambda: self.text().count(words) >= count)

    def signal(self, number):
        os.kill(self.pid, number)

    def stop(self, expect=0):
        self.signal(signal.SIGTERM)
        return self.ends(expect)

    def ends(self, expect=0):
        result = self.running.finish(20)
        assert result.code == expect, self.text()
        assert "Sanitizer" not in self.text() and "runtime error" not in self.text(), self.text()
        return self.text()


@pytest.fixture
def daemon(fleet):
    """Starts one; it is gone when the test is."""
    made = []

    def start(**more):
        made.append(Daemon(fleet, **more))
        return made[-1]

    yield start
    for each in made:
        if each.running.process.poll() is None:
            kill_each({each.pid} | descendants(each.pid))
            each.running.process.wait()


def test_on_time(fleet, daemon):
    fleet.write(schedule="0 * * * *")
    fleet.clock.set("2028-02-27T11:30:00")
    one = daemon()
    one.says(": ok, ")
    # The clock is set, or the host has slept: noticed at the next look, which a signal brings about, too.
    # From then on it sleeps up to the slot itself, not from minute to minute.
    fleet.clock.set("2028-02-27T11:59:58")
    one.signal(signal.SIGHUP)
    one.says(": ok, ", 2)
    assert fleet.ids()[1][:18] == "2028-02-27T12-00-0"
    # What was slept over is made up for once.
    fleet.clock.set("2028-02-29T07:30:01")
    one.signal(signal.SIGHUP)
    one.says(": ok, ", 3)
    one.signal(signal.SIGHUP)
    one.says("was read again", 3)
    one.stop()
    assert len(fleet.ids()) == 3


def test_a_configuration_that_changes(fleet, daemon):
    one = daemon()
    wait_until(lambda: fleet.ids())
    fleet.write(names=("p", "q"))
    one.signal(signal.SIGHUP)
    wait_until(lambda: fleet.ids("q"))
    # A broken one changes nothing.
    fleet.kist.write("[pipeline r]\nsorce = x\n", name="zz.ini")
    one.signal(signal.SIGHUP)
    one.says("the one before it stays")
    assert "zz.ini:2: [pipeline r] sorce: unknown key" in one.text()
    fleet.clock.set("2028-02-28T02:00:00")
    one.signal(signal.SIGHUP)
    one.says("the one before it stays", 2)
    wait_until(lambda: len(fleet.ids()) == len(fleet.ids("q")) == 2)
    (fleet.kist.conf / "zz.ini").unlink()
    # What is running keeps what it began with.
    pipe = fleet.pipe()
    fleet.write(source=pipe)
    fleet.clock.set("2028-02-29T02:00:00")
    one.signal(signal.SIGHUP)
    wait_until(lambda: at_work(fleet))
    fleet.write(names=("r",))
    one.signal(signal.SIGHUP)
    wait_until(lambda: fleet.ids("r"))
    feed(pipe)
    wait_until(lambda: len(fleet.ids()) == 3)
    one.stop()


def test_it_drains(fleet, daemon):
    pipe = fleet.pipe()
    fleet.write(source=pipe, names=("p", "q"), kist="max_parallel = 1")
    one = daemon()
    wait_until(lambda: at_work(fleet))
    one.signal(signal.SIGTERM)
    one.says("told to stop: 1 run under way may come to an end")
    time.sleep(0.2)
    assert one.running.process.poll() is None
    feed(pipe)
    one.ends()
    # What had not begun yet does not begin any more.
    assert len(fleet.ids("p")) == 1 and fleet.ids("q") == []
    fleet.write(names=("p", "q"))
    assert fleet.due() == ["q"]


def test_a_second_signal_stops_what_runs(fleet, daemon):
    fleet.write(destinations={"disk": {}, "far": {"plugin": "flaky", "stall": "write", "only": "lines"}})
    one = daemon()
    wait_until(lambda: list((fleet.folder / "far").glob("*pending*")))
    one.signal(signal.SIGTERM)
    one.says("may come to an end")
    one.signal(signal.SIGTERM)
    one.ends()
    assert fleet.ids() == [] and not [key for key in fleet.kist.files() if "pending" in key]
    assert fleet.kist.history("run")[-1]["exit"] == 143


def test_no_more_at_a_time_than_allowed(fleet, daemon):
    pipes = [fleet.pipe(f"pipe{number}") for number in range(5)]
    names = [f"p{number}" for number in range(5)]
    fleet.write(names=names, kist="max_parallel = 2")
    # Each waits for a pipe of its own.
    text = (fleet.kist.conf / "kist.ini").read_text()
    for number, name in enumerate(names):
        text = text.replace(f"[pipeline {name}]\nsource = shelf", f"[pipeline {name}]\nsource = shelf{number}")
        text += f"[source shelf{number}]\nplugin = shelf\npath = {pipes[number]}\n"
    fleet.kist.write(text)
    one = daemon()

    for number in range(5):
        expected = names[number : number + 2]
        wait_until(lambda: at_work(fleet) == expected)
        time.sleep(0.1)
        assert at_work(fleet) == expected
        feed(pipes[number])
    wait_until(lambda: all(fleet.ids(name) for name in names))
    one.stop()


def test_a_member_that_dies(fleet, daemon):
    pipe = fleet.pipe()
    fleet.write(source=pipe)
    one = daemon()
    wait_until(lambda: at_work(fleet))
    member = min(descendants(one.pid))
    os.kill(member, signal.SIGKILL)
    one.says("the process of this run died of signal 9")
    wait_until(lambda: fleet.notes.exists())
    assert fleet.told()[0].split()[0] == "failure"
    # It is begun again at the next look, and cleans up.
    fleet.write()
    one.signal(signal.SIGHUP)
    wait_until(lambda: fleet.ids())
    wait_until(lambda: not at_work(fleet))
    one.stop()


def has_open(pid, path):
    try:
        return str(path) in [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False


def test_it_leaves_nothing_running(fleet, daemon):
    """However it ends itself."""
    pipe = fleet.pipe()
    fleet.write(source=pipe)
    one = daemon()
    wait_until(lambda: at_work(fleet))
    feeder = os.open(pipe, os.O_RDWR)
    members = descendants(one.pid)
    wait_until(lambda: any(has_open(pid, pipe) for pid in members))
    os.kill(one.pid, signal.SIGKILL)
    os.close(feeder)
    wait_until(lambda: all(is_gone(pid) for pid in members))


class Manager:
    """Where a service manager listens."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(20)
        self.got = []

    def gets(self, pattern):
        """The first datagram with it."""
        for text in self.got:
            if re.search(pattern, text):
                return text
        while True:
            self.got.append(self.socket.recv(4096).decode())
            if re.search(pattern, self.got[-1]):
                return self.got[-1]

    def forget(self):
        self.got = []


@pytest.mark.parametrize("abstract", [False, True])
def test_a_service_manager_is_told(fleet, daemon, abstract):
    name = f"kist-test-{os.getpid()}" if abstract else str(fleet.folder / "s")
    manager = Manager(("\0" if abstract else "") + name)
    env = {"NOTIFY_SOCKET": ("@" if abstract else "") + name, "WATCHDOG_USEC": "200000"}
    one = daemon(env=env)
    manager.gets("^READY=1$")
    manager.gets(r"^STATUS=\d running, \d waiting, 1 pipeline$")
    manager.gets("^WATCHDOG=1$")
    wait_until(lambda: fleet.ids())
    manager.forget()
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    one.signal(signal.SIGHUP)
    reloading = manager.gets("^RELOADING=1\n")
    stamp = int(re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", reloading)[1])
    assert before <= stamp <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    manager.gets("^READY=1$")
    manager.forget()
    for _ in range(3):
        manager.forget()
        manager.gets("^WATCHDOG=1$")
    one.signal(signal.SIGTERM)
    manager.gets("^STOPPING=1$")
    one.ends()


def test_a_watchdog_of_another_process(fleet, daemon):
    manager = Manager(str(fleet.folder / "s"))
    one = daemon(env={"NOTIFY_SOCKET": str(fleet.folder / "s"), "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
    manager.gets("^READY=1$")
    wait_until(lambda: fleet.ids())
    one.stop()
    manager.gets("^STOPPING=1$")
    assert not [text for text in manager.got if "WATCHDOG" in text]


def test_as_the_first_process(fleet, daemon):
    """In a container it is process 1: signals are obeyed, and what others leave behind is buried."""
    unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("no namespaces here")
    one = daemon(before=unshare)
    wait_until(lambda: fleet.ids())
    first = min(descendants(one.pid))
    # An orphan: its parent ends before it does.
    subprocess.run(["nsenter", "-t", str(first), "-p", "sh", "-c", "(sleep 0.3 &) ; exit"], check=True)
    wait_until(lambda: "sleep" in names_below(first))
    wait_until(lambda: not names_below(first))
    os.kill(first, signal.SIGTERM)
    one.ends()


def names_below(pid):
    found = []
    for each in descendants(pid):
        try:
            with open(f"/proc/{each}/stat") as file:
                found.append(file.read().split("(")[1].split(")")[0])
        except OSError:
            pass
    return found


def test_nothing_to_do(fleet, daemon):
    fleet.write(p="min_keep = 2")
    one = daemon()
    assert "no pipeline has a `schedule`" in one.text()
    one.stop()
    fleet.kist.write("[pipeline p]\nsorce = x\n")
    assert fleet.kist.run("daemon", expect=2).errors
