"""kist with the source rds, on the fake, and what must be true of both after a run that failed."""
from rds_client import Rds

REGION = "eu-west-1"
# Looks come soon behind each other, and end soon.
QUICK = {"wait": "20s", "poll": "20ms"}
KEEP_ONE = "keep = 1 last\nmin_keep = 1\nmax_delete = 100%"


class Account:
    """The pipeline `p` of the instance or cluster `shop`; `more`: options of its source, None leaves one out."""

    def __init__(self, kist, fake, cluster=False, **more):
        self.kist, self.fake, self.is_cluster, self.more = kist, fake, cluster, more
        self.shop = fake.cluster(REGION, "shop") if cluster else fake.instance(REGION, "shop")
        self.kist.folder.joinpath("disk").mkdir(mode=0o700, exist_ok=True)
        self.write()

    def write(self, pipeline="", called="p", destinations=("disk",), sections="", **options):
        """`pipeline`: keys of the pipeline, `called` what it is called; `options`: of the source."""
        source = {
            "plugin": "rds",
            "cluster" if self.is_cluster else "instance": "shop",
            "region": REGION,
            "endpoint": self.fake.url,
            "access_key": self.fake.access_key,
            "secret_key": self.fake.secret_key,
            **QUICK,
            # What is restored of a cluster has no instance without it.
            "instance_class": "db.t3.medium" if self.is_cluster else None,
            **self.more,
            **options,
        }
        keys = "\n".join(f"{key} = {value}" for key, value in source.items() if value is not None)
        self.kist.pipeline(
            None, called, filters=None, source=keys, more=pipeline, destinations=destinations, sections=sections
        )

    def run(self, *words, **more):
        return self.kist.run("run", "p", *words, **more)

    def ids(self):
        """Of the backups whose manifests are there."""
        return sorted(path.stem for path in (self.kist.disk / "_kist" / "p").glob("*.json"))

    def backup(self):
        """One good run; the id of its backup."""
        self.run()
        return self.ids()[-1]

    def one_backup(self):
        """One, and a snapshot of somebody else."""
        self.first = self.backup()
        self.fake.snapshot(REGION, "somebodys", self.shop)
        self.fake.clear()

    def snapshots(self, region=REGION):
        """{name: state} as the service has them."""
        return {name: each.status for name, each in self.fake.snapshots(region, self.is_cluster).items()}

    def item(self, id, number=0):
        return self.kist.manifest(id)["items"][number]

    def reference(self, id, number=0):
        return self.item(id, number)["reference"]

    def held(self, id):
        """{region: snapshot's name} that the manifest tells."""
        references = [item["reference"] for item in self.kist.manifest(id)["items"]]
        return {each["region"]: each["name"] for each in references}

    def seen(self, region=REGION, **more):
        """{name: status} as the official client sees them."""
        word = "db-cluster-snapshots" if self.is_cluster else "db-snapshots"
        shown = "DBClusterSnapshot" if self.is_cluster else "DBSnapshot"
        found = Rds(self.fake, region, **more).ask(f"describe-{word}")[shown + "s"]
        return {each[shown + "Identifier"]: each["Status"] for each in found}

    def is_whole(self, *others, regions=(REGION,)):
        """The service holds what the manifests tell, and the `others`, and nothing else."""
        told = [self.held(id) for id in self.ids()]
        for region in regions:
            names = {held[region] for held in told if region in held}
            wanted = names | (set(others) if region == REGION else set())
            assert self.snapshots(region) == {name: "available" for name in wanted}

    def databases(self):
        place = self.fake.region(REGION)
        return sorted([*place.clusters, *place.instances])


class Watch:
    """The account before a fault, to be compared with what it is afterwards."""

    def __init__(self, account):
        self.account, self.ids = account, account.ids()
        self.before, self.databases = account.snapshots(), account.databases()

    def no_new_backup(self, *strays):
        """The earlier ones are all there, and but for the strays nothing else."""
        assert self.account.ids() == self.ids
        after = self.account.snapshots()
        left = {name for name in after if name not in self.before} - set(strays)
        assert {name: after.get(name) for name in self.before} == self.before and not left, after
        assert self.account.databases() == self.databases

    def after_failure(self, *strays):
        """The next run is good; snapshots that stay in the way of nobody are the `strays`."""
        self.no_new_backup(*strays)
        self.account.fake.clear()
        id = self.account.backup()
        assert id not in self.ids
        self.account.kist.run("verify", "p", "--all")
        self.account.is_whole(*strays)


def failed(account, *words, expect=1):
    """A run that fails with one error, which tells where."""
    result = account.run(*words, expect=expect)
    result.is_one_error()
    assert "p" in result.errors[0] and "rds" in result.errors[0], result
    return result
