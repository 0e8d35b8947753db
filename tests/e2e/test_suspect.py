"""A backup that is much less than those before it is made and told of, and is no measure until a person accepts it."""
import re
import shutil

import pytest
from manifests import seal


@pytest.fixture
def shrunk(lines):
    """Three good backups and a suspect one, on two destinations. Returns (lines, its id)."""
    lines.write(destinations=("disk", "disk2"))
    lines.runs(1000, 1000, 1000)
    return lines, lines.runs(10, expect=3)[0]


def test_less_than_before(lines):
    notes = lines.kist.folder / "notes"
    logfile = f"[notifier n]\nplugin = logfile\npath = {notes}\n"
    lines.write("notify = n", sections=logfile)
    good = lines.runs(1000, 900, 1100)
    (id,) = lines.runs(10, expect=3)
    reasons = [
        "350 B, 99 % less than the median of the last three (34.2 KiB)",
        "10 rows, 99 % less than the median of the last three (1,000 rows)",
    ]
    row = lines.row(id)
    assert (row["state"], row["suspect"], row["accepted"]) == ("suspect", reasons, False), row
    assert [lines.row(one)["state"] for one in good] == ["ok"] * 3
    assert lines.kist.manifest(id)["suspect"] == reasons
    # It is told to whoever is told of runs.
    entry = lines.kist.history()[-1]
    assert (entry["outcome"], entry["exit"], entry["cause"]) == ("degraded", 3, "; ".join(reasons)), entry
    assert notes.read_text().splitlines()[-1].startswith(f"suspect p/{id}: ")
    assert "99 % less" in notes.read_text()
    shown = lines.kist.run("show", f"p/{id}").out
    assert all(f"suspect              {reason}\n" in shown for reason in reasons), shown
    assert "suspect" in lines.kist.run("list", "p").out
    # It is a backup like any other: what is saved is there.
    lines.kist.run("verify", f"p/{id}", "--level", "decode")


def test_what_is_not_much_less_is_good(lines):
    lines.write()
    lines.runs(1000, 1000, 1000, 501, 1000, 100000)
    lines.write("max_shrink = 10%")
    assert lines.row(lines.runs(850, expect=3)[0])["state"] == "suspect"
    lines.runs(950)
    lines.write("max_shrink = 100%")
    lines.runs(1)


def test_two_are_no_measure(lines):
    lines.write()
    lines.runs(1000, 1000, 5)


def test_a_suspect_backup_does_not_lower_the_bar(shrunk):
    """Whatever deletes data does so in every run that follows: none of them becomes normal by itself."""
    lines, _ = shrunk
    lines.runs(10, 10, 10, 10, 10, 10, expect=3)
    lines.runs(1000)


def test_accept(shrunk):
    lines, id = shrunk
    kist = lines.kist
    assert kist.run("accept", f"p/{id}").out == f"p/{id}: accepted\n"
    row = lines.row(id)
    assert (row["state"], row["accepted"], len(row["suspect"])) == ("ok", True, 2), row
    for destination in ("disk", "disk2"):
        assert kist.marks(id, destination=destination) == ["accepted"]
    entry = kist.history()[-1]
    assert (entry["event"], entry["id"], entry["destinations"]) == ("accept", id, {"disk": True, "disk2": True})
    assert "  accepted             on disk2, 20" in kist.run("show", f"p/{id}").out
    shown = kist.run("show", f"p/{id}", "--json").json["marks"]
    assert [(mark["destination"], mark["mark"]) for mark in shown] == [("disk", "accepted"), ("disk2", "accepted")]
    # Once is enough.
    kist.run("accept", f"p/{id}")
    assert kist.marks(id) == ["accepted"]


def test_accepted_ones_are_the_new_measure(shrunk):
    lines, id = shrunk
    lines.kist.run("accept", f"p/{id}")
    for _ in range(2):
        lines.kist.run("accept", f"p/{lines.runs(10, expect=3)[0]}")
    # Three of the last five are small by now.
    assert lines.row(lines.runs(10)[0])["state"] == "ok"
    lines.runs(1, expect=3)


def test_accept_of_what_is_not_suspect(shrunk):
    lines, id = shrunk
    good = lines.kist.ids()[0]
    assert lines.kist.run("accept", f"p/{good}").out == f"p/{good} is not suspect\n"
    assert lines.kist.marks() == []
    lines.kist.run("accept", "p/2020-01-01T00-00-00Z", expect=6)
    lines.kist.run("accept", "p/yesterday", expect=2)
    lines.kist.run("accept", "q", expect=2)
    lines.kist.run("accept", expect=2)


def test_accept_with_a_destination_away(shrunk):
    lines, id = shrunk
    kist = lines.kist
    shutil.move(kist.folder / "disk2", kist.folder / "away")
    (kist.folder / "disk2").write_text("in the way")
    result = kist.run("accept", f"p/{id}", expect=3)
    assert "disk2" in result.err and "accepted" in result.out
    assert kist.marks(id) == ["accepted"]
    (kist.folder / "disk2").unlink()
    shutil.move(kist.folder / "away", kist.folder / "disk2")
    # One that knows is enough, and the other one learns of it when it is said again.
    assert lines.row(id)["state"] == "ok"
    assert kist.marks(id, destination="disk2") == []
    kist.run("accept", f"p/{id}")
    assert kist.marks(id, destination="disk2") == ["accepted"]


def test_a_minimal_size(lines):
    lines.write("min_size = 10KiB")
    (id,) = lines.runs(100, expect=3)
    assert lines.row(id)["suspect"] == ["3.4 KiB, less than min_size (10.0 KiB)"]
    lines.runs(1000)


def test_critical_tables(lines):
    lines.write("critical_tables = lines, public.orders, Lines")
    (id,) = lines.runs(1000, expect=3)
    assert lines.row(id)["suspect"] == [
        "critical table public.orders is not in the backup",
        "critical table Lines is not in the backup",
    ]
    lines.write("critical_tables = public.lines")
    lines.runs(1)
    (id,) = lines.runs(0, expect=3)
    assert "critical table public.lines has no rows" in lines.row(id)["suspect"]
    lines.write("critical_tables = lines", counts="no")
    (id,) = lines.runs(1000, expect=3)
    assert lines.row(id)["suspect"][0].endswith("no rows were (counts = off?)")


def test_a_database_that_lost_its_orders(kist, cluster):
    database = cluster.create("lossy", "CREATE TABLE orders AS SELECT generate_series(1, 1005) AS id")
    kist.pipeline(database, more='critical_tables = orders, "public"."orders"')
    kist.backup()
    assert "public.orders                            1,005\n" in kist.run("show", "p").out
    cluster.sql("TRUNCATE orders", database)
    kist.run("run", "p", expect=3)
    assert kist.backups()[-1]["suspect"] == [
        "critical table orders has no rows",
        'critical table "public"."orders" has no rows',
    ]


PARTITIONED = """
CREATE TABLE empty (id int) PARTITION BY LIST (id);
CREATE TABLE orders (id int) PARTITION BY RANGE (id);
CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (100);
CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (id);
CREATE TABLE orders_2_1 PARTITION OF orders_2 FOR VALUES FROM (100) TO (150);
INSERT INTO orders SELECT generate_series(98, 101);
"""


def test_a_partitioned_table_has_the_rows_of_its_partitions(kist, cluster):
    database = cluster.create("parted", PARTITIONED)
    kist.pipeline(database, more="critical_tables = orders, orders_2")
    kist.backup()
    counts = kist.run("show", "p", "--json").json["counts"]
    sums = {count["name"]: count["number"] for count in counts if count["kind"] == "partitioned"}
    assert sums == {"public.orders": 4, "public.orders_2": 2, "public.empty": 0}
    kist.run("drill", "p")
    cluster.sql("DELETE FROM orders_2", database)
    kist.run("run", "p", expect=3)
    assert kist.backups()[-1]["suspect"] == ["critical table orders_2 has no rows"]


def test_a_name_after_which_none_could_come(lines):
    """Whoever can write to a destination can put it there; backups go on all the same."""
    lines.write()
    lines.runs(1000)
    forged = lines.kist.folder / "disk" / "_kist" / "p" / "9999-12-31T23-59-59Z.json"
    forged.write_text("{}")
    forged.chmod(0o600)
    (id,) = lines.runs(1000)
    assert id < "9999"
    assert lines.row(id, expect=4)["state"] == "ok"


# ---- what is known of a backup, in listings ----


def mark(kist, id, word, time, destination="disk"):
    path = kist.folder / destination / "_kist" / "p" / f"{id}.{word}.{time}"
    path.write_text("")
    path.chmod(0o600)


def test_verdicts_in_the_listing(lines):
    lines.write(destinations=("disk", "disk2"))
    kist = lines.kist
    a, b = lines.runs(1000, 1000)
    row = lines.row(a)
    assert (row["verified"], row["drilled"], row["suspect"], row["accepted"]) == (None, None, [], False)
    mark(kist, a, "drill", "2026-01-01T00-00-00Z")
    mark(kist, a, "hash", "2026-01-02T00-00-00Z", "disk2")
    row = lines.row(a)
    assert row["verified"] == {"level": "hash", "time": "2026-01-02T00:00:00Z"}
    assert row["drilled"] == "2026-01-01T00:00:00Z"
    listed = kist.run("list", "p").out.splitlines()
    assert listed[0].split()[5] == "VERIFIED"
    assert re.search(r" hash \d+d ago +disk, disk2$", listed[1]), listed[1]
    assert listed[2].split()[-3:] == ["-", "disk,", "disk2"], listed[2]
    # A verdict on one copy says nothing of the others, but one that is bad is bad news.
    mark(kist, b, "baddrill", "2026-01-02T00-00-00Z")
    mark(kist, b, "drill", "2026-01-01T00-00-00Z", "disk2")
    row = lines.row(b, expect=4)
    assert (row["state"], row["verified"]["level"]) == ("bad", "drill"), row
    kist.run("list", "p", expect=4)
    # A newer proof of the very copy outweighs it, if it is as strong.
    mark(kist, b, "decode", "2026-01-03T00-00-00Z")
    assert lines.row(b, expect=4)["state"] == "bad"
    mark(kist, b, "drill", "2026-01-03T12-00-00Z")
    assert lines.row(b)["state"] == "ok"
    mark(kist, b, "baddrill", "2026-01-04T00-00-00Z")
    assert lines.row(b, expect=4)["state"] == "bad"
    # Damage is graver.
    path = kist.manifest_path(b)
    path.write_bytes(path.read_bytes()[:-1])
    assert lines.row(b, expect=4)["state"] == "damaged"


def test_marks_that_are_none(lines):
    lines.write()
    (id,) = lines.runs(1000)
    for word, time in (
        ("baddrill", "yesterday"),
        ("baddrill", "2026-01-01T00-00-00Z.tmp"),
        ("BAD", "2026-01-01T00-00-00Z"),
        ("b" * 40, "2026-01-01T00-00-00Z"),
        ("", "2026-01-01T00-00-00Z"),
    ):
        mark(lines.kist, id, word, time)
    mark(lines.kist, "2020-01-01T00-00-00Z", "baddrill", "2026-01-01T00-00-00Z")
    assert lines.row(id)["state"] == "ok"


def test_an_acceptance_that_cannot_be_read_counts_for_nothing(shrunk):
    lines, id = shrunk
    mark(lines.kist, id, "accepted", "2026-01-01T00-00-00Z")
    assert lines.row(id)["state"] == "suspect"
    assert f"{id}.accepted" in lines.kist.run("list", "p").err


def test_bad_ones_are_no_measure(lines):
    lines.write()
    for id in lines.runs(1000, 1000, 1000):
        mark(lines.kist, id, "baddrill", "2026-01-01T00-00-00Z")
    lines.runs(10)


def test_counts_of_a_manifest_that_is_wrong(lines):
    lines.write()
    (id,) = lines.runs(1000)
    path = lines.kist.manifest_path(id)
    text = path.read_bytes()
    assert b'"number": 1000' in text
    for bad in (b'"number": -2', b'"number": "1"', b'"number": 1.5'):
        path.write_bytes(seal(text.replace(b'"number": 1000', bad)))
        assert lines.row(id, expect=4)["state"] == "damaged"
        assert "entry 1 of its counts" in lines.kist.run("show", f"p/{id}", expect=4).is_one_error()
