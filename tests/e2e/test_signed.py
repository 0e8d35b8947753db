"""With a sign_key, only what somebody wrote who has it is a backup."""
import hashlib
import hmac
import re

import pytest
from manifests import clone, flip, seal

KEY = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
SIGNATURE = re.compile(rb'  "signature": "hmac-sha256:([0-9a-f]{64})",\n  "checksum": [^\n]*\n}\n\Z')


@pytest.fixture
def signed(lines):
    """One backup that is signed. Returns (lines, its id)."""
    lines.write(f"sign_key = {KEY}")
    return lines, lines.runs(1000)[0]


def commands(kist, name):
    yield "show", name
    yield "show", name, "--json"
    yield "verify", name
    yield "verify", name, "--level", "decode"
    yield "restore", name, "--to", kist.folder / "restored"
    yield "restore", name, "--output", kist.folder / "files"
    yield "accept", name


def assert_refused(lines, id, why):
    """By everything that reads it, and nothing is written."""
    kist = lines.kist
    row = lines.row(id, expect=4)
    assert row["state"] == "damaged" and why in row["damage"], row
    assert "raw_size" not in row
    for words in commands(kist, f"p/{id}"):
        result = kist.run(*words, expect=4)
        assert why in result.err, result
        assert KEY not in result.err + result.out and OTHER not in result.err + result.out
    assert not (kist.folder / "restored").exists()
    assert not list((kist.folder / "files").glob("*"))


def forge(lines, id, change):
    """Somebody who can write to the destination, and knows how a manifest looks."""
    path = lines.kist.manifest_path(id)
    changed = change(path.read_bytes())
    assert changed != path.read_bytes()
    path.write_bytes(seal(changed))


def strip(text):
    return SIGNATURE.sub(b'  "checksum": "sha256:' + b"0" * 64 + b'"\n}\n', text)


def test_a_manifest_is_signed(signed):
    lines, id = signed
    text = lines.kist.manifest_path(id).read_bytes()
    found = SIGNATURE.search(text)
    assert found, text[-300:]
    assert found[1].decode() == hmac.new(KEY.encode(), text[: found.start()], hashlib.sha256).hexdigest()
    lines.kist.run("list")
    for words in commands(lines.kist, f"p/{id}"):
        lines.kist.run(*words)
    assert (lines.kist.folder / "restored").read_text() == lines.path.read_text()
    assert KEY not in "".join(map(str, lines.kist.history())) + lines.kist.run("config", "show").out


def test_a_key_for_all(lines):
    lines.write(common=f"sign_key = {KEY}")
    (id,) = lines.runs(1000)
    assert SIGNATURE.search(lines.kist.manifest_path(id).read_bytes())
    lines.write(f"sign_key = {OTHER}", common=f"sign_key = {KEY}")
    assert_refused(lines, id, "its signature is not that of the sign_key")
    lines.write(common=f"sign_key = {KEY}")
    lines.kist.run("verify", "p")


def test_a_key_from_a_file(lines):
    path = lines.kist.folder / "key"
    path.write_text(KEY + "\n")
    path.chmod(0o600)
    lines.write(f"sign_key_file = {path}")
    (id,) = lines.runs(1000)
    lines.write(f"sign_key = {KEY}")
    lines.kist.run("verify", f"p/{id}")


def test_an_unsigned_one(lines):
    lines.write()
    (id,) = lines.runs(1000)
    lines.write(f"sign_key = {KEY}")
    assert_refused(lines, id, "it is not signed")


def test_the_signature_is_taken_off(signed):
    lines, id = signed
    forge(lines, id, strip)
    assert_refused(lines, id, "it is not signed")


def test_another_key(signed):
    lines, id = signed
    lines.write(f"sign_key = {OTHER}")
    assert_refused(lines, id, "its signature is not that of the sign_key")


@pytest.mark.parametrize(
    "old, new",
    [
        (rb'"number": 1000', b'"number": 1001'),
        (rb'"started": "20', b'"started": "19'),
        (rb'"size": \d+', b'"size": 1'),
        (rb'("raw": {[^}]*"sha256": ")[0-9a-f]{8}', rb"\g<1>00000000"),
        (rb'"plugin": "shelf"', b'"plugin": "other"'),
        (rb'  "signature": "hmac-sha256:[0-9a-f]{64}"', b'  "signature": "hmac-sha256:' + b"0" * 64 + b'"'),
    ],
)
def test_a_change_with_its_checksum_made_anew(signed, old, new):
    lines, id = signed
    forge(lines, id, lambda text: re.sub(old, new, text, count=1))
    assert_refused(lines, id, "its signature is not that of the sign_key")


def test_data_and_manifest_of_somebody_else(signed):
    """Other content with all hashes recomputed, as whoever holds the store can do."""
    lines, id = signed
    kist = lines.kist
    data = kist.data_path(id)
    old = data.read_bytes()
    data.write_bytes(old.replace(b"line 0001", b"evil 0001"))
    sums = [hashlib.sha256(text).hexdigest().encode() for text in (old, data.read_bytes())]
    forge(lines, id, lambda text: text.replace(*sums))
    assert_refused(lines, id, "its signature is not that of the sign_key")


def test_a_signed_one_under_another_id(signed):
    """An old backup, signed and all, does not pass for a new one."""
    lines, id = signed
    newer = "2090-01-01T00-00-00Z"
    path = lines.kist.manifest_path(newer)
    path.write_bytes(lines.kist.manifest_path(id).read_bytes())
    result = lines.kist.run("restore", "p", "--to", lines.kist.folder / "restored", expect=4)
    assert f"it is the manifest of 'p/{id}'" in result.err


def test_the_latest_is_a_forged_one(signed):
    """Fault 92: nothing is restored in its place without being asked for, and nothing of it is taken over."""
    lines, id = signed
    kist = lines.kist
    newer = "2090-01-01T00-00-00Z"
    clone(kist, id, [newer])
    for name in ("p", "p/latest"):
        for words in commands(kist, name):
            result = kist.run(*words, expect=4)
            assert newer in result.err, result
    assert not (kist.folder / "restored").exists()
    # The one before it is as good as ever, by its id.
    kist.run("restore", f"p/{id}", "--to", kist.folder / "restored")
    kist.run("verify", f"p/{id}")
    states = {row["id"]: row["state"] for row in kist.backups(expect=4)}
    assert states == {id: "ok", newer: "damaged"}


def test_junk_is_no_measure(signed):
    """Fault 92: who can write small forged backups cannot make a small one look normal."""
    lines, id = signed
    lines.runs(1000, 1000)
    lines.write()
    lines.runs(1000)
    lines.write("max_shrink = 100%")
    lines.runs(1, 1, 1, 1, 1)
    lines.write(f"sign_key = {KEY}")
    (last,) = lines.runs(1, expect=3)
    assert "median of the last three" in lines.row(last, expect=4)["suspect"][0]


def test_an_acceptance_is_signed(signed):
    lines, _ = signed
    lines.runs(1000, 1000)
    (id,) = lines.runs(1, expect=3)
    lines.write()
    lines.kist.run("accept", f"p/{id}")
    lines.write(f"sign_key = {KEY}")
    assert lines.row(id)["state"] == "suspect"
    lines.kist.run("accept", f"p/{id}")
    assert lines.row(id)["state"] == "ok"


def test_a_proof_is_signed(signed):
    """Who can write to the destination cannot say that a backup is proved, nor put off the next proof."""
    lines, id = signed
    kist = lines.kist
    lines.write()
    kist.run("verify", f"p/{id}")
    lines.write(f"sign_key = {KEY}", "verify_every = 7d hash")
    row = lines.row(id)
    assert row["verified"] is None and row["state"] == "ok"
    for words in (["list", "p"], ["show", f"p/{id}"]):
        result = kist.run(*words)
        assert "a mark is passed over: " in result.err and "not signed" in result.err
        assert "hash" not in re.sub(r"sha256 \w+", "", result.out), result
    (second,) = lines.runs(1000)
    assert kist.marks(second) == ["hash"] and lines.row(second)["verified"]["level"] == "hash"


def test_a_warning_needs_no_signature(signed):
    lines, id = signed
    kist = lines.kist
    lines.write()
    flip(kist.data_path(id), 5, 1)
    kist.run("verify", f"p/{id}", expect=4)
    lines.write(f"sign_key = {KEY}")
    assert lines.row(id, expect=4)["state"] == "bad"


def test_without_the_key_a_signed_one_is_read(signed):
    lines, id = signed
    lines.write()
    for words in commands(lines.kist, f"p/{id}"):
        lines.kist.run(*words)


def test_one_copy_of_two_is_forged(lines):
    lines.write(f"sign_key = {KEY}", destinations=("disk", "disk2"))
    (id,) = lines.runs(1000)
    forge(lines, id, strip)
    kist = lines.kist
    assert lines.row(id, expect=4)["destinations"] == {"disk": "damaged", "disk2": "good"}
    kist.run("restore", f"p/{id}", "--to", kist.folder / "restored")
    assert (kist.folder / "restored").read_text() == lines.path.read_text()


@pytest.mark.parametrize("key", ["", "short", "x" * 15])
def test_a_key_that_can_be_guessed(lines, key):
    lines.write(f"sign_key = {key}")
    result = lines.kist.run("run", "p", expect=2)
    assert "sign_key" in result.is_one_error()
    assert not key or f"'{key}'" not in result.err
    assert lines.kist.files() == {}
