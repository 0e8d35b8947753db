"""The servers and the fault proxy that other tests rely on: the official client works with them, directly and through the
proxy, and each fault is what the client sees."""
import hashlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
from cluster import SUPPORT, clean_environment
from fault_proxy import Answer, FaultProxy, s3_error
from processes import descendants, is_gone, wait_until
from s3_client import Aws, Client

BODY = bytes(range(256)) * 100


@pytest.fixture(params=["directly", "by the proxy"])
def endpoint(request, store, proxy):
    return store.endpoint if request.param == "directly" else proxy.endpoint


def test_the_official_client(store, bucket, endpoint, tmp_path):
    file, copy = tmp_path / "file", tmp_path / "copy"
    file.write_bytes(os.urandom(17 << 20))
    aws = Aws(endpoint, store.access_key, store.secret_key)
    aws.api("put-object", "--bucket", bucket, "--key", "a b/ü+%", "--body", "/etc/passwd")
    aws.run("s3", "cp", "--no-progress", file, f"s3://{bucket}/in parts")
    assert {each["Key"] for each in aws.api("list-objects-v2", "--bucket", bucket)["Contents"]} == {
        "a b/ü+%",
        "in parts",
    }
    about = aws.api("get-object", "--bucket", bucket, "--key", "in parts", copy)
    assert about["ContentLength"] == 17 << 20 and copy.read_bytes() == file.read_bytes()
    # The small client of the tests sees the same.
    client = Client(endpoint, store.access_key, store.secret_key)
    assert client.list(bucket) == {"a b/ü+%": os.path.getsize("/etc/passwd"), "in parts": 17 << 20}
    assert hashlib.sha256(client.get(bucket, "in parts")).digest() == hashlib.sha256(file.read_bytes()).digest()


def test_a_wrong_signature(store, bucket, endpoint):
    reply = Client(endpoint, store.access_key, "wrong").send("GET", bucket)
    assert (reply.status, reply.code) == (403, "SignatureDoesNotMatch")


def test_uploads_are_seen(store, bucket):
    id = store.client.ask("POST", bucket, "begun", query={"uploads": ""}).xml.findtext("UploadId")
    assert store.client.uploads(bucket) == [("begun", id)]
    assert store.client.list(bucket) == {}
    store.client.ask("DELETE", bucket, "begun", query={"uploadId": id})
    assert store.client.uploads(bucket) == []


@pytest.mark.parametrize("kind", ["ceph", "swift"])
def test_a_server_ends_with_whom_it_serves(request, kind):
    request.getfixturevalue(kind)  # it is there, and two of them are at the same time
    process = subprocess.Popen(
        [sys.executable, SUPPORT / "s3.py", kind], stdout=subprocess.PIPE, text=True, env=clean_environment()
    )
    values = dict(process.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(5))
    port = int(values["S3_ENDPOINT"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        pass
    pids = descendants(process.pid)
    folder = os.readlink(f"/proc/{min(pids)}/cwd")
    assert folder.startswith(f"/tmp/kist-{kind}.") and len(pids) == (3 if kind == "ceph" else 1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert wait_until(lambda: all(is_gone(pid) for pid in pids), 5)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port))
    shutil.rmtree(folder)


# The faults, as a plain client sees them.
@pytest.fixture
def echo():
    """A proxy with nothing behind it that answers everything with BODY."""
    with FaultProxy(default=Answer(200, BODY, X_Who="default")) as proxy:
        yield proxy


@pytest.fixture
def behind(echo):
    """A proxy before that one."""
    with FaultProxy(echo.endpoint) as proxy:
        yield proxy


def ask(proxy, method="GET", path="/x", body=None, timeout=5):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=timeout)
    try:
        connection.request(method, path, body)
        reply = connection.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read()
    finally:
        connection.close()


def test_requests_are_remembered(echo, behind):
    connection = http.client.HTTPConnection("127.0.0.1", behind.port)
    for number in range(3):  # on one connection
        connection.request("PUT", f"/b/k?partNumber={number}", BODY)
        reply = connection.getresponse()
        assert (reply.status, reply.read()) == (200, BODY)
    assert behind.count("PUT", query="partNumber=1$") == 1
    assert [(each.path, each.received, each.status) for each in behind.requests] == [("/b/k", len(BODY), 200)] * 3
    assert echo.count() == 3
    assert ask(behind, "HEAD")[2] == b""


def test_an_answer_of_its_own(echo, behind):
    behind.on("GET", path="^/x", nth=2, times=2, answer=s3_error(503, "SlowDown", Retry_After=7))
    found = [ask(behind, path=path)[0] for path in ("/x", "/y", "/x", "/x", "/x")]
    assert found == [200, 200, 503, 503, 200]
    assert echo.count() == 3
    behind.on("GET", answer=lambda exchange: Answer(307, Location="http://elsewhere" + exchange.target))
    status, fields, _ = ask(behind, path="/x?y=1")
    assert (status, fields["Location"]) == (307, "http://elsewhere/x?y=1")
    behind.on("PUT", answer=Answer(403, b"no"), early=True)
    assert ask(behind, "PUT", body=BODY)[0] == 403


@pytest.mark.parametrize("how, error", [("reset", ConnectionResetError), ("fin", http.client.RemoteDisconnected)])
def test_the_request_is_cut(echo, behind, how, error):
    behind.on("PUT", cut_request=20000, how=how)
    with pytest.raises((error, BrokenPipeError)):
        ask(behind, "PUT", body=BODY * 100)
    assert echo.count() == 0
    behind.on("PUT", cut_request=20000, how=how, pass_on=True)
    with pytest.raises((error, BrokenPipeError)):
        ask(behind, "PUT", body=BODY * 100)
    assert wait_until(lambda: echo.count("PUT") == 1)
    assert wait_until(lambda: echo.requests[0].received == 20000)


def test_the_reply_is_cut(behind):
    behind.on(cut_head=10, how="fin")
    with pytest.raises(http.client.HTTPException):
        ask(behind)
    behind.on(cut_head=0)
    with pytest.raises(ConnectionResetError):
        ask(behind)
    behind.on(cut_reply=1000, how="fin")
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(behind)
    assert caught.value.partial == BODY[:1000]


def test_the_reply_is_lost(echo, behind):
    called = []
    behind.on("PUT", drop_reply=True, then=called.append)
    with pytest.raises(ConnectionResetError):
        ask(behind, "PUT", body=BODY)
    assert echo.requests[0].received == len(BODY) and called == behind.requests


def test_other_bytes_are_sent_up_or_down(store, bucket, proxy):
    client = Client(proxy.endpoint, store.access_key, store.secret_key)
    proxy.on("PUT", change=lambda body: body[:-1] + b"!")
    reply = client.send("PUT", bucket, "k", body=BODY)
    assert reply.status == 400, reply
    # Behind the back of whoever stored it.
    proxy.on("PUT", then=lambda exchange: store.client.put(bucket, "k", b"other"))
    client.put(bucket, "k", BODY)
    assert store.client.get(bucket, "k") == b"other"
    proxy.on("GET", edit=lambda status, fields, body: (status, fields, b"0ther"))
    assert client.get(bucket, "k") == b"0ther"
    proxy.on("GET", edit=lambda status, fields, body: (status, fields, body[:2]))
    with pytest.raises(http.client.IncompleteRead):
        client.get(bucket, "k")


def test_slow_and_stalled(behind):
    begun = time.monotonic()
    behind.on(delay=0.3)
    assert ask(behind)[0] == 200
    behind.on(drip=(len(BODY) // 3, 0.1))
    assert ask(behind)[2] == BODY
    assert 0.6 < time.monotonic() - begun < 5
    behind.on(stall=True)
    with pytest.raises(TimeoutError):
        ask(behind, timeout=0.3)
    behind.on(answer=Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"))
    with pytest.raises((http.client.HTTPException, ConnectionResetError, AssertionError)):
        assert ask(behind)[2] == BODY
