"""What a network, a CDN and a store may do wrong to a backup on Vercel Blob. Numbers are rows of the list of faults."""
import json

import pytest
from fault_proxy import Answer, FaultProxy
from vercel_case import Case, flip, refusal
from vercel_fake import VercelFake
from vercel_kist import BlobStore


@pytest.fixture
def fake():
    with VercelFake() as fake:
        yield fake


@pytest.fixture
def proxy(fake):
    with FaultProxy(fake.url) as proxy:
        yield proxy


@pytest.fixture
def case(kist, fake, proxy, small, noise):
    return Case(kist, fake, proxy, small, noise)


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
def test_44_errors_that_pass(case, status):
    case.proxy.on("PUT", times=2, answer=PASSING[status])
    case.works()
    puts = [each for each in case.fake.requests if each.action == "put"]
    assert {each.headers["x-api-blob-request-attempt"] for each in puts} >= {"0"}


@pytest.mark.parametrize("call", CALLS)
def test_44_at_every_call(case, call):
    case.by_proxy(large=call in ("create", "part", "complete"))
    rule = case.proxy.on(**{"times": 2, **CALLS[call]}, answer=PASSING["503"])
    case.run()
    if call == "content":
        case.kist.run("verify", "p")
    if not rule.used:
        pytest.skip("a run needs no such call")
    case.watch.after_success()


def test_44_the_same_part_is_sent_again(case):
    """Identical bytes under the same id, with the number of the try."""
    case.by_proxy(large=True)
    case.proxy.on("POST", path="/mpu$", nth=3, drop_reply=True)
    case.works()
    parts = [each for each in case.fake.requests if each.headers.get("x-mpu-part-number") == "2"]
    assert len(parts) == 2 and parts[0].body == parts[1].body
    assert [each.headers["x-api-blob-request-attempt"] for each in parts] == ["0", "1"]
    assert len({each.headers["x-api-blob-request-id"] for each in parts}) == 1


@pytest.mark.parametrize("answer", ["503", "502", "429"])
def test_45_errors_for_ever(case, answer):
    case.proxy.on("PUT", times=None, answer=PASSING[answer])
    result = case.fails()
    assert result.took < 30
    assert 4 <= case.proxy.count("PUT") <= 12, "three more tries for each object that is written"


@pytest.mark.parametrize("wait", ["1000000000", "-1", "junk", "Fri, 31 Dec 1999 23:59:59 GMT", "1"])
def test_46_how_long_to_wait(case, wait):
    case.proxy.on("PUT", answer=refusal(429, "rate_limited", Retry_After=wait))
    if wait == "1000000000":
        assert case.fails(word="429").took < 30
    else:
        result = case.works()
        assert result.took >= (1 if wait == "1" else 0)


def test_46_a_store_that_counts(case):
    """Its own limit is waited out."""
    case.fake.rate = (4, 2)
    case.store.configure(retries=10)
    case.run()
    assert any(each.status == 429 for each in case.fake.requests)
    case.fake.rate = None
    case.watch.after_success()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("call", ["put", "list", "content"])
def test_49_redirects_are_not_followed(case, status, call):
    with FaultProxy(default=Answer(200, "{}")) as other:
        where = f"{other.endpoint}/api/blob"
        case.proxy.on(**{**CALLS[call], "nth": 1, "times": None}, answer=Answer(status, "", Location=where))
        if call == "content":
            case.kist.run("verify", "p", expect=None)
            case.store.configure()
            case.watch.no_new_backup()
        else:
            assert case.fails(code=None).code in (1, 2)
        assert other.requests == [], "the token went to a stranger"


@pytest.mark.parametrize("how", ["reset", "fin"])
@pytest.mark.parametrize("call, cut", [("put", 100), ("part", 1 << 20)])
def test_50_cut_in_the_middle_of_a_part(case, call, cut, how):
    case.by_proxy(large=call == "part")
    case.proxy.on(**CALLS[call], cut_request=cut, how=how, pass_on=True)
    case.works()


@pytest.mark.parametrize("call", ["put", "part", "complete", "list", "head"])
def test_50_cut_in_the_head_of_a_reply(case, call):
    case.by_proxy(large=call in ("part", "complete"))
    rule = case.proxy.on(**CALLS[call], cut_head=20)
    case.run()
    assert rule.used
    case.watch.after_success()


@pytest.mark.parametrize("where", ["single", "first part", "all parts"])
def test_52_other_bytes_are_stored(case, where):
    """Of the same length, so that only their hash tells."""
    case.by_proxy(large=where != "single")
    damaged = []

    def damage(data):
        if (where != "single" and len(data) < 1 << 20) or (where == "first part" and damaged):
            return data
        damaged.append(len(data))
        return flip(data)

    case.fake.damage = damage
    result = case.run(expect=None)
    assert result.code in (1, 4), result
    case.fake.damage = None
    case.watch.after_failure()


def test_52_a_part_is_damaged_once(case):
    case.by_proxy(large=True)
    case.proxy.on("POST", path="/mpu$", nth=3, change=flip)
    case.works()


def test_52_etags_that_are_no_hashes(case):
    """Then what was written is read back."""

    def edit(status, fields, body):
        reply = json.loads(body)
        if "etag" in reply:
            reply["etag"] = '"0123456789abcdef0123456789abcdef"'
        body = json.dumps(reply).encode()
        fields = [(k, v) for k, v in fields if k.lower() != "content-length"] + [("Content-Length", str(len(body)))]
        return status, fields, body

    case.proxy.on("GET", query="url=", times=None, edit=edit)
    case.run()
    case.watch.after_success()


def test_52_parts_whose_etags_are_no_hashes(case):
    """Then the whole is read back, once."""
    case.by_proxy(large=True)
    case.fake.etag_of_part = lambda data: "0123456789abcdef0123456789abcdef"
    case.works()
    large = [each for each in case.fake.requests if each.action == "get" and each.path.endswith(".dump")]
    assert len(large) == 2, "once when it was written, and once by verify --all"


@pytest.mark.parametrize("size", ["short", "empty"])
def test_52_fewer_bytes_are_stored(case, size):
    case.fake.damage = (lambda data: data[:-1]) if size == "short" else (lambda data: b"")
    result = case.run(expect=None)
    assert result.code in (1, 4) and "bytes" in result.err, result
    case.fake.damage = None
    case.watch.after_failure()


def test_53_an_error_in_a_reply_of_200(case):
    case.proxy.on("PUT", times=None, answer=Answer(200, '{"error":{"code":"x","message":"y"}}'))
    case.fails()


@pytest.mark.parametrize("body", ["", "<html>Log in</html>", "[]", "null", '{"pathname":"other"}', "[" * 100_000])
def test_53_a_reply_of_200_that_is_none(case, body):
    case.proxy.on("PUT", times=None, answer=Answer(200, body))
    case.fails()


@pytest.mark.parametrize("call", ["put", "create", "part", "complete", "delete"])
@pytest.mark.parametrize("how", ["reset", "fin"])
def test_54_the_reply_is_lost(case, call, how):
    case.by_proxy(large=call in ("create", "part", "complete"))
    rule = case.proxy.on(**CALLS[call], drop_reply=True, how=how)
    case.run()
    if not rule.used:
        pytest.skip("a run needs no such call")
    if call in ("create", "complete"):
        assert case.fake.count(f"mpu-{call}") == 2
    case.watch.after_success()


def test_54_the_replies_to_all_writes_are_lost(case):
    """The first one of every object."""
    for what in ("zst", "RESTORE", "json"):
        case.proxy.on("PUT", query=f"pathname=[^&]*{what}", drop_reply=True)
    case.works()


@pytest.mark.parametrize("skew", [-86400, 86400])
def test_54_the_clocks_differ(case, skew):
    """The time of an upload is the store's."""
    case.fake.skew = skew
    for what in ("zst", "RESTORE", "json"):
        case.proxy.on("PUT", query=f"pathname=[^&]*{what}", drop_reply=True)
    case.works()


def test_54_the_same_was_there_before(case):
    """A lost reply does not make a blob of before ours, even when it has the same bytes."""
    before = []

    def plant(exchange):
        name = next(each for each in reversed(case.fake.requests) if each.action == "put").query["pathname"]
        case.fake.blobs[name].at -= 3600
        before.append(name)

    case.proxy.on("PUT", query="pathname=[^&]*zst", drop_reply=True, then=plant)
    case.fails(word="exists", planted=before)
    assert before


def test_54_the_reply_is_cut_short(case):
    case.proxy.on("PUT", cut_reply=10)
    case.works()


def test_54_lost_replies_and_then_nothing(case):
    """What may have been stored is taken back, or the next run clears it away."""
    case.proxy.on("PUT", times=None, drop_reply=True)
    case.fails()


def test_54_somebody_else_was_faster(case):
    """An answer was lost, and what is there is not ours: the run fails, and does not take back what it did not write."""
    planted = []

    def plant(exchange):
        name = next(each for each in reversed(case.fake.requests) if each.action == "put").query["pathname"]
        case.fake.put(name, b"somebody else's")
        planted.append(name)

    case.proxy.on("PUT", query="pathname=[^&]*zst", drop_reply=True, then=plant)
    result = case.fails(word="exists", planted=planted)
    assert planted and result.took < 10
    assert not any("x-if-match" in each.headers for each in case.fake.requests)


def test_57_the_manifest_cannot_be_written(case):
    case.proxy.on("PUT", query="pathname=_kist%2Fp%2F[^&]*json$", times=None, answer=PASSING["503"])
    case.fails()


def test_58_a_cdn_that_lags(case):
    """What it gave before it gives again, whatever is stored meanwhile; verify looks past it."""
    case.store.configure()
    case.fake.stale = 3600
    id = case.watch.ids[0]
    name = case.store.manifest(id)["items"][0]["key"]
    good = case.fake.blobs[name]
    case.fake.cache[name] = (good, float("inf"))
    case.fake.put(name, good.data[:-1] + b"x")
    assert case.kist.run("verify", "p", expect=4)
    case.fake.put(name, good.data)
    case.kist.run("verify", "p")


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
def test_60_refused_for_good(case, answer, word):
    case.proxy.on("PUT", times=None, answer=answer)
    result = case.fails(code=None, word=word)
    assert result.code in (1, 2, 3) and result.took < 10, result


def test_what_the_server_says_is_redacted(case):
    token = case.fake.token
    case.proxy.on("PUT", times=None, answer=refusal(403, "forbidden", f"not you: Bearer {token}\r\n\x1b[31m{token}"))
    result = case.fails(code=None)
    assert token not in result.err and "\x1b" not in result.err
