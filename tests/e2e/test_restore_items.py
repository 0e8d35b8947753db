"""Single items of a backup: chosen by their names, proved alone, and restored alone."""
import re

import pytest
from cluster import same
from manifests import flip

OBJECTS = {f"photos/{n:02}.jpg": b"jpg %d " % n * (n + 1) for n in range(30)}
OBJECTS.update(
    {
        "index.html": b"<p>hello</p>",
        "empty": b"",
        "photos/2026/may.jpg": bytes(range(256)) * 9000,
        "photos/[id].html": b"in brackets",
        "photos/ümlaut é.txt": b"beyond ASCII",
    }
)


def fill(folder, objects):
    for key, data in objects.items():
        path = folder / key
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(data)


def written(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def some(*keys):
    return {key: OBJECTS[key] for key in keys}


@pytest.fixture(params=["", "gzip"], ids=["plain", "gzip"])
def mirror(plain_kist, request):
    """A backup of a directory with many objects."""
    kist = plain_kist
    lines = ["[pipeline p]", "source = objects", "destinations = disk"]
    if request.param:
        lines.append(f"filters = {request.param}")
    lines += ["[source objects]", "plugin = mirror", "from = store"]
    for name in ("store", "disk", "other"):
        (kist.folder / name).mkdir(mode=0o700, exist_ok=True)
        lines += [f"[destination {name}]", "plugin = local", f"path = {kist.folder / name}"]
    kist.write("\n".join(lines) + "\n")
    fill(kist.folder / "store", OBJECTS)
    kist.id = kist.backup()
    return kist


def stored_file(kist, name):
    (item,) = [item for item in kist.manifest(kist.id)["items"] if item["name"] == name]
    return kist.disk / item["key"]


# A source with one item.


def test_the_only_item(two, cluster, small, tmp_path):
    out = tmp_path / "out"
    two.run("restore", "p", "--include", "*.dump", "--output", out)
    assert [path.name for path in out.iterdir()] == [two.manifest(two.ids()[-1])["items"][0]["name"]]
    assert two.history()[-1]["include"] == ["*.dump"]
    try:
        two.run("restore", "p", "--include", "*.dump", "--to", "back items", "--create")
        same(cluster, small, "back items")
    finally:
        cluster.drop("back items")


@pytest.mark.parametrize("where", ["--output", "--to"])
def test_a_pattern_that_fits_nothing(two, cluster, tmp_path, where):
    before = two.files()
    out = tmp_path / "out"
    words = ["--output", out] if where == "--output" else ["--to", "never made", "--create"]
    result = two.run("restore", "p", "--include", "*.dump", "--include", "no/such*", *words, expect=2)
    error = result.is_one_error()
    assert "'no/such*'" in error and "*.dump" not in error, result
    assert f"kist show p/{two.ids()[-1]}" in result.err
    assert not out.exists() and two.files() == before
    assert not cluster.exists("never made")
    assert two.history()[-1]["outcome"] == "failed"


# A source with many.


CHOICES = {
    "one": (["index.html"], ["index.html"]),
    "the star stays in the folder": (["*"], ["index.html", "empty"]),
    "brackets": (["photos/[id].html"], ["photos/[id].html"]),
    "any depth": (["**/may.*"], ["photos/2026/may.jpg"]),
    "several": (["photos/0?.jpg", "empty"], [f"photos/{n:02}.jpg" for n in range(10)] + ["empty"]),
    "one character": (["photos/?mlaut é.txt"], ["photos/ümlaut é.txt"]),
    "twice": (["empty", "em*"], ["empty"]),
    "all": (["**"], list(OBJECTS)),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_items_as_files(mirror, tmp_path, choice):
    patterns, keys = CHOICES[choice]
    out = tmp_path / "out"
    words = [word for pattern in patterns for word in ("--include", pattern)]
    result = mirror.run("restore", "p", *words, "--output", out)
    assert written(out) == some(*keys)
    count = f"{len(keys)} of " if len(keys) < len(OBJECTS) else ""
    assert f", {count}{len(OBJECTS)} items, " in result.out, result


def test_all_items(mirror, tmp_path):
    out = tmp_path / "out"
    mirror.run("restore", "p", "--output", out)
    assert written(out) == OBJECTS
    assert "include" not in mirror.history()[-1]


def test_items_into_another_store(mirror):
    other = mirror.folder / "other"
    fill(other, {"index.html": b"in nobody's way"})
    mirror.run("restore", "p", "--to", "other", "--include", "photos/2026/*", "--include", "empty")
    assert written(other) == {"index.html": b"in nobody's way", **some("photos/2026/may.jpg", "empty")}
    # Now one is in the way.
    before = written(other)
    result = mirror.run("restore", "p", "--to", "other", "--include", "*", expect=7)
    assert "--clean" in result.err
    assert written(other) == before


def test_items_into_the_source(mirror):
    store = mirror.folder / "store"
    (store / "index.html").unlink()
    (store / "photos/2026/may.jpg").write_bytes(b"spoilt")
    mirror.run("restore", "p", "--include", "index.html")
    assert written(store) == {**OBJECTS, "photos/2026/may.jpg": b"spoilt"}
    mirror.run("restore", "p", "--include", "**/may.jpg", expect=7)
    mirror.run("restore", "p", "--include", "**/may.jpg", "--clean")
    assert written(store) == OBJECTS


def test_only_what_is_restored_is_proved(mirror, tmp_path):
    flip(stored_file(mirror, "photos/07.jpg"), 12, 3)
    mirror.run("restore", "p", "--include", "photos/08.jpg", "--output", tmp_path / "a")
    assert written(tmp_path / "a") == some("photos/08.jpg")
    for words in ([], ["--include", "photos/0*"]):
        result = mirror.run("restore", "p", *words, "--output", tmp_path / "b", expect=4)
        assert "photos/07.jpg" in result.is_one_error() and "nothing was restored" in result.err
        assert not (tmp_path / "b").exists()


# The list of them.


def test_show_many_items(mirror):
    lines = mirror.run("show", "p").out.splitlines()
    names = [line.strip() for line in lines if re.match(r"  \S", line) and line.strip() in OBJECTS]
    in_order = [item["name"] for item in mirror.manifest(mirror.id)["items"]]
    assert names == in_order[:20]
    assert lines[-1] == f"  and {len(OBJECTS) - 20} more (--json lists all)"
    (totals,) = [line for line in lines if line.startswith("  items ")]
    assert re.search(rf" {len(OBJECTS)}, 2\.2 MiB raw, [\d.]+ [KM]iB stored$", totals), totals
    assert [item["name"] for item in mirror.run("show", "p", "--json").json["items"]] == in_order


def test_show_one_item(two):
    out = two.run("show", "p").out
    assert "more (--json" not in out and not re.search(r"^  items ", out, re.M)
