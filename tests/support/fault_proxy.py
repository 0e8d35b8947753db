"""A proxy that does to HTTP requests what a network or a server does on a bad day, by rules, and remembers them all.

    with FaultProxy(server.endpoint) as proxy:
        proxy.on("PUT", query="partNumber=2", cut_request=1000)
        ...
        assert proxy.count("PUT") == 3

A rule says which requests it is for: `method`, `path` and `query` (regular expressions, searched for in what stands in
the request line), of these the `nth` (1 is the first) and the `times - 1` that follow (None: all). The first rule that
applies acts, and the later ones do not count that request. What a rule can do, in the order in which it happens:

    delay=S             waits before anything else
    answer=Answer(...)  answers in the server's place, which hears nothing; or a function of the request that gives one
    early=True          the answer comes without the body having been read
    cut_request=N       ends the connection when N bytes of the request's body have come, `how` "reset" or "fin";
                        `pass_on=True`: the server gets these bytes and the end, too
    first=F             F(exchange) is called before the server hears of the request
    change=F            F(body) is sent to the server instead of the body (which must fit into memory)
    then=F              F(exchange) is called when the server has answered and the client does not know it yet
    drop_reply=True     the server's answer is thrown away and the connection ended
    edit=F              F(status, fields, body) gives the three that the client gets; the connection ends behind a body
                        that is shorter than its Content-Length
    cut_reply=N         ends the connection after N bytes of the reply's body; cut_head=N: of its head
    drip=(SIZE, S)      the reply comes in pieces of SIZE bytes, with S seconds between them; from the head on
    stall=True          nothing more happens until the client goes away or the proxy is stopped

The Host header is handed on as it is, so signatures stay valid.
"""
import re
import socket
import threading
import time
from urllib.parse import urlsplit

from http_wire import Gone, Wire, body_of, header, make_head, parse_head

CUT_HOW = {"reset": True, "fin": False}
HEADLESS = (204, 304)


class Answer:
    """A reply that no server gave. `raw`: bytes or an iterable of them that stand for the whole of it, head and all."""

    def __init__(self, status=200, body=b"", raw=None, reason="Said", **fields):
        self.status, self.reason, self.raw = status, reason, raw
        self.body = body.encode() if isinstance(body, str) else body
        self.fields = [(name.replace("_", "-"), str(value)) for name, value in fields.items()]

    def send(self, sink, method):
        if self.raw is not None:
            for piece in [self.raw] if isinstance(self.raw, bytes) else self.raw:
                sink.send(piece)
            raise Gone("a raw answer ends the connection")
        fields = list(self.fields)
        if header(fields, "content-length") is None:
            fields.append(("Content-Length", str(len(self.body))))
        sink.head(make_head(f"HTTP/1.1 {self.status} {self.reason}", fields))
        if method != "HEAD":
            sink.body(self.body)


def s3_error(status, code, message="said by the proxy", **fields):
    """An error as S3 words it."""
    text = f"<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(status, text, Content_Type="application/xml", **fields)


class Exchange:
    """One request, and what became of it."""

    def __init__(self, head):
        first, self.fields = parse_head(head)
        self.method, target, _ = first.split(" ", 2)
        self.path, _, self.query = target.partition("?")
        self.target = target
        self.received = 0  # bytes of its body
        self.status = None  # of the answer that was sent to the client
        self.rule = None
        self.at = time.monotonic()

    def __repr__(self):
        return f"{self.method} {self.target} ({self.received} bytes) -> {self.status}"

    def header(self, name):
        return header(self.fields, name)


ACTIONS = {
    *("delay", "answer", "early", "cut_request", "how", "pass_on", "first", "change", "then"),
    *("drop_reply", "edit", "cut_reply", "cut_head", "drip", "stall"),
}


class Rule:
    def __init__(self, method=None, path="", query="", nth=1, times=1, **action):
        self.method, self.path, self.query, self.nth, self.times = method, path, query, nth, times
        assert action.keys() <= ACTIONS, action.keys() - ACTIONS
        self.action, self.seen, self.used = action, 0, 0

    def applies(self, exchange):
        if self.method and self.method != exchange.method:
            return False
        if not re.search(self.path, exchange.path) or not re.search(self.query, exchange.query):
            return False
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.seen >= self.nth + self.times):
            return False
        self.used += 1
        return True


class Sink:
    """Sends a reply to the client, and ends it early or slowly when the rule says so."""

    def __init__(self, wire, action, stopped):
        self.wire, self.stopped = wire, stopped
        self.cut_head, self.cut_body = action.get("cut_head"), action.get("cut_reply")
        self.drip = action.get("drip")

    def send(self, data):
        if not self.drip:
            self.wire.send(data)
            return
        size, seconds = self.drip
        for start in range(0, len(data), size):
            self.wire.send(data[start : start + size])
            if self.stopped.wait(seconds):
                raise Gone("stopped")

    def head(self, data):
        if self.cut_head is not None:
            self.send(data[: self.cut_head])
            raise Gone("cut")
        self.send(data)

    def body(self, data):
        if self.cut_body is not None:
            data, self.cut_body = data[: self.cut_body], max(0, self.cut_body - len(data))
        self.send(data)
        if self.cut_body == 0:
            raise Gone("cut")


class FaultProxy:
    """`upstream`: the URL of the server behind it; None: there is none, and `default` (an Answer or a function of the
    request that gives one) answers what no rule does. `tls`: an ssl.SSLContext."""

    def __init__(self, upstream=None, tls=None, default=None):
        self.upstream = urlsplit(upstream).netloc.rsplit(":", 1) if upstream else None
        self.default, self.tls = default, tls
        self.rules, self.requests = [], []
        self.lock, self.stopped = threading.Lock(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.endpoint = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.connections = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopped.set()
        self.listener.close()
        with self.lock:
            open_ones = list(self.connections)
        for wire in open_ones:
            wire.close(reset=True)

    def on(self, method=None, path="", query="", **rule):
        """Adds a rule."""
        with self.lock:
            self.rules.append(Rule(method, path, query, **rule))
            return self.rules[-1]

    def clear(self):
        """No rules and nothing remembered."""
        with self.lock:
            self.rules.clear()
            self.requests.clear()

    def seen(self, method=None, path="", query=""):
        """The requests that a rule with these words would be for."""
        like = Rule(method, path, query, times=None)
        with self.lock:
            return [exchange for exchange in self.requests if like.applies(exchange)]

    def count(self, *args, **more):
        return len(self.seen(*args, **more))

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            try:
                sock = self.tls.wrap_socket(sock, server_side=True)
            except OSError:
                sock.close()
                return
        wire = Wire(sock)
        with self.lock:
            self.connections.add(wire)
        reset = False
        try:
            while not self.stopped.is_set():
                reset = self._exchange(wire)
                if reset is not None:
                    break
        except Gone:
            pass
        finally:
            wire.close(bool(reset))
            with self.lock:
                self.connections.discard(wire)

    def _exchange(self, wire):
        """One request and its reply. None: the connection goes on; else whether it is reset."""
        exchange = Exchange(wire.head())
        with self.lock:
            self.requests.append(exchange)
            exchange.rule = next((rule for rule in self.rules if rule.applies(exchange)), None)
        action = exchange.rule.action if exchange.rule else {}
        reset = CUT_HOW[action.get("how", "reset")]
        if self.stopped.wait(action.get("delay", 0)):
            return True
        sink = Sink(wire, action, self.stopped)
        answer = action.get("answer") or (self.default if self.upstream is None else None)
        try:
            if answer is not None:
                return self._answer(wire, exchange, action, answer, sink)
            return self._forward(wire, exchange, action, sink)
        except Gone:
            return reset

    def _body(self, wire, exchange):
        """The pieces of the request's body."""
        if exchange.header("expect"):
            wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        for piece in body_of(wire, exchange.fields):
            exchange.received += len(piece)
            yield piece

    def _answer(self, wire, exchange, action, answer, sink):
        if not action.get("early"):
            for _ in self._body(wire, exchange):
                pass
        if callable(answer):
            answer = answer(exchange)
        exchange.status = answer.status
        answer.send(sink, exchange.method)
        if action.get("stall"):
            self._wait_for_the_client(wire)
        return False if action.get("early") else None

    def _wait_for_the_client(self, wire):
        while not self.stopped.is_set():
            wire.fill()

    def _forward(self, wire, exchange, action, sink):
        if "first" in action:
            action["first"](exchange)
        server = Wire(socket.create_connection((self.upstream[0], int(self.upstream[1]))))
        with self.lock:
            self.connections.add(server)
        try:
            if self._send_up(wire, server, exchange, action):
                return CUT_HOW[action.get("how", "reset")]
            if action.get("stall"):
                self._wait_for_the_client(wire)
            return self._send_down(server, exchange, action, sink)
        finally:
            server.close()
            with self.lock:
                self.connections.discard(server)

    def _send_up(self, wire, server, exchange, action):
        """True when the request was cut."""
        fields = [(name, value) for name, value in exchange.fields if name.lower() not in ("expect", "connection")]
        fields.append(("Connection", "close"))
        pieces, cut = self._body(wire, exchange), action.get("cut_request")
        if "change" in action:
            body = action["change"](b"".join(pieces))
            fields = [(name, value) for name, value in fields if name.lower() != "content-length"]
            fields.append(("Content-Length", str(len(body))))
            pieces = iter([body])
        if cut is None or action.get("pass_on"):
            server.send(make_head(f"{exchange.method} {exchange.target} HTTP/1.1", fields))
        if cut == 0:
            return True
        for piece in pieces:
            if cut is None:
                server.send(piece)
                continue
            if action.get("pass_on"):
                server.send(piece[: max(0, len(piece) - (exchange.received - cut))])
            if exchange.received >= cut:
                return True
        assert cut is None, f"{exchange} has no {cut} bytes to be cut after"
        return False

    def _send_down(self, server, exchange, action, sink):
        head = server.head()
        first, fields = parse_head(head)
        while first.split()[1] == "100":
            first, fields = parse_head(server.head())
        status = int(first.split()[1])
        bodiless = exchange.method == "HEAD" or status in HEADLESS
        pieces = body_of(server, fields, bodiless, reply=True)
        if action.keys() & {"then", "drop_reply", "edit"}:
            pieces = [b"".join(pieces)]
        if "then" in action:
            action["then"](exchange)
        if action.get("drop_reply"):
            return CUT_HOW[action.get("how", "reset")]
        if "edit" in action:
            status, fields, body = action["edit"](status, fields, pieces[0])
            first, pieces = f"HTTP/1.1 {status} Edited", [body]
        exchange.status = status
        fields = [(name, value) for name, value in fields if name.lower() not in ("connection", "keep-alive")]
        # Chunks come back as one body that the end of the connection ends, unless that would be for ever.
        whole = header(fields, "transfer-encoding") is not None
        if whole:
            pieces = [b"".join(pieces)]
            fields = [(name, value) for name, value in fields if name.lower() != "transfer-encoding"]
            fields.append(("Content-Length", str(len(pieces[0]))))
        sink.head(make_head(first, fields))
        sent = 0
        for piece in pieces:
            sink.body(piece)
            sent += len(piece)
        if "edit" in action and not bodiless and sent < int(header(fields, "content-length", "0")):
            return False
        return None
