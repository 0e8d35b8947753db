"""Backups whose bytes or manifests somebody changed, with checksums that fit."""
import hashlib
import json

from manifests import seal

TRAILER = b'  "checksum": "sha256:' + b"0" * 64 + b'"\n}\n'


def rewrite(kist, id, change, name="p"):
    """Changes the manifest as a document, under a checksum that fits."""
    path = kist.manifest_path(id, name)
    document = json.loads(path.read_text())
    document.pop("checksum")
    change(document)
    path.write_bytes(seal(json.dumps(document, indent=2).encode()[:-2] + b",\n" + TRAILER))


def digest(data):
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def replace_stored(kist, id, data, raw=None, name="p"):
    """Other bytes in a backup's one object, with their hash made to fit; that of the raw bytes too, if given."""

    def change(document):
        document["items"][0]["stored"] = digest(data)
        if raw is not None:
            document["items"][0]["raw"] = digest(raw)

    kist.data_path(id, name).write_bytes(data)
    rewrite(kist, id, change, name)


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file() or path.is_symlink()]


def assert_not_restored(kist, cluster, id, name="p"):
    """Every way of getting it back ends with 4, and there is nothing of it afterwards."""
    out = kist.folder / "out"
    for words in (["--to", "never_made", "--create"], ["--output", out]):
        result = kist.run("restore", f"{name}/{id}", *words, expect=4, timeout=60)
        assert kist.data_path(id, name).name in result.is_one_error()
    assert not cluster.exists("never_made")
    assert cluster.sql("SELECT count(*) FROM pg_database WHERE datname LIKE 'never%'") == "0"
    assert files_below(out) == []
