"""The examples of whole pipelines are right: each by itself, and all of them together in one directory."""
import pytest
from kist import ROOT

EXAMPLES = sorted((ROOT / "conf.d").glob("*.ini"))


@pytest.fixture
def env(plain_kist, tmp_path):
    """What the examples expect to be there."""
    (tmp_path / "billing-url").write_text("postgresql://backup@db.example/billing\n")
    (tmp_path / "billing-url").chmod(0o600)
    return {
        "DATABASE_URL": "postgresql://backup@db.example/shop",
        "BLOB_READ_WRITE_TOKEN": "vercel_blob_rw_store1_secret",
        "SMTP_PASSWORD": "a password",
        "SLACK_TOKEN": "xoxb-1-token",
        "APP_DATABASE_URL": "postgresql://app@db.example/shop",
        "PING_URL": "https://ping.example/a-check",
        "NEON_API_KEY": "napi_a_key",
        "DATABASE_URL_UNPOOLED": "postgresql://backup@db.example/shop",
        "CREDENTIALS_DIRECTORY": str(tmp_path),
    }


def install(kist, path):
    """The example, with the file that it names where the test can write it."""
    password = kist.folder / "password"
    password.write_text("word\n")
    password.chmod(0o600)
    key = kist.folder / "sign.key"
    key.write_text(64 * "5" + "\n")
    key.chmod(0o600)
    text = path.read_text().replace("/etc/kist/orders.password", str(password))
    kist.write(text.replace("/etc/kist/sign.key", str(key)), name=path.name, mode=0o644)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each(plain_kist, env, path):
    install(plain_kist, path)
    plain_kist.run("config", "check", env=env)
    assert max(len(line) for line in path.read_text().splitlines()) <= 115
    assert path.read_text().startswith("; ")


def test_all_together(plain_kist, env):
    assert len(EXAMPLES) >= 4
    for path in EXAMPLES:
        install(plain_kist, path)
    plain_kist.run("config", "check", env=env)


@pytest.mark.parametrize("path", sorted(ROOT.glob("plugins/*/*/example.ini")), ids=lambda path: path.parent.name)
def test_those_of_the_plugins(plain_kist, env, path):
    """They are sections to copy from, so what they lack is told, but nothing in them may be wrong."""
    plain_kist.write(path.read_text(), mode=0o600)
    result = plain_kist.run("config", "check", env=env, expect=None)
    for word in ("unknown", "out of range", "misspelt"):
        assert word not in result.err, result


def test_the_readmes_first_pipeline(plain_kist, env):
    text = (ROOT / "README.md").read_text()
    plain_kist.write(text.split("```ini\n")[1].split("```")[0], mode=0o644)
    plain_kist.run("config", "check", env=env)
