"""mode = dump: a branch of Neon is made, read by pg_dump from a real server, and gone afterwards, whatever happens."""
import re
import signal
import time
from urllib.parse import quote

import pytest
from cluster import same
from neon_fake import NeonFake
from neon_kist import Neon, said
from neon_postgres import NeonPostgres
from neon_things import stamp
from processes import wait_until
from sampler import Sampler
from slow import fake_pg_dump

ROWS = """
CREATE TABLE orders (id int PRIMARY KEY, v text);
INSERT INTO orders SELECT g, 'value ' || g FROM generate_series(1, 500) g;
CREATE TABLE audit (id serial, at timestamptz DEFAULT '2026-01-01');
INSERT INTO audit DEFAULT VALUES;
CREATE INDEX ON orders (v);
CREATE VIEW few AS SELECT v FROM orders WHERE id < 5;
SELECT lo_from_bytea(4711, 'large');
"""


@pytest.fixture(scope="module")
def postgres(cluster):
    return NeonPostgres(cluster, script=ROWS)


@pytest.fixture
def neon(kist, postgres):
    with NeonFake(postgres) as fake:
        neon = Neon(kist, fake)
        neon.write(mode="dump")
        yield neon
        neon.stop()
        for database in postgres.left():
            postgres.drop(database)


@pytest.fixture
def copy(cluster):
    yield "neon_copy"
    cluster.drop("neon_copy")


def is_clean(neon, *others):
    """No branch but these, and no database of another one."""
    assert neon.model.names() == sorted(["main", *others])
    assert neon.fake.postgres.left() == sorted(filter(None, (neon.model.named(name).place for name in others)))


def dumper(neon, script, **options):
    """pg_dump is this script from now on; see slow.py."""
    fake = fake_pg_dump(neon.kist.folder, script)
    lines = "\n".join(f"{key} = {value}" for key, value in {"pg_dump": fake, **options}.items())
    neon.write(mode="dump", dump="dumper", sections=f"[source dumper]\nplugin = pg_dump\n{lines}\n")


def begun(neon):
    """A run that is dumping."""
    running = neon.kist.start("run", "p")
    assert wait_until(lambda: (neon.kist.folder / "pg_dump-runs").exists())
    return running


def temporary(neon):
    (name,) = [name for name in neon.model.names() if name.startswith("kist-dump-")]
    return name


def test_its_whole_life(neon, kist, cluster, postgres, copy):
    id = kist.backup()
    is_clean(neon)
    (post,) = neon.fake.seen("POST", "/branches$")
    assert b'"endpoints":[{"type":"read_write"}]' in post.body and b"expires_at" in post.body
    assert "pooled=false" in neon.fake.seen("GET", "/connection_uri")[-1].target
    facts = kist.manifest(id)["source"]["facts"]
    assert facts["project"] == neon.fake.project and facts["branch"] == "main" and facts["tool"] == "pg_dump"
    assert facts["dumped_branch"].startswith("kist-dump-p-") and facts["dumped_branch"].endswith(id)
    assert kist.backups()[0]["held_by"] == []
    kist.run("verify", "p", "--level", "decode")
    drilled = kist.run("drill", "p")
    assert "501 rows equal" in drilled.out
    is_clean(neon)
    kist.run("restore", "p", "--to", copy, "--create")
    same(cluster, postgres.database, copy)
    assert not any(each.method == "POST" for each in neon.fake.requests if each is not post)
    kist.run("doctor", "p")
    kist.run("run", "p", "--dry-run")
    is_clean(neon)


def test_what_is_dumped_is_the_branch(neon, kist, postgres, cluster, copy):
    """Rows that come in meanwhile are not in it, and the branch that is saved has nobody connected to it."""
    dumper(neon, 'sleep 1; exec "$real" "$@"', tables="orders")
    running = begun(neon)
    cluster.sql("INSERT INTO orders VALUES (1000, 'later')", postgres.database)
    who = "SELECT datname FROM pg_stat_activity WHERE application_name = 'kist'"
    assert set(cluster.sql(who).split()) == {neon.model.named(temporary(neon)).place}
    assert running.finish().code == 0
    cluster.sql("DELETE FROM orders WHERE id = 1000", postgres.database)
    kist.run("restore", "p", "--to", copy, "--create")
    assert cluster.sql("SELECT count(*) FROM orders", copy) == "500" and cluster.table_count(copy) == 1


def test_killed(neon, kist):
    """What it leaves goes with the next run; what others made stays, whatever its name."""
    others = ["kist-dump-p-00000000-2026-01-01T00-00-00Z", "kist-dump-other", "mine"]
    for name in others:
        neon.model.make(name)
    dumper(neon, "exec sleep 60")
    running = begun(neon)
    running.signal(signal.SIGKILL)
    running.finish()
    left = temporary_of_ours(neon, others)
    assert neon.model.named(left).expires > time.time() + 23 * 3600
    near = left[: left.rindex("-2")] + "-notes"
    neon.model.make(near)
    neon.write(mode="dump")
    result = kist.run("run", "p")
    assert f"deleted branch '{left}'" in result.err
    is_clean(neon, near, *others)


def temporary_of_ours(neon, others):
    (name,) = [name for name in neon.model.names() if name.startswith("kist-dump-") and name not in others]
    return name


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped(neon, kist, number):
    dumper(neon, "exec sleep 60")
    running = begun(neon)
    running.signal(number)
    result = running.finish(20)
    assert result.code == 128 + number, result
    is_clean(neon)
    assert kist.ids() == []


def test_stopped_while_the_branch_is_made(neon, kist):
    neon.model.ends["start_compute"] = "never"
    running = kist.start("run", "p")
    assert wait_until(lambda: neon.fake.count("GET", "/operations/") > 5)
    neon.model.strict = False
    running.signal(signal.SIGTERM)
    assert running.finish(20).code == 128 + signal.SIGTERM
    is_clean(neon)


def test_pg_dump_fails(neon, kist):
    dumper(neon, "echo 'pg_dump: error: it is broken' >&2; exit 1")
    result = kist.run("run", "p", expect=1)
    assert "it is broken" in result.is_one_error()
    is_clean(neon)


def test_the_compute_does_not_start(neon, kist):
    neon.model.ends["start_compute"] = "failed"
    result = kist.run("run", "p", expect=1)
    assert "the storage did not answer" in result.is_one_error()
    is_clean(neon)


def test_the_reply_is_lost(neon, kist):
    neon.proxy.on("POST", "/branches$", drop_reply=True)
    kist.backup()
    assert neon.fake.count("POST", "/branches$") == 1
    is_clean(neon)


def test_the_branch_cannot_be_deleted(neon, kist):
    """The backup is good, the branch is told, and the next run deletes it."""
    neon.write(mode="dump", wait="4s")
    rule = neon.proxy.on("DELETE", "/branches/", times=None, answer=said(503))
    result = kist.run("run", "p")
    assert rule.used > 1 and result.took < 20
    assert f"branch '{temporary(neon)}' is still there" in result.err
    left = temporary(neon)
    neon.proxy.clear()
    neon.write(mode="dump", wait="12s")
    neon.proxy.on("DELETE", f"/branches/{neon.model.named(left).id}$", times=None, answer=said(503))
    result = kist.run("run", "p")
    assert f"branch '{left}', which a run that was killed left, is still there" in result.err and result.took < 11
    is_clean(neon, left)
    neon.proxy.clear()
    kist.backup()
    is_clean(neon)


def test_stopped_while_the_branch_is_deleted(neon, kist):
    """It is deleted in peace, then."""
    rule = neon.proxy.on("DELETE", "/branches/", answer=said(503, Retry_After="10"))
    running = kist.start("run", "p")
    assert wait_until(lambda: rule.used)
    running.signal(signal.SIGTERM)
    running.finish(20)
    is_clean(neon)


def test_another_target_is_saved_before_it_is_replaced(neon, kist, cluster, postgres, copy):
    """The safety backup reads that target: no branch is made of it."""
    kist.backup()
    cluster.create(copy, "CREATE TABLE old_one AS SELECT 1 AS n")
    cluster.sql(f"ALTER DATABASE {copy} OWNER TO neondb_owner; ALTER SCHEMA public OWNER TO neondb_owner", copy)
    cluster.sql("ALTER TABLE old_one OWNER TO neondb_owner", copy)
    result = kist.run("restore", "p", "--to", copy, "--in-place", "--confirm", copy)
    assert neon.fake.count("POST") == 1 and len(kist.ids()) == 2, result
    same(cluster, postgres.database, copy)
    is_clean(neon)


def test_dumps_are_restored_though_branches_are_made_now(neon, kist, cluster, postgres, copy):
    """Its dumps go into databases, as ever. No branch saves what another database holds, and a dump makes no branch."""
    id = kist.backup()
    neon.write(mode="branch")
    cluster.create(copy, "CREATE TABLE old_one AS SELECT 1 AS n")
    for words in ["--to", copy, "--in-place", "--confirm", copy], ["--to-branch", "again"]:
        result = kist.run("restore", f"p/{id}", *words, expect=7)
        assert neon.model.names() == ["main"] and kist.ids() == [id], result
    assert "--to NAME --create" in result.err and "a dump makes no branch" in result.is_one_error()
    assert cluster.sql("SELECT n FROM old_one", copy).strip() == "1"
    cluster.drop(copy)
    kist.run("restore", f"p/{id}", "--to", copy, "--create")
    same(cluster, postgres.database, copy)


def test_beside_and_swapped(neon, kist, cluster, postgres):
    """Without a target it is the database of the branch itself."""
    kist.backup()
    cluster.sql("DELETE FROM orders", postgres.database)
    beside = kist.run("restore", "p")
    (fresh,) = re.findall(r"as '(\w+_restore_\w+)'", beside.out)
    assert cluster.sql("SELECT count(*) FROM orders", postgres.database) == "0"
    swapped = kist.run("restore", "p", "--swap", "--confirm", fresh)
    assert cluster.sql("SELECT count(*) FROM orders", postgres.database) == "500"
    (kept,) = re.findall(r"kept as '(\w+)'", swapped.out)
    cluster.drop(kept)
    kist.run("restore", "p", "--in-place", "--confirm", postgres.database)
    assert cluster.sql("SELECT count(*) FROM orders", postgres.database) == "500" and len(kist.ids()) == 2
    neon.model.main.endpoint = None
    assert "no read-write endpoint" in kist.run("restore", "p", expect=1).is_one_error()
    kist.run("run", "p")
    is_clean(neon)


def test_a_moment_is_a_branch(neon, kist):
    """Neon's history needs no dump."""
    kist.run("restore", "p", "--at", stamp(time.time() - 60), "--to-branch", "past")
    assert neon.model.names() == ["main", "past"] and kist.ids() == []
    kist.backup()
    assert "--to-branch" in kist.run("restore", "p", "--to-branch", "again", expect=2).is_one_error()


def test_a_restore_needs_no_neon(neon, kist, cluster, postgres, copy):
    """When it is what was lost."""
    kist.backup()
    neon.write(mode="dump", wait="1s")
    neon.proxy.on(times=None, answer=said(503))
    result = kist.run("restore", "p", "--to", "${TARGET}", "--create", env={"TARGET": postgres.url(copy)})
    assert "goes on without Neon" in result.err and result.took < 20
    same(cluster, postgres.database, copy)
    kist.run("verify", "p", "--level", "decode")
    assert "501 rows equal" in kist.run("drill", "p").out
    assert "503" in kist.run("restore", "p", "--to", "some_name", "--create", expect=1).is_one_error()


def test_secrets(neon, kist, postgres, copy):
    """Neither the key nor the password is in what it prints, stores, or shows to `ps`."""
    words = [neon.fake.api_key, postgres.password, quote(postgres.password, safe=""), "c4nary", "postgresql://"]
    traces = [word.encode() for word in words]
    for args in (
        ("run", "p"),
        ("restore", "p", "--to", copy, "--create"),
        ("doctor", "p"),
        ("show", "p"),
        ("config", "show"),
    ):
        running = kist.start("-v", "-v", *args)
        sampler = Sampler(kist, running.pid, traces)
        result = running.finish()
        sampler.stop()
        assert result.code == 0 and sampler.found == [], result
        assert not any(word in result.out + result.err for word in words), result
    dumper(neon, f"echo \"cannot reach $PGPASSWORD at {postgres.url('x')}\" >&2; exit 1")
    result = kist.run("run", "p", expect=1)
    assert not any(word in result.out + result.err for word in words[:4]), result
    kept = {**kist.files(), **{path.name: path.read_bytes() for path in kist.state.rglob("*") if path.is_file()}}
    assert "history.jsonl" in kept and not [name for name in kept if any(each in kept[name] for each in traces[:4])]
