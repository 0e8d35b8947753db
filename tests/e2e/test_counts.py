"""Rows are counted in the very snapshot that is dumped: what the manifest says is what comes back."""
import os
import random
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from cluster import Cluster, clean_environment

ROUNDS = int(os.environ.get("KIST_COUNT_ROUNDS", "100"))


def counts_of(manifest, kind):
    return {count["name"]: count for count in manifest["counts"] if count["kind"] == kind}


def rows_of(manifest):
    """The tables whose rows were counted."""
    return {name: count["number"] for name, count in counts_of(manifest, "table").items() if count.get("number", -1) >= 0}


def count_again(cluster, database, names):
    """By a statement of the test's own; names are as SQL wants them."""
    if not names:
        return {}
    statement = " UNION ALL ".join(
        f"SELECT {index}, count(*) FROM ONLY {name}" for index, name in enumerate(names)
    )
    lines = cluster.command("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, input=statement).split()
    found = dict(line.split("|") for line in lines)
    return {name: int(found[str(index)]) for index, name in enumerate(names)}


def restore_by_hand(cluster, kist, id, database):
    cluster.create(database)
    cluster.command("pg_restore", "--exit-on-error", "-d", database, str(kist.data_path(id)))


class Client(threading.Thread):
    """A session that does one thing again and again."""

    def __init__(self, cluster, database, make, pause):
        super().__init__(daemon=True)
        self.make, self.pause, self.done, self.count = make, pause, threading.Event(), 0
        self.psql = subprocess.Popen(
            ["psql", "-Xq", "-d", database], env=cluster.client_env(), stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)  # fmt: skip

    def run(self):
        while not self.done.is_set():
            self.psql.stdin.write(self.make(self.count) + "\n")
            self.psql.stdin.flush()
            self.count += 1
            self.done.wait(random.uniform(0.5, 1.5) * self.pause)

    def stop(self):
        self.done.set()
        self.join()
        self.psql.stdin.close()
        self.psql.wait(60)


CHURN = """
CREATE TABLE left_side (id serial PRIMARY KEY, v text);
CREATE TABLE right_side (id serial PRIMARY KEY, v text);
CREATE TABLE never_empty (n int);
INSERT INTO never_empty SELECT generate_series(1, 10);
CREATE TABLE measured (day int, v int) PARTITION BY LIST (day);
CREATE TABLE measured_0 PARTITION OF measured FOR VALUES IN (0);
CREATE TABLE measured_1 PARTITION OF measured FOR VALUES IN (1);
INSERT INTO measured SELECT g % 2, g FROM generate_series(1, 20) g;
"""


def both_sides(_):
    """As many rows in each of two tables, in every snapshot."""
    return (
        "BEGIN; INSERT INTO left_side (v) VALUES ('x'); INSERT INTO right_side (v) VALUES ('x'); COMMIT;"
        "DO $$ DECLARE n int; BEGIN SELECT min(id) INTO n FROM left_side; "
        "IF (SELECT count(*) FROM left_side) > 200 THEN DELETE FROM left_side WHERE id < n + 50; "
        "DELETE FROM right_side WHERE id IN (SELECT id FROM right_side ORDER BY id LIMIT "
        "(SELECT (SELECT count(*) FROM right_side) - (SELECT count(*) FROM left_side))); END IF; END $$;"
    )


def truncating(count):
    """Ten rows or more, in every snapshot: none is what a snapshot sees that is older than a TRUNCATE."""
    return f"BEGIN; TRUNCATE never_empty; INSERT INTO never_empty SELECT generate_series(1, {10 + count % 7}); COMMIT;"


def making_tables(count):
    return (
        f"BEGIN; CREATE TABLE \"Day {count}\" AS SELECT generate_series(1, {count % 9 + 1}) AS n; COMMIT;"
        f"DROP TABLE IF EXISTS \"Day {count - 5}\";"
    )


def altering(count):
    return (
        f"ALTER TABLE measured ADD COLUMN extra_{count} int DEFAULT 1;"
        f"ALTER TABLE measured DROP COLUMN IF EXISTS extra_{count - 1};"
        f"BEGIN; TRUNCATE measured_{count % 2}; INSERT INTO measured (day, v) SELECT {count % 2}, g FROM generate_series(1, 10) g; COMMIT;"
    )


# Refusals that are no fault: others wanted tables for themselves each time that the dump began.
REFUSALS = re.compile(r"wants a table for itself|were made or dropped|is locked by server process")


def test_counts_under_churn(kist, cluster):
    """FAULTS 13, many times over: what is in the manifest is what a restore holds, and it is right."""
    cluster.create("churn", CHURN)
    cluster.create("churn_back")
    kist.pipeline("churn", filters="", more="keep = 2 last")
    clients = [
        Client(cluster, "churn", both_sides, 0.02),
        Client(cluster, "churn", truncating, 0.6),
        Client(cluster, "churn", making_tables, 0.3),
        Client(cluster, "churn", altering, 1.5),
    ]
    refused, again, began = 0, 0, time.monotonic()
    for client in clients:
        client.start()
    try:
        for _ in range(ROUNDS):
            result = kist.run("run", "p", expect=None)
            again += result.err.count("beginning anew")
            if result.code == 1:
                assert REFUSALS.search(result.err), result
                refused += 1
                print(result.errors)
                continue
            assert result.code == 0, result
            id = max(path.stem for path in kist.manifest_path("x").parent.iterdir())
            rows = rows_of(kist.manifest(id))
            restore_into_schema(cluster, kist, id)
            assert count_again(cluster, "churn_back", list(rows)) == rows
            there = cluster.sql(
                "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace", "churn_back"
            )
            assert len(rows) == int(there)
            assert rows["public.left_side"] == rows["public.right_side"]
            assert 10 <= rows["public.never_empty"] <= 16
            assert rows["public.measured_0"] == rows["public.measured_1"] == 10
    finally:
        for client in clients:
            client.stop()
    print(f"{ROUNDS} rounds in {time.monotonic() - began:.0f} s, {refused} refused, {again} begun anew,"
          f" {[client.count for client in clients]} changes")  # fmt: skip
    assert refused <= ROUNDS // 10
    # Each of them got in between, however seldom it tries.
    assert all(client.count > ROUNDS // 20 for client in clients)


def restore_into_schema(cluster, kist, id):
    """Quicker than a new database for each."""
    cluster.sql("SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public", "churn_back")
    cluster.command("pg_restore", "--exit-on-error", "--single-transaction", "-d", "churn_back", str(kist.data_path(id)))


def archived(cluster, path, what):
    """What the archive's own table of contents has of a kind, as `schema name`."""
    listing = cluster.command("pg_restore", "-l", str(path))
    return {match[1] for match in re.finditer(rf"^\d+; \d+ \d+ {what} (.*) \S+$", listing, re.M)}


def test_exactly_what_is_dumped_is_counted(kist, cluster, nasty):
    """Bad input 55, and whatever else a database can hold."""
    kist.pipeline(nasty, filters="")
    id = kist.backup()
    manifest = kist.manifest(id)
    rows = rows_of(manifest)
    listing = cluster.command("pg_restore", "-l", str(kist.data_path(id)))
    assert len(rows) == len(re.findall(r"^\d+; \d+ \d+ TABLE DATA ", listing, re.M)) - given_up(manifest)
    assert len(counts_of(manifest, "sequence")) == len(re.findall(r"^\d+; \d+ \d+ SEQUENCE SET ", listing, re.M))
    assert set(counts_of(manifest, "extension")) == {
        match[1] for match in re.finditer(r"^\d+; \d+ \d+ EXTENSION - (.*?) *$", listing, re.M)
    }
    restore_by_hand(cluster, kist, id, "nasty_counted")
    assert count_again(cluster, "nasty_counted", list(rows)) == rows
    large = int(cluster.sql("SELECT count(*) FROM pg_largeobject_metadata", "nasty_counted"))
    assert counts_of(manifest, "large_objects")["large_objects"]["number"] == large
    cluster.drop("nasty_counted")


def given_up(manifest):
    """Tables that an archive holds in part: those that extensions keep their settings in."""
    return sum("settings of extension" in count.get("note", "") for count in counts_of(manifest, "table").values())


def test_plain_dump_is_counted_too(kist, cluster, small):
    kist.pipeline(small, source=cluster.source(small, format="plain"))
    rows = rows_of(kist.manifest(kist.backup()))
    assert rows == {'public."t 1"': 50, "public.empty_one": 0}


def hashes(kist):
    counts = counts_of(kist.manifest(kist.backup()), "table")
    return {name: count["hash"] for name, count in counts.items() if "hash" in count}


def test_checksums_do_not_depend_on_order(kist, cluster):
    kist.pipeline("sums", source=cluster.source("sums", checksums="yes"))
    cluster.create("sums", """
        CREATE TABLE t (gone int, id int, f float8, b bytea, at timestamptz, i interval, m money, t text);
        INSERT INTO t SELECT 1, g, 1 / (g + 0.1), '\\x00ff', '2026-01-01 12:00+02', '1 day 2 hours', 12.5, 'ä' || g
        FROM generate_series(1, 500) g;
        ALTER TABLE t DROP COLUMN gone;
        CREATE TABLE twice AS SELECT 1 AS n; CREATE TABLE empty (a int);
    """)  # fmt: skip
    first = hashes(kist)
    assert set(first) == {"public.t", "public.twice", "public.empty"}
    # The same rows in another order, in another place, under other settings.
    cluster.sql("UPDATE t SET f = f WHERE id % 3 = 0", "sums")
    cluster.sql("ALTER DATABASE sums SET datestyle = 'German'", "postgres")
    cluster.sql("ALTER DATABASE sums SET timezone = 'Asia/Tokyo'", "postgres")
    cluster.sql("ALTER DATABASE sums SET extra_float_digits = 0", "postgres")
    cluster.sql("ALTER DATABASE sums SET bytea_output = 'escape'", "postgres")
    assert hashes(kist) == first
    # One bit, and as many rows; a row that is there twice is not a row that is not there.
    cluster.sql("UPDATE t SET b = '\\x00fe' WHERE id = 77", "sums")
    cluster.sql("INSERT INTO twice VALUES (1)", "sums")
    second = hashes(kist)
    assert {name for name in first if first[name] != second[name]} == {"public.t", "public.twice"}
    cluster.sql("INSERT INTO twice VALUES (1)", "sums")
    assert hashes(kist)["public.twice"] not in (first["public.twice"], second["public.twice"])


@pytest.fixture
def other_cluster():
    """One whose settings may be changed."""
    cluster = Cluster().start()
    yield cluster
    cluster.remove()


def restart(cluster, **settings):
    for name, value in settings.items():
        cluster.sql(f"ALTER SYSTEM SET {name} = '{value}'")
    cluster.stop()
    cluster.start()


def test_five_thousand_tables(kist, other_cluster):
    cluster, tables = other_cluster, 5000
    kist.cluster = cluster
    restart(cluster, max_locks_per_transaction=256)
    cluster.create("many")
    for start in range(0, tables, 500):
        cluster.sql(
            f"DO $$ BEGIN FOR i IN {start} .. {start + 499} LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY);"
            " INSERT INTO t%s SELECT generate_series(1, %s)', i, i, i % 3); END LOOP; END $$", "many")  # fmt: skip
    took = {}
    for counts in ("off", "exact"):
        kist.pipeline("many", name=counts, source=cluster.source("many", counts=counts))
        began = time.monotonic()
        kist.backup(counts)
        took[counts] = time.monotonic() - began
        (kist.conf / "kist.ini").unlink()
    kist.pipeline("many", name="exact", source=cluster.source("many"))
    rows = rows_of(kist.manifest(kist.ids("exact")[-1], name="exact"))
    assert len(rows) == tables and rows["public.t17"] == 2
    print(f"5,000 tables: {took}")
    assert took["exact"] < took["off"] + 30
    # The server's table of locks is too small for all of them.
    restart(cluster, max_locks_per_transaction=10, max_connections=20)
    result = kist.run("run", "exact", expect=1)
    assert "cannot lock every table that is to be dumped" in result.is_one_error()
    assert "raise max_locks_per_transaction" in result.err
    assert len(kist.ids("exact")) == 1


def test_standby_is_counted(kist, other_cluster):
    """A snapshot of a standby is exported like any other."""
    primary = other_cluster
    primary.create("shop", "CREATE TABLE t AS SELECT generate_series(1, 33) AS n; CREATE UNLOGGED TABLE u (a int)")
    standby = Cluster.__new__(Cluster)
    standby.__dict__.update(primary.__dict__)
    standby.parent = primary.parent / "standby"
    standby.dir, standby.port = standby.parent / "pg", primary.port + 1
    standby.env = clean_environment(PG_PORT=str(standby.port))
    standby.server, standby._dumps, standby._fingerprints = None, {}, {}
    standby.dir.mkdir(parents=True)
    standby.parent.chmod(0o755)
    primary.command("pg_basebackup", "-R", "-c", "fast", "-D", str(standby.dir / "data"))
    with open(standby.dir / "data" / "postgresql.auto.conf", "a") as conf:
        conf.write(f"unix_socket_directories = '{standby.dir}'\nlisten_addresses = ''\n")
    if os.getuid() == 0:
        for path in [standby.dir, *standby.dir.rglob("*")]:
            shutil.chown(path, "postgres", "postgres")
    standby.dir.chmod(0o700)
    standby.start()
    try:
        kist.pipeline("shop", filters="", source=standby.source("shop"))
        manifest = kist.manifest(kist.backup())
        assert manifest["source"]["facts"]["standby"] == 1
        assert rows_of(manifest) == {"public.t": 33}
        assert "unlogged" in counts_of(manifest, "table")["public.u"]["note"]
    finally:
        standby.stop()


def test_a_run_without_counts_says_so(kist, cluster, small):
    kist.pipeline(small, source=cluster.source(small, counts="off"))
    assert not kist.manifest(kist.backup()).get("counts")
    kist.pipeline(small, source=cluster.source(small, counts="off", checksums="yes"))
    assert "checksums = yes needs counts = exact" in kist.run("run", "p", expect=2).err


def test_interrupted_while_counting(kist, cluster, small):
    """Nothing goes on on the server when the run was stopped."""
    cluster.create("slow", "CREATE TABLE wide AS SELECT g, md5(g::text) AS m FROM generate_series(1, 800000) g")
    kist.pipeline("slow", source=cluster.source("slow", checksums="yes"))
    counting = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%sha256(%' AND pid <> pg_backend_pid()"
    running = kist.start("run", "p")
    for _ in range(400):
        if cluster.sql(counting) != "0":
            break
        time.sleep(0.02)
    else:
        raise AssertionError("it never counted")
    running.signal(15)
    assert running.finish(20).code == 143
    time.sleep(0.3)
    assert cluster.sql(counting) == "0"
    cluster.drop("slow")


def test_a_sequence_below_zero(cluster, kist):
    """What a sequence stands at may be no number that a count can have."""
    sql = "CREATE SEQUENCE below MINVALUE -100 START -50; CREATE SEQUENCE minus_one MINVALUE -1 START -1; CREATE TABLE t (x int)"
    database = cluster.create("below", sql)
    try:
        kist.pipeline(database)
        id = kist.backup()
        counts = {(count["kind"], count["name"]): count for count in kist.manifest(id)["counts"]}
        for name in ("public.below", "public.minus_one"):
            count = counts["sequence", name]
            assert count["number"] == -1 and count["compare"] == "present" and count["note"], count
        assert kist.run("restore", "p", "--to", "below_back", "--create").code == 0
    finally:
        cluster.drop("below_back")
        cluster.drop(database)
