"""A system call fails, or is the last one, anywhere in a run: no new backup, none lost, and the next run works."""
import os

import pytest
from aftermath import Watch, assert_no_child_is_left
from tracing import ENVIRONMENT, count_calls, loader_calls, spread, tracer

# Points of a sweep for each system call.
POINTS = int(os.environ.get("KIST_SWEEP_POINTS", "10"))


# System calls by which kist changes what is on a disk, with what can go wrong there.
FAULTS = [
    ("fsync", "EIO"),
    ("fsync", "ENOSPC"),
    ("fdatasync", "EIO"),
    ("renameat2", "EIO"),
    ("renameat2", "ENOSPC"),
    ("openat", "EMFILE"),
    ("openat2", "EIO"),
    ("mkdirat", "ENOSPC"),
    ("write", "ENOSPC"),
    ("write", "EIO"),
    ("pwrite64", "EIO"),
    ("linkat", "EIO"),
    ("unlinkat", "EIO"),
    ("clone3", "EAGAIN"),
    ("pipe2", "EMFILE"),
    ("memfd_create", "EMFILE"),
    ("fcntl", "EINVAL"),
    ("flock", "EIO"),
]


@pytest.fixture(scope="module")
def traced(cluster, small, tmp_path_factory):
    """(program, the system calls of a good run)"""
    from kist import Kist

    kist = Kist(tmp_path_factory.mktemp("calls"), cluster)
    kist.pipeline(small)
    kist.backup()
    log = kist.folder / "strace"
    result = kist.run("run", "p", before=tracer(log), env=ENVIRONMENT)
    assert result.code == 0
    return kist.program, log


@pytest.fixture(scope="module")
def calls(traced):
    """How often each system call is made by one thread."""
    program, log = traced
    return count_calls(log, program)


@pytest.mark.parametrize("call, error", FAULTS)
def test_a_failing_system_call(cluster, two, calls, call, error):
    """The run fails and says so, or the fault did not matter: then the backup is whole."""
    if not calls[call]:
        pytest.skip(f"a run makes no {call}")
    for number in spread(calls[call], POINTS):
        watch = Watch(two)
        log = two.folder / "strace"
        result = two.run(
            "run",
            "p",
            before=tracer(log, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}"),
            env=ENVIRONMENT,
            expect=None,
        )
        where = f"{call} {error} at {number}: {result}"
        assert_no_child_is_left(cluster)
        made = len(two.ids()) - len(watch.before)
        assert made == (result.code in (0, 3)), where
        if made:
            two.run("verify", "p", "--all")
            continue
        assert result.code in (1, 2), where
        assert result.errors or call in ("write", "fcntl"), where
        watch.no_new_backup()
        watch.next_run_works()


# Where a process can be ended: at each of these, on the way in.
DEADLY = [
    "openat",
    "openat2",
    "write",
    "fsync",
    "fdatasync",
    "renameat2",
    "linkat",
    "mkdirat",
    "unlinkat",
    "clone3",
    "wait4",
    "waitid",
    "close",
    "fstat",
    "newfstatat",
    "getdents64",
    "flock",
    "fchmod",
    "statx",
]


@pytest.mark.parametrize("call", DEADLY)
def test_killed_at_a_system_call(cluster, two, calls, call):
    if not calls[call]:
        pytest.skip(f"a run makes no {call}")
    for number in spread(calls[call], POINTS):
        watch = Watch(two)
        log = two.folder / "strace"
        running = two.start(
            "run",
            "p",
            before=tracer(log, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"),
            env=ENVIRONMENT,
        )
        result = running.finish()
        where = f"{call} at {number}: {result}"
        assert_no_child_is_left(cluster)
        ids = two.ids()
        if len(ids) == len(watch.before) + 1:
            # After the manifest was written the backup exists.
            two.run("verify", "p", "--all")
            watch = Watch(two)
        else:
            assert result.code != 0, where
            watch.no_new_backup()
        watch.next_run_works()


@pytest.mark.parametrize(
    "fault",
    [
        "read:error=EINTR",
        "write:error=EINTR",
        "poll:error=EINTR",
        "wait4:error=EINTR",
        "openat:error=EINTR",
        "read:error=EAGAIN",
        "write:error=EAGAIN",
    ],
)
@pytest.mark.parametrize("first, step", [(1, 5), (2, 3), (3, 11)])
def test_interrupted_system_calls(cluster, two, traced, fault, first, step):
    """An interruption does no harm, and if it does, it is told."""
    call = fault.split(":")[0]
    # The loader gives up at once, and that is not what is looked at.
    first += loader_calls(traced[1])[call]
    watch = Watch(two)
    result = two.run(
        "run",
        "p",
        env=ENVIRONMENT,
        expect=None,
        before=tracer(two.folder / "strace", "-e", f"trace={call}", "-e", f"inject={fault}:when={first}+{step}"),
    )
    if result.code in (0, 3):
        two.run("verify", "p", "--level", "decode")
    else:
        assert result.code in (1, 2) and result.errors, (fault, result)
        watch.after_failure()
