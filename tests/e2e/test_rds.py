"""Snapshots of RDS, from the first to the last day of their lives; the official client sees the same as kist."""
import time
from datetime import datetime

import pytest
from rds_client import LIBRARY, Rds
from rds_kist import KEEP_ONE, REGION, Account
from rds_state import ACCOUNT

ROLE = f"arn:aws:iam::{ACCOUNT}:role/exporter"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k"
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


def backups(account, count):
    ids = []
    for _ in range(count):
        ids.append(account.backup())
    return ids


# ---- the life of a backup ----


@official
def test_whole_life(either):
    account, fake = either, either.fake
    fake.looks = 3
    somebodys = fake.snapshot(REGION, "before-the-release", account.shop, tags={"kist:pipeline": "q"})
    automatic = fake.snapshot(REGION, "rds:shop-2026-11-20", account.shop, kind="automated")
    id = account.backup()
    reference, item = account.reference(id), account.item(id)
    assert "key" not in item and item["name"] == "shop.snapshot"
    assert reference["provider"] == "rds" and reference["region"] == REGION and reference["account"] == ACCOUNT
    assert reference["state"] == "available" and abs(time.time() * 1000 - reference_ms(reference)) < 60_000
    made = account.fake.snapshots(REGION, account.is_cluster)[reference["name"]]
    assert made.tags["kist:pipeline"] == "p" and made.tags["kist:backup"] == id and made.arn == reference["id"]
    others = {somebodys.name: "available", automatic.name: "available"}
    assert account.seen() == {**others, made.name: "available"}

    # What the commands say of it.
    (row,) = account.kist.backups()
    assert row["held_by"] == ["rds"] and "held by rds" in account.kist.run("list").out
    shown = account.kist.run("show", f"p/{id}").out
    assert made.name in shown or made.arn in shown
    account.kist.run("status")
    account.kist.run("verify", "p", "--all")
    assert "held by rds alone" in account.kist.run("doctor", "p").err

    # Held, it stays; released, it goes; and nothing else does.
    account.write(KEEP_ONE)
    account.kist.run("hold", f"p/{id}")
    account.backup()
    third = account.backup()
    assert account.ids() == [id, third], "the second one was neither held nor the last"
    account.kist.run("release", f"p/{id}")
    account.kist.run("verify", "p")
    account.kist.run("prune")
    assert account.ids() == [third]
    account.is_whole(*others)
    assert account.seen() == {**others, account.reference(third)["name"]: "available"}
    account.kist.run("verify", "p", "--all")
    assert fake.count("DeleteDBInstance") == 0


def reference_ms(reference):
    text = reference["time"]
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


def test_a_snapshot_that_is_gone_fails_verify(account):
    id = account.backup()
    name = account.reference(id)["name"]
    snapshot = account.fake.snapshots(REGION)[name]
    del account.fake.region(REGION).snapshots[name]
    result = account.kist.run("verify", "p", expect=4)
    assert name in result.out + result.err
    account.fake.region(REGION).snapshots[name] = snapshot
    account.kist.run("verify", "p")


def test_tags_and_name(account):
    account.write(tags="team=shop, cost=low: a+b", name="night-{pipeline}-of-{id}")
    id = account.backup()
    (snapshot,) = account.fake.snapshots(REGION).values()
    assert len(snapshot.tags.pop("kist:owner")) == 16
    assert snapshot.tags == {"team": "shop", "cost": "low: a+b", "kist:pipeline": "p", "kist:backup": id}
    assert snapshot.name.startswith("night-p-of-2") and snapshot.name == snapshot.asked.lower()


LONG = "The_orders.of-a-shop-" + "x" * 24  # as long as a pipeline's name can be with "-db" behind it


@pytest.mark.parametrize("name", ["9shops", "Shop.DB_Prod", LONG])
def test_names_that_rds_does_not_take(either, name):
    """They are made fit, and stay apart: as RDS sees it, names that differ in case are the same."""
    account, ids = either, {}
    for each in (name, name.swapcase()):
        account.write(called=each)
        account.kist.run("run", each)
        ids[each] = account.kist.ids(each)[0]
    assert len(account.snapshots()) == 2
    for each, id in ids.items():
        account.write(called=each)
        reference = account.kist.manifest(id, name=each)["items"][0]["reference"]
        snapshot = account.fake.snapshots(REGION, account.is_cluster)[reference["name"]]
        assert snapshot.tags["kist:pipeline"] == each
        account.kist.run("verify", each)


def test_keys_of_a_role(account, tmp_path):
    """Temporary keys of the section, and those that a profile's role gives."""
    key, secret, token = account.fake.temporary()
    account.write(access_key=key, secret_key=secret, session_token=token)
    account.backup()
    profile, keys = tmp_path / "config", tmp_path / "credentials"
    profile.write_text(f"[profile night]\nrole_arn = {ROLE}\nsource_profile = base\nregion = {REGION}\n")
    keys.write_text(
        f"[base]\naws_access_key_id = {account.fake.access_key}\naws_secret_access_key = {account.fake.secret_key}\n"
    )
    keys.chmod(0o600)
    env = {"AWS_CONFIG_FILE": str(profile), "AWS_SHARED_CREDENTIALS_FILE": str(keys)}
    env |= {"AWS_ENDPOINT_URL_STS": account.fake.url, "AWS_EC2_METADATA_DISABLED": "true"}
    account.write(access_key=None, secret_key=None, profile="night", region=None)
    account.run(env=env)
    assert [call.caller.key[:4] for call in account.fake.calls("CreateDBSnapshot")] == ["ASIA", "ASIA"]
    assert account.fake.count("AssumeRole") == 1


# ---- copies in other regions ----


@official
def test_copies(either):
    account, fake = either, either.fake
    account.shop.key, fake.looks = KEY, 2
    account.write(KEEP_ONE, copy_to=f"{FAR}:alias/far, eu-north-1:alias/north")
    ids = backups(account, 2)
    assert account.ids() == ids[1:]
    held = account.held(ids[1])
    assert list(held) == [REGION, FAR, "eu-north-1"]
    names = [item["name"] for item in account.kist.manifest(ids[1])["items"]]
    assert names == ["shop.snapshot", f"shop.{FAR}.snapshot", "shop.eu-north-1.snapshot"]
    account.is_whole(regions=held)
    moments = {item["reference"]["time"] for item in account.kist.manifest(ids[1])["items"]}
    assert len(moments) == 1, "the data is that of one moment, whenever it was copied"
    for region, name in held.items():
        assert account.seen(region) == {name: "available"}
        snapshot = fake.snapshots(region, account.is_cluster)[name]
        assert snapshot.tags["kist:backup"] == ids[1] and snapshot.tags["kist:pipeline"] == "p"
    assert fake.snapshots(FAR, account.is_cluster)[held[FAR]].key.endswith(":alias/far")


def test_copies_that_are_kept_for_a_shorter_time(account):
    account.write(copy_to=f"{FAR}, eu-north-1", copy_keep=f"{FAR}:2s, eu-north-1:1h")
    old = account.backup()
    assert "until" in account.reference(old, 1)
    time.sleep(2.1)
    account.kist.run("prune")
    assert len(account.snapshots(FAR)) == 1, "there is no newer one yet"
    new = account.backup()
    account.kist.run("prune")
    assert account.ids() == [old, new]
    assert list(account.snapshots(FAR)) == [account.held(new)[FAR]]
    assert len(account.snapshots()) == 2 and len(account.snapshots("eu-north-1")) == 2
    account.kist.run("verify", "p", "--all")


def test_an_encrypted_one_needs_a_key_there(account):
    account.shop.key = KEY
    account.write(copy_to=FAR)
    for words in (("doctor", "p"), ("run", "p")):
        result = account.kist.run(*words, expect=None)
        assert result.code in (1, 2) and "key" in result.out + result.err, result
    assert account.snapshots() == {} == account.snapshots(FAR), "it was known before anything was made"


# ---- exports ----


@official
def test_an_export(either):
    account, fake = either, either.fake
    fake.looks = 3
    account.write(export_to="s3://exports/of/kist", export_role=ROLE, export_key="alias/k", export_only="shop.public")
    id = account.backup()
    (task,) = Rds(fake).ask("describe-export-tasks")["ExportTasks"]
    assert (task["Status"], task["S3Bucket"], task["ExportOnly"]) == ("COMPLETE", "exports", ["shop.public"])
    assert task["SourceArn"] == account.reference(id)["id"] and task["S3Prefix"].startswith("of/kist")
    manifest = account.kist.manifest(id)
    told = {"task": task["ExportTaskIdentifier"], "to": "s3://exports/of/kist", "status": "COMPLETE"}
    assert manifest["source"]["facts"]["export"] == told and len(manifest["items"]) == 1


def test_an_export_that_is_listed_late(account):
    account.write(export_to="s3://exports/of/kist", export_role=ROLE, export_key="alias/k")
    account.fake.on("StartExportTask", becomes="late")
    account.backup()


def test_an_export_whose_name_is_taken(account):
    """It is the export that is somebody else's, not the snapshot: that one is not left behind."""
    account.write(export_to="s3://exports/of/kist", export_role=ROLE, export_key="alias/k", wait="1s")
    account.fake.on("StartExportTask", error=(400, "ExportTaskAlreadyExists", "there is one"), times=None)
    assert account.run(expect=None).code == 1
    assert account.ids() == [] and account.snapshots() == {}


def test_an_export_that_fails(account):
    account.write(export_to="s3://exports/of/kist", export_role=ROLE, export_key="alias/k")
    account.fake.on("StartExportTask", becomes="failed")
    result = account.run(expect=None)
    assert result.code in (1, 3) and "the fake was told so" in result.err, result
    assert account.ids() == [] and account.snapshots() == {}
    account.fake.clear()
    account.write(export_to="s3://another/of/kist", export_role=ROLE, export_key="alias/k")
    result = account.run(expect=None)
    assert result.code in (1, 2, 3) and "another" in result.err, result
    assert account.ids() == [] and account.snapshots() == {}
