"""A person pins a backup: retention leaves it alone until it is released."""
import shutil

import pytest
from kept import KEEP, Kept, id_of

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def held(plain_kist, plugins):
    """Six backups on two destinations, the oldest is held. Returns (kept, ids)."""
    kept = Kept(plain_kist, plugins)
    kept.write(destinations=("disk", "disk2"))
    ids = kept.past(5, 4, 3, 2, 1, destinations=("disk", "disk2"))
    kept.write(KEEP, destinations=("disk", "disk2"))
    result = kept.kist.run("hold", f"p/{ids[0]}", "--reason", "the\x1b[31m audit")
    assert result.out == f"p/{ids[0]}: held\n"
    return kept, ids


def test_it_survives_until_it_is_released(held):
    kept, ids = held
    rows = {row["id"]: row["held"] for row in kept.kist.backups("p")}
    assert [id for id in ids if rows[id]] == [ids[0]]
    assert "disk, disk2 (held)\n" in kept.kist.run("list", "p").out
    shown = kept.kist.run("show", f"p/{ids[0]}").out
    assert "held" in shown and "on disk2" in shown and "audit" in shown and "\x1b" not in shown, shown
    out = kept.prune().out
    assert f"{ids[0]}" in out and " ok        held\n" in out, out
    for place in ("disk", "disk2"):
        kept.is_whole(ids[0], *ids[3:], destination=place)
    kept.runs(1000)
    assert ids[0] in kept.there() and ids[3] not in kept.there()
    # Newer ones were proved too: only the pin keeps it.
    assert kept.kist.run("release", f"p/{ids[0]}").out == f"p/{ids[0]}: released\n"
    assert not [row for row in kept.kist.backups("p") if row["held"]]
    kept.prune()
    assert ids[0] not in kept.there() + kept.there("disk2")
    events = [(line["event"], line["id"], line["destinations"]) for line in kept.kist.history("hold", "release")]
    both = {"disk": True, "disk2": True}
    assert events == [("hold", ids[0], both), ("release", ids[0], both)]


def test_once_and_again(held):
    kept, ids = held
    before = kept.kist.mark(ids[0], "held")
    kept.kist.run("hold", f"p/{ids[0]}")
    assert kept.kist.mark(ids[0], "held") == before and before["reason"] == "the\x1b[31m audit"
    kept.kist.run("hold", f"p/{ids[0]}", "--reason", "another")
    assert kept.kist.marks(ids[0]) == ["held"] and kept.kist.mark(ids[0], "held")["reason"] == "another"
    for _ in range(2):
        kept.kist.run("release", f"p/{ids[0]}")
        assert kept.kist.marks(ids[0]) == []
    # The latest, by its pipeline alone.
    kept.kist.run("hold", "p")
    assert kept.kist.marks(ids[5]) == ["held"] and kept.kist.marks(ids[5], destination="disk2") == ["held"]


def test_what_is_not_there(held):
    kept, ids = held
    for word in ("hold", "release"):
        kept.kist.run(word, f"p/{id_of(99)}", expect=6).is_one_error()
        kept.kist.run(word, "q", expect=2).is_one_error()
        kept.kist.run(word, expect=2)


def test_a_destination_is_away(held):
    kept, ids = held
    away = kept.kist.folder / "disk2"
    away.rename(kept.kist.folder / "away")
    away.write_text("")
    kept.kist.run("hold", f"p/{ids[1]}", expect=3)
    assert kept.kist.marks(ids[1]) == ["held"]
    # What remains is pruned there; the one that is away is told of.
    kept.prune(expect=3)
    assert kept.there() == [*ids[:2], *ids[3:]]


def test_a_pin_that_nobody_signed_counts(held):
    kept, ids = held
    for place in ("disk", "disk2"):
        shutil.rmtree(kept.kist.folder / place)
    kept.write(f"sign_key = {KEY}")
    ids = kept.runs(1000, 1000, 1000, 1000)
    kept.kist.run("hold", f"p/{ids[0]}")
    (path,) = (kept.kist.disk / "_kist/p").glob(f"{ids[0]}.held.*")
    path.write_text("{}")
    kept.write(f"sign_key = {KEY}", "keep = 2 last", "max_delete = 100%")
    kept.prune()
    assert kept.there() == [ids[0], *ids[2:]]
    assert kept.kist.run("release", f"p/{ids[0]}").code == 0
    kept.prune()
    assert kept.there() == ids[2:]


def test_a_damaged_backup_can_be_held(held):
    kept, ids = held
    path = kept.kist.manifest_path(ids[2])
    path.write_bytes(path.read_bytes()[:-50])
    kept.kist.run("hold", f"p/{ids[2]}")
    assert kept.kist.marks(ids[2]) == ["held"]
