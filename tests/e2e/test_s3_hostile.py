"""A server that means harm: whatever it answers, kist ends with a clear error, in bounded memory, and touches nothing
that is not its own."""
import gzip
import io
import sys

import pytest
from cluster import SUPPORT
from fault_proxy import Answer, FaultProxy
from kist import find_program, sanitizer_options
from s3_kist import Store, configure

COMMANDS = {
    "list": ("list", "p"),
    "verify": ("verify", "p", "--all"),
    "run": ("run", "p"),
}
ID = "2026-11-21T02-00-00Z"
GOOD = f"_kist/p/{ID}.json"


@pytest.fixture(scope="module")
def memory_limit():
    """KiB. The sanitizers take a multiple of what is asked for."""
    return (200 << 10) if b"libasan" in find_program().read_bytes() else (100 << 10)


def bounded(kist, limit, *args, **more):
    """Runs kist; it ends soon, with an error of one line, and never had much memory."""
    peak = kist.folder / "peak"
    before = [sys.executable, str(SUPPORT / "peak.py"), str(peak)]
    env = {"ASAN_OPTIONS": sanitizer_options(quarantine_size_mb="4")}  # freed memory is given back
    result = kist.run(*args, before=before, timeout=60, env=env, **{"expect": None, **more})
    assert result.code in (1, 2, 4), result
    assert 1 <= len(result.errors) <= 4, result
    assert all(len(line) < 2000 and line.isprintable() for line in result.err.splitlines()), result
    assert int(peak.read_text()) < limit, f"{peak.read_text()} KiB"
    assert result.took < 30, result
    return result


# Listings.
def listing(*contents, more="<IsTruncated>false</IsTruncated>", start="", encoding="<EncodingType>url</EncodingType>"):
    return (
        f"<?xml version='1.0' encoding='UTF-8'?>{start}<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
        f"<Name>b</Name><Prefix></Prefix>{encoding}{more}{''.join(contents)}</ListBucketResult>"
    )


def entry(key, size=100):
    return (
        f"<Contents><Key>{key}</Key><LastModified>2026-11-21T02:00:00.000Z</LastModified><ETag>&quot;0&quot;</ETag>"
        f"<Size>{size}</Size></Contents>"
    )


def bomb():
    entities = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 12))
    return f"<!DOCTYPE x [<!ENTITY e0 'x'>{entities}]>"


LISTINGS = {
    "a key with ..": listing(entry(f"_kist/p/../../../tmp/{ID}.json")),
    "a key that ends with ..": listing(entry("_kist/p/..")),
    "an absolute key": listing(entry("/etc/passwd")),
    "a key of NUL": listing(entry(f"_kist/p/{ID}%00.json")),
    "a key of control characters": listing(entry("_kist/p/%1b%5b2J%0a%0d.json")),
    "a key of half a character": listing(entry("_kist/p/%ff%fe.json")),
    "a key with a broken encoding": listing(entry("_kist/p/%zz.json")),
    "a key of 5000 characters": listing(entry("_kist/p/" + "x" * 5000 + ".json")),
    "an empty key": listing(entry("")),
    "no key": listing("<Contents><Size>1</Size></Contents>"),
    "somebody else's key": listing(entry(f"_kist/q/{ID}.json")),
    "a negative size": listing(entry(GOOD, -1)),
    "an enormous size": listing(entry(GOOD, "9" * 30)),
    "a size of letters": listing(entry(GOOD, "large")),
    "no size": listing(f"<Contents><Key>{GOOD}</Key></Contents>"),
    "more to come, but no word of where": listing(more="<IsTruncated>true</IsTruncated>"),
    "more to come, for ever": listing(
        more="<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    ),
    "a document type": listing(start="<!DOCTYPE x SYSTEM 'file:///etc/passwd'>"),
    "entities that explode": listing(entry("&e11;"), start=bomb()),
    "an entity of a file": listing(entry("&f;"), start="<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>"),
    "depth": listing("<a>" * 100000 + "</a>" * 100000),
    "an end too early": listing(entry(GOOD))[:-30],
    "something behind the end": listing() + "<Contents/>",
    "not XML": "{}",
    "not UTF-8": listing().encode().replace(b"<Name>b", b"<Name>\xff\xfe"),
    "another document": "<ListAllMyBucketsResult/>",
    "a page of HTML": "<!DOCTYPE html><html><body>Please <b>log in</b><br></body></html>",
    "nothing": b"",
    "an error in spite of 200": "<Error><Code>InternalError</Code></Error>",
}


@pytest.fixture
def hostile(kist, ceph, small):
    """A good store with one backup, behind a proxy that will answer listings."""
    with FaultProxy(ceph.endpoint) as proxy:
        store = Store(kist, ceph, ceph.bucket(), small, proxy, retries=1, deadline="5s")
        store.good_run()
        store.by_proxy()
        yield store


@pytest.mark.parametrize("name", LISTINGS)
def test_listings(hostile, name, memory_limit):
    before = hostile.files()
    hostile.proxy.on("GET", query="list-type=2", times=None, answer=Answer(200, LISTINGS[name]))
    for command in ("list", "verify"):
        bounded(hostile.kist, memory_limit, *COMMANDS[command])
    hostile.proxy.clear()
    assert hostile.files() == before
    hostile.kist.run("verify", "p", "--all")


def test_a_token_for_every_page(hostile, memory_limit):
    """Each page is new, empty, and not the last."""

    def page(exchange):
        token = hostile.proxy.count("GET", query="list-type=2")
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
        return Answer(200, listing(more=more))

    hostile.proxy.on("GET", query="list-type=2", times=None, answer=page)
    bounded(hostile.kist, memory_limit, "list", "p")
    assert hostile.proxy.count() < 100000


# Replies that are no good HTTP, or too much of it. They answer everything.
def endless(piece, count, head):
    yield head
    for _ in range(count):
        yield piece


def head(*fields, status="200 OK"):
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


def gzip_bomb():
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=9) as out:
        out.write(listing().encode()[:-10])
        for _ in range(200):
            out.write(b" " * (1 << 20))
    return file.getvalue()


MIB = b" " * (1 << 20)
XML = listing().encode()
REPLIES = {
    "an empty 200": lambda: Answer(200),
    "a page of HTML": lambda: Answer(200, LISTINGS["a page of HTML"], Content_Type="text/html"),
    "a body of a gigabyte": lambda: Answer(raw=endless(MIB, 1024, head(f"Content-Length: {1 << 30}"))),
    "a body without end": lambda: Answer(
        raw=endless(b"100000\r\n" + MIB + b"\r\n", 1024, head("Transfer-Encoding: chunked"))
    ),
    "an error of a gigabyte": lambda: Answer(
        raw=endless(MIB, 1024, head(f"Content-Length: {1 << 30}", status="403 Forbidden"))
    ),
    "a gzip bomb": lambda: Answer(200, gzip_bomb(), Content_Encoding="gzip"),
    "a header of a megabyte": lambda: Answer(200, XML, X_Large="x" * (1 << 20)),
    "100000 headers": lambda: Answer(
        raw=endless(b"X-Many: 1\r\n" * 100, 1000, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n")
    ),
    "headers without end": lambda: Answer(raw=endless(b"X-Many: 1\r\n" * 10000, 10000, b"HTTP/1.1 200 OK\r\n")),
    "a negative length": lambda: Answer(raw=head("Content-Length: -1") + XML),
    "two lengths": lambda: Answer(raw=head("Content-Length: 5", "Content-Length: 50") + XML),
    "a length that is too large": lambda: Answer(raw=head(f"Content-Length: {len(XML) + 5}") + XML),
    "a chunk without bounds": lambda: Answer(
        raw=head("Transfer-Encoding: chunked") + b"ffffffffffffffff\r\n" + XML
    ),
    "a chunk of letters": lambda: Answer(raw=head("Transfer-Encoding: chunked") + b"zz\r\n" + XML),
    "not HTTP": lambda: Answer(raw=b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
    "HTTP 0.9": lambda: Answer(raw=XML),
    "nothing": lambda: Answer(raw=b""),
    "only interim replies": lambda: Answer(raw=endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 1000, b"")),
    "another protocol": lambda: Answer(raw=head("Upgrade: h2c", "Connection: Upgrade", status="101 Switching")),
    "204": lambda: Answer(raw=head(status="204 No Content")),
    "304": lambda: Answer(raw=head(status="304 Not Modified")),
    "a status of 999": lambda: Answer(raw=head("Content-Length: 0", status="999 What")),
    "control characters": lambda: Answer(403, b"<Error><Code>\x1b[2J</Code><Message>\x1b]0;pwned\x07</Message></Error>"),
}


@pytest.fixture
def server(kist, ceph, small):
    """Nothing but the hostile one; `answers(reply)` says what it says to all requests."""
    with FaultProxy(default=Answer(500)) as proxy:
        keys = {"retries": 1, "retry_delay": "10ms", "deadline": "5s"}
        configure(kist, small, {"s3": ceph.section("bucket", endpoint=proxy.endpoint, **keys)})
        yield proxy


@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize("command", ["list", "run"])
def test_replies(kist, server, name, command, memory_limit):
    server.default = lambda exchange: REPLIES[name]()
    bounded(kist, memory_limit, *COMMANDS[command])
    assert server.requests


def test_an_error_that_repeats_our_secrets(kist, server, ceph, memory_limit):
    """What was sent to prove who we are is not shown, even if the server says it."""

    def echo(exchange):
        text = f"<Error><Code>AccessDenied</Code><Message>{exchange.header('authorization')}</Message></Error>"
        return Answer(403, text)

    server.default = echo
    for command in COMMANDS:
        result = bounded(kist, memory_limit, *COMMANDS[command])
        sent = {each.header("authorization").rpartition("Signature=")[2] for each in server.requests}
        assert not any(signature in result.err for signature in sent), result


# Objects.
RANGES = {
    "the whole for a part of it": lambda status, fields, body: (200, fields, body),
    "another part": lambda status, fields, body: (
        206,
        [
            (name, "bytes 0-99/" + value.rpartition("/")[2] if name.lower() == "content-range" else value)
            for name, value in fields
        ],
        body,
    ),
    "no word of which part": lambda status, fields, body: (
        206,
        [each for each in fields if each[0].lower() != "content-range"],
        body,
    ),
    "another etag": lambda status, fields, body: (
        206,
        [(name, '"0123"' if name.lower() == "etag" else value) for name, value in fields],
        body,
    ),
}


@pytest.mark.parametrize("name", RANGES)
def test_ranges(hostile, noise, name, memory_limit):
    """A read that broke off is not gone on with in the wrong place."""
    configure(hostile.kist, noise, {"s3": hostile.server.section(hostile.bucket)})
    hostile.good_run()
    hostile.by_proxy()
    path = "/p/.*/noise.dump"
    hostile.proxy.on("GET", path=path, cut_reply=2 << 20, how="fin")
    hostile.proxy.on("GET", path=path, times=None, edit=RANGES[name])
    bounded(hostile.kist, memory_limit, "verify", "p")
    assert hostile.proxy.seen("GET", path=path)[1].header("range")


@pytest.mark.parametrize("size", [1 << 30, -1])
def test_a_manifest_of_a_gigabyte(hostile, size, memory_limit):
    fields = [f"Content-Length: {size}"] if size > 0 else ["Transfer-Encoding: chunked"]
    piece = MIB if size > 0 else b"100000\r\n" + MIB + b"\r\n"
    hostile.proxy.on(
        "GET", path="/_kist/p/.*json", times=None, answer=lambda _: Answer(raw=endless(piece, 1024, head(*fields)))
    )
    hostile.proxy.on("HEAD", path="/_kist/p/.*json", times=None, answer=Answer(200, Content_Length=1000))
    for command in ("list", "verify"):
        bounded(hostile.kist, memory_limit, *COMMANDS[command])


def test_more_than_the_manifest_says(hostile, memory_limit):
    """Data that does not end is not read to its end."""
    first = head("Transfer-Encoding: chunked", 'ETag: "x"')
    hostile.proxy.on(
        *("GET", "/p/.*dump"),
        times=None,
        answer=lambda _: Answer(raw=endless(b"100000\r\n" + MIB + b"\r\n", 1024, first)),
    )
    bounded(hostile.kist, memory_limit, "verify", "p", "--level", "decode")
