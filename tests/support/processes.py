"""What runs on this machine, read from /proc."""
import os
import time
from pathlib import Path

# Pids of servers that tests share: a test that looks for what kist left behind passes over them and their children.
SERVERS = set()


def read(pid, name):
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def parents():
    """{pid: parent's pid} of everything."""
    found = {}
    for pid in pids():
        stat = read(pid, "stat")
        if stat:
            found[pid] = int(stat.rpartition(b") ")[2].split()[1])
    return found


def descendants(pid):
    known = parents()
    found, fresh = set(), {pid}
    while fresh:
        fresh = {child for child, parent in known.items() if parent in fresh} - found
        found |= fresh
    return found


def with_word(word):
    """Pids of processes with this text in their command line or environment, but not of this one."""
    word = str(word).encode()
    return [
        pid
        for pid in pids()
        if pid != os.getpid() and (word in read(pid, "cmdline") or word in read(pid, "environ"))
    ]


def is_gone(pid):
    stat = read(pid, "stat")
    return not stat or stat.rpartition(b") ")[2].split()[0] in (b"Z", b"X")


def wait_until(what, timeout=10.0, step=0.01):
    """The first true value that `what` returns, or its last false one."""
    end = time.monotonic() + timeout
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value
        time.sleep(step)
