"""What a provider lets expire: its backup counts as no good one any more; and copies that are kept for a shorter time."""
import json
import re

import pytest
from clock import skewed_by
from held import build_held
from kept import KEEP
from kist import sanitizer_options
from moody import build_moody
from past import BOTH, references, text_of


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build_moody(build_held(tmp_path_factory.mktemp("plugins") / "all"))


def copies(past, *days, **more):
    """Backups that have a copy each; only that of the newest is not past its time."""
    items = "db.branch, db.copy"
    past.write(items=items, **more)
    ids = past.past(*days, items=("db.branch", "db.copy"), **more)
    for id in ids[:-1]:
        past.expire(id, "db.copy", **more)
    past.write("keep = 30 last", items=items, **more)
    return ids


def test_a_lapsed_backup_is_no_good_one(six_held):
    """The rules keep the newest that can be restored, and count none that cannot."""
    past, ids = six_held
    past.write("keep = 1 last\nmin_keep = 2\nmax_delete = 100%")
    past.expire(ids[4])
    assert past.plan("--dry-run")[ids[3]] == ("kept", "min_keep = 2")
    past.prune()
    past.is_whole(ids[3], ids[5])


def test_nothing_goes_when_the_newest_has_lapsed(six_held):
    past, ids = six_held
    past.expire(ids[5])
    result = past.prune(expect=3)
    assert "the newest backup is not good" in result.err and past.calls() == []
    assert past.there() == ids and past.branches() == past.names(*ids)
    (status,) = past.kist.run("status", "--json", expect=None).json
    assert status["last_good"] == ids[4], status
    # Whoever hears of a failure hears of what there is to fall back on.
    told = past.kist.folder / "told"
    past.write(f"{KEEP}\nnotify = ops", fail="make", sections=f"[notifier ops]\nplugin = moody\npath = {told}\n")
    past.kist.run("run", "p", expect=1)
    assert json.loads(told.read_text().splitlines()[-1])["last_good"] == ids[4]


def test_copies_that_are_kept_for_a_shorter_time(past):
    items = "db.branch, db.copy"
    past.write(items=items)
    ids = past.past(4, 3, 2, 1, items=("db.branch", "db.copy"))
    past.write("keep = 30 last", items=items)
    for id in ids:
        past.expire(id, "db.copy")
    # The newest one has nothing to stand in for it.
    past.prune()
    assert past.calls() == []
    past.expire(ids[4], "db.copy", days=1)
    past.kist.run("hold", f"p/{ids[1]}")
    wanted = {id: [text_of(past, id, "db.copy")] for id in (ids[0], ids[2], ids[3])}
    assert references(past.prune("--dry-run", "--json").json) == {"disk": wanted}
    assert f", without {text_of(past, ids[0], 'db.copy')}\n" in past.prune("--dry-run").out
    assert past.calls() == []
    assert references(past.prune("--json").json) == {"disk": wanted}
    assert past.there() == ids and past.tombstones() == []
    assert past.branches() == sorted(past.names(*ids) + past.names(ids[1], ids[4], item="db.copy"))
    # Once.
    past.forget()
    past.prune()
    assert past.calls() == []
    past.kist.run("release", f"p/{ids[1]}")
    past.prune()
    assert past.discarded() == past.names(ids[1], item="db.copy")
    past.kist.run("verify", "p", "--all")


def test_copies_and_a_hold_that_one_destination_knows_of(past):
    ids = copies(past, 2, 1, destinations=BOTH)
    past.kist.run("hold", f"p/{ids[0]}")
    for mark in past.kist.manifest_path(ids[0], destination="disk2").parent.glob("*.held.*"):
        mark.unlink()
    past.prune()
    assert set(past.discarded()) == set(past.names(ids[1], item="db.copy"))
    past.forget()
    past.prune()
    assert past.calls() == []


def test_copies_stay_while_a_clock_is_wrong(past):
    """Ten years ahead, a backup made by that clock included: only the store knows better."""
    ids = copies(past, 2, 1)
    for id in ids[:2]:
        past.expire(id, "db.copy", days=400)
    env = skewed_by(past.kist.folder, 10 * 365 * 86400)
    env["ASAN_OPTIONS"] = sanitizer_options(verify_asan_link_order="0")
    past.kist.run("prune", env=env)
    assert past.calls() == [] and past.tombstones() == [] and past.there() == ids
    for id in ids[:2]:
        past.expire(id, "db.copy")
    past.prune()
    assert past.discarded() == past.names(*ids[:2], item="db.copy")


def test_copies_stay_while_the_newer_backup_is_bad(past):
    ids = copies(past, 3, 2, 1)
    past.expire(ids[3], "db.copy")
    past.expire(ids[2], "db.copy", days=1)
    folder = past.kist.manifest_path(ids[2]).parent
    (folder / f"{ids[2]}.badhash.{ids[3]}").write_text("{}")
    past.prune()
    assert past.calls() == []


def test_copies_stay_after_a_run_that_failed(past):
    ids, items = copies(past, 1), "db.branch, db.copy"
    past.write("keep = 30 last", items=items, fail="make")
    past.kist.run("run", "p", expect=1)
    past.forget()
    past.write("keep = 30 last", items=items)
    past.prune()
    assert past.calls() == []
    new = past.kist.backup()
    assert past.discarded() == past.names(ids[0], item="db.copy") and past.there() == [*ids, new]


def test_a_provider_that_is_away_keeps_copies(past):
    ids, items = copies(past, 3, 2, 1), "db.branch, db.copy"
    past.write("keep = 30 last", items=items, fail="down")
    result = past.prune(expect=3)
    assert len(past.calls()) == 1 and result.err.count("does not answer") == 1, result
    past.write("keep = 30 last", items=items)
    past.prune()
    assert past.branches() == sorted(past.names(*ids) + past.names(ids[3], item="db.copy"))


def test_a_hold_does_not_bind_the_provider(six_held):
    past, ids = six_held
    assert past.kist.run("hold", f"p/{ids[0]}").err == ""
    past.expire(ids[1], days=2)
    result = past.kist.run("hold", f"p/{ids[1]}")
    assert re.search(rf"the {re.escape(text_of(past, ids[1]))} may be gone from \d{{4}}-\S+Z on: a hold keeps", result.err)
    assert past.kist.run("release", f"p/{ids[1]}").err == ""
