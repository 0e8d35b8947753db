"""Retention on an S3 store that refuses, forgets and lies."""
import re

import pytest
from fault_proxy import Answer, FaultProxy, s3_error
from kept import Kept, id_of
from manifests import seal
from s3_kist import LIST, QUICK
from shelf import build_shelf

DELETE_MANY = {"method": "POST", "query": "^delete"}
DENIED = s3_error(403, "AccessDenied", "the object is locked")
NO_LUCK = s3_error(500, "InternalError")


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build_shelf(tmp_path_factory.mktemp("plugins") / "plugins")


class Bucket(Kept):
    """The pipeline `p` with a bucket as its destination `s3`, behind a proxy."""

    def __init__(self, kist, plugins, server, proxy):
        super().__init__(kist, plugins)
        self.server, self.client, self.bucket, self.proxy = server, server.client, server.bucket(), proxy

    def point(self, *more):
        section = self.server.section(self.bucket, endpoint=self.proxy.endpoint, **{**QUICK, "retries": 0})
        self.write(*more, destinations=(), sections=f"[destination s3]\n{section}\n")
        path = self.kist.conf / "kist.ini"
        self.kist.write(path.read_text().replace("destinations = \n", "destinations = s3\n"))

    def copies(self, *days):
        """One real backup and copies of it, oldest first. Their ids."""
        real = self.runs(1000)[0]
        ids = [id_of(age) for age in sorted(days, reverse=True)]
        for key, content in self.client.files(self.bucket).items():
            for id in ids:
                if key.endswith(".json"):
                    content = seal(self.client.get(self.bucket, key).replace(real.encode(), id.encode()))
                self.client.put(self.bucket, key.replace(real, id), content)
        return [*ids, real]

    def keys(self):
        return sorted(self.client.list(self.bucket))

    def there(self):
        return [key[8:-5] for key in self.keys() if re.fullmatch(r"_kist/p/[^.]*\.json", key)]

    def tombstones(self):
        return [key for key in self.keys() if key.endswith(".tombstone")]

    def data(self):
        """The ids of which all data is there."""
        found = [key.split("/")[1] for key in self.keys() if key.startswith("p/")]
        return sorted({id for id in found if found.count(id) == 2})

    def is_clean(self, *ids):
        self.proxy.clear()
        assert self.there() == self.data() == list(ids) and self.tombstones() == []
        assert not [key for key in self.keys() if key.startswith("p/") and key.split("/")[1] not in ids]
        self.kist.run("verify", "p", "--all")


@pytest.fixture
def five(plain_kist, plugins, ceph):
    """Five backups; two are to go. Returns (bucket, ids)."""
    with FaultProxy(ceph.endpoint) as proxy:
        bucket = Bucket(plain_kist, plugins, ceph, proxy)
        bucket.point()
        ids = bucket.copies(4, 3, 2, 1)
        bucket.point("keep = 3 last")
        proxy.clear()
        yield bucket, ids


def test_it_prunes(five):
    bucket, ids = five
    result = bucket.prune()
    assert "3 stay, 2 deleted" in result.out, result
    assert bucket.proxy.count(**DELETE_MANY) == 2
    bucket.is_clean(*ids[2:])


# 85
@pytest.mark.parametrize("how", ["500 on page 2", "500", "cut", "403", "no such bucket"])
def test_a_listing_that_is_not_whole(five, how):
    bucket, ids = five
    before = bucket.keys()

    def first_half(status, fields, body):
        entries = re.findall(rb"<Contents>.*?</Contents>", body)
        for entry in entries[len(entries) // 2 :]:
            body = body.replace(entry, b"")
        more = b"<IsTruncated>true</IsTruncated><NextContinuationToken>2</NextContinuationToken>"
        return status, fields, body.replace(b"<IsTruncated>false</IsTruncated>", more)

    bucket.proxy.on(**{**LIST, "query": "continuation-token"}, times=None, answer=NO_LUCK)
    actions = {
        "500 on page 2": {"edit": first_half},
        "500": {"answer": NO_LUCK},
        "cut": {"cut_reply": 400},
        "403": {"answer": DENIED},
        "no such bucket": {"answer": s3_error(404, "NoSuchBucket")},
    }
    bucket.proxy.on(**LIST, times=None, **actions[how])
    result = bucket.prune(expect=3)
    assert result.errors and "s3" in result.errors[0], result
    assert bucket.keys() == before and bucket.proxy.count(**DELETE_MANY) == 0
    bucket.proxy.clear()
    bucket.prune()
    bucket.is_clean(*ids[2:])


@pytest.mark.parametrize("nth", [2, 3])
def test_a_later_listing_that_lacks_backups(five, nth):
    """It is compared with the one before: on its word nothing is deleted that may be needed."""
    bucket, ids = five

    def forgets(status, fields, body):
        lost = [entry for entry in re.findall(rb"<Contents>.*?</Contents>", body) if ids[3].encode() in entry]
        for entry in lost:
            body = body.replace(entry, b"")
        return status, fields, body

    bucket.proxy.on(**LIST, nth=nth, times=None, edit=forgets)
    result = bucket.prune(expect=3)
    assert ids[3] in result.err, result
    assert set(ids[2:]) <= set(bucket.there()) and set(ids) <= set(bucket.data())
    bucket.proxy.clear()
    bucket.prune()
    bucket.is_clean(*ids[2:])


def test_a_listing_that_lacks_what_was_made_just_now(five):
    """It may lack others as well, which need what would go."""
    bucket, ids = five

    def forgets(status, fields, body):
        for entry in re.findall(rb"<Contents>.*?</Contents>", body):
            if b".json" in entry and not any(id.encode() in entry for id in ids):
                body = body.replace(entry, b"")
        return status, fields, body

    bucket.proxy.on(**LIST, times=None, edit=forgets)
    result = bucket.kist.run("run", "p", expect=3)
    assert "which was made just now" in result.err and set(ids) <= set(bucket.data()), result
    bucket.proxy.clear()
    bucket.prune(expect=None)
    assert len(bucket.there()) >= 3


def test_a_listing_that_names_everything_twice(five):
    """A backup that is there once is not deleted as the second of two."""
    bucket, ids = five

    def twice(status, fields, body):
        start = body.find(b"<Contents>")
        end = body.rfind(b"</Contents>") + len(b"</Contents>")
        return status, fields, body[:end] + body[start:end] + body[end:] if start >= 0 else body

    bucket.point("keep = 3 daily", "min_keep = 1", "max_delete = 100%")
    bucket.proxy.on(**LIST, times=None, edit=twice)
    bucket.prune()
    bucket.is_clean(*ids[2:])


def test_a_manifest_that_cannot_be_had(five):
    bucket, ids = five
    before = bucket.keys()
    bucket.proxy.on("GET", path=f"{ids[4]}.json", times=None, answer=NO_LUCK)
    bucket.prune(expect=3)
    assert bucket.keys() == before


# 88
def test_some_keys_are_refused_within_a_200(five):
    bucket, ids = five
    error = "<Error><Key>{}</Key><Code>InternalError</Code><Message>said by the proxy</Message></Error>"
    key = next(key for key in bucket.keys() if key.startswith(f"p/{ids[0]}/lines"))
    body = f"<?xml version='1.0'?><DeleteResult>{error.format(key)}</DeleteResult>"
    bucket.proxy.on(**DELETE_MANY, answer=Answer(200, body, Content_Type="application/xml"))
    bucket.proxy.on("DELETE", path="lines", times=None, answer=NO_LUCK)
    result = bucket.prune(expect=3)
    assert f"the data of the deleted backup {ids[0]} is not all removed" in result.err, result
    assert re.search(rf"{ids[0]} .* failed: the next prune tries again", result.out), result
    assert bucket.there() == ids[2:] and bucket.tombstones() == [f"_kist/p/{ids[0]}.tombstone"]
    bucket.kist.run("verify", "p", "--all")
    # A run does it with the next.
    bucket.proxy.clear()
    result = bucket.prune()
    assert re.search(rf"{ids[0]} .* deleted", result.out), result
    bucket.is_clean(*ids[2:])


# 91
def test_what_the_store_holds_locked(five):
    bucket, ids = five
    bucket.proxy.on("DELETE", path=f"{ids[0]}.json", times=None, answer=DENIED)
    result = bucket.prune(expect=3)
    assert re.search(rf"{ids[0]} .* locked: the next prune tries again", result.out), result
    assert "the object is locked" in result.err and "1 deleted" in result.out, result
    assert bucket.kist.history("prune")[-1]["locked"] == {"s3": [ids[0]]}
    assert bucket.there() == bucket.data() == [ids[0], *ids[2:]] and bucket.tombstones() == []
    bucket.kist.run("verify", "p", "--all")
    # A run that is good but for that is degraded, and says why.
    new = bucket.runs(1000, expect=3)
    assert ids[0] in bucket.there()
    bucket.proxy.clear()
    bucket.prune()
    bucket.is_clean(*ids[3:], *new)


def test_data_that_is_locked(five):
    bucket, ids = five
    bucket.proxy.on(**DELETE_MANY, times=None, answer=DENIED)
    bucket.proxy.on("DELETE", path="(?<!_kist)/p/", times=None, answer=DENIED)
    result = bucket.prune(expect=3)
    assert len(re.findall("locked: the next prune tries again", result.out)) == 2, result
    assert bucket.there() == ids[2:] and bucket.data() == ids and len(bucket.tombstones()) == 2
    dry = bucket.prune("--dry-run")
    assert re.search(rf"{ids[0]} .* deleted +would go: its data is not all gone yet", dry.out), dry
    bucket.proxy.clear()
    bucket.prune()
    bucket.is_clean(*ids[2:])


def test_a_store_that_takes_no_tombstone(five):
    bucket, ids = five
    bucket.proxy.on("PUT", path="tombstone", times=None, answer=DENIED)
    bucket.prune(expect=3)
    assert bucket.there() == bucket.data() == ids and bucket.tombstones() == []


def test_the_clock_of_the_store(five):
    """It is told by the time that the tombstone gets there."""
    bucket, ids = five

    def late(status, fields, body):
        return (
            status,
            [
                (name, "Sat, 01 Jan 2000 00:00:00 GMT" if name.lower() == "last-modified" else value)
                for name, value in fields
            ],
            body,
        )

    bucket.proxy.on("HEAD", path="tombstone", times=None, edit=late)
    result = bucket.prune(expect=3)
    assert "clock" in result.err, result
    assert bucket.there() == bucket.data() == ids and bucket.tombstones() == []
