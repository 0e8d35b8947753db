"""A snapshot that is looked for where it does not lie is not taken for gone; and replies that make no sense are no success."""
import json
import time

import pytest
import rds_state
from rds_fake import BOMB, RdsFake
from rds_kist import KEEP_ONE, REGION, failed

OTHER = "999999999999"


@pytest.mark.parametrize("has", ["shop", "others"])
def test_other_account(account, monkeypatch, has):
    """Credentials of another account, which has an instance, maybe of the same name, and none of the snapshots."""
    place = account.fake.region(REGION)
    account.backup()
    name, kept = account.reference(account.first)["name"], dict(place.snapshots)
    place.snapshots.clear()
    monkeypatch.setattr(rds_state, "ACCOUNT", OTHER)
    if has == "others":
        place.instances.clear()
        account.fake.instance(REGION, has)
    result = account.kist.run("verify", "p", expect=None)
    assert result.code != 0 and OTHER in result.err + result.out and "gone" not in result.err, result
    account.write(KEEP_ONE)
    result = account.kist.run("prune", expect=3)
    assert name in result.err and OTHER in result.err, result
    monkeypatch.undo()
    place.snapshots.update(kept)
    account.kist.run("prune")
    assert name not in account.snapshots()


def stays_open(account, name, result):
    """What could not be asked for is neither taken for gone nor forgotten."""
    assert result.code not in (0, 4) and name in account.snapshots(), result
    account.fake.clear()
    account.write(KEEP_ONE)
    account.kist.run("prune")
    assert account.snapshots().keys() == {"somebodys", account.reference(account.ids()[0])["name"]}


PAGES = {
    "a proxy's page": (404, {"Content-Type": "text/html"}, b"<html><body>Not Found</body></html>"),
    "no such action": (404, {}, b"<ErrorResponse><Error><Code>InvalidAction</Code></Error></ErrorResponse>"),
    "another is missing": (404, {}, b"<ErrorResponse><Error><Code>DBInstanceNotFound</Code></Error></ErrorResponse>"),
}


@pytest.mark.parametrize("what", PAGES)
def test_not_found_by_somebody_else(account, what):
    """Only RDS itself knows whether a snapshot is there."""
    account.backup()
    name = account.reference(account.first)["name"]
    account.write(KEEP_ONE)
    account.fake.on("DescribeDBSnapshots", raw=PAGES[what], times=None)
    result = account.kist.run("verify", "p", "--all", expect=None)
    assert result.code not in (0, 4) and "gone" not in result.err, result
    stays_open(account, name, account.kist.run("prune", expect=None))


KEYS = """#!/usr/bin/python3
import json, os, sys, time
os.mkdir(sys.argv[1])
until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
print(json.dumps({{"Version": 1, "AccessKeyId": "{}", "SecretAccessKey": "{}", "Expiration": until}}))
"""


def test_keys_that_end_behind_a_snapshot_that_is_gone(account, tmp_path):
    """That the one before is gone says nothing of the next, for which there is no signature any more."""
    account.backup()
    account.backup()
    gone, name = (account.reference(id)["name"] for id in account.ids()[:2])
    del account.fake.region(REGION).snapshots[gone]
    program, profile = tmp_path / "keys", tmp_path / "config"
    program.write_text(KEYS.format(account.fake.access_key, account.fake.secret_key))
    program.chmod(0o700)
    profile.write_text(f"[profile short]\ncredential_process = {program} {tmp_path}/once\n")
    profile.chmod(0o600)
    account.write(KEEP_ONE, access_key=None, secret_key=None, profile="short")
    account.fake.on("DescribeDBSnapshots", then=lambda call: time.sleep(2))
    env = {"AWS_CONFIG_FILE": str(profile), "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}
    stays_open(account, name, account.kist.run("prune", env=env, expect=None))


def test_instance_became_cluster(account):
    """What was made of the instance is no snapshot of the cluster that the section names now."""
    account.fake.cluster(REGION, "shop")
    name = account.reference(account.first)["name"]
    account.write(KEEP_ONE, instance=None, cluster="shop")
    result = account.kist.run("restore", f"p/{account.first}", "--to", "again", expect=None)
    assert result.code in (1, 2) and "cluster" in result.err and "again" not in account.databases(), result
    result = account.run(expect=3)
    assert name in result.err and "cluster" in result.err, result
    assert name in account.snapshots() and account.fake.count("DeleteDBSnapshot") == 0


def reply(body, action="DescribeDBSnapshots"):
    text = f'<{action}Response xmlns="http://rds.amazonaws.com/doc/2014-10-31/">{body}</{action}Response>'
    return (200, {"Content-Type": "text/xml"}, text.encode())


BODIES = {
    "nothing": "<DescribeDBSnapshotsResult/>",
    "no state": "<DescribeDBSnapshotsResult><DBSnapshots><DBSnapshot><DBSnapshotIdentifier>{}</DBSnapshotIdentifier>"
    "</DBSnapshot></DBSnapshots></DescribeDBSnapshotsResult>",
    "another": "<DescribeDBSnapshotsResult><DBSnapshots><DBSnapshot><DBSnapshotIdentifier>x</DBSnapshotIdentifier>"
    "<Status>available</Status></DBSnapshot></DBSnapshots></DescribeDBSnapshotsResult>",
    "no tags": "<DescribeDBSnapshotsResult><DBSnapshots><DBSnapshot><DBSnapshotIdentifier>{}</DBSnapshotIdentifier>"
    "<Status>available</Status><SnapshotType>manual</SnapshotType></DBSnapshot></DBSnapshots></DescribeDBSnapshotsResult>",
}


@pytest.mark.parametrize("what", BODIES)
def test_senseless_replies(account, what):
    """A state that is not told, or of something else, is never taken for `available`, nor anything deleted for it."""
    name = account.reference(account.first)["name"]
    before = account.snapshots()
    account.fake.on("DescribeDBSnapshots", raw=reply(BODIES[what].format(name)), times=None)
    assert account.kist.run("verify", "p", expect=None).code in (1, 3, 4)
    account.write(KEEP_ONE, wait="1s")
    assert account.run(expect=None).code == 1
    assert account.snapshots().items() >= before.items() and account.fake.count("DeleteDBSnapshot") == 0
    assert account.ids() == [account.first]


NOISE = {
    "empty": b"",
    "a page": b"<html><body>Log in</body></html>",
    "cut off": b"<CreateDBSnapshotResponse><CreateDBSnapshotResult><DBSnapsh",
    "another": b"<DescribeDBSnapshotsResponse><DescribeDBSnapshotsResult/></DescribeDBSnapshotsResponse>",
    "bomb": BOMB.encode(),
    "external": b"<!DOCTYPE r [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><r>&a;</r>",
    "bytes": bytes(range(256)) * 64,
    "too much": b"<r>" + b"<a/>" * 3_000_000,
}


@pytest.mark.parametrize("what", NOISE)
def test_nonsense(account, what):
    """Of such an answer nothing is believed; the snapshot that was perhaps made is not left behind."""
    account.write(wait="3s")
    account.fake.on(None, raw=(200, {"Content-Type": "text/xml"}, NOISE[what]), times=None)
    watch_ids, before = account.ids(), account.snapshots()
    result = failed(account)
    assert result.took < 15 and "root:" not in result.out + result.err, result
    account.fake.clear()
    assert account.ids() == watch_ids and account.snapshots() == before
    account.backup()


def test_nonsense_after_it_was_made(account):
    account.fake.on("CreateDBSnapshot", lost=True)
    account.fake.on("DescribeDBSnapshots", raw=(200, {}, BOMB), nth=2, times=3)
    result = account.run(expect=None)
    assert result.code in (0, 1), result
    account.fake.clear()
    account.backup()
    account.is_whole("somebodys")


def test_nonsense_while_it_waits(account):
    """One answer that makes no sense does not cost what took hours."""
    account.fake.looks = 3
    account.fake.on("DescribeDBSnapshots", raw=(200, {}, b"<html>busy</html>"), nth=2)
    account.backup()
    account.is_whole("somebodys")


def test_another_address(account):
    """What is signed is not sent to where somebody points."""
    with RdsFake() as other:
        account.fake.on(None, raw=(307, {"Location": other.url}, b""), times=None)
        assert "redirect" in failed(account, expect=None).err
        assert other.requests == [] and other.refused == []
    account.fake.clear()
    account.backup()


WORDS = {
    "two lines": "first\nkist: error: second",
    "cut letter": "\u00e9" * 400,
    "long": "x" * 5000,
    "format": "%s%n\u202e",
}


@pytest.mark.parametrize("what", WORDS)
def test_words_of_somebody_else(account, what):
    """Whatever a refusal says, it is one line of the log, and whole letters."""
    text = WORDS[what]
    account.fake.on("CreateDBSnapshot", error=(400, "InvalidParameterValue", text), times=None)
    result = failed(account)
    assert "InvalidParameterValue" in result.errors[0] and len(result.errors[0]) < 2000, result
    history = next(account.kist.folder.rglob("history.jsonl")).read_bytes().decode("utf-8")
    assert all(json.loads(line) for line in history.splitlines())
