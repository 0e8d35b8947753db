"""What was done from this host, and what is left of it when the state is lost, damaged or very large."""
import json
import os
import shutil
import time


SIZE = 100 << 20


def entry(number, pipeline="q", time="2026-11-21T02:00:00Z", **more):
    fields = {"event": "run", "pipeline": pipeline, "number": number, "outcome": "ok", **more, "time": time}
    return json.dumps(fields, separators=(",", ":")) + "\n"


def history(lines, *args, expect=0):
    return lines.kist.run("history", *args, "--json", expect=expect).json


def down(lines, destination):
    """From now on it cannot be asked."""
    path = lines.kist.folder / destination
    shutil.rmtree(path)
    path.write_text("no directory")


def test_what_was_done(lines):
    lines.write()
    first, second = lines.runs(900, 1000)
    lines.kist.run("verify", f"p/{first}")
    lines.path.unlink()
    lines.kist.run("run", "p", expect=1)
    entries = history(lines)
    kept = ["event", "id", "outcome"]
    assert [tuple(each.get(key) for key in kept) for each in entries][:3] == [
        ("run", first, "ok"),
        ("run", second, "ok"),
        ("verify", first, "ok"),
    ], entries
    assert entries == lines.kist.history() == history(lines, "p") == history(lines, "p", "--since", "1h")
    assert history(lines, "--limit", "1") == entries[-1:]
    assert history(lines, "--limit", "0") == entries
    table = lines.kist.run("history", "p").out.splitlines()
    assert len(table) == 5 and table[0].split()[:5] == ["TIME", "PIPELINE", "EVENT", "OUTCOME", "ID"], table
    assert table[1].split()[1:5] == ["p", "run", "ok", first] and "KiB" in table[1], table
    assert "failed" in table[4] and "lines.txt" in table[4], table
    # Time passes.
    path = lines.kist.state / "history.jsonl"
    old = [dict(each, time="2020-01-01T00:00:00Z") for each in entries[:2]]
    path.write_text("".join(json.dumps(each) + "\n" for each in old + entries[2:]))
    assert history(lines, "--since", "1d") == entries[2:]
    for wrong in (["--limit", "-1"], ["--limit", "x"], ["--since", "1"], ["nobody"]):
        lines.kist.run("history", *wrong, expect=2)


def test_a_text_steers_no_terminal(lines):
    lines.write()
    lines.kist.state.mkdir()
    (lines.kist.state / "history.jsonl").write_text(entry(1, "p", cause="red \x1b[31m\nline", user="\x1b[2J"))
    out = lines.kist.run("history").out
    assert "\x1b" not in out and len(out.splitlines()) == 2 and "red \\x1b[31m\\nline" in out, out


def test_lost(lines):
    """79"""
    lines.write(destinations=("disk", "disk2"))
    assert history(lines) == []
    assert "no history yet, and no backups" in lines.kist.run("history").out
    first, second = lines.runs(900, 1000)
    before = history(lines)
    shutil.rmtree(lines.kist.state)
    entries = history(lines)
    assert all(each.pop("rebuilt") for each in entries), entries
    for rebuilt, real in zip(entries, before):
        assert {key: rebuilt[key] for key in rebuilt if key not in ("time", "duration_ms")} == {
            key: real[key] for key in rebuilt if key not in ("time", "duration_ms")
        }
    assert [each["id"] for each in entries] == [first, second]
    assert history(lines, "--limit", "1")[0]["id"] == second
    result = lines.kist.run("history", "p")
    assert "from the catalog" in result.out and "no history of 1 pipeline" in result.err, result
    # A file of which nothing is left is as good as lost.
    lines.kist.state.mkdir()
    (lines.kist.state / "history.jsonl").write_bytes(b"\0" * 4096)
    result = lines.kist.run("history")
    assert first in result.out and "1 damaged line of the history" in result.err, result
    # Nobody can be asked: that is said, and is no success.
    down(lines, "disk")
    assert [each["id"] for each in history(lines, expect=1)] == [first, second]
    down(lines, "disk2")
    result = lines.kist.run("history", expect=1)
    assert "not every destination could be asked" in result.out and result.errors, result


def test_damage(lines):
    """79"""
    lines.write()
    lines.runs(900)
    path = lines.kist.state / "history.jsonl"
    whole = path.read_bytes()
    # Cut as if the power had failed in the midst of a line: the next ones are whole again.
    path.write_bytes(whole + b"\xff\x00{\n" + whole[:50])
    lines.kist.run("run", "p")
    id = lines.kist.ids()[-1]
    result = lines.kist.run("history", "--json")
    assert [each["id"] for each in result.json] == [json.loads(whole)["id"], id], result
    assert "2 damaged lines of the history" in result.err, result
    assert lines.kist.run("status", "--json").json[0]["last_run"]["id"] == id
    path.unlink()
    path.symlink_to("/etc/passwd")
    lines.kist.run("history", expect=1).is_one_error()


def test_very_large(lines):
    """The newest entries of 100 MB are there at once, and the rest is passed over quickly."""
    lines.write()
    (id,) = lines.runs(900)
    path = lines.kist.state / "history.jsonl"
    newest = path.read_bytes()
    line = entry(0, cause="x" * 300).encode()
    with open(path, "wb") as file:
        file.write(entry(1, "p", time="2019-01-01T00:00:00Z").encode())
        file.write(line * (SIZE // len(line)))
        file.write(newest)
    assert path.stat().st_size > 99_000_000
    limit = float(os.environ.get("KIST_LIST_LIMIT", 3))
    times = []
    for args, found in (([], 50), (["p", "--limit", "1"], 1), (["p"], 2), (["--since", "1h", "--limit", "0"], 1)):
        began = time.monotonic()
        result = lines.kist.run("history", *args, "--json")
        times.append(time.monotonic() - began)
        assert len(result.json) == found and result.json[-1]["id"] == id, result
        assert "damaged" not in result.err, result
    began = time.monotonic()
    assert lines.kist.run("status", "--json").json[0]["last_run"]["id"] == id
    times.append(time.monotonic() - began)
    print("seconds:", [round(each, 2) for each in times])
    assert max(times) < limit, times
    # The next line puts all that aside, and it is still read.
    (id,) = lines.runs(1000)
    assert path.stat().st_size < 10_000 and path.with_name("history.1.jsonl").stat().st_size > 99_000_000
    assert [each["id"] for each in history(lines, "p", "--limit", "2")][-1] == id
    assert len(history(lines, "p")) == 3


def test_two_writers_at_the_limit(lines):
    """Processes that come to the limit together lose no line."""
    lines.write()
    lines.kist.write(
        (lines.kist.conf / "kist.ini").read_text().replace("pipeline p]", "pipeline r]").partition("[source")[0], "r.ini"
    )
    lines.runs(900)
    path = lines.kist.state / "history.jsonl"
    line = entry(0).encode()
    with open(path, "ab") as file:
        while file.tell() < (32 << 20) - 500:
            file.write(line * max(1, min(10000, ((32 << 20) - 500 - file.tell()) // len(line))))
    for _ in range(3):
        running = [lines.kist.start("run", name) for name in ("p", "r")]
        assert [each.finish().code for each in running] == [0, 0]
    assert path.with_name("history.1.jsonl").exists()
    for name, count in (("p", 4), ("r", 3)):
        ids = [each["id"] for each in history(lines, name, "--limit", "100")]
        assert sorted(ids) == lines.kist.ids(name) and len(ids) == count, ids
