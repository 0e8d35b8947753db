"""Every flipped bit and every truncation is found, named, and stops a restore before it touches the target."""
import os
import random

import pytest
from manifests import cloned, cut, flip, seal

# So many damaged copies are verified by one command.
BATCH = 400


@pytest.fixture(scope="module")
def made(cluster, small, tmp_path_factory):
    from kist import Kist

    kist = Kist(tmp_path_factory.mktemp("made"), cluster)
    kist.pipeline(small)
    return kist, kist.backup()


def verify_damaged(kist, id, damages, path_of, level="hash"):
    """Verifies copies of the backup, one for each of the damages: functions that are given a path."""
    for start in range(0, len(damages), BATCH):
        batch = damages[start : start + BATCH]
        with cloned(kist, id, len(batch)) as names:
            paths = {name: path_of(name) for name in names}
            for name, damage in zip(names, batch):
                damage(paths[name])
            result = kist.run("verify", "p", "--all", "--level", level, "--json", expect=4, timeout=300)
            found = {entry["id"]: entry for entry in result.json}
            assert found.pop(id)["result"] == "ok"
            for number, name in enumerate(names):
                path, entry = paths[name], found.pop(name)
                assert (
                    entry["result"] == "damaged"
                ), f"damage {start + number} of {path.name} was not found: {entry}"
                keys = [fault["key"] for fault in entry["faults"]]
                assert keys == [str(path.relative_to(kist.disk))], entry
                assert entry["faults"][0]["fault"]
            assert found == {}
    kist.run("verify", "p", "--all")


def flips(size, positions, bits):
    return [
        lambda path, position=position, bit=bit: flip(path, position, bit)
        for position in positions
        for bit in bits
    ]


def cuts(sizes):
    return [lambda path, size=size: cut(path, size) for size in sizes]


def test_a_bit_of_every_byte_of_the_manifest(made):
    """Fault 94."""
    kist, id = made
    size = kist.manifest_path(id).stat().st_size
    chosen = random.Random(1)
    verify_damaged(
        kist,
        id,
        [damage for position in range(size) for damage in flips(size, [position], [chosen.randrange(8)])],
        kist.manifest_path,
    )


def test_all_bits_of_some_bytes_of_the_manifest(made):
    kist, id = made
    size = kist.manifest_path(id).stat().st_size
    chosen = random.Random(2).sample(range(size), 40) + list(range(size - 5, size))
    verify_damaged(kist, id, flips(size, chosen, range(8)), kist.manifest_path)


def test_every_truncation_of_the_manifest(made):
    kist, id = made
    size = kist.manifest_path(id).stat().st_size
    verify_damaged(kist, id, cuts(range(size)), kist.manifest_path)


def test_a_bit_of_every_byte_of_the_data(made):
    """Fault 93."""
    kist, id = made
    size = kist.data_path(id).stat().st_size
    chosen = random.Random(3)
    positions = range(size) if size < 6000 else sorted(chosen.sample(range(size), 6000))
    verify_damaged(
        kist,
        id,
        [damage for position in positions for damage in flips(size, [position], [chosen.randrange(8)])],
        kist.data_path,
    )


def test_every_truncation_of_the_data(made):
    """Fault 93."""
    kist, id = made
    size = kist.data_path(id).stat().st_size
    step = max(1, size // 1500)
    verify_damaged(kist, id, cuts([*range(0, size, step), size - 1]), kist.data_path)


def test_data_with_something_added(made):
    """Fault 93."""
    kist, id = made

    def add(text):
        def damage(path):
            with open(path, "ab") as file:
                file.write(text)

        return damage

    verify_damaged(
        kist, id, [add(b"\0"), add(b"\x28\xb5\x2f\xfd"), add(kist.data_path(id).read_bytes())], kist.data_path
    )


def test_the_notes_are_checked_too(made):
    kist, id = made
    path_of = lambda name: kist.backup_dir(name) / "RESTORE.txt"  # noqa: E731
    size = path_of(id).stat().st_size
    verify_damaged(kist, id, flips(size, range(0, size, 7), [0]) + cuts([0, size // 2, size - 1]), path_of)


@pytest.mark.parametrize("level", ["size", "hash", "decode"])
def test_data_that_is_missing(made, level):
    """Fault 93."""
    kist, id = made
    verify_damaged(kist, id, [os.unlink], kist.data_path, level)


def test_sizes_are_seen_at_the_lowest_level(made):
    kist, id = made
    size = kist.data_path(id).stat().st_size
    verify_damaged(kist, id, cuts([0, 1, size // 2, size - 1]), kist.data_path, "size")


def edits(kist, id):
    """Documents with a right checksum and a wrong content."""
    import json

    text = kist.manifest_path(id).read_bytes()
    document = json.loads(text)
    item = document["items"][0]
    plain = json.dumps(document, indent=2).encode() + b"\n"

    def changed(**fields):
        return json.dumps({**document, **fields}, indent=2).encode() + b"\n"

    def changed_item(**fields):
        return changed(items=[{**item, **fields}])

    def without(field):
        return (
            json.dumps({key: value for key, value in document.items() if key != field}, indent=2).encode() + b"\n"
        )

    assert plain.rstrip().endswith(b"}")
    yield from (
        changed(kist_manifest=0),
        changed(kist_manifest="x"),
        changed(kist_manifest=None),
        changed(pipeline="q"),
        changed(id="2019-01-01T00-00-00Z"),
        changed(items=[]),
        changed(items={}),
        changed(items=[1]),
    )
    yield from (without(field) for field in ("pipeline", "id", "items", "source", "started"))
    yield from (
        changed_item(key=key)
        for key in (
            "../x",
            "/etc/passwd",
            "p/../q/x",
            "q/x",
            "p/./x",
            "p//x",
            "p/x/",
            "",
            "p/" + "x" * 5000,
            "p/\u0001",
            item["key"].replace("p/", "P/"),
        )
    )
    yield from (changed_item(stored={**item["stored"], "size": size}) for size in (-1, 1.5, "1", None))
    yield from (changed_item(stored={**item["stored"], "sha256": text}) for text in ("", "0" * 63, "g" * 64, 7))
    yield from (changed_item(filters=filters) for filters in ({}, [1], [{"plugin": "zstd"}]))
    yield changed(items=[item, item])
    yield changed(deep=json.loads("[" * 500 + "]" * 500))


def test_a_forged_manifest(made):
    """Faults 94 and 100, the checksum right: nothing outside of the pipeline's folder is read, nothing odd gets by."""
    kist, id = made

    def replaced(text):
        def damage(path):
            own = path.name.removesuffix(".json").encode()
            body = text.replace(id.encode(), own).rstrip()[:-1].rstrip() + b",\n"
            path.write_bytes(seal(body + b'  "checksum": "sha256:' + b"0" * 64 + b'"\n}\n'))

        return damage

    documents = list(edits(kist, id))
    with cloned(kist, id, len(documents)) as names:
        for name, text in zip(names, documents):
            replaced(text)(kist.manifest_path(name))
            result = kist.run("verify", f"p/{name}", expect=None)
            assert result.code in (1, 4), (text, result)
            assert result.errors, (text, result)


def test_of_a_later_version(made):
    kist, id = made
    with cloned(kist, id) as (name,):
        path = kist.manifest_path(name)
        path.write_bytes(seal(path.read_bytes().replace(b'"kist_manifest": 1,', b'"kist_manifest": 999,')))
        result = kist.run("verify", f"p/{name}", expect=None)
        assert result.code in (1, 4) and "999" in result.err, result


def test_a_manifest_of_another_backup(made):
    """Fault 94."""
    kist, id = made
    with cloned(kist, id) as (name,):
        kist.manifest_path(name).write_bytes(kist.manifest_path(id).read_bytes())
        assert id in kist.run("verify", f"p/{name}", expect=4).err


def test_list_shows_what_is_damaged(made):
    kist, id = made
    with cloned(kist, id) as (name,):
        flip(kist.manifest_path(name), 100, 3)
        states = {backup["id"]: backup["state"] for backup in kist.backups("p", expect=4)}
        assert states == {name: "damaged", id: "ok"}
        kist.run("show", f"p/{name}", expect=4)


DAMAGES = {
    "first byte": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "middle": lambda data: data[: len(data) // 2]
    + bytes([data[len(data) // 2] ^ 16])
    + data[len(data) // 2 + 1 :],
    "last byte": lambda data: data[:-1] + bytes([data[-1] ^ 128]),
    "half": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "more": lambda data: data + b"x",
}


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("filters", ["zstd", "gzip", ""])
def test_restore_stops_before_the_target(cluster, small, kist, filters, how):
    """Fault 93."""
    kist.pipeline(small, filters=filters)
    id = kist.backup()
    path = kist.data_path(id)
    path.write_bytes(DAMAGES[how](path.read_bytes()))
    cluster.create("untouched", "CREATE TABLE mine (x int)")
    for args in (
        ["--to", "untouched", "--in-place", "--confirm", "untouched"],
        ["--to", "untouched"],
        ["--to", "never_made", "--create"],
        ["--output", kist.folder / "out"],
    ):
        result = kist.run("restore", f"p/{id}", *args, expect=4)
        assert path.name in result.is_one_error()
    assert cluster.table_count("untouched") == 1
    assert not cluster.exists("never_made")
    assert not [path for path in (kist.folder / "out").rglob("*") if path.is_file()]
    cluster.drop("untouched")


def test_restore_with_a_damaged_manifest(cluster, made):
    kist, id = made
    with cloned(kist, id) as (name,):
        flip(kist.manifest_path(name), 200, 0)
        kist.run("restore", f"p/{name}", "--to", "never_made", "--create", expect=4)
        assert not cluster.exists("never_made")


def test_the_good_copy_is_used(cluster, small, kist):
    """With two destinations, one damaged: verify names it; reading the other one works."""
    kist.pipeline(small, destinations=("disk", "disk2"))
    id = kist.backup()
    flip(kist.data_path(id), 50, 2)
    result = kist.run("verify", "p", "--json", expect=4)
    assert {entry["destination"]: entry["result"] for entry in result.json} == {"disk": "damaged", "disk2": "ok"}
    cluster.drop("from_disk2")
    kist.run("restore", f"p/{id}", "--to", "from_disk2", "--create", "--destination", "disk2")
    cluster.drop("from_disk2")


def test_a_bomb_stops_at_the_manifests_size(small, kist):
    """Fault 101: a stored object that decodes to far more than was saved, under a manifest that was made to fit it."""
    import hashlib
    import json
    import subprocess

    kist.pipeline(small, filters="gzip")
    id = kist.backup()
    bomb = subprocess.run(["gzip", "-9"], input=bytes(200 << 20), check=True, stdout=subprocess.PIPE).stdout
    path = kist.data_path(id)
    path.write_bytes(bomb)
    document = json.loads(kist.manifest_path(id).read_bytes())
    document["items"][0]["stored"] = {"size": len(bomb), "sha256": hashlib.sha256(bomb).hexdigest()}
    document.pop("checksum")
    body = json.dumps(document, indent=2).encode()[:-2] + b",\n"
    kist.manifest_path(id).write_bytes(seal(body + b'  "checksum": "sha256:' + b"0" * 64 + b'"\n}\n'))
    kist.run("verify", f"p/{id}", "--level", "hash")
    kist.run("verify", f"p/{id}", "--level", "decode", expect=4)
    kist.run("restore", f"p/{id}", "--output", kist.folder / "out", expect=4)
    assert sum(path.stat().st_size for path in (kist.folder / "out").rglob("*") if path.is_file()) < 1 << 20
