"""The notifier `ping`: start and end of a run as a heartbeat."""
import re

import pytest
from http_sink import Answer, Sink
from told import Told, build_rude

CHECK = "/c4nary00-9d73-446f-adb5-0641fdacc9d4"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build_rude(tmp_path_factory.mktemp("plugins") / "rude")


@pytest.fixture
def told(plain_kist, plugins):
    return Told(plain_kist, plugins)


@pytest.fixture
def sink():
    with Sink() as sink:
        yield sink


def test_start_and_success(told, sink):
    told.write("ping", slow="300ms", url=sink.url + CHECK)
    told.kist.backup()
    start, end = sink.take()
    assert (start.method, start.path) == ("POST", CHECK + "/start")
    assert (end.method, end.path) == ("POST", CHECK)
    assert UUID.fullmatch(start.query["rid"]) and start.query == end.query
    assert end.at - start.at >= 0.25
    assert b"\n" in end.body and len(end.body) <= 10000


def test_each_run_has_a_name_of_its_own(told, sink):
    told.write("ping", url=sink.url + "/key/slug/?create=1")
    told.kist.run("run", "p")
    told.kist.run("run", "p")
    requests = sink.take()
    assert [request.path for request in requests] == 2 * ["/key/slug/start", "/key/slug/"]
    assert all(request.query["create"] == "1" for request in requests)
    rids = [request.query["rid"] for request in requests]
    assert rids[0] == rids[1] != rids[2] == rids[3]


def test_failure_with_the_end_of_the_log(told, sink):
    told.fails("the disk <is> full " + "x" * 300000)
    told.write("ping", url=sink.url + CHECK)
    told.kist.run("run", "p", expect=1)
    start, end = sink.take()
    assert (start.path, end.path) == (CHECK + "/start", CHECK + "/fail")
    assert start.query == end.query
    text = end.body.decode()
    assert len(end.body) <= 10000 and "cause: p/p-db(rude): the disk <is> full" in text
    assert "\nlast good backup: none is known" in text and "\nnext step: `kist doctor p`" in text
    assert text.count("the disk <is> full") >= 2  # in the log as well


def degrade(told):
    """One of two destinations is a file."""
    text = (told.kist.conf / "kist.ini").read_text().replace("destinations = disk", "destinations = disk, broken")
    (told.kist.folder / "file").write_text("in the way")
    told.kist.write(text.replace("[pipeline p]\n", "[pipeline p]\nrequire = any\n")
                    + f"\n[destination broken]\nplugin = local\npath = {told.kist.folder}/file/x\nretries = 0\n")


@pytest.mark.parametrize("degraded, tail", (("fail", "/fail"), ("ok", "")))
def test_degraded(told, sink, degraded, tail):
    told.write("ping", url=sink.url + CHECK, degraded=degraded)
    degrade(told)
    told.kist.run("run", "p", expect=3)
    assert [request.path for request in sink.take()] == [CHECK + "/start", CHECK + tail]


def test_without_starts(told, sink):
    told.write("ping", url=sink.url + CHECK, on="success, failure")
    told.kist.run("run", "p")
    assert [request.path for request in sink.take()] == [CHECK]


@pytest.mark.parametrize(
    "answer, words",
    (
        (Answer(404, "not found"), ("404: not found", "ping URL")),
        (Answer(409, "ambiguous slug"), ("409: ambiguous slug", "two checks")),
        (Answer(400, "invalid uuid format"), ("400", "UUID")),
        (Answer(200, "OK (not found)"), ("knows none by this URL", "deleted")),
    ),
)
def test_what_the_service_refuses(told, sink, answer, words):
    told.write("ping", url=sink.url + CHECK)
    sink.answer = lambda request: answer
    result = told.kist.run("notify", "test", "ops", expect=1)
    assert all(word in result.err for word in words) and "c4nary" not in result.err
    (request,) = sink.take()
    assert request.path == CHECK + "/log"


def test_a_ping_that_comes_late_does_not_undo_what_the_check_knows(told, sink):
    told.write("ping", url=sink.url + CHECK, deadline="1s", on="success, failure")
    sink.answer = lambda request: Answer(429, "", {"Retry-After": "3600"})
    told.fails("no")
    told.write("ping", url=sink.url + CHECK, deadline="1s", on="success, failure")
    result = told.kist.run("run", "p", expect=1)
    assert "429" in result.err and len(told.waiting()) == 1
    sink.take()
    del sink.answer
    told.works()
    told.write("ping", url=sink.url + CHECK, on="success, failure, recovery")
    told.kist.run("run", "p")
    assert sorted(request.path for request in sink.take()) == [CHECK, CHECK + "/log"]
    assert told.waiting() == []


def test_nobody_there_delays_no_backup(told):
    with Sink() as sink:
        url = sink.url
    told.write("ping", url=url + CHECK, deadline="1s")
    result = told.kist.run("run", "p", expect=3)
    assert result.took < 8 and "no connection" in result.err and "c4nary" not in result.err
    assert len(told.kist.ids()) == 1
