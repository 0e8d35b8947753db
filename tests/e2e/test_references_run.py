"""What a provider holds of a backup: made in a run, named by its manifest, and removed when there is none."""
import shutil
import signal

import pytest
from flaky import build
from fleet import wait_until
from held import Held, build_held
from lines import Lines
from shelf import build_shelf

BOTH = ("disk", "far")
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build(build_shelf(build_held(tmp_path_factory.mktemp("held") / "all")))


@pytest.fixture
def held(plain_kist, plugins):
    return Held(plain_kist, plugins)


def pending(kist, destination="disk"):
    return sorted(path.name[:20] for path in (kist.folder / destination / "_kist" / "p").glob("*.pending"))


def away(held, name):
    """A destination that cannot be asked, until back()."""
    (held.kist.folder / name).rename(held.kist.folder / f"{name}.away")
    (held.kist.folder / name).write_text("no directory")


def back(held, name):
    path = held.kist.folder / name
    path.unlink() if path.is_file() else shutil.rmtree(path)
    (held.kist.folder / f"{name}.away").rename(held.kist.folder / name)


def kill_while_made(held, number=signal.SIGKILL, **options):
    """A run that is stopped once the provider holds something; its result."""
    there = held.branches()
    held.write(fail="hang", **options)
    running = held.kist.start("run", "p")
    wait_until(lambda: any("state=" in (held.place / id).read_text() for id in set(held.branches()) - set(there)))
    running.signal(number)
    return running.finish()


def test_made_and_named_on_every_destination(held):
    held.write(destinations=BOTH, items="main.branch, copy.branch", size="12GiB", more="filters = gzip")
    result = held.kist.run("run", "p")
    (id,) = held.kist.ids()
    names = ("main.branch", "copy.branch")
    assert held.branches() == sorted(f"br-p-{id}-{name}" for name in names)
    assert held.calls("make") == [("make", f"kist-p-{id}-{name}") for name in names]
    assert f"held by held: branch br-p-{id}-main.branch, 12.0 GiB" in result.err, result
    manifest = held.kist.manifest(id)
    assert held.kist.manifest_path(id).read_bytes() == held.kist.manifest_path(id, destination="far").read_bytes()
    assert manifest["kist_manifest"] == 2
    assert [item["name"] for item in manifest["items"]] == ["main.branch", "copy.branch"]
    item = manifest["items"][0]
    assert set(item) == {"name", "reference"}
    reference = item["reference"]
    assert reference.pop("time")[:10] == id[:10]
    assert reference == {
        "provider": "held",
        "kind": "branch",
        "id": f"br-p-{id}-main.branch",
        "name": f"kist-p-{id}-main.branch",
        "account": "project one",
        "state": "ready",
        "size": 12 << 30,
        "stock_restore": "cp from the provider",
    }
    # Nothing of it lies in the folder but what tells where it is.
    for destination in BOTH:
        assert [path.name for path in held.kist.backup_dir(id, destination=destination).iterdir()] == ["RESTORE.txt"]
        assert pending(held.kist, destination) == []
    notes = (held.kist.backup_dir(id) / "RESTORE.txt").read_text()
    assert f"  main.branch: the branch br-p-{id}-main.branch, called kist-p-{id}-main.branch, held by held" in notes
    assert "no independent copy" in notes and "\n    cp from the provider\n" in notes
    assert "sha256sum" not in notes
    entry = held.kist.history("run")[-1]
    assert entry["outcome"] == "ok" and entry["raw_size"] == 24 << 30 and entry["stored_size"] == 0
    assert held.calls("sweep") == []


def test_beside_what_is_stored(held):
    held.write(stored="globals.sql, more.sql", more="filters = gzip")
    id = held.kist.backup()
    manifest = held.kist.manifest(id)
    assert manifest["kist_manifest"] == 2
    one, two, three = manifest["items"]
    assert (one["name"], set(one)) == ("db.branch", {"name", "reference"})
    assert two["key"] == f"p/{id}/globals.sql.gz" and two["raw"]["size"] == len("globals.sql")
    assert [entry["plugin"] for entry in three["filters"]] == ["gzip"]
    notes = (held.kist.backup_dir(id) / "RESTORE.txt").read_text()
    assert notes.index("independent copy") < notes.index("sha256sum -c") < notes.index("globals.sql.gz")
    assert notes.split("END")[1].count(".sql.gz") == 2
    # The provider is asked first, and the next backup takes nothing over.
    second = held.kist.backup()
    assert second != id and len(held.branches()) == 2


def test_without_references_the_manifest_is_that_of_older_programs(held):
    held.write(can="plain", items="a.sql")
    id = held.kist.backup()
    text = held.kist.manifest_path(id).read_text()
    assert text.startswith('{\n  "kist_manifest": 1,\n') and "reference" not in text
    assert held.calls() == []


def test_a_degraded_run_keeps_it(held):
    held.write(destinations=BOTH, more="require = 1")
    (held.kist.folder / "far").rmdir()
    (held.kist.folder / "far").write_text("no directory")
    held.kist.run("run", "p", expect=3)
    assert len(held.branches()) == 1 and held.calls("sweep") == []
    id = held.kist.history("run")[-1]["id"]
    (held.kist.folder / "far").unlink()
    # What the other one lacks is copied: its manifest, and no bytes.
    held.kist.run("run", "p")
    assert held.kist.manifest_path(id, destination="far").exists()
    assert sorted(path.name for path in held.kist.backup_dir(id, destination="far").iterdir()) == ["RESTORE.txt"]
    assert len(held.branches()) == 2 and held.calls("sweep") == []


@pytest.mark.parametrize("fault", ["make", "half"])
def test_a_failed_run_discards_what_it_made(held, fault):
    first = held.kist.backup()
    held.write(fail=fault)
    result = held.kist.run("run", "p", expect=1)
    assert "the provider failed" in result.is_one_error()
    assert held.branches() == [held.branch(first).name]
    assert len(held.calls("sweep")) == 1
    assert pending(held.kist) == [] and held.kist.ids() == [first]


def test_a_run_that_fails_after_it_discards_it(held):
    """Its bytes cannot be stored, so that there is no manifest to name it."""
    held.write(stored="a.sql", destinations=("disk",))
    first = held.kist.backup()
    folder = held.kist.disk / "p"
    folder.rename(held.kist.folder / "saved")
    folder.write_text("in the way")
    held.kist.run("run", "p", expect=1)
    folder.unlink()
    (held.kist.folder / "saved").rename(folder)
    assert held.branches() == [held.branch(first).name]
    assert pending(held.kist) == [] and held.kist.ids() == [first]


def test_a_run_that_fails_while_a_destination_is_away(held):
    """Two are needed, and nobody knows what one of them has got: all stays for the next run."""
    options = {"destinations": BOTH, "more": "require = all"}
    held.write(**options)
    first = held.kist.backup()
    held.write(**options, delay="1s")
    running = held.kist.start("run", "p")
    wait_until(lambda: len(held.calls("make")) == 2)
    catalog = held.kist.folder / "far" / "_kist"
    catalog.rename(held.kist.folder / "saved")
    catalog.symlink_to(catalog)
    result = running.finish()
    assert result.code == 1, result
    (left,) = pending(held.kist)
    assert held.branches() == sorted(held.branch(id).name for id in (first, left)) and held.calls("sweep") == []
    assert "what the provider holds of the failed run stays (the next run tries again)" in result.err, result
    catalog.unlink()
    (held.kist.folder / "saved").rename(catalog)
    held.write(**options)
    second = held.kist.backup()
    assert held.branches() == sorted(held.branch(id).name for id in (first, second))
    assert pending(held.kist) == pending(held.kist, "far") == []


def test_killed_and_swept_by_the_next_run(held):
    held.write(destinations=BOTH)
    first = held.kist.backup()
    other = held.place / f"br-q-{first}-db.branch"
    other.write_text("name=x\npipeline=q\nbackup=x\nitem=x\nsize=1\nstate=ready\n")
    kill_while_made(held, destinations=BOTH)
    (left,) = pending(held.kist)
    assert pending(held.kist, "far") == [left] and held.branch(left).exists()
    held.write(destinations=BOTH)
    held.forget()
    second = held.kist.backup()
    assert held.calls("sweep") == [("sweep", f"p/{left}")]
    assert held.branches() == sorted([held.branch(first).name, held.branch(second).name, other.name])
    assert pending(held.kist) == pending(held.kist, "far") == []
    # And nothing is asked twice.
    held.kist.backup()
    assert len(held.calls("sweep")) == 1


def test_a_repair_sweeps_it_too(held):
    held.write(destinations=BOTH)
    first = held.kist.backup()
    kill_while_made(held, destinations=BOTH)
    held.write(destinations=BOTH)
    held.kist.run("run", "p", "--repair")
    assert held.branches() == [held.branch(first).name] and pending(held.kist) == []


def test_stopped_by_a_signal(held):
    result = kill_while_made(held, signal.SIGTERM)
    assert result.code == 128 + signal.SIGTERM and result.took < 10, result
    assert held.branches() == [] and pending(held.kist) == []
    assert not list(held.kist.disk.glob("_kist/p/*.json"))


def test_a_provider_that_is_away_when_it_is_to_be_swept(held):
    kill_while_made(held)
    (left,) = pending(held.kist)
    held.write(fail="sweep")
    result = held.kist.run("run", "p")
    (second,) = held.kist.ids()
    assert f"of the run {left}, which was cut off, stays (the next run tries again)" in result.err, result
    assert result.err.count(left) == 1
    assert pending(held.kist) == [left] and held.branches() == [held.branch(left).name, held.branch(second).name]
    held.write()
    result = held.kist.run("run", "p")
    third = held.kist.ids()[-1]
    assert pending(held.kist) == [] and not held.branch(left).exists(), result
    assert held.branches() == [held.branch(second).name, held.branch(third).name]


def test_a_failed_run_that_cannot_discard(held):
    """The whole provider is away: its own note stays, and another failed run takes no other note away."""
    kill_while_made(held)
    (left,) = pending(held.kist)
    held.write(fail="down")
    result = held.kist.run("run", "p", expect=1)
    assert "the provider does not answer" in result.errors[-1]
    assert "what the provider holds of the failed run stays (the next run tries again)" in result.err, result
    assert len(pending(held.kist)) == 2 and left in pending(held.kist)
    held.write()
    id = held.kist.backup()
    assert pending(held.kist) == [] and held.branches() == [held.branch(id).name]


def test_a_destination_that_is_away_may_have_the_backup(held):
    options = {"destinations": BOTH, "more": "require = 1"}
    kill_while_made(held, **options)
    (left,) = pending(held.kist)
    held.write(**options)
    away(held, "far")
    held.forget()
    result = held.kist.run("run", "p", expect=3)
    assert held.calls("sweep") == [] and held.branch(left).exists()
    assert "does not answer, and may have that backup" in result.err, result
    assert pending(held.kist) == [left]
    back(held, "far")
    held.kist.run("run", "p")
    assert held.calls("sweep") == [("sweep", f"p/{left}")] and not held.branch(left).exists()
    assert pending(held.kist) == pending(held.kist, "far") == []


class Moody:
    """The pipeline with a flaky destination, alone or beside `disk`."""

    def __init__(self, held):
        self.held, self.path = held, held.kist.folder / "moody"
        self.path.mkdir()

    def write(self, fault="", destinations=(), more="", **options):
        self.held.write(destinations=destinations, more=more, **options)
        ini = self.held.kist.conf / "kist.ini"
        names = ", ".join(["moody", *destinations])
        text = ini.read_text().replace("destinations = " + ", ".join(destinations), f"destinations = {names}")
        self.held.kist.write(f"{text}[destination moody]\nplugin = flaky\npath = {self.path}\nretries = 0\n{fault}\n")

    def kill_while_made(self, **options):
        self.write(fail="hang", **options)
        running = self.held.kist.start("run", "p")
        wait_until(lambda: any("state=" in (self.held.place / id).read_text() for id in self.held.branches()))
        running.signal(signal.SIGKILL)
        running.finish()

    def named(self, suffix):
        return sorted(path.name for path in self.path.iterdir() if path.name.endswith(suffix))


def test_a_manifest_that_was_written_after_all_keeps_it(held):
    """The store has it, and says that it failed: the backup exists there, and so must what it names."""
    moody = Moody(held)
    moody.write("only = .json\nlose_commit = 99", destinations=("disk",), more="require = all")
    result = held.kist.run("run", "p", expect=None)
    assert len(held.branches()) == len(moody.named(".json")) == 1, result


def test_a_note_that_cannot_be_read_stays(held):
    """What it says of the provider is not lost because it could be read a moment later."""
    moody = Moody(held)
    moody.kill_while_made()
    (left,) = held.branches()
    moody.write("only = .pending\nfail_get = 1")
    held.kist.run("run", "p")
    assert held.calls("sweep") == [] and left in held.branches() and len(moody.named(".pending")) == 1
    moody.write()
    held.kist.run("run", "p")
    assert len(held.calls("sweep")) == 1 and left not in held.branches() and moody.named(".pending") == []


def test_undoing_takes_no_other_note(held):
    """The provider cannot be swept, and then a destination has to be undone: only what this run wrote goes."""
    moody, both = Moody(held), {"destinations": ("disk",), "more": "require = 1"}
    moody.kill_while_made(**both)
    (left,) = held.branches()
    (note,) = moody.named(".pending")
    moody.write("only = .json\nfail_commit = 99", fail="sweep", **both)
    held.kist.run("run", "p", expect=3)
    assert moody.named(".pending") == [note] and moody.named(".json") == [] and left in held.branches()
    moody.write(**both)
    held.kist.run("run", "p")
    assert moody.named(".pending") == [] and left not in held.branches() and len(held.branches()) == 2


@pytest.mark.parametrize("suffix", ["json", "tombstone"])
def test_what_another_destination_has_is_no_leftover(held, suffix):
    """A note beside a manifest, or a tombstone, elsewhere: not this run's to discard."""
    held.write(destinations=BOTH)
    first = held.kist.backup()
    kill_while_made(held, destinations=BOTH)
    (left,) = pending(held.kist)
    far = held.kist.folder / "far" / "_kist" / "p"
    (far / f"{left}.pending").unlink()
    (far / f"{left}.{suffix}").write_bytes((far / f"{first}.json").read_bytes())
    held.write(destinations=BOTH)
    held.forget()
    held.kist.run("run", "p", expect=None)
    assert held.calls("sweep") == [] and held.branch(left).exists()
    assert pending(held.kist) == []


def test_a_destination_that_the_pipeline_lost(held):
    kill_while_made(held, destinations=BOTH)
    (left,) = pending(held.kist)
    held.write()
    held.forget()
    result = held.kist.run("run", "p")
    assert "its backup may be on a destination that the pipeline has no more" in result.err and left in result.err
    assert held.calls("sweep") == [] and held.branch(left).exists() and pending(held.kist) == []


def test_a_forged_note_discards_nothing(held):
    signed = f"sign_key = {KEY}"
    held.write(more=signed)
    first = held.kist.backup()
    kill_while_made(held, more=signed)
    (left,) = pending(held.kist)
    folder = held.kist.disk / "_kist" / "p"
    # The manifest is hidden, and a note put in its place that asks to discard what it names.
    note = (folder / f"{left}.pending").read_text()
    (folder / f"{left}.pending").unlink()
    held.branch(left).unlink()
    (folder / f"{first}.json").rename(held.kist.folder / "saved")
    (folder / f"{first}.pending").write_text(note.replace(left, first))
    held.write(more=signed)
    held.forget()
    result = held.kist.run("run", "p")
    assert held.calls("sweep") == [] and held.branch(first).exists()
    assert f"the note of the run {first}" in result.err, result


def test_another_mode_or_plugin_of_the_source(held):
    """What another mode of the source made is swept all the same; what another plugin made is told."""
    kill_while_made(held)
    held.write(can="plain", items="a.sql")
    held.kist.backup()
    assert held.branches() == [] and pending(held.kist) == []
    kill_while_made(held)
    (left,) = pending(held.kist)
    Lines(held.kist, held.plugins).write()
    result = held.kist.run("run", "p")
    assert "the pipeline has another source now" in result.err and left in result.err, result
    assert held.branch(left).exists() and pending(held.kist) == []


@pytest.mark.parametrize("items, why", [("../up", "'../up'"), ("a, a", "two items of the backup are called 'a'")])
def test_names_that_cannot_be(held, items, why):
    held.write(items=items)
    result = held.kist.run("run", "p", expect=None)
    assert result.code in (1, 2) and why in result.is_one_error(), result
    assert held.branches() == [] and pending(held.kist) == []


def test_its_size_is_judged(held):
    held.write(size="500", more="min_size = 1KiB")
    result = held.kist.run("run", "p", expect=3)
    assert "500 B, less than min_size" in result.out
