"""A whole Ceph cluster on one host and in memory: a monitor, a store and the S3 gateway (radosgw)."""
import http.client
import subprocess
import uuid

from cluster import clean_environment, free_port
from s3 import Server

CONFIG = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_port}/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = {dir}/keyring
run dir = {dir}
admin socket = {dir}/$name.asok
pid file =
crash dir = {dir}
log file = {dir}/$name.log
mon cluster log file = {dir}/cluster.log
debug ms = 0/0
paxos propose interval = 0.01
paxos min wait = 0.01
mon data avail warn = 1
mon data avail crit = 1
mon osd report timeout = 900
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon pg warn min per osd = 0
osd heartbeat grace = 60
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
[mon.a]
mon data = {dir}/mon
[osd.0]
osd data = {dir}/osd
osd objectstore = memstore
memstore device bytes = 8589934592
osd class load list = *
osd class default list = *
[client.rgw]
rgw data = {dir}/rgw
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw dns name = localhost
rgw thread pool size = 64
rgw num rados handles = 1
rgw gc obj min wait = 1
rgw gc processor period = 5
rgw gc processor max time = 60
"""
KEYS = {
    "mon.": ["mon", "allow *"],
    "client.admin": ["mon", "allow *", "osd", "allow *", "mgr", "allow *"],
    "client.rgw": ["mon", "allow *", "osd", "allow *", "mgr", "allow *"],
    "osd.0": ["mon", "allow profile osd", "osd", "allow *"],
}
# Besides STANDARD.
STORAGE_CLASSES = ("STANDARD_IA", "GLACIER")


class Ceph(Server):
    """Strict about If-None-Match of a PUT. Lax: any region will do in a signature, x-amz-checksum-* is not checked,
    If-None-Match is ignored when an upload in parts is completed."""

    name = "ceph"
    needs = ("ceph-mon", "ceph-osd", "radosgw", "ceph", "radosgw-admin", "monmaptool", "ceph-authtool")
    access_key = "CEPHTESTKEY0000001"
    secret_key = "CephTestSecret+/abcdefghijklmnopqrst0001"

    def call(self, *words):
        done = subprocess.run(
            [str(word) for word in words], env=clean_environment(), capture_output=True, text=True, timeout=30
        )
        if done.returncode != 0:
            raise RuntimeError(f"{done.args}: {done.stdout}{done.stderr}")
        return done.stdout

    def serve(self):
        self.fsid, self.mon_port = str(uuid.uuid4()), free_port()
        self.conf = self.dir / "ceph.conf"
        self.conf.write_text(CONFIG.format(**vars(self)))
        for name in ("mon", "osd", "rgw"):
            (self.dir / name).mkdir()
        self.serve_monitor()
        self.serve_store()
        self.make_user()
        self.spawn("radosgw", "-c", self.conf, "-n", "client.rgw", "-f")
        self.wait_for(self.answers)

    def serve_monitor(self):
        keyring, monmap = self.dir / "keyring", self.dir / "monmap"
        for number, (name, caps) in enumerate(KEYS.items()):
            words = [word for kind, cap in zip(caps[::2], caps[1::2]) for word in ("--cap", kind, cap)]
            create = [] if number else ["--create-keyring"]
            self.call("ceph-authtool", *create, keyring, "--gen-key", "-n", name, *words)
        address = f"[v2:127.0.0.1:{self.mon_port}]"
        release = self.call("ceph-mon", "--version").split()[4]
        self.call(
            *("monmaptool", "--create", "--clobber", "--fsid", self.fsid, "--enable-all-features"),
            *("--set-min-mon-release", release, "--addv", "a", address, monmap),
        )
        monitor = ("ceph-mon", "-c", self.conf, "-i", "a")
        self.call(*monitor, "--mkfs", "--keyring", keyring, "--monmap", monmap, "--fsid", self.fsid)
        self.spawn(*monitor, "-f")
        self.wait_for(self.has_quorum)

    def has_quorum(self):
        try:
            self.call("ceph", "-c", self.conf, "--connect-timeout", "2", "fsid")
            return True
        except RuntimeError:
            return False

    def serve_store(self):
        id = str(uuid.uuid4())
        self.call("ceph", "-c", self.conf, "osd", "new", id)
        self.call("ceph-osd", "-c", self.conf, "-i", "0", "--mkfs", "--osd-uuid", id)
        self.spawn("ceph-osd", "-c", self.conf, "-i", "0", "-f")

    def make_user(self):
        admin = ("radosgw-admin", "-c", self.conf, "-n", "client.rgw")
        self.call(
            *(*admin, "user", "create", "--uid=tester", "--display-name=Tester"),
            *(f"--access-key={self.access_key}", f"--secret-key={self.secret_key}"),
        )
        place = ("--placement-id", "default-placement", "--storage-class")
        for name in STORAGE_CLASSES:
            self.call(*admin, "zonegroup", "placement", "add", "--rgw-zonegroup", "default", *place, name)
            pool = ("--data-pool", "default.rgw.buckets.data")
            self.call(*admin, "zone", "placement", "add", "--rgw-zone", "default", *place, name, *pool)

    def answers(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/")
            return connection.getresponse().status < 500
        except OSError:
            return False
