"""The Neon of the tests is one: the official program and the official library, unmodified, work against it."""
import time

import pytest
from neon_fake import NeonFake
from neon_kist import Neon
from neon_things import stamp
from neonctl import PACKAGES, Client, ClientError, Neonctl
from npm import installed


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return installed(tmp_path_factory.mktemp("neon-npm"), *PACKAGES)


@pytest.fixture
def fake():
    with NeonFake() as fake:
        fake.model.operation_seconds = 0.2
        yield fake


@pytest.fixture
def neonctl(packages, fake):
    return Neonctl(packages, fake)


@pytest.fixture
def client(packages, fake):
    client = Client(packages, fake)
    yield client
    client.stop()


def finished(client, fake, operations):
    """Waits for them as the library's users do."""
    for operation in operations:
        for _ in range(10):
            _, body = client.call("getProjectOperation", fake.project, operation["id"])
            if body["operation"]["status"] == "finished":
                break
        assert body["operation"]["status"] == "finished"


def test_branches(neonctl, fake):
    made = neonctl("branches", "create", "--name", "one", "--parent", "main", "--no-compute")
    assert made["name"] == "one" and made["parent_id"] == fake.model.main.id and made["current_state"] == "init"
    assert fake.seen("POST", "/branches$")[0].status == 201
    until = stamp(time.time() + 86400)
    neonctl.text("branches", "set-expiration", "one", "--expires-at", until)
    assert neonctl.branches()["one"]["expires_at"] == until and fake.model.named("one").expires
    with pytest.raises(ClientError, match="cannot delete the root or default branch"):
        neonctl("branches", "delete", "main")
    neonctl("branches", "delete", "one")
    assert fake.model.names() == ["main"] == list(neonctl.branches())


def test_a_moment_of_the_past(neonctl, fake):
    at = stamp(time.time() - 3600)
    made = neonctl("branches", "create", "--name", "past", "--parent", at)
    assert made["branch"]["parent_timestamp"] == at and fake.model.named("past").endpoint
    with pytest.raises(ClientError, match="not in the history"):
        neonctl("branches", "create", "--name", "older", "--parent", stamp(time.time() - 30 * 86400))
    restored = neonctl("branches", "restore", "main", f"^self@{at}", "--preserve-under-name", "main-old")
    assert restored["restored_branch"]["parent_id"] == fake.model.named("main-old").id
    assert fake.model.named("past").parent == fake.model.named("main-old").id


def test_protected(neonctl, fake):
    neonctl("branches", "create", "--name", "kept", "--no-compute", "--protected")
    with pytest.raises(ClientError, match="cannot delete protected branch"):
        neonctl("branches", "delete", "kept")


def test_locked(neonctl, fake):
    """The program waits for what runs, and tries again."""
    fake.model.make("one")
    fake.model.locked = 1
    neonctl("branches", "delete", "one")
    first, *others = [each.status for each in fake.seen("DELETE")]
    assert first == 423 and 200 in others and fake.model.names() == ["main"]


def test_snapshots(neonctl, fake):
    until, at = stamp(time.time() + 86400), stamp(time.time() - 60)
    neonctl("snapshots", "create", "--branch", "main", "--name", "s1", "--timestamp", at, "--expires-at", until)
    listed = neonctl.snapshots()["s1"]
    assert (listed["timestamp"], listed["expires_at"]) == (at, until)
    neonctl("snapshots", "restore", "s1", "--name", "recovered")
    assert fake.model.named("recovered").restored_from == listed["id"]
    fake.model.snapshots_max = 1
    with pytest.raises(ClientError, match="snapshots limit exceeded"):
        neonctl("snapshots", "create", "--branch", "main", "--name", "s2")
    neonctl.text("snapshots", "delete", "s1")
    assert fake.model.snapshot_names() == [] == list(neonctl.snapshots())


def test_how_to_connect(neonctl, fake):
    uri = neonctl.text("connection-string", "main")
    assert fake.password in uri and fake.model.main.endpoint in uri and "-pooler" not in uri
    assert "-pooler" in neonctl.text("connection-string", "main", "--pooled")
    assert len(neonctl("operations", "list")) == len(fake.model.operations)


def test_a_wrong_key(neonctl, fake):
    with pytest.raises(ClientError, match="[Aa]uthenti"):
        neonctl("branches", "list", key="napi_another")
    assert {each.status for each in fake.requests} == {401}


def test_the_library(client, fake):
    until = stamp(time.time() + 3600)
    fields = {"branch": {"name": "one", "expires_at": until}, "endpoints": [{"type": "read_write"}]}
    status, made = client.call("createProjectBranch", fake.project, fields)
    assert status == 201 and [each["action"] for each in made["operations"]] == ["create_branch", "start_compute"]
    finished(client, fake, made["operations"])
    id = made["branch"]["id"]
    assert client.call("getProjectBranch", fake.project, id)[1]["branch"]["current_state"] == "ready"
    wanted = {"projectId": fake.project, "branch_id": id, "database_name": "neondb", "role_name": "neondb_owner"}
    uri = client.call("getConnectionUri", {**wanted, "pooled": False})[1]["uri"]
    assert uri == fake.uri(fake.model.named("one"), "neondb")
    status, gone = client.call("deleteProjectBranch", {"projectId": fake.project, "branchId": id})
    finished(client, fake, gone["operations"])
    assert status == 200 and client.call("deleteProjectBranch", {"projectId": fake.project, "branchId": id}) == (
        204,
        "",
    )


def test_pages(client, fake):
    for number in range(7):
        fake.model.make(f"kist-{number}")
    found, cursor = [], {}
    while cursor is not None:
        words = {"projectId": fake.project, "search": "kist", "limit": 3, "sort_by": "name", "sort_order": "asc"}
        page = client.call("listProjectBranches", {**words, **cursor})[1]
        found += [branch["name"] for branch in page["branches"]]
        cursor = {"cursor": page["pagination"]["next"]} if "next" in page["pagination"] else None
    assert found == [f"kist-{number}" for number in range(7)] and fake.count("GET", "/branches[?]") == 3


def test_a_snapshot_takes_the_place_of_a_branch(client, fake):
    endpoint = fake.model.main.endpoint
    made = client.call("createSnapshot", {"projectId": fake.project, "branchId": fake.model.main.id, "name": "s"})[1]
    finished(client, fake, made["operations"])
    words = {"projectId": fake.project, "snapshotId": made["snapshot"]["id"]}
    restored = client.call("restoreSnapshot", words, {"name": "new", "finalize_restore": False})[1]
    finished(client, fake, restored["operations"])
    done = client.call("finalizeRestoreBranch", fake.project, restored["branch"]["id"], {"name": "main-before"})[1]
    finished(client, fake, done["operations"])
    assert fake.model.names() == ["main", "main-before"]
    assert fake.model.default().id == restored["branch"]["id"] and fake.model.default().endpoint == endpoint


def test_refusals(client, fake):
    def refused(branch, **more):
        with pytest.raises(ClientError) as caught:
            client.call("createProjectBranch", fake.project, {"branch": branch, **more})
        return str(caught.value)

    fake.model.make("one", expires=time.time() + 60)
    assert refused({"name": "one"}).startswith("409 ")
    assert refused({"name": "two", "parent_id": fake.model.named("one").id}).startswith("422 ")
    assert refused({"name": "two", "wait": True}).startswith("422 ")
    assert refused({"name": 2}).startswith("422 ")
    assert refused({"name": "two", "expires_at": stamp(time.time() + 31 * 86400)}).startswith("422 ")
    assert refused({"name": "two", "expires_at": stamp(time.time() + 60), "protected": True}).startswith("422 ")
    assert refused({"name": "two", "parent_id": "br-other"}).startswith("404 ")
    assert fake.model.names() == ["main", "one"] and fake.model.operations == {}


@pytest.mark.parametrize("mode", ["branch", "snapshot"])
def test_it_sees_what_kist_does(neonctl, fake, plain_kist, mode):
    """The whole life of a backup, each step as the official program sees it."""
    fake.model.operation_seconds = 5
    neon = Neon(plain_kist, fake)
    listed = neonctl.branches if mode == "branch" else neonctl.snapshots
    neon.write("keep = 1 last", "min_keep = 1", "max_delete = 100%", mode=mode)
    first = plain_kist.backup()
    assert listed()[f"kist-p-{first}"]["id"] == neon.reference(first)["id"]
    plain_kist.run("restore", "p", "--at", stamp(time.time() - 3600), "--to-branch", "past")
    second = plain_kist.backup()
    plain_kist.run("prune", "p")
    assert [name for name in listed() if name.startswith("kist-")] == [f"kist-p-{second}"]
    plain_kist.run("restore", "p", "--to-branch", "again")
    branches = neonctl.branches()
    assert branches["past"]["parent_id"] == fake.model.main.id and branches["again"]["current_state"] == "ready"
    plain_kist.run("restore", "p", "--in-place", "--confirm", "main")
    branches = neonctl.branches()
    assert branches["main"]["default"] and [name for name in branches if name.startswith("main_before_")]
    neon.stop()
