"""s3_swift_server.py DIR PORT ACCOUNT:USER SECRET - Swift's proxy, account, container and object servers in one process,
as Swift's own functional tests put them together. One replica, loopback only. Writes DIR/ready when it answers."""
import json
import os
import sys

import eventlet

eventlet.monkey_patch()

from eventlet import wsgi  # noqa: E402

FOLDER, PORT, ACCESS_KEY, SECRET_KEY = sys.argv[1:]
ETC = f"{FOLDER}/etc"
ACCOUNT, USER = ACCESS_KEY.split(":")
BACKENDS = ("account", "container", "object")

SWIFT_CONF = """[swift-hash]
swift_hash_path_suffix = testonly
swift_hash_path_prefix = testonly
[storage-policy:0]
name = gold
default = yes
[swift-constraints]
max_file_size = 5368709122
"""
BACKEND_CONF = """[DEFAULT]
swift_dir = {etc}
devices = {folder}/node
mount_check = false
bind_ip = 127.0.0.1
bind_port = {port}
fallocate_reserve = 0
disable_fallocate = true
log_udp_host =
[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
allow_versions = true
replication_server =
"""
FILTERS = {
    "catch_errors": "",
    "gatekeeper": "",
    "healthcheck": "",
    "listing_formats": "",
    "cache": "",
    "bulk": "",
    "s3api": """s3_acl = false
location = us-east-1
dns_compliant_bucket_names = true
force_swift_request_proxy_log = false
check_bucket_owner = false
max_bucket_listing = 100
min_segment_size = 5242880
storage_domain = localhost""",
    "tempauth": f"user_{ACCOUNT}_{USER} = {SECRET_KEY} .admin\nreseller_prefix = AUTH",
    "copy": "",
    "slo": "",
    "dlo": "",
    "versioned_writes": "allow_versioned_writes = true\nallow_object_versioning = true",
    "symlink": "",
    "proxy-logging": "",
}
# Where the code does not have the filter's name.
CODE = {"cache": "paste.filter_factory = __main__:cache_factory", "proxy-logging": "use = egg:swift#proxy_logging"}


class Cache:
    """What Swift keeps in memcached, which one process does not need."""

    def __init__(self):
        self.values = {}

    def get(self, key, **_):
        text = self.values.get(key)
        return None if text is None else json.loads(text)

    def set(self, key, value, **_):
        # As text: memcached gives back copies.
        self.values[key] = json.dumps(value)

    def incr(self, key, delta=1, **_):
        self.set(key, max(0, (self.get(key) or 0) + delta))
        return self.get(key)

    def decr(self, key, delta=1, **_):
        return self.incr(key, -delta)

    def delete(self, key, *_, **__):
        self.values.pop(key, None)

    def get_multi(self, keys, *_, **__):
        return [self.get(key) for key in keys]

    def set_multi(self, mapping, *_, **__):
        for key, value in mapping.items():
            self.set(key, value)


def cache_factory(_, **__):
    cache = Cache()

    def filter_app(app):
        def call(env, start_response):
            env["swift.cache"] = cache
            return app(env, start_response)

        return call

    return filter_app


def write(name, text):
    with open(f"{ETC}/{name}", "w") as file:
        file.write(text)


def proxy_conf():
    parts = [
        f"[DEFAULT]\nswift_dir = {ETC}\nbind_ip = 127.0.0.1\nbind_port = {PORT}",
        f"[pipeline:main]\npipeline = {' '.join(FILTERS)} proxy-server",
        "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\nallow_account_management = true\n"
        "node_timeout = 30",
    ]
    parts += [
        f"[filter:{name}]\n{CODE.get(name, f'use = egg:swift#{name}')}\n{more}" for name, more in FILTERS.items()
    ]
    return "\n".join(parts) + "\n"


def configure(ports):
    os.makedirs(f"{FOLDER}/node/d1")
    os.makedirs(ETC)
    write("swift.conf", SWIFT_CONF)
    for name, port in ports.items():
        write(f"{name}-server.conf", BACKEND_CONF.format(etc=ETC, folder=FOLDER, name=name, port=port))
    write("proxy-server.conf", proxy_conf())


def place(ports):
    """The rings: everything has one place."""
    from swift.common import storage_policy, utils
    from swift.common.ring import RingBuilder

    utils.SWIFT_CONF_FILE = f"{ETC}/swift.conf"
    utils.validate_hash_conf()
    storage_policy.reload_storage_policies()
    for name, port in ports.items():
        ring = RingBuilder(4, 1, 0)
        where = {"ip": "127.0.0.1", "port": port, "replication_ip": "127.0.0.1", "replication_port": port}
        ring.add_dev({"region": 1, "zone": 1, "weight": 1.0, "device": "d1", **where})
        ring.rebalance()
        ring.get_ring().save(f"{ETC}/{name}.ring.gz")


def main():
    listeners = {name: eventlet.listen(("127.0.0.1", 0)) for name in BACKENDS}
    ports = {name: listener.getsockname()[1] for name, listener in listeners.items()}
    listeners["proxy"] = eventlet.listen(("127.0.0.1", int(PORT)), backlog=512)
    configure(ports)
    place(ports)

    from swift.common.wsgi import SwiftHttpProtocol, loadapp

    pool = eventlet.GreenPool(2000)
    for name, listener in listeners.items():
        app = loadapp(f"{ETC}/{name}-server.conf", global_conf={"log_name": name})
        # S3 clients get header names as the S3 interface spells them.
        more = {"capitalize_response_headers": False} if name == "proxy" else {}
        protocol = {"custom_pool": pool, "protocol": SwiftHttpProtocol, "log_output": False}
        eventlet.spawn(wsgi.server, listener, app, **protocol, **more)
    with open(f"{FOLDER}/ready", "w"):
        pass
    while True:
        eventlet.sleep(3600)


main()
