"""What must be true after a run that failed, however it failed."""
import ctypes
import os
import time

from processes import SERVERS, descendants, is_gone, read

# Whatever a killed kist leaves behind becomes a child of this process, and is seen.
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def left_over(cluster):
    """Living descendants of the test, without the servers that belong to it."""
    servers = {cluster.server.pid} | SERVERS
    ours = servers.union(*(descendants(pid) for pid in servers))
    return [pid for pid in descendants(os.getpid()) - ours if not is_gone(pid)]


def assert_no_child_is_left(cluster, seconds=1.0):
    end = time.monotonic() + seconds
    while left_over(cluster) and time.monotonic() < end:
        time.sleep(0.02)
    pids = left_over(cluster)
    assert not pids, [read(pid, "cmdline") for pid in pids]
    while True:  # the dead ones
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def expected_files(kist, name="p", destination="disk"):
    """Exactly the files that the good backups of a destination consist of."""
    names = set()
    for id in kist.ids(name):
        manifest = kist.manifest(id, name=name, destination=destination)
        names |= {item["key"] for item in manifest["items"]}
        names |= {manifest["restore_notes"]["key"], f"_kist/{name}/{id}.json"}
    return names


class Watch:
    """The backups before a fault, to be compared with those after it."""

    def __init__(self, kist, name="p"):
        self.kist, self.name = kist, name
        self.before = {id: kist.manifest_path(id, name).read_bytes() for id in kist.ids(name)}

    def no_new_backup(self):
        """The earlier ones are all there and good, and there is no other."""
        assert self.kist.ids(self.name) == sorted(self.before)
        for id, text in self.before.items():
            assert self.kist.manifest_path(id, self.name).read_bytes() == text
        if self.before:
            self.kist.run("verify", self.name, "--all")

    def next_run_works(self, **more):
        """And leaves nothing of the failed one behind."""
        id = self.kist.backup(self.name, **more)
        assert id not in self.before
        self.kist.run("verify", self.name)
        assert set(self.kist.files()) == expected_files(self.kist, self.name)
        return id

    def after_failure(self):
        assert_no_child_is_left(self.kist.cluster)
        self.no_new_backup()
        self.next_run_works()
