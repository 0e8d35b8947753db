"""What was backed up comes back the same: by kist, and by standard tools alone."""
import hashlib
import re
import stat
import subprocess

import pytest
from cluster import RESTRICT, clean_environment, same

CHAINS = {
    "no filter": dict(filters=""),
    "gzip": dict(filters="gzip"),
    "zstd": dict(filters="zstd"),
    "zstd then gzip": dict(filters="zstd, gzip"),
    "plain": dict(filters="", format="plain"),
    "plain gzip": dict(filters="gzip", format="plain"),
}


@pytest.fixture(scope="module")
def made(cluster, nasty, tmp_path_factory):
    """A backup of the nasty database by each chain: {chain: (kist, id)}, made when first asked for."""
    from kist import Kist

    backups = {}

    def make(chain):
        if chain not in backups:
            kist = Kist(tmp_path_factory.mktemp("made"), cluster)
            keys = dict(CHAINS[chain])
            filters = keys.pop("filters")
            kist.pipeline(nasty, filters=filters, source=cluster.source(nasty, **keys))
            backups[chain] = kist, kist.backup(timeout=300)
        return backups[chain]

    return make


@pytest.fixture
def target(cluster):
    name = 'back "again" ü'
    cluster.drop(name)
    yield name
    cluster.drop(name)


@pytest.mark.parametrize("chain", CHAINS)
def test_restore_into_a_new_database(cluster, nasty, made, target, chain):
    kist, id = made(chain)
    kist.run("restore", f"p/{id}", "--to", target, "--create", timeout=300)
    same(cluster, nasty, target)


@pytest.mark.parametrize("chain", CHAINS)
def test_verify_all_levels(made, chain):
    kist, id = made(chain)
    for level in ("size", "hash", "decode"):
        kist.run("verify", f"p/{id}", "--level", level, timeout=300)


def commands_of(notes):
    """The commands that RESTORE.txt tells a person to run: what is indented, with the text that belongs to it."""
    commands, closing = [], None
    for line in notes.splitlines():
        if closing:
            commands.append(line)
            if line == closing:
                closing = None
        elif line.startswith("    "):
            commands.append(line[4:])
            heredoc = re.search(r"<<'(\w+)'", line)
            closing = heredoc and heredoc.group(1)
    return "\n".join(commands) + "\n"


@pytest.mark.parametrize("chain", CHAINS)
def test_restore_notes_word_for_word(cluster, nasty, made, target, chain):
    kist, id = made(chain)
    folder = kist.backup_dir(id)
    script = commands_of((folder / "RESTORE.txt").read_text())
    assert "sha256sum -c" in script and "TARGET" in script
    target = "by_hand"
    cluster.create(target)
    script = script.replace("TARGET", cluster.url_without_password(target))
    result = subprocess.run(
        ["bash", "-e", "-c", script.replace("TARGET", target)],
        cwd=folder,
        env=cluster.client_env(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, script + result.stdout + result.stderr
    same(cluster, nasty, target)
    cluster.drop(target)


@pytest.mark.parametrize("chain", ["zstd", "zstd then gzip", "plain gzip", "no filter"])
def test_stock_decoders_give_the_raw_bytes(made, chain):
    kist, id = made(chain)
    (item,) = kist.manifest(id)["items"]
    path = kist.data_path(id)
    data = path.read_bytes()
    assert len(data) == item["stored"]["size"] and hashlib.sha256(data).hexdigest() == item["stored"]["sha256"]
    for used in reversed(item["filters"]):
        tool = {"gzip": ["gunzip", "-c"], "zstd": ["zstd", "-dcq"]}[used["plugin"]]
        data = subprocess.run(tool, input=data, env=clean_environment(), check=True, stdout=subprocess.PIPE).stdout
    assert len(data) == item["raw"]["size"] and hashlib.sha256(data).hexdigest() == item["raw"]["sha256"]


def test_output_gives_the_decoded_file(made, tmp_path):
    kist, id = made("zstd")
    out = tmp_path / "out"
    kist.run("restore", f"p/{id}", "--output", out)
    (file,) = [path for path in out.rglob("*") if path.is_file()]
    (item,) = kist.manifest(id)["items"]
    assert file.name == item["name"]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == item["raw"]["sha256"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_plain_dump_is_what_pg_dump_gives(cluster, nasty, made):
    kist, id = made("plain")
    assert RESTRICT.sub(b"", kist.data_path(id).read_bytes()) == cluster.dump(nasty)


@pytest.mark.parametrize("how", ["name", "url"])
def test_into_an_empty_database(cluster, small, kist, how):
    kist.pipeline(small)
    kist.backup()
    cluster.create("empty_target")
    to = "empty_target" if how == "name" else cluster.url_without_password("empty_target")
    kist.run("restore", "p", "--to", to)
    same(cluster, small, "empty_target")
    cluster.drop("empty_target")


def test_in_place_replaces_what_is_there(cluster, small, kist):
    kist.pipeline(small)
    kist.backup()
    cluster.create("used", 'CREATE TABLE "t 1" (other int); CREATE TABLE "t 2" (x int)')
    kist.run("restore", "p", "--to", "used", "--in-place", expect=7)
    assert cluster.table_count("used") == 2
    kist.run("restore", "p", "--to", "used", "--in-place", "--confirm", "used")
    assert cluster.sql('SELECT count(*) FROM "t 1"', "used") == "50"
    assert cluster.sql("SELECT to_regclass('\"t 2\"') IS NULL", "used") == "t"
    cluster.drop("used")


def test_older_backups_stay_restorable(cluster, kist):
    cluster.create("grows", "CREATE TABLE t (i int); INSERT INTO t VALUES (1)")
    kist.pipeline("grows")
    first = kist.backup()
    cluster.sql("INSERT INTO t VALUES (2)", "grows")
    second = kist.backup()
    assert second > first
    for name, rows in ((f"p/{first}", "1"), (f"p/{second}", "2"), ("p/latest", "2"), ("p", "2")):
        cluster.drop("grown")
        kist.run("restore", name, "--to", "grown", "--create")
        assert cluster.sql("SELECT count(*) FROM t", "grown") == rows
    cluster.drop("grown")


def test_modes_whatever_the_umask(small, kist):
    kist.pipeline(small)
    kist.start("run", "p", before=["sh", "-c", 'umask 000; exec "$@"', "sh"]).finish()
    kist.start("run", "p", before=["sh", "-c", 'umask 777; exec "$@"', "sh"]).finish()
    assert len(kist.ids()) == 2
    for root in (kist.disk, kist.state):
        for path in root.rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_two_destinations_hold_the_same(small, kist):
    kist.pipeline(small, destinations=("disk", "disk2"))
    id = kist.backup()
    assert kist.files("disk") == kist.files("disk2")
    kist.run("verify", f"p/{id}", "--destination", "disk2")


def test_prefix_name_and_labels(small, kist):
    kist.pipeline(small, more="name = {database}-{date}.dump", sections="prefix = deep/er\n")
    kist.run("run", "p", "--label", "why=before the upgrade", "--label", "ticket=42")
    (backup,) = kist.backups()
    id = backup["id"]
    assert (kist.disk / "deep/er/_kist/p" / f"{id}.json").is_file()
    assert (kist.disk / "deep/er/p" / id / f"small-{id[:10]}.dump.zst").is_file()
    shown = kist.run("show", f"p/{id}", "--json").json
    assert shown["labels"] == {"why": "before the upgrade", "ticket": "42"}
    kist.run("verify", "p")


@pytest.mark.parametrize(
    "keys, there, missing",
    [
        (dict(tables='"t 1"'), ['"t 1"'], ["empty_one"]),
        (dict(exclude_tables="empty_one"), ['"t 1"'], ["empty_one"]),
        (dict(sections="schema"), ['"t 1"', "empty_one"], []),
        (dict(schemas="public"), ['"t 1"', "empty_one"], []),
        (dict(schemas="public", format="plain"), ['"t 1"', "empty_one"], []),
    ],
)
def test_a_part_of_a_database(cluster, small, kist, keys, there, missing):
    kist.pipeline(small, source=cluster.source(small, **keys))
    kist.backup()
    cluster.drop("part")
    kist.run("restore", "p", "--to", "part", "--create")
    for table in there:
        rows = cluster.sql(f"SELECT count(*) FROM {table}", "part")
        assert rows == ("50" if table == '"t 1"' and keys.get("sections") != "schema" else "0")
    for table in missing:
        assert cluster.sql(f"SELECT to_regclass('{table}') IS NULL", "part") == "t"
    cluster.drop("part")


@pytest.mark.parametrize("key", ["tables", "exclude_tables", "schemas", "exclude_schemas"])
def test_a_pattern_that_matches_nothing(cluster, small, kist, key):
    """Fault 16."""
    kist.pipeline(small, source=cluster.source(small, **{key: "no_such_thing"}))
    result = kist.run("run", "p", expect=None)
    assert result.code in (1, 2), result
    assert "no_such_thing" in result.is_one_error()
    assert kist.ids() == []


def test_rows_hidden_by_row_security_are_an_error(cluster, kist):
    """Fault 15."""
    cluster.create(
        "rls",
        "CREATE TABLE t (i int); INSERT INTO t VALUES (1), (2); ALTER TABLE t ENABLE ROW LEVEL SECURITY; "
        "CREATE POLICY one ON t USING (i = 1)",
    )
    cluster.sql("DROP ROLE IF EXISTS reader")
    cluster.sql("CREATE ROLE reader LOGIN IN ROLE pg_read_all_data")
    kist.pipeline("rls", source=cluster.source("rls", user="reader"))
    result = kist.run("run", "p", expect=1)
    assert "row" in result.is_one_error()
    assert kist.ids() == []


def test_sees_the_servers_facts(cluster, small, kist):
    kist.pipeline(small)
    id = kist.backup()
    facts = str(kist.manifest(id)["source"]["facts"])
    assert cluster.sql("SHOW server_version").split()[0] in facts
    assert "small" in facts


def test_a_password_by_tcp(cluster, small, kist):
    kist.pipeline(small, source="plugin = pg_dump\nurl = ${SHOP_URL}")
    kist.run("run", "p", env={"SHOP_URL": cluster.url(small)})
    cluster.drop("by_tcp")
    kist.run(
        "restore",
        "p",
        "--to",
        "${TARGET}",
        "--create",
        env={"SHOP_URL": cluster.url(small), "TARGET": cluster.url("by_tcp")},
    )
    same(cluster, small, "by_tcp")
    cluster.drop("by_tcp")
