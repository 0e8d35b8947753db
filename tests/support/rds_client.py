"""The official client of RDS, `aws rds`, unmodified; in this process, since it takes long to start."""
import contextlib
import http.client
import io
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from unittest import mock
from urllib.parse import urlencode

from cluster import clean_environment
from s3_client import local_names

LIBRARY = Path("/usr/lib/python3/dist-packages/awscli")


def official_model(service="rds", version="2014-10-31"):
    """What the official client knows of a service."""
    return json.loads((LIBRARY / "botocore" / "data" / service / version / "service-2.json").read_text())


def driver():
    """The official client as a new one."""
    if str(LIBRARY.parent) not in sys.path:
        sys.path.append(str(LIBRARY.parent))
    from awscli.clidriver import create_clidriver

    return create_clidriver()


def sign(fake, region, body, headers, service="rds"):
    """The headers of a request that the official client's library signed."""
    driver()
    from awscli.botocore.auth import SigV4Auth
    from awscli.botocore.awsrequest import AWSRequest
    from awscli.botocore.credentials import Credentials

    request = AWSRequest("POST", fake.url + "/", headers, body)
    SigV4Auth(Credentials(fake.access_key, fake.secret_key), service, region).add_auth(request)
    return dict(request.prepare().headers)


def send(fake, body, region="eu-west-1", headers=None, change=None, method="POST"):
    """(status, error code or None) of a request that no client would send; `change`: F(headers) once it is signed."""
    body = body if isinstance(body, bytes) else urlencode(body).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    signed = sign(fake, region, body, kind if headers is None else headers)
    connection = http.client.HTTPConnection(fake.url.partition("://")[2], timeout=30)
    try:
        connection.request(method, "/", body, (change or (lambda same: same))(signed))
        reply = connection.getresponse()
        return reply.status, local_names(ElementTree.fromstring(reply.read())).findtext("Error/Code")
    finally:
        connection.close()


class Rds:
    """`attempts`: how often it tries. Keys of a role have a `token`."""

    def __init__(self, fake, region="eu-west-1", keys=None, attempts=1):
        id, secret, token = keys or (fake.access_key, fake.secret_key, None)
        self.url, self.region = fake.url, region
        self.env = clean_environment(
            AWS_ACCESS_KEY_ID=id,
            AWS_SECRET_ACCESS_KEY=secret,
            AWS_DEFAULT_REGION=region,
            AWS_EC2_METADATA_DISABLED="true",
            AWS_MAX_ATTEMPTS=str(attempts),
            AWS_PAGER="",
            **({"AWS_SESSION_TOKEN": token} if token else {}),
        )

    def arguments(self, words, service, region):
        place = ["--endpoint-url", self.url, "--output", "json", "--region", region or self.region]
        return [*place, service, *(str(word) for word in words)]

    def run(self, *words, expect=0, service="rds", region=None):
        """(exit status, what it printed)"""
        out, err = io.StringIO(), io.StringIO()
        env = {**self.env, "AWS_DATA_PATH": str(LIBRARY / "data")}
        with mock.patch.dict(os.environ, env, clear=True):
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = driver().main(self.arguments(words, service, region))
        text = out.getvalue() + err.getvalue()
        assert expect is None or status == expect, (words, status, text)
        return status, text

    def spawn(self, *words):
        """The same by the program itself; its answer."""
        command = ["/usr/bin/aws", *self.arguments(words, "rds", None)]
        out = subprocess.run(command, env=self.env, capture_output=True, check=True, timeout=120).stdout
        return json.loads(out) if out.strip() else {}

    def ask(self, *words, **more):
        """Its answer."""
        out = self.run(*words, **more)[1]
        return json.loads(out) if out.strip() else {}

    def fails(self, code, *words, **more):
        """It is refused with that code."""
        status, text = self.run(*words, expect=None, **more)
        assert status not in (0, 127) and f"({code})" in text, (status, text)
        return text
