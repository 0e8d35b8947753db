"""A server that keeps what it is sent, and answers as a test wants.

    with Sink() as sink:
        sink.url, sink.requests
        sink.answers.append(Answer(503, "later", {"Retry-After": "7"}))   # to the next request; then as always
"""
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


class Answer:
    """`wait`: seconds before it; `raw`: bytes in place of all of it; `bare`: does not say how long it is; `hold`: seconds
    before the connection is closed behind `raw`."""

    def __init__(self, status=200, body="OK", headers=None, wait=0, raw=None, bare=False, hold=0):
        self.status, self.headers, self.wait, self.raw, self.bare = status, headers or {}, wait, raw, bare
        self.hold = hold
        self.body = body.encode() if isinstance(body, str) else body


class Request:
    def __init__(self, handler, body):
        split = urlsplit(handler.path)
        self.method, self.target, self.path = handler.command, handler.path, split.path
        self.query = dict(parse_qsl(split.query, keep_blank_values=True))
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body, self.at = body, time.time()

    def __repr__(self):
        return f"{self.method} {self.target} {self.body[:200]!r}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def serve(self):
        sink = self.server.sink
        size = int(self.headers.get("Content-Length", 0))
        chunks = []
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        else:
            chunks.append(self.rfile.read(size))
        request = Request(self, b"".join(chunks))
        with sink.lock:
            sink.requests.append(request)
            answer = sink.answers.pop(0) if sink.answers else None
        self.answer(answer or sink.answer(request))

    def answer(self, answer):
        if answer.wait and self.server.sink.stopped.wait(answer.wait):
            self.close_connection = True
            return
        try:
            if answer.raw is not None:
                self.wfile.write(answer.raw)
                self.server.sink.stopped.wait(answer.hold)
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.bare:
                self.send_header("Connection", "close")
                self.close_connection = True
            else:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
        except OSError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_HEAD = serve


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class Sink:
    def __init__(self, context=None):
        """`context`: of a server that speaks TLS."""
        self.requests, self.answers, self.lock, self.stopped = [], [], threading.Lock(), threading.Event()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.sink = self
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, request):
        """To whatever has no answer of its own."""
        return Answer()

    def take(self):
        """The requests since the last call."""
        with self.lock:
            taken, self.requests[:] = list(self.requests), []
        return taken
