"""A store whose objects are saved one by one: what is copied, and what is not copied again."""
import subprocess

import pytest
from mirrored import SOME, Mirror, contents
from test_roundtrip import commands_of


@pytest.fixture
def kist(tmp_path):
    kist = Mirror(tmp_path)
    kist.fill(SOME)
    return kist


@pytest.mark.parametrize("filters", ["", "zstd", "zstd, gzip"])
@pytest.mark.parametrize("parallel", [1, 4])
def test_every_object_is_saved(kist, filters, parallel):
    kist.configure(parallel=parallel, **({"filters": filters} if filters else {}))
    id = kist.backup()
    if filters:
        assert kist.copied(id) == {key + (".zst.gz" if "gzip" in filters else ".zst") for key in SOME}
    else:
        assert kist.held() == SOME
    facts = kist.manifest(id)["source"]["facts"]
    assert (facts["objects"], facts["bytes"]) == (len(SOME), sum(map(len, SOME.values())))
    for level in ("size", "hash", "decode"):
        kist.run("verify", "p", "--level", level)
    out = kist.folder / "out"
    kist.run("restore", "p", "--output", out)
    assert contents(out) == SOME


def test_only_what_has_changed_is_copied_again(kist):
    first = kist.backup()
    kist.fill({"a.txt": b"b", "new/x": b"new"})
    (kist.blobs / "photos/2.jpg").unlink()
    second = kist.backup()
    assert kist.copied(second) == {"a.txt", "new/x"}
    now = {**SOME, "a.txt": b"b", "new/x": b"new"}
    del now["photos/2.jpg"]
    assert kist.held(second) == now and kist.held(first) == SOME
    assert kist.items()["empty"]["key"] == f"p/{first}/empty"
    assert kist.manifest(second)["source"]["facts"]["reused"] == len(SOME) - 2
    # The objects of the third are in the folders of three backups.
    kist.fill({"empty": b"not any more"})
    third = kist.backup()
    assert kist.copied(third) == {"empty"}
    assert {item["key"].split("/")[1] for item in kist.items().values()} == {first, second, third}
    kist.run("verify", "p", "--all", "--level", "decode")
    out = kist.folder / "out"
    kist.run("restore", f"p/{third}", "--output", out)
    now["empty"] = b"not any more"
    assert contents(out) == now


def test_nothing_has_changed(kist):
    kist.backup()
    second = kist.backup()
    assert kist.copied(second) == set() and kist.held(second) == SOME
    kist.run("verify", "p")


def test_reuse_switched_off(kist):
    kist.backup()
    kist.configure(reuse="no")
    assert kist.copied(kist.backup()) == set(SOME)


def test_other_filters_copy_anew(kist):
    kist.backup()
    kist.configure(filters="zstd")
    assert len(kist.copied(kist.backup())) == len(SOME)
    assert kist.copied(kist.backup()) == set()
    kist.configure(filters="zstd, gzip")
    assert len(kist.copied(kist.backup())) == len(SOME)


@pytest.mark.parametrize("damage", ["gone", "short"])
def test_an_object_that_is_not_there_any_more_is_copied_again(kist, damage):
    first = kist.backup()
    path = kist.backup_dir(first) / "photos/1.jpg"
    path.unlink() if damage == "gone" else path.write_bytes(b"cut")
    second = kist.backup()
    assert kist.copied(second) == {"photos/1.jpg"}
    kist.run("verify", f"p/{second}")


def newest(kist):
    """The id of one more backup, where the list has bad ones."""
    kist.run("run", "p")
    return kist.history("run")[-1]["id"]


def test_damage_is_not_handed_on(kist):
    """An object of the right size whose content is wrong: once that is known, nothing of the backup is reused."""
    first = kist.backup()
    path = kist.backup_dir(first) / "photos/1.jpg"
    path.write_bytes(bytes(path.stat().st_size))
    # Found in a later backup that refers to it, or in the one that holds it.
    second = kist.backup()
    kist.run("verify", f"p/{second}", expect=4)
    third = newest(kist)
    assert kist.copied(third) == set(SOME)
    kist.run("verify", f"p/{third}")
    assert kist.copied(newest(kist)) == set()


def test_damage_of_an_older_backup_is_not_handed_on(kist):
    first = kist.backup()
    path = kist.backup_dir(first) / "photos/1.jpg"
    path.write_bytes(bytes(path.stat().st_size))
    kist.fill({"a.txt": b"b"})
    second = kist.backup()
    assert kist.copied(second) == {"a.txt"}
    kist.run("verify", f"p/{first}", expect=4)
    third = newest(kist)
    assert kist.copied(third) == set(SOME) - {"a.txt"}
    kist.run("verify", f"p/{third}")


def test_reuse_needs_the_object_on_every_destination(kist):
    kist.backup()
    kist.configure(destinations="disk, disk2")
    (kist.folder / "disk2").mkdir(mode=0o700)
    # The new destination has no backup that both have, and gets everything.
    second = kist.backup()
    assert kist.copied(second, "disk2") == set(SOME) == kist.copied(second)
    third = kist.backup()
    assert kist.copied(third) == kist.copied(third, "disk2") == set()
    (kist.backup_dir(second, destination="disk2") / "a.txt").unlink()
    fourth = kist.backup()
    assert kist.copied(fourth) == kist.copied(fourth, "disk2") == {"a.txt"}
    assert kist.held(fourth) == kist.held(fourth, "disk2") == SOME


def test_a_destination_that_fails_is_out(kist):
    """The other one gets all of it."""
    kist.configure(destinations="disk, disk2", require="any", parallel=3, reuse="no")
    disk2 = kist.folder / "disk2"
    disk2.mkdir(mode=0o700)
    kist.fill({f"many/{n}": b"%d" % n for n in range(50)})
    # What should be a folder is a file.
    (disk2 / "p").write_bytes(b"")
    result = kist.run("run", "p", expect=3)
    assert "disk2" in result.out + result.err, result
    assert len(kist.held()) == len(SOME) + 50
    assert kist.backups()[0]["state"] == "partial"
    (disk2 / "p").unlink()
    kist.run("run", "p", "--repair")
    assert kist.held(destination="disk2") == kist.held()


def test_a_folder_for_each_day(kist):
    kist.configure(name="{date}")
    id = kist.backup()
    assert kist.copied(id) == {f"{id[:10]}/{key}" for key in SOME}
    assert set(kist.items()) == set(SOME)
    assert kist.copied(kist.backup()) == set()
    kist.configure(name="{item}")
    assert "folder" in kist.run("config", "check", expect=2).err


@pytest.mark.parametrize(
    "keys, expected",
    [
        ("include = photos/*", {"photos/1.jpg", "photos/2.jpg"}),
        ("include = photos/**, a.*", {"photos/1.jpg", "photos/2.jpg", "photos/thumbs/1.jpg", "a.txt"}),
        ("include = **/1.jpg\nexclude = **/thumbs/**", {"photos/1.jpg"}),
        ("exclude = **.jpg, *.bin", {"a.txt", "empty"}),
        ("prefix = photos/thumbs", {"photos/thumbs/1.jpg"}),
        ("prefix = photos\nexclude = */thumbs/*", {"photos/1.jpg", "photos/2.jpg"}),
    ],
)
def test_a_part_of_the_store(kist, keys, expected):
    kist.configure(source=keys)
    kist.backup()
    assert kist.held() == {key: SOME[key] for key in expected}


def test_an_empty_store(kist):
    kist.configure(source="include = *.gif")
    result = kist.run("run", "p", expect=1)
    assert "include" in result.is_one_error() and "allow_empty" in result.err
    assert kist.ids() == []
    kist.configure(source="include = *.gif\nallow_empty = yes")
    kist.backup()
    kist.run("verify", "p", "--level", "decode")
    assert kist.held() == {}
    kist.run("run", "p")


def test_odd_keys(kist):
    odd = [
        "-rf",
        "two words",
        "q\"'$(touch x)`.txt",
        "ü€😀",
        "*?[a]",
        "%41",
        "a\\b",
        "#;",
        "~/~",
        ".hidden/.x",
        "END",
        "x" * 255,
        "/".join(["y" * 100] * 7),
        "e\u0301",
    ]
    odd = {key: key.encode() for key in odd}
    kist.fill(odd)
    kist.backup()
    assert kist.held() == {**SOME, **odd}
    kist.run("verify", "p")
    script = commands_of((kist.backup_dir(kist.ids()[-1]) / "RESTORE.txt").read_text())
    subprocess.run(["bash", "-e", "-c", script], cwd=kist.backup_dir(kist.ids()[-1]), check=True)


@pytest.mark.parametrize("filters", ["zstd", "gzip"])
def test_notes_word_for_word(kist, filters):
    """Objects of two backups, with names that a shell might take for something else."""
    kist.configure(filters=filters)
    kist.backup()
    more = {"-rf": b"1", "q'\"$(touch x)/END": b"2", "END": b"3", "two  words ": b"4", "a\\nb": b"5"}
    kist.fill(more)
    id = kist.backup()
    folder = kist.backup_dir(id)
    script = commands_of((folder / "RESTORE.txt").read_text())
    subprocess.run(["bash", "-e", "-c", script], cwd=folder, check=True)
    root = folder / "restored"
    assert contents(root) == {**SOME, **more}


def test_keys_that_cannot_be_kept(kist):
    """They are left out, told, and the run is degraded; all others are saved."""
    nasty = {f"esc\x1b[2J{n}": b"x" for n in range(14)} | {
        "line\nbreak": b"x",
        "z" * 200 + "/" + "z" * 250 + "/" + "/".join(["w" * 200] * 3): b"too long with the folder in front",
    }
    kist.fill(nasty)
    result = kist.run("run", "p", expect=3)
    assert kist.held() == SOME
    assert "16 objects" in result.out + result.err, result
    assert "\x1b" not in result.err and result.err.count("left out '") == 10, result
    facts = kist.manifest(kist.ids()[-1])["source"]["facts"]
    assert facts["left_out"] == 16
    assert kist.history()[-1]["outcome"] == "degraded" and "16 objects" in kist.history()[-1]["cause"]
    kist.run("verify", "p")


def test_a_key_like_our_own_notes(kist):
    kist.fill({"RESTORE.txt": b"mine"})
    assert "name = {date}" in kist.run("run", "p", expect=2).err
    kist.configure(name="{date}")
    kist.backup()
    assert kist.held()["RESTORE.txt"] == b"mine"


def test_a_store_is_not_saved_into_itself(kist):
    kist.write(
        kist.conf.joinpath("kist.ini").read_text().replace(f"path = {kist.folder}/disk", f"path = {kist.blobs}")
    )
    assert "lies in" in kist.run("config", "check", expect=2).err
    text = kist.conf.joinpath("kist.ini").read_text()
    kist.write(text.replace("from = blobs", "from = blob"))
    assert "did you mean 'blobs'?" in kist.run("config", "check", expect=2).err
