"""What RDS holds is restored as a new instance or cluster, of a snapshot or of a moment; nothing is ever replaced."""
import re
from datetime import datetime, timedelta, timezone

import pytest
from rds_client import LIBRARY, Rds
from rds_kist import KEEP_ONE, REGION, Account

FAR = "us-east-1"
official = pytest.mark.skipif(not LIBRARY.is_dir(), reason="awscli is not there")


@pytest.fixture
def account(plain_kist, rds):
    yield Account(plain_kist, rds)
    assert rds.refused == []


@pytest.fixture(params=["instance", "cluster"])
def either(request, plain_kist, rds):
    yield Account(plain_kist, rds, cluster=request.param == "cluster")
    assert rds.refused == []


def moment(**ago):
    return (datetime.now(timezone.utc) - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def restored(result, name):
    """What it prints names the new host, and no password."""
    assert f"'{name}'" in result.out and re.search(rf"{name}\.[a-z0-9.-]+\.{REGION}\.rds\.amazonaws\.com", result.out)
    assert not re.search(r"://[^/\s]*:[^@\s]*@|password", result.out.replace("PGPASSWORD", "")), result


@official
def test_restore_to_a_new_one(either):
    account, fake = either, either.fake
    id, fake.looks = account.backup(), 3
    snapshot = fake.snapshots(REGION, account.is_cluster)[account.reference(id)["name"]]
    account.write(instance_class="db.r6g.large", subnet_group="private", security_groups="sg-1, sg-2")
    before = account.databases()
    result = account.kist.run("restore", "p", "--to", "shop-copy")
    restored(result, "shop-copy")
    place = fake.region(REGION)
    new = (place.clusters if account.is_cluster else place.instances)["shop-copy"]
    assert new.made_from is snapshot and new.status == "available"
    assert new.subnet_group == "private" and new.groups == ["sg-1", "sg-2"]
    members = sorted(set(account.databases()) - {*before, "shop-copy"})
    assert len(members) == account.is_cluster
    sized = [place.instances[members[0]]] if members else [new]
    assert [(each.size_class, each.status) for each in sized] == [("db.r6g.large", "available")]
    word, shown = ("clusters", "DBClusters") if account.is_cluster else ("instances", "DBInstances")
    assert len(Rds(fake).ask(f"describe-db-{word}")[shown]) == 2
    assert len(account.snapshots()) == 1


@pytest.mark.parametrize("words", [[], ["--latest"]])
def test_a_cluster_that_is_not_of_aurora(plain_kist, rds, words):
    """It brings its instances with it, of a class that has to be named."""
    account = Account(plain_kist, rds, cluster=True)
    account.shop.engine = "postgres"
    id = account.backup()
    account.kist.run("restore", "p", "--to", "shop-copy", *words)
    (made,) = [dict(call.pairs) for call in rds.calls() if call.action.startswith("Restore")]
    assert made["DBClusterInstanceClass"] == "db.t3.medium" and made["PubliclyAccessible"] == "false"
    assert rds.count("CreateDBInstance") == 0
    assert "create-db-instance" not in account.reference(id)["stock_restore"]


def test_restore_beside(either):
    account = either
    account.backup()
    before = account.databases()
    result = account.kist.run("restore", "p")
    fresh = sorted(set(account.databases()) - set(before))
    assert fresh[0].startswith("shop-restore-"), fresh
    restored(result, fresh[0])


def test_nothing_is_replaced(either):
    account = either
    account.backup()
    before, calls = account.databases(), account.fake.count()
    for words in (["--to", "shop"], ["--to", "shop", "--at", moment(hours=2)]):
        result = account.kist.run("restore", "p", *words, expect=7)
        assert "'shop'" in result.err, result
    for words in (["--in-place", "--confirm", "shop"], ["--in-place"]):
        assert account.kist.run("restore", "p", *words, expect=None).code in (2, 7)
    assert account.databases() == before
    made = [call.action for call in account.fake.calls()[calls:] if not call.action.startswith("Describe")]
    assert not [action for action in made if action != "ListTagsForResource"]


def test_dry_run(account):
    account.backup()
    account.fake.clear()
    result = account.kist.run("restore", "p", "--to", "shop-copy", "--dry-run")
    assert "shop-copy" in result.out and account.databases() == ["shop"]
    account.kist.run("run", "p", "--dry-run")
    assert len(account.snapshots()) == 1
    assert {call.action[:8] for call in account.fake.calls()} <= {"Describe", "ListTags"}


@pytest.mark.parametrize("when", ["at", "latest"])
def test_point_in_time(either, when):
    account, place = either, either.fake.region(REGION)
    asked = moment(hours=3)
    words = ["--at", asked] if when == "at" else ["--latest"]
    account.fake.looks = 2
    result = account.kist.run("restore", "p", "--to", "shop-then", *words)
    restored(result, "shop-then")
    new = (place.clusters if account.is_cluster else place.instances)["shop-then"]
    assert new.made_from == (account.shop, asked if when == "at" else "latest") and new.status == "available"
    assert account.snapshots() == {}


@pytest.mark.parametrize("ago", [{"days": 9}, {"seconds": 20}, {"hours": -2}])
def test_outside_the_history(either, ago):
    account = either
    before = account.databases()
    result = account.kist.run("restore", "p", "--to", "shop-then", "--at", moment(**ago), expect=7)
    for bound in (account.shop.earliest, account.shop.latest):
        assert bound.strftime("%Y-%m-%dT%H:") in result.err or bound.strftime("%Y-%m-%d %H:") in result.err, result
    assert account.databases() == before


def test_without_a_history(account):
    account.shop.retention = 0
    result = account.kist.run("restore", "p", "--to", "shop-then", "--latest", expect=7)
    assert "retention" in result.err or "backup" in result.err, result
    assert account.databases() == ["shop"]


def test_restore_from_a_copy(account):
    """When the region's own snapshot is gone, and for whoever asks for it."""
    account.write(copy_to=FAR)
    account.backup()
    account.fake.region(FAR)
    result = account.kist.run("restore", "p", "--to", "shop-far", "--include", f"shop.{FAR}.snapshot")
    assert list(account.fake.region(FAR).instances) == ["shop-far"] and FAR in result.out


# ---- a bad day ----


def restores(account, moment=False):
    """The action that makes what is restored."""
    what = "Cluster" if account.is_cluster else "Instance"
    snapshot = "FromSnapshot" if account.is_cluster else "FromDBSnapshot"
    return f"RestoreDB{what}{'ToPointInTime' if moment else snapshot}"


def one_new(account):
    """What came to be besides what was there: shop-copy, once."""
    assert [name for name in account.databases() if not name.startswith("shop-copy-")] == (
        ["shop", "shop-1", "shop-copy"] if account.is_cluster else ["shop", "shop-copy"]
    )
    assert len(account.databases()) == (4 if account.is_cluster else 2)
    assert not account.fake.count("DeleteDBInstance")


BROKEN = {
    "lost reply": {"lost": True},
    "lost request": {"cut": True},
    "503 though it was done": {"error": (503, "ServiceUnavailable", "later"), "acted": True},
    "throttled": {"error": (400, "Throttling", "Rate exceeded")},
}


@pytest.mark.parametrize("what", BROKEN)
def test_one_and_no_second(either, what):
    account = either
    account.backup()
    account.fake.on(restores(account), **BROKEN[what])
    account.kist.run("restore", "p", "--to", "shop-copy")
    one_new(account)


def test_one_moment_and_no_second(either):
    account = either
    account.fake.on(restores(account, moment=True), lost=True)
    account.kist.run("restore", "p", "--to", "shop-copy", "--latest")
    one_new(account)


def test_lost_reply_of_the_member(plain_kist, rds):
    account = Account(plain_kist, rds, cluster=True)
    account.backup()
    rds.on("CreateDBInstance", lost=True)
    account.kist.run("restore", "p", "--to", "shop-copy")
    one_new(account)


@pytest.mark.parametrize("end", ["failed", "incompatible-restore", "stuck", "vanished"])
def test_it_does_not_become_available(either, end):
    """It stays there for a person to look at."""
    account = either
    account.backup()
    account.write(wait="1s")
    account.fake.on(restores(account), becomes=end)
    result = account.kist.run("restore", "p", "--to", "shop-copy", expect=1)
    assert "'shop-copy'" in result.is_one_error() and result.took < 10, result
    assert ("shop-copy" in account.databases()) == (end != "vanished")
    assert len(account.snapshots()) == 1


def test_somebody_takes_the_name(account):
    """Between the look and the restore."""
    account.backup()
    account.fake.on(restores(account), first=lambda call: account.fake.instance(REGION, "shop-copy"))
    result = account.kist.run("restore", "p", "--to", "shop-copy", expect=None)
    assert result.code in (1, 7) and "shop-copy" in result.is_one_error(), result
    assert account.fake.region(REGION).instances["shop-copy"].made_from is None


@pytest.mark.parametrize("option", [{"subnet_group": "nowhere"}, {"security_groups": "sg-nobodys"}])
def test_a_place_that_is_not_there(account, option):
    account.backup()
    account.write(**option)
    result = account.kist.run("restore", "p", "--to", "shop-copy", expect=None)
    assert result.code in (1, 2) and next(iter(option.values())) in result.is_one_error(), result
    assert account.databases() == ["shop"]


def test_what_was_saved_is_gone(either):
    """The day for which there are backups."""
    account, place = either, either.fake.region(REGION)
    account.write(subnet_group="private", security_groups="sg-1")
    account.backup()
    place.instances.clear()
    place.clusters.clear()
    account.kist.run("verify", "p")
    account.kist.run("restore", "p", "--to", "shop")
    assert "shop" in account.databases()
    place.instances.clear()
    place.clusters.clear()
    account.write(KEEP_ONE, subnet_group="private", security_groups="sg-1")
    assert account.run(expect=None).code in (1, 2)
    assert len(account.snapshots()) == 1, "a run that fails lets nothing go"


def test_history_outlives_the_instance(account):
    place = account.fake.region(REGION)
    place.retained["shop"] = place.instances.pop("shop")
    account.kist.run("restore", "p", "--to", "shop-then", "--latest")
    assert place.instances["shop-then"].made_from == (account.shop, "latest")
