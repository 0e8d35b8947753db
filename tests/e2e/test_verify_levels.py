"""What was proved of a backup is noted beside it; pipelines prove their own backups; a share at a time is enough."""
import os
import re
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


def mirror(kist, count):
    """A pipeline `p` of many small files."""
    folder = kist.folder / "data"
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.txt").write_text(f"content of {number}\n" * (number + 1))
    kist.pipeline(
        None,
        filters=None,
        source="plugin = mirror\nfrom = here",
        sections=f"[destination here]\nplugin = local\npath = {folder}\n",
    )
    return kist.backup()


@pytest.mark.parametrize("level, marks", [("size", []), ("hash", ["hash"]), ("decode", ["decode"])])
def test_each_level_has_its_mark(shelf, level, marks):
    kist = shelf.kist
    id = kist.backup()
    assert kist.marks() == []
    kist.run("verify", "--level", level)
    assert kist.marks(id) == marks
    verified = kist.backups()[-1]["verified"]
    assert (verified or {}).get("level") == (marks[-1] if marks else None)
    entry = kist.history()[-1]
    assert (entry["event"], entry["level"], entry["outcome"], entry["id"]) == ("verify", level, "ok", id)
    for word in marks:
        mark = kist.mark(id, word)
        assert (mark["pipeline"], mark["id"], mark["mark"], mark["level"]) == ("p", id, word, level)
        assert mark["host"] and mark["user"] and "duration_ms" in mark


def test_what_is_bad_is_marked_and_told_and_good_again_after_repair(shelf):
    kist = shelf.kist
    id = kist.backup()
    shelf.told()
    path = kist.data_path(id)
    kist.run("verify")
    flip(path, 50, 1)
    kist.run("verify", expect=4)
    assert kist.marks(id) == ["hash", "badhash"]
    mark = kist.mark(id, "badhash")
    assert [fault["key"] for fault in mark["faults"]] == [f"p/{id}/{path.name}"] and mark["faults"][0]["fault"]
    assert kist.history()[-1]["outcome"] == "bad"
    (line,) = shelf.told()
    assert line.startswith(f"failure p/{id}: ") and path.name in line
    flip(path, 50, 1)
    kist.run("verify")
    assert kist.marks(id) == ["hash"] and shelf.told() == []


def test_a_marks_file_does_not_disturb_anything_else(shelf):
    kist = shelf.kist
    first = kist.backup()
    kist.run("verify")
    second = kist.backup()
    kist.run("verify", "--all")
    assert kist.ids() == [first, second]
    assert kist.marks(first) == ["hash"] and kist.marks(second) == ["hash"]
    kist.run("show", "p/latest")


def test_a_destination_that_takes_no_mark(shelf):
    kist = shelf.kist
    id = kist.backup()
    now = time.time()
    for second in range(-5, 120):
        name = time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime(now + second))
        (kist.manifest_path(id).parent / f"{id}.hash.{name}").mkdir()
    result = kist.run("verify", expect=3)
    assert f"p/{id} on disk: ok (hash)" in result.out and "cannot note beside the backup" in result.err


def test_without_a_state_directory(shelf):
    kist = shelf.kist
    kist.backup()
    (kist.folder / "in the way").write_text("")
    result = kist.run("--state", kist.folder / "in the way", "verify", expect=3)
    assert "ok (hash)" in result.out and "the history will not tell of this" in result.err
    assert kist.marks() == ["hash"]
    kist.run("--state", kist.folder / "in the way", "verify", "--level", "drill", expect=1)


def test_the_parts_of_a_sample_are_everything_once(plain_kist):
    kist = plain_kist
    id = mirror(kist, 40)
    files = sorted(path for path in kist.backup_dir(id).rglob("*.txt") if path.name != "RESTORE.txt")
    assert len(files) == 40
    for path in files:
        data = bytearray(path.read_bytes())
        data[3] ^= 1
        path.write_bytes(data)
    found = []
    for part in range(1, 8):
        (entry,) = kist.run("verify", "--sample", f"{part}/7", "--json", expect=4).json
        assert entry["sample"] == f"{part}/7"
        found += [fault["key"] for fault in entry["faults"]]
    assert sorted(found) == sorted(str(path.relative_to(kist.disk)) for path in files)


def test_a_sample_is_no_proof_of_the_whole(plain_kist):
    kist = plain_kist
    id = mirror(kist, 5)
    result = kist.run("verify", "--sample", "2/3")
    assert f"p/{id} on disk: ok (hash, part 2 of 3)" in result.out
    assert kist.marks(id) == []
    assert kist.history()[-1]["sample"] == "2/3" and kist.history()[-1]["outcome"] == "ok"
    # Sizes are looked at whatever the part.
    victim = next(kist.backup_dir(id).rglob("4.txt"))
    os.truncate(victim, 5)
    for part in (1, 2, 3):
        kist.run("verify", "--sample", f"{part}/3", expect=4)
    assert kist.marks(id) == ["badhash"]


@pytest.mark.parametrize("sample", ["0/7", "8/7", "3", "x/y", "3/0", ""])
def test_no_sample(shelf, sample):
    shelf.kist.run("verify", "--sample", sample, expect=2)


def test_a_sample_of_what_cannot_be_shared_out(shelf):
    shelf.kist.run("verify", "--sample", "1/2", "--level", "drill", expect=2)
    shelf.kist.run("verify", "--sample", "1/2", "--level", "size", expect=2)


@pytest.mark.parametrize("level, word", [("hash", "hash"), ("decode", "decode"), ("drill", "drill")])
def test_a_pipeline_proves_each_backup(shelf, level, word):
    kist = shelf.kist
    shelf.write(more=f"verify = {level}", destinations=("disk", "disk2"))
    id = kist.backup()
    assert kist.marks(id) == [word]
    # One drill is enough; the other copies are then proved to be the same bytes.
    assert kist.marks(id, destination="disk2") == ["hash" if level == "drill" else word]
    (line,) = shelf.told()
    assert line.startswith("success ")
    assert [entry["event"] for entry in kist.history()][-1] == "run"


def test_a_run_whose_backup_is_bad(shelf):
    kist = shelf.kist
    shelf.write(more="verify = drill", loses=3)
    result = kist.run("run", "p", expect=4)
    (id,) = kist.ids(expect=4)
    assert f"p/{id}: made, but bad\n" == result.out
    assert f"{LINES - 3:,} are here" in result.is_one_error()
    assert kist.marks(id) == ["baddrill"]
    (line,) = shelf.told()
    assert line.startswith(f"failure p/{id}: ") and f"{LINES - 3:,} are here" in line
    drill, run = kist.history()[-2:]
    assert (drill["event"], drill["outcome"]) == ("drill", "bad")
    assert (run["event"], run["outcome"], run["exit"]) == ("run", "failed", 4)
    assert f"{LINES - 3:,} are here" in run["cause"]


def test_a_run_whose_backup_could_not_be_proved(shelf):
    kist = shelf.kist
    shelf.write(more="verify = drill", refuses="yes")
    result = kist.run("run", "p", expect=3)
    (id,) = kist.ids()
    assert "could not be proved" in result.is_one_error() and kist.marks(id) == []
    (line,) = shelf.told()
    assert line.startswith(f"degraded p/{id}: ")


def test_a_signal_during_the_proof(shelf):
    kist = shelf.kist
    shelf.write(more="verify = drill", slow="30s")
    running = kist.start("run", "p")
    end = time.monotonic() + 20
    while not shelf.places.exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    running.signal(signal.SIGTERM)
    result = running.finish(10)
    assert result.code == 128 + signal.SIGTERM and "a signal came before it was proved" in result.is_one_error()
    (id,) = kist.ids()
    assert kist.marks(id) == [] and shelf.left() == []
    (line,) = shelf.told()
    assert line.startswith(f"degraded p/{id}: ")


def test_on_a_rhythm_of_its_own(shelf):
    kist = shelf.kist
    shelf.write(more="verify_every = 1h drill")
    first = kist.backup()
    assert kist.marks(first) == ["drill"]
    assert kist.marks(kist.backup()) == []
    shelf.write(more="verify_every = 1s drill")
    time.sleep(1.1)
    assert kist.marks(kist.backup()) == ["drill"]


def test_a_proof_of_the_future_does_not_put_off_the_next(shelf):
    """A clock that was wrong once, or somebody who can write to the destination."""
    kist = shelf.kist
    shelf.write(more="verify_every = 1h hash")
    first = kist.backup()
    (mark,) = kist.manifest_path(first).parent.glob(f"{first}.hash.*")
    mark.rename(mark.with_name(f"{first}.hash.2090-01-01T00-00-00Z"))
    assert kist.marks(kist.backup()) == ["hash"]


def test_a_lower_proof_does_not_stand_for_a_higher(shelf):
    kist = shelf.kist
    shelf.write(more="verify = hash\nverify_every = 1h decode")
    assert kist.marks(kist.backup()) == ["decode"]
    assert kist.marks(kist.backup()) == ["hash"]
    shelf.write(more="verify_every = 1h hash")
    assert kist.marks(kist.backup()) == []


def test_a_forged_backup_fails_its_drill_alone(shelf):
    kist = shelf.kist
    id = kist.backup()
    forge(kist, id, lambda raw: raw[: len(raw) // 2 * 1].rsplit(b"\n", 1)[0] + b"\n")
    for level in ("size", "hash", "decode"):
        kist.run("verify", "--level", level)
    kist.run("verify", "--level", "drill", expect=4)


def test_what_cannot_be_decoded_here_is_said_before_anything_is_read(shelf):
    kist = shelf.kist
    out = kist.run("key", "new", "age", "--output", kist.folder / "identity").out
    recipient = re.search("age1[a-z0-9]+", out)[0]
    shelf.write(filters="age")
    with open(kist.conf / "kist.ini", "a") as file:
        file.write(f"[filter age]\nplugin = age\nrecipients = {recipient}\n")
    id = kist.backup()
    kist.data_path(id).write_bytes(b"")  # nobody looks at it
    result = kist.run("verify", "--level", "decode", expect=2)
    assert "identity_file" in result.is_one_error() and kist.marks(id) == []
    kist.run("verify", expect=4)
    with open(kist.conf / "kist.ini", "a") as file:
        file.write(f"identity_file = {kist.folder / 'identity'}\n")
    kist.run("run", "p")
    id = kist.ids(expect=4)[-1]
    kist.run("verify", "--level", "decode")
    kist.run("drill", f"p/{id}")
    assert kist.marks(id) == ["decode", "drill"]
