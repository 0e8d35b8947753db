"""A plugin that is missing or broken: exit 2, with its file and the real reason."""
import re
import subprocess

import pytest
from kist import ROOT

CONFIG = """\
[pipeline p]
source = s
destinations = d
[source s]
plugin = pg_dump
host = /nonexistent
database = x
[destination d]
plugin = odd
"""

# The null destination under another name; what a test needs is added to its open().
SOURCE = (ROOT / "plugins/destination/null/null.c").read_text().replace('.name = "null"', ".name = NAME")
HELPED = SOURCE.replace(
    "#include <kist/plugin.h>",
    "#include <kist/plugin.h>\nint helper(void);\n"
    "__attribute__((constructor, used)) static void first(void) { helper(); }\n",
)
INCOMPLETE = re.sub(r"\.put_commit = \w+,", "", SOURCE)
assert ".name = NAME" in SOURCE and HELPED != SOURCE and INCOMPLETE != SOURCE


@pytest.fixture
def dir(plain_kist):
    plain_kist.write(CONFIG)
    path = plain_kist.folder / "plugins"
    path.mkdir(mode=0o755)
    return path


def compile(dir, *flags, name='"odd"', source=SOURCE, out="destination-odd.so"):
    (dir / "odd.c").write_text(source)
    subprocess.run(
        [
            "cc",
            "-shared",
            "-fPIC",
            "-w",
            f"-I{ROOT}/sdk/include",
            f"-DNAME={name}",
            '-DKIST_VERSION="1"',
            "-o",
            dir / out,
            dir / "odd.c",
            *flags,
        ],
        check=True,
    )
    return dir / out


def refused(kist, dir, *words, file="destination-odd.so"):
    result = kist.run("--plugin-dir", dir, "config", "check", expect=2)
    line = result.is_one_error()
    assert f"{kist.conf}/kist.ini:9: [destination d] plugin: " in line, result
    text = result.err.lower()
    if file:
        assert str(dir / file) in result.err, result
    for word in words:
        assert word.lower() in text, (word, result)


def test_missing(plain_kist, dir):
    refused(plain_kist, dir, "odd", file=None)


def test_truncated(plain_kist, dir):
    path = compile(dir)
    data = path.read_bytes()
    for size in (0, 3, 63, 200, len(data) // 2, len(data) - 700):
        path.write_bytes(data[:size])
        refused(plain_kist, dir)


def test_not_elf(plain_kist, dir):
    (dir / "destination-odd.so").write_text(
        "#!/bin/sh\necho I am a shell script, and long enough to be looked at\n" * 9
    )
    refused(plain_kist, dir)


def test_a_directory(plain_kist, dir):
    (dir / "destination-odd.so").mkdir()
    refused(plain_kist, dir)


def test_of_another_machine(plain_kist, dir):
    path = compile(dir)
    data = bytearray(path.read_bytes())
    data[18] = 0x16  # e_machine: s390
    path.write_bytes(data)
    refused(plain_kist, dir)


@pytest.mark.parametrize("version", ["0", "KIST_ABI_VERSION + 1", "9999"])
def test_of_another_abi(plain_kist, dir, version):
    header = (ROOT / "sdk/include/kist/plugin.h").read_text()
    assert "abi.h" in header
    compile(
        dir,
        source="#include <kist/abi.h>\nenum { real_version = KIST_ABI_VERSION };\n#undef KIST_ABI_VERSION\n"
        f"#define KIST_ABI_VERSION ({version.replace('KIST_ABI_VERSION', 'real_version')})\n" + SOURCE,
    )
    refused(plain_kist, dir, "abi")


def test_of_no_descriptor(plain_kist, dir):
    compile(dir, source="int something_else = 1;")
    refused(plain_kist, dir, "kist_plugin")


def test_lacking_what_is_required(plain_kist, dir):
    compile(dir, source=INCOMPLETE)
    refused(plain_kist, dir, "put_commit")


def test_a_good_one(plain_kist, dir):
    """So that the others are refused for what they are meant to be."""
    compile(dir)
    plain_kist.run("--plugin-dir", dir, "config", "check")


def test_under_a_wrong_name(plain_kist, dir):
    compile(dir, name='"other"')
    refused(plain_kist, dir, "other")


def test_of_a_wrong_kind(plain_kist, dir):
    built = plain_kist.program.parent.parent
    source = next(built.glob("lib*/**/filter-gzip.so"))
    (dir / "destination-odd.so").write_bytes(source.read_bytes())
    refused(plain_kist, dir, "filter")


def test_with_an_undefined_symbol(plain_kist, dir):
    compile(dir, source=HELPED)
    refused(plain_kist, dir, "helper")


def test_lacking_a_dependency(plain_kist, dir):
    (dir / "helper.c").write_text("int helper(void) { return 0; }")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", dir / "libkisthelper.so", dir / "helper.c"], check=True)
    compile(dir, f"-L{dir}", "-Wl,--no-as-needed", "-lkisthelper", source=HELPED)
    (dir / "libkisthelper.so").unlink()
    refused(plain_kist, dir, "libkisthelper.so")


@pytest.mark.parametrize("what, mode", [("file", 0o666), ("file", 0o775), ("dir", 0o777)])
def test_that_others_could_have_written(plain_kist, dir, what, mode):
    import os

    path = compile(dir)
    if mode == 0o775 and os.getuid() != 0:
        pytest.skip("a user's own group may write")
    (path if what == "file" else dir).chmod(mode)
    refused(plain_kist, dir, file=None)


def test_a_symbolic_link(plain_kist, dir):
    compile(dir, out="real.so").rename(plain_kist.folder / "real.so")
    (dir / "destination-odd.so").symlink_to(plain_kist.folder / "real.so")
    refused(plain_kist, dir)


def test_list_goes_on_past_a_broken_one(plain_kist, dir):
    (dir / "destination-odd.so").write_text("nonsense")
    result = plain_kist.run("--plugin-dir", dir, "plugin", "list", expect=None)
    for name in ("pg_dump", "gzip", "zstd", "local", "null"):
        assert name in result.out, result


def test_list_and_inspect(plain_kist):
    plugins = plain_kist.run("plugin", "list", "--json").json
    assert {(p["kind"], p["name"]) for p in plugins} >= {
        ("source", "pg_dump"),
        ("filter", "gzip"),
        ("filter", "zstd"),
        ("destination", "local"),
        ("destination", "null"),
    }
    for plugin in plugins:
        shown = plain_kist.run("plugin", "inspect", plugin["name"]).out
        assert plugin["name"] in shown
        plain_kist.run("plugin", "inspect", plugin["name"], "--json").json
    text = plain_kist.run("plugin", "inspect", "local").out
    assert "path" in text and "require_mount" in text
    assert "local" in plain_kist.run("plugin", "inspect", "locla", expect=2).err
