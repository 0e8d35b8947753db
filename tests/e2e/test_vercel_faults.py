"""What a network, a CDN and a store may do wrong to a backup on Vercel Blob. Numbers are rows of the list of faults."""
import json

import pytest
from fault_proxy import Answer, FaultProxy
from vercel_case import flip, refusal
from vercel_fake import VercelFake
from vercel_kist import BlobStore

PASSING = {
    "500": refusal(500, "internal_server_error"),
    "502": Answer(502, "<html>Bad Gateway</html>"),
    "503": refusal(503, "service_unavailable"),
    "unknown": refusal(500, "unknown_error"),
    "429": refusal(429, "rate_limited", Retry_After=0),
}
CALLS = {
    "put": {"method": "PUT", "query": "pathname="},
    "list": {"method": "GET", "query": "limit="},
    "head": {"method": "GET", "query": "url="},
    "create": {"method": "POST", "path": "/mpu$", "nth": 1},
    "part": {"method": "POST", "path": "/mpu$", "nth": 3},
    "complete": {"method": "POST", "path": "/mpu$", "nth": 7},  # behind five parts
    "content": {"method": "GET", "path": "^/content/"},
    "delete": {"method": "POST", "path": "/delete$"},
}


@pytest.mark.parametrize("status", PASSING)
def test_44_errors_that_pass(vercel, status):
    vercel.proxy.on("PUT", times=2, answer=PASSING[status])
    vercel.works()
    puts = [each for each in vercel.fake.requests if each.action == "put"]
    assert {each.headers["x-api-blob-request-attempt"] for each in puts} >= {"0"}


@pytest.mark.parametrize("call", CALLS)
def test_44_at_every_call(vercel, call):
    vercel.by_proxy(large=call in ("create", "part", "complete"))
    rule = vercel.proxy.on(**{"times": 2, **CALLS[call]}, answer=PASSING["503"])
    vercel.run()
    if call == "content":
        vercel.kist.run("verify", "p")
    if not rule.used:
        pytest.skip("a run needs no such call")
    vercel.watch.after_success()


def test_44_the_same_part_is_sent_again(vercel):
    """Identical bytes under the same id, with the number of the try."""
    vercel.by_proxy(large=True)
    vercel.proxy.on("POST", path="/mpu$", nth=3, drop_reply=True)
    vercel.works()
    parts = [each for each in vercel.fake.requests if each.headers.get("x-mpu-part-number") == "2"]
    assert len(parts) == 2 and parts[0].body == parts[1].body
    assert [each.headers["x-api-blob-request-attempt"] for each in parts] == ["0", "1"]
    assert len({each.headers["x-api-blob-request-id"] for each in parts}) == 1


@pytest.mark.parametrize("answer", ["503", "502", "429"])
def test_45_errors_for_ever(vercel, answer):
    vercel.proxy.on("PUT", times=None, answer=PASSING[answer])
    result = vercel.fails()
    assert result.took < 30
    assert 4 <= vercel.proxy.count("PUT") <= 12, "three more tries for each object that is written"


@pytest.mark.parametrize("wait", ["1000000000", "-1", "junk", "Fri, 31 Dec 1999 23:59:59 GMT", "1"])
def test_46_how_long_to_wait(vercel, wait):
    vercel.proxy.on("PUT", answer=refusal(429, "rate_limited", Retry_After=wait))
    if wait == "1000000000":
        assert vercel.fails(word="429").took < 30
    else:
        result = vercel.works()
        assert result.took >= (1 if wait == "1" else 0)


def test_46_a_store_that_counts(vercel):
    """Its own limit is waited out."""
    vercel.fake.rate = (4, 2)
    vercel.store.configure(retries=10)
    vercel.run()
    assert any(each.status == 429 for each in vercel.fake.requests)
    vercel.fake.rate = None
    vercel.watch.after_success()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("call", ["put", "list", "content"])
def test_49_redirects_are_not_followed(vercel, status, call):
    with FaultProxy(default=Answer(200, "{}")) as other:
        where = f"{other.endpoint}/api/blob"
        vercel.proxy.on(**{**CALLS[call], "nth": 1, "times": None}, answer=Answer(status, "", Location=where))
        if call == "content":
            vercel.kist.run("verify", "p", expect=None)
            vercel.store.configure()
            vercel.watch.no_new_backup()
        else:
            assert vercel.fails(code=None).code in (1, 2)
        assert other.requests == [], "the token went to a stranger"


@pytest.mark.parametrize("how", ["reset", "fin"])
@pytest.mark.parametrize("call, cut", [("put", 100), ("part", 1 << 20)])
def test_50_cut_in_the_middle_of_a_part(vercel, call, cut, how):
    vercel.by_proxy(large=call == "part")
    vercel.proxy.on(**CALLS[call], cut_request=cut, how=how, pass_on=True)
    vercel.works()


@pytest.mark.parametrize("call", ["put", "part", "complete", "list", "head"])
def test_50_cut_in_the_head_of_a_reply(vercel, call):
    vercel.by_proxy(large=call in ("part", "complete"))
    rule = vercel.proxy.on(**CALLS[call], cut_head=20)
    vercel.run()
    assert rule.used
    vercel.watch.after_success()


@pytest.mark.parametrize("where", ["single", "first part", "all parts"])
def test_52_other_bytes_are_stored(vercel, where):
    """Of the same length, so that only their hash tells."""
    vercel.by_proxy(large=where != "single")
    damaged = []

    def damage(data):
        if (where != "single" and len(data) < 1 << 20) or (where == "first part" and damaged):
            return data
        damaged.append(len(data))
        return flip(data)

    vercel.fake.damage = damage
    result = vercel.run(expect=None)
    assert result.code in (1, 4), result
    vercel.fake.damage = None
    vercel.watch.after_failure()


def test_52_a_part_is_damaged_once(vercel):
    vercel.by_proxy(large=True)
    vercel.proxy.on("POST", path="/mpu$", nth=3, change=flip)
    vercel.works()


def test_52_etags_that_are_no_hashes(vercel):
    """Then what was written is read back."""

    def edit(status, fields, body):
        reply = json.loads(body)
        if "etag" in reply:
            reply["etag"] = '"0123456789abcdef0123456789abcdef"'
        body = json.dumps(reply).encode()
        fields = [(k, v) for k, v in fields if k.lower() != "content-length"] + [("Content-Length", str(len(body)))]
        return status, fields, body

    vercel.proxy.on("GET", query="url=", times=None, edit=edit)
    vercel.run()
    vercel.watch.after_success()


def test_52_parts_whose_etags_are_no_hashes(vercel):
    """Then the whole is read back, once."""
    vercel.by_proxy(large=True)
    vercel.fake.etag_of_part = lambda data: "0123456789abcdef0123456789abcdef"
    vercel.works()
    large = [each for each in vercel.fake.requests if each.action == "get" and each.path.endswith(".dump")]
    assert len(large) == 2, "once when it was written, and once by verify --all"


@pytest.mark.parametrize("size", ["short", "empty"])
def test_52_fewer_bytes_are_stored(vercel, size):
    vercel.fake.damage = (lambda data: data[:-1]) if size == "short" else (lambda data: b"")
    result = vercel.run(expect=None)
    assert result.code in (1, 4) and "bytes" in result.err, result
    vercel.fake.damage = None
    vercel.watch.after_failure()


def test_53_an_error_in_a_reply_of_200(vercel):
    vercel.proxy.on("PUT", times=None, answer=Answer(200, '{"error":{"code":"x","message":"y"}}'))
    vercel.fails()


@pytest.mark.parametrize("body", ["", "<html>Log in</html>", "[]", "null", '{"pathname":"other"}', "[" * 100_000])
def test_53_a_reply_of_200_that_is_none(vercel, body):
    vercel.proxy.on("PUT", times=None, answer=Answer(200, body))
    vercel.fails()


@pytest.mark.parametrize("call", ["put", "create", "part", "complete", "delete"])
@pytest.mark.parametrize("how", ["reset", "fin"])
def test_54_the_reply_is_lost(vercel, call, how):
    vercel.by_proxy(large=call in ("create", "part", "complete"))
    rule = vercel.proxy.on(**CALLS[call], drop_reply=True, how=how)
    vercel.run()
    if not rule.used:
        pytest.skip("a run needs no such call")
    if call in ("create", "complete"):
        assert vercel.fake.count(f"mpu-{call}") == 2
    vercel.watch.after_success()


def test_54_the_replies_to_all_writes_are_lost(vercel):
    """The first one of every object."""
    for what in ("zst", "RESTORE", "json"):
        vercel.proxy.on("PUT", query=f"pathname=[^&]*{what}", drop_reply=True)
    vercel.works()


@pytest.mark.parametrize("skew", [-86400, 86400])
def test_54_the_clocks_differ(vercel, skew):
    """The time of an upload is the store's."""
    vercel.fake.skew = skew
    for what in ("zst", "RESTORE", "json"):
        vercel.proxy.on("PUT", query=f"pathname=[^&]*{what}", drop_reply=True)
    vercel.works()


def test_54_the_same_was_there_before(vercel):
    """A lost reply does not make a blob of before ours, even when it has the same bytes."""
    before = []

    def plant(exchange):
        name = next(each for each in reversed(vercel.fake.requests) if each.action == "put").query["pathname"]
        vercel.fake.blobs[name].at -= 3600
        before.append(name)

    vercel.proxy.on("PUT", query="pathname=[^&]*zst", drop_reply=True, then=plant)
    vercel.fails(word="exists", planted=before)
    assert before


def test_54_the_reply_is_cut_short(vercel):
    vercel.proxy.on("PUT", cut_reply=10)
    vercel.works()


def test_54_lost_replies_and_then_nothing(vercel):
    """What may have been stored is taken back, or the next run clears it away."""
    vercel.proxy.on("PUT", times=None, drop_reply=True)
    vercel.fails()


def test_54_somebody_else_was_faster(vercel):
    """An answer was lost, and what is there is not ours: the run fails, and does not take back what it did not write."""
    planted = []

    def plant(exchange):
        name = next(each for each in reversed(vercel.fake.requests) if each.action == "put").query["pathname"]
        vercel.fake.put(name, b"somebody else's")
        planted.append(name)

    vercel.proxy.on("PUT", query="pathname=[^&]*zst", drop_reply=True, then=plant)
    result = vercel.fails(word="exists", planted=planted)
    assert planted and result.took < 10
    assert not any("x-if-match" in each.headers for each in vercel.fake.requests)


def test_57_the_manifest_cannot_be_written(vercel):
    vercel.proxy.on("PUT", query="pathname=_kist%2Fp%2F[^&]*json$", times=None, answer=PASSING["503"])
    vercel.fails()


def test_58_a_cdn_that_lags(vercel):
    """What it gave before it gives again, whatever is stored meanwhile; verify looks past it."""
    vercel.store.configure()
    vercel.fake.stale = 3600
    id = vercel.watch.ids[0]
    name = vercel.store.manifest(id)["items"][0]["key"]
    good = vercel.fake.blobs[name]
    vercel.fake.cache[name] = (good, float("inf"))
    vercel.fake.put(name, good.data[:-1] + b"x")
    assert vercel.kist.run("verify", "p", expect=4)
    vercel.fake.put(name, good.data)
    vercel.kist.run("verify", "p")


def test_58_a_public_store_behind_its_cdn(kist, small):
    """There is no way past it, so an old size is noticed, and waited out."""
    with VercelFake(access="public") as fake:
        store = BlobStore(kist, fake, small, access="public", allow_public="yes", deadline="5s")
        id = store.good_run()
        name = store.manifest(id)["items"][0]["key"]
        fake.stale = 3600
        old = type(fake.blobs[name])(name, b"old", "text/plain", 60)
        fake.cache[name] = (old, float("inf"))
        result = kist.run("verify", "p", expect=None)
        assert result.code != 0 and "CDN" in result.err, result
        fake.cache.clear()
        kist.run("verify", "p")


@pytest.mark.parametrize(
    "answer, word",
    [
        (refusal(403, "store_suspended", "This store has been suspended."), "suspended"),
        (refusal(403, "store_not_found", "The store does not exist"), "store"),
        (refusal(402, "payment_required", "Pay first"), "Pay"),
        (refusal(403, "forbidden", "Forbidden"), "token"),
        (refusal(400, "bad_request", "the file length cannot be greater than 5TB"), "length"),
        (Answer(404, "<html>no such page</html>"), "api_url"),
        (Answer(405, ""), "api_url"),
    ],
    ids=["suspended", "no store", "402", "forbidden", "too large", "404", "405"],
)
def test_60_refused_for_good(vercel, answer, word):
    vercel.proxy.on("PUT", times=None, answer=answer)
    result = vercel.fails(code=None, word=word)
    assert result.code in (1, 2, 3) and result.took < 10, result


def test_what_the_server_says_is_redacted(vercel):
    token = vercel.fake.token
    vercel.proxy.on("PUT", times=None, answer=refusal(403, "forbidden", f"not you: Bearer {token}\r\n\x1b[31m{token}"))
    result = vercel.fails(code=None)
    assert token not in result.err and "\x1b" not in result.err
