"""Restores that fail or are killed: the database that is there stays as it was."""
import re
import shutil
import stat

import pytest
from aftermath import assert_no_child_is_left
from live_shop import FRESH, LIVE, Unchanged, drop_all, dump, last, rows
from manifests import cut, flip
from processes import wait_until

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
