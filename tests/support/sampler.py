"""Looks for secrets in what `ps` would show."""
import threading
import time

from processes import descendants, read


class Sampler(threading.Thread):
    """Reads the command lines and environments of a process's children until it ends; `found` says where one of the
    `traces` (bytes) was in them."""

    def __init__(self, kist, pid, traces):
        super().__init__()
        self.own = str(kist.program).encode() + b"\0"
        self.pid, self.traces, self.seen, self.found, self.done = pid, traces, set(), [], False
        self.start()

    def run(self):
        while not self.done:
            if any(trace in read(self.pid, "cmdline") for trace in self.traces):
                self.found.append("kist itself: cmdline")
            for pid in descendants(self.pid):
                cmdline = read(pid, "cmdline")
                # A child that has not become its program yet has the memory of kist.
                if not cmdline or cmdline.startswith(self.own):
                    continue
                environ = read(pid, "environ")
                if read(pid, "cmdline") != cmdline:
                    continue
                self.seen.add(cmdline.split(b"\0")[0].rpartition(b"/")[2].decode())
                for what, text in (("cmdline", cmdline), ("environ", environ)):
                    if any(trace in text for trace in self.traces):
                        self.found.append(f"{cmdline[:60]}: {what}: {text}")
            time.sleep(0.005)

    def stop(self):
        self.done = True
        self.join()
        return self
