"""A drill restores a backup into a scratch place, compares all that was counted, and leaves nothing but its result."""
import json
import os
import signal
import time

import pytest
from manifests import flip
from shelf import LINES, Shelf, build_shelf, forge


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build_shelf(tmp_path_factory.mktemp("plugins") / "shelf")


@pytest.fixture
def shelf(plain_kist, plugins):
    return Shelf(plain_kist, plugins)


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.01)


def test_one_that_passes(shelf):
    kist = shelf.kist
    id = kist.backup()
    shelf.told()
    result = kist.run("drill")
    assert result.out.startswith(f"p/{id}: drill passed on disk: 1 table, {LINES:,} rows equal, restored in ")
    assert kist.marks(id) == ["drill"]
    mark = kist.mark(id, "drill")
    assert (mark["rows"], mark["tables"], mark["differences"], mark["skipped"]) == (LINES, 1, [], [])
    assert mark["level"] == "drill" and mark["duration_ms"] >= 0
    entry = kist.history()[-1]
    assert (entry["event"], entry["outcome"], entry["id"], entry["destination"]) == ("drill", "ok", id, "disk")
    assert entry["rows"] == LINES and "duration_ms" in entry and "cause" not in entry
    assert shelf.left() == [] and len(shelf.places.read_text().splitlines()) == 1
    assert shelf.told() == []


def test_json(shelf):
    kist = shelf.kist
    id = kist.backup()
    (drill,) = kist.run("drill", "p", "--json").json
    assert drill.pop("duration_ms") >= 0
    assert drill == {
        "pipeline": "p",
        "id": id,
        "destination": "disk",
        "result": "passed",
        "compared": 2,
        "tables": 1,
        "rows": LINES,
        "skipped": [],
        "differences": [],
    }


def test_what_the_scratch_place_lacks_is_named(shelf):
    kist = shelf.kist
    id = kist.backup()
    shelf.write(skips="yes")
    result = kist.run("drill", f"p/{id}")
    assert "drill passed" in result.out and "(skipped: extension fancy: it is not installed here)" in result.out
    assert kist.mark(id, "drill")["skipped"] == ["extension fancy: it is not installed here"]
    # Said once.
    assert "fancy" not in result.err
    shelf.write("verify = drill", skips="yes")
    result = kist.run("run", "p")
    assert result.err.count("extension fancy: it is not installed here") == 1, result


def test_nothing_counted(shelf):
    shelf.write(counts="no")
    id = shelf.kist.backup()
    result = shelf.kist.run("drill")
    assert "drill passed" in result.out and "nothing counted" in result.out and "equal" not in result.out
    assert shelf.kist.marks(id) == ["drill"]


def test_a_restore_that_loses_a_row(shelf):
    """Fault 102."""
    kist = shelf.kist
    id = kist.backup()
    shelf.told()
    shelf.write(loses=1)
    result = kist.run("drill", expect=4)
    difference = f"table public.lines: {LINES:,} rows were saved, {LINES - 1:,} are here"
    assert difference in result.is_one_error()
    assert f"p/{id}: drill found it bad on disk\n  {difference}\n" == result.out
    assert kist.marks(id) == ["baddrill"]
    mark = kist.mark(id, "baddrill")
    assert mark["level"] == "drill" and mark["differences"] == [difference] and mark["faults"]
    entry = kist.history()[-1]
    assert entry["outcome"] == "bad" and difference in entry["cause"]
    (line,) = shelf.told()
    assert line.startswith(f"failure p/{id}: ") and difference in line
    assert shelf.left() == []
    (drill,) = kist.run("drill", "--json", expect=4).json
    assert drill["result"] == "bad" and drill["differences"] == [difference] and difference in drill["cause"]


def test_a_row_dropped_with_all_hashes_made_to_fit(shelf):
    kist = shelf.kist
    id = kist.backup()
    shelf.told()
    forge(kist, id, lambda raw: raw.replace(b"line 7\n", b"", 1))
    kist.run("verify", "--level", "decode")
    assert kist.marks(id) == ["decode"]
    kist.run("drill", expect=4)
    assert kist.marks(id) == ["decode", "baddrill"]
    assert len(shelf.told()) == 1


def test_damage_stops_it_before_anything_is_restored(shelf):
    kist = shelf.kist
    id = kist.backup()
    shelf.told()
    flip(kist.data_path(id), 100, 3)
    kist.run("drill", expect=4)
    assert kist.marks(id) == ["baddrill"] and len(shelf.told()) == 1


def test_what_keeps_it_from_being_done_is_no_verdict(shelf):
    kist = shelf.kist
    id = kist.backup()
    shelf.told()
    shelf.write(refuses="yes")
    result = kist.run("drill", expect=7)
    assert "that is the source itself" in result.is_one_error()
    assert f"p/{id}: drill failed on disk\n" == result.out
    assert kist.marks(id) == [] and shelf.told() == [] and shelf.left() == []
    assert kist.history()[-1]["outcome"] == "failed"


def test_a_source_that_cannot(plain_kist):
    kist = plain_kist
    (kist.folder / "data").mkdir()
    (kist.folder / "data" / "file").write_text("x")
    kist.pipeline(
        None,
        source="plugin = mirror\nfrom = here",
        sections=f"[destination here]\nplugin = local\npath = {kist.folder / 'data'}\n",
    )
    id = kist.backup()
    result = kist.run("drill", "p", expect=1)
    assert "--level decode" in result.err and kist.marks(id) == []
    result = kist.run("drill", expect=6)
    assert "p: is skipped" in result.err
    result = kist.run("verify", "--level", "drill", expect=6)
    assert "p: is skipped" in result.err


def test_no_backup(shelf):
    shelf.kist.run("drill", expect=6)
    shelf.kist.run("drill", "p", expect=6)
    shelf.kist.run("drill", "nobody", expect=2)


def test_of_two_destinations(shelf):
    kist = shelf.kist
    shelf.write(destinations=("disk", "disk2"))
    id = kist.backup()
    assert "passed on disk:" in kist.run("drill").out
    assert kist.marks(id) == ["drill"] and kist.marks(id, destination="disk2") == []
    assert "passed on disk2:" in kist.run("drill", "--destination", "disk2").out
    assert kist.marks(id, destination="disk2") == ["drill"]
    # As a level of verify it is done with every copy.
    out = kist.run("verify", "--level", "drill").out
    assert f"p/{id} on disk: ok (drill): 1 table, " in out and f"p/{id} on disk2: ok (drill): 1 table, " in out


def test_a_destination_that_takes_no_mark(shelf):
    kist = shelf.kist
    id = kist.backup()
    folder = kist.manifest_path(id).parent
    for word in ("drill", "baddrill"):
        # No user may write there, not even root: something else has all the names.
        now = time.time()
        for second in range(-5, 120):
            (folder / f"{id}.{word}.{time.strftime('%Y-%m-%dT%H-%M-%SZ', time.gmtime(now + second))}").mkdir()
    result = kist.run("drill", expect=3)
    assert "drill passed" in result.out and "cannot note beside the backup" in result.err
    assert kist.history()[-1]["outcome"] == "ok"


def test_a_killed_one_is_swept(shelf):
    kist = shelf.kist
    id = kist.backup()
    shelf.write(slow="30s", litters="yes")
    running = kist.start("drill")
    wait_for(lambda: shelf.places.exists() and os.path.exists(shelf.places.read_text().strip()))
    assert len(shelf.left()) == 1
    # Another one at the same time leaves it alone.
    before = shelf.left()
    shelf.write(litters="yes")
    kist.run("drill")
    assert shelf.left() == before
    running.signal(signal.SIGKILL)
    running.finish()
    outside = kist.folder / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    (kist.state / before[0] / "link").symlink_to(outside)
    assert shelf.left() == before
    result = kist.run("drill")
    assert shelf.left() == [] and before[0] in result.err
    assert (outside / "kept").exists()
    assert kist.marks(id) == ["drill"]  # the newer one replaced the other


def test_a_signal(shelf):
    kist = shelf.kist
    id = kist.backup()
    shelf.told()
    shelf.write(slow="30s")
    running = kist.start("drill")
    wait_for(lambda: shelf.places.exists() and os.path.exists(shelf.places.read_text().strip()))
    running.signal(signal.SIGTERM)
    result = running.finish(10)
    assert result.code == 128 + signal.SIGTERM
    assert kist.marks(id) == [] and shelf.left() == [] and shelf.told() == []
    assert json.loads((kist.state / "history.jsonl").read_text().splitlines()[-1])["outcome"] == "failed"
