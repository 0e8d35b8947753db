"""A whole bucket mirrored into another store: what is copied, how many requests that takes, and what a kill leaves."""
import json
import random
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fault_proxy import FaultProxy
from kist import Kist

OBJECTS = 10000
CHANGED = OBJECTS // 20


def fill(server, bucket, keys, seed):
    """Objects of mixed sizes, by several threads; returns {key: content}."""
    noise = random.Random(seed)
    content = {key: noise.randbytes(int(noise.lognormvariate(6, 1.5)) + 1) for key in keys}
    content[keys[0]] = noise.randbytes(6 << 20)
    content[keys[1]] = b""

    def put(part):
        for key in part:
            server.client.put(bucket, key, content[key])

    threads = [threading.Thread(target=put, args=(keys[n::8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return content


def mirror(kist, source, destination, **keys):
    keys = {"source": "objects", "destinations": "copy", "parallel": 8, **keys}
    text = "[pipeline p]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
    text += f"[source objects]\nplugin = mirror\nfrom = store\n[destination store]\n{source}\n"
    kist.write(text + f"[destination copy]\n{destination}\n")


def keys_of(server, bucket, kist):
    """What the newest backup names, as {name: key}, read by another client."""
    manifest = json.loads(server.client.get(bucket, f"_kist/p/{kist.ids()[-1]}.json"))
    return {item["name"]: item["key"] for item in manifest["items"]}


def stored(server, bucket, keys):
    """The contents of these, as {name: content}."""
    with ThreadPoolExecutor(8) as pool:
        return dict(zip(keys, pool.map(lambda key: server.client.get(bucket, key), keys.values()), strict=True))


@pytest.fixture(scope="module")
def full(ceph):
    bucket = ceph.bucket()
    keys = [f"folder {n % 50}/{n:05}.bin" for n in range(OBJECTS)]
    return bucket, fill(ceph, bucket, keys, 1)


def test_ten_thousand_objects_twice(ceph, full, tmp_path):
    """The second run copies what changed and asks for a tenth of what the first one asked for."""
    source, content = full
    target = ceph.bucket()
    kist = Kist(tmp_path)
    with FaultProxy(ceph.endpoint) as reads, FaultProxy(ceph.endpoint) as writes:
        mirror(kist, ceph.section(source, reads.endpoint), ceph.section(target, writes.endpoint))
        kist.run("run", "p", timeout=600)
        first = reads.count() + writes.count()
        assert reads.count("GET", path="bin$") == OBJECTS
        before = keys_of(ceph, target, kist)
        assert stored(ceph, target, before) == content

        changed = random.Random(2).sample(sorted(content), CHANGED)
        content.update(fill(ceph, source, changed, 3))
        reads.clear(), writes.clear()
        kist.run("run", "p", timeout=600)
        second = reads.count() + writes.count()
        assert reads.count("GET", path="bin$") == CHANGED
        # Each instance puts its first object a second time, to see whether the store heeds conditions.
        assert len({exchange.path for exchange in writes.seen("PUT", path="bin$")}) == CHANGED
    assert second * 10 < first, (first, second)
    mirror(kist, ceph.section(source), ceph.section(target))
    # What was read once and lies under the key that it had then need not be read again.
    after = keys_of(ceph, target, kist)
    assert after.keys() == content.keys() and {name for name in after if after[name] != before[name]} == set(changed)
    assert stored(ceph, target, {name: after[name] for name in changed}) == {name: content[name] for name in changed}
    assert len(kist.ids()) == 2
    kist.run("verify", "p", "--level", "size", timeout=600)


def test_progress_tells_objects_and_bytes(ceph, full, tmp_path):
    source, content = full
    kist = Kist(tmp_path)
    target = ceph.bucket()
    with FaultProxy(ceph.endpoint) as proxy:
        proxy.on("PUT", path="0000.\\.bin", times=None, delay=0.5)
        mirror(kist, ceph.section(source), ceph.section(target, proxy.endpoint), parallel=2)
        running = kist.start("run", "p")
        time.sleep(14)
        running.signal(signal.SIGINT)
        result = running.finish(60)
    assert re.search(r"[\d,]+/10,000 objects.*/s", result.err), result


def test_killed_in_the_middle(ceph, full, tmp_path):
    """Nothing is lost, nothing is visible, and the next run finishes the job and tidies up."""
    source, content = full
    target = ceph.bucket()
    kist = Kist(tmp_path)
    few = {key: value for key, value in content.items() if key.startswith("folder 1/")}
    mirror(kist, ceph.section(source), ceph.section(target))
    kist.write((kist.conf / "kist.ini").read_text().replace("from = store", "from = store\ninclude = folder 1/**"))
    kist.run("run", "p")
    before = kist.ids()
    with FaultProxy(ceph.endpoint) as proxy:
        proxy.on("PUT", path="bin$", nth=100, times=None, stall=True)
        mirror(kist, ceph.section(source), ceph.section(target, proxy.endpoint), reuse="no")
        running = kist.start("run", "p")
        while proxy.count("PUT", path="bin$") < 100:
            assert running.process.poll() is None
            time.sleep(0.05)
        running.signal(signal.SIGKILL)
        running.finish()
    mirror(kist, ceph.section(source), ceph.section(target))
    assert kist.ids() == before
    kist.run("verify", "p")
    kist.write((kist.conf / "kist.ini").read_text().replace("from = store", "from = store\ninclude = folder 1/**"))
    kist.run("run", "p")
    assert stored(ceph, target, keys_of(ceph, target, kist)) == few
    left = [key for key in ceph.client.list(target) if key.endswith(".pending")]
    assert not left
    named = {item for id in kist.ids() for item in [f"p/{id}/"]}
    data = [key for key in ceph.client.list(target) if key.startswith("p/")]
    assert all(any(key.startswith(folder) for folder in named) for key in data)


def test_content_type_and_metadata_are_kept(ceph, tmp_path):
    """There and back: the copy carries them, and so does what is restored into another bucket."""
    source, target, other = ceph.bucket(), ceph.bucket(), ceph.bucket()
    given = {"Content-Type": "image/svg+xml", "x-amz-meta-owner": "shop", "x-amz-meta-note": "two words"}
    ceph.client.put(source, "a b/ü.svg", b"<svg/>", **given)
    kist = Kist(tmp_path)
    mirror(kist, ceph.section(source), ceph.section(target))
    path = kist.conf / "kist.ini"
    kist.write(path.read_text() + f"[destination other]\n{ceph.section(other)}\n")
    id = kist.backup()
    kist.run("restore", "p", "--to", "other")
    for bucket, key in ((target, f"p/{id}/a b/ü.svg"), (other, "a b/ü.svg")):
        reply = ceph.client.head(bucket, key)
        for name, value in given.items():
            assert reply.headers[name.lower()] == value, (bucket, reply.headers)
    assert ceph.client.get(other, "a b/ü.svg") == b"<svg/>"
    refused = kist.run("restore", "p", "--to", "other", expect=7)
    assert "--clean" in refused.err


def test_an_object_that_vanishes_is_told(ceph, tmp_path):
    source, target = ceph.bucket(), ceph.bucket()
    for n in range(20):
        ceph.client.put(source, f"{n:02}", b"x" * n)
    kist = Kist(tmp_path)
    with FaultProxy(ceph.endpoint) as proxy:
        # The listing has been given when the first object is asked for.
        proxy.on("GET", path="/00", then=lambda _: ceph.client.remove(source, "19"))
        mirror(kist, ceph.section(source, proxy.endpoint), ceph.section(target), parallel=1)
        result = kist.run("run", "p")
    assert "19" in result.err and len(stored(ceph, target, keys_of(ceph, target, kist))) == 19, result


def test_an_object_that_changes_while_it_is_read(ceph, tmp_path):
    """The bytes of two versions never make one object."""
    source, target = ceph.bucket(), ceph.bucket()
    old, new = b"a" * (4 << 20), b"b" * (4 << 20)
    ceph.client.put(source, "x", old)
    kist = Kist(tmp_path)
    with FaultProxy(ceph.endpoint) as proxy:
        proxy.on("GET", path="/x$", cut_reply=1 << 20, then=lambda _: ceph.client.put(source, "x", new))
        mirror(kist, ceph.section(source, proxy.endpoint, retry_delay="10ms"), ceph.section(target))
        kist.run("run", "p")
    assert stored(ceph, target, keys_of(ceph, target, kist)) == {"x": new}
