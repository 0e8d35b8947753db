"""OpenStack Swift with its S3 interface, the whole cluster in one process (s3_swift_server.py)."""
import os

from s3 import SUPPORT, Server

PYTHON = "/usr/bin/python3"


class Swift(Server):
    """Strict about the region in a signature. Lacks conditional writes (501), checksums, tags and storage classes. Lists
    100 objects a page."""

    name = "swift"
    # Swift spells a user 'account:user'.
    access_key = "test:tester"
    secret_key = "SwiftTestSecret+/abcdefghijklmnopqr0001"

    @classmethod
    def missing(cls):
        # The library will do: the programs are in packages that start services.
        return None if os.path.isdir("/usr/lib/python3/dist-packages/swift") else "python3-swift"

    def serve(self):
        # -P: modules are not looked for beside the script.
        script = SUPPORT / "s3_swift_server.py"
        self.spawn(PYTHON, "-P", script, self.dir, self.port, self.access_key, self.secret_key)
        self.wait_for((self.dir / "ready").exists)
