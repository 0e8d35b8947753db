"""`kist run --due`: what cron calls each minute. Each slot once, whatever the clock, the host and its memory do."""
import json
import os
import shutil
import signal
import time

import pytest
from fleet import feed, kill_all, kill_each, wait_until
from processes import descendants
from tracing import ENVIRONMENT, tracer

# Seconds, for 200 pipelines of which none is due. Builds with sanitizers or without optimisation are slower.
LIMIT = float(os.environ.get("KIST_DUE_LIMIT", "3"))
COUNT = 200


def ledger(fleet, name="p"):
    return json.loads((fleet.kist.state / "ledger" / f"{name}.json").read_text())


def tree(folder):
    return sorted(str(path) for path in folder.rglob("*")) if folder.exists() else []


def test_each_slot_once(fleet):
    # A new pipeline makes up for the slot before it at once: the first backup does not wait.
    assert fleet.due() == ["p"]
    assert fleet.due() == []
    assert fleet.result.out == fleet.result.err == ""
    # Over the end of February, of a leap year.
    for day in ("02-28", "02-29", "03-01"):
        fleet.clock.set(f"2028-{day}T01:59:30")
        assert fleet.due() == []
        fleet.clock.set(f"2028-{day}T02:00:00")
        assert fleet.due() == ["p"]
        assert fleet.due() == []
    # The host sleeps over three slots, and makes up for them once.
    fleet.clock.set("2028-03-04T13:00:00")
    assert fleet.due() == ["p"]
    assert fleet.due() == []
    assert [id[:10] for id in fleet.ids()] == [
        "2028-02-27",
        "2028-02-28",
        "2028-02-29",
        "2028-03-01",
        "2028-03-04",
    ]
    assert [line["outcome"] for line in fleet.kist.history("run")] == ["ok"] * 5


def test_both_changes_of_the_clocks(fleet):
    fleet.write(schedule="30 2 * * *", more="timezone = Europe/Berlin")
    ran = []
    fleet.clock.set("2028-03-25T03:00:00")
    fleet.due()
    # 02:30 does not exist on the 26th: it is 03:00 in summer, 01:00 in UTC. On 2028-10-29 it comes twice, first at
    # 00:30 UTC.
    for text in (
        "2028-03-26T00:59:00",
        "2028-03-26T01:00:30",
        "2028-03-26T01:30:30",
        "2028-03-27T00:30:30",
        "2028-10-28T00:30:30",
        "2028-10-29T00:29:00",
        "2028-10-29T00:30:30",
        "2028-10-29T01:30:30",
        "2028-10-30T01:29:00",
        "2028-10-30T01:30:30",
    ):
        fleet.clock.set(text)
        if fleet.due():
            ran.append(text)
    assert ran == [
        "2028-03-26T01:00:30",
        "2028-03-27T00:30:30",
        "2028-10-28T00:30:30",
        "2028-10-29T00:30:30",
        "2028-10-30T01:30:30",
    ]


def test_what_failed_is_not_repeated_each_minute(fleet):
    fleet.due()
    fleet.told()
    fleet.file.rename(fleet.folder / "away")
    fleet.clock.set("2028-02-28T02:00:00")
    fleet.due(expect=1)
    assert [line.split()[0] for line in fleet.told()] == ["failure"]
    for _ in range(2):
        fleet.clock.step(60)
        assert fleet.due() == []
    assert ledger(fleet)["failing"] == 1
    assert fleet.told() == []
    (fleet.folder / "away").rename(fleet.file)
    fleet.clock.set("2028-02-29T02:00:00")
    assert fleet.due() == ["p"]
    assert [line.split()[0] for line in fleet.told()] == ["recovery"]
    assert ledger(fleet)["failing"] == 0
    assert ledger(fleet)["good"] == fleet.ids()[-1]


def test_what_was_killed_is_begun_three_times(fleet):
    fleet.due()
    pipe = fleet.pipe()
    fleet.write(source=pipe)
    fleet.clock.set("2028-02-28T02:00:00")
    for tries in (1, 2, 3):
        running = fleet.kist.start("run", "--due")
        wait_until(lambda: ledger(fleet)["tries"] == tries and ledger(fleet)["ended"] == 0)
        # While it is at work it is nobody else's to do.
        assert fleet.due() == []
        kill_all(running)
        fleet.clock.step(60)
    assert fleet.due() == []
    fleet.write()
    assert fleet.due() == []
    fleet.clock.set("2028-02-29T02:00:00")
    assert fleet.due() == ["p"]


def test_a_member_that_dies_is_told_of(fleet):
    """The process of one run dies; the others, and the telling, are not its affair."""
    pipe = fleet.pipe()
    fleet.write(names=("p", "q"), kist="max_parallel = 2")
    fleet.due()
    fleet.told()
    fleet.write(names=("p",), source=pipe)
    fleet.clock.set("2028-02-28T02:00:00")
    running = fleet.kist.start("run", "--due")
    wait_until(lambda: ledger(fleet)["ended"] == 0)
    kill_each(descendants(running.pid))
    result = running.finish()
    assert result.code == 1, result
    assert "p: the process of this run died of signal 9" in result.is_one_error()
    assert [line.split()[0] for line in fleet.told()] == ["failure"]
    entry = fleet.kist.history("run")[-1]
    assert entry["outcome"] == "failed" and "signal 9" in entry["cause"]
    # It was killed, so it is begun again.
    fleet.write(names=("p", "q"))
    fleet.clock.step(60)
    assert fleet.due() == ["p", "q"]


def test_a_lost_state_is_found_again(fleet):
    fleet.write(names=("p", "q"), destinations={"disk": {}, "far": {}})
    fleet.due()
    fleet.clock.step(3600)
    before = fleet.kist.files("disk")
    shutil.rmtree(fleet.kist.state)
    assert fleet.due() == []
    assert ledger(fleet)["newest"] == fleet.ids()[-1]
    for damage in ("", '{"kist_ledger": 1, "new', "\0" * 300):
        (fleet.kist.state / "ledger" / "q.json").write_text(damage)
        assert fleet.due() == []
        assert "q: what this host remembers of it is damaged" in fleet.result.err
        assert ledger(fleet, "q")["newest"] == fleet.ids("q")[-1]
        assert fleet.due() == [] and not fleet.result.err
    assert fleet.kist.files("disk") == before
    # The next slot is done as ever.
    fleet.clock.set("2028-02-28T02:00:00")
    assert fleet.due() == ["p", "q"]


def test_what_is_not_known_is_run(fleet):
    """Without a memory, and with a destination that does not answer, nobody can say that there is no need."""
    away = {"plugin": "flaky", "retries": 0}
    fleet.write(destinations={"far": away}, more="require = any")
    fleet.due()
    fleet.clock.step(3600)
    shutil.rmtree(fleet.kist.state)
    fleet.write(destinations={"far": {**away, "fail_list": 1000}})
    fleet.due(expect=1)
    assert "whether there is a newer backup is not known" in fleet.result.err
    assert len(fleet.kist.history("run")) == 1
    # What another one says is enough.
    shutil.rmtree(fleet.kist.state)
    fleet.write(destinations={"far": away, "disk": {}})
    assert fleet.due() == []
    fleet.write(destinations={"disk": {}, "far": {**away, "fail_list": 1000}})
    shutil.rmtree(fleet.kist.state)
    fleet.due(expect=1)
    assert "far" in fleet.result.err


def test_a_clock_that_was_wrong(fleet):
    """Ten years ahead for a day, then right again; and a year behind."""
    fleet.due()
    fleet.clock.set("2038-03-01T12:00:00")
    assert fleet.due() == ["p"]
    for day in ("02-28", "02-29"):
        fleet.clock.set(f"2028-{day}T02:00:30")
        assert fleet.due() == ["p"]
        assert "the clock is behind the newest backup" in fleet.result.err
        assert fleet.due() == []
    fleet.clock.set("2027-02-28T02:00:30")
    assert fleet.due() == ["p"]
    assert fleet.due() == []
    ids = fleet.ids()
    assert len(ids) == len(set(ids)) == 5


def test_names_and_dry_run(fleet):
    fleet.write(names=("p", "q", "never"), never="min_keep = 2")
    shutil.rmtree(fleet.kist.state, ignore_errors=True)
    before = tree(fleet.folder)
    out = fleet.kist.run("run", "--due", "--dry-run").out.splitlines()
    assert out == ["p: due since 2028-02-27T02:00:00Z", "q: due since 2028-02-27T02:00:00Z", "never: no schedule"]
    assert tree(fleet.folder) == before
    assert fleet.due(args=("q", "--label", "why=test")) == ["q"]
    assert fleet.kist.manifest(fleet.ids("q")[0], name="q")["labels"] == {"why": "test"}
    out = fleet.kist.run("run", "--due", "--dry-run").out.splitlines()
    assert out[1] == "q: next at 2028-02-28T02:00:00Z"
    assert fleet.due() == ["p"]
    for args in (["--all"], ["--repair"], ["never"], ["nobody"], ["p", "p"]):
        assert "kist: error: " in fleet.kist.run("run", "--due", *args, expect=2).err


def test_a_run_that_was_stopped_is_made_up_for(fleet):
    """A host that shuts down at two in the morning."""
    fleet.write(destinations={"disk": {}, "far": {"plugin": "flaky", "stall": "write", "only": "lines"}})
    running = fleet.kist.start("run", "--due")
    wait_until(lambda: list((fleet.folder / "far").glob("*pending*")))
    running.signal(signal.SIGTERM)
    result = running.finish(20)
    assert result.code == 143, result
    assert fleet.ids() == [] and fleet.leases()
    fleet.write()
    fleet.clock.step(60)
    assert fleet.due() == ["p"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_twice_it_ends_at_once(fleet, number):
    """Also where something does not let itself be stopped; and the next run tidies up."""
    pipe = fleet.pipe()
    fleet.write(source=pipe)
    running = fleet.kist.start("run", "--due")
    wait_until(lambda: list((fleet.folder / "disk" / "_kist" / "p").glob("*.pending")))
    running.signal(number)
    time.sleep(0.2)
    assert running.process.poll() is None
    running.signal(number)
    assert running.finish(10).code == 128 + number
    fleet.write()
    fleet.clock.step(60)
    assert fleet.due() == ["p"]
    assert not [key for key in fleet.kist.files() if "pending" in key]


def test_nothing_is_scheduled(fleet):
    fleet.write(p="min_keep = 2")
    assert fleet.due() == []
    assert "no pipeline has a `schedule`" in fleet.result.err


def test_a_ledger_that_cannot_be_written(fleet):
    """The destination knows what is done, so that nothing is done twice; and it is said."""
    fleet.due()
    shutil.rmtree(fleet.kist.state / "ledger")
    (fleet.kist.state / "ledger").write_text("in the way")
    fleet.clock.step(60)
    assert fleet.due() == []
    assert "ledger" in fleet.result.err
    fleet.clock.set("2028-02-28T02:00:00")
    assert fleet.due(expect=3) == ["p"]
    assert fleet.due() == []


def test_overdue(fleet):
    """Told when the time for it has come, once a day, and no more when there is a good one."""
    fleet.write(schedule="0 * * * *")
    fleet.due()
    fleet.told()
    fleet.file.rename(fleet.folder / "away")
    told = []
    fleet.clock.set("2028-02-27T13:00:00")
    fleet.due(expect=1)
    for minute in ("13:05", "13:14", "13:16", "13:17"):
        fleet.clock.set(f"2028-02-27T{minute}:00")
        fleet.due()
        told.append([line.split()[0] for line in fleet.told()])
        said = "p: overdue: the last good backup, 2028-02-27T12-00-" in fleet.result.err
        assert said == bool(minute == "13:16")
    assert told == [["failure"], [], ["overdue"], []]
    fleet.clock.set("2028-02-28T13:20:00")
    fleet.due(expect=1)
    fleet.due()
    assert [line.split()[0] for line in fleet.told()] == ["failure", "overdue"]
    # Another host has made a good one meanwhile: nobody is told.
    (fleet.folder / "away").rename(fleet.file)
    fleet.clock.set("2028-02-29T13:30:00")
    other = fleet.host("other")
    assert fleet.due(kist=other) == ["p"]
    fleet.told()
    assert fleet.due() == []
    fleet.clock.set("2028-02-29T13:40:00")
    assert fleet.due() == []
    assert fleet.told() == []
    assert ledger(fleet)["good"] == fleet.ids()[-1]


def put_backups(fleet, names, destinations, id):
    """What counts for a schedule is that there is one."""
    for destination in destinations:
        for name in names:
            folder = fleet.folder / destination / "_kist" / name
            folder.mkdir(mode=0o700, parents=True)
            (folder / f"{id}.json").write_text("{}")


def traced(fleet, name):
    """What `kist run --due` opens when nothing is due; each thread has a file of its own: no line is cut in two."""
    before = tracer(fleet.folder / name, "-ff", "-e", "trace=open,openat,openat2")
    assert fleet.due(before=before, env={**fleet.kist.env, **trace_environment(fleet)}) == []
    return "".join(path.read_text() for path in fleet.folder.glob(f"{name}.*"))


def listings(trace, folder):
    """How often the directory itself was opened."""
    opened = [line for line in trace.splitlines() if line.endswith(f"<{folder}>")]
    return sum("O_DIRECTORY" in line and "O_PATH" not in line for line in opened)


def test_two_hundred_pipelines(fleet):
    names = [f"p{number:03}" for number in range(COUNT)]
    destinations = ("disk", "far", "third")
    fleet.write(names=names, destinations={name: {} for name in destinations})
    put_backups(fleet, names, destinations, "2028-02-27T03-00-00Z")
    # A cold cache: one listing for each destination, and nothing runs.
    trace = traced(fleet, "cold")
    for name in destinations:
        assert listings(trace, fleet.folder / name / "_kist") == 1, name
        assert listings(trace, fleet.folder / name / "_kist" / "p007") == 1, name
    # A warm one: no destination is looked at.
    trace = traced(fleet, "warm")
    for name in destinations:
        assert str(fleet.folder / name) not in trace
    took = []
    for _ in range(5):
        assert fleet.due() == []
        took.append(fleet.result.took)
    print(f"kist run --due, {COUNT} pipelines: {min(took):.3f} s, limit {LIMIT} s")
    assert min(took) < LIMIT


def trace_environment(fleet):
    options = ENVIRONMENT["ASAN_OPTIONS"] + ":verify_asan_link_order=0"
    return {**ENVIRONMENT, "ASAN_OPTIONS": options, "LD_PRELOAD": fleet.clock.env["LD_PRELOAD"]}


def test_fed_by_a_pipe(fleet):
    """The source of these tests that waits does end when it is fed: what they kill was alive."""
    pipe = fleet.pipe()
    fleet.write(source=pipe)
    running = fleet.kist.start("run", "--due")
    wait_until(lambda: (fleet.kist.state / "ledger" / "p.json").exists())
    feed(pipe)
    assert running.finish().code == 0
    assert len(fleet.ids()) == 1
