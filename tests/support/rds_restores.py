"""The actions of a fake of RDS that restore instances and clusters, look at them, and export snapshots."""
import re

from rds_model import Refusal, invalid
from rds_snapshots import ARN, AURORA, SINGLE, find, looked_at, not_found, page_of
from rds_state import Cluster, Export, Instance

CLASS = re.compile(r"db\.[a-z0-9]+(\.[a-z0-9]+)+")
ROLE = re.compile(r"arn:aws:iam::\d{12}:role/.+")


def stamp(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class Restores:
    # What every new instance and cluster has to have.
    def check_new(self, shelf, shown, name, fault):
        if name.lower() in shelf:
            raise Refusal(f"{shown}AlreadyExists{fault}", f"{shown[2:]} already exists: {name}")

    def place(self, database, params):
        """Into which subnets and security groups it goes."""
        group, groups = params.get("DBSubnetGroupName"), params.get("VpcSecurityGroupIds")
        if group and group not in self.subnet_groups:
            raise Refusal("DBSubnetGroupNotFoundFault", f"DB subnet group '{group}' does not exist.", 404)
        if groups and not set(groups) <= self.security_groups:
            raise invalid(f"Invalid security group , groupId= {', '.join(groups)}, groupName=.")
        size = params.get("DBInstanceClass")
        if size and not CLASS.fullmatch(size):
            raise invalid(f"Invalid DB Instance class: {size}")
        database.subnet_group, database.groups = group or database.subnet_group, groups or database.groups
        database.deletion_protection = params.get("DeletionProtection", False)
        database.port = params.get("Port", database.port)
        if size:
            database.size_class = size

    def make_database(self, call, shelf, database, source):
        self.place(database, call.params)
        database.made_from = source
        shelf[database.name] = database
        database.begin("creating", self.looks)
        if database.steps and isinstance(database, Instance):
            database.steps.insert(len(database.steps) - 1, "backing-up")
        call.made = database
        return {database.shown: database.described()}

    def new_instance(self, call, name, like, source):
        self.check_new(call.region.instances, "DBInstance", name, "")
        tags, more = call.params.get("Tags"), {"engine": like.engine, "key": like.key, "size": like.size}
        return self.make_database(call, call.region.instances, Instance(call.region, name, tags, **more), source)

    def new_cluster(self, call, like, source):
        name = call.params["DBClusterIdentifier"]
        self.check_new(call.region.clusters, "DBCluster", name, "Fault")
        tags, more = call.params.get("Tags"), {"engine": like.engine, "key": like.key, "size": like.size}
        return self.make_database(call, call.region.clusters, Cluster(call.region, name, tags, **more), source)

    def snapshot_for(self, family, call, text):
        """By its name, or by an ARN of this region."""
        match = ARN.fullmatch(text)
        if text.startswith("arn:") and (not match or match[1] != call.region.name):
            raise invalid(f"Invalid snapshot identifier:  {text}")
        snapshot = find(
            family.snapshots_of(call.region), family.snapshot.shown, match[3] if match else text, family.fault
        )
        if snapshot.status != "available":
            raise Refusal(f"Invalid{snapshot.shown}State{family.fault}", f"{snapshot.name} is {snapshot.status}")
        return snapshot

    def restore_db_instance_from_db_snapshot(self, call):
        params = call.params
        if ("DBSnapshotIdentifier" in params) == ("DBClusterSnapshotIdentifier" in params):
            raise Refusal("InvalidParameterCombination", "Must be specified: one snapshot.")
        self.check_new(call.region.instances, "DBInstance", params["DBInstanceIdentifier"], "")
        snapshot = self.snapshot_for(SINGLE, call, params["DBSnapshotIdentifier"])
        return self.new_instance(call, params["DBInstanceIdentifier"], snapshot, snapshot)

    def restore_db_cluster_from_snapshot(self, call):
        params = call.params
        self.check_new(call.region.clusters, "DBCluster", params["DBClusterIdentifier"], "Fault")
        snapshot = self.snapshot_for(AURORA, call, params["SnapshotIdentifier"])
        if params["Engine"] != snapshot.engine:
            raise invalid(f"The engine {params['Engine']} is not that of the snapshot, {snapshot.engine}.")
        return self.new_cluster(call, snapshot, snapshot)

    # A point in time.
    def check_moment(self, params, name, database):
        """It is said, once, and the history goes so far."""
        moment, latest = params.get(name), params.get("UseLatestRestorableTime", False)
        if moment and latest:
            text = f"{name} and UseLatestRestorableTime cannot be specified together."
            raise Refusal("InvalidParameterCombination", text)
        if not moment and not latest:
            raise Refusal("InvalidParameterCombination", f"{name} or UseLatestRestorableTime must be specified.")
        if not database.retention:
            text = f"Point in time restore is not enabled for {database.name}"
            raise Refusal("PointInTimeRestoreNotEnabled", text)
        what = "cluster" if isinstance(database, Cluster) else "instance"
        for wrong, word, bound in (
            (moment and moment > database.latest, "later", database.latest),
            (moment and moment < database.earliest, "earlier", database.earliest),
        ):
            if wrong:
                text = f"The specified {what} cannot be restored to a time {word} than {stamp(bound)} "
                raise invalid(text + f"because its backup retention period is set to {database.retention} days")
        return "latest" if latest else stamp(moment)

    def restore_db_instance_to_point_in_time(self, call):
        params, by_resource = call.params, call.params.get("SourceDbiResourceId")
        given = [name for name in params if name.startswith("SourceD")]
        if len(given) != 1:
            raise Refusal("InvalidParameterCombination", f"One source must be specified, not {len(given)}")
        name = params.get("SourceDBInstanceIdentifier", "")
        known = {**call.region.retained, **call.region.instances}
        if by_resource:
            name = next((each.name for each in known.values() if each.resource == by_resource), "")
        source = find(known if by_resource else call.region.instances, "DBInstance", name or by_resource or "?", "")
        target = params["TargetDBInstanceIdentifier"]
        self.check_new(call.region.instances, "DBInstance", target, "")
        moment = self.check_moment(params, "RestoreTime", source)
        return self.new_instance(call, target, source, (source, moment))

    def restore_db_cluster_to_point_in_time(self, call):
        params = call.params
        source = find(call.region.clusters, "DBCluster", params["SourceDBClusterIdentifier"], "Fault")
        if params.get("RestoreType", "full-copy") not in ("full-copy", "copy-on-write"):
            raise invalid("Invalid RestoreType")
        self.check_new(call.region.clusters, "DBCluster", params["DBClusterIdentifier"], "Fault")
        moment = self.check_moment(params, "RestoreToTime", source)
        return self.new_cluster(call, source, (source, moment))

    def create_db_instance(self, call):
        params, name = call.params, call.params["DBInstanceIdentifier"]
        self.check_new(call.region.instances, "DBInstance", name, "")
        if "DBClusterIdentifier" not in params:
            raise invalid("this fake makes instances of clusters only")
        cluster = find(call.region.clusters, "DBCluster", params["DBClusterIdentifier"], "Fault")
        wrong = {"AllocatedStorage", "MasterUsername", "MasterUserPassword", "BackupRetentionPeriod"} & params.keys()
        if wrong or params["Engine"] != cluster.engine:
            raise Refusal("InvalidParameterCombination", f"not of a cluster's: {sorted(wrong) or params['Engine']}")
        instance = Instance(call.region, name, params.get("Tags"), engine=cluster.engine, cluster=cluster)
        return self.make_database(call, call.region.instances, instance, cluster)

    def delete_db_instance(self, call):
        """For a person only: kist never asks for it."""
        instance = find(call.region.instances, "DBInstance", call.params["DBInstanceIdentifier"], "")
        if instance.deletion_protection:
            raise Refusal("InvalidParameterCombination", "Cannot delete protected DB Instance")
        del call.region.instances[instance.name]
        if call.params.get("DeleteAutomatedBackups") is False:
            call.region.retained[instance.name] = instance
        return {"DBInstance": instance.described()}

    # Looking.
    def describe_databases(self, call, shelf, shown, fault):
        params = call.params
        name = params.get(f"{shown}Identifier", "").lower()
        filters = {key: [each.lower() for each in values] for key, values in params.get("Filters", {}).items()}
        own = f"db-{shown[2:].lower()}-id"

        def wanted(each):
            return (
                (not name or name in (each.name, each.arn.lower()))
                and (each.name in filters.get(own, [each.name]) or each.arn.lower() in filters.get(own, []))
                and each.engine in filters.get("engine", [each.engine])
                and each.resource.lower() in filters.get("dbi-resource-id", [each.resource.lower()])
            )

        seen = looked_at(shelf, wanted)
        if name and not seen:
            raise not_found(shown, params[f"{shown}Identifier"], fault)
        marker, elements = page_of(seen, params, lambda each: each.described())
        return {"Marker": marker, f"{shown}s": elements}

    def describe_db_instances(self, call):
        return self.describe_databases(call, call.region.instances, "DBInstance", "")

    def describe_db_clusters(self, call):
        return self.describe_databases(call, call.region.clusters, "DBCluster", "Fault")

    def describe_db_instance_automated_backups(self, call):
        params = call.params
        name, resource = params.get("DBInstanceIdentifier", "").lower(), params.get("DbiResourceId")
        found = [
            each
            for each in [*call.region.instances.values(), *call.region.retained.values()]
            if each.retention and (not name or each.name == name) and (not resource or each.resource == resource)
        ]
        if (name or resource) and not found:
            raise Refusal("DBInstanceAutomatedBackupNotFound", f"no automated backup of {name or resource}", 404)
        marker, elements = page_of(found, params, lambda each: each.automated())
        backups = [("DBInstanceAutomatedBackup", value) for _, value in elements]
        return {"Marker": marker, "DBInstanceAutomatedBackups": backups}

    # Exports.
    def start_export_task(self, call):
        params, match = call.params, ARN.fullmatch(call.params["SourceArn"])
        if params["ExportTaskIdentifier"].lower() in call.region.exports:
            raise Refusal("ExportTaskAlreadyExists", f"{params['ExportTaskIdentifier']} already exists")
        if not match or match[1] != call.region.name or match[2] not in ("snapshot", "cluster-snapshot"):
            raise invalid(f"Invalid source arn: {params['SourceArn']}")
        family = SINGLE if match[2] == "snapshot" else AURORA
        snapshot = find(family.snapshots_of(call.region), family.snapshot.shown, match[3], family.fault)
        if snapshot.status != "available":
            raise Refusal("InvalidExportSourceState", f"The snapshot is {snapshot.status}")
        if params["S3BucketName"] not in self.buckets:
            raise Refusal("InvalidS3BucketFault", f"The S3 bucket {params['S3BucketName']} doesn't exist")
        if not ROLE.fullmatch(params["IamRoleArn"]) or params["IamRoleArn"] not in self.roles:
            raise Refusal("IamRoleNotFound", f"{params['IamRoleArn']} isn't there", 404)
        if params["KmsKeyId"] in self.bad_keys:
            raise Refusal("KMSKeyNotAccessibleFault", f"The specified KMS key [{params['KmsKeyId']}] is not accessible")
        if any(not re.fullmatch(r"[\w$-]+(\.[\w$-]+){0,2}", each) for each in params.get("ExportOnly", [])):
            raise Refusal("InvalidExportOnly", f"invalid: {params['ExportOnly']}")
        task = Export(call.region, params)
        task.begin("STARTING", self.looks, "COMPLETE")
        if len(task.steps) > 1:
            task.steps[0] = "IN_PROGRESS"
        call.region.exports[task.name] = call.made = task
        return task.flat()

    def export_named(self, call):
        return find(call.region.exports, "ExportTask", call.params["ExportTaskIdentifier"], "")

    def describe_export_tasks(self, call):
        params, filters = call.params, call.params.get("Filters", {})
        name, source = params.get("ExportTaskIdentifier", "").lower(), params.get("SourceArn")

        def wanted(each):
            return (
                (not name or each.name == name)
                and (not source or each.params["SourceArn"] == source)
                and each.status in filters.get("status", [each.status])
                and each.params["S3BucketName"] in filters.get("s3-bucket", [each.params["S3BucketName"]])
            )

        seen = looked_at(call.region.exports, wanted)
        if name and not seen:
            raise not_found("ExportTask", name, "")
        marker, elements = page_of(seen, params, lambda each: each.flat())
        return {"Marker": marker, "ExportTasks": elements}

    def cancel_export_task(self, call):
        task = self.export_named(call)
        if task.status not in ("STARTING", "IN_PROGRESS"):
            raise Refusal("InvalidExportTaskStateFault", "You can't cancel an export task that has completed.")
        task.begin("CANCELING", 1, "CANCELED")
        call.made = task
        return task.flat()
