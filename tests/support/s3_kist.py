"""kist with S3 stores as destinations, and what must be true of a bucket after a run that failed."""
import json

from aftermath import assert_no_child_is_left
from fault_proxy import s3_error
from kist import is_mark

# Tries come soon behind each other, and end soon.
QUICK = {"retries": 3, "retry_delay": "10ms", "deadline": "20s"}

PARTS = {"part_size": "5MiB"}
SLOW_DOWN = s3_error(503, "SlowDown", "Please reduce your request rate.")

# The requests of a run, by what they are. Where a server has no conditional writes kist claims a key by an upload that it
# never completes: that is none of them.
PART_2 = {"method": "PUT", "query": "partNumber=2"}
CREATE = {"method": "POST", "path": "(?<!kist-claim)$", "query": "^uploads"}
COMPLETE = {"method": "POST", "query": "^uploadId="}
ABORT = {"method": "DELETE", "path": "(?<!kist-claim)$", "query": "uploadId="}
DATA = {"method": "PUT", "path": "/p/[^/]*/[a-z]*[.]dump", "query": "^$"}
MANIFEST = {"method": "PUT", "path": "/_kist/.*[.]json$"}
LIST = {"method": "GET", "query": "list-type=2"}


def configure(kist, database, stores, name="p", filters="zstd", source=None, more="", local=()):
    """A pipeline to `stores`, as {name of the section: its lines}, and to the directories named in `local`."""
    places = [*local, *stores]
    lines = [f"[pipeline {name}]", f"source = {name}-db", f"destinations = {', '.join(places)}"]
    if filters:
        lines.append(f"filters = {filters}")
    lines += [more, f"[source {name}-db]", source or kist.cluster.source(database)]
    for place, keys in stores.items():
        lines += [f"[destination {place}]", keys]
    for place in local:
        path = kist.folder / place
        path.mkdir(mode=0o700, exist_ok=True)
        lines += [f"[destination {place}]", "plugin = local", f"path = {path}"]
    return kist.write("\n".join(lines) + "\n")


class Store:
    """A bucket as the only destination, 's3', of the pipeline 'p'. `direct()` leads to it without the proxy, so that what
    is there is seen as it is."""

    def __init__(self, kist, server, bucket, database, proxy=None, **more):
        self.kist, self.server, self.bucket, self.database = kist, server, bucket, database
        self.client, self.proxy = server.client, proxy
        self.more = {**QUICK, **more}
        self.direct()

    def direct(self, **more):
        keys = {**self.more, **more}
        configure(self.kist, self.database, {"s3": self.server.section(self.bucket, **keys)})

    def by_proxy(self, database=None, **more):
        keys = {"endpoint": self.proxy.endpoint, **self.more, **more}
        configure(self.kist, database or self.database, {"s3": self.server.section(self.bucket, **keys)})

    def files(self):
        """{key: content}, without the marks, and the notes about runs that did not end, which the next run clears up."""
        files = self.client.files(self.bucket)
        return {key: content for key, content in files.items() if not key.endswith(".pending") and not is_mark(key)}

    def manifest(self, id):
        return json.loads(self.client.get(self.bucket, f"_kist/p/{id}.json"))

    def expected(self):
        """Exactly the keys that the good backups consist of."""
        keys = set()
        for id in self.kist.ids():
            manifest = self.manifest(id)
            keys |= {item["key"] for item in manifest["items"]}
            keys |= {manifest["restore_notes"]["key"], f"_kist/p/{id}.json"}
        return keys

    def is_clean(self):
        """Nothing but good backups is there, and no upload is open."""
        assert {key for key in self.client.list(self.bucket) if not is_mark(key)} == self.expected()
        assert self.client.uploads(self.bucket) == []

    def good_run(self):
        """One run that must work; the id of its backup."""
        self.kist.run("run", "p")
        return self.kist.ids()[-1]


class Watch:
    """The store before a fault, to be compared with what it is afterwards. Kist talks to it directly then."""

    def __init__(self, store):
        self.store = store
        self.ids, self.before = store.kist.ids(), store.files()

    def no_new_backup(self):
        """The earlier ones are all there and good, and there is no other."""
        assert self.store.kist.ids() == self.ids
        after = self.store.files()
        assert {key: after.get(key) for key in self.before} == self.before
        if self.ids:
            self.store.kist.run("verify", "p", "--all")
        return set(after) - set(self.before)

    def one_new_backup(self):
        """And nothing else is new."""
        ids = self.store.kist.ids()
        assert ids[:-1] == self.ids
        self.store.is_clean()
        self.store.kist.run("verify", "p", "--all")

    def after_failure(self):
        assert_no_child_is_left(self.store.kist.cluster)
        self.store.direct()
        self.no_new_backup()
        id = self.store.good_run()
        assert id not in self.ids
        self.store.kist.run("verify", "p")
        self.store.is_clean()

    def after_success(self):
        assert_no_child_is_left(self.store.kist.cluster)
        self.store.direct()
        self.one_new_backup()


def watched(s3):
    s3.direct()
    watch = Watch(s3)
    s3.by_proxy()
    s3.proxy.clear()
    return watch


def fails(s3, *words, code=1, **more):
    """A run that ends with one line that has these words."""
    result = s3.kist.run("run", "p", expect=code, **more)
    line = result.is_one_error()
    assert "s3" in line and all(word.lower() in result.err.lower() for word in words), result
    assert s3.server.secret_key not in result.err
    return result
