"""`kist plugin test`: what it says of good plugins, and that bad ones do not take it with them."""
import re
import signal
import subprocess
import time

import pytest
from kist import ROOT, sanitizer_options

MEMORY = (ROOT / "sdk/templates/destination/memory/memory.c").read_text()


def section(kist, more="", path="disk", name="kist.ini"):
    """A file with a section for the local plugin."""
    return kist.write(f"[destination d]\nplugin = local\npath = {kist.folder / path}\n{more}\n", name=name)


def build(kist, source, name="memory"):
    """A plugin of that source; returns its file."""
    folder = kist.folder / "plugins"
    folder.mkdir(mode=0o755, exist_ok=True)
    (folder / "plugin.c").write_text(source)
    path = folder / f"destination-{name}.so"
    command = ["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", f"-I{ROOT / 'sdk/include'}", "-o", path]
    subprocess.run([*command, folder / "plugin.c"], check=True)
    path.chmod(0o644)
    return path


def changed(old, new):
    assert MEMORY.count(old) == 1, old
    return MEMORY.replace(old, new)


def test_a_good_one(plain_kist):
    section(plain_kist, "prefix = some/folder")
    result = plain_kist.run("plugin", "test", "local")
    assert "ok       round-trip: get gives the bytes that put took\n" in result.out
    assert re.search(r"^skipped  metadata: .* \(the store tells no metadata\)$", result.out, re.MULTILINE)
    passed, skipped = map(int, re.search(r"^(\d+) passed, 0 failed, (\d+) skipped$", result.out, re.MULTILINE).groups())
    assert passed >= 90 and skipped < 25, result
    assert list(plain_kist.disk.iterdir()) == [] and result.err == "", result
    assert result.took < 60, result


def test_what_is_there_stays(plain_kist):
    section(plain_kist)
    plain_kist.disk.joinpath("mine").mkdir(mode=0o700)
    plain_kist.disk.joinpath("mine/object").write_text("mine")
    plain_kist.run("plugin", "test", "destination", "local", "--case", "list-pages", "--case", "remove")
    assert plain_kist.files() == {"mine/object": b"mine"}


def test_single_cases_as_json(plain_kist):
    section(plain_kist)
    shown = plain_kist.run("plugin", "test", "local", "--json", "--case", "remove", "--case", "copy").json
    assert [(each["name"], each["outcome"]) for each in shown["cases"]] == [("remove", "passed"), ("copy", "skipped")]
    assert (shown["passed"], shown["failed"], shown["skipped"]) == (1, 0, 1)
    assert (shown["kind"], shown["name"]) == ("destination", "local") and shown["path"].endswith(".so")
    assert "one object" in shown["cases"][0]["clause"] and shown["cases"][1]["detail"]


def plain(kist, *args, **more):
    """Without the -c that every other command gets."""
    command = [str(kist.program), *(str(arg) for arg in args)]
    return subprocess.run(command, capture_output=True, text=True, env=kist.environment(), timeout=120, **more)


def test_defaults(plain_kist):
    good = plain(plain_kist, "plugin", "test", "null")
    assert good.returncode == 0 and " 0 failed, " in good.stdout, good
    bad = plain(plain_kist, "plugin", "test", "local")
    assert bad.returncode == 2 and "option 'path'" in bad.stderr and "required" in bad.stderr, bad


@pytest.mark.parametrize(
    "words, says",
    [
        (("plugin", "test", "locla"), "did you mean 'local'?"),
        (("plugin", "test", "local", "--case", "remov"), "did you mean 'remove'?"),
        (("plugin", "test", "pg_dump"), "no cases for that kind"),
        (("plugin", "test", "/nonexistent/destination-x.so"), "/nonexistent/destination-x.so"),
        (("plugin", "test", "./x.so"), "KIND-NAME.so"),
        (("plugin", "test"), "needs"),
    ],
)
def test_mistakes(plain_kist, words, says):
    section(plain_kist)
    assert says in plain_kist.run(*words, expect=2).err


def test_mistakes_in_the_file(plain_kist):
    section(plain_kist, "paht = x")
    assert "did you mean 'path'?" in plain_kist.run("plugin", "test", "local", expect=2).err
    section(plain_kist)
    assert "no section [destination ...]" in plain_kist.run("plugin", "test", "null", expect=2).err
    plain_kist.write("[destination e]\nplugin = local\npath = /nonexistent\n", name="more.ini")
    assert "more than one section" in plain_kist.run("plugin", "test", "local", expect=2).err


def test_filters(plain_kist):
    for name in ("gzip", "zstd"):
        result = plain(plain_kist, "plugin", "test", name, "--case", "round-trip", "--case", "cuts", "--case", "bound")
        assert result.returncode == 0 and "3 passed, 0 failed, 0 skipped" in result.stdout, result


def test_the_template_of_a_stranger(plain_kist):
    path = build(plain_kist, MEMORY)
    result = plain(plain_kist, "plugin", "test", path)
    assert result.returncode == 0 and " 0 failed, " in result.stdout, result
    path.chmod(0o666)
    assert plain(plain_kist, "plugin", "test", path).returncode == 2


@pytest.mark.parametrize(
    "old, new, case",
    [
        ("else if (*place)", "else if (*place && size == 0)", "no-overwrite"),
        ("reader->at += size;", "reader->at += size > 1 ? size - 1 : size;", "round-trip"),
        ("if (object->size != size)", "if (size > object->size)", "long-source"),
        ("if (offset > object->size)", "if (offset >= object->size)", "offset-end"),
    ],
)
def test_a_bad_one(plain_kist, old, new, case):
    path = build(plain_kist, changed(old, new))
    result = plain(plain_kist, "plugin", "test", path, "--case", case, "--case", "abort-byte")
    assert result.returncode == 1 and f"FAILED   {case}: " in result.stdout, result
    assert result.stdout.endswith("1 passed, 1 failed, 0 skipped\n"), result


@pytest.mark.parametrize(
    "harm, says",
    [
        ("raise(SIGSEGV);", "the plugin crashed (signal 11)"),
        ("exit(3);", "the plugin ended the program (exit status 3)"),
    ],
)
def test_one_that_crashes(plain_kist, harm, says):
    behind = "if (offset > object->size)"
    source = "#include <signal.h>\n" + changed(behind, f"{behind} {{ {harm} }}\n    {behind}")
    plain_kist.env = {"ASAN_OPTIONS": sanitizer_options(handle_segv="0")}
    result = plain(plain_kist, "plugin", "test", build(plain_kist, source), "--case", "offset-behind",
                   "--case", "abort-byte", "--case", "remove")
    assert result.returncode == 1 and f"{says} in case offset-behind" in result.stdout, result
    assert "ok       abort-byte" in result.stdout, result
    assert "ok       remove: " in result.stdout and result.stdout.endswith("2 passed, 1 failed, 0 skipped\n"), result


def test_interrupted(plain_kist):
    section(plain_kist)
    running = plain_kist.start("plugin", "test", "local")
    deadline = time.monotonic() + 60
    while not list(plain_kist.disk.rglob("*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    running.signal(signal.SIGINT)
    result = running.finish()
    assert result.code == 130 and "FAILED" not in result.out, result
    assert list(plain_kist.disk.iterdir()) == [], result
