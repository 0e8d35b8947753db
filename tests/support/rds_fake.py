#!/usr/bin/python3
"""An Amazon RDS in memory: the Query API 2014-10-31 of all regions of an account, on a free port of the loopback.

    with RdsFake() as fake:
        fake.instance("eu-west-1", "shop")          # a database that is there
        fake.url, fake.access_key, fake.secret_key  # for clients
        fake.on("CreateDBSnapshot", error=(400, "Throttling", "Rate exceeded"), times=2)
        fake.snapshots("eu-west-1")                 # {name: Snapshot}
        fake.requests, fake.count("CreateDBSnapshot")

The region is that of the signature's scope. Every signature is verified, and every parameter: one that an action does
not have, that is missing or not well formed is refused. What is made goes on with each look: a snapshot is "creating"
for `looks` looks. AssumeRole of the service `sts` gives keys for a while.

A rule (`on`) says for which call it is: `action` (None: any), `region`, of these the `nth` and the `times - 1` that
follow (None: all). What it does:

    delay=S          waits before anything else
    stall=True       nothing more happens until the client goes away or the fake stops
    first=F, then=F  F(call) before, or after, the action is done
    error=(status, code, message)   in place of the action; `acted=True`: although it was done
    raw=(status, fields, body)      any answer in place of the action
    cut=True         the connection ends, and nothing was done
    lost=True        the connection ends when all was done
    becomes=WORD     of what the action made: "stuck" as it is, "failed" or "incompatible-restore" or "vanished" after a
                     few looks, "late": two looks do not see it yet

As a program it prints one line of JSON and serves until its standard input ends.
"""
import json
import os
import socket
import struct
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from loopback import Loopback
from rds_model import ACTIONS, VERSION, Refusal, pairs_of, read
from rds_restores import Restores
from rds_snapshots import Snapshots
from rds_state import ACCOUNT, Cluster, ClusterSnapshot, Instance, Region, Snapshot, now, xml_of
from sigv4 import Key, Signed, Unsigned, verify

NAMESPACE = f"http://rds.amazonaws.com/doc/{VERSION}/"
STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
FORM = "application/x-www-form-urlencoded"
WORDS = {"delay", "stall", "first", "then", "error", "raw", "cut", "lost", "becomes", "acted"}
# A thousand million letters, for whoever expands what a document declares.
BOMB = "<!DOCTYPE r [<!ENTITY a0 'xxxxxxxxxx'>"
BOMB += "".join(f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>" for n in range(8)) + "]><r>&a8;</r>"


def method_of(action):
    """CreateDBSnapshot: create_db_snapshot"""
    text = "".join("_" + c.lower() if c.isupper() else c for c in action.replace("DB", "Db"))
    return text[1:]


class Call:
    """A request that has a good signature, and what became of it."""

    def __init__(self, region, caller, action):
        self.region, self.caller, self.action = region, caller, action
        self.params, self.made, self.rule = {}, None, None
        self.status, self.code, self.at = None, None, time.monotonic()
        self.headers, self.pairs = {}, []

    def __repr__(self):
        where = self.region.name if self.region else "?"
        return f"{self.action}@{where} {dict(self.pairs)} -> {self.status} {self.code or ''}"


class Rule:
    def __init__(self, action, region, nth, times, words):
        assert words.keys() <= WORDS, words.keys() - WORDS
        self.action, self.region, self.nth, self.times, self.words = action, region, nth, times, words
        self.seen = self.used = 0

    def applies(self, call):
        if self.action not in (None, call.action) or self.region not in (None, call.region.name):
            return False
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.seen >= self.nth + self.times):
            return False
        self.used += 1
        return True


class RdsFake(Loopback, Snapshots, Restores):
    """Attributes that may be set at any time:

    looks            so many looks until what is made is there
    deleting_looks   so many looks until what is deleted is gone; 0: it is gone at once
    quota            manual snapshots in a region
    skew             seconds that the service's clock is ahead of ours
    bad_keys         KMS keys that nobody may use
    """

    def __init__(self, access_key="AKIDFAKEOFRDS000", secret_key="c4nary/secret+of+the+fake", port=0):
        self.access_key, self.secret_key = access_key, secret_key
        self.keys = {access_key: Key(secret_key)}
        self.looks, self.deleting_looks, self.quota, self.skew, self.bad_keys = 1, 0, 100, 0, set()
        self.subnet_groups, self.security_groups = {"default", "private"}, {"sg-default1", "sg-1", "sg-2"}
        self.buckets = {"exports"}
        self.roles = {f"arn:aws:iam::{ACCOUNT}:role/{name}": None for name in ("exporter", "backup")}
        self.regions, self.requests, self.refused, self.rules, self.complaints = {}, [], [], [], []
        self.lock, self.stopped = threading.RLock(), threading.Event()
        self.listen(Handler, port)

    def stop(self):
        self.stopped.set()
        super().stop()

    # For tests: what is there, and what was asked for.
    def now(self):
        return time.time() + self.skew

    def region(self, name):
        return self.regions.setdefault(name, Region(name))

    def instance(self, region, name, **more):
        place = self.region(region)
        return place.instances.setdefault(name, Instance(place, name, **more))

    def cluster(self, region, name, members=1, **more):
        place = self.region(region)
        cluster = place.clusters[name] = Cluster(place, name, **{"engine": "aurora-postgresql", **more})
        for number in range(members):
            instance = Instance(place, f"{name}-{number + 1}", engine=cluster.engine, cluster=cluster)
            place.instances[instance.name] = instance
        return cluster

    def snapshot(self, region, name, of, tags=None, kind="manual"):
        """As if somebody else had made it."""
        is_cluster = isinstance(of, Cluster)
        made = (ClusterSnapshot if is_cluster else Snapshot)(self.region(region), name, of, kind, tags)
        made.time = now()
        self.shelf(region, is_cluster)[made.name] = made
        return made

    def shelf(self, region, cluster=False):
        place = self.region(region)
        return place.cluster_snapshots if cluster else place.snapshots

    def snapshots(self, region, cluster=False):
        with self.lock:
            return dict(self.shelf(region, cluster))

    def temporary(self, seconds=3600, role=None):
        """(id, secret, token) of keys that are good for so long."""
        id = f"ASIA{os.urandom(6).hex().upper()}"
        key = self.keys[id] = Key(os.urandom(15).hex(), os.urandom(30).hex(), self.now() + seconds, role)
        return id, key.secret, key.token

    def on(self, action=None, region=None, nth=1, times=1, **words):
        with self.lock:
            self.rules.append(Rule(action, region, nth, times, words))
            return self.rules[-1]

    def clear(self):
        """No rules, and nothing remembered of requests."""
        with self.lock:
            self.rules.clear()
            self.requests.clear()
            self.refused.clear()

    def calls(self, action=None, region=None):
        with self.lock:
            return [
                call for call in self.requests if action in (None, call.action) and region in (None, call.region.name)
            ]

    def count(self, action=None, region=None):
        return len(self.calls(action, region))

    # A call.
    def assume_role(self, call):
        role, name = call.params.get("RoleArn"), call.params.get("RoleSessionName", "")
        seconds = int(call.params.get("DurationSeconds", "3600"))
        if not name or not 900 <= seconds <= 43200:
            raise Refusal("ValidationError", "RoleSessionName or DurationSeconds")
        if role not in self.roles or self.roles[role] not in (None, call.params.get("ExternalId")):
            raise Refusal("AccessDenied", f"not authorized to perform: sts:AssumeRole on resource: {role}", 403)
        id, secret, token = self.temporary(seconds, role)
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.keys[id].expires))
        keys = {"AccessKeyId": id, "SecretAccessKey": secret, "SessionToken": token, "Expiration": expires}
        return {"Credentials": keys, "AssumedRoleUser": {"Arn": role, "AssumedRoleId": f"AROA:{name}"}}

    def act(self, call):
        """The element that stands in the answer."""
        if call.caller.service == "sts":
            call.params = dict(call.pairs)
            if call.action != "AssumeRole" or call.params.get("Version") != "2011-06-15":
                raise Refusal("InvalidAction", f"Could not find operation {call.action}")
            return self.assume_role(call)
        if call.action not in ACTIONS or dict(call.pairs).get("Version") != VERSION:
            raise Refusal("InvalidAction", f"Could not find operation {call.action} for version {VERSION}")
        call.params = read(call.action, call.pairs)
        return getattr(self, method_of(call.action))(call)

    def becomes(self, call, word):
        made = call.made
        if not made:
            return
        if word == "stuck":
            made.begin(made.status, 1)
            made.stuck, made.percent = True, 30
        elif word in ("failed", "incompatible-restore"):
            made.begin(made.status, 2, "FAILED" if made.shown == "ExportTask" else word)
            made.cause = "the fake was told so"
        elif word == "vanished":
            made.begin(made.status, 2, "deleted")
            made.gone = True
        elif word == "late":
            made.hidden = 2

    def body_of(self, call, result):
        namespace = NAMESPACE if call.caller.service == "rds" else STS_NAMESPACE
        inner = xml_of(f"{call.action}Result", result) if result is not None else ""
        tail = xml_of("ResponseMetadata", {"RequestId": os.urandom(8).hex()})
        return f'<{call.action}Response xmlns="{namespace}">{inner}{tail}</{call.action}Response>'.encode()

    def refusal(self, error):
        kind = "Sender" if error.status < 500 else "Receiver"
        inner = xml_of("Error", {"Type": kind, "Code": error.code, "Message": error.message})
        tail = xml_of("RequestId", os.urandom(8).hex())
        return f'<ErrorResponse xmlns="{NAMESPACE}">{inner}{tail}</ErrorResponse>'.encode()

    def heard(self, handler, body):
        """The call that a request is, once its signature has been verified."""
        headers = {name.lower(): value for name, value in handler.headers.items()}
        caller = verify(Signed(handler.command, handler.path, headers, body), self.keys, self.now())
        if caller.service not in ("rds", "sts"):
            raise Unsigned("SignatureDoesNotMatch", "Credential should be scoped to correct service: 'rds'.")
        if handler.command != "POST" or urlsplit(handler.path).path != "/":
            raise Refusal("InvalidAction", f"{handler.command} {handler.path}", 404)
        kind, _, charset = headers.get("content-type", "").partition(";")
        if kind.strip() != FORM or charset.strip().lower() not in ("", "charset=utf-8"):
            raise Refusal("MalformedQueryString", f"the content is '{headers.get('content-type')}'", 404)
        pairs = pairs_of(body)
        call = Call(self.region(caller.region), caller, dict(pairs).get("Action", "?"))
        call.pairs = pairs
        call.headers = {name: value for name, value in headers.items() if name != "authorization"}
        return call

    def answer(self, call):
        """(status, body, fields); None: the connection ends."""
        words = call.rule.words if call.rule else {}
        if "raw" in words:
            status, fields, body = words["raw"]
            return status, body if isinstance(body, bytes) else body.encode(), fields
        try:
            body = self.body_of(call, self.act(call)) if "error" not in words or words.get("acted") else b""
            if "error" in words:
                status, code, message = words["error"]
                raise Refusal(code, message, status)
            if "becomes" in words:
                self.becomes(call, words["becomes"])
        except Refusal as error:
            call.code = error.code
            return error.status, self.refusal(error), {"Content-Type": "text/xml"}
        return 200, body, {"Content-Type": "text/xml"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return formatdate(self.server.fake.now(), usegmt=True)

    def end(self):
        """The connection is gone, without another word."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def reply(self, status, body, fields):
        try:
            self.send_response(status)
            self.send_header("x-amzn-RequestId", os.urandom(8).hex())
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def serve(self):
        fake = self.server.fake
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            call = fake.heard(self, body)
        except (Unsigned, Refusal) as error:
            with fake.lock:
                fake.refused.append(error.code)
            self.reply(error.status, fake.refusal(error), {"Content-Type": "text/xml"})
            return
        with fake.lock:
            fake.requests.append(call)
            call.rule = next((rule for rule in fake.rules if rule.applies(call)), None)
        self.serve_call(fake, call, call.rule.words if call.rule else {})

    def serve_call(self, fake, call, words):
        if fake.stopped.wait(words.get("delay", 0)) or (words.get("stall") and self.stall()) or words.get("cut"):
            self.end()
            return
        words.get("first", lambda _: None)(call)
        with fake.lock:
            status, body, fields = fake.answer(call)
            call.status = status
            if status == 400 and call.code in ("InvalidQueryParameter", "MalformedQueryString", "MalformedInput"):
                fake.complaints.append(repr(call))
        words.get("then", lambda _: None)(call)
        if words.get("lost"):
            self.end()
            return
        self.reply(status, body, fields)

    def stall(self):
        """Until one of the two goes away."""
        self.connection.settimeout(0.05)
        while not self.server.fake.stopped.is_set():
            try:
                if not self.connection.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        return True

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = serve


def main():
    with RdsFake(port=int(sys.argv[1]) if len(sys.argv) > 1 else 0) as fake:
        fake.instance("eu-west-1", "shop")
        fake.cluster("eu-west-1", "aurora")
        about = {"url": fake.url, "access_key": fake.access_key, "secret_key": fake.secret_key, "region": "eu-west-1"}
        print(json.dumps(about), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
