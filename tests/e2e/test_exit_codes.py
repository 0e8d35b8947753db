"""One test for each exit status that the manual promises."""
import signal

import pytest
from cluster import clean_environment
from processes import wait_until
from slow import slow_pg_dump


def test_0_done(small, kist):
    kist.pipeline(small)
    kist.run("run", "p", expect=0)
    assert len(kist.ids()) == 1


def test_1_failed(cluster, kist):
    kist.pipeline("no_such_database")
    result = kist.run("run", "p", expect=1)
    line = result.is_one_error()
    assert "p/" in line and "no_such_database" in line
    assert kist.ids() == []


def test_1_server_away(kist):
    kist.pipeline("x", source=f"plugin = pg_dump\nhost = {kist.folder}\nport = 1\nuser = u\ndatabase = x")
    kist.run("run", "p", expect=1).is_one_error()


@pytest.mark.parametrize(
    "args",
    [
        ["fly"],
        ["run", "--no-such-option"],
        ["run", "nobody"],
        ["--log-format", "loud", "list"],
        ["show"],
        ["restore"],
        ["run", "p", "--label", "no-equals-sign"],
        ["run", "p", "--label", "safety=before the upgrade"],
        ["verify", "--level", "deep"],
        ["list", "p", "extra"],
        ["list", "--destination", "nowhere"],
        ["restore", "p", "--to", "x", "--output", "y"],
        ["show", "p/../p"],
    ],
)
def test_2_usage(kist, cluster, small, args):
    kist.pipeline(small)
    result = kist.run(*args, expect=2)
    assert result.err.startswith("kist: error: "), result
    assert result.out == ""


def test_2_config(kist):
    kist.write("[pipeline p]\n")
    kist.run("run", "--all", expect=2)


def test_2_password_in_target(kist, small):
    kist.pipeline(small)
    kist.backup()
    result = kist.run("restore", "p", "--to", "postgresql://u:canary@127.0.0.1/x", expect=2)
    assert "canary" not in result.err


def test_3_degraded(small, kist):
    kist.pipeline(small, destinations=("disk", "disk2"), more="require = 1")
    (kist.folder / "disk2").rmdir()
    (kist.folder / "disk2").write_text("not a directory")
    result = kist.run("run", "p", expect=3)
    assert "disk2" in result.err
    (backup,) = kist.backups(expect=None)
    kist.run("verify", f"p/{backup['id']}", "--destination", "disk")


def test_4_integrity(small, kist):
    kist.pipeline(small)
    id = kist.backup()
    path = kist.data_path(id)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    result = kist.run("verify", "p", "--level", "hash", expect=4)
    assert path.name in result.err + result.out


def test_5_locked(cluster, small, kist):
    kist.pipeline(small, source=cluster.source(small, pg_dump=slow_pg_dump(kist.folder, after=0, seconds=60)))
    first = kist.start("run", "p")
    assert wait_until(lambda: (kist.folder / "pg_dump-runs").exists())
    before = kist.files()
    result = kist.run("run", "p", expect=5)
    result.is_one_error()
    assert kist.files() == before
    first.signal(signal.SIGTERM)
    assert first.finish().code == 143


@pytest.mark.parametrize("name", ["p/latest", "p", "p/2020-01-01T00-00-00Z"])
@pytest.mark.parametrize("verb", ["show", "verify", "restore"])
def test_6_no_such_backup(cluster, small, kist, verb, name):
    kist.pipeline(small)
    result = kist.run(
        verb, name, *(["--to", "nobody_makes_this", "--create"] if verb == "restore" else []), expect=6
    )
    result.is_one_error()
    assert not cluster.exists("nobody_makes_this")


def test_7_refused(cluster, small, kist):
    """Fault 96."""
    kist.pipeline(small)
    kist.backup()
    before = cluster.dump(small)
    result = kist.run("restore", "p", "--to", small, "--in-place", expect=7)
    assert f"--to {small} --in-place --confirm {small}" in result.err
    result = kist.run("restore", "p", "--to", small, "--clean", expect=7)
    assert "--in-place" in result.err
    cluster._dumps.clear()
    assert cluster.dump(small) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_128_and_signal(cluster, small, kist, number):
    kist.pipeline(small, source=cluster.source(small, pg_dump=slow_pg_dump(kist.folder, after=0, seconds=60)))
    running = kist.start("run", "p")
    assert wait_until(lambda: (kist.folder / "pg_dump-runs").exists())
    running.signal(number)
    result = running.finish(10)
    assert result.code == 128 + number, result
    result.is_one_error()
    assert kist.ids() == []


def test_no_environment_is_needed(small, kist):
    """From cron: no HOME, no TERM, descriptors closed."""
    kist.pipeline(small)
    running = kist.start("run", "p", before=["sh", "-c", 'exec "$@" <&-', "sh"])
    assert running.finish().code == 0
    assert clean_environment()["HOME"] == "/nonexistent"
