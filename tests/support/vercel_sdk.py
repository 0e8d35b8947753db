"""The official client of Vercel Blob, unmodified, as npm gives it."""
import base64
import json
import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).with_name("vercel_sdk.mjs")
PACKAGE = "@vercel/blob@2"


class SdkError(Exception):
    def __init__(self, name, message):
        super().__init__(f"{name}: {message}")
        self.name, self.message = name, message


class Sdk:
    """One process of it, whose calls go to `fake`."""

    def __init__(self, folder, fake):
        env = {
            **os.environ,
            "KIST_SDK_DIR": str(folder),
            "KIST_CONTENT_URL": fake.content_url,
            "VERCEL_BLOB_API_URL": fake.api_url,
            "BLOB_READ_WRITE_TOKEN": fake.token,
            "VERCEL_BLOB_RETRIES": "1",
        }
        self.access = fake.access
        self.process = subprocess.Popen(
            ["node", str(SCRIPT)], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def call(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self.process.stdout.readline())
        if "error" in reply:
            raise SdkError(**reply["error"])
        return reply["ok"]

    def put(self, name, data, **options):
        return self.call("put", name, coded(data), {"access": self.access, **options})

    def get(self, name, **options):
        return self.call("get", name, {"access": self.access, **options})

    def list(self, **options):
        """{name: size}, all pages."""
        found = {}
        while True:
            page = self.call("list", options)
            found |= {blob["pathname"]: blob["size"] for blob in page["blobs"]}
            if not page["hasMore"]:
                return found
            options = {**options, "cursor": page["cursor"]}


def coded(data):
    return {"base64": base64.b64encode(data).decode()}
