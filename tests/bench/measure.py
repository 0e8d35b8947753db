"""What the benchmarks measure with: commands in turn, medians, peak memory, and a table of ratios with limits."""
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MEMORY_LIMIT = 64 << 20


class Commands:
    """Command lines to be measured, each with what has to be done before it."""

    def __init__(self, env):
        self.env, self.names, self.lines, self.before, self.times = env, [], {}, {}, {}

    def add(self, name, line, before=lambda: None):
        self.names.append(name)
        self.lines[name], self.before[name], self.times[name] = line, before, []

    def run_once(self, name):
        self.before[name]()
        os.sync()
        start = time.monotonic()
        subprocess.run(
            ["bash", "-c", "set -eo pipefail; " + self.lines[name]],
            env=self.env,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.monotonic() - start

    def measure(self, runs):
        for name in self.names:
            self.run_once(name)  # fills the caches; not counted
        for number in range(runs):
            for name in self.names:
                self.times[name].append(self.run_once(name))
            print(
                f"  round {number + 1} of {runs}: "
                + ", ".join(f"{name} {self.times[name][-1]:.2f} s" for name in self.names),
                file=sys.stderr,
            )

    def median(self, name):
        return statistics.median(self.times[name])


def peak_memory(kist, *args, env):
    """The most memory that kist itself had, without its children: the kernel's own count, read while it runs."""
    process = subprocess.Popen(
        [*kist.arguments(args)], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak = 0
    while process.poll() is None:
        try:
            for line in open(f"/proc/{process.pid}/status"):
                if line.startswith("VmHWM:"):
                    peak = max(peak, int(line.split()[1]) << 10)
        except OSError:
            pass
        time.sleep(0.01)
    assert process.returncode == 0, args
    return peak


def machine(folder):
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    memory = int(next(line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemTotal"))) >> 20
    disk = subprocess.run(
        ["df", "--output=fstype", folder], text=True, stdout=subprocess.PIPE, check=True
    ).stdout.split()[-1]
    system = next(
        (line.split("=")[1].strip('"\n') for line in open("/etc/os-release") if line.startswith("PRETTY_NAME")),
        "?",
    )
    return f"{model}, {os.cpu_count()} cores, {memory} GiB, {disk}, {system}"


def version(*words):
    return subprocess.run(words, text=True, stdout=subprocess.PIPE, check=True).stdout.split("\n")[0]


@contextlib.contextmanager
def bench(args):
    """A folder to work in, gone afterwards, and the table that is printed behind it all; its limits give the exit status."""
    args.kist = args.kist.resolve()
    parent = args.dir or Path(__file__).resolve().parent.parent.parent / "build"
    parent.mkdir(parents=True, exist_ok=True)
    folder, table = Path(tempfile.mkdtemp(prefix="bench.", dir=parent)), Table()
    try:
        yield folder, table
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table.print()
    sys.exit(1 if table.failed and not args.no_limits else 0)


class Table:
    """In Markdown; printed at the end, when nothing else is said any more."""

    def __init__(self):
        self.failed, self.lines = 0, []

    def head(self, text):
        self.lines += [text, "", "| what | result | limit | |", "|---|---|---|---|"]

    def row(self, what, value, limit="", good=None):
        self.failed += good is False
        mark = "" if good is None else "pass" if good else "**FAIL**"
        self.lines.append(f"| {what} | {value} | {limit} | {mark} |")

    def print(self):
        print("\n".join(["", *self.lines]))

    def ratio(self, what, over, under, most=None, least=None):
        ratio = over / under
        result = f"{over:.2f} s : {under:.2f} s = {ratio:.2f}×"
        if most:
            self.row(what, result, f"at most {most:.2f}×", ratio <= most)
        elif least:
            self.row(what, result, f"at least {least:.1f}×", ratio >= least)
        else:
            self.row(what, result)
