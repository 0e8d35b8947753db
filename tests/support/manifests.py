"""Makes copies and variants of a backup on a destination, as another run would have left them."""
import contextlib
import hashlib
import re
import shutil
from datetime import datetime, timedelta, timezone

CHECKSUM = re.compile(rb'  "checksum": "sha256:[0-9a-f]{64}"\n}\n\Z')


def seal(text):
    """The document with the checksum that fits it."""
    body = CHECKSUM.sub(b"", text)
    assert body != text, "the document does not end with its checksum"
    return body + b'  "checksum": "sha256:' + hashlib.sha256(body).hexdigest().encode() + b'"\n}\n'


def ids(count, first=datetime(2020, 1, 1, tzinfo=timezone.utc)):
    return [(first + timedelta(hours=n)).strftime("%Y-%m-%dT%H-%M-%SZ") for n in range(count)]


def clone(kist, id, new_ids, name="p", destination="disk"):
    """Copies of a backup under other ids, data and all."""
    manifest = kist.manifest_path(id, name, destination)
    text = manifest.read_bytes()
    assert seal(text) == text
    for new in new_ids:
        folder = kist.backup_dir(new, name, destination)
        shutil.copytree(kist.backup_dir(id, name, destination), folder)
        copy = manifest.with_name(f"{new}.json")
        copy.write_bytes(seal(text.replace(id.encode(), new.encode())))
        copy.chmod(0o600)


@contextlib.contextmanager
def cloned(kist, id, count=1):
    """The ids of copies that are gone afterwards."""
    names = ids(count)
    try:
        clone(kist, id, names)
        yield names
    finally:
        for name in names:
            shutil.rmtree(kist.backup_dir(name), ignore_errors=True)
            for path in kist.manifest_path(name).parent.glob(f"{name}.*"):  # and the marks of what was found
                path.unlink()


def flip(path, position, bit):
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.write_bytes(data)


def cut(path, size):
    with open(path, "r+b") as file:
        file.truncate(size)
