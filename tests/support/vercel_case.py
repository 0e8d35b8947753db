"""A backup on Vercel Blob with a proxy before it that does what a network, a CDN and a store may do wrong."""
import json

from fault_proxy import Answer
from vercel_kist import BlobStore, Watch


class Case:
    """A store with one good backup, and the proxy before it from now on."""

    def __init__(self, kist, fake, proxy, small, noise):
        self.fake, self.proxy, self.kist = fake, proxy, kist
        self.store = BlobStore(kist, fake, small)
        self.store.good_run()
        self.watch = Watch(self.store)
        fake.requests.clear()
        self.large = noise
        self.by_proxy()

    def by_proxy(self, large=False, **more):
        self.store.filters = "" if large else "zstd"
        if large:
            more = {"part_size": "5MiB", **more}
        self.store.configure(self.proxy, database=self.large if large else None, **more)

    def run(self, **more):
        return self.kist.run("run", "p", **more)

    def works(self):
        result = self.run()
        self.watch.after_success()
        return result

    def fails(self, code=1, word=None, planted=()):
        """`planted`: names of blobs that are not of kist. They are still there after the run."""
        result = self.run(expect=code)
        assert self.fake.token not in result.err + result.out
        if word:
            assert word in result.err, result
        for name in planted:
            del self.fake.blobs[name]
        self.watch.after_failure()
        return result


def refusal(status, code, message="said by the proxy", **fields):
    text = json.dumps({"error": {"code": code, "message": message}})
    return Answer(status, text, Content_Type="application/json", **fields)


def flip(data):
    return data[:-1] + bytes([data[-1] ^ 1])
