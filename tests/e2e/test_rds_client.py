"""The fake of RDS is as strict as the real one: the official client works with it, and nothing else does."""
import time

import pytest
from rds_client import LIBRARY, Rds, official_model, send
from rds_fake import RdsFake, method_of
from rds_model import ACTIONS, VERSION, specs
from rds_state import ACCOUNT

ROLE = f"arn:aws:iam::{ACCOUNT}:role/exporter"
ARN = f"arn:aws:rds:eu-west-1:{ACCOUNT}:snapshot:s-1"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/k"

pytestmark = pytest.mark.skipif(not LIBRARY.is_dir(), reason="awscli is not there")


@pytest.fixture
def fake():
    with RdsFake() as fake:
        fake.shop = fake.instance("eu-west-1", "shop")
        yield fake
        assert fake.complaints == []


@pytest.fixture
def aws(fake):
    return Rds(fake)


def create(name="s-1", **more):
    return ["create-db-snapshot", "--db-snapshot-identifier", name, "--db-instance-identifier", more.get("of", "shop")]


def state(aws, name="s-1", **more):
    (found,) = aws.ask("describe-db-snapshots", "--db-snapshot-identifier", name, **more)["DBSnapshots"]
    return found["Status"], found["PercentProgress"]


KINDS = {"integer": "int", "boolean": "bool", "timestamp": "time", "string": "text"}


@pytest.mark.parametrize("action", ACTIONS)
def test_the_table_is_of_the_official_model(action):
    model = official_model()
    shapes = model["shapes"]
    wanted = shapes[model["operations"][action]["input"]["shape"]]
    for name, (required, kind) in specs(action).items():
        shape = shapes[wanted["members"][name]["shape"]]
        if shape["type"] == "list":
            assert kind == shape["member"].get("locationName", "member"), name
        else:
            assert kind == KINDS[shape["type"]], name
        assert required == (name in wanted.get("required", [])), name
    assert model["metadata"]["apiVersion"] == VERSION and hasattr(RdsFake, method_of(action))


def test_the_program_itself(fake, aws):
    assert aws.spawn(*create())["DBSnapshot"]["Status"] == "creating"
    assert aws.spawn("wait", "db-snapshot-available", "--db-snapshot-identifier", "s-1") == {}
    assert fake.snapshots("eu-west-1")["s-1"].status == "available"


def test_life_of_a_snapshot(fake, aws):
    fake.looks = 3
    made = aws.ask(*create("S-1"), "--tags", "Key=kist:backup,Value=a b+c=/@", "Key=team,Value=")["DBSnapshot"]
    assert made["DBSnapshotIdentifier"] == "s-1" and made["Status"] == "creating" and made["PercentProgress"] == 0
    assert {tag["Key"]: tag["Value"] for tag in made["TagList"]} == {"kist:backup": "a b+c=/@", "team": ""}
    aws.fails("DBSnapshotAlreadyExists", *create())
    aws.fails("InvalidDBSnapshotState", "delete-db-snapshot", "--db-snapshot-identifier", "s-1")
    assert state(aws)[0] == state(aws)[0] == "creating"
    aws.run("wait", "db-snapshot-available", "--db-snapshot-identifier", "s-1")
    assert state(aws) == ("available", 100)
    tags = aws.ask("list-tags-for-resource", "--resource-name", made["DBSnapshotArn"])["TagList"]
    assert len(tags) == 2
    gone = aws.ask("delete-db-snapshot", "--db-snapshot-identifier", "s-1")["DBSnapshot"]
    assert gone["Status"] == "deleted" and fake.snapshots("eu-west-1") == {}
    aws.run("wait", "db-snapshot-deleted", "--db-snapshot-identifier", "s-1")
    aws.fails("DBSnapshotNotFound", "describe-db-snapshots", "--db-snapshot-identifier", "s-1")


def test_pages_and_filters(fake, aws):
    other = fake.instance("eu-west-1", "other")
    for number in range(45):
        fake.snapshot("eu-west-1", f"n-{number:02}", fake.shop if number % 9 else other)
    fake.snapshot("eu-west-1", "rds:shop-2026", fake.shop, kind="automated")
    all = aws.ask("describe-db-snapshots", "--page-size", "20")["DBSnapshots"]
    assert len(all) == 46 and fake.count("DescribeDBSnapshots") == 3
    words = ["--snapshot-type", "manual", "--filters", "Name=db-instance-id,Values=other,another"]
    assert len(aws.ask("describe-db-snapshots", *words)["DBSnapshots"]) == 5
    assert aws.ask("describe-db-snapshots", region="eu-north-1")["DBSnapshots"] == []
    aws.fails("InvalidDBSnapshotState", "delete-db-snapshot", "--db-snapshot-identifier", "rds:shop-2026")


def test_copies(fake, aws):
    fake.shop.key = KEY
    aws.ask(*create(), "--tags", "Key=a,Value=b")
    copy = ["copy-db-snapshot", "--source-db-snapshot-identifier", ARN, "--target-db-snapshot-identifier", "c-1"]
    far = {"region": "us-east-1"}
    aws.fails("InvalidDBSnapshotState", *copy, **far)
    assert state(aws) == ("available", 100)
    aws.fails("InvalidParameterValue", *copy, **far)
    aws.fails("KMSKeyNotAccessibleFault", *copy, "--kms-key-id", KEY, **far)
    copy += ["--kms-key-id", "alias/far", "--copy-tags"]
    made = aws.ask(*copy, "--source-region", "eu-west-1", **far)["DBSnapshot"]
    assert made["Status"] == "copying" and made["SourceDBSnapshotIdentifier"] == ARN
    assert "PreSignedUrl" in fake.calls("CopyDBSnapshot")[-1].params
    assert state(aws, "c-1", **far) == ("available", 100)
    assert fake.snapshots("us-east-1")["c-1"].tags == {"a": "b"}
    # Of another region than the source's: the URL that the client signs is for another copy.
    copy[4] = "c-2"
    text = aws.fails("InvalidParameterValue", *copy, "--source-region", "eu-north-1", **far)
    assert "PreSignedUrl" in text


def test_restores(fake, aws):
    fake.looks = 2
    snapshot = fake.snapshot("eu-west-1", "s-1", fake.shop)
    name = ["--db-instance-identifier", "new-1"]
    from_it = ["restore-db-instance-from-db-snapshot", *name, "--db-snapshot-identifier", "s-1"]
    aws.fails("DBSubnetGroupNotFoundFault", *from_it, "--db-subnet-group-name", "none")
    place = ["--db-instance-class", "db.r6g.large", "--vpc-security-group-ids", "sg-1", "sg-2"]
    place += ["--db-subnet-group-name"]
    made = aws.ask(*from_it, *place, "private")["DBInstance"]
    assert made["DBInstanceStatus"] == "creating" and "Endpoint" not in made
    for wanted in ("creating", "backing-up"):
        (found,) = aws.ask("describe-db-instances", *name)["DBInstances"]
        assert found["DBInstanceStatus"] == wanted
    aws.run("wait", "db-instance-available", *name)
    instance = fake.region("eu-west-1").instances["new-1"]
    assert instance.made_from is snapshot and instance.groups == ["sg-1", "sg-2"] and instance.status == "available"
    aws.fails("DBInstanceAlreadyExists", *from_it)


def test_points_in_time(fake, aws):
    point = ["restore-db-instance-to-point-in-time", "--source-db-instance-identifier", "shop"]
    point += ["--target-db-instance-identifier", "new-1"]
    assert "earlier than" in aws.fails("InvalidParameterValue", *point, "--restore-time", "2001-02-03T04:05:06Z")
    assert "later than" in aws.fails("InvalidParameterValue", *point, "--restore-time", "2101-02-03T04:05:06Z")
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86400))
    aws.ask(*point, "--restore-time", moment)
    assert fake.region("eu-west-1").instances["new-1"].made_from == (fake.shop, moment)
    aws.fails("DBInstanceAlreadyExists", *point, "--use-latest-restorable-time")
    backups = aws.ask("describe-db-instance-automated-backups", "--db-instance-identifier", "shop")
    assert backups["DBInstanceAutomatedBackups"][0]["RestoreWindow"].keys() == {"EarliestTime", "LatestTime"}


def test_clusters(fake, aws):
    aurora = fake.cluster("eu-west-1", "aurora")
    id = ["--db-cluster-snapshot-identifier", "c-1"]
    aws.fails("InvalidParameterValue", *create(of="aurora-1"))
    made = aws.ask("create-db-cluster-snapshot", *id, "--db-cluster-identifier", "aurora")["DBClusterSnapshot"]
    assert made["Status"] == "creating"
    aws.run("wait", "db-cluster-snapshot-available", *id)
    new = ["--db-cluster-identifier", "new"]
    aws.ask("restore-db-cluster-from-snapshot", *new, "--snapshot-identifier", "c-1", "--engine", "aurora-postgresql")
    member = ["--db-instance-identifier", "new-1", "--db-instance-class", "db.r6g.large"]
    aws.ask("create-db-instance", *new, *member, "--engine", "aurora-postgresql")
    (found,) = aws.ask("describe-db-clusters", *new)["DBClusters"]
    assert [each["DBInstanceIdentifier"] for each in found["DBClusterMembers"]] == ["new-1"]
    point = ["restore-db-cluster-to-point-in-time", "--db-cluster-identifier", "old"]
    aws.ask(*point, "--source-db-cluster-identifier", "aurora", "--use-latest-restorable-time")
    assert fake.region("eu-west-1").clusters["old"].made_from == (aurora, "latest")
    aws.ask("delete-db-cluster-snapshot", *id)
    aws.fails("DBClusterSnapshotNotFoundFault", "delete-db-cluster-snapshot", *id)


def test_exports(fake, aws):
    fake.snapshot("eu-west-1", "s-1", fake.shop)
    name = ["--export-task-identifier", "e-1"]
    start = ["start-export-task", *name, "--source-arn", ARN, "--kms-key-id", "k", "--s3-prefix", "p/"]
    aws.fails("InvalidS3BucketFault", *start, "--iam-role-arn", ROLE, "--s3-bucket-name", "nowhere")
    aws.fails("IamRoleNotFound", *start, "--iam-role-arn", ROLE + "s", "--s3-bucket-name", "exports")
    task = aws.ask(*start, "--iam-role-arn", ROLE, "--s3-bucket-name", "exports", "--export-only", "db.public", "db.x")
    assert task["Status"] == "STARTING" and task["ExportOnly"] == ["db.public", "db.x"]
    (task,) = aws.ask("describe-export-tasks", *name)["ExportTasks"]
    assert (task["Status"], task["PercentProgress"]) == ("COMPLETE", 100)
    aws.fails("InvalidExportTaskStateFault", "cancel-export-task", *name)


def test_who_asks(fake, aws):
    wrong = Rds(fake, keys=(fake.access_key, "another/secret", None))
    text = wrong.fails("SignatureDoesNotMatch", "describe-db-snapshots")
    assert fake.secret_key not in text
    Rds(fake, keys=("AKIDNOBODY", fake.secret_key, None)).fails("InvalidClientTokenId", "describe-db-snapshots")
    fake.roles[ROLE] = "outside"
    role = ["assume-role", "--role-arn", ROLE, "--role-session-name", "kist"]
    aws.fails("AccessDenied", *role, service="sts")
    keys = aws.ask(*role, "--external-id", "outside", service="sts")["Credentials"]
    keys = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    Rds(fake, keys=keys).ask("describe-db-snapshots")
    Rds(fake, keys=(*keys[:2], keys[2] + "x")).fails("InvalidClientTokenId", "describe-db-snapshots")
    Rds(fake, keys=fake.temporary(-1)).fails("ExpiredToken", "describe-db-snapshots")
    fake.skew = 1000
    assert "Signature expired" in aws.run("describe-db-snapshots", expect=None)[1]


def test_it_is_tried_again(fake):
    patient = Rds(fake, attempts=3)
    fake.on("CreateDBSnapshot", error=(400, "Throttling", "Rate exceeded"))
    patient.ask(*create())
    assert fake.count("CreateDBSnapshot") == 2 and len(fake.snapshots("eu-west-1")) == 1
    fake.clear()
    fake.on("CreateDBSnapshot", lost=True)
    patient.fails("DBSnapshotAlreadyExists", *create("s-2"))
    assert fake.count("CreateDBSnapshot") == 2 and len(fake.snapshots("eu-west-1")) == 2


def test_quota_and_states(fake, aws):
    fake.quota = 1
    fake.on("CreateDBSnapshot", becomes="failed")
    aws.ask(*create())
    aws.fails("SnapshotQuotaExceeded", *create("s-2"))
    aws.ask("describe-db-snapshots")
    status, text = aws.run("wait", "db-snapshot-available", "--db-snapshot-identifier", "s-1", expect=None)
    assert status == 255 and "terminal failure state" in text
    fake.shop.status = "stopped"
    fake.quota = 9
    aws.fails("InvalidDBInstanceState", *create("s-2"))


FORM = {"Action": "DescribeDBSnapshots", "Version": VERSION}
MAKE = {
    "Action": "CreateDBSnapshot",
    "Version": VERSION,
    "DBSnapshotIdentifier": "s",
    "DBInstanceIdentifier": "shop",
}
STRICT = {
    "good": (FORM, None),
    "another version": ({**FORM, "Version": "2012-01-15"}, "InvalidAction"),
    "no such action": ({**FORM, "Action": "DescribeAll"}, "InvalidAction"),
    "no such parameter": ({**FORM, "SnapshotTypes": "manual"}, "InvalidQueryParameter"),
    "few records": ({**FORM, "MaxRecords": "5"}, "InvalidParameterValue"),
    "marker": ({**FORM, "Marker": "?"}, "InvalidParameterValue"),
    "no filter": (
        {**FORM, "Filters.Filter.1.Name": "status", "Filters.Filter.1.Values.Value.1": "x"},
        "InvalidParameterValue",
    ),
    "members": ({**MAKE, "Tags.member.1.Key": "a", "Tags.member.1.Value": "b"}, "InvalidQueryParameter"),
    "numbers": ({**MAKE, "Tags.Tag.2.Key": "a", "Tags.Tag.2.Value": "b"}, "MalformedQueryString"),
    "number 0": ({**MAKE, "Tags.Tag.0.Key": "a", "Tags.Tag.0.Value": "b"}, "MalformedQueryString"),
    "tag": ({**MAKE, "Tags.Tag.1.Key": "a", "Tags.Tag.1.Value": "b,c"}, "InvalidParameterValue"),
    "reserved tag": ({**MAKE, "Tags.Tag.1.Key": "aws:a", "Tags.Tag.1.Value": "b"}, "InvalidParameterValue"),
    "missing": ({key: MAKE[key] for key in list(MAKE)[:3]}, "InvalidParameterValue"),
    "empty": ({**MAKE, "DBSnapshotIdentifier": ""}, "InvalidParameterValue"),
    "two hyphens": ({**MAKE, "DBSnapshotIdentifier": "a--b"}, "InvalidParameterValue"),
    "hyphen": ({**MAKE, "DBSnapshotIdentifier": "a-"}, "InvalidParameterValue"),
    "digit": ({**MAKE, "DBSnapshotIdentifier": "1a"}, "InvalidParameterValue"),
    "dot": ({**MAKE, "DBSnapshotIdentifier": "a.b"}, "InvalidParameterValue"),
    "long": ({**MAKE, "DBSnapshotIdentifier": "a" * 256}, "InvalidParameterValue"),
    "no such instance": ({**MAKE, "DBInstanceIdentifier": "nobody"}, "DBInstanceNotFound"),
    "twice": (b"Action=DescribeDBSnapshots&Action=DescribeDBSnapshots&Version=2014-10-31", "MalformedQueryString"),
    "no form": (b"{}", "MalformedQueryString"),
}


@pytest.mark.parametrize("what", STRICT)
def test_strict(what):
    body, code = STRICT[what]
    with RdsFake() as fake:
        fake.instance("eu-west-1", "shop")
        assert send(fake, body)[1] == code
        assert fake.snapshots("eu-west-1") == {}


def without(name):
    return lambda headers: {key: value for key, value in headers.items() if key.lower() != name}


UNSIGNED = {
    "no signature": (without("authorization"), "MissingAuthenticationToken"),
    "a header more": (lambda headers: {**headers, "X-Amz-Other": "1"}, "IncompleteSignature"),
    "another type": (lambda headers: {**headers, "Content-Type": "text/plain"}, "SignatureDoesNotMatch"),
    "another date": (lambda headers: {**headers, "X-Amz-Date": "20260101T000000Z"}, "SignatureDoesNotMatch"),
    "of s3": (lambda h: {**h, "Authorization": h["Authorization"].replace("/rds/", "/s3/")}, "SignatureDoesNotMatch"),
}


@pytest.mark.parametrize("what", UNSIGNED)
def test_signatures(what):
    change, code = UNSIGNED[what]
    with RdsFake() as fake:
        assert send(fake, FORM, change=change)[1] == code
        assert fake.requests == [] and fake.refused == [code]


def test_a_type_that_is_no_form():
    with RdsFake() as fake:
        assert send(fake, FORM, headers={"Content-Type": "application/json"})[1] == "MalformedQueryString"
