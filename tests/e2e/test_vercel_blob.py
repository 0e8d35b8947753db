"""The destination vercel_blob on a store that the official client has been run against (test_vercel_sdk.py)."""
import hashlib
import json
import signal

import pytest
from aftermath import assert_no_child_is_left
from fault_proxy import FaultProxy
from processes import wait_until
from sampler import Sampler
from vercel_fake import VercelFake
from vercel_kist import BlobStore, section

PART = 5 << 20


@pytest.fixture
def fake():
    with VercelFake() as fake:
        yield fake


@pytest.fixture
def blob(kist, fake, small):
    return BlobStore(kist, fake, small)


def test_there_and_back(blob, fake, small):
    id = blob.good_run()
    blob.kist.run("list", "p")
    assert id in blob.kist.run("show", f"p/{id}").out
    for level in ("size", "hash", "decode"):
        blob.kist.run("verify", "p", "--level", level)
    blob.restores(small)
    assert blob.names() == blob.expected()
    assert all(request.headers["authorization"] == f"Bearer {fake.token}" for request in fake.requests if request.query)


def test_in_parts(kist, fake, noise):
    blob = BlobStore(kist, fake, noise, filters="", part_size="5MiB", prefix="deep/er")
    id = blob.good_run()
    (item,) = blob.manifest(id)["items"]
    stored = fake.files()["deep/er/" + item["key"]]
    assert item["stored"]["size"] == len(stored) > 2 * PART
    assert item["stored"]["sha256"] == hashlib.sha256(stored).hexdigest()
    parts = -(-len(stored) // PART)
    assert fake.blobs["deep/er/" + item["key"]].etag.strip('"').endswith(f"-{parts}")
    assert fake.count("mpu-upload") == parts and fake.count("mpu-complete") == 1 and fake.uploads == {}
    kist.run("verify", "p", "--level", "decode")
    blob.restores(noise)


def test_what_is_sent(blob, fake):
    """What the official client sends, and no more than is needed."""
    blob.configure(cache_max_age="2m")
    blob.good_run()
    for request in fake.requests:
        if request.action == "put":
            assert request.headers["x-vercel-blob-access"] == "private"
            assert request.headers["x-add-random-suffix"] == request.headers["x-allow-overwrite"] == "0"
            assert request.headers["x-cache-control-max-age"] == "120" and request.headers["x-content-type"]
        if request.action == "get" and "authorization" in request.headers:
            assert request.query == {"cache": "0"}, "a cache may be old"
    ids = [request.headers["x-api-blob-request-id"] for request in fake.requests if not request.is_content]
    assert len(set(ids)) == len(ids), "nothing was sent twice"
    files = {request.query["pathname"] for request in fake.requests if request.action == "put"}
    assert fake.count("put") == len(files)


def test_names_of_all_kinds(blob, fake):
    blob.kist.write(
        "[pipeline p]\nsource = db\ndestinations = blob\nname = ü é+% &=?#'{date}\n"
        f"[source db]\n{blob.kist.cluster.source(blob.database)}\n"
        f"[destination blob]\n{section(fake, prefix='a b/+%/ü')}\n"
    )
    id = blob.kist.backup()
    keys = [key for key in fake.files() if "_kist/" not in key and "RESTORE" not in key]
    assert keys == [f"a b/+%/ü/p/{id}/ü é+% &=?#'{id[:10]}"]
    blob.kist.run("verify", "p", "--level", "decode")


def test_a_name_that_is_too_long(blob, fake):
    blob.configure(prefix="${LONG}")
    result = blob.kist.run("run", "p", expect=None, env={"LONG": "/".join(["n" * 185] * 5)})
    assert result.code in (1, 2) and "950" in result.err, result
    assert fake.files() == {}


def test_the_contract(blob, fake):
    result = blob.kist.run("plugin", "test", "vercel_blob", "--config", blob.kist.conf, expect=None, timeout=600)
    if result.code == 2 and "unknown" in result.err:
        pytest.skip("this kist has no 'plugin test'")
    assert result.code == 0, result
    assert fake.files() == {}


def test_old_backups_go(blob, fake):
    """In batches, and no others."""
    for _ in range(3):
        blob.good_run()
    before = fake.count("delete")
    result = blob.kist.run("prune", "p", "--keep", "1 last", expect=None)
    if result.code == 2:
        pytest.skip("this kist prunes nothing")
    assert len(blob.kist.ids()) == 1 and fake.count("delete") > before
    assert blob.names() == blob.expected()


# What must be told before anything is sent.
REFUSED = {
    "no token": ({"token": None}, "token"),
    "another token": ({"token": "sk_live_4711"}, "vercel_blob_rw_"),
    "public": ({"access": "public"}, "public"),
    "plaintext": ({"api_url": "http://blob.example.com/api"}, "http"),
    "a file": ({"content_base_url": "file:///etc"}, "file"),
    "small parts": ({"part_size": "4MiB"}, "part_size"),
    "short caching": ({"cache_max_age": "59s"}, "cache_max_age"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_work_is_refused(blob, fake, what):
    change, word = REFUSED[what]
    blob.configure(**change)
    result = blob.kist.run("run", "p", expect=2)
    assert word in result.err and "4711" not in result.err, result
    assert fake.requests == []


def test_a_literal_token_in_a_file_that_others_can_read(blob):
    blob.kist.conf.joinpath("kist.ini").chmod(0o644)
    result = blob.kist.run("run", "p", expect=2)
    assert blob.fake.token not in result.err


def test_a_public_store(kist, small):
    """Its blobs are anybody's, whatever the configuration says of it."""
    with VercelFake() as fake:
        blob = BlobStore(kist, fake, small)
        blob.good_run()
        before = fake.files()
        fake.is_public = True
        for command in (("run", "p"), ("doctor", "p")):
            result = kist.run(*command, expect=None)
            assert result.code in (1, 2) and "public" in result.err + result.out, result
        assert fake.files() == before
        probes = [request for request in fake.requests if request.headers.get("range") == "bytes=0-0"]
        assert probes and all("authorization" not in request.headers for request in probes)
        blob.configure(allow_public="yes")
        kist.run("run", "p")


def test_a_public_store_on_purpose(kist, small):
    with VercelFake(access="public") as fake:
        blob = BlobStore(kist, fake, small, access="public", allow_public="yes")
        blob.good_run()
        kist.run("verify", "p", "--level", "decode")
        blob.restores(small)


def test_the_access_of_another_store(kist, small):
    with VercelFake(access="public") as fake:
        BlobStore(kist, fake, small)
        result = kist.run("run", "p", expect=None)
        assert result.code in (1, 2) and "access" in result.err and fake.files() == {}, result
        result.is_one_error()


@pytest.mark.parametrize("what", ["token", "store", "suspended"])
def test_something_is_wrong(blob, fake, what):
    """It is told at once, for nothing of this passes by waiting."""
    canary = "c4naryS3cret"
    word = {"token": "forbidden", "store": "forbidden", "suspended": "suspended"}[what]
    if what == "suspended":
        fake.suspended = True
    else:
        store = "otherStore" if what == "store" else fake.store
        blob.configure(token=f"vercel_blob_rw_{store}_{canary}")
    for command in (("run", "p"), ("list", "p"), ("doctor", "p")):
        result = blob.kist.run(*command, expect=None)
        assert result.code in (1, 2) and result.took < 10, result
        assert canary not in result.err + result.out, result
        if command[0] == "run":
            assert word in result.is_one_error() and "hint" in result.err, result
    assert fake.files() == {}


def test_the_token_shows_nowhere(blob, fake):
    blob.configure(token="${TOKEN}")
    for args in (("-v", "run", "p"), ("-v", "verify", "p"), ("config", "show"), ("-v", "doctor", "p")):
        running = blob.kist.start(*args, env={"TOKEN": fake.token})
        sampler = Sampler(blob.kist, running.pid, [fake.token.encode()])
        result = running.finish()
        sampler.stop()
        assert result.code == 0, result
        secret = fake.token.split("_")[4]
        assert secret not in result.out + result.err and sampler.found == [], result
    for name, data in fake.files().items():
        assert fake.token.encode() not in data, name


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_stopped_between_parts(kist, fake, noise, small, number):
    blob = BlobStore(kist, fake, small)
    blob.good_run()
    before = fake.files()
    with FaultProxy(fake.url) as proxy:
        proxy.on("POST", path="/mpu$", nth=3, times=None, stall=True)
        blob.filters = ""
        blob.configure(proxy, database=noise, part_size="5MiB")
        running = kist.start("run", "p")
        assert wait_until(lambda: proxy.count("POST", path="/mpu$") >= 3, 30), running.finish(1)
        running.signal(number)
        result = running.finish(30)
        assert result.code == (143 if number == signal.SIGTERM else -number), result
    assert_no_child_is_left(kist.cluster)
    blob.configure()
    after = fake.files()
    assert {name: after.get(name) for name in before} == before
    assert len(kist.ids()) == 1
    blob.good_run()
    assert blob.names() == blob.expected()


def test_three_kinds_of_places(kist, fake, small):
    """In one pass: the same bytes everywhere."""
    kist.pipeline(small, destinations=("disk",))
    text = (kist.conf / "kist.ini").read_text().replace("destinations = disk", "destinations = disk, blob")
    kist.write(text + f"\n[destination blob]\n{section(fake)}\n")
    kist.run("run", "p")
    assert fake.files() == kist.files()


def test_manifest_is_the_last(blob, fake):
    blob.good_run()
    puts = [request.query["pathname"] for request in fake.requests if request.action == "put"]
    assert puts[-1].startswith("_kist/p/") and json.loads(fake.files()[puts[-1]])
