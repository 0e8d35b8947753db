#!/usr/bin/python3
"""Real S3 servers for tests: a Ceph cluster and an OpenStack Swift, each on loopback, in a directory of its own.

    tests/support/s3.py ceph|swift [COMMAND...]

runs a command with a server beside it, told by S3_ENDPOINT, S3_BUCKET (it is there) and AWS_*; without a command it
prints them and waits for Ctrl-C. The server ends with the command, and with this process however that ends.
"""
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cluster import clean_environment, free_port
from processes import SERVERS
from s3_client import REGION, Aws, Client

SUPPORT = Path(__file__).resolve().parent


class Server:
    """What Ceph and Swift have in common. `start` is tried again, since a free port may be taken by another test."""

    name = "?"
    needs = ()
    access_key = "?"
    secret_key = "?"

    def __init__(self):
        self.dir = None
        self.daemons = []
        self._numbers = itertools.count(1)

    @classmethod
    def missing(cls):
        """The program that is not there, or None."""
        path = clean_environment()["PATH"]
        return next((program for program in cls.needs if not shutil.which(program, path=path)), None)

    def start(self):
        for attempt in range(4):
            # Below /tmp: sockets of a long path cannot be bound.
            self.dir = Path(tempfile.mkdtemp(prefix=f"kist-{self.name}.", dir="/tmp"))
            self.port = free_port()
            try:
                self.serve()
                break
            except RuntimeError:
                self.stop(keep=attempt == 3)
                if attempt == 3:
                    raise
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.client = Client(self.endpoint, self.access_key, self.secret_key)
        self.aws = Aws(self.endpoint, self.access_key, self.secret_key)
        return self

    def serve(self):
        raise NotImplementedError

    def spawn(self, *words):
        """A process of the server. It is killed when this thread ends, so servers are started by the main thread."""
        log = open(self.dir / "log", "ab")
        self.daemons.append(
            subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *(str(word) for word in words)],
                env=clean_environment(),
                cwd=self.dir,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        )
        log.close()
        SERVERS.add(self.daemons[-1].pid)
        return self.daemons[-1]

    def wait_for(self, ready, seconds=30):
        end = time.monotonic() + seconds
        while not ready():
            dead = [daemon.args for daemon in self.daemons if daemon.poll() is not None]
            if dead or time.monotonic() > end:
                tail = (self.dir / "log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self.name} does not come up in {self.dir}, {dead} ended\n{tail}")
            time.sleep(0.02)

    def stop(self, keep=False):
        # All that they hold is thrown away, so nothing needs an orderly end.
        for daemon in reversed(self.daemons):
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
            SERVERS.discard(daemon.pid)
        self.daemons.clear()
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def bucket(self, name=None):
        """A new bucket; its name."""
        name = name or f"bucket-{next(self._numbers)}"
        self.client.ask("PUT", name)
        return name

    def env(self):
        """What a client needs to know."""
        return {
            "S3_ENDPOINT": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }

    def section(self, bucket, endpoint=None, **more):
        """The lines of a [destination] section; None leaves a key out."""
        keys = {
            "plugin": "s3",
            "endpoint": endpoint or self.endpoint,
            "bucket": bucket,
            "region": REGION,
            "addressing": "path",
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            **more,
        }
        return "\n".join(f"{key} = {value}" for key, value in keys.items() if value is not None)


def server_of(name):
    from s3_ceph import Ceph
    from s3_swift import Swift

    return {"ceph": Ceph, "swift": Swift}[name]()


def main(kind, *command):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    server = server_of(kind)
    if server.missing():
        sys.exit(f"{server.missing()} is not there; './bootstrap test' installs it")
    server.start()
    try:
        env = {**server.env(), "S3_BUCKET": server.bucket("kist")}
        if command:
            return subprocess.run(command, env={**os.environ, **env}).returncode
        print(*(f"export {name}={value}" for name, value in env.items()), sep="\n", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        return 130
    finally:
        server.stop()


if __name__ == "__main__":
    # Under its own name as well, for those that import from it.
    sys.modules["s3"] = sys.modules["__main__"]
    if len(sys.argv) < 2 or sys.argv[1] not in ("ceph", "swift"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
