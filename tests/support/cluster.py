"""A throwaway PostgreSQL server, and what tests ask of it."""
import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

SUPPORT = Path(__file__).resolve().parent
PASSWORD = "superuser-password"

# What pg_dump writes anew into every dump.
RESTRICT = re.compile(rb"^\\(?:un)?restrict .*\n", re.M)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environment(**more):
    """The environment of every program that a test starts: nothing of the caller's gets in."""
    kept = {name: os.environ[name] for name in ("LLVM_PROFILE_FILE", "GCOV_PREFIX") if name in os.environ}
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "HOME": "/nonexistent",
        **kept,
        **more,
    }


class Cluster:
    """One server, on a socket (everybody is trusted) and on loopback TCP (with passwords)."""

    def __init__(self):
        # Below /tmp, since the server's user must be able to reach it.
        self.parent = Path(tempfile.mkdtemp(prefix="kist-test.", dir="/tmp"))
        self.parent.chmod(0o755)
        self.dir = self.parent / "pg"
        self.port = free_port()
        self.user = "postgres"
        self.env = clean_environment(PG_PORT=str(self.port), PG_TCP="1")
        self.server = None
        self._dumps = {}
        self._fingerprints = {}

    def start(self):
        script = str(SUPPORT / "pg.sh")
        if not self.dir.exists():
            subprocess.run([script, "init", str(self.dir)], env=self.env, check=True)
        # The server ends with this process, however that ends.
        self.server = subprocess.Popen([script, "serve", str(self.dir)], env=self.env, start_new_session=True)
        subprocess.run([script, "wait", str(self.dir)], env=self.env, check=True)
        return self

    def stop(self):
        if self.server:
            self.server.send_signal(2)
            self.server.wait(60)
            self.server = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.parent, ignore_errors=True)

    def client_env(self):
        return clean_environment(
            PGHOST=str(self.dir), PGPORT=str(self.port), PGUSER=self.user, PGDATABASE="postgres"
        )

    def command(self, *args, input=None, text=True):
        return subprocess.run(
            args, env=self.client_env(), check=True, input=input, text=text, stdout=subprocess.PIPE
        ).stdout

    def sql(self, statement, database="postgres"):
        return self.command("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statement).strip()

    def create(self, database, script=None, file=None):
        """Makes a database anew, filled by SQL text or a file of it."""
        self.drop(database)
        self.command("createdb", "--", database)
        if script or file:
            source = ["-f", str(file)] if file else ["-f", "-"]
            self.command(
                "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-d", database, *source, input=script
            )
        return database

    def drop(self, database):
        self._dumps.pop(database, None)
        self._fingerprints.pop(database, None)
        subprocess.run(
            ["dropdb", "--if-exists", "--force", "--", database],
            check=True,
            env={**self.client_env(), "PGOPTIONS": "-c client_min_messages=warning"},
        )

    def exists(self, database):
        quoted = database.replace("'", "''")
        return self.sql(f"SELECT count(*) FROM pg_database WHERE datname = '{quoted}'") == "1"

    def table_count(self, database):
        return int(
            self.sql("SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND oid >= 16384", database)
        )

    def dump(self, database, *args):
        """What pg_dump says of a database, without what is random in it."""
        key = (database, args)
        if key not in self._dumps.setdefault(database, {}):
            self._dumps[database][key] = RESTRICT.sub(
                b"", self.command("pg_dump", *args, "-d", database, text=False)
            )
        return self._dumps[database][key]

    def fingerprint(self, database):
        if database not in self._fingerprints:
            self._fingerprints[database] = self.command(str(SUPPORT / "pg-fingerprint.sh"), database)
        return self._fingerprints[database]

    def backends(self, copying=False):
        """Pids of the server's processes that serve kist and its children; `copying`: only those that move rows."""
        return [
            int(pid)
            for pid in self.sql(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'kist'"
                + (" AND query ILIKE 'COPY %' AND state = 'active'" if copying else "")
            ).split()
        ]

    def terminate(self, pids):
        self.sql(f"SELECT pg_terminate_backend(pid) FROM unnest('{{{','.join(map(str, pids))}}}'::int[]) pid")

    def source(self, database, **more):
        """The keys of a [source] section for a database, by the socket."""
        keys = {
            "plugin": "pg_dump",
            "host": self.dir,
            "port": self.port,
            "user": self.user,
            "database": database,
            **more,
        }
        return "\n".join(f"{key} = {value}" for key, value in keys.items())

    def url(self, database, password=PASSWORD, user=None, **more):
        """By TCP, with a password."""
        query = "&".join(f"{key}={quote(str(value), safe='')}" for key, value in more.items())
        return (
            f"postgresql://{quote(user or self.user, safe='')}:{quote(password, safe='')}@127.0.0.1:{self.port}/"
            f"{quote(database, safe='')}" + (f"?{query}" if query else "")
        )

    def url_without_password(self, database):
        host = quote(str(self.dir), safe="")
        return f"postgresql:///{quote(database, safe='')}?host={host}&port={self.port}&user={self.user}"


def same(cluster, original, restored):
    """Fails, saying where, unless the two databases hold the same."""
    left, right = cluster.dump(original), cluster.dump(restored)
    if left != right:
        for number, (a, b) in enumerate(zip(left.splitlines(), right.splitlines()), 1):
            assert a == b, f"pg_dump differs in line {number}"
        assert len(left) == len(right), "one dump is the beginning of the other"
    left, right = cluster.fingerprint(original).splitlines(), cluster.fingerprint(restored).splitlines()
    assert left == right
    assert len(left) > 5
