"""`kist restore --from`: dumps that kist did not make come back the same, or nothing is touched at all."""
import hashlib
import os
import random
import shutil
import subprocess

import pytest
from aftermath import assert_no_child_is_left
from cluster import same

FORMATS = {"plain": ["-Fp"], "custom": ["-Fc"], "tar": ["-Ft"]}
# The stock tools that wrap it, from the inside to the outside, and what they add to its name.
WRAPS = {
    "bare": [],
    "gzip": ["gz"],
    "zstd": ["zst"],
    "age": ["age"],
    "gzip then age": ["gz", "age"],
    "zstd then gzip then age": ["zst", "gz", "age"],
}


# What it is wrapped in is nobody's business but the filters': not every format is tried in every one.
WRAPPED = [
    (format, wrap)
    for format in FORMATS
    for wrap in WRAPS
    if format == "custom" or wrap in ("bare", "gzip", "zstd then gzip then age")
]


def has_age(kist):
    return "age" in [plugin["name"] for plugin in kist.run("plugin", "list", "--json").json]


class Bench:
    """Dumps of one database, made with stock tools when first asked for."""

    def __init__(self, cluster, database, folder):
        self.cluster, self.database, self.folder = cluster, database, folder
        self.identity = folder / "identity"
        self.tools = {"gz": ["gzip", "-nc"], "zst": ["zstd", "-qc"]}
        if shutil.which("age"):
            subprocess.run(["age-keygen", "-o", str(self.identity)], check=True, stderr=subprocess.DEVNULL)
            self.identity.chmod(0o600)
            self.recipient = subprocess.run(
                ["age-keygen", "-y", str(self.identity)], check=True, stdout=subprocess.PIPE, text=True
            ).stdout.strip()
            self.tools["age"] = ["age", "-r", self.recipient]

    def sealed(self, keys=""):
        """A section for what is encrypted."""
        return f"\n[filter sealed]\nplugin = age\nrecipients = {self.recipient}\n{keys}\n"

    def dump(self, format, wrap="bare"):
        path = self.folder / f"stock.{format}"
        if not path.exists():
            path.write_bytes(self.cluster.command("pg_dump", *FORMATS[format], "-d", self.database, text=False))
        for tool in WRAPS[wrap]:
            wrapped = path.with_name(f"{path.name}.{tool}")
            if not wrapped.exists():
                wrapped.write_bytes(
                    subprocess.run(
                        self.tools[tool], input=path.read_bytes(), stdout=subprocess.PIPE, check=True
                    ).stdout
                )
            path = wrapped
        return path


@pytest.fixture(scope="module")
def bench(cluster, nasty, tmp_path_factory):
    return Bench(cluster, nasty, tmp_path_factory.mktemp("stock"))


@pytest.fixture(scope="module")
def few(cluster, small, tmp_path_factory):
    """The same of a small database, for what is done many times."""
    return Bench(cluster, small, tmp_path_factory.mktemp("few"))


@pytest.fixture
def target(cluster):
    cluster.drop("from_target")
    yield "from_target"
    cluster.drop("from_target")


@pytest.fixture
def one(kist, small):
    kist.pipeline(small)
    return kist


def wants(kist, bench, wrap):
    """Gives the pipeline the key of what is encrypted."""
    if "age" not in wrap:
        return
    if not shutil.which("age") or not has_age(kist):
        pytest.skip("there is no age here, the program or the filter")
    kist.pipeline("small", filters="zstd, sealed", sections=bench.sealed(f"identity_file = {bench.identity}"))


def restore(kist, path, target, *more, expect=0, **options):
    return kist.run(
        "restore",
        "p",
        "--from",
        path,
        "--to",
        target,
        "--create",
        *more,
        expect=expect,
        timeout=300,
        **options,
    )


def is_refused(kist, cluster, path, target, *more, expect=4):
    result = restore(kist, path, target, *more, expect=expect)
    result.is_one_error()
    assert not cluster.exists(target), result
    assert_no_child_is_left(cluster)
    return result


# ---- what comes back ----


@pytest.mark.parametrize("format, wrap", WRAPPED)
def test_stock_dump_comes_back_the_same(cluster, bench, one, target, format, wrap):
    wants(one, bench, wrap)
    path = bench.dump(format, wrap)
    restore(one, path, target, *(["--trust-sql"] if format == "plain" else []))
    same(cluster, bench.database, target)
    entry = one.history()[-1]
    assert (entry["event"], entry["outcome"], entry["from"]) == ("restore", "ok", str(path))
    assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert entry["raw_size"] == bench.dump(format).stat().st_size


def test_names_say_nothing(cluster, few, one, target, tmp_path):
    """Layers are told from the bytes: a name that promises others is of no weight."""
    path = tmp_path / "shop.sql.zst"
    path.write_bytes(few.dump("custom", "gzip").read_bytes())
    restore(one, path, target)
    same(cluster, few.database, target)
    odd = tmp_path / "-odd\n\udcff name"
    odd.write_bytes(path.read_bytes())
    cluster.drop(target)
    restore(one, odd, target)
    same(cluster, few.database, target)


def test_several_members_and_frames(cluster, few, one, target, tmp_path):
    """Files that were put together with cat, and a frame to skip in front, are one stream."""
    data = few.dump("custom").read_bytes()
    for tool, ahead in (("gz", b""), ("zst", b"\x50\x2a\x4d\x18\x03\0\0\0abc")):
        path = tmp_path / "joined"
        parts = [
            subprocess.run(few.tools[tool], input=part, stdout=subprocess.PIPE, check=True).stdout
            for part in (data[:1000], data[1000:])
        ]
        path.write_bytes(ahead + b"".join(parts))
        restore(one, path, target)
        same(cluster, few.database, target)
        cluster.drop(target)


def test_data_object_of_a_backup_as_a_file(cluster, nasty, kist, target):
    kist.pipeline(nasty)
    path = kist.data_path(kist.backup())
    restore(kist, path, target)
    same(cluster, nasty, target)


def test_object_of_a_destination(cluster, few, one, target):
    """Also one that the pipeline does not use, below its prefix."""
    shelf = one.folder / "shelf"
    shelf.mkdir()
    one.write(f"[destination shelf]\nplugin = local\npath = {shelf}\nprefix = old/dumps\n", "shelf.ini")
    (shelf / "old/dumps/2019").mkdir(parents=True)
    (shelf / "old/dumps/2019/x.dump.gz").write_bytes(few.dump("custom", "gzip").read_bytes())
    (shelf / "outside.dump").write_bytes(few.dump("custom").read_bytes())
    restore(one, "shelf:2019/x.dump.gz", target)
    same(cluster, few.database, target)
    assert one.history()[-1]["from"] == "shelf:2019/x.dump.gz"
    cluster.drop(target)
    is_refused(one, cluster, "shelf:2019/y.dump", target, expect=6)
    for key in (
        "../../outside.dump",
        "/outside.dump",
        "2019/../2019/x.dump.gz",
        "",
        "2019//x.dump.gz",
        "2019/",
    ):
        result = restore(one, f"shelf:{key}", target, expect=None)
        assert result.code == 2, result
        assert not cluster.exists(target)


def test_file_whose_name_looks_like_an_object(cluster, few, one, target, tmp_path):
    path = tmp_path / "disk:x.dump"
    path.write_bytes(few.dump("custom").read_bytes())
    result = is_refused(one, cluster, "disk:x.dump", target, expect=6)
    assert "disk" in result.err
    restore(one, "./disk:x.dump", target, cwd=tmp_path)
    same(cluster, few.database, target)
    cluster.drop(target)
    result = is_refused(one, cluster, "elsewhere:x.dump", target, expect=6)
    assert "[destination elsewhere]" in result.err


def test_as_a_file(few, one, tmp_path):
    """Without a database: every layer comes off, and the name loses what they added."""
    out = tmp_path / "out"
    one.run("restore", "p", "--from", few.dump("plain", "gzip"), "--output", out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        "stock.plain": few.dump("plain").read_bytes()
    }
    text = tmp_path / "hello.txt.gz"
    text.write_bytes(subprocess.run(["gzip", "-nc"], input=b"no dump", stdout=subprocess.PIPE).stdout)
    one.run("restore", "p", "--from", text, "--output", out)
    assert (out / "hello.txt").read_bytes() == b"no dump"


# ---- whom it is taken from ----


def test_plain_dump_of_a_stranger_is_refused(cluster, few, one, target, tmp_path):
    """A script for psql can run programs here, so somebody has to say that it may."""
    trap = tmp_path / "trap"
    evil = tmp_path / "evil.sql"
    text = few.dump("plain").read_text()
    evil.write_text(text.replace("SET client_encoding", f"\\! touch {trap}\nSET client_encoding", 1))
    assert "touch" in evil.read_text()
    for path in (evil, few.dump("plain", "gzip")):
        result = is_refused(one, cluster, path, target, expect=7)
        assert "--trust-sql" in result.err
        assert one.history()[-1]["outcome"] == "refused"
    assert not trap.exists()


@pytest.mark.parametrize("wrap", ["bare", "gzip"])
def test_plain_dump_that_a_manifest_knows_is_taken(cluster, few, kist, target, tmp_path, wrap):
    kist.pipeline(few.database, filters="zstd", source=kist.cluster.source(few.database, format="plain"))
    stored = kist.data_path(kist.backup())
    plain = tmp_path / "taken.sql"
    plain.write_bytes(subprocess.run(["zstd", "-dc", stored], stdout=subprocess.PIPE, check=True).stdout)
    path = stored if wrap == "bare" else tmp_path / "taken.sql.gz"
    if wrap == "gzip":
        path.write_bytes(subprocess.run(["gzip", "-c", plain], stdout=subprocess.PIPE, check=True).stdout)
    restore(kist, path, target)
    same(cluster, few.database, target)
    cluster.drop(target)
    changed = tmp_path / "changed.sql"
    changed.write_bytes(plain.read_bytes().replace(b"SET client_encoding", b"SET  client_encoding", 1))
    is_refused(kist, cluster, changed, target, expect=7)


def test_encrypted_without_the_key(cluster, few, one, target, tmp_path):
    """Fault 95."""
    wants(one, few, "age")
    path = few.dump("custom", "age")
    one.pipeline("small", filters="zstd, sealed", sections=few.sealed())
    result = is_refused(one, cluster, path, target, expect=2)
    assert "identity_file" in result.err
    other = tmp_path / "other"
    subprocess.run(["age-keygen", "-o", str(other)], check=True, stderr=subprocess.DEVNULL)
    other.chmod(0o600)
    one.pipeline("small", filters="zstd, sealed", sections=few.sealed(f"identity_file = {other}"))
    result = restore(one, path, target, expect=None)
    assert result.code in (1, 2, 4) and not cluster.exists(target), result


# ---- what is damaged ----

DAMAGED = [
    (format, wrap)
    for format, wrap in [(format, "bare") for format in FORMATS]
    + [("custom", wrap) for wrap in WRAPS if wrap != "bare"]
    + [("plain", "gzip"), ("tar", "zstd")]
]


def ids(cases):
    return [f"{format}, {wrap}" for format, wrap in cases]


def trusting(format):
    return ["--trust-sql"] if format == "plain" else []


@pytest.mark.parametrize("format, wrap", DAMAGED, ids=ids(DAMAGED))
def test_cut_files(cluster, few, one, target, tmp_path, format, wrap):
    """Fault 30, also of what others encrypted."""
    wants(one, few, wrap)
    data = few.dump(format, wrap).read_bytes()
    path = tmp_path / "cut"
    for size in [len(data) * tenth // 10 for tenth in range(10)] + [1, len(data) - 1]:
        if format == "plain" and wrap == "bare" and size == len(data) - 1:
            continue  # an empty line less
        path.write_bytes(data[:size])
        # What is cut within the first words is not known for a dump.
        is_refused(one, cluster, path, target, *trusting(format), expect=4 if size != 1 else 1)


@pytest.mark.parametrize("format, wrap", DAMAGED, ids=ids(DAMAGED))
def test_bytes_behind_the_end(cluster, few, one, target, tmp_path, format, wrap):
    """Fault 31."""
    wants(one, few, wrap)
    path = tmp_path / "longer"
    for junk in (b"x", b"DROP TABLE orders;\n", os.urandom(100_000)):
        path.write_bytes(few.dump(format, wrap).read_bytes() + junk)
        is_refused(one, cluster, path, target, *trusting(format))


DECODERS = {"gzip": ["gzip", "-dc"], "zstd": ["zstd", "-qdc"]}


def decoded(wrap, path):
    """What the stock tool makes of it, or None."""
    result = subprocess.run(DECODERS[wrap], stdin=path.open(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return result.stdout if result.returncode == 0 else None


@pytest.mark.parametrize("wrap", [wrap for wrap in WRAPS if wrap != "bare"])
def test_flipped_bits(cluster, few, one, target, tmp_path, wrap):
    wants(one, few, wrap)
    data = few.dump("custom", wrap).read_bytes()
    chosen = random.Random(4)
    path = tmp_path / "flipped"
    # The first bytes of .gz and .zst are magic, times and hints, some of which mean nothing to the content.
    for position in sorted(chosen.sample(range(24, len(data)), 12)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << chosen.randrange(8)
        path.write_bytes(flipped)
        if wrap in DECODERS and decoded(wrap, path) == few.dump("custom").read_bytes():
            continue  # a bit that fills up a byte
        is_refused(one, cluster, path, target)


def test_damage_spares_what_the_target_holds(cluster, few, one, target, tmp_path):
    cluster.create(target, "CREATE TABLE kept AS SELECT generate_series(1, 5) AS id;")
    before = cluster.fingerprint(target)
    data = few.dump("custom", "gzip").read_bytes()
    path = tmp_path / "cut.gz"
    path.write_bytes(data[: len(data) - 9])
    one.run("restore", "p", "--from", path, "--to", target, expect=4)
    cluster._fingerprints.pop(target)
    assert cluster.fingerprint(target) == before
    assert cluster.sql("SELECT count(*) FROM pg_database WHERE datname LIKE 'from_target_%'") == "0"


def test_file_that_changes_between_the_passes(cluster, few, one, target, tmp_path):
    """The dump is proved, then restored: what is written to in between is neither."""
    path = tmp_path / "living.dump"
    path.write_bytes(few.dump("custom").read_bytes())
    tools = tmp_path / "tools"
    tools.mkdir()
    # pg_restore that touches the file when it has checked it.
    real = shutil.which("pg_restore")
    for name in ("pg_dump", "psql", "pg_restore"):
        (tools / name).write_text(f'#!/bin/sh\n{shutil.which(name)} "$@"\nstatus=$?\n')
        with (tools / name).open("a") as script:
            if name == "pg_restore":
                script.write(f'case "$*" in *--version*) ;; *) printf x >>"{path}" ;; esac\n')
            script.write("exit $status\n")
        (tools / name).chmod(0o755)
    assert real
    one.pipeline("small", source=cluster.source("small", pg_dump=tools / "pg_dump"))
    result = is_refused(one, cluster, path, target)
    assert "changed while it was read" in result.err


# ---- what is no dump ----


def test_no_dump_inside(cluster, one, target, tmp_path):
    path = tmp_path / "holiday.jpg.gz"
    for content in (b"\xff\xd8\xff\xe0 not a dump", b"x" * 100_000, b"PGDMQ", b"\0" * 2000, b"SELECT 1;\n"):
        path.write_bytes(subprocess.run(["gzip", "-c"], input=content, stdout=subprocess.PIPE).stdout)
        assert "no dump" in is_refused(one, cluster, path, target, "--trust-sql", expect=1).err
    path.write_bytes(subprocess.run(["gzip", "-c"], input=b"", stdout=subprocess.PIPE).stdout)
    assert "has nothing in it" in is_refused(one, cluster, path, target).err


def test_more_layers_than_sense(cluster, few, one, target, tmp_path):
    data = few.dump("custom").read_bytes()
    path = tmp_path / "deep"
    for depth in range(9):
        data = subprocess.run(["gzip", "-nc"], input=data, stdout=subprocess.PIPE).stdout
        if depth == 7:
            path.write_bytes(data)
            restore(one, path, target)
            same(cluster, few.database, target)
            cluster.drop(target)
    path.write_bytes(data)
    assert "more than 8 layers" in is_refused(one, cluster, path, target, expect=1).err


def test_no_file(cluster, few, one, target, tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    assert "is empty" in is_refused(one, cluster, empty, target).err
    is_refused(one, cluster, tmp_path / "missing", target, expect=6)
    assert "a directory" in is_refused(one, cluster, tmp_path, target, expect=2).err
    os.mkfifo(tmp_path / "fifo")
    assert "a pipe" in is_refused(one, cluster, tmp_path / "fifo", target, expect=2).err
    is_refused(one, cluster, "/dev/zero", target, expect=2)
    assert "standard input" in is_refused(one, cluster, "-", target, expect=2).err
    is_refused(one, cluster, "", target, expect=6)
    # A pipeline is meant, not a backup of it.
    one.run("restore", "p/2026-11-21T02-00-00Z", "--from", few.dump("custom"), "--to", target, expect=2)
    one.run("restore", "p", "--trust-sql", expect=2)


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may read everything")
def test_unreadable_file(cluster, few, one, target, tmp_path):
    path = tmp_path / "locked"
    path.write_bytes(few.dump("custom").read_bytes())
    path.chmod(0)
    before = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    result = one.start("restore", "p", "--from", path, "--to", target, "--create", before=before).finish()
    assert result.code == 1 and "locked" in result.is_one_error(), result
    assert not cluster.exists(target)


def test_source_that_has_no_dumps(kist, few, tmp_path):
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    kist.write(
        f"[pipeline p]\nsource = m\ndestinations = disk\n[source m]\nplugin = mirror\nfrom = shelf\n"
        f"[destination shelf]\nplugin = local\npath = {shelf}\n[destination disk]\nplugin = local\npath = {kist.disk}\n"
    )
    result = kist.run("restore", "p", "--from", few.dump("custom"), "--to", tmp_path, expect=1)
    assert "mirror" in result.is_one_error()


# ---- what is promised for a restore of any kind ----


def test_dry_run_changes_nothing(cluster, few, one, target):
    result = restore(one, few.dump("custom", "gzip"), target, "--dry-run")
    assert target in result.out
    assert not cluster.exists(target)


def test_beside_what_the_target_holds(cluster, few, one, target):
    cluster.create(target, "CREATE TABLE kept AS SELECT generate_series(1, 5) AS id;")
    before = cluster.fingerprint(target)
    one.run("restore", "p", "--from", few.dump("custom", "zstd"), "--to", target)
    cluster._fingerprints.pop(target)
    assert cluster.fingerprint(target) == before
    fresh = cluster.sql("SELECT datname FROM pg_database WHERE datname LIKE 'from_target_restore_%'")
    same(cluster, few.database, fresh)
    cluster.drop(fresh)


def test_in_the_place_of_what_the_target_holds(cluster, few, one, target):
    cluster.create(target, "CREATE TABLE lost AS SELECT generate_series(1, 5) AS id;")
    more = ["--in-place", "--skip-safety-backup"]
    refused = one.run("restore", "p", "--from", few.dump("custom", "gzip"), "--to", target, *more, expect=7)
    assert f"--confirm {target}" in refused.err and "--from" in refused.err
    one.run("restore", "p", "--from", few.dump("custom", "gzip"), "--to", target, *more, "--confirm", target)
    cluster._dumps.pop(target, None)
    assert cluster.dump(target) == cluster.dump(few.database)


def test_bomb(cluster, one, target, tmp_path):
    """Fault 101: what grows a thousandfold passes through to its end, and is refused there."""
    path = tmp_path / "bomb.gz"
    with path.open("wb") as file:
        packer = subprocess.Popen(["gzip", "-c"], stdin=subprocess.PIPE, stdout=file)
        packer.stdin.write(b"--\n-- PostgreSQL database dump\n--\n")
        for _ in range(300):
            packer.stdin.write(b" " * (1 << 20))
        packer.stdin.close()
        assert packer.wait() == 0
    assert path.stat().st_size < 1 << 20
    is_refused(one, cluster, path, target, "--trust-sql")
