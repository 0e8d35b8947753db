"""What kist must not do, whatever Neon says: touch what is not its own, follow where a reply leads, tell a secret."""
import json
import re
import time

import pytest
from manifests import seal
from neon_fake import NeonFake
from neon_kist import Neon, said
from neon_things import stamp
from test_neon import KEEP, held, name_of
from test_neon_faults import CREATE


@pytest.fixture(params=["branch", "snapshot"])
def mode(request):
    return request.param


@pytest.fixture
def neon(plain_kist):
    with NeonFake() as fake:
        neon = Neon(plain_kist, fake)
        neon.write()
        yield neon
        neon.stop()


@pytest.mark.parametrize("id", ["../../other/branches/br-x", "br-x?a=b", "BR X", "", "x" * 200, "br-\n", 7, None])
def test_hostile_ids(neon, id):
    """Of what was made: it goes into no URL. What is left is of our name, and goes with the next run."""
    neon.write(wait="1s")

    def change(status, fields, body):
        reply = json.loads(body)
        reply["branch"]["id"] = id
        body = json.dumps(reply).encode()
        return status, [("Content-Length", str(len(body)))], body

    neon.proxy.on(*CREATE, edit=change)
    result = neon.kist.run("run", "p", expect=None)
    targets = [each.target for each in neon.proxy.requests]
    assert all(
        re.fullmatch(r"/api/v2/projects/[a-z0-9-]+(/[a-z_]+(/[a-z0-9-]{1,60})?)*(\?[\w=&.%-]*)?", each)
        for each in targets
    )
    assert result.code in (0, 1, 4) and "other/branches" not in "".join(targets)


@pytest.mark.parametrize("field", ["name", "current_state"])
def test_control_characters(neon, field):
    def change(status, fields, body):
        reply = json.loads(body)
        for branch in reply["branches"]:
            branch[field] = "main\x1b[31m\r\nkist: error: forged"
        body = json.dumps(reply).encode()
        return status, [("Content-Length", str(len(body)))], body

    neon.proxy.on("GET", "/branches$", times=None, edit=change)
    for words in (("run", "p"), ("list",), ("show", "p"), ("doctor", "p")):
        result = neon.kist.run(*words, expect=None)
        assert "\x1b" not in result.out + result.err and "\nkist: error: forged" not in result.err


def test_an_expired_key(neon):
    """One clear line, and no storm."""
    neon.kist.backup()
    neon.fake.api_key = "napi_the_next_one"
    for words in (("run", "p"), ("restore", "p", "--to-branch", "again"), ("doctor", "p")):
        neon.fake.clear()
        result = neon.kist.run(*words, expect=None)
        assert result.code not in (0, 99) and "key" in result.is_one_error() and neon.fake.count() <= 3, result
    assert "napi_" not in result.out + result.err


@pytest.mark.parametrize("what", ["renamed", "another backup's"])
def test_what_somebody_else_made_stays(neon, mode, what):
    """A manifest that names it is not enough."""
    kist = neon.kist
    neon.write(mode=mode)
    first = kist.backup()
    there = neon.model.branches if mode == "branch" else neon.model.snapshots
    branch = there[neon.reference(first)["id"]]
    branch.name = "now it is mine" if what == "renamed" else f"kist-other-{first}"
    neon.write(*KEEP, mode=mode)
    kist.run("run", "p", expect=3)
    result = kist.run("prune", "p", expect=3)
    assert branch.id in there and neon.fake.count("DELETE") == 0
    assert branch.id in result.err or branch.name in result.err
    branch.name = name_of(first)
    kist.run("prune", "p")
    assert branch.id not in there


def test_gone_already(neon, mode):
    kist = neon.kist
    neon.write(mode=mode)
    first = kist.backup()
    there = neon.model.branches if mode == "branch" else neon.model.snapshots
    del there[neon.reference(first)["id"]]
    kist.run("verify", "p", expect=4)
    neon.write(*KEEP, mode=mode)
    second = kist.backup()
    kist.run("prune", "p")
    assert kist.ids() == [second]


@pytest.mark.parametrize("what", ["project", "id", "both"])
def test_a_manifest_that_lies(neon, what):
    """It names another project, what lives, or another backup's branch: nothing of it is deleted."""
    kist = neon.kist
    first, other = kist.backup(), kist.backup()
    kist.run("hold", f"p/{other}")
    own, live = neon.reference(first)["id"], neon.model.main.id
    forged = {"project": (neon.fake.project, "another-project"), "id": (own, live)}
    text = kist.manifest_path(first).read_text()
    old, new = forged.get(what, (f'"{own}"', f'"{neon.reference(other)["id"]}"'))
    text = text.replace(old, new)
    if what == "both":
        text = text.replace(name_of(first), name_of(other))
    kist.manifest_path(first).write_bytes(seal(text.encode()))
    neon.write(*KEEP)
    kist.run("run", "p", expect=3)
    result = kist.run("prune", "p", expect=3)
    assert neon.fake.count("DELETE") == 0 and len(held(neon)) == 3 and neon.model.named("main"), result


def test_secrets(neon, mode):
    kist = neon.kist
    neon.write(mode=mode)
    words = [neon.fake.api_key, neon.fake.password, "c4nary", "postgresql://"]
    kist.backup()
    said_all = ""
    for args in (
        ("run", "p"),
        ("restore", "p", "--to-branch", "again"),
        ("restore", "p", "--at", stamp(time.time() - 60), "--to-branch", "past"),
        ("list", "--json"),
        ("show", "p", "--json"),
        ("doctor", "p"),
        ("config", "show"),
    ):
        result = kist.run("-v", "-v", *args)
        said_all += result.out + result.err
    neon.proxy.on(times=None, answer=said(400, f"no {neon.fake.api_key}"))
    said_all += kist.run("-v", "-v", "run", "p", expect=None).err
    assert not [word for word in words[:3] if word in said_all]
    kept = {**kist.files(), **{path.name: path.read_bytes() for path in kist.state.rglob("*") if path.is_file()}}
    assert "history.jsonl" in kept and not [name for name in kept if any(each.encode() in kept[name] for each in words)]
    assert all(key == f"Bearer {neon.fake.api_key}" for key in neon.fake.keys)
    assert not any(neon.fake.api_key in str(each.target) for each in neon.fake.requests)
