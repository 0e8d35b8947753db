"""What Neon, or the way to it, may do wrong: nothing is made twice, nothing is deleted that is not ours, and it ends."""
import pytest
from cluster import free_port
from fault_proxy import Answer
from neon_fake import NeonFake
from neon_kist import Neon, said
from test_neon import KEEP, held, name_of

LOCKED = "project already has running conflicting operations, scheduling of new ones is prohibited"
CREATE = ("POST", r"/(branches|snapshot)($|\?)")


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


def nothing_left(neon):
    assert held(neon) == [] and neon.kist.ids() == []


def posts(neon):
    """What the project heard of."""
    return neon.fake.count(*CREATE)


# ---- the way there ----


@pytest.mark.parametrize("how", ["reset", "fin"])
def test_a_lost_reply(neon, mode, how):
    """It has been acted on: what was made is looked for, and nothing is made again."""
    neon.write(mode=mode)
    neon.proxy.on(*CREATE, drop_reply=True, how=how)
    id = neon.kist.backup()
    assert posts(neon) == 1 and held(neon) == [name_of(id)]
    assert neon.reference(id)["name"] == name_of(id)


def test_a_lost_request(neon, mode):
    """It has not been acted on."""
    neon.write(mode=mode)
    neon.proxy.on(*CREATE, answer=Answer(raw=b""))
    id = neon.kist.backup()
    assert posts(neon) == 1 and held(neon) == [name_of(id)]


def test_a_reply_that_says_nothing(neon, mode):
    """503 after it has been acted on."""
    neon.write(mode=mode)
    neon.proxy.on(*CREATE, edit=lambda *_: (503, [("Content-Length", "0")], b""))
    id = neon.kist.backup()
    assert held(neon) == [name_of(id)] and posts(neon) <= 2


def test_the_reply_to_a_restore_is_lost(neon):
    neon.kist.backup()
    neon.proxy.on("POST", "/branches$", drop_reply=True)
    neon.kist.run("restore", "p", "--to-branch", "again")
    assert neon.fake.count("POST", "/branches$") == 2 and neon.model.named("again")


def test_the_reply_to_a_delete_is_lost(neon, mode):
    neon.write(*KEEP, mode=mode)
    neon.kist.backup()
    neon.proxy.on("DELETE", drop_reply=True)
    id = neon.kist.backup()
    neon.kist.run("prune", "p")
    assert held(neon) == [name_of(id)] and neon.kist.ids() == [id]


def test_nobody_answers(neon):
    neon.write(wait="1s", api_url=f"http://127.0.0.1:{free_port()}/api/v2")
    result = neon.kist.run("run", "p", expect=1)
    assert "cannot" in result.is_one_error() and result.took < 15


@pytest.mark.parametrize("location", ["https://evil.example/api/v2", "/elsewhere"])
def test_a_redirect(neon, location):
    """Is not followed: the key would go there."""
    rule = neon.proxy.on(times=None, answer=said(307, Location=location))
    result = neon.kist.run("run", "p", expect=None)
    assert result.code in (1, 2) and "307" in result.is_one_error() and rule.used == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>hello</html>",
        b"[]",
        b"{",
        b'{"branches": 5}',
        b'{"branches": [5]}',
        b"\xff\xfe",
        b'{"branches": []}',
    ],
)
def test_garbage(neon, body):
    neon.write(wait="1s")
    neon.proxy.on("GET", "/branches$", times=None, answer=Answer(200, body, Content_Type="application/json"))
    result = neon.kist.run("run", "p", expect=None)
    assert result.code in (1, 2, 4) and result.is_one_error() and result.took < 15
    assert posts(neon) == 0


def test_a_huge_reply(neon):
    neon.write(wait="1s")
    pieces = (b'{"branches": [' + b" " * (1 << 20) for _ in range(200))
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    neon.proxy.on("GET", "/branches$", times=None, answer=lambda _: Answer(raw=iter([head, *pieces])))
    result = neon.kist.run("run", "p", expect=None)
    assert result.code in (1, 4) and result.is_one_error()


# ---- what it says ----


def test_locked_ten_times(neon):
    neon.write(wait="5m", poll="10ms")
    rule = neon.proxy.on(*CREATE, times=10, answer=said(423, LOCKED, Retry_After="0"))
    neon.kist.backup()
    assert rule.used == 10 and posts(neon) == 1


def test_locked_for_ever(neon):
    neon.write(wait="2s")
    neon.proxy.on(*CREATE, times=None, answer=said(423, LOCKED))
    result = neon.kist.run("run", "p", expect=1)
    assert "conflicting operations" in result.is_one_error() and result.took < 15
    nothing_left(neon)


def test_too_many_requests(neon):
    """It is waited for as long as it is asked for."""
    neon.proxy.on(*CREATE, answer=said(429, "too many requests", Retry_After="1"))
    neon.kist.backup()
    first, second = neon.proxy.seen(*CREATE)
    assert second.at - first.at >= 1


def test_longer_than_there_is_time(neon):
    neon.write(wait="3s")
    neon.proxy.on(*CREATE, times=None, answer=said(429, "too many requests", Retry_After="3600"))
    result = neon.kist.run("run", "p", expect=1)
    assert result.took < 10 and len(neon.proxy.seen(*CREATE)) == 1 and "too many requests" in result.is_one_error()


@pytest.mark.parametrize("end", ["failed", "error", "cancelled"])
def test_an_operation_fails(neon, mode, end):
    """What was made is no backup, and goes."""
    neon.write(mode=mode)
    neon.model.ends["create_branch" if mode == "branch" else "create_timeline"] = end
    result = neon.kist.run("run", "p", expect=1)
    assert end in result.is_one_error() or "storage did not answer" in result.is_one_error()
    nothing_left(neon)


def test_skipped_is_done(neon):
    neon.model.ends["create_branch"] = "skipped"
    neon.kist.backup()


def test_it_never_ends(neon, mode):
    neon.write(mode=mode, wait="1s")
    neon.model.strict = False
    neon.model.ends["create_branch" if mode == "branch" else "create_timeline"] = "never"
    result = neon.kist.run("run", "p", expect=1)
    assert result.took < 40 and "after 1 s" in result.is_one_error()
    nothing_left(neon)


def test_the_quota_of_snapshots(neon):
    """Nothing is deleted to make room."""
    neon.model.make_snapshot("mine")
    neon.write(mode="snapshot")
    first = neon.kist.backup()
    neon.model.snapshots_max = 2
    result = neon.kist.run("run", "p", expect=1)
    assert "limit" in result.is_one_error() and posts(neon) == 2
    assert neon.model.snapshot_names() == [name_of(first), "mine"] and neon.fake.count("DELETE") == 0
    assert neon.kist.ids() == [first]
