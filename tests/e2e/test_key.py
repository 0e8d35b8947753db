"""`kist key new`: a pair of keys, of which the half that must not be lost is never written over or shown to others."""
import re
import stat
import subprocess

import pytest
from cluster import clean_environment
from kist import sanitizer_options

RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")
IDENTITY = re.compile(r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}")


def stock_recipient(path):
    """What the stock tool says that belongs to an identity."""
    return subprocess.run(
        ["age-keygen", "-y", str(path)], env=clean_environment(), check=True, text=True, stdout=subprocess.PIPE
    ).stdout.strip()


def test_both_are_printed(plain_kist, tmp_path):
    result = plain_kist.run("key", "new")
    recipient, identity = RECIPIENT.findall(result.out), IDENTITY.findall(result.out)
    assert len(recipient) == 1 and len(identity) == 1, result
    # What was printed is an identity file as it stands.
    path = tmp_path / "identity.txt"
    path.write_text(result.out)
    assert stock_recipient(path) == recipient[0]


def test_into_a_file(plain_kist, tmp_path):
    path = tmp_path / "identity.txt"
    result = plain_kist.run("key", "new", "age", "-o", path)
    assert RECIPIENT.search(result.out) and str(path) in result.out
    assert not IDENTITY.search(result.out + result.err)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stock_recipient(path) == RECIPIENT.search(result.out).group()


def test_two_are_different(plain_kist):
    first, second = (IDENTITY.search(plain_kist.run("key", "new").out).group() for _ in range(2))
    assert first != second


@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "folder"])
def test_nothing_is_written_over(plain_kist, tmp_path, kind):
    path, other = tmp_path / "identity.txt", tmp_path / "other"
    if kind == "file":
        path.write_text("the only key\n")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(other)
        if kind == "link":
            other.write_text("the only key\n")
    result = plain_kist.run("key", "new", "-o", path, expect=1)
    assert str(path) in result.is_one_error()
    assert not IDENTITY.search(result.out + result.err)
    if kind in ("file", "link"):
        assert path.read_text() == "the only key\n"
    if kind == "dangling link":
        assert not other.exists()


def test_a_full_disk_leaves_nothing(plain_kist, tmp_path):
    path = tmp_path / "identity.txt"
    strace = ["strace", "-qq", "-o", "/dev/null", "-P", str(path), "-e", "inject=fsync:error=ENOSPC", "--"]
    # The leak checker does not work under strace.
    options = {"ASAN_OPTIONS": sanitizer_options(detect_leaks="0")}
    result = plain_kist.run("key", "new", "-o", path, expect=1, before=strace, env=options)
    assert "space" in result.is_one_error()
    assert not path.exists() and not IDENTITY.search(result.out + result.err)


def test_a_filter_without_keys(plain_kist):
    assert "zstd" in plain_kist.run("key", "new", "zstd", expect=1).is_one_error()
    assert "rot13" in plain_kist.run("key", "new", "rot13", expect=None).err


def test_output_that_is_lost_is_a_failure(plain_kist):
    with open("/dev/full", "w") as full:
        plain_kist.run("key", "new", expect=1, stdout=full)
