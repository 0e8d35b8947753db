"""The age filter against other programs of the format, against the format's own test vectors, and in whole backups."""
import hashlib
import shutil
import zlib

import pytest
from age_tools import (
    CORRUPT,
    PACKAGES,
    Npm,
    decoded,
    encoded,
    new_key,
    pipe,
    stock,
    stock_with_passphrase,
)
from cluster import same
from npm import installed
from tracing import ENVIRONMENT, tracer

CHUNK = 64 << 10
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 16 * CHUNK, 16 * CHUNK + 1, 40 * CHUNK + 7]

needs_age = pytest.mark.skipif(not shutil.which("age"), reason="age is not installed")


def noise(size):
    return hashlib.shake_128(b"kist").digest(size)


@pytest.fixture(scope="module")
def npm(tmp_path_factory):
    return Npm(installed(tmp_path_factory.mktemp("age-npm"), *PACKAGES))


class Keys:
    def __init__(self, folder):
        self.ours, self.theirs = folder / "ours.txt", folder / "theirs.txt"
        self.our_recipient, self.their_recipient = new_key(self.ours), new_key(self.theirs)

    @property
    def identity(self):
        return self.ours.read_text().splitlines()[1]


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("age-keys"))


@needs_age
@pytest.mark.parametrize("size", SIZES)
def test_stock_tool_both_ways(keys, size):
    data = noise(size)
    ours = encoded(data, recipients=[keys.their_recipient, keys.our_recipient])
    assert stock("-d", "-i", keys.ours, data=ours) == data
    assert stock("-d", "-i", keys.theirs, data=ours) == data
    theirs = stock("-r", keys.their_recipient, "-r", keys.our_recipient, data=data)
    assert decoded(theirs, identity_file=keys.ours) == data
    assert len(ours) == len(theirs)
    armored = stock("-a", "-r", keys.our_recipient, data=data)
    assert decoded(armored, identity_file=keys.ours) == data


@needs_age
def test_stock_tool_makes_the_same_recipient(keys, tmp_path):
    shown = pipe("key").data.decode()
    file = tmp_path / "made.txt"
    file.write_text(shown)
    data = stock("-e", "-i", file, data=b"hello")  # to the recipient that age finds for our identity
    file.chmod(0o600)
    assert decoded(data, identity_file=file) == b"hello"


@needs_age
def test_stock_tool_with_a_passphrase(tmp_path):
    data, raw, sealed, opened = noise(100000), tmp_path / "raw", tmp_path / "raw.age", tmp_path / "opened"
    raw.write_bytes(data)
    stock_with_passphrase("correct horse", "-p", "-o", sealed, raw)
    assert decoded(sealed.read_bytes(), passphrase="correct horse") == data
    wrong = pipe("decode", sealed.read_bytes(), passphrase="correct hors")
    assert (wrong.code, wrong.data) == (CORRUPT, b"") and "the passphrase does not open" in wrong.error
    sealed.write_bytes(encoded(data, passphrase="correct horse", work_factor=18))
    stock_with_passphrase("correct horse", "-d", "-o", opened, sealed)
    assert opened.read_bytes() == data


@pytest.mark.parametrize("size", SIZES[:6])
def test_javascript_both_ways(npm, keys, size):
    data = noise(size)
    theirs = npm.encrypt(data, recipients=[keys.their_recipient, keys.our_recipient])
    assert decoded(theirs, identity_file=keys.ours) == data
    ours = encoded(data, recipients=[keys.our_recipient, keys.their_recipient])
    assert npm.decrypt(ours, identity=keys.identity) == data


def test_javascript_with_a_passphrase_and_armor(npm, keys):
    data = noise(70000)
    theirs = npm.encrypt(data, passphrase="p ä", work_factor=12, armor=True)
    assert theirs.startswith(b"-----BEGIN") and decoded(theirs, passphrase="p ä") == data
    assert npm.decrypt(encoded(data, passphrase="p ä", work_factor=13), passphrase="p ä") == data


class Vector:
    """One of the format's test vectors: keys and what is expected, an empty line, and the file."""

    def __init__(self, data):
        head, _, self.file = data.partition(b"\n\n")
        lines = [line.split(": ", 1) for line in head.decode().splitlines()]
        self.keys = dict(lines)
        self.identities = [value for key, value in lines if key == "identity"]
        self.passphrases = [value for key, value in lines if key == "passphrase"]
        if self.keys.get("compressed") == "zlib":
            self.file = zlib.decompress(self.file)

    def outcome(self, done):
        """What the filter's message says, in the words of the vectors."""
        if done.code == 0:
            return "success"
        said = done.error.splitlines()[0]
        starts = {
            "age header was changed": "HMAC failure",
            "age header ": "header failure",
            "age armor ": "armor failure",
            "age stream ": "payload failure",
            "no identity of ": "no match",
            "the passphrase does not open": "no match",
            "this is not an age file": "armor failure" if "armored" in self.keys else "header failure",
        }
        found = next((value for start, value in starts.items() if said.startswith(start)), None)
        return found if done.code == CORRUPT else f"{found}, but with code {done.code}"


def test_vectors_of_the_format(npm, keys, tmp_path):
    """Every one but the post-quantum ones, whose recipients the filter does not know."""
    wrong, tried = [], {}
    for name, data in sorted(npm.vectors().items()):
        if "hybrid" in name:
            continue
        vector, options = Vector(data), {}
        if vector.identities or not vector.passphrases:
            file = tmp_path / f"{name}.txt"
            file.write_text("\n".join(vector.identities or [keys.identity]) + "\n")
            file.chmod(0o600)
            options["identity_file"] = file
        if vector.passphrases:
            options["passphrase"] = vector.passphrases[0]
        done = pipe("decode", vector.file, **options)
        expected = vector.keys["expect"]
        tried[expected] = tried.get(expected, 0) + 1
        # All that was given out, also before an error; nothing where the vector knows of nothing.
        released = vector.keys.get("payload", hashlib.sha256(b"").hexdigest())
        if vector.outcome(done) != expected or hashlib.sha256(done.data).hexdigest() != released:
            wrong.append((name, expected, vector.outcome(done), done))
    assert not wrong, wrong
    assert sum(tried.values()) >= 124 and len(tried) == 6, tried


def section(keys, recipients=None, identity=None):
    lines = ["", "[filter sealed]", "plugin = age"]
    if recipients:
        lines.append(f"recipients = {', '.join(recipients)}")
    if identity:
        lines.append(f"identity_file = {identity}")
    return "\n".join([*lines, ""])


@needs_age
def test_backup_and_restore(kist, cluster, small, keys):
    """A backup is written without any identity, opened by standard tools, and restored with one."""
    kist.pipeline(small, filters="zstd, sealed", sections=section(keys, [keys.our_recipient, keys.their_recipient]))
    id = kist.backup()
    stored = kist.data_path(id)
    assert stored.name.endswith(".zst.age")
    opened = stock("-d", "-i", keys.theirs, data=stored.read_bytes())
    assert opened.startswith(b"\x28\xb5\x2f\xfd")
    assert "AGE-SECRET-KEY" not in "".join(text.decode(errors="replace") for text in kist.files().values())

    refused = kist.run("restore", f"p/{id}", "--to", "age_back", "--create", expect=2)
    assert "identity_file" in refused.err, refused
    assert cluster.sql("SELECT count(*) FROM pg_database WHERE datname = 'age_back'").strip() == "0"

    kist.pipeline(small, filters="zstd, sealed", sections=section(keys, [keys.our_recipient], keys.ours))
    kist.run("verify", f"p/{id}", "--level", "decode")
    kist.run("restore", f"p/{id}", "--to", "age_back", "--create")
    same(cluster, small, "age_back")
    cluster.drop("age_back")


def test_wrong_key(kist, cluster, small, keys):
    """Fault 95."""
    kist.pipeline(small, filters="sealed", sections=section(keys, [keys.our_recipient]))
    id = kist.backup()
    kist.pipeline(small, filters="sealed", sections=section(keys, [keys.our_recipient], keys.theirs))
    for words in (["verify", f"p/{id}", "--level", "decode"], ["restore", f"p/{id}", "--to", "age_no", "--create"]):
        refused = kist.run(*words, expect=4)
        assert "no identity of" in refused.err and str(keys.theirs) in refused.err, refused
    assert cluster.sql("SELECT count(*) FROM pg_database WHERE datname = 'age_no'").strip() == "0"


@pytest.mark.parametrize("fault", ["missing", "readable", "unreadable", "empty"])
def test_identity_file_faults(kist, small, keys, tmp_path, fault):
    """Fault 27."""
    path = tmp_path / "identity.txt"
    shutil.copy(keys.ours, path)
    path.chmod({"readable": 0o644, "unreadable": 0o000}.get(fault, 0o600))
    if fault == "missing":
        path.unlink()
    if fault == "empty":
        path.write_text("# nothing\n")
    if fault == "unreadable":
        path.unlink()
        path.mkdir()
    kist.pipeline(small, filters="sealed", sections=section(keys, [keys.our_recipient], path))
    refused = kist.run("run", "p", expect=2)
    assert str(path) in refused.err and "identity_file" in refused.err, refused
    assert fault != "readable" or f"chmod 600 {path}" in refused.err, refused
    assert kist.files() == {}, "something was written"


def test_a_secret_is_never_shown(kist, small, keys):
    kist.pipeline(small, filters="sealed", sections=section(keys, [keys.our_recipient, keys.identity]))
    for command in ("run", "doctor"):
        result = kist.run(command, "p", expect=2)
        assert "is an identity" in result.err, result
        assert keys.identity[20:] not in result.out + result.err, result


def test_no_random_bytes(kist, small, keys, tmp_path):
    """Fault 28: nothing weaker takes their place, and nothing is stored."""
    kist.pipeline(small, filters="sealed", sections=section(keys, [keys.our_recipient]))
    before = tracer(tmp_path / "calls", "-e", "trace=getrandom", "-e", "inject=getrandom:error=EIO")
    result = kist.run("run", "p", before=before, env=ENVIRONMENT, expect=None)
    assert result.code not in (0, 3) and "random" in result.err, result
    assert not any(".age" in name or "_kist" in name for name in kist.files()), result


def test_cases_by_the_program(plain_kist, keys):
    """All of them are a test of the plugin's own; here, what an encrypting filter means for the program."""
    plain_kist.write(section(keys, [keys.our_recipient], keys.ours))
    words = [word for case in ("round-trip", "foreign", "workers", "stock-decoder") for word in ("--case", case)]
    result = plain_kist.run("plugin", "test", "age", *words)
    assert "3 passed, 0 failed, 1 skipped" in result.out and "told the key" in result.out, result
