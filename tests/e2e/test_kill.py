"""Killed or out of space at any point: no new backup, none lost, and the next run works."""
import os
import signal
import subprocess
import time

import pytest
from aftermath import Watch, assert_no_child_is_left, left_over
from processes import descendants, is_gone, read, wait_until
from slow import fake_pg_dump, slow_pg_dump
from tracing import ENVIRONMENT

KILLED = {"GCOV_PREFIX": ENVIRONMENT["GCOV_PREFIX"]}


def pg_dumps_of(pid):
    """Children that are pg_dump, and not still kist on its way there."""
    return [
        child
        for child in descendants(pid)
        if b"/pg_dump\0" in b"/" + read(child, "cmdline")[:200] and b"--version" not in read(child, "cmdline")
    ]


@pytest.fixture(scope="module")
def duration(cluster, big, tmp_path_factory):
    """How long a run of the big database takes."""
    from kist import Kist

    kist = Kist(tmp_path_factory.mktemp("duration"), cluster)
    kist.pipeline(big, filters="gzip")
    return min(kist.run("run", "p").took for _ in range(3))


@pytest.mark.parametrize("part", [0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
def test_sigkill_of_kist(cluster, big, two, duration, part):
    watch = Watch(two)
    two.pipeline(big, filters="gzip")
    running = two.start("run", "p", env=KILLED)
    time.sleep(duration * part)
    running.signal(signal.SIGKILL)
    result = running.finish()
    assert_no_child_is_left(cluster)
    if result.code == 0:
        pytest.skip("it was faster this time")
    assert result.code == -signal.SIGKILL
    assert wait_until(lambda: not cluster.backends(), 5)
    two.pipeline("small")
    if len(two.ids()) > len(watch.before):
        # Between the manifest and the end: the backup exists, so it has to be good.
        two.run("verify", "p", "--all")
        watch = Watch(two)
    watch.no_new_backup()
    watch.next_run_works()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("part", [0.05, 0.2, 0.4, 0.6, 0.8])
def test_asked_to_stop(cluster, big, two, duration, part, number):
    watch = Watch(two)
    two.pipeline(big, filters="gzip")
    running = two.start("run", "p")
    time.sleep(duration * part)
    running.signal(number)
    stopped = time.monotonic()
    result = running.finish()
    if result.code == 0:
        pytest.skip("it was faster this time")
    assert time.monotonic() - stopped < 10
    if result.code == -number:
        # Before it could know better.
        assert part < 0.1 and result.err == ""
    else:
        assert result.code == 128 + number, result
        result.is_one_error()
    assert_no_child_is_left(cluster)
    # Its own leftovers it removes by itself.
    names = set(two.files())
    assert not [name for name in names if name.endswith(".pending")], names
    two.pipeline("small")
    watch.no_new_backup()
    watch.next_run_works()


def test_asked_twice(cluster, small, two):
    watch = Watch(two)
    two.pipeline(
        small,
        source=cluster.source(
            small,
            pg_dump=fake_pg_dump(two.folder, "trap '' TERM INT; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1; done"),
        ),
    )
    running = two.start("run", "p")
    assert wait_until(lambda: (two.folder / "pg_dump-runs").exists())
    running.signal(signal.SIGTERM)
    time.sleep(0.2)
    running.signal(signal.SIGTERM)
    assert running.finish(20).code == 143
    assert_no_child_is_left(cluster)
    two.pipeline(small)
    watch.after_failure()


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_pg_dump_dies(cluster, big, two, delay, number):
    watch = Watch(two)
    two.pipeline(big, filters="gzip")
    running = two.start("run", "p")
    assert wait_until(lambda: pg_dumps_of(running.pid) and cluster.backends(copying=True), 20, 0.002)
    time.sleep(delay)
    for pid in pg_dumps_of(running.pid):
        os.kill(pid, number)
    result = running.finish()
    if result.code == 0:
        pytest.skip("it was faster this time")
    assert result.code == 1, result
    line = result.is_one_error()
    assert "pg_dump" in line and any(word in line for word in ("signal", "terminated")), line
    two.pipeline("small")
    watch.after_failure()


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.2, 0.5])
def test_the_servers_process_dies(cluster, big, two, delay):
    watch = Watch(two)
    two.pipeline(big, filters="gzip")
    running = two.start("run", "p")
    pids = wait_until(lambda: cluster.backends(copying=True), 20, 0.002)
    assert pids
    time.sleep(delay)
    cluster.terminate(pids)
    result = running.finish()
    if result.code == 0:
        pytest.skip("it was faster this time")
    assert result.code == 1, result
    assert "terminat" in result.err or "connection" in result.err, result
    result.is_one_error()
    two.pipeline("small")
    watch.after_failure()


BAD_DUMPS = {
    "nothing": "exit 0",
    "nothing and a failure": "echo 'pg_dump: error: no luck' >&2; exit 1",
    "half, then exit 0": '"$real" "$@" | head -c 1500; exit 0',
    "half, then exit 1": '"$real" "$@" | head -c 1500; echo "pg_dump: error: no luck" >&2; exit 1',
    "all, then exit 1": '"$real" "$@"; echo "pg_dump: error: no luck" >&2; exit 1',
    "all but the end": 'd=$(mktemp); "$real" "$@" >"$d"; head -c -60 "$d"; rm "$d"',
    "something else": "echo 'this is not a dump, but it is long enough to be one, or so it may seem'",
}


@pytest.mark.parametrize("format", ["custom", "plain"])
@pytest.mark.parametrize("how", BAD_DUMPS)
def test_a_bad_dump(cluster, small, two, how, format):
    watch = Watch(two)
    two.pipeline(
        small, source=cluster.source(small, format=format, pg_dump=fake_pg_dump(two.folder, BAD_DUMPS[how]))
    )
    result = two.run("run", "p", expect=1)
    line = result.is_one_error()
    if "exit 1" in how:
        assert "no luck" in result.err, result
    assert "pg_dump" in line
    two.pipeline(small)
    watch.after_failure()


def test_a_table_that_is_locked(cluster, small, two):
    """Fault 14."""
    watch = Watch(two)
    locker = subprocess.Popen(
        ["psql", "-Xq", "-d", small, "-c", 'BEGIN; LOCK "t 1"; SELECT pg_sleep(30)'],
        env=cluster.client_env(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert wait_until(
            lambda: cluster.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'", small) != "0"
        )
        two.pipeline(small, source=cluster.source(small, lock_timeout="500ms"))
        result = two.run("run", "p", expect=1)
        assert "lock" in result.is_one_error().lower()
    finally:
        locker.kill()
        locker.wait()
    cluster.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' "
        "AND pid <> pg_backend_pid()"
    )
    two.pipeline(small)
    watch.after_failure()


@pytest.fixture
def tiny_disk(two):
    """The destination has a few megabytes of space."""
    copy = two.files()
    if (
        os.getuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", two.disk], capture_output=True
        ).returncode
        != 0
    ):
        pytest.skip("file systems cannot be mounted here")
    for name, content in copy.items():
        path = two.disk / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(content)
    yield two
    subprocess.run(["umount", two.disk], check=True)


def test_a_full_disk(cluster, big, tiny_disk):
    watch = Watch(tiny_disk)
    tiny_disk.pipeline(big)
    result = tiny_disk.run("run", "p", expect=1)
    assert "space" in result.is_one_error()
    tiny_disk.pipeline("small")
    watch.after_failure()


def test_a_read_only_disk(cluster, tiny_disk):
    watch = Watch(tiny_disk)
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk.disk], check=True)
    result = tiny_disk.run("run", "p", expect=1)
    assert "read-only" in result.is_one_error().lower()
    # What is proved cannot be noted there, and that is told.
    assert "cannot note" in tiny_disk.run("verify", "p", expect=3).err
    subprocess.run(["mount", "-o", "remount,rw", tiny_disk.disk], check=True)
    watch.after_failure()


def test_a_file_size_limit(cluster, big, two):
    watch = Watch(two)
    two.pipeline(big)
    result = two.run("run", "p", before=["prlimit", "--fsize=2000000"], env=KILLED, expect=None)
    assert result.code not in (0, 3), result
    two.pipeline("small")
    watch.after_failure()


def test_require_mount(cluster, small, kist):
    kist.pipeline(small, sections="require_mount = yes\n")
    result = kist.run("run", "p", expect=None)
    if os.path.ismount(kist.disk):
        pytest.skip("it is one")
    assert result.code in (1, 2), result
    assert "mount" in result.is_one_error()
    assert kist.files() == {}


def test_a_symbolic_link_in_the_way(small, kist):
    kist.pipeline(small)
    elsewhere = kist.folder / "elsewhere"
    elsewhere.mkdir()
    (kist.disk / "p").symlink_to(elsewhere)
    kist.run("run", "p", expect=1).is_one_error()
    assert list(elsewhere.iterdir()) == []


def test_standard_error_is_closed_or_full(two):
    """The backup is made all the same; that its log was lost is told by the exit status."""
    for redirection in ("2>/dev/full", "2>&-"):
        running = two.start("-v", "run", "p", before=["sh", "-c", f'exec "$@" {redirection}', "sh"])
        assert running.finish().code in (0, 3)
    two.run("verify", "p", "--all")
    assert len(two.ids()) == 3


def test_the_restore_is_undone(cluster, big, kist):
    """Fault 98: kist or the server's process dies in a restore; the target stays empty, and another restore works."""
    kist.pipeline(big)
    kist.backup()
    for what in ("kist", "server"):
        cluster.create("target")
        running = kist.start("restore", "p", "--to", "target", env=KILLED)
        pids = wait_until(lambda: cluster.backends(copying=True), 30, 0.002)
        assert pids, running.finish()
        if what == "kist":
            running.signal(signal.SIGKILL)
        else:
            cluster.terminate(pids)
        result = running.finish()
        assert result.code == (-9 if what == "kist" else 1), result
        assert_no_child_is_left(cluster)
        assert wait_until(lambda: not cluster.backends(), 5)
        assert cluster.table_count("target") == 0
        kist.run("restore", "p", "--to", "target")
        assert cluster.table_count("target") == 1
    cluster.drop("target")


def test_a_killed_run_holds_no_lock(cluster, small, two):
    two.pipeline(small, source=cluster.source(small, pg_dump=slow_pg_dump(two.folder, after=0, seconds=60)))
    running = two.start("run", "p", env=KILLED)
    assert wait_until(lambda: (two.folder / "pg_dump-runs").exists())
    children = descendants(running.pid)
    running.signal(signal.SIGKILL)
    running.finish()
    assert wait_until(lambda: all(is_gone(pid) for pid in children), 1)
    assert left_over(cluster) == []
    two.pipeline(small)
    two.run("run", "p")


def test_the_local_state_can_be_lost(two):
    import shutil

    before = two.ids()
    shutil.rmtree(two.state)
    assert two.ids() == before
    two.run("verify", "p")
    two.run("run", "p")
    assert len(two.ids()) == 2
