"""The destination s3 on two real servers, each strict where the other is lax, and the official client beside it."""
import hashlib
import json
import signal

import pytest
from aftermath import assert_no_child_is_left
from cluster import same
from fault_proxy import FaultProxy
from processes import wait_until
from s3_kist import DATA, Store, configure
from sampler import Sampler

PART = 5 << 20
CANARY = "c4nary/secret+key"


@pytest.fixture
def s3(kist, store, bucket, small):
    return Store(kist, store, bucket, small)


def restored(kist, original, *args):
    kist.run("restore", "p", "--to", "s3_copy", "--create", *args)
    same(kist.cluster, original, "s3_copy")
    kist.cluster.drop("s3_copy")


def items(store, id):
    return {item["key"]: item["stored"] for item in store.manifest(id)["items"]}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def test_there_and_back(s3, small):
    id = s3.good_run()
    s3.kist.run("list", "p")
    assert id in s3.kist.run("show", f"p/{id}").out
    for level in ("size", "hash", "decode"):
        s3.kist.run("verify", "p", "--level", level)
    restored(s3.kist, small)
    s3.is_clean()


def test_in_parts(s3, noise):
    s3.direct(part_size="5MiB")
    configure(s3.kist, noise, {"s3": s3.server.section(s3.bucket, part_size="5MiB")})
    id = s3.good_run()
    (key, stored), *_ = items(s3, id).items()
    assert s3.client.head(s3.bucket, key).headers["etag"].strip('"').endswith("-3")
    assert stored["size"] == s3.client.list(s3.bucket)[key] > 2 * PART
    s3.kist.run("verify", "p", "--level", "decode")
    restored(s3.kist, noise)
    s3.is_clean()


def test_the_official_client_reads_it(s3, tmp_path):
    id = s3.good_run()
    listed = s3.server.aws.api("list-objects-v2", "--bucket", s3.bucket)["Contents"]
    assert {each["Key"] for each in listed} == s3.expected()
    for key, stored in items(s3, id).items():
        s3.server.aws.api("get-object", "--bucket", s3.bucket, "--key", key, tmp_path / "copy")
        assert sha256((tmp_path / "copy").read_bytes()) == stored["sha256"]
        about = s3.server.aws.api("head-object", "--bucket", s3.bucket, "--key", key)
        assert about["ContentLength"] == stored["size"]


def test_it_reads_what_the_official_client_wrote(kist, store, bucket, small):
    """A backup that was copied from another destination is one."""
    kist.pipeline(small)
    id = kist.backup()
    store.aws.run("s3", "cp", "--recursive", "--no-progress", kist.disk, f"s3://{bucket}/copied/")
    configure(kist, small, {"s3": store.section(bucket, prefix="copied")})
    assert kist.ids() == [id]
    kist.run("verify", "p", "--level", "decode")
    restored(kist, small)


def test_three_destinations_in_one_pass(kist, ceph, swift, small, tmp_path):
    buckets = {"c": (ceph, ceph.bucket()), "s": (swift, swift.bucket())}
    configure(
        kist,
        small,
        {name: server.section(bucket, prefix="deep/er") for name, (server, bucket) in buckets.items()},
        local=["disk"],
    )
    kist.run("run", "p")
    files = kist.files()
    for server, bucket in buckets.values():
        assert server.client.files(bucket) == {f"deep/er/{name}": text for name, text in files.items()}
    for name in ("disk", "c", "s"):
        kist.run("verify", "p", "--destination", name, "--level", "decode")
        restored(kist, small, "--destination", name)


def test_names_of_all_kinds(s3):
    """The key of an item may have anything in it that a file name may."""
    s3.kist.write(
        "[pipeline p]\nsource = db\ndestinations = s3\nname = ü é+% &=?#'{date}\n"
        f"[source db]\n{s3.kist.cluster.source(s3.database)}\n"
        f"[destination s3]\n{s3.server.section(s3.bucket, prefix='a b/+%/ü')}\n"
    )
    id = s3.kist.backup()
    keys = [key for key in s3.client.list(s3.bucket) if "_kist/" not in key and "RESTORE" not in key]
    assert keys == [f"a b/+%/ü/p/{id}/ü é+% &=?#'{id[:10]}"]
    s3.kist.run("verify", "p", "--level", "decode")


def test_what_an_object_carries(kist, ceph, small):
    bucket = ceph.bucket()
    keys = ceph.section(bucket, storage_class="STANDARD_IA", tags="team=shop, cost=low")
    configure(kist, small, {"s3": keys})
    store = Store(kist, ceph, bucket, small)
    configure(kist, small, {"s3": keys})
    id = store.good_run()
    for key in items(store, id):
        about = ceph.aws.api("head-object", "--bucket", bucket, "--key", key)
        assert about["StorageClass"] == "STANDARD_IA" and about["ContentType"]
        tags = ceph.aws.api("get-object-tagging", "--bucket", bucket, "--key", key)["TagSet"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "shop", "cost": "low"}


def test_many_pages(kist, swift, small):
    """A backup is found between hundreds of other objects; this server gives 100 at a time."""
    bucket = swift.bucket()
    with FaultProxy(swift.endpoint) as proxy:
        store = Store(kist, swift, bucket, small, proxy)
        id = store.good_run()
        for number in range(130):
            swift.client.put(bucket, f"_kist/p/{number:04}", b"x")
            swift.client.put(bucket, f"_kist/p/z{number:04}", b"x")
        store.by_proxy()
        assert kist.ids() == [id]
        assert proxy.count("GET", query="continuation-token=") == 2


def test_an_existing_object_stays(s3, ceph):
    """What lies where an object should go is not overwritten."""
    planted = []

    def plant(exchange):
        planted.append(exchange.path.split("/", 2)[2])
        s3.client.put(s3.bucket, planted[0], b"somebody else's")

    with FaultProxy(s3.server.endpoint) as proxy:
        # Ceph refuses to overwrite; elsewhere kist can only look before it writes.
        proxy.on("PUT" if s3.server is ceph else "HEAD", path=DATA["path"], first=plant)
        s3.proxy = proxy
        s3.by_proxy()
        result = s3.kist.run("run", "p", expect=1)
        assert "exist" in result.is_one_error(), result
    assert s3.client.get(s3.bucket, planted[0]) == b"somebody else's"
    if s3.server is not ceph:
        assert "overwrite" in result.err, "it says once that this cannot be excluded here"


def test_killed_between_parts(s3, noise, cluster):
    s3.good_run()
    before = s3.files()
    with FaultProxy(s3.server.endpoint) as proxy:
        proxy.on("PUT", query="partNumber=2", times=None, stall=True)
        configure(s3.kist, noise, {"s3": s3.server.section(s3.bucket, endpoint=proxy.endpoint, part_size="5MiB")})
        running = s3.kist.start("run", "p")
        # The second part is on its way, and the first one has come.
        assert wait_until(lambda: proxy.count("PUT", query="partNumber=2"), 30), running.finish(1)
        assert wait_until(lambda: any(each.status == 200 for each in proxy.seen("PUT", query="partNumber=1")), 30)
        running.signal(signal.SIGKILL)
        running.finish()
    assert_no_child_is_left(cluster)
    s3.direct()
    assert s3.files() == before
    assert len(s3.client.uploads(s3.bucket)) == 1
    assert len(s3.kist.ids()) == 1
    s3.good_run()
    assert "Uploads" not in s3.server.aws.api("list-multipart-uploads", "--bucket", s3.bucket)
    s3.is_clean()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop(s3, noise, number):
    """It leaves no upload behind that it could remove."""
    with FaultProxy(s3.server.endpoint) as proxy:
        proxy.on("PUT", query="partNumber=2", times=None, stall=True)
        configure(s3.kist, noise, {"s3": s3.server.section(s3.bucket, endpoint=proxy.endpoint, part_size="5MiB")})
        running = s3.kist.start("run", "p")
        assert wait_until(lambda: proxy.count("PUT", query="partNumber=2"), 30), running.finish(1)
        running.signal(number)
        result = running.finish(15)
        assert result.code == 128 + number, result
        result.is_one_error()
    assert s3.client.uploads(s3.bucket) == [] and s3.client.list(s3.bucket) == {}


WRONG = {
    "secret": ({"secret_key": CANARY}, "SignatureDoesNotMatch"),
    "access key": ({"access_key": "nobody:knows"}, ""),
    "bucket": ({"bucket": "no-such-bucket"}, "no-such-bucket"),
}


@pytest.mark.parametrize("what", WRONG)
def test_something_is_wrong(s3, what):
    change, word = WRONG[what]
    more = {"bucket": s3.bucket, **change}
    configure(s3.kist, s3.database, {"s3": s3.server.section(**more)})
    for command in (("run", "p"), ("list", "p"), ("doctor", "p")):
        result = s3.kist.run(*command, expect=None)
        assert result.code in (1, 2), result
        assert result.took < 10, "nothing of this passes by waiting"
        text = result.err + result.out
        if command[0] == "run":
            line = result.is_one_error()
            assert "s3" in line and word in line, line
        assert CANARY not in text and s3.server.secret_key not in text, result
    assert s3.client.list(s3.bucket) == {}


def test_another_region(kist, swift, small):
    """Swift tells its own, and kist learns it, or says that it is wrong."""
    bucket = swift.bucket()
    configure(kist, small, {"s3": swift.section(bucket, region="eu-north-7")})
    result = kist.run("run", "p", expect=None)
    if result.code == 0:
        kist.run("verify", "p")
    else:
        assert "region" in result.err and "us-east-1" in result.err, result
        result.is_one_error()


def test_a_bucket_that_anybody_may_read(kist, ceph, small):
    """FAULTS 59: a dump is not put where strangers can read it."""
    bucket = ceph.bucket()
    ceph.client.ask("PUT", bucket, query={"acl": ""}, headers={"x-amz-acl": "public-read"})
    configure(kist, small, {"s3": ceph.section(bucket)})
    for command in (("run", "p"), ("doctor", "p")):
        result = kist.run(*command, expect=None)
        assert result.code in (1, 2) and "anybody" in result.err + result.out, result
    assert ceph.client.list(bucket) == {}
    configure(kist, small, {"s3": ceph.section(bucket, allow_public="yes")})
    kist.run("run", "p")


def test_the_secret_shows_nowhere(kist, store, bucket, small):
    keys = store.section(bucket, secret_key="${SECRET}")
    configure(kist, small, {"s3": keys})
    secret = store.secret_key
    for args in (("-v", "run", "p"), ("-v", "verify", "p"), ("config", "show"), ("-v", "doctor", "p")):
        running = kist.start(*args, env={"SECRET": secret})
        sampler = Sampler(kist, running.pid, [secret.encode()])
        result = running.finish()
        sampler.stop()
        assert result.code == 0, result
        assert secret not in result.out + result.err and sampler.found == [], result
    for key, text in store.client.files(bucket).items():
        assert secret.encode() not in text, key
    for path in kist.state.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


WAYS = ["environment", "profile", "credential_process"]


@pytest.mark.parametrize("way", WAYS)
def test_keys_from_the_usual_places(s3, way, tmp_path):
    key, secret = s3.server.access_key, s3.server.secret_key
    env, more = {}, {}
    if way == "environment":
        env = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    elif way == "profile":
        file = tmp_path / "credentials"
        file.write_text(f"[shop]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
        env, more = {"AWS_SHARED_CREDENTIALS_FILE": str(file)}, {"profile": "shop"}
        file.chmod(0o600)
    else:
        program = tmp_path / "keys"
        answer = {"Version": 1, "AccessKeyId": key, "SecretAccessKey": secret}
        program.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
        program.chmod(0o700)
        file = tmp_path / "config"
        file.write_text(f"[default]\ncredential_process = {program}\n")
        file.chmod(0o600)
        env = {"AWS_CONFIG_FILE": str(file)}
    configure(s3.kist, s3.database, {"s3": s3.server.section(s3.bucket, access_key=None, secret_key=None, **more)})
    s3.kist.env = {"AWS_EC2_METADATA_DISABLED": "true", **env}
    s3.good_run()
    s3.kist.run("verify", "p")


def test_no_keys_at_all(s3):
    configure(s3.kist, s3.database, {"s3": s3.server.section(s3.bucket, access_key=None, secret_key=None)})
    result = s3.kist.run("run", "p", expect=None, env={"AWS_EC2_METADATA_DISABLED": "true"})
    assert result.code in (1, 2) and "credential" in result.is_one_error() + result.err, result
