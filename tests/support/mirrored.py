"""A store whose objects are saved one by one, to another one. Both are directories."""
import random

from kist import Kist


class Mirror(Kist):
    """Saves the directory "blobs" to the directory "disk"."""

    def __init__(self, folder, program=None):
        super().__init__(folder, program=program)
        self.blobs = self.folder / "blobs"
        self.blobs.mkdir()
        self.configure()

    def configure(self, source="", sections="", **keys):
        keys = {"source": "objects", "destinations": "disk", **keys}
        text = "[pipeline p]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
        text += f"[source objects]\nplugin = mirror\nfrom = blobs\n{source}\n"
        for name in {"blobs", "disk", *keys["destinations"].split(", ")}:
            text += f"[destination {name}]\nplugin = local\npath = {self.folder / name}\n"
        self.write(text + sections)

    def fill(self, objects):
        for key, content in objects.items():
            path = self.blobs / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def items(self, id=None, **more):
        return {item["name"]: item for item in self.manifest(id or self.ids()[-1], **more)["items"]}

    def held(self, id=None, destination="disk"):
        """What a backup holds, read with nothing but its manifest."""
        items = self.items(id, destination=destination)
        return {name: (self.folder / destination / item["key"]).read_bytes() for name, item in items.items()}

    def copied(self, id, destination="disk"):
        """The keys that a run has written, without its notes."""
        root = self.backup_dir(id, destination=destination)
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} - {"RESTORE.txt"}


def contents(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


SOME = {
    "a.txt": b"a",
    "photos/1.jpg": b"one" * 1000,
    "photos/2.jpg": b"two" * 1000,
    "photos/thumbs/1.jpg": b"small",
    "empty": b"",
    "large.bin": random.Random(7).randbytes((3 << 20) + 17),
}


STORES = ("store", "disk", "other")


def mirror_of_files(kist, objects, sections=""):
    """A backup of files that can be restored into the directory `other`, too."""
    kist.write(
        "[pipeline p]\nsource = m\ndestinations = disk\n[source m]\nplugin = mirror\nfrom = store\n"
        + "".join(f"[destination {n}]\nplugin = local\npath = {kist.folder / n}\n" for n in STORES)
        + sections
    )
    for name in ("store", "other"):
        (kist.folder / name).mkdir(mode=0o700)
    for key, data in objects.items():
        (kist.folder / "store" / key).parent.mkdir(mode=0o700, exist_ok=True)
        (kist.folder / "store" / key).write_bytes(data)
    return kist.backup()
