"""Drills of real databases: the hostile one passes, a changed row does not, and the source is never touched."""
import os
import pwd
import shutil
import signal
import time
from urllib.parse import quote

import pytest
from aftermath import assert_no_child_is_left
from cluster import PASSWORD, Cluster
from kist import Kist
from shelf import forge

TEMPLATES = "templates"


@pytest.fixture
def reachable(cluster, request):
    """kist whose directories the user of a drill's server can reach."""
    folder = cluster.parent / request.node.name.replace("[", "-").replace("]", "")
    folder.mkdir(mode=0o755)
    yield Kist(folder, cluster)
    shutil.rmtree(folder)


def databases(cluster):
    return cluster.sql("SELECT oid, datname FROM pg_database ORDER BY 1")


class Source:
    """What must be as it was."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.seen = self.look()

    def look(self):
        self.cluster._fingerprints.pop(self.name, None)
        return databases(self.cluster), self.cluster.fingerprint(self.name)

    def is_untouched(self):
        assert self.look() == self.seen


def write(kist, database, filters="zstd", more="", **options):
    """A pipeline `p` with a notifier that writes to the file `notes`."""
    kist.notes = kist.folder / "notes"
    plugins = kist.program.parent.parent / TEMPLATES
    kist.pipeline(
        database,
        source=kist.cluster.source(database, **options),
        filters=filters,
        more=f"notify = ops\n{more}",
        sections=f"[notifier ops]\nplugin = logfile\npath = {kist.notes}\n[kist]\nplugin_dirs = {plugins}\n",
    )


def left_behind(kist):
    return sorted(kist.state.glob("work-*"))


def test_the_hostile_database(cluster, nasty, kist):
    write(kist, nasty, checksums="yes")
    id = kist.backup()
    source = Source(cluster, nasty)
    (drill,) = kist.run("drill", "--json", timeout=300).json
    assert drill["result"] == "passed" and drill["differences"] == [] and drill["duration_ms"] > 0
    assert drill["tables"] > 10 and drill["rows"] > 1000
    assert kist.marks(id) == ["drill"] and kist.mark(id, "drill")["rows"] == drill["rows"]
    source.is_untouched()
    assert_no_child_is_left(cluster)
    assert left_behind(kist) == []


def test_as_a_user_without_privileges(cluster, small, reachable):
    kist = reachable
    if os.geteuid() != 0:
        pytest.skip("the other tests do that already")
    entry = pwd.getpwnam("postgres")
    words = ("setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups")
    write(kist, small)
    kist.notes.touch()
    for path in [kist.folder, *kist.folder.rglob("*")]:
        os.chown(path, entry.pw_uid, entry.pw_gid)
    kist.run("run", "p", before=words)
    result = kist.run("drill", before=words)
    assert "drill passed on disk: 2 tables, 50 rows equal" in result.out
    assert left_behind(kist) == []
    assert_no_child_is_left(cluster)


def change_value(raw):
    """A row with another content of the same length, in the table's own bytes."""
    assert raw.count(b"\tvalue 17\n") == 1
    return raw.replace(b"\tvalue 17\n", b"\tvalue 71\n")


def test_a_changed_row_with_all_hashes_made_to_fit(cluster, small, kist):
    write(kist, small, filters=None, checksums="yes")
    id = kist.backup()
    kist.notes.unlink()
    forge(kist, id, change_value)
    kist.run("verify", "--level", "decode")
    source = Source(cluster, small)
    result = kist.run("drill", expect=4)
    assert '"t 1"' in result.out and "content" in result.out
    assert kist.marks(id) == ["decode", "baddrill"]
    assert kist.notes.read_text().startswith(f"failure p/{id}: ")
    assert kist.history()[-1]["outcome"] == "bad"
    source.is_untouched()
    assert_no_child_is_left(cluster)
    assert left_behind(kist) == []


def test_a_dropped_row_with_all_hashes_made_to_fit(cluster, small, kist):
    """Fault 102."""
    write(kist, small, filters="gzip")
    id = kist.backup()
    cluster.create("one_less")
    dump = cluster.command("pg_dump", "-Fc", "-d", small, text=False)
    cluster.command("pg_restore", "-d", "one_less", input=dump, text=False)
    cluster.sql('DELETE FROM "t 1" WHERE id = 17', "one_less")
    forged = cluster.command("pg_dump", "-Fc", "-Z0", "-d", "one_less", text=False)
    cluster.drop("one_less")
    forge(kist, id, lambda raw: forged)
    kist.run("verify", "--level", "decode")
    result = kist.run("drill", expect=4)
    assert "50 rows were saved, 49 are here" in result.out
    assert kist.marks(id) == ["decode", "baddrill"]


def test_ten_ways_to_point_it_at_the_source(cluster, small, kist):
    """Fault 103."""
    write(kist, small)
    id = kist.backup()
    source = Source(cluster, small)
    secret, port = PASSWORD, cluster.port
    socket = quote(str(cluster.dir), safe="")
    urls = [
        cluster.url(small),
        f"postgresql://postgres:{secret}@localhost:{port}/{small}",
        f"postgresql:///{small}?host={socket}&port={port}&user=postgres",
        f"postgresql:///?host={socket}&port={port}&user=postgres&dbname={small}",
        f"postgresql://postgres:{secret}@127.0.0.1,localhost:{port},{port}/{small}",
        f"postgresql://postgres:{secret}@127.0.0.2,127.0.0.1:1,{port}/{small}",
        f"postgresql://postgres:{secret}@localhost:{port}/{small}?hostaddr=127.0.0.1",
        f"postgresql://postgres:{secret}@db.example.org:{port}/{small}?hostaddr=127.0.0.1&sslmode=disable",
        f"postgresql://postgres:{secret}@localhost:{port}/{small}?target_session_attrs=read-write",
        f"host={cluster.dir} port={port} user=postgres dbname={small}",
    ]
    for number, url in enumerate(urls):
        kist.env["DRILL_URL"] = url
        write(kist, small, drill_url="${DRILL_URL}")
        result = kist.run("drill", "p", expect=None)
        assert result.code in (2, 7), (number, result)
        result.is_one_error()
        source.is_untouched()
    assert kist.marks(id) == []


def test_another_database_of_its_server(cluster, small, kist):
    """Fault 103: it is allowed, and the drill makes a database of its own there, and drops no other."""
    for database in ("postgres", "no_such_database"):
        kist.env["DRILL_URL"] = cluster.url(database)
        write(kist, small, drill_url="${DRILL_URL}")
        kist.backup()
        source = Source(cluster, small)
        assert "2 tables, 50 rows equal" in kist.run("drill").out
        source.is_untouched()


def test_another_server(cluster, small, kist):
    other = Cluster().start()
    try:
        other.sql("CREATE DATABASE bystander")
        seen = databases(other)
        kist.env["DRILL_URL"] = other.url("postgres")
        write(kist, small, drill_url="${DRILL_URL}")
        kist.backup()
        source = Source(cluster, small)
        result = kist.run("drill")
        assert "2 tables, 50 rows equal" in result.out
        assert databases(other) == seen
        source.is_untouched()
    finally:
        other.remove()


@pytest.mark.parametrize("delay", [0.0, 0.3, 1.5])
def test_killed_in_the_middle(cluster, big, reachable, delay):
    kist = reachable
    write(kist, big)
    kist.backup()
    source = Source(cluster, big)
    running = kist.start("drill")
    end = time.monotonic() + 60
    while not list(kist.state.glob("work-*/*")):
        assert time.monotonic() < end
        time.sleep(0.01)
    time.sleep(delay)
    running.signal(signal.SIGKILL)
    running.finish()
    assert_no_child_is_left(cluster, 2)
    (left,) = kist.state.glob("work-*")
    assert kist.marks() == []
    result = kist.run("drill")
    assert not left.exists() and left.name in result.err and left_behind(kist) == []
    source.is_untouched()
    assert_no_child_is_left(cluster)


def test_a_pipeline_that_drills_each_backup(cluster, small, kist):
    write(kist, small, more="verify = drill")
    id = kist.backup()
    assert kist.marks(id) == ["drill"]
    assert [entry["event"] for entry in kist.history()] == ["drill", "run"]
