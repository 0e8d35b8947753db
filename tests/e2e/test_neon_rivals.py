"""What is in the project besides kist's own: other machines, people who work with a backup, and a Neon that does not do
as it was told. Nothing of theirs is deleted or taken for a backup."""
import json
import time

import pytest
from fault_proxy import Answer
from neon_fake import NeonFake
from neon_kist import Neon, said
from neon_things import stamp
from test_neon import KEEP, held, name_of
from test_neon_faults import CREATE, posts

NONE = Answer(200, '{"branches": []}', Content_Type="application/json")


@pytest.fixture
def neon(plain_kist):
    with NeonFake() as fake:
        neon = Neon(plain_kist, fake)
        neon.write()
        yield neon
        neon.stop()


def edited(change):
    """For `edit=`: the JSON of a reply, with something changed."""

    def edit(status, fields, body):
        reply = json.loads(body)
        change(reply)
        body = json.dumps(reply).encode()
        return status, [("Content-Length", str(len(body)))], body

    return edit


def changed(neon, **fields):
    """What Neon says of single branches from now on."""
    neon.proxy.on("GET", "/branches/br-", times=None, edit=edited(lambda reply: reply["branch"].update(fields)))


def test_another_machine_was_first(neon):
    """A pipeline of the same name there runs at the same second: its branch is neither taken nor swept."""

    def take(_):
        for seconds in range(4):
            neon.model.make(time.strftime("kist-p-%Y-%m-%dT%H-%M-%SZ", time.gmtime(time.time() - seconds)))
        return said(409, "branch already exists")

    neon.proxy.on(*CREATE, answer=take)
    result = neon.kist.run("run", "p", expect=1)
    assert "exists" in result.is_one_error() and neon.kist.ids() == []
    assert neon.fake.count("DELETE") == 0 and len(held(neon)) == 4
    time.sleep(1.1)
    id = neon.kist.backup()
    assert neon.fake.count("DELETE") == 0 and len(held(neon)) == 5 and name_of(id) in held(neon)


def test_found_late(neon):
    """The reply is lost, the branch is not listed yet, and then its name is taken: by ourselves."""
    neon.proxy.on(*CREATE, drop_reply=True, then=lambda _: neon.proxy.on("GET", "/branches$", answer=NONE))
    id = neon.kist.backup()
    assert posts(neon) == 2 and held(neon) == [name_of(id)]


@pytest.mark.parametrize("mode", ["branch", "snapshot"])
def test_set_aside_late(neon, mode):
    """The same of a restore in place, which is not done twice."""
    neon.write(mode=mode)
    neon.kist.backup()
    path = "/restore$" if mode == "branch" else "/finalize_restore$"
    neon.proxy.on("POST", path, drop_reply=True, then=lambda _: neon.proxy.on("GET", "/branches$", answer=NONE))
    # A second request of that kind is refused for the name.
    neon.proxy.on("POST", path, answer=said(409, "branch already exists"))
    neon.kist.run("restore", "p", "--in-place", "--confirm", "main")
    assert len([name for name in neon.model.names() if name.startswith("main_before_")]) == 1
    assert neon.fake.count("POST", path) == 1 and neon.model.default().name == "main"


def test_of_another_parent(neon):
    """Neon made it of something else than it was asked to: it is no backup."""
    changed(neon, parent_id="br-other")
    result = neon.kist.run("run", "p", expect=1)
    assert "br-other" in result.is_one_error() and held(neon) == [] and neon.kist.ids() == []


def test_another_operation_is_finished(neon):
    other = {"id": "00000000-0000-4000-8000-000000000000", "status": "finished"}
    neon.proxy.on("GET", "/operations/", times=None, edit=edited(lambda reply: reply["operation"].update(other)))
    result = neon.kist.run("run", "p", expect=1)
    assert other["id"] in result.is_one_error() and neon.kist.ids() == []


def test_it_expires_sooner(neon):
    """What Neon says of that is what the manifest says."""
    soon = stamp(time.time() + 86400)
    neon.write(expires="20d")
    changed(neon, expires_at=soon)
    result = neon.kist.run("run", "p")
    (id,) = neon.kist.ids()
    assert neon.reference(id)["until"] == soon and soon in result.err


def test_somebody_works_with_it(neon):
    """Who gave a backup's branch a compute may have moved production there."""
    neon.write(*KEEP)
    first = neon.kist.backup()
    branch = neon.model.named(name_of(first))
    branch.endpoint = neon.model.new_id("ep")
    neon.kist.run("run", "p", expect=3)
    result = neon.kist.run("prune", "p", expect=3)
    assert "compute" in result.err and name_of(first) in held(neon) and neon.fake.count("DELETE") == 0
    branch.endpoint = None
    neon.kist.run("prune", "p")
    assert name_of(first) not in held(neon)


def test_what_stays_stays_protected(neon):
    neon.write(*KEEP, protect="yes")
    first = neon.kist.backup()
    neon.kist.run("restore", "p", "--to-branch", "again")
    neon.kist.run("run", "p", expect=3)
    result = neon.kist.run("prune", "p", expect=3)
    assert "'again'" in result.err and neon.model.named(name_of(first)).protected


def test_pages_without_an_end(neon):
    """They stop when there is no more time, also where every page names another one."""
    page = {"branches": [], "pagination": {"next": "a"}}

    def turn(_):
        page["pagination"]["next"] = "b" if page["pagination"]["next"] == "a" else "a"
        return Answer(200, json.dumps(page), Content_Type="application/json")

    neon.write(wait="1s")
    rule = neon.proxy.on("GET", "/branches$", times=None, delay=0.05, answer=turn)
    result = neon.kist.run("run", "p", expect=1)
    assert "no end" in result.is_one_error() and rule.used < 100


@pytest.mark.parametrize("field", ["name", "owner_name"])
def test_control_characters_of_a_database(neon, field):
    neon.kist.backup()
    neon.proxy.on("GET", "/databases$", edit=edited(lambda reply: reply["databases"][0].update({field: "x\x1b[31m\n"})))
    result = neon.kist.run("restore", "p", "--to-branch", "again", expect=None)
    assert result.code and "is restored, but cannot be connected to" in result.err
    assert "\x1b" not in result.out + result.err


def test_the_name_of_a_request(neon):
    """Every request has its own, and an error says which it was."""
    neon.kist.backup()
    ids = [each.headers.get("x-request-id", "") for each in neon.fake.requests]
    assert len(set(ids)) == len(ids) and all(len(id) == 36 for id in ids)
    neon.fake.project = "another-project"
    error = neon.kist.run("run", "p", expect=2).is_one_error()
    neon.proxy.on(times=None, answer=said(400, "no"))
    assert "no (request r-1)" in neon.kist.run("run", "p", expect=1).is_one_error()
    assert "napi_" not in error


def test_a_snapshot_of_the_same_name(neon):
    """Neon allows it: what the manifest names by its id goes, and the other one stays."""
    neon.write(*KEEP, mode="snapshot")
    first = neon.kist.backup()
    other = neon.model.make_snapshot(name_of(first))
    neon.model.snapshots = dict(reversed(neon.model.snapshots.items()))
    neon.kist.run("run", "p")
    assert neon.kist.ids() != [first] and other.id in neon.model.snapshots and len(neon.model.snapshots) == 2


def test_it_is_there_and_of_no_use(neon):
    neon.kist.backup()
    changed(neon, current_state="init")
    assert "'init'" in neon.kist.run("verify", "p", expect=4).err


def test_restored_from_what_expires(neon):
    """Neon makes no branch from such a one, so that it no longer does, which is told."""
    neon.write(expires="3d")
    first = neon.kist.backup()
    result = neon.kist.run("restore", "p", "--to-branch", "again")
    branch = neon.model.named(name_of(first))
    assert branch.expires is None and "no longer expires" in result.err
    assert neon.model.named("again").parent == branch.id
