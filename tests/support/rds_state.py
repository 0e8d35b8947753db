"""What a fake of RDS holds: instances, clusters, snapshots, exports; how each goes on when looked at, and its XML."""
import hashlib
import time
from datetime import datetime, timedelta, timezone
from xml.sax.saxutils import escape

ACCOUNT = "123456789012"


def now():
    return datetime.now(timezone.utc)


def xml_of(name, value):
    """An element: of a dict, of a list of (element name, value), or of a text."""
    if value is None:
        return ""
    if isinstance(value, dict):
        inner = "".join(xml_of(key, each) for key, each in value.items())
    elif isinstance(value, list):
        inner = "".join(xml_of(key, each) for key, each in value)
    elif isinstance(value, bool):
        inner = str(value).lower()
    elif isinstance(value, datetime):
        inner = value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"


def tag_list(tags):
    return [("Tag", {"Key": key, "Value": value}) for key, value in sorted(tags.items())]


class Resource:
    """Something that is made, and is there after it was looked at a few times.

    steps    the states that are still to come, one for each look; [] when it stays as it is
    hidden   so many looks do not see it yet, or do no more
    gone     it is removed by the look that comes to the end of the steps
    """

    kind = "?"  # in an ARN

    def __init__(self, region, name, status="available", tags=None):
        self.region, self.name, self.status, self.tags = region, name.lower(), status, dict(tags or {})
        self.steps, self.percent, self.hidden, self.gone, self.stuck = [], 100, 0, False, False
        self.asked, self.created = name, now()

    @property
    def arn(self):
        return f"arn:aws:rds:{self.region.name}:{ACCOUNT}:{self.kind}:{self.name}"

    def begin(self, status, looks, end="available"):
        """From now on it is `status`, and after so many looks `end`."""
        self.status, self.percent, self.steps = status, 0, [status] * max(0, looks - 1) + [end]
        if looks == 0:
            self.finish()

    def finish(self):
        """It is at once what it was to become."""
        if self.steps:
            self.status, self.percent, self.steps = self.steps[-1], 100, []

    def look(self):
        """It goes on by a step; whether it can be seen."""
        if self.hidden:
            self.hidden -= 1
            return False
        if self.steps and not self.stuck:
            self.status = self.steps.pop(0)
            self.percent = 100 if not self.steps else min(99, self.percent + 100 // (len(self.steps) + 1))
        return not (self.gone and not self.steps)


class Snapshot(Resource):
    kind = "snapshot"
    shown = "DBSnapshot"

    def __init__(self, region, name, of, kind="manual", tags=None):
        super().__init__(region, name, tags=tags)
        self.of, self.type, self.source, self.copy_of = of, kind, None, None
        self.engine, self.engine_version, self.size = of.engine, of.engine_version, of.size
        self.key, self.time = of.key, None
        self.original_time = None
        self.lost_source = lambda: False

    @property
    def encrypted(self):
        return bool(self.key)

    def look(self):
        if self.lost_source() and self.steps:
            self.steps = ["failed"]
        seen = super().look()
        if self.percent and not self.time:
            self.time = now()
        return seen

    def common(self):
        moving = self.status in ("creating", "copying") and not self.percent
        return {
            "Engine": self.engine,
            "EngineVersion": self.engine_version,
            "AllocatedStorage": self.size,
            "Status": self.status,
            "PercentProgress": self.percent,
            "SnapshotType": self.type,
            "KmsKeyId": self.key,
            "Port": 0 if moving else 5432,
            "MasterUsername": "master",
            "SnapshotCreateTime": self.time,
            "TagList": tag_list(self.tags),
        }

    def described(self):
        return {
            "DBSnapshotIdentifier": self.name,
            "DBInstanceIdentifier": self.of.name,
            "DbiResourceId": self.of.resource,
            "DBSnapshotArn": self.arn,
            "Encrypted": self.encrypted,
            "SourceRegion": self.source.region.name if self.source else None,
            "SourceDBSnapshotIdentifier": self.source.arn if self.source else None,
            "OriginalSnapshotCreateTime": self.original_time or self.time,
            **self.common(),
        }


class ClusterSnapshot(Snapshot):
    kind = "cluster-snapshot"
    shown = "DBClusterSnapshot"

    def described(self):
        return {
            "DBClusterSnapshotIdentifier": self.name,
            "DBClusterIdentifier": self.of.name,
            "DBClusterSnapshotArn": self.arn,
            "StorageEncrypted": self.encrypted,
            "SourceDBClusterSnapshotArn": self.source.arn if self.source else None,
            **self.common(),
        }


class Database(Resource):
    """What an instance and a cluster have in common. `retention`: days of history, 0: none."""

    def __init__(self, region, name, tags=None, engine="postgres", key=None, size=20, retention=7):
        super().__init__(region, name, tags=tags)
        self.engine, self.key, self.size, self.retention = engine, key, size, retention
        self.engine_version = "16.3"
        seed = hashlib.sha256(f"{region.name}/{self.kind}/{self.name}/{time.time_ns()}".encode()).hexdigest()
        self.resource = f"{self.resource_prefix}-{seed[:26].upper()}"
        self.endpoint = f"{self.name}.{self.infix}{seed[:12]}.{region.name}.rds.amazonaws.com"
        self.subnet_group, self.groups, self.deletion_protection, self.port = "default", ["sg-default1"], False, 5432
        self.made_from, self.lag = None, 300

    @property
    def latest(self):
        return (now() - timedelta(seconds=self.lag)).replace(microsecond=0)

    @property
    def earliest(self):
        return now().replace(microsecond=0) - timedelta(days=self.retention)

    def security(self):
        return [("VpcSecurityGroupMembership", {"VpcSecurityGroupId": id, "Status": "active"}) for id in self.groups]


class Instance(Database):
    kind, shown, resource_prefix, infix = "db", "DBInstance", "db", ""

    def __init__(self, *args, cluster=None, size_class="db.t3.micro", **more):
        super().__init__(*args, **more)
        self.cluster, self.size_class = cluster, size_class

    def described(self):
        ready = self.status not in ("creating",)
        return {
            "DBInstanceIdentifier": self.name,
            "DBInstanceClass": self.size_class,
            "Engine": self.engine,
            "EngineVersion": self.engine_version,
            "DBInstanceStatus": self.status,
            "MasterUsername": "master",
            "Endpoint": {"Address": self.endpoint, "Port": self.port, "HostedZoneId": "Z1"} if ready else None,
            "AllocatedStorage": self.size,
            "InstanceCreateTime": self.created if ready else None,
            "BackupRetentionPeriod": self.retention,
            "LatestRestorableTime": self.latest if self.retention and ready else None,
            "VpcSecurityGroups": self.security(),
            "DBSubnetGroup": {"DBSubnetGroupName": self.subnet_group, "VpcId": "vpc-1"},
            "StorageEncrypted": bool(self.key),
            "KmsKeyId": self.key,
            "DbiResourceId": self.resource,
            "DBInstanceArn": self.arn,
            "DBClusterIdentifier": self.cluster.name if self.cluster else None,
            "DeletionProtection": self.deletion_protection,
            "TagList": tag_list(self.tags),
        }

    def automated(self):
        """Its automated backups, which point in time recovery goes by."""
        return {
            "DBInstanceArn": self.arn,
            "DbiResourceId": self.resource,
            "Region": self.region.name,
            "DBInstanceIdentifier": self.name,
            "RestoreWindow": {"EarliestTime": self.earliest, "LatestTime": self.latest},
            "AllocatedStorage": self.size,
            "Status": "retained" if self.name in self.region.retained else "active",
            "Engine": self.engine,
            "EngineVersion": self.engine_version,
            "Encrypted": bool(self.key),
            "BackupRetentionPeriod": self.retention,
            "DBInstanceAutomatedBackupsArn": f"arn:aws:rds:{self.region.name}:{ACCOUNT}:auto-backup:ab-{self.name}",
        }


class Cluster(Database):
    kind, shown, resource_prefix, infix = "cluster", "DBCluster", "cluster", "cluster-"

    def members(self):
        mine = [each for each in self.region.instances.values() if each.cluster is self]
        return [
            ("DBClusterMember", {"DBInstanceIdentifier": each.name, "IsClusterWriter": number == 0})
            for number, each in enumerate(mine)
        ]

    def described(self):
        return {
            "DBClusterIdentifier": self.name,
            "Status": self.status,
            "Engine": self.engine,
            "EngineVersion": self.engine_version,
            "EngineMode": "provisioned",
            "AllocatedStorage": 1,
            "BackupRetentionPeriod": self.retention,
            "EarliestRestorableTime": self.earliest,
            "LatestRestorableTime": self.latest,
            "Endpoint": self.endpoint,
            "ReaderEndpoint": self.endpoint.replace(".cluster-", ".cluster-ro-"),
            "Port": self.port,
            "MasterUsername": "master",
            "DBClusterMembers": self.members(),
            "VpcSecurityGroups": self.security(),
            "DBSubnetGroup": self.subnet_group,
            "StorageEncrypted": bool(self.key),
            "KmsKeyId": self.key,
            "DbClusterResourceId": self.resource,
            "DBClusterArn": self.arn,
            "DeletionProtection": self.deletion_protection,
            "TagList": tag_list(self.tags),
        }


class Export(Resource):
    shown = "ExportTask"

    def __init__(self, region, params):
        super().__init__(region, params["ExportTaskIdentifier"])
        self.params, self.cause = params, None

    def flat(self):
        params = self.params
        ended = self.status in ("COMPLETE", "FAILED", "CANCELED")
        only = params.get("ExportOnly")
        return {
            "ExportTaskIdentifier": params["ExportTaskIdentifier"],
            "SourceArn": params["SourceArn"],
            "ExportOnly": [("member", each) for each in only] if only else None,
            "TaskStartTime": self.created,
            "TaskEndTime": now() if ended else None,
            "S3Bucket": params["S3BucketName"],
            "S3Prefix": params.get("S3Prefix"),
            "IamRoleArn": params["IamRoleArn"],
            "KmsKeyId": params["KmsKeyId"],
            "Status": self.status,
            "PercentProgress": 0 if self.status == "STARTING" else self.percent,
            "TotalExtractedDataInGB": 1 if self.status == "COMPLETE" else 0,
            "FailureCause": self.cause if self.status == "FAILED" else None,
            "SourceType": "SNAPSHOT",
        }

    described = flat


class Region:
    def __init__(self, name):
        self.name = name
        self.instances, self.clusters, self.exports = {}, {}, {}
        self.snapshots, self.cluster_snapshots = {}, {}
        self.retained = {}  # instances that are gone, and whose history is not
