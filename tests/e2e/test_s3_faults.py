"""S3 on a bad day: what the network and the servers do then, by the fault proxy. Whatever it is, afterwards the store
holds good backups and nothing else, and the next run works."""
import email.utils
import json
import socket
import threading
import time

import pytest
from clock import skewed_by
from fault_proxy import Answer, FaultProxy, s3_error
from kist import sanitizer_options
from s3_kist import COMPLETE, CREATE, DATA, LIST, MANIFEST, PART_2, PARTS, SLOW_DOWN, fails, watched
from tls_files import make_ca, make_certificate, server_context


# 44
@pytest.mark.parametrize("what", [DATA, MANIFEST, LIST], ids=["data", "manifest", "list"])
def test_busy_for_a_while(one, what):
    watch = watched(one)
    one.proxy.on(**what, times=3, answer=SLOW_DOWN)
    result = one.kist.run("-v", "run", "p")
    assert len([line for line in result.err.splitlines() if "SlowDown" in line or "try " in line]) >= 3, result
    assert "try 4 of 4" in result.err, result
    watch.after_success()


@pytest.mark.parametrize("what", [CREATE, PART_2, COMPLETE], ids=["create", "part", "complete"])
def test_busy_in_an_upload(s3, noise, what):
    watch = watched(s3)
    s3.by_proxy(noise, **PARTS)
    rule = s3.proxy.on(**what, times=3, answer=s3_error(500, "InternalError"))
    s3.kist.run("run", "p")
    assert rule.used == 3
    watch.after_success()


def test_busy_while_reading(one):
    one.proxy.on("GET", times=2, answer=SLOW_DOWN)
    one.proxy.on("HEAD", times=2, answer=Answer(503))
    one.kist.run("verify", "p")


# 45
def test_busy_forever(one):
    watch = watched(one)
    one.by_proxy(retries=3)
    one.proxy.on(**DATA, times=None, answer=SLOW_DOWN)
    result = fails(one, "SlowDown", "tried 4 times")
    assert one.proxy.count(**DATA) == 4 and result.took < 10
    watch.after_failure()


def test_busy_longer_than_the_deadline(one):
    watch = watched(one)
    one.by_proxy(retries=20, retry_delay="1s", deadline="2s")
    one.proxy.on(**DATA, times=None, answer=SLOW_DOWN)
    result = fails(one, "SlowDown")
    assert result.took < 8
    watch.after_failure()


# 46
def test_asked_to_wait(one):
    watch = watched(one)
    rule = one.proxy.on(**DATA, answer=s3_error(429, "TooManyRequests", Retry_After=1))
    result = one.kist.run("run", "p")
    assert rule.used == 1 and 1 < result.took < 10
    watch.after_success()


def test_asked_to_wait_until(one):
    watch = watched(one)
    then = email.utils.formatdate(time.time() + 2, usegmt=True)
    one.proxy.on(**DATA, answer=s3_error(429, "TooManyRequests", Retry_After=then))
    assert one.kist.run("run", "p").took > 1
    watch.after_success()


SENSELESS = ["-1", "junk", "Thu, 01 Jan 1970 00:00:00 GMT", "1e9", "", "0x10", "9" * 400]


@pytest.mark.parametrize("value", SENSELESS, ids=lambda value: value[:12])
def test_asked_to_wait_a_senseless_time(one, value):
    one.proxy.on(**DATA, answer=s3_error(429, "TooManyRequests", Retry_After=value))
    result = one.kist.run("run", "p", expect=None)
    assert result.took < 8 and result.code in (0, 1), result
    assert result.code == 0 or value.startswith("9"), result


def test_asked_to_wait_for_years(one):
    watch = watched(one)
    one.proxy.on(**DATA, times=None, answer=s3_error(429, "TooManyRequests", Retry_After=10**9))
    assert fails(one, "TooManyRequests", "wait").took < 8
    watch.after_failure()


# 47
@pytest.mark.parametrize("minutes", [20, -20])
def test_the_clock_is_wrong(s3, minutes, tmp_path):
    s3.kist.run("run", "p")
    refused_anyway = [each.status for each in s3.proxy.requests].count(403)
    watch = watched(s3)
    env = skewed_by(tmp_path, minutes * 60)
    env["ASAN_OPTIONS"] = sanitizer_options(verify_asan_link_order="0")
    result = s3.kist.run("run", "p", env=env)
    assert result.err.count("clock of this machine") == 1, result
    # Refused once more, and right from then on.
    assert [each.status for each in s3.proxy.requests].count(403) == refused_anyway + 1, s3.proxy.requests
    s3.direct()
    assert len(s3.kist.ids()) == len(watch.ids) + 1
    s3.kist.run("verify", "p", "--all")


# 48
def expired(exchange):
    return s3_error(400, "ExpiredToken", "The provided token has expired.")


def test_the_token_expires(s3, noise):
    watch = watched(s3)
    s3.by_proxy(noise, **PARTS)
    s3.proxy.on(**PART_2, times=None, answer=expired)
    fails(s3, "expired")
    watch.after_failure()


def test_the_token_expires_and_there_is_a_new_one(one, noise, tmp_path):
    watch = watched(one)
    answer = {"Version": 1, "AccessKeyId": one.server.access_key, "SecretAccessKey": one.server.secret_key}
    answer |= {"Expiration": "2100-01-01T00:00:00Z"}
    program = tmp_path / "keys"
    program.write_text(f"#!/bin/sh\necho >>'{tmp_path}/asked'\necho '{json.dumps(answer)}'\n")
    program.chmod(0o700)
    file = tmp_path / "aws"
    file.write_text(f"[default]\ncredential_process = {program}\n")
    file.chmod(0o600)
    one.by_proxy(noise, access_key=None, secret_key=None, **PARTS)
    one.proxy.on(**PART_2, answer=expired)
    one.kist.run("run", "p", env={"AWS_CONFIG_FILE": str(file), "AWS_EC2_METADATA_DISABLED": "true"})
    assert (tmp_path / "asked").stat().st_size == 2
    watch.after_success()


# 49
class Listener:
    """A server that must not be talked to; what came all the same is in `heard`."""

    def __init__(self):
        self.socket, self.heard = socket.create_server(("127.0.0.1", 0)), []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                connection, _ = self.socket.accept()
                self.heard.append(connection.recv(65536))
                connection.close()
            except OSError:
                return

    def url(self, host):
        return f"http://{host}:{self.socket.getsockname()[1]}/elsewhere"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_sent_elsewhere(one, status):
    watch = watched(one)
    listener = Listener()
    for what in (DATA, LIST):
        for url in (listener.url("127.0.0.1"), listener.url("localhost"), "file:///etc/passwd"):
            one.proxy.clear()
            one.proxy.on(**what, times=None, answer=Answer(status, Location=url))
            assert fails(one, "redirect", code=None).code in (1, 2)
    listener.socket.close()
    assert listener.heard == []
    watch.after_failure()


# 50
BROKEN = {
    "reset in the part": {"cut_request": 1 << 20},
    "ended in the part": {"cut_request": 1 << 20, "how": "fin"},
    "reset, and the server hears of it": {"cut_request": 1 << 20, "pass_on": True},
    "before the reply": {"cut_head": 0},
    "in the head of the reply": {"cut_head": 12, "how": "fin"},
    "the reply is lost": {"drop_reply": True},
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_connection_breaks(one, noise, how):
    watch = watched(one)
    one.by_proxy(noise, **PARTS)
    rule = one.proxy.on(**PART_2, times=2, **BROKEN[how])
    one.kist.run("run", "p")
    assert rule.used == 2 and one.proxy.count(**PART_2) == 3
    watch.after_success()


def test_connections_break_forever(s3, noise):
    watch = watched(s3)
    s3.by_proxy(noise, **PARTS)
    s3.proxy.on(**PART_2, times=None, cut_request=100000)
    fails(s3, "tried 4 times")
    watch.after_failure()


# 51
@pytest.mark.parametrize("how", [{"drip": (1, 0.5)}, {"stall": True}, {"delay": 60}], ids=["drip", "stall", "silence"])
def test_too_slow(one, how):
    watch = watched(one)
    one.by_proxy(retries=1, deadline="2s")
    one.proxy.on(**DATA, times=None, **how)
    result = fails(one)
    assert result.took < 20
    one.proxy.stop()
    watch.after_failure()


# 61
def test_there_is_no_such_host(one):
    watch = watched(one)
    for endpoint, word in (("https://kist.invalid", "kist.invalid"), ("http://127.0.0.1:9", "127.0.0.1")):
        one.direct(endpoint=endpoint)
        result = fails(one, word)
        assert result.took < 20
    watch.after_failure()


# 62
@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    make_ca(folder)
    make_ca(folder, "other")
    make_certificate(folder, "good", "IP:127.0.0.1")
    make_certificate(folder, "expired", "IP:127.0.0.1", days=-1)
    make_certificate(folder, "elsewhere", "DNS:elsewhere.example,IP:127.0.0.2")
    make_certificate(folder, "foreign", "IP:127.0.0.1", ca="other")
    return folder


def test_tls(one, certificates):
    with FaultProxy(one.server.endpoint, tls=server_context(certificates / "good.pem")) as proxy:
        one.direct(endpoint=proxy.endpoint, ca_file=certificates / "ca.pem")
        one.good_run()
        assert proxy.requests


@pytest.mark.parametrize("what", ["expired", "elsewhere", "foreign", "old", "plain"])
def test_tls_that_proves_nothing(one, certificates, what):
    watch = watched(one)
    name = what if what not in ("old", "plain") else "good"
    context = None if what == "plain" else server_context(certificates / f"{name}.pem", old=what == "old")
    with FaultProxy(one.server.endpoint, tls=context) as proxy:
        endpoint = proxy.endpoint.replace("http:", "https:")
        one.direct(endpoint=endpoint, ca_file=certificates / "ca.pem")
        result = fails(one, code=None)
        assert result.code in (1, 2)
        assert proxy.requests == [], "not a byte of a request is sent"
    watch.after_failure()
