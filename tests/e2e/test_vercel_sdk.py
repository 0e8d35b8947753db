"""The Vercel Blob of the tests is one: the official client, unmodified, works against it; and it and kist read what the other
wrote."""
import hashlib
import json
import os

import pytest
from npm import installed
from vercel_fake import VercelFake
from vercel_kist import BlobStore
from vercel_sdk import PACKAGE, Sdk, SdkError, coded

MIB = 1 << 20


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return installed(tmp_path_factory.mktemp("vercel-sdk"), PACKAGE)


@pytest.fixture
def fake():
    with VercelFake() as fake:
        yield fake


@pytest.fixture
def sdk(package, fake):
    sdk = Sdk(package, fake)
    yield sdk
    sdk.stop()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def refused(sdk, *words):
    with pytest.raises(SdkError) as caught:
        sdk.call(*words)
    return caught.value


def test_put_head_get(sdk, fake):
    put = sdk.put("backups/é b+c.txt", b"hello", contentType="text/x-z", cacheControlMaxAge=60)
    assert put["pathname"] == "backups/é b+c.txt" and put["contentType"] == "text/x-z"
    head = sdk.call("head", put["pathname"])
    assert head["size"] == 5 and head["etag"] == put["etag"] and head["cacheControl"] == "public, max-age=60"
    assert sdk.call("head", put["url"])["pathname"] == put["pathname"]
    got = sdk.get(put["pathname"], useCache=False)
    assert (got["statusCode"], got["size"], got["sha256"]) == (200, 5, sha256(b"hello"))
    assert fake.requests[-1].query == {"cache": "0"}
    assert sdk.get(put["pathname"], ifNoneMatch=got["blob"]["etag"])["statusCode"] == 304
    assert sdk.get("missing") is None
    assert refused(sdk, "head", "missing").name == "BlobNotFoundError"


def test_nothing_is_overwritten_unless_asked(sdk, fake):
    put = sdk.put("a", b"1")
    error = refused(sdk, "put", "a", coded(b"2"), {"access": "private"})
    assert "already exists" in error.message
    sdk.put("a", b"2", allowOverwrite=True, ifMatch=put["etag"])
    stale = {"access": "private", "allowOverwrite": True, "ifMatch": put["etag"]}
    assert "PreconditionFailed" in refused(sdk, "put", "a", coded(b"3"), stale).name
    assert fake.files() == {"a": b"2"}
    named = sdk.put("a.txt", b"3", addRandomSuffix=True)
    assert named["pathname"].startswith("a-") and named["pathname"].endswith(".txt")


def test_multipart(sdk, fake):
    data = os.urandom(17 * MIB)
    sdk.put("big", data, multipart=True)
    assert fake.files()["big"] == data
    assert sdk.get("big", useCache=False)["sha256"] == sha256(data)
    parts = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"end"]
    sdk.call("upload", "by-hand", [coded(part) for part in parts], {"access": "private"})
    assert fake.files()["by-hand"] == b"".join(parts)


@pytest.mark.parametrize("sizes", [(4 * MIB, 1), (5 * MIB, 6 * MIB), (6 * MIB, 5 * MIB, 6 * MIB)])
def test_parts_that_are_refused(sdk, fake, sizes):
    pieces = [{"zeros": size} for size in sizes]
    assert "part" in refused(sdk, "upload", "odd", pieces, {"access": "private"}).message.lower()
    assert fake.files() == {}


def test_list(sdk, fake):
    for name in ("a/1", "a/2", "a/b/3", "c"):
        sdk.put(name, name.encode())
    assert sdk.list(limit=1) == {"a/1": 3, "a/2": 3, "a/b/3": 5, "c": 1}
    assert sdk.list(prefix="a/", limit=2) == {"a/1": 3, "a/2": 3, "a/b/3": 5}
    folded = sdk.call("list", {"mode": "folded", "prefix": "a/"})
    assert [blob["pathname"] for blob in folded["blobs"]] == ["a/1", "a/2"] and folded["folders"] == ["a/b/"]
    sdk.call("createFolder", "d", {"access": "private"})
    assert "d/" in sdk.list()


def test_copy_rename_delete(sdk, fake):
    put = sdk.put("a", b"1")
    sdk.call("copy", "a", "b", {"access": "private", "contentType": "text/x-b"})
    sdk.call("rename", put["url"], "c", {"access": "private"})
    assert fake.files() == {"b": b"1", "c": b"1"} and fake.blobs["b"].kind == "text/x-b"
    assert "PreconditionFailed" in refused(sdk, "del", "c", {"ifMatch": '"other"'}).name
    sdk.call("del", ["b", "missing"])
    sdk.call("del", "c", {"ifMatch": put["etag"]})
    assert fake.files() == {}


def test_refusals(sdk, fake):
    assert refused(sdk, "put", "x", coded(b"1"), {"access": "public"}).name == "BlobError"
    assert refused(sdk, "list", {"token": fake.token + "x"}).name == "BlobAccessError"
    other = "vercel_blob_rw_otherStore_s3cr3t"
    assert refused(sdk, "list", {"token": other}).name == "BlobAccessError"
    fake.suspended = True
    assert refused(sdk, "list").name == "BlobStoreSuspendedError"
    fake.suspended, fake.rate = False, (1, 60)
    sdk.call("list")
    assert refused(sdk, "list").name == "BlobServiceRateLimited"


def test_a_cache_that_lags(sdk, fake):
    fake.stale = 60
    sdk.put("a", b"1")
    assert sdk.get("a")["sha256"] == sha256(b"1")
    sdk.put("a", b"2", allowOverwrite=True)
    assert sdk.get("a")["sha256"] == sha256(b"1")
    assert sdk.get("a", useCache=False)["sha256"] == sha256(b"2")


def test_it_reads_what_kist_wrote(sdk, fake, kist, noise):
    store = BlobStore(kist, fake, noise, filters="", part_size="5MiB")
    id = store.good_run()
    manifest = json.loads(fake.files()[f"_kist/p/{id}.json"])
    listed = sdk.list()
    assert set(listed) == store.expected()
    for item in manifest["items"]:
        assert item["stored"]["size"] == listed[item["key"]] > 10 * MIB
        got = sdk.get(item["key"], useCache=False)
        assert got["sha256"] == item["stored"]["sha256"]
        assert sdk.call("head", item["key"])["contentType"] == got["blob"]["contentType"]


def test_kist_reads_what_it_wrote(sdk, fake, kist, small):
    """A backup that was uploaded from a directory is one."""
    kist.pipeline(small)
    id = kist.backup()
    for name, data in kist.files().items():
        sdk.put(f"copied/{name}", data, multipart=len(data) > 5 * MIB)
    store = BlobStore(kist, fake, small, prefix="copied")
    assert kist.ids() == [id]
    kist.run("verify", "p", "--level", "decode")
    store.restores(small)
    kist.run("prune", "p", "--dry-run", expect=None)
