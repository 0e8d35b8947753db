"""What the actions of the RDS Query API 2014-10-31 take: read from a form, and checked as strictly as by the service.

The table is a part of the official client's own model; a test compares them.
"""
import re
from datetime import datetime, timezone
from urllib.parse import parse_qsl

VERSION = "2014-10-31"

RESTORE = (
    "DBInstanceClass Port:int DBSubnetGroupName MultiAZ:bool PubliclyAccessible:bool AutoMinorVersionUpgrade:bool "
    "VpcSecurityGroupIds:VpcSecurityGroupId Tags:Tag DeletionProtection:bool CopyTagsToSnapshot:bool StorageType "
    "DBParameterGroupName OptionGroupName EnableIAMDatabaseAuthentication:bool"
)
RESTORE_CLUSTER = (
    "Port:int DBSubnetGroupName VpcSecurityGroupIds:VpcSecurityGroupId Tags:Tag DeletionProtection:bool KmsKeyId "
    "CopyTagsToSnapshot:bool DBClusterParameterGroupName EnableIAMDatabaseAuthentication:bool EngineMode "
    "DBClusterInstanceClass PubliclyAccessible:bool"
)
PAGE = "Filters:Filter MaxRecords:int Marker"

# The parameters of each action; "!": has to be there; behind a colon what it is, if not a text: of a list
# the name of an element.
ACTIONS = {
    "CreateDBSnapshot": "DBSnapshotIdentifier! DBInstanceIdentifier! Tags:Tag",
    "DescribeDBSnapshots": "DBInstanceIdentifier DBSnapshotIdentifier SnapshotType IncludeShared:bool "
    f"IncludePublic:bool DbiResourceId {PAGE}",
    "DeleteDBSnapshot": "DBSnapshotIdentifier!",
    "CopyDBSnapshot": "SourceDBSnapshotIdentifier! TargetDBSnapshotIdentifier! KmsKeyId Tags:Tag CopyTags:bool "
    "PreSignedUrl OptionGroupName CopyOptionGroup:bool",
    "CreateDBClusterSnapshot": "DBClusterSnapshotIdentifier! DBClusterIdentifier! Tags:Tag",
    "DescribeDBClusterSnapshots": "DBClusterIdentifier DBClusterSnapshotIdentifier SnapshotType IncludeShared:bool "
    f"IncludePublic:bool {PAGE}",
    "DeleteDBClusterSnapshot": "DBClusterSnapshotIdentifier!",
    "CopyDBClusterSnapshot": "SourceDBClusterSnapshotIdentifier! TargetDBClusterSnapshotIdentifier! KmsKeyId Tags:Tag "
    "CopyTags:bool PreSignedUrl",
    "ListTagsForResource": "ResourceName! Filters:Filter",
    "AddTagsToResource": "ResourceName! Tags!:Tag",
    "RemoveTagsFromResource": "ResourceName! TagKeys!:member",
    "RestoreDBInstanceFromDBSnapshot": "DBInstanceIdentifier! DBSnapshotIdentifier DBClusterSnapshotIdentifier "
    f"{RESTORE}",
    "RestoreDBInstanceToPointInTime": "SourceDBInstanceIdentifier SourceDbiResourceId "
    "SourceDBInstanceAutomatedBackupsArn TargetDBInstanceIdentifier! RestoreTime:time UseLatestRestorableTime:bool "
    f"{RESTORE}",
    "RestoreDBClusterFromSnapshot": "DBClusterIdentifier! SnapshotIdentifier! Engine! EngineVersion "
    f"{RESTORE_CLUSTER}",
    "RestoreDBClusterToPointInTime": "DBClusterIdentifier! SourceDBClusterIdentifier! RestoreType RestoreToTime:time "
    f"UseLatestRestorableTime:bool {RESTORE_CLUSTER}",
    "CreateDBInstance": "DBInstanceIdentifier! DBInstanceClass! Engine! DBClusterIdentifier AllocatedStorage:int "
    "MasterUsername MasterUserPassword DBSubnetGroupName VpcSecurityGroupIds:VpcSecurityGroupId Tags:Tag "
    "BackupRetentionPeriod:int StorageEncrypted:bool KmsKeyId PubliclyAccessible:bool Port:int EngineVersion",
    "DeleteDBInstance": "DBInstanceIdentifier! SkipFinalSnapshot:bool FinalDBSnapshotIdentifier "
    "DeleteAutomatedBackups:bool",
    "DescribeDBInstances": f"DBInstanceIdentifier {PAGE}",
    "DescribeDBClusters": f"DBClusterIdentifier IncludeShared:bool {PAGE}",
    "DescribeDBInstanceAutomatedBackups": "DbiResourceId DBInstanceIdentifier DBInstanceAutomatedBackupsArn " + PAGE,
    "StartExportTask": "ExportTaskIdentifier! SourceArn! S3BucketName! IamRoleArn! KmsKeyId! S3Prefix "
    "ExportOnly:member",
    "DescribeExportTasks": f"ExportTaskIdentifier SourceArn SourceType {PAGE}",
    "CancelExportTask": "ExportTaskIdentifier!",
}
# Names that the caller chooses: {parameter: its greatest length}.
NEW_NAMES = {
    "DBSnapshotIdentifier": 255,
    "DBClusterSnapshotIdentifier": 63,
    "TargetDBSnapshotIdentifier": 255,
    "TargetDBClusterSnapshotIdentifier": 63,
    "TargetDBInstanceIdentifier": 63,
    "ExportTaskIdentifier": 60,
}
NAMED = {
    "CreateDBSnapshot": ["DBSnapshotIdentifier"],
    "CopyDBSnapshot": ["TargetDBSnapshotIdentifier"],
    "CreateDBClusterSnapshot": ["DBClusterSnapshotIdentifier"],
    "CopyDBClusterSnapshot": ["TargetDBClusterSnapshotIdentifier"],
    "RestoreDBInstanceFromDBSnapshot": ["DBInstanceIdentifier"],
    "RestoreDBInstanceToPointInTime": ["TargetDBInstanceIdentifier"],
    "RestoreDBClusterFromSnapshot": ["DBClusterIdentifier"],
    "RestoreDBClusterToPointInTime": ["DBClusterIdentifier"],
    "CreateDBInstance": ["DBInstanceIdentifier"],
    "StartExportTask": ["ExportTaskIdentifier"],
}
NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")
SPEC = re.compile(r"(\w+)(!?)(?::(\w+))?")
TAG_TEXT = re.compile(r"[\w .:/=+@-]*")
TAGS_MAX = 50
FILTERS = {
    "DescribeDBSnapshots": {"db-instance-id", "db-snapshot-id", "dbi-resource-id", "snapshot-type", "engine"},
    "DescribeDBClusterSnapshots": {"db-cluster-id", "db-cluster-snapshot-id", "snapshot-type", "engine"},
    "DescribeDBInstances": {"db-cluster-id", "db-instance-id", "dbi-resource-id", "domain", "engine"},
    "DescribeDBClusters": {"db-cluster-id", "db-cluster-resource-id", "clone-group-id", "domain", "engine"},
    "DescribeExportTasks": {"export-task-identifier", "s3-bucket", "source-arn", "status"},
    "DescribeDBInstanceAutomatedBackups": {"status", "db-instance-id", "dbi-resource-id"},
    "ListTagsForResource": set(),
}


class Refusal(Exception):
    """An error as the service words it."""

    def __init__(self, code, message, status=400):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


def invalid(message):
    return Refusal("InvalidParameterValue", message)


def specs(action):
    """{parameter: (has to be there, what it is)}"""
    matches = [SPEC.fullmatch(word) for word in ACTIONS[action].split()]
    return {match[1]: (match[2] == "!", match[3] or "text") for match in matches}


def read_int(name, text):
    if not re.fullmatch(r"-?\d+", text):
        raise Refusal("MalformedInput", f"{name}: '{text}' is not a number")
    return int(text)


def read_bool(name, text):
    if text not in ("true", "false"):
        raise Refusal("MalformedInput", f"{name}: '{text}' is neither true nor false")
    return text == "true"


def read_time(name, text):
    """A moment in UTC as a datetime."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", text):
        raise Refusal("MalformedInput", f"{name}: '{text}' is not a timestamp")
    return datetime.fromisoformat(text[:19]).replace(tzinfo=timezone.utc)


SCALARS = {"text": lambda _, text: text, "int": read_int, "bool": read_bool, "time": read_time}


def numbered(pairs, prefix):
    """The elements below `prefix`, each as [(what follows its number, value)]; numbers go 1, 2, 3."""
    groups = {}
    for name, value in pairs:
        if name.startswith(prefix + "."):
            number, _, rest = name[len(prefix) + 1 :].partition(".")
            if not number.isdecimal():
                raise Refusal("MalformedQueryString", f"'{name}' has no number")
            groups.setdefault(int(number), []).append((rest, value))
    if sorted(groups) != list(range(1, len(groups) + 1)):
        raise Refusal("MalformedQueryString", f"the numbers below '{prefix}' are not 1, 2, 3, ...")
    return [groups[number] for number in sorted(groups)]


def read_tags(elements):
    tags = {}
    for element in elements:
        tag = dict(element)
        if not tag.keys() <= {"Key", "Value"} or not tag.get("Key"):
            raise Refusal("MalformedQueryString", f"not a tag: {tag}")
        key, value = tag["Key"], tag.get("Value", "")
        if len(key) > 128 or len(value) > 256 or not TAG_TEXT.fullmatch(key + value):
            raise invalid(f"Tag keys or values contain invalid characters or are too long: {key}")
        if key.lower().startswith(("aws:", "rds:")):
            raise invalid("Tag keys beginning with 'aws:' or 'rds:' are reserved")
        if key in tags:
            raise invalid(f"Duplicate tag key: {key}")
        tags[key] = value
    if len(tags) > TAGS_MAX:
        raise Refusal("InvalidParameterValue", "A resource has at most 50 tags")
    return tags


def read_filters(action, elements):
    filters = {}
    for element in elements:
        (name,) = [value for rest, value in element if rest == "Name"] or [None]
        values = [value[0][1] for value in numbered([(rest, v) for rest, v in element], "Values.Value")]
        if name not in FILTERS[action]:
            raise invalid(f"Unrecognized filter name: {name}")
        if not values or len(element) != 1 + len(values):
            raise invalid(f"The filter {name} has no values")
        filters[name] = values
    return filters


def read_list(action, name, element_name, pairs):
    elements = numbered(pairs, f"{name}.{element_name}")
    if element_name == "Tag":
        return read_tags(elements)
    if element_name == "Filter":
        return read_filters(action, elements)
    if any(len(element) != 1 or element[0][0] for element in elements):
        raise Refusal("MalformedQueryString", f"'{name}' is a list of texts")
    return [element[0][1] for element in elements]


def check_name(parameter, text):
    most = NEW_NAMES.get(parameter, 63)
    if not NAME.fullmatch(text) or len(text) > most:
        raise invalid(
            f"The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain "
            "only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive "
            "hyphens."
        )


def read(action, pairs):
    """{parameter: value} of an action; a parameter that it does not have is refused."""
    table, found, known = specs(action), {}, {"Action", "Version"}
    for name, (required, kind) in table.items():
        if kind in SCALARS:
            given = [value for key, value in pairs if key == name]
            known.add(name)
            if given:
                found[name] = SCALARS[kind](name, given[0])
        else:
            mine = [key for key, _ in pairs if key.startswith(f"{name}.{kind}.")]
            known.update(mine)
            if mine:
                found[name] = read_list(action, name, kind, pairs)
        if required and found.get(name) in (None, "", [], {}):
            raise invalid(f"The parameter {name} must be provided and must not be blank.")
    unknown = sorted({key for key, _ in pairs} - known)
    if unknown:
        raise Refusal("InvalidQueryParameter", f"{action} has no parameter {', '.join(unknown)}")
    for parameter in NAMED.get(action, []):
        check_name(parameter, found[parameter])
    if not 20 <= found.get("MaxRecords", 100) <= 100:
        raise invalid("Invalid value for max records. Must be between 20 and 100")
    return found


def pairs_of(body):
    """The pairs of a form; no name comes twice."""
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise Refusal("MalformedQueryString", "The query string contains a syntax error.", 404) from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise Refusal("MalformedQueryString", "a parameter is there twice")
    return pairs
