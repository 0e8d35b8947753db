"""The official clients of Neon, unmodified, as npm gives them: the program neonctl, and the library @neondatabase/api-client."""
import json
import os
import re
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).with_name("neon_client.mjs")
PACKAGES = ("neonctl@5", "@neondatabase/api-client@2")


class ClientError(Exception):
    pass


class Neonctl:
    """The program. `fake`: whose project it is about."""

    def __init__(self, folder, fake):
        self.folder, self.fake = folder, fake

    def text(self, *words, key=None):
        program = self.folder / "node_modules" / "neonctl" / "bin" / "cli.js"
        common = ["--api-host", self.fake.api_url, "--api-key", key or self.fake.api_key, "--no-analytics"]
        common += ["--project-id", self.fake.project, "--config-dir", str(self.folder / "config"), "--output", "json"]
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "CI": "1"}
        done = subprocess.run(
            ["node", str(program), *words, *common], env=env, capture_output=True, text=True, timeout=180, check=False
        )
        if done.returncode:
            raise ClientError(re.sub(r"\x1b\[[0-9;]*m", "", done.stderr.strip()))
        return done.stdout

    def __call__(self, *words, **more):
        return json.loads(self.text(*words, **more))

    def branches(self):
        """{name: what is told of it}."""
        return {branch["name"]: branch for branch in self("branches", "list")}

    def snapshots(self):
        return {snapshot["name"]: snapshot for snapshot in self("snapshots", "list")}


class Client:
    """The library, in a process that calls it: client.call("createProjectBranch", project, {...})."""

    def __init__(self, folder, fake):
        env = {**os.environ, "KIST_SDK_DIR": str(folder), "KIST_API_URL": fake.api_url, "KIST_API_KEY": fake.api_key}
        self.process = subprocess.Popen(
            ["node", str(SCRIPT)], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def call(self, name, *words):
        """(status, body)."""
        self.process.stdin.write(json.dumps([name, *words]) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self.process.stdout.readline())
        if "error" in reply:
            raise ClientError(f"{reply['error']['status']} {reply['error']['message']}")
        return reply["status"], reply["data"]
