"""The actions of a fake of RDS that make, look at, copy and delete snapshots, and those of their tags."""
import base64
import re

from rds_model import Refusal, invalid
from rds_state import ACCOUNT, Cluster, ClusterSnapshot, Instance, Snapshot, tag_list
from sigv4 import Unsigned, verify_url

KMS_ARN = re.compile(r"arn:aws:kms:([a-z0-9-]+):\d{12}:(key|alias)/.+")
ARN = re.compile(rf"arn:aws:rds:([a-z0-9-]+):{ACCOUNT}:(db|snapshot|cluster|cluster-snapshot|auto-backup):(.+)")


class Family:
    """The words in which instances and clusters differ."""

    def __init__(self, word, resource, snapshot, shelf, snapshots, fault):
        self.word, self.resource, self.snapshot = word, resource, snapshot
        self.shelf, self.snapshots, self.fault = shelf, snapshots, fault  # `fault`: how the codes end
        self.id, self.snapshot_id = f"DB{word}Identifier", f"{snapshot.shown}Identifier"

    def of(self, region):
        return getattr(region, self.shelf)

    def snapshots_of(self, region):
        return getattr(region, self.snapshots)


SINGLE = Family("Instance", Instance, Snapshot, "instances", "snapshots", "")
AURORA = Family("Cluster", Cluster, ClusterSnapshot, "clusters", "cluster_snapshots", "Fault")


def not_found(shown, name, fault):
    return Refusal(f"{shown}NotFound{fault}", f"{shown} {name} not found.", 404)


def find(shelf, shown, name, fault):
    found = shelf.get(name.lower())
    if not found or found.hidden:
        raise not_found(shown, name, fault)
    return found


def page_of(items, params, described):
    """(marker or None, elements): a page of what there is."""
    after = ""
    if "Marker" in params:
        try:
            after = base64.b64decode(params["Marker"], validate=True).decode()
        except ValueError:
            raise invalid("The Marker provided is not valid") from None
    items = sorted((each for each in items if each.name > after), key=lambda each: each.name)
    page = items[: params.get("MaxRecords", 100)]
    marker = base64.b64encode(page[-1].name.encode()).decode() if len(items) > len(page) else None
    return marker, [(each.shown, described(each)) for each in page]


def looked_at(shelf, wanted):
    """What is seen of those that `wanted` names, each of which goes on by a step."""
    seen = []
    for name, each in list(shelf.items()):
        if wanted(each):
            if each.look():
                seen.append(each)
            elif each.gone and not each.hidden:
                del shelf[name]
    return seen


class Snapshots:
    def make(self, call, snapshot, status):
        """A snapshot comes to be; what a rule says of it applies."""
        snapshot.begin(status, self.looks)
        call.made = snapshot
        return {snapshot.shown: snapshot.described()}

    def check_room(self, family, region, name):
        shelf, shown = family.snapshots_of(region), family.snapshot.shown
        if name.lower() in shelf:
            text = f"Cannot create the snapshot because a snapshot with the identifier {name} already exists."
            raise Refusal(f"{shown}AlreadyExists{family.fault}", text)
        if sum(each.type == "manual" for each in shelf.values()) >= self.quota:
            raise Refusal("SnapshotQuotaExceeded", f"Cannot create more than {self.quota} manual snapshots")

    def create(self, family, call):
        region, params = call.region, call.params
        name, source = params[family.snapshot_id], params[family.id]
        database = find(family.of(region), f"DB{family.word}", source, family.fault)
        self.check_room(family, region, name)
        if database.status not in ("available", "backing-up"):
            code = f"InvalidDB{family.word}State{family.fault}"
            raise Refusal(code, f"{family.word} {source} is not currently in the available state.")
        if getattr(database, "cluster", None):
            raise invalid("The specified instance is a member of a cluster and a snapshot cannot be created directly.")
        snapshot = family.snapshot(region, name, database, tags=params.get("Tags"))
        family.snapshots_of(region)[snapshot.name] = snapshot
        return self.make(call, snapshot, "creating")

    def create_db_snapshot(self, call):
        return self.create(SINGLE, call)

    def create_db_cluster_snapshot(self, call):
        return self.create(AURORA, call)

    def describe(self, family, call):
        params, filters = call.params, call.params.get("Filters", {})
        shown = family.snapshot.shown
        lower = {key: [value.lower() for value in values] for key, values in filters.items()}
        name, of = params.get(family.snapshot_id, "").lower(), params.get(family.id, "").lower()
        kinds = filters.get("snapshot-type", []) + ([params["SnapshotType"]] if "SnapshotType" in params else [])
        if not set(kinds) <= {"automated", "manual", "shared", "public", "awsbackup"}:
            raise invalid(f"Invalid snapshot type: {kinds}")
        word = family.word.lower()

        def wanted(each):
            return (
                (not name or name in (each.name, each.arn.lower()))
                and (not of or of == each.of.name)
                and (not kinds or each.type in kinds)
                and params.get("DbiResourceId", each.of.resource) == each.of.resource
                and each.of.name in lower.get(f"db-{word}-id", [each.of.name])
                and (each.name in lower.get(f"db-{word}-snapshot-id".replace("instance-", ""), [each.name]))
                and each.engine in filters.get("engine", [each.engine])
            )

        seen = looked_at(family.snapshots_of(call.region), wanted)
        if name and not seen:
            raise not_found(shown, params[family.snapshot_id], family.fault)
        marker, elements = page_of(seen, params, lambda each: each.described())
        return {"Marker": marker, f"{shown}s": elements}

    def describe_db_snapshots(self, call):
        return self.describe(SINGLE, call)

    def describe_db_cluster_snapshots(self, call):
        return self.describe(AURORA, call)

    def delete(self, family, call):
        shown, shelf = family.snapshot.shown, family.snapshots_of(call.region)
        snapshot = find(shelf, shown, call.params[family.snapshot_id], family.fault)
        if snapshot.type != "manual":
            raise Refusal(f"Invalid{shown}State{family.fault}", "Only manual snapshots may be deleted.")
        if snapshot.status not in ("available", "failed"):
            text = "Cannot delete the snapshot because it is not currently in the available or failed state."
            raise Refusal(f"Invalid{shown}State{family.fault}", text)
        if self.deleting_looks:
            snapshot.begin("deleting", self.deleting_looks, "deleted")
            snapshot.gone = True
        else:
            snapshot.status = "deleted"
            del shelf[snapshot.name]
        call.made = snapshot
        return {shown: snapshot.described()}

    def delete_db_snapshot(self, call):
        return self.delete(SINGLE, call)

    def delete_db_cluster_snapshot(self, call):
        return self.delete(AURORA, call)

    # Copies.
    def source_of(self, family, call, text):
        """The snapshot that is to be copied: of a name in this region, or of an ARN in any."""
        match, region, name = ARN.fullmatch(text), call.region, text
        if text.startswith("arn:"):
            if not match or match[2] != family.snapshot.kind:
                raise invalid(f"Invalid snapshot identifier:  {text}")
            region, name = self.region(match[1]), match[3]
        snapshot = find(family.snapshots_of(region), family.snapshot.shown, name, family.fault)
        if snapshot.status != "available":
            code = f"Invalid{snapshot.shown}State{family.fault}"
            raise Refusal(code, f"Source snapshot {snapshot.name} is not in the available state.")
        return snapshot

    def key_for(self, call, source):
        """The KMS key that the copy is encrypted with."""
        key = call.params.get("KmsKeyId")
        if not key:
            if source.key and source.region is not call.region:
                raise invalid("KmsKeyId must be specified to copy an encrypted snapshot to another region.")
            return source.key
        match = KMS_ARN.fullmatch(key)
        wrong_region = key.startswith("arn:") and (not match or match[1] != call.region.name)
        if wrong_region or key in self.bad_keys:
            text = f"The specified KMS key [{key}] does not exist, is not enabled or you may not access it."
            raise Refusal("KMSKeyNotAccessibleFault", text)
        return key if match else f"arn:aws:kms:{call.region.name}:{ACCOUNT}:{key if '/' in key else f'key/{key}'}"

    def check_presigned(self, call, source, names):
        """A URL that lets the copy be read, signed for the region that it is read from."""
        url = call.params.get("PreSignedUrl")
        if not url:
            return
        try:
            caller, params = verify_url(url, self.keys, self.now())
        except Unsigned as error:
            raise invalid(f"PreSignedUrl could not be authenticated: {error}") from None
        wanted = {"Action": call.action, "DestinationRegion": call.region.name, "Version": "2014-10-31"}
        wanted |= {name: call.params[name] for name in (*names, "KmsKeyId") if name in call.params}
        if any(params.get(name) != value for name, value in wanted.items()) or caller.region != source.region.name:
            raise invalid("PreSignedUrl is for another copy")

    def copy(self, family, call):
        shown, params = family.snapshot.shown, call.params
        names = (f"Source{shown}Identifier", f"Target{shown}Identifier")
        source = self.source_of(family, call, params[names[0]])
        self.check_presigned(call, source, names)
        self.check_room(family, call.region, params[names[1]])
        key = self.key_for(call, source)
        if family is AURORA and key and not source.key:
            raise invalid("Cannot encrypt the copy of a cluster snapshot that is not encrypted.")
        tags = (source.tags if params.get("CopyTags") else {}) | params.get("Tags", {})
        copy = family.snapshot(call.region, params[names[1]], source.of, tags=tags)
        copy.source, copy.key, copy.original_time = source, key, source.original_time or source.time
        shelf = family.snapshots_of(source.region)
        copy.lost_source = lambda: shelf.get(source.name) is not source
        family.snapshots_of(call.region)[copy.name] = copy
        return self.make(call, copy, "creating" if source.region is call.region else "copying")

    def copy_db_snapshot(self, call):
        return self.copy(SINGLE, call)

    def copy_db_cluster_snapshot(self, call):
        return self.copy(AURORA, call)

    # Tags.
    def resource(self, call):
        match = ARN.fullmatch(call.params["ResourceName"])
        if not match or match[1] != call.region.name:
            raise invalid(f"Invalid resource name:  {call.params['ResourceName']}")
        shelves = {
            "db": (call.region.instances, "DBInstance", ""),
            "snapshot": (call.region.snapshots, "DBSnapshot", ""),
            "cluster": (call.region.clusters, "DBCluster", "Fault"),
            "cluster-snapshot": (call.region.cluster_snapshots, "DBClusterSnapshot", "Fault"),
        }
        shelf, shown, fault = shelves[match[2]]
        return find(shelf, shown, match[3], fault)

    def list_tags_for_resource(self, call):
        return {"TagList": tag_list(self.resource(call).tags)}

    def add_tags_to_resource(self, call):
        self.resource(call).tags.update(call.params["Tags"])

    def remove_tags_from_resource(self, call):
        resource = self.resource(call)
        for key in call.params["TagKeys"]:
            resource.tags.pop(key, None)
