"""A small S3 client of its own, so that what kist did is judged by somebody else; and the official one, `aws s3api`."""
import hashlib
import hmac
import http.client
import json
import subprocess
import urllib.parse
import xml.etree.ElementTree as ElementTree
from datetime import datetime, timezone

from cluster import clean_environment

REGION = "us-east-1"


def quote(text, safe=""):
    return urllib.parse.quote(text, safe=safe + "-_.~")


def local_names(element):
    """The element without namespaces, which the servers do not agree about."""
    for each in element.iter():
        each.tag = each.tag.rpartition("}")[2]
    return element


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return f"{self.status} {self.body[:500]!r}"

    @property
    def xml(self):
        return local_names(ElementTree.fromstring(self.body))

    @property
    def code(self):
        """The <Code> of an error."""
        return self.xml.findtext("Code") if self.body else None


class Client:
    """Signs (Signature Version 4) and sends; every method but `send` fails on a status of 300 and more."""

    def __init__(self, endpoint, access_key, secret_key):
        self.endpoint, self.access_key, self.secret_key = endpoint, access_key, secret_key
        self.host = endpoint.partition("://")[2]

    def _key(self, day):
        key = b"AWS4" + self.secret_key.encode()
        for part in (day, REGION, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key

    def _sign(self, method, path, query, headers, body):
        now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        headers = {
            **{name.lower(): value for name, value in headers.items()},
            "host": self.host,
            "x-amz-date": now,
            "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        }
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
        text = "\n".join([method, path, query, lines, names, headers["x-amz-content-sha256"]])
        scope = f"{now[:8]}/{REGION}/s3/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(text.encode()).hexdigest()}"
        signature = hmac.digest(self._key(now[:8]), to_sign.encode(), "sha256").hex()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        return headers

    def send(self, method, bucket, key="", query=None, headers=None, body=b""):
        path = f"/{bucket}" + (f"/{quote(key, '/')}" if key else "")
        pairs = sorted((quote(name), quote(str(value))) for name, value in (query or {}).items())
        query = "&".join(f"{name}={value}" for name, value in pairs)
        headers = self._sign(method, path, query, headers or {}, body)
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request(method, path + ("?" + query if query else ""), body, headers)
            reply = connection.getresponse()
            return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def ask(self, *args, **more):
        reply = self.send(*args, **more)
        assert reply.status < 300, (args, reply)
        return reply

    def put(self, bucket, key, body, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("PUT", bucket, key, headers=headers, body=body)

    def get(self, bucket, key):
        return self.ask("GET", bucket, key).body

    def head(self, bucket, key):
        return self.send("HEAD", bucket, key)

    def remove(self, bucket, key):
        self.ask("DELETE", bucket, key)

    def _pages(self, bucket, query, marker_of):
        while True:
            page = self.ask("GET", bucket, query={**query}).xml
            yield page
            if page.findtext("IsTruncated") != "true":
                return
            query.update(marker_of(page))

    def list(self, bucket, prefix=""):
        """{key: size} of all that is visible."""
        query = {"list-type": "2", "prefix": prefix, "encoding-type": "url"}
        next_page = lambda page: {"continuation-token": page.findtext("NextContinuationToken")}  # noqa: E731
        return {
            urllib.parse.unquote_plus(each.findtext("Key")): int(each.findtext("Size"))
            for page in self._pages(bucket, query, next_page)
            for each in page.iter("Contents")
        }

    def uploads(self, bucket):
        """[(key, upload id)] of what was begun in parts and neither completed nor aborted."""
        page = self.ask("GET", bucket, query={"uploads": ""}).xml
        return [(each.findtext("Key"), each.findtext("UploadId")) for each in page.iter("Upload")]

    def files(self, bucket):
        """{key: content}"""
        return {key: self.get(bucket, key) for key in self.list(bucket)}


class Aws:
    """The AWS command line client that the distribution ships."""

    def __init__(self, endpoint, access_key, secret_key):
        self.endpoint = endpoint
        self.env = clean_environment(
            AWS_ACCESS_KEY_ID=access_key,
            AWS_SECRET_ACCESS_KEY=secret_key,
            AWS_DEFAULT_REGION=REGION,
            AWS_EC2_METADATA_DISABLED="true",
            AWS_MAX_ATTEMPTS="1",
            AWS_PAGER="",
        )

    def run(self, *words, expect=0):
        """(exit status, what it printed)"""
        done = subprocess.run(
            ["/usr/bin/aws", "--endpoint-url", self.endpoint, "--output", "json", *(str(word) for word in words)],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert expect is None or done.returncode == expect, done
        return done.returncode, done.stdout + done.stderr

    def api(self, *words):
        """`aws s3api`: its answer."""
        out = self.run("s3api", *words)[1]
        return json.loads(out) if out.strip() else {}
