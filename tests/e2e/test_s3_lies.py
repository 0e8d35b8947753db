"""S3 that says one thing and holds another: lost replies, other bytes, objects that change, listings without an end.
Whatever it is, afterwards the store holds good backups and nothing else, and the next run works."""
import signal

import pytest
from fault_proxy import Answer, s3_error
from processes import wait_until
from s3_kist import ABORT, COMPLETE, CREATE, DATA, LIST, MANIFEST, PART_2, PARTS, SLOW_DOWN, configure, fails, watched


# 52
def other_bytes(s3, body):
    """Stores other bytes where kist's request went, with all that it sent about them."""

    def put(exchange):
        fields = {name.lower(): value for name, value in exchange.fields}
        kept = {name: value for name, value in fields.items() if name.startswith("x-amz-meta-")}
        s3.client.put(s3.bucket, exchange.path.split("/", 2)[2], body, **kept)

    return put


@pytest.mark.parametrize("size", ["the same size", "shorter", "longer"])
def test_other_bytes_are_stored(s3, size):
    watch = watched(s3)
    sizes = {}

    def put(exchange):
        sizes["new"] = exchange.received + {"the same size": 0, "shorter": -1, "longer": 1}[size]
        other_bytes(s3, b"x" * sizes["new"])(exchange)

    s3.proxy.on(**DATA, then=put)
    result = s3.kist.run("run", "p", expect=None)
    assert result.code in (1, 4) and sizes, result
    result.is_one_error()
    s3.direct()
    assert watch.no_new_backup() == set(), "the bad object has to go"
    watch.after_failure()


def test_other_bytes_are_stored_of_a_part(s3, noise):
    """The store has another part than the one that it took, and says so at the end or not at all."""
    watch = watched(s3)
    s3.by_proxy(noise, **PARTS)

    def put(exchange):
        key, query = exchange.path.split("/", 2)[2], dict(each.split("=", 1) for each in exchange.query.split("&"))
        s3.client.ask("PUT", s3.bucket, key, query=query, body=b"y" * exchange.received)

    s3.proxy.on(**PART_2, then=put)
    result = s3.kist.run("run", "p", expect=None)
    assert result.code in (1, 4), result
    result.is_one_error()
    s3.direct()
    assert watch.no_new_backup() == set()
    watch.after_failure()


def test_other_bytes_are_stored_in_the_end(s3, noise):
    watch = watched(s3)
    s3.by_proxy(noise, **PARTS)
    headers = {}

    def remember(exchange):
        headers.update({name: value for name, value in exchange.fields if name.lower().startswith("x-amz-meta-")})

    def put(exchange):
        key = exchange.path.split("/", 2)[2]
        size = s3.client.list(s3.bucket)[key]
        s3.client.ask("PUT", s3.bucket, key, headers=headers, body=b"z" * size)

    s3.proxy.on(**CREATE, then=remember)
    s3.proxy.on(**COMPLETE, then=put)
    result = s3.kist.run("run", "p", expect=None)
    assert result.code in (1, 4) and headers, result
    s3.direct()
    assert watch.no_new_backup() == set()
    watch.after_failure()


# 53
def test_completed_with_an_error(s3, noise):
    watch = watched(s3)
    s3.by_proxy(noise, **PARTS)
    s3.proxy.on(**COMPLETE, answer=s3_error(200, "InternalError"))
    s3.kist.run("run", "p")
    watch.after_success()


def test_completed_with_errors_only(s3, noise):
    watch = watched(s3)
    s3.by_proxy(noise, **PARTS)
    s3.proxy.on(**COMPLETE, times=None, answer=s3_error(200, "InternalError"))
    fails(s3, "InternalError")
    watch.after_failure()


@pytest.mark.parametrize("body", [b"", b"<html>hello</html>", b"<Other/>", b" " * 5000 + b"<CompleteMultip"])
def test_completed_with_nonsense(one, noise, body):
    """What does not say that the object is there is no success, unless it is found there."""
    watch = watched(one)
    one.by_proxy(noise, **PARTS)
    one.proxy.on(**COMPLETE, times=None, answer=Answer(200, body))
    fails(one)
    watch.after_failure()


# 54
@pytest.mark.parametrize("what", [DATA, COMPLETE, MANIFEST], ids=["data", "complete", "manifest"])
def test_done_and_the_reply_is_lost(s3, noise, what):
    watch = watched(s3)
    s3.by_proxy(noise if what is COMPLETE else None, **(PARTS if what is COMPLETE else {}))
    rule = s3.proxy.on(**what, drop_reply=True)
    s3.kist.run("run", "p")
    assert rule.used == 1
    watch.after_success()


# 55
def test_killed_between_parts_and_the_next_sweep_fails(one, noise):
    watch = watched(one)
    one.by_proxy(noise, **PARTS)
    one.proxy.on(**PART_2, times=None, stall=True)
    running = one.kist.start("run", "p")
    assert wait_until(lambda: one.proxy.count(**PART_2), 30)
    assert wait_until(lambda: any(each.status == 200 for each in one.proxy.seen("PUT", query="partNumber=1")), 30)
    running.signal(signal.SIGKILL)
    running.finish()
    one.by_proxy()
    one.proxy.clear()
    one.proxy.on(**ABORT, times=None, answer=SLOW_DOWN)
    result = one.kist.run("run", "p", expect=None)
    assert result.code in (0, 3), result
    assert "warning" in result.err and "upload" in result.err, result
    assert len(one.client.uploads(one.bucket)) == 1
    one.direct()
    assert one.kist.ids()[:-1] == watch.ids
    one.good_run()
    one.is_clean()


def test_an_upload_that_cannot_be_removed(one, noise):
    watch = watched(one)
    one.by_proxy(noise, **PARTS)
    one.proxy.on(**PART_2, times=None, answer=s3_error(403, "AccessDenied"))
    one.proxy.on(**ABORT, times=None, answer=SLOW_DOWN)
    result = fails(one, "AccessDenied")
    assert "warning" in result.err and "upload" in result.err, result
    assert len(one.client.uploads(one.bucket)) == 1
    watch.after_failure()


def test_a_key_that_may_not_delete(s3):
    """Backups are made all the same; nothing that is there can be lost by that key."""
    watch = watched(s3)
    s3.proxy.on("DELETE", times=None, answer=s3_error(403, "AccessDenied"))
    s3.proxy.on("POST", query="^delete", times=None, answer=s3_error(403, "AccessDenied"))
    result = s3.kist.run("run", "p", expect=None)
    assert result.code in (0, 3), result
    s3.kist.run("run", "p", expect=result.code)
    s3.direct()
    assert s3.kist.ids()[:-2] == watch.ids
    s3.kist.run("verify", "p", "--all")
    s3.good_run()
    s3.is_clean()


# 57
def test_the_manifest_cannot_be_written(s3):
    watch = watched(s3)
    s3.proxy.on(**MANIFEST, times=None, answer=s3_error(403, "AccessDenied", "You may not."))
    fails(s3, "AccessDenied", "You may not")
    watch.after_failure()


# 88
def test_objects_that_are_not_removed(s3):
    """200 for the whole, and an error for each: what stays is told, and swept by the next run."""
    watch = watched(s3)

    def keep(exchange):
        new = sorted(set(s3.client.list(s3.bucket)) - set(watch.before))
        error = "<Error><Key>{}</Key><Code>AccessDenied</Code><Message>You may not.</Message></Error>"
        return Answer(200, "<DeleteResult>" + "".join(error.format(key) for key in new) + "</DeleteResult>")

    s3.proxy.on(**MANIFEST, times=None, answer=s3_error(403, "AccessDenied"))
    rule = s3.proxy.on("POST", query="^delete", times=None, answer=keep)
    s3.proxy.on("DELETE", query="^$", times=None, answer=s3_error(403, "AccessDenied", "You may not."))
    result = fails(s3)
    assert "warning" in result.err and "remove" in result.err, result
    assert rule.used, s3.proxy.requests
    s3.direct()
    assert watch.no_new_backup(), "it could not be removed"
    watch.after_failure()


# 22, 23, 24
def more_to_come(token):
    def edit(status, fields, body):
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>".encode()
        body = body.replace(b"<IsTruncated>false</IsTruncated>", more)
        assert more in body
        fields = [(name, value) for name, value in fields if name.lower() != "content-length"]
        return status, [*fields, ("Content-Length", str(len(body)))], body

    return edit


PAGE_2 = {
    "fails": {"answer": SLOW_DOWN},
    "is refused": {"answer": s3_error(403, "AccessDenied")},
    "asks for itself": {"edit": more_to_come("one")},
    "is empty": {"answer": Answer(200, b"")},
    "is cut": {"cut_reply": 60},
    "is something else": {"answer": Answer(200, b"<html><body>please log in</body></html>")},
}


@pytest.mark.parametrize("how", PAGE_2)
def test_the_second_page_of_a_listing(one, how):
    watch = watched(one)
    one.proxy.on("GET", query="continuation-token=one", times=None, **PAGE_2[how])
    one.proxy.on(**LIST, times=None, edit=more_to_come("one"))
    for command in (("list", "p"), ("verify", "p", "--all")):
        result = one.kist.run(*command, expect=None)
        assert result.code not in (0, 6), result
        assert result.took < 15 and len(result.errors) >= 1, result
    watch.after_failure()


@pytest.fixture
def large(s3, noise):
    """The path of the data of a backup in parts, as a regular expression."""
    configure(s3.kist, noise, {"s3": s3.server.section(s3.bucket)})
    s3.good_run()
    s3.by_proxy()
    return "/p/.*/noise.dump"


def test_a_body_that_breaks_off_is_read_on(s3, large):
    rules = [s3.proxy.on("GET", path=large, cut_reply=3 << 20, how=how) for how in ("fin", "reset")]
    s3.kist.run("verify", "p", "--level", "decode")
    assert [rule.used for rule in rules] == [1, 1]
    ranges = [each.header("range") for each in s3.proxy.seen("GET", path=large)]
    starts = [int(each.removeprefix("bytes=").removesuffix("-")) for each in ranges[1:]]
    assert ranges[0] is None and len(starts) == 2 and 0 < starts[0] < starts[1] <= 6 << 20, ranges


def test_a_body_that_always_breaks_off(s3):
    s3.proxy.on("GET", path="/p/.*dump", times=None, cut_reply=0, how="fin")
    result = s3.kist.run("verify", "p", expect=None)
    assert result.code in (1, 4) and result.errors, result


def test_an_object_that_changes_while_it_is_read(s3, large):
    key = next(key for key in s3.client.list(s3.bucket) if "noise.dump" in key)
    size = s3.client.list(s3.bucket)[key]

    def change(exchange):
        s3.client.put(s3.bucket, key, b"c" * size)

    s3.proxy.on("GET", path=large, cut_reply=3 << 20, how="fin", then=change)
    result = s3.kist.run("verify", "p", expect=None)
    assert result.code in (1, 4), result
    assert "change" in result.err + result.out, result


def test_no_length_and_an_early_end(one):
    """Nobody can tell whether it is whole."""

    def edit(status, fields, body):
        return status, [each for each in fields if each[0].lower() != "content-length"], body[:700]

    one.proxy.on("GET", path="/p/.*dump", times=None, edit=lambda *reply: edit(*reply))
    result = one.kist.run("verify", "p", expect=None)
    assert result.code in (1, 4) and result.errors, result
