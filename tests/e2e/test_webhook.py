"""The notifier `webhook`: the event as JSON, signed; refusals wait for the next run."""
import hashlib
import hmac
import json
import time

import pytest
from http_sink import Answer, Sink
from tls_files import make_ca, make_certificate, server_context
from told import HOSTILE, Told, build_rude

KEY = "c4nary-of-the-signature"
PATH = "/hooks/c4naryInThePathOfTheHook?key=c4naryInTheQuery00"


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build_rude(tmp_path_factory.mktemp("plugins") / "rude")


@pytest.fixture
def told(plain_kist, plugins):
    return Told(plain_kist, plugins)


@pytest.fixture
def sink():
    with Sink() as sink:
        yield sink


def signature(request, key=KEY):
    signed = request.headers["x-kist-timestamp"].encode() + b"." + request.body
    return "sha256=" + hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()


def has_no_secret(result):
    assert "c4nary" not in result.err + result.out, result


def test_a_run_is_told_and_signed(told, sink):
    more = {
        "authorization": "Bearer c4nary-of-a-token",
        "headers": "X-Team: a b",
        "secret_header": "X-Api-Key: c4nary-of-a-key",
    }
    told.write("webhook", url=sink.url + PATH, secret=KEY, **more)
    id = told.kist.backup()
    (request,) = sink.take()
    assert (request.method, request.target) == ("POST", PATH)
    assert request.headers["content-type"] == "application/json" and request.headers["x-team"] == "a b"
    assert request.headers["authorization"] == "Bearer c4nary-of-a-token"
    assert request.headers["x-api-key"] == "c4nary-of-a-key"
    has_no_secret(told.kist.run("config", "show"))
    assert request.headers["x-kist-signature-256"] == signature(request)
    assert abs(int(request.headers["x-kist-timestamp"]) - time.time()) < 60
    event = json.loads(request.body)
    assert event["kist_event"] == 1 and event["event"] == "success" and event["pipeline"] == "p"
    assert event["backup"] == id and event["destinations"] == {"disk": True} and not event.get("late")
    # What is signed is the very body: nothing else would do.
    request.body += b" "
    assert request.headers["x-kist-signature-256"] != signature(request)


def test_hostile_texts_are_one_message(told, sink):
    told.fails(HOSTILE.encode() + b"x" * (1 << 20))
    told.write("webhook", url=sink.url + PATH)
    told.kist.run("run", "p", expect=1)
    (request,) = sink.take()
    assert "x-kist-signature-256" not in request.headers and "subject" not in request.headers
    event = json.loads(request.body)
    assert event["event"] == "failure" and "<!channel>" in event["cause"]
    assert len(request.body) < 64 << 10
    assert not any(character < " " for character in event["cause"])


def test_what_is_refused_for_a_time_is_told_by_the_next_run(told, sink):
    told.write("webhook", "", url=sink.url + PATH, deadline="1s")
    sink.answer = lambda request: Answer(503, f"no {PATH} now", {"Retry-After": "600"})
    result = told.kist.run("run", "p", expect=3)
    has_no_secret(result)
    assert "503" in result.err and len(told.waiting()) == 1
    first = json.loads(sink.take()[0].body)
    del sink.answer
    told.kist.run("run", "p")
    events = [json.loads(request.body) for request in sink.take()]
    late = [event for event in events if event.get("late")]
    assert len(events) == 2 and len(late) == 1 and told.waiting() == []
    assert (late[0]["run"], late[0]["event"]) == (first["run"], "success")
    assert late[0]["backup"] == first["backup"] != [event for event in events if event not in late][0]["backup"]


@pytest.mark.parametrize("status", (408, 425, 429, 500, 501, 599))
def test_passing_errors_are_tried_again(told, sink, status):
    told.write("webhook", url=sink.url + PATH)
    sink.answers.append(Answer(status, "later"))
    told.kist.run("notify", "test", "ops")
    requests = sink.take()
    assert len(requests) == 2 and requests[0].body == requests[1].body
    assert json.loads(requests[0].body)["event"] == "test"


@pytest.mark.parametrize("status", (400, 401, 404, 410))
def test_others_are_not(told, sink, status):
    told.write("webhook", url=sink.url + PATH)
    sink.answer = lambda request: Answer(status, f"<b>{PATH}</b> {'x' * 100000}")
    result = told.kist.run("notify", "test", "ops", expect=1)
    has_no_secret(result)
    assert str(status) in result.is_one_error() and len(result.err) < 2000
    assert len(sink.take()) == 1


@pytest.mark.parametrize("path", (PATH, "/c4nary", "/x?c4nary=1&k=c4nary2"))
@pytest.mark.parametrize("size", (0, 270))
def test_an_echoed_address_is_not_shown(told, sink, path, size):
    """Neither a short one nor one that stands where the quotation ends."""
    told.write("webhook", url=sink.url + path)
    sink.answer = lambda request: Answer(403, "x" * size + f" {path} is not for you")
    result = told.kist.run("notify", "test", "ops", expect=1)
    has_no_secret(result)
    assert "403: " in result.is_one_error()


def test_redirects_are_not_followed(told, sink):
    with Sink() as other:
        told.write("webhook", url=sink.url + PATH)
        sink.answer = lambda request: Answer(307, "", {"Location": other.url + "/c4nary"})
        result = told.kist.run("notify", "test", "ops", expect=1)
        has_no_secret(result)
        assert "redirects are not followed" in result.err
        assert len(sink.take()) == 1 and other.take() == []


@pytest.mark.parametrize(
    "answer",
    (
        Answer(204, ""),
        Answer(200, "x" * (1 << 20)),
        Answer(202, "no length", bare=True),
        Answer(raw=b"HTTP/1.0 200 OK\r\n\r\nold"),
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbroken off"),
    ),
)
def test_any_2xx_counts(told, sink, answer):
    told.write("webhook", url=sink.url + PATH)
    sink.answers.append(answer)
    told.kist.run("notify", "test", "ops")
    assert len(sink.take()) == 1


@pytest.mark.parametrize("length", ("Content-Length: 100", "Transfer-Encoding: chunked", "X: y"))
def test_a_2xx_whose_body_never_ends_counts(told, sink, length):
    told.write("webhook", url=sink.url + PATH, deadline="2s")
    sink.answer = lambda request: Answer(raw=f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n".encode(), hold=30)
    told.kist.run("run", "p")
    assert len(sink.take()) == 1 and told.waiting() == []


def test_silence(told, sink):
    told.write("webhook", url=sink.url + PATH, deadline="1s")
    sink.answer = lambda request: Answer(wait=30)
    result = told.kist.run("run", "p", expect=3)
    assert result.took < 8 and "127.0.0.1" in result.err
    has_no_secret(result)
    assert len(told.waiting()) == 1


def test_tls_is_verified(told, tmp_path):
    ca = make_ca(tmp_path)
    make_certificate(tmp_path, "good", "IP:127.0.0.1")
    with Sink(server_context(tmp_path / "good.pem")) as sink:
        told.write("webhook", url=sink.url + PATH)
        assert "nobody here trusts" in told.kist.run("notify", "test", "ops", expect=1).err
        assert sink.take() == []
        told.write("webhook", url=sink.url + PATH, ca_file=ca)
        told.kist.run("notify", "test", "ops")
        assert len(sink.take()) == 1


def test_mistakes_in_the_configuration(told):
    told.write("webhook", url="http://hooks.example.com" + PATH)
    result = told.kist.run("notify", "test", "ops", expect=1)
    has_no_secret(result)
    assert "not encrypted" in result.is_one_error()
    for options, words in (
        ({"headers": "Content-Length: 3"}, "Content-Length"),
        ({"headers": "X-Api-Key: c4nary-of-a-key"}, "secret_header"),
        ({"secret_header": "X-Kist-Timestamp: 1"}, "X-Kist-Timestamp"),
        ({"secret_header": "c4nary"}, "no name"),
        ({"secret": "${EMPTY}"}, "empty"),
    ):
        told.kist.env["EMPTY"] = ""
        told.write("webhook", url="http://127.0.0.1:1/x", **options)
        result = told.kist.run("notify", "test", "ops", expect=1)
        assert result.is_one_error() and words in result.err
        has_no_secret(result)
    told.write("webhook", url="http://127.0.0.1:1/x", authorization="${TWO}")
    told.kist.env["TWO"] = "Bearer c4nary\r\nX-Smuggled: 1"
    result = told.kist.run("notify", "test", "ops", expect=1)
    assert "authorization: it holds a control character" in result.err
    has_no_secret(result)
