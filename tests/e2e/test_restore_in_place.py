"""Getting a database back in the place of the one that is there: swapped in and undone, or at once, with a way back."""
import json
import re
import subprocess
import time

import pytest
from live_shop import FRESH, KEPT, LIVE, SAVED, Unchanged, as_printed, databases, dump, last, rows
from manifests import seal
from processes import wait_until

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
