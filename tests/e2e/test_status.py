"""How each pipeline stands: what is there to fall back on, how old it is, and what a monitoring system hears of it."""
import json
import re
import shutil
import signal
import time

from clock import skewed_by
from flaky import build
from kist import sanitizer_options
from manifests import clone, seal

HOUR, DAY = 3600, 86400


def later(lines, seconds):
    """The environment of a kist for which it is that much later."""
    folder = lines.kist.folder / "clocks"
    folder.mkdir(exist_ok=True)
    return {**skewed_by(folder, seconds), "ASAN_OPTIONS": sanitizer_options(verify_asan_link_order="0")}


def status(lines, *args, at=0, expect=0, name="p"):
    """The status of one pipeline."""
    env = later(lines, at) if at else None
    rows = lines.kist.run("status", name, "--json", *args, expect=expect, env=env).json
    assert [row["pipeline"] for row in rows] == [name], rows
    return rows[0]


def problems(row):
    return [problem["text"] for problem in row["problems"]]


def test_a_good_one(lines):
    lines.write("schedule = every 6h", "exclusive = no", destinations=("disk", "disk2"))
    ids = lines.runs(600, 800, 1000)
    row = status(lines)
    assert (row["state"], row["stale"], row["last_good"], row["newest"]) == ("ok", False, ids[-1], ids[-1]), row
    assert row["problems"] == [] and row["remembered"] is False, row
    assert row["trend"] == [len("line 0000 of the file that is kept\n") * n for n in (600, 800, 1000)], row
    assert row["raw_size"] == row["stored_size"] == row["trend"][-1], row
    assert row["destinations"] == {"disk": True, "disk2": True} and row["backups"] == 3, row
    assert row["verified"] is None and row["drilled"] is None, row
    assert 0 <= row["age_s"] < 60, row
    assert row["last_good_time"] == row["last_run"]["started"], row
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT(00|06|12|18):00:00Z", row["next_run"]), row
    assert (row["last_run"]["event"], row["last_run"]["id"]) == ("run", ids[-1]), row
    # The same for people, on a terminal that knows more than ASCII, and on one that does not.
    table = lines.kist.run("status", env={"LC_ALL": "C.UTF-8"}).out
    head, line = table.splitlines()
    assert head.split()[:4] == ["PIPELINE", "STATE", "LAST", "GOOD"], table
    assert line.split()[:3] == ["p", "ok", ids[-1]] and " ▅▇█ " in line and " 2/2 " in line, table
    assert line.endswith(row["next_run"]), table
    # Columns stand below their heads, whatever the characters take in bytes.
    assert head.index("NEXT RUN") == line.index(row["next_run"]), table
    table = lines.kist.run("status", "p", env={"LC_ALL": "C"}).out
    assert table.isascii() and " +#% " in table, table


def test_stale_by_schedule(lines):
    lines.write("schedule = every 6h", "exclusive = no")
    (id,) = lines.runs(1000)
    # The slot after the backup, and a quarter of the time to the next: at most 7.5 hours.
    assert status(lines)["state"] == "ok"
    row = status(lines, at=8 * HOUR, expect=8)
    assert (row["state"], row["stale"], row["last_good"]) == ("stale", True, id), row
    assert 8 * HOUR <= row["age_s"] < 8 * HOUR + 60, row
    (problem,) = row["problems"]
    assert problem["text"].startswith("the last good backup is 8 h 00 min old"), row
    assert "kist run p" in problem["next_step"], row
    table = lines.kist.run("status", expect=8, env=later(lines, 8 * HOUR)).out
    assert f"\np: {problem['text']}\n  next: {problem['next_step']}\n" in table, table


def test_stale_by_age(lines):
    lines.write("schedule = every 6h", "exclusive = no", "max_age = 2d")
    lines.runs(1000)
    # What the pipeline says comes before its schedule, and the command line before both.
    assert status(lines, at=30 * HOUR)["state"] == "ok"
    assert status(lines, at=49 * HOUR, expect=8)["state"] == "stale"
    assert status(lines, "--max-age", "26h", at=30 * HOUR, expect=8)["stale"] is True
    assert status(lines, "--max-age", "3d", at=49 * HOUR)["stale"] is False
    for wrong in ("26", "0s", "soon"):
        lines.kist.run("status", "--max-age", wrong, expect=2)


def test_never(lines):
    lines.write()
    row = status(lines)
    # Without a schedule nobody asked for any.
    assert (row["state"], row["stale"], row["last_good"], row["age_s"]) == ("never", False, None, None), row
    assert row["next_run"] is None and row["stale_at"] is None, row
    row = status(lines, "--max-age", "1d", expect=8)
    assert (row["state"], row["stale"]) == ("never", True), row
    lines.write("schedule = @daily", "exclusive = no")
    assert status(lines, expect=8)["state"] == "never"
    assert "kist run p" in lines.kist.run("status", expect=8).out
    lines.kist.run("status", "q", expect=2)


def down(lines, destination):
    """From now on it cannot be asked."""
    path = lines.kist.folder / destination
    shutil.rmtree(path)
    path.write_text("no directory")


def test_a_destination_is_down(lines):
    lines.write("max_age = 1d", destinations=("disk", "disk2"))
    (id,) = lines.runs(1000)
    down(lines, "disk2")
    row = status(lines)
    assert (row["state"], row["last_good"]) == ("ok", id), row
    assert row["destinations"] == {"disk": True, "disk2": None}, row
    assert problems(row) == ["destination 'disk2' cannot be asked; this is what the others say"], row
    # None can be asked: what this host remembers, and no success.
    down(lines, "disk")
    row = status(lines, expect=1)
    assert (row["state"], row["last_good"], row["remembered"]) == ("unknown", id, True), row
    assert row["destinations"] == {"disk": None, "disk2": None} and row["stale"] is False, row
    assert "no destination can be asked" in problems(row)[0] and id in problems(row)[0], row
    row = status(lines, at=2 * DAY, expect=8)
    assert (row["state"], row["stale"]) == ("stale", True), row
    # Nothing is remembered either: whether it is stale is not known, and nobody says that there is no backup.
    shutil.rmtree(lines.kist.state)
    row = status(lines, at=2 * DAY, expect=1)
    assert (row["state"], row["stale"], row["last_good"]) == ("unknown", None, None), row
    assert not any("no backup" in text for text in problems(row)), row
    check = lines.kist.run("status", "--check", expect=1)
    assert check.out.startswith("KIST UNKNOWN - 1 of 1 pipeline: p cannot be asked"), check
    assert check.errors, check


def test_lost_state(lines):
    """79"""
    lines.write("max_age = 1d")
    (id,) = lines.runs(1000)
    shutil.rmtree(lines.kist.state)
    row = status(lines)
    assert (row["state"], row["last_good"], row["last_run"]) == ("ok", id, None), row
    # To look is not to write.
    assert not lines.kist.state.exists()
    # Nor does it matter when it is there and makes no sense.
    lines.runs(1000)
    files = [path for path in lines.kist.state.rglob("*") if path.is_file()]
    assert any("p" in path.name for path in files), files
    for path in files:
        path.write_bytes(b"\0\xff{" * 100)
    row = status(lines)
    assert (row["state"], row["backups"], row["last_run"]) == ("ok", 2, None), row
    lines.kist.run("run", "p")
    assert status(lines)["backups"] == 3


def test_a_disk_that_is_not_mounted(lines):
    """An empty place, which looks like a new one: this host knows better."""
    lines.write("max_age = 1d")
    (id,) = lines.runs(1000)
    lines.kist.disk.rename(lines.kist.folder / "elsewhere")
    row = status(lines, expect=8)
    assert (row["state"], row["last_good"]) == ("never", None), row
    assert id in problems(row)[0] and "mounted" in row["problems"][0]["next_step"], row


def test_the_newest_is_suspect(lines):
    lines.write("max_age = 1d")
    good = lines.runs(1000, 1000, 1000)
    (suspect,) = lines.runs(10, expect=3)
    row = status(lines)
    assert (row["last_good"], row["newest"], row["state"]) == (good[-1], suspect, "ok"), row
    assert problems(row)[0].startswith(f"the newest backup {suspect} is suspect: "), row
    assert row["problems"][0]["next_step"] == f"if that is right: `kist accept p/{suspect}`", row
    lines.kist.run("accept", f"p/{suspect}")
    row = status(lines)
    assert (row["last_good"], row["problems"]) == (suspect, []), row


def test_the_last_run_failed(lines):
    lines.write("max_age = 1d")
    (good,) = lines.runs(1000)
    lines.path.unlink()
    lines.kist.run("run", "p", expect=1)
    row = status(lines)
    assert (row["state"], row["last_good"], row["stale"]) == ("failed", good, False), row
    assert problems(row)[0].startswith("the last run, of ") and "lines.txt" in problems(row)[0], row
    assert row["last_run"]["outcome"] == "failed", row
    assert "kist doctor p" in row["problems"][0]["next_step"]
    # It is stale all the same when it is too old.
    row = status(lines, at=2 * DAY, expect=8)
    assert row["state"] == "stale" and len(row["problems"]) == 2, row
    lines.runs(1000)
    assert status(lines)["state"] == "ok"


def test_the_last_run_was_degraded(lines):
    lines.write("keep = 1 last", "min_keep = 1", "max_delete = 10%")
    ids = lines.runs(1000) + lines.runs(1000, expect=3)
    row = status(lines)
    # There is a good backup, and nothing else would say that retention has come to a stand.
    (problem,) = row["problems"]
    assert (row["state"], row["last_good"]) == ("ok", ids[-1]), row
    assert problem["text"].startswith(f"the last run, of {row['last_run']['started']}, was degraded: retention"), row
    assert "`kist prune --dry-run p`" in problem["next_step"], row
    lines.write("keep = 1 last", "min_keep = 1", "max_delete = 100%")
    lines.runs(1000)
    assert status(lines)["problems"] == []


def test_a_signal_is_no_failure(lines, tmp_path):
    """Who waits for a destination that hangs can be stopped, and ends as one who was."""
    flaky = build(tmp_path / "flaky")
    lines.kist.write(
        f"[kist]\nplugin_dirs = {lines.plugins[0]}, {flaky}\n[pipeline p]\nsource = s\ndestinations = far\n"
        f"[source s]\nplugin = shelf\npath = {lines.path}\n"
        f"[destination far]\nplugin = flaky\npath = {tmp_path}\nstall = list\ndeadline = 60s\n"
    )
    page = tmp_path / "page.html"
    started = [
        lines.kist.start(*command)
        for command in (["status"], ["status", "--json"], ["history"], ["list"], ["report", "--html", page])
    ]
    time.sleep(1.5)
    for running in started:
        running.signal(signal.SIGTERM)
        result = running.finish(20)
        assert result.code == 143 and result.out == "", result
    assert not page.exists()


def test_proofs(lines):
    lines.write()
    first, second = lines.runs(1000, 1000)
    lines.kist.run("drill", f"p/{first}")
    lines.kist.run("verify", f"p/{second}")
    row = status(lines)
    assert row["drilled"] and row["verified"] >= row["drilled"], row
    line = lines.kist.run("status", env=later(lines, 3 * DAY + 600)).out.splitlines()[1]
    assert line.count("3d ago") == 2, line
    # One that a proof found bad is nothing to fall back on.
    lines.kist.data_path(second).write_bytes(b"x")
    lines.kist.run("verify", f"p/{second}", expect=4)
    row = status(lines)
    assert row["last_good"] == first and problems(row)[0].startswith(f"the newest backup {second} is bad"), row


def test_what_a_destination_lacks(lines):
    lines.write(destinations=("disk", "disk2"))
    (id,) = lines.runs(1000)
    lines.kist.manifest_path(id, destination="disk2").unlink()
    row = status(lines)
    assert (row["last_good"], row["destinations"]) == (id, {"disk": True, "disk2": False}), row
    assert problems(row) == [f"destination 'disk2' lacks the last good backup {id}"], row
    assert " 1/2 " in lines.kist.run("status").out
    # Where a number is asked for, one is too few.
    lines.write("require = 2", destinations=("disk", "disk2", "disk3"))
    assert status(lines)["state"] == "never"
    lines.write("require = 1", destinations=("disk", "disk2", "disk3"))
    assert status(lines)["last_good"] == id


def test_a_backup_of_tomorrow(lines):
    """76"""
    lines.write("max_age = 1d")
    (good,) = lines.runs(1000)
    lines.kist.run("run", "p", env=later(lines, 400 * DAY))
    future = lines.kist.ids()[-1]
    # It is no reason to believe that all is well, neither beside another one nor alone.
    row = status(lines)
    assert (row["last_good"], row["newest"], row["stale"]) == (good, future, False), row
    assert problems(row) == [f"the newest backup {future} is of a time that is yet to come"], row
    assert status(lines, at=3 * DAY, expect=8)["last_good"] == good
    lines.kist.manifest_path(good).unlink()
    row = status(lines, expect=8)
    assert row["last_good"] == future and "yet to come" in problems(row)[0], row
    assert row["age_s"] is None, row
    line = lines.kist.run("status", "--check", expect=8).out
    assert line == "KIST CRITICAL - 1 of 1 pipeline stale: p has a good backup of a time that is yet to come\n"
    # Ids go on from there, and what is made with a right clock is as old as it is.
    lines.kist.run("run", "p")
    row = status(lines)
    assert row["last_good"] > future and row["stale"] is False and row["age_s"] < 60, row
    assert row["problems"] == [], row


def test_check(lines):
    lines.write("max_age = 1d")
    lines.kist.write(
        (lines.kist.conf / "kist.ini").read_text().replace("pipeline p]", "pipeline q]").partition("[source")[0],
        "q.ini",
    )
    assert "CRITICAL - 2 of 2 pipelines stale: p has no good backup, q has no good backup\n" in (
        lines.kist.run("status", "--check", expect=8).out
    )
    lines.runs(1000)
    lines.kist.run("run", "q")
    line = lines.kist.run("status", "--check", env=later(lines, 5 * HOUR)).out
    match = re.fullmatch(
        r"KIST OK - 2 pipelines, oldest good backup 5 h 00 min old \| age_p=(\d+)s;;86400;0 age_q=(\d+)s;;86400;0\n",
        line,
    )
    assert match and all(5 * HOUR <= int(age) < 5 * HOUR + 60 for age in match.groups()), line
    line = lines.kist.run("status", "--check", "q", "--max-age", "2h", expect=8, env=later(lines, 5 * HOUR)).out
    assert re.fullmatch(r"KIST CRITICAL - 1 of 1 pipeline stale: q 5 h 00 min old \| age_q=\d+s;;7200;0\n", line), line
    # It is no alarm yet, but the one line that somebody may see.
    lines.path.unlink()
    lines.kist.run("run", "q", expect=1)
    line = lines.kist.run("status", "--check").out
    assert re.match(r"KIST OK - 2 pipelines, oldest good backup [^|]* old; the last run failed of q \| age_p=", line), line
    lines.kist.run("status", "--check", "--json", expect=2)


def test_what_is_not_read(lines):
    """Of many backups only the newest are opened: damage in an old one is for `kist list`."""
    lines.write()
    (id,) = lines.runs(1000)
    old = [f"2020-01-{day:02}T00-00-00Z" for day in range(1, 31)]
    clone(lines.kist, id, old)
    lines.kist.manifest_path(old[0]).write_bytes(b"broken")
    row = status(lines)
    assert (row["last_good"], row["backups"], len(row["trend"])) == (id, 31, 20), row
    assert row["problems"] == [], row
    lines.kist.run("list", "p", expect=4)
    # A safety copy, and what is damaged, is passed over on the way.
    text = lines.kist.manifest_path(id).read_bytes()
    lines.kist.manifest_path(id).write_bytes(text[:-20])
    row = status(lines)
    assert row["last_good"] == old[-1] and problems(row)[0].startswith(f"the newest backup {id} is damaged"), row
    manifest = json.loads(text)
    assert manifest["labels"] == {}, manifest
    lines.kist.manifest_path(id).write_bytes(seal(text.replace(b'"labels": {}', b'"labels": {"safety": "x"}')))
    assert status(lines)["last_good"] == old[-1]


def test_a_wrong_clock_holds_up_retention_no_longer_than_it_is_wrong(lines):
    """76, 87"""
    lines.write("keep = 2 last", "min_keep = 1", "max_delete = 100%")
    (first,) = lines.runs(1000)
    lines.kist.run("run", "p", env=later(lines, 3650 * DAY))
    future = lines.kist.ids()[-1]
    assert lines.kist.ids() == [first, future]
    # Names go on from the one that is far ahead. When it was made each manifest knows.
    lines.kist.run("run", "p")
    made = lines.kist.ids()
    assert made[0] == future and len(made) == 2 and made[1] > future, made
    result = lines.kist.run("prune", "--dry-run")
    assert "nothing is deleted" not in result.out and "behind the newest" not in result.err, result
    lines.kist.run("run", "p")
    assert future not in lines.kist.ids() and made[1] in lines.kist.ids(), lines.kist.ids()
    assert status(lines)["problems"] == []
