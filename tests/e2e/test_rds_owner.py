"""Snapshots of RDS that are somebody else's, runs that are cut off, and secrets that show nowhere."""
import json
import signal
import time
from datetime import timedelta

import pytest
from processes import wait_until
from rds_kist import KEEP_ONE, REGION, Watch
from sampler import Sampler
from sigv4 import Key

FAR = "us-east-1"
CANARY = "c4nary/of+the/secret"
TOKEN = "t0kenCanary//of+session=="


# ---- somebody else's ----


@pytest.mark.parametrize("change", [{"kist:backup": "2020-01-01T00-00-00Z"}, {"kist:pipeline": "q"}, None])
def test_retagged(account, change):
    """A snapshot that does not carry our tags any more is not deleted, and the backup's end stays open."""
    name = account.reference(account.first)["name"]
    snapshot = account.fake.snapshots(REGION)[name]
    ours = dict(snapshot.tags)
    snapshot.tags = {**ours, **change} if change else {}
    account.write(KEEP_ONE)
    result = account.run(expect=3)
    assert name in result.err, result
    assert set(account.snapshots()) >= {name, "somebodys"} and account.fake.count("DeleteDBSnapshot") == 0
    account.kist.run("prune", expect=3)
    snapshot.tags = ours
    account.kist.run("prune")
    account.is_whole("somebodys")


def test_made_anew_by_somebody(account):
    """Of the same name, but not what the backup was."""
    name = account.reference(account.first)["name"]
    del account.fake.region(REGION).snapshots[name]
    account.fake.snapshot(REGION, name, account.shop, tags={"team": "shop"})
    assert account.kist.run("verify", "p", expect=None).code == 4
    account.write(KEEP_ONE)
    account.run(expect=3)
    assert name in account.snapshots()


def test_put_in_its_place(account):
    """Of the same name and with the same tags, but made at another time: whoever restores it gets other data."""
    name = account.reference(account.first)["name"]
    snapshots = account.fake.region(REGION).snapshots
    snapshots[name].time += timedelta(hours=3)
    result = account.kist.run("verify", "p", expect=4)
    assert "another time" in result.out + result.err, result
    assert account.kist.run("restore", "p", "--to", "again", expect=None).code != 0
    assert account.databases() == ["shop"]
    account.write(KEEP_ONE)
    assert "another time" in account.run(expect=3).err
    assert name in account.snapshots() and account.fake.count("DeleteDBSnapshot") == 0


@pytest.mark.parametrize("status", ["copying", "creating", "failed"])
def test_not_whole(account, status):
    account.fake.snapshots(REGION)[account.reference(account.first)["name"]].status = status
    assert status in account.kist.run("verify", "p", expect=4).err


def test_already_deleted_by_somebody(account):
    account.fake.region(REGION).snapshots.clear()
    account.write(KEEP_ONE)
    account.backup()
    account.is_whole()


def test_a_discard_that_fails(account):
    account.write(KEEP_ONE)
    account.fake.on("DeleteDBSnapshot", error=(403, "AccessDenied", "not authorized"), times=None)
    account.run(expect=3)
    assert len(account.snapshots()) == 3
    account.fake.clear()
    account.kist.run("prune")
    account.is_whole("somebodys")


def test_the_section_says_something_else_now(account):
    """What an older configuration made is let go where it is."""
    account.write(copy_to=FAR)
    account.backup()
    account.fake.instance(REGION, "other")
    account.write(KEEP_ONE, instance="other")
    id = account.backup()
    assert account.ids() == [id] and account.snapshots(FAR) == {}
    account.is_whole("somebodys")


def test_it_is_on_its_way(account):
    """Deleting takes a while; it is not waited for, and not asked for twice."""
    account.fake.deleting_looks = 1000
    account.write(KEEP_ONE)
    id = account.backup()
    name = account.reference(id)["name"]
    account.kist.run("prune")
    assert sorted(account.snapshots().values()) == ["available", "available", "deleting"] and account.ids() == [id]
    assert account.fake.count("DeleteDBSnapshot") == 1 and account.snapshots()[name] == "available"


def test_nobody_may_look(account):
    """What cannot be asked about is not called damaged, and nothing is let go."""
    account.fake.on("DescribeDBSnapshots", error=(403, "AccessDenied", "not authorized"), times=None)
    result = account.kist.run("verify", "p", expect=None)
    assert result.code in (1, 2, 3) and "not authorized" in result.err, result
    assert account.kist.backups()[0]["state"] == "ok"
    account.fake.clear()
    account.kist.run("verify", "p")


def test_nobody_answers(account):
    account.backup()
    account.write(KEEP_ONE, endpoint="http://127.0.0.1:1", wait="2s")
    watch = Watch(account)
    assert "127.0.0.1:1" in account.run(expect=1).is_one_error()
    watch.no_new_backup()


# ---- signals ----


def test_killed_between_snapshot_and_manifest(account):
    """The next run removes what the killed one left."""
    account.fake.on("DescribeDBSnapshots", nth=2, times=None, stall=True)
    account.fake.on("DescribeDBSnapshots", times=None, stall=True)
    running = account.kist.start("run", "p")
    assert wait_until(lambda: len(account.snapshots()) == 3, 20), running.finish(1)
    running.signal(signal.SIGKILL)
    running.finish()
    (left,) = set(account.snapshots()) - {"somebodys", account.reference(account.first)["name"]}
    account.fake.clear()
    account.fake.snapshots(REGION)[left].finish()
    account.backup()
    assert left not in account.snapshots()
    account.is_whole("somebodys")


@pytest.mark.parametrize("what", ["CopyDBSnapshot", "StartExportTask"])
def test_killed_behind_the_snapshot(account, what):
    """Copies in other regions go, too, and exports that run are ended."""
    role = next(iter(account.fake.roles))
    export = {"export_to": "s3://exports/of/kist", "export_role": role, "export_key": "alias/k"}
    account.write(**{"copy_to": FAR} if what == "CopyDBSnapshot" else export)
    account.fake.on(what, becomes="stuck")
    running = account.kist.start("run", "p")
    assert wait_until(lambda: account.fake.count(what) == 1, 20), running.finish(1)
    running.signal(signal.SIGKILL)
    running.finish()
    for copy in account.fake.snapshots(FAR).values():
        copy.stuck = False
        copy.finish()
    account.fake.clear()
    account.backup()
    account.is_whole("somebodys", regions=[REGION, FAR])
    states = [task.status for task in account.fake.region(REGION).exports.values()]
    assert states == ([] if what == "CopyDBSnapshot" else ["CANCELING", "COMPLETE"]), states


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop(account, number):
    """What was begun is deleted as soon as it can be, which is a moment after the signal here."""
    account.fake.looks = 10**6
    account.fake.on("DeleteDBSnapshot", nth=2, first=lambda call: finish_all(account))
    watch = Watch(account)
    running = account.kist.start("run", "p")
    assert wait_until(lambda: account.fake.count("DescribeDBSnapshots") > 3, 20), running.finish(1)
    running.signal(number)
    result = running.finish(40)
    assert result.code == 128 + number, result
    account.fake.looks = 1
    watch.after_failure("somebodys")


def test_asked_to_stop_while_it_exports(account):
    role = next(iter(account.fake.roles))
    account.write(export_to="s3://exports/of/kist", export_role=role, export_key="alias/k")
    account.fake.on("StartExportTask", becomes="stuck")
    watch = Watch(account)
    running = account.kist.start("run", "p")
    assert wait_until(lambda: account.fake.count("DescribeExportTasks") > 1, 20), running.finish(1)
    running.signal(signal.SIGTERM)
    result = running.finish(20)
    assert result.code == 143 and account.fake.count("CancelExportTask") == 1, result
    watch.no_new_backup()


@pytest.mark.parametrize("action", ["CreateDBSnapshot", "DescribeDBInstances"])
def test_asked_to_stop_while_nobody_answers(account, action):
    account.fake.on(action, stall=True)
    watch = Watch(account)
    running = account.kist.start("run", "p")
    assert wait_until(lambda: account.fake.count(action) == 1, 20), running.finish(1)
    running.signal(signal.SIGTERM)
    result = running.finish(10)
    assert result.code == 143 and result.took < 10, result
    watch.after_failure("somebodys")


def finish_all(account):
    for snapshot in account.fake.snapshots(REGION).values():
        snapshot.finish()


def test_asked_to_stop_while_it_restores(account):
    """What was begun at the provider goes on there, and nothing is deleted."""
    account.fake.looks = 10**6
    running = account.kist.start("restore", "p", "--to", "shop-copy")
    assert wait_until(lambda: len(account.databases()) == 2, 20), running.finish(1)
    running.signal(signal.SIGTERM)
    result = running.finish(40)
    assert result.code == 143 and "shop-copy" in result.err, result
    assert account.databases() == ["shop", "shop-copy"]


# ---- secrets ----


def test_secrets_show_nowhere(account):
    key, secret, token = "ASIACANARY000000", CANARY, TOKEN
    account.fake.keys[key] = Key(secret, token, time.time() + 3600)
    account.write(
        f"{KEEP_ONE}\nnotify = ops",
        sections=f"[notifier ops]\nplugin = logfile\npath = {account.kist.folder}/notes\n[kist]\nplugin_dirs = "
        f"{account.kist.program.parent.parent / 'templates'}\n",
        access_key=key,
        secret_key="${SECRET}",
        session_token="${TOKEN}",
        copy_to=FAR,
    )
    traces = [secret.encode(), token.encode(), b"c4nary", b"t0kenCanary"]
    env = {"SECRET": secret, "TOKEN": token}

    def watched(*words, expect=0):
        running = account.kist.start("-v", *words, env=env)
        sampler = Sampler(account.kist, running.pid, traces)
        result = running.finish()
        sampler.stop()
        assert sampler.found == [] and (expect is None or result.code == expect), result
        assert not any(trace in (result.out + result.err).encode() for trace in traces), result

    watched("run", "p")
    for words in (["list", "--json"], ["show", "p"], ["config", "show"], ["verify", "p"], ["prune"], ["doctor", "p"]):
        watched(*words, expect=None)
    watched("restore", "p", "--to", "shop-copy")
    account.fake.on(None, error=(400, "InvalidParameterValue", f"{secret} and {token}"), times=None)
    watched("run", "p", expect=None)
    files = [path for path in account.kist.folder.rglob("*") if path.is_file()]
    assert {"history.jsonl", "notes"} <= {path.name for path in files}
    for path in files:
        assert not any(trace in path.read_bytes() for trace in traces), path
    tags = json.dumps([each.tags for each in account.fake.snapshots(REGION).values()])
    assert "c4nary" not in tags
