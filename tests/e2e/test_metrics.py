"""The metrics file: what Prometheus reads of it is what `kist status` says."""
import os
import shutil
import stat
import subprocess
import time

import pytest

parser = pytest.importorskip("prometheus_client.parser", reason="Debian: python3-prometheus-client")


def read(text):
    """{name: {labels: value}}, after Prometheus' own parser has accepted it."""
    families = {}
    for family in parser.text_string_to_metric_families(text):
        assert family.type == "gauge" and family.documentation, family
        assert family.name not in families, family
        families[family.name] = {
            tuple(value for key, value in sorted(sample.labels.items()) if key != "pipeline"): sample.value
            for sample in family.samples
        }
        assert all(sample.name == family.name and sample.timestamp is None for sample in family.samples), family
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "metrics"], input=text, text=True, check=True)
    return families


def metrics(lines, expect=0):
    path = lines.kist.folder / "collector" / "kist.prom"
    path.parent.mkdir(exist_ok=True)
    result = lines.kist.run("status", "--metrics", path, expect=expect)
    assert result.out == "", result
    assert os.listdir(path.parent) == ["kist.prom"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    return read(path.read_text())


def seconds(text):
    return int(subprocess.run(["date", "-d", text, "+%s"], capture_output=True, text=True, check=True).stdout)


def test_values(lines):
    lines.write("schedule = @daily", "exclusive = no", destinations=("disk", "disk2"))
    before = int(time.time())
    lines.runs(900, 1000)
    id = lines.kist.ids()[-1]
    lines.kist.run("verify", f"p/{id}")
    lines.kist.manifest_path(id, destination="disk2").unlink()
    (row,) = lines.kist.run("status", "--json").json
    found = metrics(lines)
    size = len("line 0000 of the file that is kept\n") * 1000
    assert found["kist_up"] == {(): 1}
    assert found["kist_destination_up"] == {("disk",): 1, ("disk2",): 1}
    assert found["kist_stale"] == {(): 0}
    assert found["kist_last_good_timestamp_seconds"] == {(): seconds(row["last_good_time"])}
    assert found["kist_stale_timestamp_seconds"] == {(): seconds(row["stale_at"])}
    assert found["kist_next_run_timestamp_seconds"] == {(): seconds(row["next_run"])}
    assert found["kist_verified_timestamp_seconds"] == {(): seconds(row["verified"])}
    assert found["kist_backup_raw_bytes"] == found["kist_backup_stored_bytes"] == {(): size}
    assert (found["kist_destinations_complete"], found["kist_destinations"]) == ({(): 1}, {(): 2})
    states = {**dict.fromkeys([("expired",), ("suspect",), ("bad",), ("damaged",), ("unknown",)], 0), ("ok",): 1, ("partial",): 1}
    assert found["kist_backups"] == states
    last = lines.kist.history("run")[-1]
    assert found["kist_last_run_timestamp_seconds"] == {(): seconds(last["started"])}
    assert found["kist_last_run_duration_seconds"] == {(): last["duration_ms"] / 1000}
    assert (found["kist_last_run_success"], found["kist_last_run_degraded"]) == ({(): 1}, {(): 0})
    assert before <= found["kist_status_timestamp_seconds"][()] <= time.time()
    assert len(found["kist_build_info"]) == 1
    # What never was has no line, rather than a zero: 1970 was no drill.
    assert "kist_drilled_timestamp_seconds" not in found
    # The same on standard output.
    text = lines.kist.run("status", "--metrics", "-").out
    assert read(text)["kist_backup_raw_bytes"] == {(): size}


def test_stale_and_failed(lines):
    lines.write("max_age = 1d")
    found = metrics(lines, expect=8)
    assert found["kist_stale"] == {(): 1} and found["kist_up"] == {(): 1}
    assert "kist_last_good_timestamp_seconds" not in found and "kist_last_run_success" not in found
    lines.path.unlink()
    lines.kist.run("run", "p", expect=1)
    assert metrics(lines, expect=8)["kist_last_run_success"] == {(): 0}


def test_nobody_answers(lines):
    lines.write("max_age = 1d")
    lines.kist.disk.rmdir()
    lines.kist.disk.write_text("no directory")
    found = metrics(lines, expect=1)
    assert (found["kist_up"], found["kist_destination_up"]) == ({(): 0}, {("disk",): 0})
    assert "kist_stale" not in found and "kist_backups" not in found


def test_what_cannot_be_written(lines):
    lines.write()
    lines.kist.run("status", "--metrics", lines.kist.folder / "none" / "kist.prom", expect=1).is_one_error()
    lines.kist.run("status", "--metrics", lines.kist.folder, expect=2).is_one_error()
    lines.kist.run("status", "--metrics", "-", "--check", expect=2)
    # A full disk leaves the old file as it is.
    path = lines.kist.folder / "kist.prom"
    path.write_text("old")
    limit = ["prlimit", "--fsize=100"]
    result = lines.kist.start("status", "--metrics", path, before=limit).finish()
    assert result.code not in (0, 8) and path.read_text() == "old", result
