"""Backups that Neon holds, from their making to their end: each step is looked for in what the project then holds."""
import json
import signal
import time

import pytest
from neon_fake import NeonFake
from neon_kist import Neon
from neon_things import stamp
from processes import wait_until

KEEP = ("keep = 1 last", "min_keep = 1", "max_delete = 100%")


@pytest.fixture
def neon(plain_kist):
    with NeonFake() as fake:
        neon = Neon(plain_kist, fake)
        neon.write()
        yield neon
        neon.stop()


@pytest.fixture(params=["branch", "snapshot"])
def mode(request):
    return request.param


def name_of(id):
    return f"kist-p-{id}"


def held(neon):
    """Names of all that is held for backups."""
    return sorted(name for name in neon.model.names() + neon.model.snapshot_names() if name.startswith("kist-"))


def test_a_backup(neon, mode):
    kist = neon.kist
    neon.write(mode=mode)
    ran = kist.run("run", "p")
    (id,) = kist.ids()
    assert held(neon) == [name_of(id)] and "28.6 MiB held" in ran.out
    reference = neon.reference(id)
    assert (reference["provider"], reference["kind"], reference["state"]) == ("neon", mode, "ready")
    assert (reference["name"], reference["account"]) == (name_of(id), neon.fake.project)
    there = neon.model.branches | neon.model.snapshots
    assert there[reference["id"]].name == name_of(id)
    assert kist.manifest(id)["kist_manifest"] == 2 and "key" not in kist.manifest(id)["items"][0]
    assert reference["id"] in (kist.backup_dir(id) / "RESTORE.txt").read_text()
    listed = kist.run("list")
    assert "disk, held by neon" in listed.out and kist.backups()[0]["held_by"] == ["neon"]
    assert reference["id"] in kist.run("show", "p").out
    assert " ok " in kist.run("status").out
    neon.fake.clear()
    for level in ("size", "hash", "decode"):
        kist.run("verify", "p", "--level", level)
    assert neon.fake.count() > 0 == neon.fake.count("POST")


def test_a_branch_costs_no_compute(neon):
    neon.kist.backup()
    (post,) = neon.fake.seen("POST")
    assert json.loads(post.body)["endpoints"] == []
    assert all(each.endpoint is None for each in neon.model.branches.values() if each is not neon.model.main)


def test_expires_and_protect(neon):
    kist = neon.kist
    neon.write(expires="3d")
    id = kist.backup()
    assert abs(neon.model.named(name_of(id)).expires - time.time() - 3 * 86400) < 120
    assert neon.reference(id)["until"].startswith(stamp(time.time() + 3 * 86400)[:10])
    neon.write(*KEEP, protect="yes")
    second = kist.backup()
    assert neon.model.named(name_of(second)).protected
    third = kist.backup()
    kist.run("prune", "p")
    assert held(neon) == [name_of(third)]
    neon.write(expires="3d", protect="yes")
    assert "protect" in kist.run("config", "check", expect=None).err + kist.run("run", "p", expect=2).err


def test_the_branch_is_chosen(neon):
    other = neon.model.make("staging")
    for branch in ("staging", other.id):
        neon.write(branch=branch)
        id = neon.kist.backup()
        assert neon.model.named(name_of(id)).parent == other.id
        assert list(neon.references(id)) == ["staging.branch"]
    neon.write(branch="stagin")
    assert "stagin" in neon.kist.run("run", "p", expect=None).is_one_error()


def test_retention(neon, mode):
    """The old one goes, from the disk and from Neon; what is held back stays; what others made stays."""
    kist = neon.kist
    neon.model.make("kist-p-2026-01-01T00-00-00Z-mine")
    neon.model.make_snapshot("kist-p-by-hand")
    others = held(neon)
    neon.write(mode=mode)
    first = kist.backup()
    kist.run("hold", f"p/{first}")
    second = kist.backup()
    neon.write(*KEEP, mode=mode)
    third = kist.backup()
    neon.fake.clear()
    kist.run("prune", "p", "--dry-run")
    assert neon.fake.count("DELETE") == 0
    kist.run("prune", "p")
    assert held(neon) == sorted([*others, name_of(first), name_of(third)]) and kist.ids() == [first, third]
    kist.run("release", f"p/{first}")
    kist.run("prune", "p")
    assert held(neon) == sorted([*others, name_of(third)]) and kist.ids() == [third]
    assert second not in kist.ids() and not list((kist.disk / "_kist" / "p").glob("*.tombstone"))


def test_two_destinations(neon):
    """It goes when the last of them has let go of the backup."""
    kist = neon.kist
    neon.write(destinations=("disk", "disk2"))
    first = kist.backup()
    neon.write(*KEEP, destinations=("disk", "disk2"))
    kist.run("run", "p")
    assert kist.ids() != [first] and name_of(first) not in held(neon) and len(held(neon)) == 1


def test_a_new_branch(neon, mode):
    kist = neon.kist
    neon.write(mode=mode)
    id = kist.backup()
    result = kist.run("restore", "p", "--to-branch", "again")
    branch = neon.model.named("again")
    if mode == "branch":
        assert branch.parent == neon.reference(id)["id"]
    else:
        assert branch.restored_from == neon.reference(id)["id"]
    assert f"{branch.endpoint}.eu-central-1.aws.neon.tech" in result.out and "-pooler" not in result.out
    assert neon.fake.password not in result.out + result.err and "postgresql://" not in result.out + result.err
    refused = kist.run("restore", "p", "--to-branch", "again", expect=7)
    assert "'again'" in refused.is_one_error()
    assert [line["event"] for line in kist.history("restore")] == ["restore"] * 2


def test_a_moment(neon, mode):
    """Neither needs a backup."""
    kist = neon.kist
    neon.write(mode=mode)
    at = stamp(time.time() - 3600)
    kist.run("restore", "p", "--at", at, "--to-branch", "past")
    branch = neon.model.named("past")
    assert stamp(branch.time) == at and branch.parent == neon.model.main.id and branch.endpoint
    kist.run("restore", "p", "--latest", "--to-branch", "now")
    assert abs(neon.model.named("now").time - time.time()) < 60


@pytest.mark.parametrize("days", [30, 8])
def test_a_moment_outside_of_the_history(neon, days):
    neon.fake.clear()
    at = stamp(time.time() - days * 86400)
    result = neon.kist.run("restore", "p", "--at", at, "--to-branch", "past", expect=7)
    assert stamp(time.time() - 7 * 86400)[:13] in result.is_one_error()
    assert neon.fake.count("POST") == 0 and neon.model.names() == ["main"]


def test_in_place(neon, mode):
    """What was there stays under another name, and so no safety backup is made."""
    kist = neon.kist
    neon.write(mode=mode)
    kist.backup()
    endpoint = neon.model.main.endpoint
    kist.run("restore", "p", "--in-place", expect=7)
    assert neon.model.default() is neon.model.main
    result = kist.run("restore", "p", "--in-place", "--confirm", "main")
    (before,) = [name for name in neon.model.names() if name.startswith("main_before_")]
    assert before in result.out and neon.model.default().name == "main" and len(kist.ids()) == 1
    assert neon.model.default().endpoint == endpoint and endpoint in result.out
    neon.write(mode="branch")
    kist.run("run", "p")


def test_in_place_from_the_history(neon):
    at = stamp(time.time() - 3600)
    neon.kist.run("restore", "p", "--at", at, "--in-place", "--confirm", "main")
    (post,) = neon.fake.seen("POST", "/restore$")
    fields = json.loads(post.body)
    assert fields["source_branch_id"] == neon.model.main.id and fields["source_timestamp"] == at
    assert fields["preserve_under_name"] in neon.model.names()


def test_a_restored_branch_keeps_its_backup(neon):
    """Neon deletes nothing that another branch was made from: that is told, and tried again."""
    kist = neon.kist
    neon.write(*KEEP)
    first = kist.backup()
    kist.run("restore", "p", "--to-branch", "again")
    kist.run("run", "p", expect=None)
    result = kist.run("prune", "p", expect=3)
    assert "'again'" in result.err and name_of(first) in held(neon)
    neon.model.forget(neon.model.named("again"))
    kist.run("prune", "p")
    assert name_of(first) not in held(neon) and len(held(neon)) == 1


@pytest.fixture
def stuck(neon, mode):
    """A run that waits for what it makes."""
    neon.write(mode=mode)
    neon.model.strict = False
    neon.model.ends["create_branch" if mode == "branch" else "create_timeline"] = "never"
    running = neon.kist.start("run", "p")
    assert wait_until(lambda: neon.fake.count("GET", "/operations/") > 3) and len(held(neon)) == 1
    return running


def test_stopped(neon, stuck):
    stuck.signal(signal.SIGTERM)
    assert stuck.finish(35).code == 128 + signal.SIGTERM
    assert held(neon) == [] and neon.kist.ids() == []


def test_killed(neon, stuck):
    """What it leaves goes with the next run."""
    stuck.signal(signal.SIGKILL)
    stuck.finish()
    id = neon.kist.backup()
    assert held(neon) == [name_of(id)]


def test_doctor(neon):
    result = neon.kist.run("doctor", "p", expect=None)
    assert "held by neon alone" in result.err and neon.fake.count("POST") == 0
    neon.write(project="no-such-project")
    result = neon.kist.run("doctor", "p", expect=None)
    assert result.code not in (0, 99) and "no-such-project" in result.err
