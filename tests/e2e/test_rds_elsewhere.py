"""A snapshot that is looked for where it does not lie is not taken for gone; and replies that make no sense are no success."""
import pytest
import rds_state
from rds_kist import KEEP_ONE, REGION

OTHER = "999999999999"


def test_other_account(account, monkeypatch):
    """Credentials of another account, which has an instance of the same name and none of the snapshots."""
    place = account.fake.region(REGION)
    name, kept = account.reference(account.first)["name"], dict(place.snapshots)
    place.snapshots.clear()
    monkeypatch.setattr(rds_state, "ACCOUNT", OTHER)
    result = account.kist.run("verify", "p", expect=None)
    assert result.code != 0 and OTHER in result.err + result.out and "gone" not in result.err, result
    account.write(KEEP_ONE)
    result = account.run(expect=3)
    assert name in result.err and OTHER in result.err, result
    monkeypatch.undo()
    place.snapshots.update(kept)
    account.kist.run("prune")
    assert name not in account.snapshots()


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
