"""Whoever can write to a destination can write anything into a manifest: it is read, shown and refused harmlessly."""
import json

import pytest
from held import build_held
from manifests import seal

EVIL = "a\x1b[2J\x1b]0;t\x07\r\nowned\x9bb\u202ec"
FIELDS = ["provider", "kind", "id", "name", "account", "region", "state", "stock_restore"]


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build_held(tmp_path_factory.mktemp("plugins") / "all")


@pytest.fixture
def held(saved):
    return saved


def rewrite(held, change):
    """Changes the manifest, and gives it the checksum that fits."""
    path = held.kist.manifest_path(held.id)
    text = path.read_text()
    manifest = json.loads(text)
    change(manifest)
    checksum = manifest.pop("checksum")
    manifest["checksum"] = checksum
    path.write_bytes(seal((json.dumps(manifest, indent=2) + "\n").encode()))


def is_harmless(result):
    """No control character reaches the terminal but the line breaks, and no line is somebody else's."""
    for text in (result.out, result.err):
        bad = [c for c in text if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160 or c == "\u202e")]
        assert not bad, result
        assert "\nowned" not in text


def test_words_of_a_provider_do_nothing_to_a_terminal(held):
    rewrite(held, lambda manifest: manifest["items"][0]["reference"].update({field: EVIL for field in FIELDS}))
    for words, codes in {
        ("show", "p"): (0,),
        ("list",): (0,),
        ("verify", "p"): (1, 4),
        ("restore", "p", "--dry-run"): (1, 4),
        ("restore", "p"): (1, 4),
        ("status",): (0,),
        ("history",): (0,),
    }.items():
        result = held.kist.run(*words, expect=None)
        assert result.code in codes, result
        is_harmless(result)
    reference = held.kist.run("show", "p", "--json").json["items"][0]["reference"]
    assert [reference[field] for field in FIELDS] == [EVIL] * len(FIELDS)


def test_nor_do_they_when_retention_discards(held):
    rewrite(held, lambda manifest: manifest["items"][0]["reference"].update(id=EVIL))
    held.kist.backup()
    held.write(more="keep = 1 last\nmin_keep = 1")
    planned, done = held.kist.run("prune", "--dry-run"), held.kist.run("prune")
    assert " of held project one" in planned.out and " of held project one" in done.out
    for result in planned, done, held.kist.run("history"):
        is_harmless(result)


def test_a_hundred_thousand_references(held):
    """Each of another provider, even: neither slow nor endless."""

    def grow(manifest):
        (item,) = manifest["items"]
        manifest["items"] = [
            {"name": f"{n}.branch", "reference": dict(item["reference"], id=f"br-{n}", provider=f"held{n}")}
            for n in range(100_000)
        ]

    rewrite(held, grow)
    for words in ["list"], ["show", "p"]:
        result = held.kist.run(*words, timeout=60)
        assert result.took < 20 and len(result.out) < 10_000


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda manifest: manifest.update(kist_manifest=3), "it is of version 3, this kist reads up to 2"),
        (lambda manifest: manifest.update(kist_manifest=1), "'reference' is missing or not as it should be"),
        (lambda manifest: manifest["items"][0].update(key="p/x"), "'key' is missing or not as it should be"),
        (lambda manifest: manifest["items"][0].update(filters=[]), "'filters' is missing or not as it should be"),
        (lambda manifest: manifest["items"][0].update(reference=None), "'reference' of a reference is missing"),
        (lambda manifest: manifest["items"][0].update(name="../x"), "'name' is missing or not as it should be"),
        (lambda manifest: manifest["items"][0]["reference"].update(size=-1), "'size' of a reference is missing"),
        (lambda manifest: manifest["items"][0]["reference"].update(until="soon"), "'until' of a reference is"),
        (lambda manifest: manifest["items"][0]["reference"].update(id=""), "'id' of a reference is missing"),
        (lambda manifest: manifest["items"].append(manifest["items"][0]), "'items' is missing or not as it should"),
    ],
)
def test_what_is_no_manifest_is_refused(held, change, words):
    rewrite(held, change)
    for command in ["list"], ["show", "p"], ["restore", "p"], ["verify", "p"]:
        result = held.kist.run(*command, expect=None)
        assert result.code in (1, 4) and words in result.err, result
    assert held.calls() == []
