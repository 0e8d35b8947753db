"""What each command prints, and that asking changes nothing."""
import os
import re
import time

import pytest
from manifests import seal
from slow import slow_pg_dump

VERBS = [
    ["run"],
    ["list"],
    ["show"],
    ["verify"],
    ["restore"],
    ["config"],
    ["plugin"],
    ["doctor"],
    ["version"],
    ["help"],
]
ID = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ")


@pytest.fixture
def made(small, kist):
    kist.pipeline(small)
    return kist, kist.backup()


@pytest.mark.parametrize("verb", VERBS, ids=lambda words: words[0])
def test_help_of_each(plain_kist, verb):
    result = plain_kist.run(*verb, "--help")
    assert result.out.startswith("usage: kist ") and result.err == ""
    assert verb[0] in result.out.splitlines()[0] or verb == ["help"]
    assert max(len(line) for line in result.out.splitlines()) <= 115
    assert plain_kist.run("help", *verb).out


def test_help_names_every_verb(plain_kist):
    text = plain_kist.run("--help").out
    for verb in VERBS:
        assert re.search(rf"^\s*{verb[0]}\b", text, re.M), verb
    assert plain_kist.run("help").out == text


def test_no_verb_at_all(plain_kist):
    result = plain_kist.run(expect=2)
    assert result.out == "" and "usage: " in result.err or "kist help" in result.err or "--help" in result.err


def test_a_misspelt_verb(plain_kist):
    assert "restore" in plain_kist.run("retsore", expect=2).err


def test_version(plain_kist):
    assert re.match(r"kist \d+\.\d+\.\d+", plain_kist.run("version").out)
    assert re.match(r"kist \d+\.\d+\.\d+", plain_kist.run("--version").out)


def test_globals_before_and_after_the_verb(made):
    kist, id = made
    import subprocess

    for words in (
        ["-c", kist.conf, "--state", kist.state, "list", "--json"],
        ["list", "--json", "-c", kist.conf, "--state", kist.state],
        ["list", f"--state={kist.state}", "--json", f"-c{kist.conf}"],
    ):
        out = subprocess.run(
            [kist.program, *words], env=kist.environment(), check=True, stdout=subprocess.PIPE
        ).stdout
        assert id.encode() in out


def test_list(made):
    kist, id = made
    out = kist.run("list").out
    assert re.search(rf"^p\s+{id}\s+ok\b.*\bdisk\b", out, re.M), out
    second = kist.backup()
    lines = [line for line in kist.run("list", "p").out.splitlines() if ID.search(line)]
    assert [ID.search(line).group() for line in lines] == [id, second]
    backups = kist.backups()
    assert [backup["id"] for backup in backups] == [id, second]
    for backup in backups:
        assert backup["pipeline"] == "p" and backup["state"] == "ok"
        assert backup["raw_size"] > 0 and backup["stored_size"] > 0
        assert backup["destinations"] == {"disk": "good"}


def test_list_of_nothing(small, kist):
    kist.pipeline(small)
    assert kist.backups() == []
    assert kist.run("list").code == 0
    assert "nobody" in kist.run("list", "nobody", expect=2).err


def test_list_of_one_destination(small, kist):
    kist.pipeline(small, destinations=("disk", "disk2"))
    id = kist.backup()
    kist.manifest_path(id, destination="disk2").unlink()
    (backup,) = kist.backups()
    assert backup["state"] == "partial" and backup["destinations"] == {"disk": "good", "disk2": "absent"}
    assert kist.run("list", "--destination", "disk2", "--json").json == []


def test_show(made):
    kist, id = made
    text = kist.run("show", "p").out
    for word in (id, "small", "pg_dump", "zstd", "disk"):
        assert word in text, text
    shown = kist.run("show", f"p/{id}", "--json").json
    assert shown["pipeline"] == "p" and shown["id"] == id
    (item,) = shown["items"]
    assert item["raw"]["size"] > 0 and re.fullmatch("[0-9a-f]{64}", item["stored"]["sha256"])
    assert [used["plugin"] for used in item["filters"]] == ["zstd"]


def test_show_does_not_steer_the_terminal(made):
    """Whoever can write to a destination can put anything into a manifest that is not signed."""
    kist, id = made
    path = kist.manifest_path(id)
    text = path.read_bytes()
    for old, new in (
        (b'"kist": "', b'"suspect": ["\\u001b[2Jgone"],\n  "kist": "\\u001b]0;'),
        (b'"labels": {', b'"labels": {"\\u001b[31m": "\\u009b31m", '),
        (b'"facts": {', b'"facts": {"\\u001b[32m": "\\r", '),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    path.write_bytes(seal(text.replace(b'", }', b'"}')))
    result = kist.run("show", f"p/{id}")
    assert "\\x1b[2Jgone" in result.out and "\\x9b31m" in result.out
    assert not set("\x1b\x9b\r") & set(result.out + result.err), result


def test_verify(made):
    kist, id = made
    assert re.search(rf"p/{id}.*ok", kist.run("verify").out)
    second = kist.backup()
    (entry,) = kist.run("verify", "p", "--json").json
    assert entry["id"] == second and entry["result"] == "ok" and entry["level"] == "hash" and entry["faults"] == []
    assert {entry["id"] for entry in kist.run("verify", "--all", "--json", "--level", "decode").json} == {
        id,
        second,
    }


def test_run_several_and_all(cluster, small, kist):
    kist.pipeline(small, name="a")
    kist.write(
        (kist.conf / "kist.ini")
        .read_text()
        .split("[destination")[0]
        .replace("a-db", "b-db")
        .replace("pipeline a", "pipeline b"),
        name="b.ini",
    )
    kist.run("run", "a", "b")
    assert len(kist.ids("a")) == len(kist.ids("b")) == 1
    kist.run("run", "--all")
    assert len(kist.ids("a")) == len(kist.ids("b")) == 2
    kist.write((kist.conf / "b.ini").read_text().replace("database = small", "database = missing"), name="b.ini")
    result = kist.run("run", "--all", expect=1)
    assert "b/" in result.errors[0]
    assert len(kist.ids("a")) == 3 and len(kist.ids("b")) == 2


def test_run_without_a_name(small, kist):
    """With one pipeline there is no question which; with two there is."""
    kist.pipeline(small)
    result = kist.run("run", expect=None)
    assert result.code in (0, 2), result


def test_run_tells_what_it_made(small, kist):
    kist.pipeline(small)
    result = kist.run("run", "p")
    (id,) = kist.ids()
    assert id in result.out + result.err
    quiet = kist.run("-q", "run", "p")
    assert quiet.out == "" and quiet.err == "", quiet
    report = kist.run("run", "p", "--json", expect=None)
    if report.code == 0:
        assert kist.ids()[-1] in report.out


def everything(kist):
    """Of a directory the time does not count: what was tried there and removed changes it."""
    return {
        path: path.is_file() and (path.stat().st_mtime_ns, path.stat().st_size)
        for path in (kist.disk, *kist.disk.rglob("*"))
    }


def test_asking_changes_nothing(cluster, small, made):
    kist, id = made
    before = everything(kist)
    for args in (
        ["run", "p", "--dry-run"],
        ["run", "--all", "--dry-run"],
        ["list"],
        ["show", "p"],
        ["restore", "p", "--dry-run"],
        ["doctor"],
        ["doctor", "p"],
        ["config", "check"],
        ["config", "show"],
        ["plugin", "list"],
        ["plugin", "inspect", "local"],
    ):
        kist.run(*args)
        assert everything(kist) == before, args


def test_dry_run_finds_what_would_fail(cluster, kist):
    kist.pipeline("no_such_database")
    result = kist.run("run", "p", "--dry-run", expect=None)
    assert result.code in (1, 2) and "no_such_database" in result.err
    assert kist.files() == {}


def test_doctor(cluster, small, kist):
    kist.pipeline(small)
    out = kist.run("doctor").out
    assert "p" in out and cluster.sql("SHOW server_version").split()[0] in out
    (kist.disk).chmod(0o500)
    if os.getuid() != 0:
        kist.run("doctor", expect=1)
    kist.disk.chmod(0o700)
    kist.disk.rename(kist.folder / "away")
    (kist.folder / "disk").write_text("")
    result = kist.run("doctor", expect=None)
    assert result.code in (1, 2) and str(kist.disk) in result.err, result


def test_doctor_without_a_pg_dump(small, kist, cluster):
    kist.pipeline(small, source=cluster.source(small, pg_dump=kist.folder / "nothing-here"))
    result = kist.run("doctor", expect=2)
    assert "nothing-here" in result.err
    kist.run("run", "p", expect=2)


def test_history(made):
    kist, id = made
    cluster = kist.cluster
    kist.pipeline("no_such_database")
    kist.run("run", "p", expect=1)
    good, bad = kist.history()
    assert good["pipeline"] == bad["pipeline"] == "p"
    assert good["id"] == id and good["outcome"] == "ok" and bad["outcome"] == "failed"
    assert "no_such_database" in bad["cause"]
    cluster.drop("for_history")
    kist.run("restore", f"p/{id}", "--to", "for_history", "--create")
    cluster.drop("for_history")
    restore = kist.history()[-1]
    assert restore["event"] == "restore" and restore["id"] == id


def test_json_log(cluster, kist):
    import json

    kist.pipeline("no_such_database")
    result = kist.run("--log-format", "json", "run", "p", expect=1)
    lines = [json.loads(line) for line in result.err.splitlines()]
    assert lines and any("no_such_database" in str(line) for line in lines)


def test_colours(kist, small):
    kist.pipeline(small)
    result = kist.run("run", "p")
    assert "\x1b" not in result.err + result.out


def on_a_terminal(kist, *args, timeout=60):
    """What a person sees."""
    import pty
    import select

    leader, follower = pty.openpty()
    running = kist.start(*args, stdout=follower, stderr=follower, env={"TERM": "xterm"})
    os.close(follower)
    text, end = b"", time.monotonic() + timeout
    while time.monotonic() < end:
        if select.select([leader], [], [], 0.1)[0]:
            try:
                part = os.read(leader, 65536)
            except OSError:
                break
            if not part:
                break
            text += part
    running.process.wait(timeout)
    os.close(leader)
    return running.process.returncode, text.decode(errors="replace")


def test_a_bar_on_a_terminal(cluster, big, kist):
    slow = slow_pg_dump(kist.folder, after=20_000_000, seconds=2)
    kist.pipeline(big, source=cluster.source(big, pg_dump=slow))
    code, text = on_a_terminal(kist, "run", "p")
    assert code == 0, text
    bars = re.findall(
        r"\r\x1b\[Kp \[([#.]{20})\] ([\d.]+ [KMG]iB) of about ([\d.]+ [KMG]iB), [\d.]+ [KMG]iB/s", text
    )
    assert any(2 <= bar.count("#") <= 12 for bar, _, _ in bars), text
    assert text.endswith("\r\n"), text
    code, text = on_a_terminal(kist, "-q", "run", "p")
    assert code == 0 and text == "", text


def test_a_line_every_ten_seconds_elsewhere(cluster, big, kist):
    slow = slow_pg_dump(kist.folder, after=20_000_000, seconds=12)
    kist.pipeline(big, source=cluster.source(big, pg_dump=slow))
    result = kist.run("run", "p")
    lines = [line for line in result.err.splitlines() if "MB" in line or "MiB" in line]
    assert 1 <= len(lines) <= 3 and "\r" not in result.err, result


def test_two_runs_within_a_second(made):
    kist, id = made
    ids = [id] + [kist.backup() for _ in range(3)]
    assert len(set(ids)) == 4 and sorted(ids) == ids


def test_pipelines_do_not_disturb_each_other(cluster, small, kist):
    """They run at the same time on one directory."""
    kist.pipeline(small, name="a")
    kist.write(
        (kist.conf / "kist.ini")
        .read_text()
        .split("[destination")[0]
        .replace("a-db", "b-db")
        .replace("pipeline a", "pipeline b"),
        name="b.ini",
    )
    running = [kist.start("run", name) for name in ("a", "b")]
    for one in running:
        assert one.finish().code == 0
    kist.run("verify", "--all")
