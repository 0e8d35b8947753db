"""kist with a Vercel Blob store as a destination, and what must be true of the store after a run that failed."""
import json

from aftermath import assert_no_child_is_left
from cluster import same
from kist import is_mark

# Tries come soon behind each other, and end soon.
QUICK = {"retries": 3, "retry_delay": "10ms", "deadline": "20s"}


def section(fake, **more):
    """The lines of a [destination] that leads to the fake, with changes; None leaves a key out."""
    keys = {
        "plugin": "vercel_blob",
        "token": fake.token,
        "api_url": fake.api_url,
        "content_base_url": fake.content_url,
        **QUICK,
        **more,
    }
    return "\n".join(f"{key} = {value}" for key, value in keys.items() if value is not None)


class BlobStore:
    """The only destination, 'blob', of the pipeline 'p'. `more`: keys of its section."""

    def __init__(self, kist, fake, database, filters="zstd", **more):
        self.kist, self.fake, self.database, self.filters, self.more = kist, fake, database, filters, more
        self.configure()

    def configure(self, proxy=None, database=None, **more):
        """Straight to the fake, or by the proxy."""
        keys = {**self.more, **more}
        if proxy:
            keys = {"api_url": f"{proxy.endpoint}/api/blob", "content_base_url": f"{proxy.endpoint}/content", **keys}
        lines = ["[pipeline p]", "source = p-db", "destinations = blob"]
        lines += [f"filters = {self.filters}"] if self.filters else []
        lines += ["[source p-db]", self.kist.cluster.source(database or self.database)]
        lines += ["[destination blob]", section(self.fake, **keys)]
        self.kist.write("\n".join(lines) + "\n")

    def manifest(self, id):
        return json.loads(self.fake.files()[f"{self.prefix}_kist/p/{id}.json"])

    @property
    def prefix(self):
        return self.more["prefix"] + "/" if "prefix" in self.more else ""

    def expected(self):
        """Exactly the names that the good backups consist of."""
        names = set()
        for id in self.kist.ids():
            manifest = self.manifest(id)
            names |= {self.prefix + item["key"] for item in manifest["items"]}
            names |= {self.prefix + manifest["restore_notes"]["key"], f"{self.prefix}_kist/p/{id}.json"}
        return names

    def names(self):
        """Of everything but the marks."""
        return {name for name in self.fake.files() if not is_mark(name)}

    def good_run(self):
        """One run that must work; the id of its backup."""
        self.kist.run("run", "p")
        return self.kist.ids()[-1]

    def restores(self, original):
        self.kist.run("restore", "p", "--to", "blob_copy", "--create")
        same(self.kist.cluster, original, "blob_copy")
        self.kist.cluster.drop("blob_copy")


class Watch:
    """The store before a fault, to be compared with what it is afterwards. Kist talks to it directly then."""

    def __init__(self, store):
        self.store = store
        self.ids, self.before = store.kist.ids(), store.fake.files()

    def no_new_backup(self):
        """The earlier ones are all there and good, and there is no other."""
        assert self.store.kist.ids() == self.ids
        after = self.store.fake.files()
        assert {name: after.get(name) for name in self.before} == self.before
        if self.ids:
            self.store.kist.run("verify", "p", "--all")

    def after_failure(self):
        assert_no_child_is_left(self.store.kist.cluster)
        self.store.configure()
        self.no_new_backup()
        id = self.store.good_run()
        assert id not in self.ids
        self.store.kist.run("verify", "p")
        assert self.store.names() == self.store.expected()

    def after_success(self):
        """One new backup, and nothing else is new."""
        assert_no_child_is_left(self.store.kist.cluster)
        self.store.configure()
        ids = self.store.kist.ids()
        assert ids[:-1] == self.ids and len(ids) == len(self.ids) + 1
        assert self.store.names() == self.store.expected()
        self.store.kist.run("verify", "p", "--all")
