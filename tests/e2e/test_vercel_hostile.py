"""What a Vercel Blob store may answer that is not what was asked for."""
import json

import pytest
from fault_proxy import Answer
from vercel_case import flip


def listing(**more):
    return Answer(200, json.dumps({"blobs": [], "hasMore": False, **more}), Content_Type="application/json")


ENTRY = {"pathname": "_kist/p/x", "size": 1, "uploadedAt": "2026-11-21T06:47:48.976Z"}
HOSTILE = {
    "same cursor": listing(hasMore=True, cursor="c"),
    "no cursor": listing(hasMore=True),
    "a negative size": listing(blobs=[{**ENTRY, "size": -1}]),
    "no size": listing(blobs=[{"pathname": "_kist/p/x"}]),
    "up": listing(blobs=[{**ENTRY, "pathname": "_kist/p/../../../etc/passwd"}]),
    "absolute": listing(blobs=[{**ENTRY, "pathname": "/etc/passwd"}]),
    "foreign": listing(blobs=[{**ENTRY, "pathname": "another/prefix"}]),
    "NUL": Answer(200, b'{"blobs":[{"pathname":"a\\u0000b","size":1}],"hasMore":false}'),
    "control": listing(blobs=[{**ENTRY, "pathname": "_kist/p/\x1b[31m\n"}]),
    "long": listing(blobs=[{**ENTRY, "pathname": "_kist/p/" + "k" * 5000}]),
    "html": Answer(200, "<html>Log in</html>"),
    "empty": Answer(200, ""),
    "cut": Answer(200, '{"blobs":['),
    "deep": Answer(200, "[" * 100_000),
    "not UTF-8": Answer(200, b'{"blobs":[{"pathname":"\xff","size":1}],"hasMore":false}'),
    "2^64": Answer(200, b'{"blobs":[{"pathname":"a","size":18446744073709551616}],"hasMore":false}'),
    "twice": Answer(200, b'{"hasMore":false,"blobs":[],"blobs":[]}'),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_lists(vercel, what):
    vercel.proxy.on("GET", query="limit=", times=None, answer=HOSTILE[what])
    result = vercel.kist.run("list", "p", expect=None)
    harmless = ("up", "absolute", "foreign", "control", "long")
    assert result.code != 0 or what in harmless, result
    assert result.took < 20 and "passwd" not in result.out and "\x1b" not in result.out + result.err
    vercel.store.configure()
    vercel.watch.no_new_backup()


def test_a_list_without_end(vercel):
    """Ever new cursors and never a blob; and a body of a gigabyte."""
    count = iter(range(10**9))
    vercel.proxy.on("GET", query="limit=", times=None, answer=lambda _: listing(hasMore=True, cursor=f"c{next(count)}"))
    assert vercel.kist.run("list", "p", expect=None).code != 0
    vercel.proxy.clear()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"
    vercel.proxy.on("GET", query="limit=", times=None, answer=Answer(raw=[head] + [b" " * (1 << 20)] * 1024))
    assert vercel.kist.run("list", "p", expect=None).code != 0


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body[:-1],
        lambda body: body + b"x",
        lambda body: b"",
        flip,
    ],
    ids=["short", "long", "empty", "flipped"],
)
def test_contents_that_are_not_right(vercel, change):
    """With a length that fits what comes."""

    def edit(status, fields, body):
        body = change(body)
        fields = [(k, v) for k, v in fields if k.lower() != "content-length"] + [("Content-Length", str(len(body)))]
        return status, fields, body

    vercel.proxy.on("GET", path="^/content/p/.*zst", times=None, edit=edit)
    assert vercel.kist.run("verify", "p", expect=None).code in (1, 4)


@pytest.mark.parametrize("cut", [0, 100])
def test_contents_that_break_off(vercel, cut):
    """Are read on from where they broke."""
    # By an end, not a reset: that would throw away what has come and was not yet read.
    vercel.proxy.on("GET", path="^/content/p/.*zst", cut_reply=cut, how="fin")
    vercel.kist.run("verify", "p")
    again = vercel.proxy.seen("GET", path="^/content/p/.*zst")[1]
    assert again.header("range") == (f"bytes={cut}-" if cut else None)


def test_contents_that_never_come(vercel):
    vercel.proxy.on("GET", path="^/content/p/.*zst", times=None, cut_reply=0)
    assert vercel.kist.run("verify", "p", expect=None).code in (1, 4)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"w" * 5000),
        Answer(206, b"w" * 10, Content_Range="bytes 0-9/5000"),
        Answer(206, b"w" * 10, Content_Range="junk"),
        Answer(206, b"w" * 10),
    ],
    ids=["whole", "another range", "junk", "no range"],
)
def test_a_range_that_is_another(vercel, answer):
    vercel.proxy.on("GET", path="^/content/p/.*zst", nth=1, cut_reply=100)
    vercel.proxy.on("GET", path="^/content/p/.*zst", nth=1, times=None, answer=answer)
    assert vercel.kist.run("verify", "p", expect=None).code in (1, 4)
