"""Programs that write and read age files: the filter itself, the stock tool, and a client in JavaScript."""
import base64
import json
import os
import pty
import subprocess
from pathlib import Path

from kist import find_program, sanitizer_options

SCRIPT = Path(__file__).with_name("age_npm.mjs")
PACKAGES = ["age-encryption@0.3", "cctv-age@0.2"]


class Npm:
    """The packages, installed below `folder`."""

    def __init__(self, folder):
        self.folder = folder

    def call(self, do, data=b"", **more):
        wanted = {"do": do, "data": base64.b64encode(data).decode(), **more}
        done = subprocess.run(
            ["node", str(SCRIPT)],
            input=json.dumps(wanted),
            env={**os.environ, "KIST_NPM_DIR": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return {name: base64.b64decode(value) for name, value in json.loads(done.stdout).items()}

    def encrypt(self, data, **more):
        return self.call("encrypt", data, **more)["data"]

    def decrypt(self, data, **more):
        return self.call("decrypt", data, **more)["data"]

    def vectors(self):
        return self.call("vectors")


class Piped:
    """What the filter did."""

    def __init__(self, code, data, error):
        self.code, self.data, self.error = code, data, error

    def __repr__(self):
        return f"{self.code}, {len(self.data)} bytes, {self.error!r}"


# The codes of errors, without their sign.
CONFIG, CORRUPT = 1, 9


def pipe(verb, data=b"", **options):
    """The filter between standard input and output; options as in its section."""
    program = find_program().parent.parent / "tests" / "test-filter-age-pipe"
    words = [f"{name}={','.join(value) if isinstance(value, list) else value}" for name, value in options.items()]
    env = {**os.environ, "ASAN_OPTIONS": sanitizer_options()}
    done = subprocess.run([program, verb, *words], input=data, env=env, capture_output=True, timeout=120, check=False)
    error = done.stderr.decode(errors="replace")
    assert done.returncode in range(0, 20) and "Sanitizer" not in error and "runtime error" not in error, error
    return Piped(done.returncode, done.stdout, error)


def encoded(data, **options):
    done = pipe("encode", data, **options)
    assert done.code == 0, done
    return done.data


def decoded(data, **options):
    done = pipe("decode", data, **options)
    assert done.code == 0, done
    return done.data


def new_key(path):
    """Writes an identity file and returns the recipient."""
    text = pipe("key").data.decode()
    path.write_text(text)
    path.chmod(0o600)
    return text.splitlines()[0].rpartition(" ")[2]


def stock(*words, data=b"", expect=0):
    """The stock tool, from standard input to standard output."""
    done = subprocess.run(["age", *map(str, words)], input=data, capture_output=True, timeout=120, check=False)
    assert done.returncode == expect, done.stderr
    return done.stdout


def stock_with_passphrase(passphrase, *words):
    """The stock tool with a terminal of its own, on which it asks for the passphrase as often as it likes."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("age", ["age", *map(str, words)])
    said = b""
    while True:
        try:
            got = os.read(terminal, 1024)
        except OSError:  # the other side is closed
            break
        if not got:
            break
        said += got
        if said.rstrip().endswith(b":"):
            os.write(terminal, passphrase.encode() + b"\n")
            said += b"\n"
            answered = os.read(terminal, 2)  # the end of the line that was typed
            said += answered
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, said.decode(errors="replace")
