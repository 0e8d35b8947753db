"""Backups of many ages that a provider holds, for retention."""
import re
from datetime import datetime, timedelta, timezone

from held import Held
from kept import Kept, id_of
from manifests import clone, seal

BOTH = ("disk", "disk2")


class Past(Held):
    """A pipeline `p` whose backups a provider holds, and what retention makes of it."""

    there, tombstones, folders, prune, plan = Kept.there, Kept.tombstones, Kept.folders, Kept.prune, Kept.plan

    def past(self, *days, destinations=("disk",), items=("db.branch",)):
        """One real backup and copies of it that are so many days old, oldest first. Their ids, the real one last."""
        real, ids = self.kist.backup(), [id_of(age) for age in sorted(days, reverse=True)]
        for destination in destinations:
            clone(self.kist, real, ids, destination=destination)
        for id in ids:
            for item in items:
                self.branch(id, item).write_text(self.branch(real, item).read_text().replace(real, id))
        self.forget()
        return [*ids, real]

    def expire(self, id, item="db.branch", days=-1, destinations=("disk",)):
        """As if it had been made to stay until so many days from now."""
        until = (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        for destination in destinations:
            path = self.kist.manifest_path(id, destination=destination)
            lines = path.read_bytes().splitlines(keepends=True)
            for n, line in enumerate(lines):
                if f'"name": "{item}", "reference"'.encode() in line:
                    line = re.sub(rb'"until": "[^"]*", ', b"", line)
                    lines[n] = line.replace(b'"reference": {', b'"reference": {"until": "' + until + b'", ')
            path.write_bytes(seal(b"".join(lines)))

    def keep_on(self, destination, keep, *more, **options):
        """A rule of one destination's own; the pipeline has none."""
        self.write("max_delete = 100%\n", destinations=BOTH, **options)
        path = self.kist.conf / "kist.ini"
        text = path.read_text()
        for place, rule in ((destination, keep), *more):
            text = text.replace(f"[destination {place}]\n", f"[destination {place}]\nkeep = {rule}\n")
        self.kist.write(text)

    def discarded(self):
        return [what for verb, what in self.calls() if verb == "discard"]

    def names(self, *ids, item="db.branch"):
        return [self.branch(id, item).name for id in ids]

    def is_whole(self, *ids, destinations=("disk",)):
        """Just these are there, on each destination and at the provider, and nothing else."""
        for destination in destinations:
            assert self.there(destination) == self.folders(destination) == sorted(ids)
            assert self.tombstones(destination) == []
        assert self.branches() == sorted(self.names(*ids))


def references(places):
    """{destination: {id: [texts]}} of a plan as JSON."""
    return {
        place["destination"]: {row["id"]: row["references"] for row in place["backups"] if "references" in row}
        for place in places
    }


def text_of(past, id, item="db.branch"):
    return f"branch {past.branch(id, item).name} of held project one"
