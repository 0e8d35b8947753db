"""The program under test, with a configuration, a state and destinations of its own."""
import contextlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from cluster import clean_environment
from processes import descendants

ROOT = Path(__file__).resolve().parent.parent.parent
ID = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ"
MARK = re.compile(rf"({ID})\.([a-z]+)\.({ID})")


def is_mark(key):
    """A note beside a backup of what was proved of it ('=' is the '/' of flaky.c)."""
    return MARK.fullmatch(re.split("[/=]", key)[-1]) is not None


def find_program():
    """$KIST_BIN, else the newest one that was built here."""
    if "KIST_BIN" in os.environ:
        return Path(os.environ["KIST_BIN"]).resolve()
    built = sorted(ROOT.glob("build/*/bin/kist"), key=lambda path: path.stat().st_mtime)
    if not built:
        raise SystemExit("no kist to test: build it, or say where it is in KIST_BIN")
    return built[-1]


class Result:
    """How a command ended."""

    def __init__(self, args, code, out, err, took):
        self.args, self.code, self.out, self.err, self.took = args, code, out, err, took

    def __repr__(self):
        words = " ".join(str(word) for word in self.args)
        return f"kist {words}\n  exit {self.code}\n  out: {self.out[-2000:]}\n  err: {self.err[-4000:]}"

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def errors(self):
        """The error lines, without their hints."""
        return [line for line in self.err.splitlines() if line.startswith("kist: error: ")]

    def is_one_error(self):
        """One clear line that says what went wrong; hints and details may stand below it."""
        assert len(self.errors) == 1, self
        assert len(self.errors[0]) > len("kist: error: ") + 10, self
        return self.errors[0]


def sanitizer_options(**more):
    # The leak checker of gcc 12 trips over the thread-local storage of loaded modules when it follows it by itself.
    options = {
        "exitcode": "99",
        "detect_leaks": "1",
        "allocator_may_return_null": "1",
        "intercept_tls_get_addr": "0",
        **more,
    }
    return ":".join(f"{key}={value}" for key, value in options.items())


class Running:
    """kist in the background."""

    def __init__(self, kist, process, args):
        self.kist, self.process, self.args, self.started = kist, process, args, time.monotonic()
        self.pid = process.pid

    def finish(self, timeout=60):
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            for pid in {self.pid} | descendants(self.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            out, err = self.process.communicate()
            raise AssertionError(f"kist {self.args} did not end in {timeout} s\n{out}\n{err}")
        return Result(self.args, self.process.returncode, out, err, time.monotonic() - self.started)

    def signal(self, number):
        self.process.send_signal(number)


class Kist:
    """Everything of one test below one directory."""

    def __init__(self, folder, cluster=None, program=None):
        self.folder = Path(folder)
        self.cluster = cluster
        self.program = program or find_program()
        self.conf = self.folder / "conf.d"
        self.state = self.folder / "state"
        self.disk = self.folder / "disk"
        for path in (self.conf, self.disk):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.env = {}

    def write(self, text, name="kist.ini", mode=0o600):
        """A file of the configuration."""
        path = self.conf / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    def pipeline(
        self, database, name="p", filters="zstd", source=None, more="", sections="", destinations=("disk",)
    ):
        """The usual configuration: one database to one or more directories, disk, disk2, ..."""
        lines = [f"[pipeline {name}]", f"source = {name}-db", f"destinations = {', '.join(destinations)}"]
        if filters:
            lines.append(f"filters = {filters}")
        lines += [more, "", f"[source {name}-db]", source or self.cluster.source(database), ""]
        for destination in destinations:
            path = self.folder / destination
            path.mkdir(mode=0o700, exist_ok=True)
            lines += [f"[destination {destination}]", "plugin = local", f"path = {path}", ""]
        return self.write("\n".join(lines) + sections)

    def environment(self, env=None):
        return clean_environment(
            **{
                "ASAN_OPTIONS": sanitizer_options(),
                "UBSAN_OPTIONS": "print_stacktrace=1",
                **self.env,
                **(env or {}),
            }
        )

    def arguments(self, args):
        return [str(self.program), "-c", str(self.conf), "--state", str(self.state), *(str(word) for word in args)]

    def start(self, *args, env=None, before=(), **more):
        """Starts it in the background; `before`: the words of a program that runs it, such as strace."""
        more = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "errors": "replace",
            **more,
        }
        process = subprocess.Popen([*before, *self.arguments(args)], env=self.environment(env), **more)
        return Running(self, process, args)

    def run(self, *args, expect=0, timeout=120, **more):
        """Runs it to its end. `expect`: the exit status, or None for any."""
        result = self.start(*args, **more).finish(timeout)
        assert "Sanitizer" not in result.err and "runtime error:" not in result.err, result
        assert result.code != 99 and result.code not in (-signal.SIGSEGV, -signal.SIGABRT, 134, 139), result
        if expect is not None:
            assert result.code == expect, result
        return result

    def backup(self, name="p", **more):
        """One good run; returns the id of its backup."""
        self.run("run", name, **more)
        return self.backups(name)[-1]["id"]

    def backups(self, name=None, expect=0):
        return self.run("list", *([name] if name else []), "--json", expect=expect).json

    def ids(self, name="p", expect=0):
        return [backup["id"] for backup in self.backups(name, expect=expect)]

    def history(self, *events):
        """The lines of the history; of these events alone, if any are named."""
        lines = [json.loads(line) for line in (self.state / "history.jsonl").read_text().splitlines()]
        return [line for line in lines if not events or line["event"] in events]

    # What is on a destination.
    def backup_dir(self, id, name="p", destination="disk"):
        return self.folder / destination / name / id

    def manifest_path(self, id, name="p", destination="disk"):
        return self.folder / destination / "_kist" / name / f"{id}.json"

    def manifest(self, id, **more):
        return json.loads(self.manifest_path(id, **more).read_text())

    def data_path(self, id, name="p", destination="disk"):
        files = [path for path in self.backup_dir(id, name, destination).iterdir() if path.name != "RESTORE.txt"]
        assert len(files) == 1, files
        return files[0]

    def files(self, destination="disk"):
        """Every file on a destination but the marks, as {relative path: content}."""
        root = self.folder / destination
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and not is_mark(str(path))
        }

    def marks(self, id=None, name="p", destination="disk"):
        """The words of the marks of a backup (or of all), oldest first."""
        found = [MARK.fullmatch(path.name) for path in (self.folder / destination / "_kist" / name).iterdir()]
        found = sorted(filter(None, found), key=lambda mark: (mark[1], mark[3]))
        return [mark[2] for mark in found if id in (None, mark[1])]

    def mark(self, id, word, name="p", destination="disk"):
        """The newest mark of that word as JSON."""
        return json.loads(max((self.folder / destination / "_kist" / name).glob(f"{id}.{word}.*")).read_text())
