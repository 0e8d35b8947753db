"""A password shows nowhere: not in what kist prints or stores, not in what its children show to `ps`."""
import pytest
from cluster import PASSWORD
from sampler import Sampler

CANARY = "c4nary/p@ss:w rd'%"
ENCODED = "c4nary%2Fp%40ss%3Aw%20rd%27%25"
# Any of these would give it away.
TRACES = [CANARY.encode(), ENCODED.encode(), b"c4nary"]


@pytest.fixture(scope="module")
def role(cluster, big):
    cluster.sql('DROP ROLE IF EXISTS "secret one"')
    cluster.sql('CREATE ROLE "secret one" LOGIN SUPERUSER PASSWORD \'' + CANARY.replace("'", "''") + "'")
    return "secret one"


def watched(kist, *args, expect=0, **more):
    running = kist.start(*args, **more)
    sampler = Sampler(kist, running.pid, TRACES)
    result = running.finish()
    sampler.stop()
    assert result.code == expect, result
    assert sampler.found == []
    assert not any(trace in (result.out + result.err).encode() for trace in TRACES), result
    return result, sampler.seen


def config(kist, cluster, role, way):
    """(lines of the section, environment) that give the password in one way."""
    keys = f"plugin = pg_dump\nhost = 127.0.0.1\nport = {cluster.port}\nuser = {role}\ndatabase = big\n"
    file = kist.folder / "password"
    file.write_text(CANARY + "\n")
    file.chmod(0o600)
    url = f"postgresql://secret%20one:{ENCODED}@127.0.0.1:{cluster.port}/big"
    passfile = kist.folder / "pgpass"
    passfile.write_text("*:*:*:*:" + CANARY.replace(":", "\\:") + "\n")
    passfile.chmod(0o600)
    return {
        "environment": (keys + "password = ${CANARY}", {"CANARY": CANARY}),
        "file": (keys + f"password_file = {file}", {}),
        "literal": (keys + f"password = {CANARY}", {}),
        "credential": (keys + "password = ${cred:password}", {"CREDENTIALS_DIRECTORY": str(kist.folder)}),
        "url": ("plugin = pg_dump\nurl = ${URL}", {"URL": url}),
        "literal url": (f"plugin = pg_dump\nurl = {url}", {}),
        "passfile": (keys + f"passfile = {passfile}", {}),
    }[way]


@pytest.mark.parametrize("way", ["environment", "file", "literal", "credential", "url", "literal url", "passfile"])
def test_nowhere(cluster, role, kist, way):
    lines, env = config(kist, cluster, role, way)
    kist.pipeline("big", source=lines)
    result, seen = watched(kist, "-v", "run", "p", env=env)
    assert "pg_dump" in seen
    cluster.drop("secret_copy")
    result, seen = watched(kist, "-v", "restore", "p", "--to", "secret_copy", "--create", env=env)
    assert "pg_restore" in seen
    cluster.drop("secret_copy")
    for args in (
        ["list", "--json"],
        ["show", "p", "--json"],
        ["verify", "p", "--level", "decode"],
        ["config", "show"],
        ["doctor"],
        ["run", "p", "--dry-run"],
        ["show", "p"],
    ):
        watched(kist, *args, env=env)
    kept = {
        **kist.files(),
        **{f"state/{path.name}": path.read_bytes() for path in kist.state.rglob("*") if path.is_file()},
    }
    assert any("_kist/" in name for name in kept) and "state/history.jsonl" in kept
    for name, content in kept.items():
        assert not any(trace in content for trace in TRACES), name


@pytest.mark.parametrize("log", ["plain", "json"])
def test_in_errors(cluster, role, kist, log):
    """What the server and pg_dump say of a failure may hold what they were given."""
    wrong = f"postgresql://secret%20one:{ENCODED}x@127.0.0.1:{cluster.port}/big"
    for url in (
        wrong,
        wrong.replace(str(cluster.port), "1"),
        wrong.replace("/big", "/no_" + ENCODED),
        f"postgresql://secret%20one:{ENCODED}@127.0.0.1:{cluster.port}/big?{ENCODED}=1",
        f"postgresql://secret%20one:{ENCODED}@127.0.0.1:notaport/big",
    ):
        kist.pipeline("big", source="plugin = pg_dump\nurl = ${URL}")
        running = kist.start("-v", "--log-format", log, "run", "p", env={"URL": url})
        result = running.finish()
        assert result.code in (1, 2), result
        assert not any(trace in (result.out + result.err).encode() for trace in TRACES), result
        if (kist.state / "history.jsonl").exists():
            assert b"c4nary" not in (kist.state / "history.jsonl").read_bytes()


def test_in_a_restore_target(cluster, role, kist, small):
    kist.pipeline(small)
    kist.backup()
    url = f"postgresql://secret%20one:{ENCODED}@127.0.0.1:{cluster.port}/restored_secret"
    watched(kist, "-v", "restore", "p", "--to", "${TARGET}", "--create", env={"TARGET": url})
    assert b"c4nary" not in (kist.state / "history.jsonl").read_bytes()
    cluster.drop("restored_secret")


def test_children_get_no_other_variables(cluster, small, kist):
    from slow import fake_pg_dump

    fake = fake_pg_dump(
        kist.folder, f'env >"{kist.folder}/env"; ls -l /proc/self/fd >"{kist.folder}/fds"; exec "$real" "$@"'
    )
    kist.pipeline(small, source=cluster.source(small, pg_dump=fake))
    kist.run(
        "run",
        "p",
        env={
            "AWS_SECRET_ACCESS_KEY": CANARY,
            "PGOPTIONS": "-c search_path=x",
            "LD_LIBRARY_PATH": "/x",
            "PGDATABASE": "other",
            "PGPASSWORD": PASSWORD,
            "DATABASE_URL": "x",
            "PGSERVICEFILE": "/x",
        },
    )
    names = {line.split("=")[0] for line in (kist.folder / "env").read_text().splitlines()}
    assert not names & {
        "AWS_SECRET_ACCESS_KEY",
        "PGOPTIONS",
        "LD_LIBRARY_PATH",
        "PGPASSWORD",
        "DATABASE_URL",
        "PGSERVICEFILE",
    }
    assert names <= {"PATH", "LC_ALL", "TZ", "HOME", "PWD", "SHLVL", "_", "LANG"} | {
        n for n in names if n.startswith("PG")
    }
    fds = (kist.folder / "fds").read_text()
    assert str(kist.disk) not in fds and "conf.d" not in fds and str(kist.state) not in fds, fds
