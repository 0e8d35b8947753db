"""A source without a server that can be drilled, and that goes wrong as a test wants: a plugin of its own."""
import gzip
import hashlib
import json

from flaky import build
from manifests import seal

LINES = 1000


def build_shelf(folder):
    return build(folder, "source", "shelf")


class Shelf:
    """A pipeline `p` of one file, with a notifier that writes to `notes`."""

    def __init__(self, kist, plugins):
        self.kist = kist
        self.plugins = plugins
        self.file, self.notes, self.places = (kist.folder / name for name in ("shelf.txt", "notes", "places"))
        self.file.write_text("".join(f"line {number}\n" for number in range(LINES)))
        self.write()

    def write(self, more="", destinations=("disk",), filters="gzip", **options):
        """`more`: keys of the pipeline; `options`: of the source."""
        source = {"plugin": "shelf", "path": self.file, "note": self.places, **options}
        self.kist.pipeline(
            None,
            source="\n".join(f"{key} = {value}" for key, value in source.items()),
            filters=filters,
            more=f"notify = ops\n{more}",
            destinations=destinations,
            sections=f"[notifier ops]\nplugin = logfile\npath = {self.notes}\n"
            f"[kist]\nplugin_dirs = {self.plugins}, {self.kist.program.parent.parent / 'templates'}\n",
        )

    def told(self):
        """What the notifier was told since the last call."""
        text = self.notes.read_text() if self.notes.exists() else ""
        self.notes.unlink(missing_ok=True)
        return text.splitlines()

    def left(self):
        """Working directories that are there now."""
        return sorted(path.name for path in self.kist.state.glob("work-*"))


def forge(kist, id, change, name="p", destination="disk"):
    """Puts another content in place of the one item of a backup, with all hashes and sizes made to fit."""
    path, manifest_path = kist.data_path(id, name, destination), kist.manifest_path(id, name, destination)
    manifest = json.loads(manifest_path.read_text())
    item = manifest["items"][0]
    assert [entry["plugin"] for entry in item["filters"]] in ([], ["gzip"])
    raw = path.read_bytes()
    raw = change(gzip.decompress(raw) if item["filters"] else raw)
    stored = gzip.compress(raw) if item["filters"] else raw
    path.write_bytes(stored)
    text = manifest_path.read_bytes()
    for kind, data in (("raw", raw), ("stored", stored)):
        old, new = item[kind], {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for key in ("size", "sha256"):
            text = replace_in(text, kind, key, old[key], new[key])
    manifest_path.write_bytes(seal(text))


def replace_in(text, kind, key, old, new):
    """Changes one field of the digest `kind`, wherever it stands in its object."""
    start = text.index(f'"{kind}"'.encode())
    head, tail = text[:start], text[start:]
    before, after = (json.dumps(value).encode() for value in (old, new))
    for colon in (b": ", b":"):
        field = f'"{key}"'.encode() + colon
        if field + before in tail:
            return head + tail.replace(field + before, field + after, 1)
    raise AssertionError(f"no {key} of {kind} in the manifest")
