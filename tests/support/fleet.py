"""Many pipelines of one source, with a clock that is set: what schedules are tested with."""
import contextlib
import os
import signal
import time

from clock import Clock
from kist import Kist, sanitizer_options
from processes import descendants


class Fleet:
    """Hosts that share destinations, a source without a server, and a clock."""

    def __init__(self, folder, plugins):
        self.folder, self.plugins = folder, plugins
        self.file, self.notes = folder / "shelf.txt", folder / "notes"
        self.file.write_text("".join(f"line {number}\n" for number in range(100)))
        self.clock = Clock(folder)
        self.kist = self.host()

    def host(self, state="state"):
        """One more host: the same configuration, a state of its own."""
        kist = Kist(self.folder)
        kist.state = self.folder / state
        kist.env = {**self.clock.env, "ASAN_OPTIONS": sanitizer_options(verify_asan_link_order="0")}
        return kist

    def write(self, names=("p",), schedule="0 2 * * *", more="", kist="", destinations=None, source=None, **each):
        """`destinations`: {name: options}, local ones unless `plugin` says otherwise; `each`: keys of one pipeline."""
        destinations = destinations or {"disk": {}}
        templates = self.kist.program.parent.parent / "templates"
        lines = ["[kist]", f"plugin_dirs = {self.plugins}, {templates}", kist]
        for name in names:
            lines += [f"[pipeline {name}]", "source = shelf", f"destinations = {', '.join(destinations)}"]
            lines += [each.get(name, f"schedule = {schedule}"), "notify = ops", more]
        lines += ["[source shelf]", "plugin = shelf", f"path = {source or self.file}"]
        lines += ["[notifier ops]", "plugin = logfile", f"path = {self.notes}"]
        for name, options in destinations.items():
            path = self.folder / name
            path.mkdir(mode=0o700, exist_ok=True)
            options = {"plugin": "local", "path": path, **options}
            lines += [f"[destination {name}]", *(f"{key} = {value}" for key, value in options.items())]
        self.kist.write("\n".join(lines) + "\n")

    def ids(self, name="p", destination="disk"):
        folder = self.folder / destination / "_kist" / name
        return sorted(path.stem for path in folder.glob("*.json")) if folder.exists() else []

    def leases(self, name="p", destination="disk"):
        return sorted(path.name for path in (self.folder / destination / "_kist" / name).glob("lease.*"))

    def told(self):
        """What the notifier was told since the last call."""
        text = self.notes.read_text() if self.notes.exists() else ""
        self.notes.unlink(missing_ok=True)
        return text.splitlines()

    def due(self, expect=0, kist=None, **more):
        """`kist run --due`; returns the names of the pipelines that ran."""
        result = (kist or self.kist).run("run", "--due", *more.pop("args", ()), expect=expect, **more)
        self.result = result
        return sorted(line.split("/")[0].split(":")[0] for line in result.out.splitlines() if line[:1] != " ")

    def pipe(self, name="slow.txt"):
        """A source that gives nothing until a test writes to it."""
        path = self.folder / name
        os.mkfifo(path)
        return path


def wait_until(condition, seconds=20):
    """The first true answer."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError("it did not come to pass")


def feed(path, text="line\n" * 10):
    """Ends what waits for a pipe; waits until somebody reads it."""
    with open(path, "w") as file:
        file.write(text)


def kill_each(pids):
    """Those that died of the death of another of them may be gone already."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def kill_all(running):
    """As when the power goes: the process and all of its own at once."""
    kill_each({running.pid} | descendants(running.pid))
    return running.finish()
