"""Getting a database back beside the one that is there: what is planned, what is restored, and what is said."""
import os
import pwd
import re
import shutil
import subprocess

import pytest
from cluster import clean_environment
from live_shop import FRESH, LIVE, SAVED, Unchanged, as_printed, databases, last, rows
from manifests import flip, seal

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
