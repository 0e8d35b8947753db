"""Getting a database back without losing the one that is there: beside it, swapped in, undone, in its place."""
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import time

import pytest
from aftermath import assert_no_child_is_left
from cluster import clean_environment
from manifests import cut, flip, seal
from processes import wait_until

SHOP = """
CREATE TABLE customers (id int PRIMARY KEY, name text);
INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 200) g;
CREATE TABLE orders (id serial PRIMARY KEY, customer int REFERENCES customers, total numeric);
INSERT INTO orders (customer, total) SELECT 1 + g % 200, g FROM generate_series(1, 1000) g;
CREATE TABLE nothing (x int);
"""

DATABASES = "SELECT datname FROM pg_database WHERE datname ~ '^shop' ORDER BY 1"
FRESH = re.compile(r"shop_restore_\d{8}_\d{6}")
KEPT = re.compile(r"shop_before_\d{8}_\d{6}")


def databases(cluster):
    return cluster.sql(DATABASES).splitlines()


def drop_all(cluster):
    for name in databases(cluster):
        cluster.drop(name)


@pytest.fixture
def shop(cluster, kist):
    """A backup of a shop that has gone on since: two orders more, one customer less."""
    drop_all(cluster)
    cluster.create("shop", SHOP)
    kist.pipeline("shop")
    id = kist.backup()
    cluster.sql("INSERT INTO orders (customer, total) VALUES (1, 1), (2, 2)", "shop")
    cluster.sql("INSERT INTO customers VALUES (1000, 'new')", "shop")
    yield id
    assert_no_child_is_left(cluster)
    drop_all(cluster)


def dump(cluster, database):
    """As it is now, whatever was seen of it before."""
    cluster._dumps.pop(database, None)
    return cluster.dump(database)


def rows(cluster, database):
    """Of customers and orders; 200|1000 is what was saved, 201|1002 what is live."""
    return cluster.sql("SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM orders)", database)


SAVED, LIVE = "200|1000", "201|1002"


class Unchanged:
    """Fails when a database is not what it was."""

    def __init__(self, cluster, database="shop"):
        self.cluster, self.database = cluster, database
        self.names = databases(cluster)
        self.before = self.seen()

    def seen(self):
        oid = self.cluster.sql(f"SELECT oid FROM pg_database WHERE datname = '{self.database}'")
        return oid, dump(self.cluster, self.database)

    def check(self, same_names=True):
        assert self.seen() == self.before
        if same_names:
            assert databases(self.cluster) == self.names


def last(kist, event="restore"):
    return [line for line in kist.history() if line["event"] == event][-1]


def as_printed(kist, command):
    """Runs a command line that kist has printed, with the program under test as its kist."""
    assert command.startswith("kist ")
    words = ["sh", "-c", f'exec "$0" {command[5:]}', kist.program]
    return subprocess.run(words, env=kist.environment(), text=True, capture_output=True)


# ---- beside ----


def test_beside_is_the_default(cluster, kist, shop):
    live = Unchanged(cluster)
    result = kist.run("restore", f"p/{shop}")
    (fresh,) = set(FRESH.findall(result.out))
    live.check(same_names=False)
    assert databases(cluster) == sorted(["shop", fresh])
    assert rows(cluster, fresh) == SAVED and rows(cluster, "shop") == LIVE
    assert "counts compared" in result.out and "1,200 rows" in result.out, result
    line = last(kist)
    assert line["outcome"] == "ok" and line["mode"] == "beside" and line["fresh"] == fresh, line
    assert line["id"] == shop and line["name"] == "shop" and line["compared"] >= 3 and line["different"] == 0
    assert line["user"] == pwd.getpwuid(os.getuid()).pw_name and line["host"] and line["time"] and line["duration_ms"] > 0


def test_what_is_printed_after_it_works(cluster, kist, shop):
    result = kist.run("restore", "p", "--to", "shop")
    (fresh,) = set(FRESH.findall(result.out))
    look = re.search(r"^ +look: +(.*)$", result.out, re.M)[1]
    seen = subprocess.run(
        ["sh", "-c", look], env=clean_environment(PGOPTIONS=""), input="SELECT count(*) FROM orders",
        stdout=subprocess.PIPE, text=True,
    )
    assert "1000" in seen.stdout, look
    swap = re.search(r"^ +swap: +(.*)$", result.out, re.M)[1].split()
    assert swap[:3] == ["kist", "restore", "p"] and swap[-3:] == ["--swap", "--confirm", fresh]
    oid = cluster.sql(f"SELECT oid FROM pg_database WHERE datname = '{fresh}'")
    assert as_printed(kist, " ".join(swap)).returncode == 0
    assert cluster.sql("SELECT oid FROM pg_database WHERE datname = 'shop'") == oid
    assert rows(cluster, "shop") == SAVED
    assert last(kist, "swap")["fresh"] == fresh


def test_two_restores_do_not_meet(cluster, kist, shop):
    kist.run("restore", "p")
    kist.run("restore", "p")
    assert len([name for name in databases(cluster) if FRESH.fullmatch(name[:28]) or FRESH.match(name)]) == 2


def test_empty_and_missing_targets_are_restored_into(cluster, kist, shop):
    cluster.create("shop_empty")
    result = kist.run("restore", "p", "--to", "shop_empty", "--swap")
    assert "--undo" not in result.out
    assert rows(cluster, "shop_empty") == SAVED
    assert last(kist)["mode"] == "into" and "fresh" not in last(kist)
    result = kist.run("restore", "p", "--to", "shop_new", expect=1)
    assert "--create" in result.err and not cluster.exists("shop_new")
    kist.run("restore", "p", "--to", "shop_new", "--create")
    assert rows(cluster, "shop_new") == SAVED


def test_by_url(cluster, kist, shop):
    env = {"TARGET": cluster.url("shop", sslmode="disable")}
    result = kist.run("restore", "p", "--to", "${TARGET}", env=env)
    (fresh,) = set(FRESH.findall(result.out))
    assert rows(cluster, fresh) == SAVED
    assert "'${TARGET}' --swap --confirm" in result.out
    kist.run("restore", "p", "--to", "${TARGET}", "--swap", "--confirm", fresh, env=env)
    assert rows(cluster, "shop") == SAVED
    assert last(kist)["target"] == "${TARGET}"
    for text in (result.out, result.err, (kist.state / "history.jsonl").read_text()):
        assert "superuser-password" not in text


# ---- swap and undo ----


def test_swap_and_undo(cluster, kist, shop):
    oid = cluster.sql("SELECT oid FROM pg_database WHERE datname = 'shop'")
    session = subprocess.Popen(
        ["psql", "-X", "-d", "shop", "-c", "SELECT pg_sleep(60)"], env=cluster.client_env(), stderr=subprocess.PIPE
    )
    busy = "SELECT count(*) FROM pg_stat_activity WHERE query ~ 'pg_sleep.60' AND datname = 'shop'"
    assert wait_until(lambda: cluster.sql(busy) == "1")
    result = kist.run("restore", "p", "--swap")
    session.wait(10)
    (kept,) = set(KEPT.findall(result.out))
    assert re.search(r"interrupted for \d+ (ms|s), 1 session ended", result.out), result
    assert rows(cluster, "shop") == SAVED and rows(cluster, kept) == LIVE
    assert databases(cluster) == sorted(["shop", kept])
    line = last(kist, "swap")
    assert line["outcome"] == "ok" and line["kept"] == kept and line["interrupted_ms"] < 2000, line
    assert line["ended_sessions"] == 1 and line["id"] == shop
    result = kist.run("restore", "p", "--undo")
    assert cluster.sql("SELECT oid FROM pg_database WHERE datname = 'shop'") == oid
    assert rows(cluster, "shop") == LIVE
    line = last(kist, "undo")
    assert line["outcome"] == "ok" and line["name"] == "shop" and line["target"] == "p-db", line


def test_looks_change_nothing(cluster, kist, shop):
    kist.run("restore", "p", "--swap")
    live, before = Unchanged(cluster), len(kist.history())
    result = kist.run("restore", "p", "--undo", "--dry-run")
    assert KEPT.search(result.out) and "nothing was changed" in result.out
    result = kist.run("restore", "p", "--swap", "--dry-run")
    assert re.search(r"^swap: .*'shop'", result.out, re.M), result
    live.check()
    assert len(kist.history()) == before


def test_nothing_to_undo(cluster, kist, shop):
    live = Unchanged(cluster)
    result = kist.run("restore", "p", "--undo", expect=None)
    assert result.code in (1, 7), result
    result.is_one_error()
    live.check()
    assert last(kist, "undo")["outcome"] in ("failed", "refused")


@pytest.mark.parametrize("fresh", ["shop_restore_20200101_000000", "shop", "shop_of_others", "no such"])
def test_what_cannot_be_swapped_in(cluster, kist, shop, fresh):
    """What no restore made is not taken for one, whatever it is called."""
    cluster.create("shop_of_others")
    live = Unchanged(cluster)
    result = kist.run("restore", "p", "--swap", "--confirm", fresh, expect=None)
    assert result.code in (1, 7), result
    result.is_one_error()
    live.check()
    assert last(kist, "swap")["fresh"] == fresh


def test_an_unfinished_one_is_not_swapped_in(cluster, kist, shop, big):
    """What a killed restore left has the right name, and not all that it should hold."""
    kist.pipeline(big)
    kist.backup()
    running = kist.start("restore", "p", "--to", "shop")
    assert wait_until(lambda: cluster.backends(copying=True) or running.process.poll() is not None)
    running.signal(9)
    assert running.finish().code == -9
    assert wait_until(lambda: not cluster.backends())
    (fresh,) = [name for name in databases(cluster) if FRESH.match(name)]
    live = Unchanged(cluster)
    result = kist.run("restore", "p", "--to", "shop", "--swap", "--confirm", fresh, expect=7)
    assert fresh in result.is_one_error()
    live.check()
    # The next restore names it.
    assert fresh in kist.run("restore", "p", "--to", "shop", "--dry-run").err


def test_without_rights_swap_is_refused_before_the_restore(cluster, kist, shop):
    """Found out at once, and not after hours."""
    cluster.sql("DROP ROLE IF EXISTS weak; CREATE ROLE weak LOGIN CREATEDB")
    cluster.sql("GRANT pg_read_all_data TO weak")
    kist.pipeline("shop", source=cluster.source("shop", user="weak"))
    live = Unchanged(cluster)
    result = kist.run("restore", "p", "--swap", expect=None)
    assert result.code in (1, 7), result
    result.is_one_error()
    live.check()
    cluster.sql("DROP OWNED BY weak; DROP ROLE weak")


def test_swap_waits_for_the_comparison(cluster, kist, shop):
    """Counts that differ: nothing is swapped, and the place is gone."""
    live = Unchanged(cluster)
    lie_about(kist, shop, "public.orders", 999)
    result = kist.run("restore", "p", "--swap", expect=4)
    assert "public.orders" in result.is_one_error() and "999" in result.err and "1,000" in result.err
    live.check()
    line = last(kist)
    assert line["outcome"] == "failed" and line["different"] == 1 and "public.orders" in line["cause"], line


def lie_about(kist, id, table, number):
    """The manifest says another number of rows, under a checksum that fits."""
    path = kist.manifest_path(id)
    document = json.loads(path.read_text())
    entries = [entry for entry in document["counts"] if entry["kind"] == "table" and entry["name"] == table]
    assert len(entries) == 1, document["counts"]
    text = path.read_text()
    old = f'"name": "{table}", "number": {entries[0]["number"]}'
    new = f'"name": "{table}", "number": {number}'
    compact = old.replace(": ", ":").replace(", ", ",")
    assert old in text or compact in text, text
    text = text.replace(old, new).replace(compact, new)
    path.write_bytes(seal(text.encode()))


# ---- in place ----


@pytest.mark.parametrize("confirm", [[], ["--confirm", "shopp"], ["--confirm", "SHOP"]])
def test_in_place_has_to_be_confirmed(cluster, kist, shop, confirm):
    live = Unchanged(cluster)
    result = kist.run("restore", f"p/{shop}", "--in-place", *confirm, expect=7)
    result.is_one_error()
    hint = re.search(r"(kist restore .*)$", result.err, re.M)[1]
    assert f"p/{shop}" in hint and hint.endswith("--in-place --confirm shop"), hint
    live.check()
    assert kist.ids() == [shop]
    assert last(kist)["outcome"] == "refused"
    assert as_printed(kist, hint).returncode == 0
    assert rows(cluster, "shop") == SAVED


def test_in_place_waits_for_no_other_host(cluster, kist, shop):
    """What is to be replaced is saved at once, whoever has the lease of the pipeline."""
    kist.pipeline("shop", more="exclusive = yes")
    lease = {"kist_lease": 1, "pipeline": "p", "owner": "o", "host": "other", "token": "t", "released": False}
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 500))
    (kist.disk / "_kist" / "p" / "lease.1").write_text(json.dumps({**lease, "expires": expires}))
    assert "is at work on it" in kist.run("run", "p", expect=5).err
    kist.run("restore", "p", "--in-place", "--confirm", "shop")
    assert rows(cluster, "shop") == SAVED and len(kist.ids()) == 2


def test_in_place_makes_a_safety_backup(cluster, kist, shop):
    result = kist.run("restore", "p", "--in-place", "--confirm", "shop")
    assert rows(cluster, "shop") == SAVED and databases(cluster) == ["shop"]
    first, safety = kist.ids()
    assert first == shop and f"p/{safety}" in result.out
    assert kist.manifest(safety)["labels"] == {"safety": shop}
    # No schedule takes it for the backup of a slot.
    assert json.loads((kist.state / "ledger" / "p.json").read_text())["aside"] == safety
    line = last(kist)
    assert line["safety"] == safety and line["mode"] == "in place" and line["outcome"] == "ok", line
    # `latest` is what was meant to be kept, and the other can be had by name.
    assert shop in kist.run("restore", "p", "--dry-run").out
    assert shop in kist.run("restore", "p/latest", "--dry-run").out
    for words in (["verify"], ["verify", "p"], ["verify", "p/latest"], ["drill", "p"]):
        assert kist.run(*words).out.startswith(f"p/{shop}"), words
    assert kist.run("verify", "--all", "p").out.count("ok (hash)") == 2
    kist.run("restore", f"p/{safety}", "--in-place", "--confirm", "shop", "--skip-safety-backup")
    assert rows(cluster, "shop") == LIVE
    assert kist.ids() == [shop, safety]


def test_a_safety_backup_that_is_not_everywhere(cluster, kist, shop):
    kist.pipeline("shop", destinations=("disk", "disk2"), more="require = 1")
    (kist.folder / "disk2").rmdir()
    (kist.folder / "disk2").write_text("no directory")
    result = kist.run("restore", "p", "--in-place", "--confirm", "shop", expect=3)
    assert rows(cluster, "shop") == SAVED and "the safety backup" in result.err, result
    assert last(kist)["outcome"] == "ok"


def test_the_safety_backup_is_of_the_target(cluster, kist, shop):
    cluster.create("shop_other", "CREATE TABLE precious AS SELECT 7 AS x")
    kist.run("restore", "p", "--to", "shop_other", "--in-place", "--confirm", "shop_other")
    assert rows(cluster, "shop_other") == SAVED and rows(cluster, "shop") == LIVE
    safety = kist.ids()[-1]
    kist.run("restore", f"p/{safety}", "--to", "shop_back", "--create")
    assert cluster.sql("SELECT x FROM precious", "shop_back") == "7"


def test_no_safety_backup_no_restore(cluster, kist, shop):
    """A table that cannot be locked fails the backup of the target, and nothing is replaced."""
    kist.pipeline("shop", source=cluster.source("shop", lock_timeout="1s"))
    live = Unchanged(cluster)
    blocker = subprocess.Popen(
        ["psql", "-Xq", "-d", "shop", "-c", "BEGIN; LOCK TABLE nothing; SELECT pg_sleep(60)"],
        env=cluster.client_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'nothing'::regclass"
    try:
        assert wait_until(lambda: cluster.sql(held, "shop") == "1")
        result = kist.run("restore", "p", "--in-place", "--confirm", "shop", expect=None)
    finally:
        blocking = "SELECT pid FROM pg_stat_activity WHERE query ~ 'LOCK TABLE nothing' AND pid <> pg_backend_pid()"
        cluster.terminate(cluster.sql(blocking).split())
        blocker.wait(10)
    assert result.code == 1 and "safety backup failed" in result.is_one_error(), result
    live.check()
    assert kist.ids() == [shop]
    assert last(kist)["outcome"] == "failed"


def test_what_is_empty_needs_no_safety_backup(cluster, kist, shop):
    cluster.create("shop_empty")
    kist.run("restore", "p", "--to", "shop_empty", "--in-place", "--confirm", "shop_empty")
    assert rows(cluster, "shop_empty") == SAVED
    assert kist.ids() == [shop]


def test_in_place_is_all_or_nothing(cluster, kist, shop):
    """Fault 98: the backend of the restore dies in the middle: the database is as it was, and the next try works."""
    cluster.create("shop_big", "CREATE TABLE noise (id int, b text)")
    cluster.sql(
        "INSERT INTO noise SELECT g, (SELECT string_agg(md5(g || ':' || i), '') FROM generate_series(1, 300) i) "
        "FROM generate_series(1, 4000) g", "shop_big")
    kist.pipeline("shop_big", name="q")
    kist.backup("q")
    live = Unchanged(cluster)
    words = ("restore", "q", "--to", "shop", "--in-place", "--confirm", "shop", "--skip-safety-backup")
    running = kist.start(*words)
    assert wait_until(lambda: cluster.backends(copying=True) or running.process.poll() is not None)
    pids = cluster.backends(copying=True)
    assert pids, "the restore was over before it could be disturbed"
    cluster.terminate(pids)
    result = running.finish()
    assert result.code == 1, result
    result.is_one_error()
    live.check()
    kist.run(*words)
    assert dump(cluster, "shop_big") == dump(cluster, "shop")


# ---- the plan ----


@pytest.mark.parametrize(
    "words", [[], ["--swap"], ["--in-place"], ["--in-place", "--confirm", "shop"], ["--table", "orders"]]
)
def test_dry_run(cluster, kist, shop, words):
    live, before = Unchanged(cluster), kist.files()
    result = kist.run("restore", f"p/{shop}", *words, "--dry-run")
    live.check()
    assert kist.files() == before
    assert f"p/{shop}" in result.out and "old" in result.out and "'shop'" in result.out, result
    assert "nothing was changed" in result.out
    lost = re.search(r"^lost: +(.*)$", result.out, re.M)[1]
    if "--in-place" in words:
        assert "3 tables" in lost and "safety:" in result.out
        assert ("--confirm shop only" in result.out) == ("--confirm" not in words)
    else:
        assert lost == "nothing" and FRESH.search(result.out)
    tables = "1 table with 1,000 rows" if "--table" in words else "3 tables with 1,200 rows"
    assert tables in result.out, result
    assert not (kist.state / "history.jsonl").exists() or last(kist, "run")


def test_the_plan_knows_how_long_it_takes(cluster, kist, shop):
    assert re.search(r"^time: +unknown", kist.run("restore", "p", "--dry-run").out, re.M)
    kist.run("restore", "p", "--to", "shop_new", "--create")
    plan = kist.run("restore", "p", "--dry-run").out
    assert re.search(r"^time: +about .* going by the last restore", plan, re.M), plan


def test_a_suspect_backup_is_told(cluster, kist, shop):
    path = kist.manifest_path(shop)
    text = path.read_text().replace('  "items"', '  "suspect": ["it is far too small"],\n  "items"', 1)
    path.write_bytes(seal(text.encode()))
    result = kist.run("restore", "p", "--dry-run")
    assert re.search(r"^suspect: +it is far too small", result.out, re.M), result
    assert "suspect: it is far too small" in result.err


def test_a_bad_backup_is_told(cluster, kist, shop):
    path = kist.data_path(shop)
    flip(path, 100, 1)
    kist.run("verify", f"p/{shop}", expect=4)
    flip(path, 100, 1)
    result = kist.run("restore", "p", "--dry-run")
    assert re.search(r"^bad: ", result.out, re.M) and "was found bad" in result.err, result
    # It says where to read what was wrong, and that can be read there.
    assert f"`kist show p/{shop}`" in result.out and "SHA-256 differs" in kist.run("show", f"p/{shop}").out
    kist.run("verify", f"p/{shop}")
    result = kist.run("restore", "p", "--dry-run")
    assert "bad" not in result.out + result.err, result


# ---- parts, and words that do not go together ----


def test_one_table_beside(cluster, kist, shop):
    live = Unchanged(cluster)
    result = kist.run("restore", "p", "--table", "customers")
    (fresh,) = set(FRESH.findall(result.out))
    assert cluster.sql("SELECT count(*) FROM customers", fresh) == "200"
    assert cluster.table_count(fresh) == 1
    assert "(200 rows)" in result.out, result
    live.check(same_names=False)
    line = last(kist)
    assert line["tables"] == ["customers"] and line["compared"] == 1, line


def test_definitions_only(cluster, kist, shop):
    kist.run("restore", "p", "--to", "shop_new", "--create", "--schema-only")
    assert rows(cluster, "shop_new") == "0|0"
    line = last(kist)
    assert line["only"] == "schema" and "compared" not in line, line


def test_several_jobs(cluster, kist, shop):
    kist.run("restore", "p", "--to", "shop_new", "--create", "--jobs", "2")
    assert rows(cluster, "shop_new") == SAVED
    assert not list(kist.state.glob("work-*"))


def test_no_working_directory(cluster, kist, shop):
    """The names of what belongs in there are too long for the system; that of the directory itself is not."""
    deep = top = kist.folder / "deep"
    while len(str(deep)) < 3900:
        deep /= "d" * 100
    kist.state = deep / ("d" * (4085 - len(str(deep)) - 1))
    try:
        result = kist.run("restore", "p", "--to", "shop_new", "--create", "--jobs", "2", expect=1)
    finally:
        shutil.rmtree(top)
    assert "cannot make a directory in" in result.err, result
    assert "shop_new" not in databases(cluster)


def test_what_a_killed_restore_left_is_swept(cluster, kist, shop):
    dead = kist.state / "work-abcdef"
    (dead / "deep").mkdir(mode=0o700, parents=True)
    (dead / "deep" / "file").write_text("secret")
    victim = kist.folder / "victim"
    victim.write_text("mine")
    (dead / "link").symlink_to(victim)
    (kist.state / "work-linked").symlink_to(kist.folder)
    kist.run("restore", "p", "--to", "shop_new", "--create", "--jobs", "2")
    assert not dead.exists() and victim.read_text() == "mine"
    (kist.state / "work-linked").unlink()


@pytest.mark.parametrize(
    "words",
    [
        ["--swap", "--undo"],
        ["--swap", "--in-place"],
        ["--swap", "--table", "orders"],
        ["--swap", "--confirm", "x", "--jobs", "2"],
        ["--confirm", "shop"],
        ["--skip-safety-backup"],
        ["--undo", "--confirm", "shop"],
        ["--schema-only", "--data-only"],
        ["--jobs", "0"],
        ["--jobs", "many"],
        ["--output", "x", "--swap"],
        ["--output", "x", "--table", "orders"],
    ],
)
def test_words_that_make_no_sense(small, kist, words):
    kist.pipeline(small)
    kist.run("restore", "p", *words, expect=2).is_one_error()


def test_undo_is_of_a_pipeline(small, kist):
    kist.pipeline(small)
    kist.run("restore", "p/2026-11-21T02-00-00Z", "--undo", expect=2).is_one_error()


def test_clean_is_for_objects_and_in_place_for_databases(cluster, kist, shop):
    live = Unchanged(cluster)
    assert "--in-place" in kist.run("restore", "p", "--clean", expect=7).err
    live.check()
    store = kist.folder / "store"
    store.mkdir()
    (store / "a").write_text("a")
    kist.write(
        "[pipeline m]\nsource = m\ndestinations = d\n[source m]\nplugin = mirror\nfrom = there\n"
        f"[destination there]\nplugin = local\npath = {store}\n"
        f"[destination d]\nplugin = local\npath = {kist.disk}\n"
    )
    kist.run("run", "m")
    for words in (["--in-place"], ["--undo"], ["--swap"], ["--table", "x"], ["--jobs", "2"]):
        kist.run("restore", "m", *words, expect=2).is_one_error()


# ---- faults ----


@pytest.mark.parametrize(
    "how, words",
    [
        ("missing", []),
        ("flipped", []),
        ("cut", []),
        ("longer", []),
        ("missing", ["--swap"]),
        ("flipped", ["--in-place", "--confirm", "shop"]),
    ],
)
def test_damage_is_found_before_the_target_is_touched(cluster, kist, shop, how, words):
    """Fault 93."""
    path, live = kist.data_path(shop), Unchanged(cluster)
    if how == "missing":
        path.unlink()
    elif how == "flipped":
        flip(path, path.stat().st_size // 2, 3)
    elif how == "cut":
        cut(path, path.stat().st_size - 1)
    else:
        path.write_bytes(path.read_bytes() + b"x")
    result = kist.run("restore", "p", *words, expect=4)
    assert path.name in result.is_one_error()
    live.check()
    # Nor was time spent on a safety backup.
    assert kist.ids() == [shop]
    assert last(kist)["outcome"] == "failed"


def test_the_manifest_of_another_job(cluster, kist, shop):
    """Fault 94."""
    live = Unchanged(cluster)
    other = kist.manifest_path(shop, name="q")
    other.parent.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(kist.manifest_path(shop), other)
    kist.pipeline("shop", name="q")
    kist.run("restore", f"q/{shop}", expect=4).is_one_error()
    live.check()


def new_key(kist, name):
    path = kist.folder / name
    result = kist.run("key", "new", "age", "--output", path)
    return path, re.search(r"age1[0-9a-z]+", result.out)[0]


def encrypted(kist, recipient, identity):
    lines = f"\n[filter lock]\nplugin = age\nrecipients = {recipient}\n"
    lines += f"identity_file = {identity}\n" if identity else ""
    kist.pipeline("shop", filters="zstd, lock", sections=lines)


@pytest.mark.parametrize("key", ["wrong", "none"])
@pytest.mark.parametrize("words", [[], ["--in-place", "--confirm", "shop"], ["--output", "out"]])
def test_wrong_key(cluster, kist, shop, key, words):
    """Fault 95."""
    right, recipient = new_key(kist, "right")
    wrong, _ = new_key(kist, "wrong")
    encrypted(kist, recipient, None)
    id = kist.backup()
    encrypted(kist, recipient, wrong if key == "wrong" else None)
    live = Unchanged(cluster)
    words = [kist.folder / word if word == "out" else word for word in words]
    result = kist.run("restore", f"p/{id}", *words, expect=None)
    assert result.code == (2 if key == "none" else 4) or (key == "wrong" and result.code in (1, 2, 4)), result
    result.is_one_error()
    live.check()
    assert not [path for path in (kist.folder / "out").rglob("*") if path.is_file()]
    assert kist.ids()[-1] == id
    encrypted(kist, recipient, right)
    result = kist.run("restore", f"p/{id}")
    assert rows(cluster, FRESH.search(result.out)[0]) == LIVE


def test_a_backend_that_dies_beside(cluster, kist, big):
    """Fault 98: what was made beside is gone again, the live one is as it was, and the next try works."""
    drop_all(cluster)
    cluster.create("shop", "CREATE TABLE mine AS SELECT 1 AS x")
    kist.pipeline(big)
    kist.backup()
    live = Unchanged(cluster)
    running = kist.start("restore", "p", "--to", "shop", "--swap")
    assert wait_until(lambda: cluster.backends(copying=True) or running.process.poll() is not None)
    cluster.terminate(cluster.backends(copying=True))
    result = running.finish()
    assert result.code == 1, result
    result.is_one_error()
    live.check()
    assert_no_child_is_left(cluster)
    result = kist.run("restore", "p", "--to", "shop")
    assert dump(cluster, big) == dump(cluster, FRESH.search(result.out)[0])
    drop_all(cluster)


def test_what_the_server_refuses(cluster, kist, shop):
    """Fault 97: an owner who is gone fails the restore as a whole, however it is made, and --no-owner is the way on."""
    cluster.sql("DROP ROLE IF EXISTS keeper; CREATE ROLE keeper")
    cluster.sql("ALTER TABLE nothing OWNER TO keeper", "shop")
    id = kist.backup()
    cluster.sql("ALTER TABLE nothing OWNER TO postgres; DROP ROLE keeper", "shop")
    live = Unchanged(cluster)
    for words in ([], ["--swap"], ["--in-place", "--confirm", "shop", "--skip-safety-backup"]):
        result = kist.run("restore", f"p/{id}", *words, expect=1)
        assert "keeper" in result.is_one_error()
        live.check()
    result = kist.run("restore", f"p/{id}", "--no-owner")
    assert rows(cluster, FRESH.search(result.out)[0]) == LIVE


def test_killed_in_the_middle(cluster, kist, big):
    """kill -9: the live database is whole, and the same command works again."""
    drop_all(cluster)
    cluster.create("shop", "CREATE TABLE mine AS SELECT 1 AS x")
    kist.pipeline(big)
    kist.backup()
    oid = cluster.sql("SELECT oid FROM pg_database WHERE datname = 'shop'")
    for words in (["--jobs", "2"], ["--swap"], ["--in-place", "--confirm", "shop"]):
        running = kist.start("restore", "p", "--to", "shop", *words)
        assert wait_until(lambda: cluster.backends(copying=True) or running.process.poll() is not None)
        running.signal(9)
        assert running.finish().code == -9
        assert wait_until(lambda: not cluster.backends())
        assert cluster.sql("SELECT x FROM mine", "shop") == "1"
    assert cluster.sql("SELECT oid FROM pg_database WHERE datname = 'shop'") == oid
    result = kist.run("restore", "p", "--to", "shop", "--jobs", "2")
    assert dump(cluster, big) == dump(cluster, FRESH.findall(result.out)[0])
    assert not list(kist.state.glob("work-*"))
    for path in kist.state.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    drop_all(cluster)
