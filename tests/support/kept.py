"""Backups of many ages, for retention."""
from datetime import datetime, timedelta, timezone

from lines import Lines
from manifests import clone

KEEP = "keep = 3 last\nmax_delete = 100%"


def id_of(days, now=None):
    """The id of a backup that is so many days old."""
    return ((now or datetime.now(timezone.utc)) - timedelta(days=days)).strftime("%Y-%m-%dT%H-%M-%SZ")


class Kept(Lines):
    """A pipeline `p` of one file, and what retention makes of it."""

    def past(self, *days, destinations=("disk",)):
        """One real backup and copies of it that are so many days old, oldest first. Their ids, the real one last."""
        ids = [id_of(age) for age in sorted(days, reverse=True)]
        real = self.runs(1000)[0]
        for destination in destinations:
            clone(self.kist, real, ids, destination=destination)
        return [*ids, real]

    def prune(self, *words, expect=0, **more):
        return self.kist.run("prune", *words, expect=expect, **more)

    def plan(self, *words, expect=0, **more):
        """{id: (fate, why)} of the one destination."""
        (place,) = self.prune("--json", *words, expect=expect, **more).json
        return {row["id"]: (row["fate"], row.get("why")) for row in place["backups"]}

    def there(self, destination="disk", name="p"):
        """The ids of the manifests that are there."""
        return sorted(path.stem for path in (self.kist.folder / destination / "_kist" / name).glob("*.json"))

    def tombstones(self, destination="disk", name="p"):
        return sorted(path.stem for path in (self.kist.folder / destination / "_kist" / name).glob("*.tombstone"))

    def folders(self, destination="disk", name="p"):
        """The ids that data is there of."""
        return sorted(
            path.name for path in (self.kist.folder / destination / name).iterdir() if any(path.iterdir())
        )

    def is_whole(self, *ids, destination="disk"):
        """Just these are there, each with its data, all good, and nothing else."""
        assert self.there(destination) == self.folders(destination) == sorted(ids)
        assert self.tombstones(destination) == []
        self.kist.run("verify", "p", "--all", "--destination", destination)
