"""What a Vercel Blob store in memory is made of: blobs, uploads, requests and refusals."""
import hashlib
import time
from datetime import datetime, timezone
from urllib.parse import parse_qsl, urlsplit

API = "/api/blob"
CONTENT = "/content"


class Refusal(Exception):
    """An error as the API words it."""

    def __init__(self, status, code, message, **fields):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.fields = {name.replace("_", "-"): str(value) for name, value in fields.items()}


def bad_request(message):
    return Refusal(400, "bad_request", message)


def md5(data):
    return hashlib.md5(data).hexdigest()


class Blob:
    def __init__(self, name, data, kind, max_age, etag=None, at=None):
        self.name, self.data, self.kind, self.max_age = name, data, kind, max_age
        self.etag = f'"{etag or md5(data)}"'
        self.at = at or time.time()  # when it was uploaded

    @property
    def uploaded(self):
        return datetime.fromtimestamp(self.at, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Upload:
    def __init__(self, name, kind, max_age):
        self.name, self.kind, self.max_age = name, kind, max_age
        self.parts = {}


class Request:
    """One request, as it came."""

    def __init__(self, handler):
        split = urlsplit(handler.path)
        self.method, self.target, self.path = handler.command, handler.path, split.path
        self.query = dict(parse_qsl(split.query, keep_blank_values=True))
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body, self.status, self.at = b"", None, time.monotonic()

    def __repr__(self):
        return f"{self.method} {self.target} ({len(self.body)} bytes) -> {self.status}"

    @property
    def is_content(self):
        host = self.headers.get("host", "").split(":")[0]
        return self.path.startswith(CONTENT + "/") or host.endswith(".blob.vercel-storage.com")

    @property
    def action(self):
        """What is asked for, in one word."""
        if self.is_content:
            return "get"
        tail = self.path[len(API) :].strip("/")
        if tail == "mpu":
            return "mpu-" + self.headers.get("x-mpu-action", "?")
        if tail:
            return tail
        if self.method == "PUT":
            return "copy" if "fromUrl" in self.query else "put"
        return "head" if "url" in self.query else "list"
