#!/usr/bin/python3
"""A Vercel Blob store in memory: the control API (version 12) below /api/blob, and the host of the contents below /content.

    with VercelFake() as fake:
        fake.api_url, fake.content_url, fake.token
        fake.blobs["a/b.txt"].data
        fake.requests         # every request, with headers and status

It takes what the real one takes and nothing more: a request without a header that the official client sends is refused, and
so are parts that are too small or of different sizes, names that are too long, and a second blob of the same name. What a
store itself may do wrong is switched on by the attributes below; what a network does wrong is FaultProxy's.

As a program it prints one line of JSON, {"api_url": ..., "content_url": ..., "token": ...}, and serves until its standard
input ends.
"""
import argparse
import base64
import json
import re
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from urllib.parse import quote, unquote, urlsplit

from loopback import Loopback
from vercel_things import API, CONTENT, Blob, Refusal, Request, Upload, bad_request, md5

PART_MIN = 5 << 20
PARTS_MAX = 10_000
NAME_MAX = 950
LIST_MAX = 1000
DELETE_MAX = 1000
CACHED_MAX = 512 << 20
MAX_AGE = 2592000
EXISTS = "This blob already exists, use `allowOverwrite: true` if you want to overwrite it."
TYPES = {"txt": "text/plain", "json": "application/json", "html": "text/html", "png": "image/png"}


class VercelFake(Loopback):
    """Attributes that may be set at any time:

    suspended     every control request is refused: store_suspended
    is_public     contents are given to everybody, whatever the access of the store
    stale         seconds that the CDN goes on giving what it once gave, also after the blob is gone or another one
    rate          (count, seconds): more control requests than that are answered with 429
    damage        F(data) is stored in place of the bytes of a put or part
    skew          seconds that the store's clock is ahead of ours
    etag_of_part  F(data) gives the etag of a part, which need not be its MD5
    """

    def __init__(self, token="vercel_blob_rw_fakeStore1_s3cr3tOfTheFake", access="private", port=0):
        self.token, self.access = token, access
        self.store = token.split("_")[3]
        self.suspended, self.is_public, self.stale, self.rate, self.damage, self.skew = False, False, 0, None, None, 0
        self.etag_of_part = md5
        self.blobs, self.uploads, self.requests, self.cache, self.recent = {}, {}, [], {}, []
        self.lock = threading.Lock()
        self.listen(Handler, port)
        self.api_url, self.content_url = self.url + API, self.url + CONTENT

    # For tests: what is there, and what was asked for.
    def put(self, name, data, kind="application/octet-stream", at=None):
        """As if somebody else had uploaded it."""
        self.blobs[name] = Blob(name, data, kind, MAX_AGE, at=at)

    def files(self):
        with self.lock:
            return {name: blob.data for name, blob in sorted(self.blobs.items())}

    def count(self, action=None, path=""):
        with self.lock:
            return sum((not action or each.action == action) and path in each.target for each in self.requests)

    # What every control request has to have.
    def check(self, request):
        headers = request.headers
        if headers.get("authorization") != f"Bearer {self.token}":
            raise Refusal(403, "forbidden", "Access denied, please provide a valid token for this resource.")
        if headers.get("x-vercel-blob-store-id") != self.store:
            raise Refusal(403, "store_not_found", "The blob store does not exist")
        if headers.get("x-api-version") != "12":
            raise bad_request(f"version {headers.get('x-api-version')}")
        if not re.fullmatch(re.escape(self.store) + r":\d{13}:[0-9a-f]+", headers.get("x-api-blob-request-id", "")):
            raise bad_request("x-api-blob-request-id")
        if not headers.get("x-api-blob-request-attempt", "").isdecimal():
            raise bad_request("x-api-blob-request-attempt")
        if self.suspended:
            raise Refusal(403, "store_suspended", "This store has been suspended.")
        if self.rate:
            count, seconds = self.rate
            now = time.monotonic()
            self.recent = [at for at in self.recent if now - at < seconds]
            if len(self.recent) >= count:
                wait = max(1, round(seconds - (now - self.recent[0])))
                raise Refusal(429, "rate_limited", "Too many requests", Retry_After=wait)
            self.recent.append(now)

    def flag(self, request, name):
        value = request.headers.get(name, "0")
        if value not in ("0", "1"):
            raise bad_request(f"{name} is '{value}'")
        return value == "1"

    def written_name(self, request):
        """The name of a blob to be written, and its headers checked."""
        name, access = request.query.get("pathname", ""), request.headers.get("x-vercel-blob-access")
        if access not in ("public", "private"):
            raise bad_request("x-vercel-blob-access is missing")
        if access != self.access:
            raise bad_request(f"Cannot use {access} access on a {self.access} store")
        if not name or len(name) > NAME_MAX or "//" in name:
            raise bad_request("pathname is not valid")
        if self.flag(request, "x-add-random-suffix"):
            stem, dot, end = name.rpartition(".")
            suffix = md5(f"{name}{time.time_ns()}".encode())
            return f"{stem}-{suffix}.{end}" if dot and "/" not in end else f"{name}-{suffix}"
        return name

    def about(self, request, name):
        """(content type, age in caches) that a new blob gets."""
        age = request.headers.get("x-cache-control-max-age", str(MAX_AGE))
        if not age.isdecimal() or int(age) < 60:
            raise bad_request("x-cache-control-max-age is less than 60")
        kind = TYPES.get(name.rpartition(".")[2], "application/octet-stream")
        return request.headers.get("x-content-type", kind), int(age)

    def check_free(self, request, name):
        wanted, blob = request.headers.get("x-if-match"), self.blobs.get(name)
        may_overwrite = self.flag(request, "x-allow-overwrite")
        if wanted and (not blob or blob.etag != wanted):
            raise Refusal(412, "precondition_failed", "Precondition failed: ETag mismatch.")
        if blob and not may_overwrite:
            raise bad_request(EXISTS)

    def url_of(self, name):
        return f"https://{self.store}.{self.access}.blob.vercel-storage.com/{quote(name)}"

    def name_of(self, text):
        """The name that a URL of this store, or a name, stands for."""
        if "://" not in text:
            return text
        split = urlsplit(text)
        if split.hostname != f"{self.store}.{self.access}.blob.vercel-storage.com".lower():
            raise bad_request("The URL is not of this store")
        return unquote(split.path[1:])

    def find(self, text):
        blob = self.blobs.get(self.name_of(text))
        if not blob:
            raise Refusal(404, "not_found", "The requested blob does not exist")
        return blob

    def described(self, blob):
        url = self.url_of(blob.name)
        return {
            "url": url,
            "downloadUrl": url + "?download=1",
            "pathname": blob.name,
            "contentType": blob.kind,
            "contentDisposition": f'inline; filename="{blob.name.rpartition("/")[2]}"',
            "etag": blob.etag,
        }

    def sized(self, blob):
        return {"size": len(blob.data), "uploadedAt": blob.uploaded}

    # The calls.
    def store_blob(self, request, name, data, kind, age, etag=None):
        self.check_free(request, name)
        blob = Blob(name, data, kind, age, etag, time.time() + self.skew)
        self.blobs[name] = blob
        return self.described(blob)

    def damaged(self, data):
        return self.damage(data) if self.damage and data else data

    def do_put(self, request):
        name = self.written_name(request)
        return self.store_blob(request, name, self.damaged(request.body), *self.about(request, name))

    def do_copy(self, request):
        if request.body:
            raise bad_request("a copy has no body")
        name, blob = self.written_name(request), self.find(request.query["fromUrl"])
        return self.store_blob(request, name, blob.data, *self.about(request, name))

    def do_rename(self, request):
        reply, old = self.do_copy(request), self.name_of(request.query["fromUrl"])
        self.blobs.pop(old)
        return reply

    def do_list(self, request):
        query = request.query
        limit, prefix, after = query.get("limit", str(LIST_MAX)), query.get("prefix", ""), ""
        if not limit.isdecimal() or not 1 <= int(limit) <= LIST_MAX:
            raise bad_request("limit is not valid")
        if "cursor" in query:
            try:
                after = base64.urlsafe_b64decode(query["cursor"].encode()).decode()
            except ValueError:
                raise bad_request("cursor is not valid") from None
        names = [name for name in sorted(self.blobs) if name.startswith(prefix) and name > after]
        folders = []
        if query.get("mode") == "folded":
            rests = [name[len(prefix) :] for name in names]
            folders = sorted({prefix + rest.split("/")[0] + "/" for rest in rests if "/" in rest})
            names = [name for name in names if "/" not in name[len(prefix) :]]
        page = [self.blobs[name] for name in names[: int(limit)]]
        wanted = ("url", "downloadUrl", "pathname", "etag")
        blobs = [{k: v for k, v in self.described(b).items() if k in wanted} | self.sized(b) for b in page]
        reply = {"blobs": blobs, "hasMore": len(names) > len(page)}
        if reply["hasMore"]:
            reply["cursor"] = base64.urlsafe_b64encode(page[-1].name.encode()).decode()
        return reply | ({"folders": folders} if query.get("mode") == "folded" else {})

    def do_head(self, request):
        blob = self.find(request.query["url"])
        age = {"cacheControl": f"public, max-age={blob.max_age}"}
        return self.described(blob) | self.sized(blob) | age

    def do_delete(self, request):
        if request.headers.get("content-type") != "application/json":
            raise bad_request("content-type")
        urls, wanted = self.json_of(request)["urls"], request.headers.get("x-if-match")
        if not urls or len(urls) > DELETE_MAX or (wanted and len(urls) > 1):
            raise bad_request("urls")
        names = [self.name_of(url) for url in urls]
        if wanted and names[0] in self.blobs and self.blobs[names[0]].etag != wanted:
            raise Refusal(412, "precondition_failed", "Precondition failed: ETag mismatch.")
        for name in names:
            self.blobs.pop(name, None)
        return None

    def json_of(self, request):
        try:
            return json.loads(request.body)
        except ValueError:
            raise bad_request("Invalid JSON") from None

    def do_mpu_create(self, request):
        name = self.written_name(request)
        id = f"upload{len(self.uploads) + 1}"
        self.uploads[id] = Upload(name, *self.about(request, name))
        return {"uploadId": id, "key": name}

    def upload_of(self, request):
        self.written_name(request)
        upload = self.uploads.get(request.headers.get("x-mpu-upload-id"))
        if not upload or unquote(request.headers.get("x-mpu-key", "")) != upload.name:
            raise Refusal(404, "not_found", "The upload does not exist")
        return upload

    def do_mpu_upload(self, request):
        upload, number = self.upload_of(request), request.headers.get("x-mpu-part-number", "")
        if not number.isdecimal() or not 1 <= int(number) <= PARTS_MAX or not request.body:
            raise bad_request("x-mpu-part-number")
        data = self.damaged(request.body)
        upload.parts[int(number)] = data
        return {"etag": f'"{self.etag_of_part(data)}"'}

    def do_mpu_complete(self, request):
        upload, listed = self.upload_of(request), self.json_of(request)
        if request.headers.get("content-type") != "application/json" or not listed:
            raise bad_request("parts are missing")
        etags = {part["partNumber"]: part["etag"] for part in listed}
        if sorted(etags) != list(range(1, len(listed) + 1)) or set(etags) != set(upload.parts):
            raise bad_request("Parts are not consecutive, or not those that were uploaded")
        parts = [upload.parts[number] for number in sorted(etags)]
        if any(etags[number] != f'"{self.etag_of_part(upload.parts[number])}"' for number in etags):
            raise bad_request("An etag is not that of the part")
        first = len(parts[0])
        if len(parts) > 1 and first < PART_MIN:
            raise bad_request("A part is too small")
        if any(len(part) != first for part in parts[:-1]) or len(parts[-1]) > first:
            raise bad_request("All parts but the last must have the same size")
        etag = md5(b"".join(bytes.fromhex(md5(part)) for part in parts)) + f"-{len(parts)}"
        reply = self.store_blob(request, upload.name, b"".join(parts), upload.kind, upload.max_age, etag)
        del self.uploads[request.headers["x-mpu-upload-id"]]
        return reply

    def control(self, request):
        calls = {"put": "PUT", "copy": "PUT", "list": "GET", "head": "GET", "delete": "POST", "rename": "POST"}
        calls |= {"mpu-create": "POST", "mpu-upload": "POST", "mpu-complete": "POST"}
        self.check(request)
        if calls.get(request.action) != request.method:
            raise Refusal(405, "not_allowed", "Method not allowed")
        return getattr(self, "do_" + request.action.replace("-", "_"))(request)

    # The host of the contents.
    def content(self, request):
        """The blob that this request gets, which may be one of earlier."""
        path = request.path[len(CONTENT) :] if request.path.startswith(CONTENT + "/") else request.path
        name, now = unquote(path[1:]), time.monotonic()
        if self.access == "private" and not self.is_public:
            if request.headers.get("authorization") != f"Bearer {self.token}":
                raise Refusal(403, "forbidden", "Forbidden")
        blob, at = self.cache.get(name, (None, 0))
        bypass = self.access == "private" and request.query.get("cache") == "0"
        if not bypass and blob and now - at < self.stale:
            return blob
        blob = self.blobs.get(name)
        if not blob:
            raise Refusal(404, "not_found", "Not found")
        if not bypass and len(blob.data) <= CACHED_MAX:
            self.cache[name] = (blob, now)
        return blob


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return formatdate((timestamp or time.time()) + self.server.fake.skew, usegmt=True)

    def read_body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        size = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(size)
        if len(body) != size:
            raise ConnectionError("the request was cut")
        return body

    def reply(self, status, body, fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 304:
            self.wfile.write(body)

    def give(self, request, blob):
        fields = {"Content-Type": blob.kind, "ETag": blob.etag, "Accept-Ranges": "bytes"}
        fields["Last-Modified"] = formatdate(blob.at, usegmt=True)
        fields["Cache-Control"] = f"public, max-age={blob.max_age}"
        fields["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(blob.name.rpartition('/')[2], safe='')}"
        if request.headers.get("if-none-match") == blob.etag:
            return 304, b"", fields
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if not wanted:
            return 200, blob.data, fields
        first, size = int(wanted[1]), len(blob.data)
        last = min(int(wanted[2] or size - 1), size - 1)
        if first >= size or last < first:
            return 416, b"", fields | {"Content-Range": f"bytes */{size}"}
        return 206, blob.data[first : last + 1], fields | {"Content-Range": f"bytes {first}-{last}/{size}"}

    def answer(self, fake, request):
        try:
            if request.is_content:
                return self.give(request, fake.content(request))
            text = json.dumps(fake.control(request))
            return 200, text.encode(), {"Content-Type": "application/json"}
        except Refusal as refusal:
            text = json.dumps({"error": {"code": refusal.code, "message": refusal.message}})
            return refusal.status, text.encode(), {"Content-Type": "application/json", **refusal.fields}

    def serve(self):
        fake, request = self.server.fake, Request(self)
        try:
            request.body = self.read_body()
        except (OSError, ValueError):
            self.close_connection = True
            return
        with fake.lock:
            fake.requests.append(request)
            status, body, fields = self.answer(fake, request)
            request.status = status
        try:
            self.reply(status, body, fields)
        except OSError:
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = serve


def main():
    parser = argparse.ArgumentParser(description="A Vercel Blob store in memory.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default="vercel_blob_rw_fakeStore1_s3cr3tOfTheFake")
    parser.add_argument("--access", choices=("private", "public"), default="private")
    options = parser.parse_args()
    with VercelFake(options.token, options.access, options.port) as fake:
        print(json.dumps({"api_url": fake.api_url, "content_url": fake.content_url, "token": fake.token}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
