"""Two hosts with one configuration: one of them runs."""
import json
import os
import signal
import subprocess
import time

import pytest
from fleet import Fleet, feed, kill_all, wait_until


@pytest.fixture
def fleet(tmp_path, plugins):
    fleet = Fleet(tmp_path, plugins)
    fleet.other = fleet.host("other")
    fleet.write()
    fleet.clock.set("2028-02-27T12:00:00")
    return fleet


def start_slow(fleet, kist=None, *words):
    """A run that waits in the middle; returns it and the pipe that it waits for."""
    pipe = fleet.pipe()
    fleet.write(source=pipe)
    running = (kist or fleet.kist).start("run", *(words or ["--due"]))
    wait_until(lambda: list((fleet.folder / "disk" / "_kist" / "p").glob("*.pending")))
    return running, pipe


def test_one_runs_and_the_other_says_so(fleet):
    running, pipe = start_slow(fleet)
    before = fleet.kist.files()
    fleet.due(kist=fleet.other, expect=5)
    line = next(line for line in fleet.result.err.splitlines() if "warning" in line)
    assert "p/disk(local): host '" in line and "has its lease until 2028-02-27T12:1" in line, line
    assert "wait for it" in fleet.result.err
    assert fleet.told() == []
    # By hand it is the same, and a mistake.
    result = fleet.other.run("run", "p", expect=5)
    assert "is at work on it" in result.is_one_error()
    assert fleet.kist.files() == before
    # Not each minute again.
    assert fleet.due(kist=fleet.other) == [] and not fleet.result.err
    feed(pipe)
    assert running.finish().code == 0
    # What the one has done the other need not do.
    fleet.clock.step(360)
    assert fleet.due(kist=fleet.other) == []
    assert len(fleet.ids()) == 1
    assert len(fleet.leases()) == 1
    # It is free now.
    fleet.write()
    assert fleet.other.run("run", "p").code == 0
    assert len(fleet.ids()) == 2


def test_what_was_made_meanwhile_is_needless(fleet):
    """Both find the slot due at once, and one comes to the lease when the other is done."""
    pipe = fleet.pipe()
    assert fleet.due() == ["p"]
    fleet.clock.set("2028-02-28T02:00:00")
    # The other host has looked at the destination, and stands still before its run.
    gate = fleet.folder / "gate.so"
    hold_before_lock(gate)
    env = {**fleet.other.env, "LD_PRELOAD": f"{fleet.other.env['LD_PRELOAD']} {gate}", "KIST_TEST_GATE": str(pipe)}
    running = fleet.other.start("run", "--due", env=env)
    wait_until(lambda: (fleet.folder / "gate.reached").exists())
    assert fleet.due() == ["p"]
    fleet.told()
    feed(pipe)
    result = running.finish()
    assert result.code == 0, result
    assert "nothing to do: another run has made the backup 2028-02-28T02-00-" in result.err
    assert result.out == ""
    assert fleet.told() == []
    assert not [key for key in fleet.kist.files() if "pending" in key]
    assert len(fleet.ids()) == 2
    assert fleet.due(kist=fleet.other) == []


def hold_before_lock(target):
    """A member stands still where it takes the lock of its run: after it was found to be due."""
    source = r"""
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <fcntl.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/file.h>
    #include <unistd.h>
    int flock(int fd, int how)
    {
        static int count;
        char link[64], path[4096] = "";
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof path - 1);
        path[length > 0 ? length : 0] = 0;
        /* The first time it is only asked whether somebody is at work. */
        if (strstr(path, "/locks/p.lock") && ++count == 2) {
            const char *gate = getenv("KIST_TEST_GATE");
            char reached[4096], byte;
            snprintf(reached, sizeof reached, "%.*s/gate.reached", (int)(strrchr(gate, '/') - gate), gate);
            close(open(reached, O_CREAT | O_WRONLY, 0600));
            int wait = open(gate, O_RDONLY);
            while (read(wait, &byte, 1) > 0)
                ;
            close(wait);
        }
        return ((int (*)(int, int))dlsym(RTLD_NEXT, "flock"))(fd, how);
    }
    """
    words = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", target, "-ldl"]
    subprocess.run(words, input=source, text=True, check=True)


def test_a_holder_that_was_killed(fleet):
    running, _ = start_slow(fleet)
    kill_all(running)
    fleet.write()
    assert len(fleet.leases()) == 1
    # The other host waits until the lease has expired, and two minutes more for a clock that is behind.
    fleet.due(kist=fleet.other, expect=5)
    fleet.clock.step(11 * 60)
    fleet.due(kist=fleet.other, expect=5)
    fleet.clock.step(6 * 60)
    assert fleet.due(kist=fleet.other) == ["p"]
    assert fleet.due() == []


def test_its_own_host_goes_on_at_once(fleet):
    running, _ = start_slow(fleet)
    kill_all(running)
    fleet.write()
    assert fleet.due() == ["p"]
    lease = json.loads((fleet.folder / "disk" / "_kist" / "p" / fleet.leases()[0]).read_text())
    assert lease["released"] is True
    assert fleet.due(kist=fleet.other) == []


def test_a_run_that_fails_or_is_stopped_gives_it_back(fleet):
    fleet.file.rename(fleet.folder / "away")
    fleet.due(expect=1)
    (fleet.folder / "away").rename(fleet.file)
    # The other host has not tried yet: the slot is still to be done.
    assert fleet.due(kist=fleet.other) == ["p"]
    fleet.clock.set("2028-02-28T02:00:00")
    fleet.write(destinations={"disk": {}, "far": {"plugin": "flaky", "stall": "write", "only": "lines"}})
    running = fleet.kist.start("run", "--due")
    wait_until(lambda: list((fleet.folder / "far").glob("*pending*")))
    running.signal(signal.SIGTERM)
    assert running.finish().code == 143
    fleet.write()
    assert fleet.due(kist=fleet.other) == ["p"]


def test_who_needs_none(fleet):
    """Without a schedule, or where it is switched off, there is no lease; and nothing is kept where nothing stays."""
    fleet.write(names=("p", "q"), p="min_keep = 2", q="schedule = @daily\nexclusive = no")
    fleet.kist.run("run", "p", "q")
    assert fleet.leases() == fleet.leases("q") == []
    fleet.clock.set("2028-02-28T00:00:00")
    assert fleet.due() == ["q"]
    fleet.write(names=("p",), p="exclusive = yes")
    fleet.kist.run("run", "p")
    assert len(fleet.leases()) == 1


def test_leases_disturb_nobody(fleet):
    """Commands that read what is on a destination, and those that tidy it, pass over leases."""
    fleet.write(more="keep = 1 last\nmin_keep = 1\nmax_delete = 100%")
    # Nothing is deleted while the clock is wrong.
    fleet.clock.step(int(time.time()) - fleet.clock.now())
    for _ in range(3):
        fleet.kist.run("run", "p")
    assert len(fleet.ids()) == 1
    running, _ = start_slow(fleet, None, "p")
    lease = fleet.leases()
    assert len(lease) == 1
    kill_all(running)
    fleet.write()
    for words in (["list"], ["show", "p"], ["verify", "p"], ["run", "--repair", "p"], ["doctor"], ["prune", "p"]):
        fleet.kist.run(*words)
        assert fleet.leases() == lease, words
    (fleet.folder / "disk" / "_kist" / "p" / "lease.999").write_text("rubbish")
    result = fleet.kist.run("run", "p")
    assert "is damaged, and passed over" in result.err
    assert os.listdir(fleet.folder / "disk" / "_kist" / "p").count("lease.999") == 0


def test_a_destination_without_leases(fleet):
    """One that cannot be written to is passed over; where there is no other, the run is what fails, or not."""
    far = {"plugin": "flaky", "fail_begin": 1000, "only": "lease.", "retries": 0}
    fleet.write(destinations={"far": far, "disk": {}})
    fleet.due()
    assert "cannot take the lease" in fleet.result.err
    assert len(fleet.leases()) == 1
    fleet.clock.set("2028-02-28T02:00:00")
    fleet.write(destinations={"far": far})
    assert fleet.due() == ["p"]
