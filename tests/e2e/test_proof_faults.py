"""What must not come through: sources that show less than there is, filters that cheat, bytes that change on their way,
and stores that hold more than they should. The numbers are those of the catalogue of faults."""
import gzip
import re
import subprocess
import time

import pytest
from aftermath import Watch
from flaky import Many, build
from manifests import seal
from mirrored import mirror_of_files
from pooler import Pooler
from processes import wait_until
from shelf import Shelf, build_shelf
from slow import fake_pg_dump
from tampered import assert_not_restored, files_below, replace_stored
from tracing import ENVIRONMENT, tracer


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    folder = build_shelf(tmp_path_factory.mktemp("plugins") / "built")
    build(folder, "filter", "crooked")
    return build(folder)


@pytest.fixture
def shelf(plain_kist, plugins):
    return Shelf(plain_kist, plugins)


# ---- 10 to 16: what a source does not show ----


@pytest.mark.parametrize("sessions", [1, 2])
def test_pooler(two, cluster, small, sessions):
    """Fault 10: each transaction may be in another session, or in that of another client."""
    watch = Watch(two)
    with Pooler(cluster, sessions) as pooler:
        url = f"url = postgresql://postgres@127.0.0.1:{pooler.port}/{small}"
        two.pipeline(small, source=f"plugin = pg_dump\n{url}")
        for command in (["run", "p"], ["run", "p", "--dry-run"], ["doctor", "p"]):
            result = two.run(*command, expect=None)
            assert result.code == 2 or command[0] != "run", result
            assert result.code and "a connection pooler answers" in result.err, result
        assert pooler.rounds > 3
    two.pipeline(small)
    watch.after_failure()


HOLDERS = "FROM pg_stat_activity WHERE application_name = 'kist' AND pid <> pg_backend_pid()"


def terminating(cluster, condition=""):
    """A shell command that ends kist's sessions, and says how many."""
    return (
        f"/usr/bin/env PGHOST={cluster.dir} PGPORT={cluster.port} PGUSER=postgres psql -XAtqd postgres -c "
        f"\"SELECT count(pg_terminate_backend(pid)) {HOLDERS} {condition}\""
    )


def test_snapshot_dies_before_it_is_used(two, cluster, small):
    """Fault 11: the dump begins anew with another snapshot, and never without one."""
    watch = Watch(two)
    script = f"echo \"$*\" >>'{two.folder}/attempts'\n"
    script += f"[ $(wc -l <'{two.folder}/attempts') -gt 2 ] || {terminating(cluster)} >/dev/null\nexec \"$real\" \"$@\""
    two.pipeline(small, source=cluster.source(small, pg_dump=fake_pg_dump(two.folder, script)))
    assert two.run("run", "p", "-v").err.count("beginning anew") == 2
    attempts = (two.folder / "attempts").read_text().splitlines()
    snapshots = [re.search(r"--snapshot=(\S+)", words)[1] for words in attempts]
    assert len(set(snapshots)) == 3, attempts
    # One that the server does not know: there is no dump.
    without = fake_pg_dump(two.folder, 'exec "$real" "$@" --snapshot=none')
    two.pipeline(small, source=cluster.source(small, pg_dump=without))
    assert "snapshot" in two.run("run", "p", expect=1).is_one_error()
    two.pipeline(small)
    watch.before = {id: two.manifest_path(id).read_bytes() for id in two.ids()}
    assert len(watch.before) == 2
    watch.after_failure()


def test_snapshot_dies_while_rows_are_counted(two, cluster, small):
    """Fault 12: the dump is whole, and is no backup without its counts."""
    watch = Watch(two)
    cluster.create("counted", "CREATE TABLE wide AS SELECT g, md5(g::text) AS m FROM generate_series(1, 200000) g")
    counting = terminating(cluster, "AND state = 'active' AND query LIKE '%sha256(%'")
    script = f'"$real" "$@" & for i in {{1..300}}; do [ "$({counting})" != 0 ] && break; done; wait $!'
    source = cluster.source("counted", checksums="yes", pg_dump=fake_pg_dump(two.folder, script))
    two.pipeline("counted", source=source)
    result = two.run("run", "p", expect=1)
    assert "cannot count" in result.is_one_error()
    two.pipeline(small)
    watch.after_failure()
    cluster.drop("counted")


def test_hidden_rows(two, cluster, small):
    """Fault 15: 3 of 100 rows are no backup, and nobody may ask for them."""
    watch = Watch(two)
    cluster.create(
        "veiled",
        "CREATE TABLE t AS SELECT generate_series(1, 100) AS n; ALTER TABLE t ENABLE ROW LEVEL SECURITY; "
        "CREATE POLICY few ON t USING (n <= 3)",
    )
    cluster.sql("DROP ROLE IF EXISTS veiled; CREATE ROLE veiled LOGIN IN ROLE pg_read_all_data")
    for keys, status in (({}, 1), ({"counts": "off"}, 1), ({"extra_args": "--enable-row-security"}, 2)):
        two.pipeline("veiled", source=cluster.source("veiled", user="veiled", **keys))
        assert "row" in two.run("run", "p", expect=status).is_one_error()
    two.pipeline(small)
    watch.after_failure()
    cluster.drop("veiled")


@pytest.mark.parametrize(
    "keys",
    [
        {"tables": '"t 1", nope'},
        {"schemas": "public, nope"},
        {"exclude_tables": "empty_one, nope"},
        {"exclude_schemas": "nope"},
        {"extra_args": "--exclude-table-data=nope"},
    ],
    ids=lambda keys: next(iter(keys)),
)
def test_pattern_that_matches_nothing(kist, cluster, small, keys):
    """Fault 16: also beside one that does, and where it leaves out."""
    kist.pipeline(small, source=cluster.source(small, **keys))
    for command in ("run", "doctor"):
        assert "nope" in kist.run(command, "p", expect=2 if command == "run" else None).err
    assert kist.files() == {}


# ---- 26 to 31: what filters and stores do to the bytes ----


def crooked(shelf, fault, filters="crooked", **more):
    shelf.write(filters=filters, **more)
    text = (shelf.kist.conf / "kist.ini").read_text()
    shelf.kist.write(f"{text}[filter crooked]\nplugin = crooked\nfault = {fault}\n")


ENCODING = ["block-none", "block-huge", "bound-huge", "header-huge", "encoded-huge", "swallows"]


@pytest.mark.parametrize("fault", ENCODING)
def test_filter_that_counts_wrong(shelf, fault):
    """Fault 26, on the way there: no number of a filter's is taken for granted."""
    kist = shelf.kist
    good = kist.backup()
    before = kist.files()
    crooked(shelf, fault)
    shelf.told()
    result = kist.run("run", "p", expect=1, timeout=30)
    assert "crooked" in result.is_one_error()
    (line,) = shelf.told()
    assert line.startswith("failure ") and "crooked" in line
    assert kist.ids() == [good] and kist.files() == before
    shelf.write()
    kist.backup()
    kist.run("verify", "p", "--all")


@pytest.mark.parametrize("fault", ENCODING)
def test_filter_that_counts_wrong_of_small_objects(plain_kist, plugins, fault):
    """Fault 26, where many small ones are encoded in one piece each."""
    kist = plain_kist
    mirror_of_files(kist, {"a": b"a", "b": b"b" * 100_000}, f"[kist]\nplugin_dirs = {plugins}\n")
    before = kist.files()
    text = (kist.conf / "kist.ini").read_text()
    text = text.replace("destinations = disk", "destinations = disk\nfilters = crooked", 1)
    kist.write(f"{text}[filter crooked]\nplugin = crooked\nfault = {fault}\n")
    assert "crooked" in kist.run("run", "p", expect=1, timeout=30).is_one_error()
    assert kist.files() == before


def test_filter_that_does_not_return(shelf):
    """Fault 26: it can be stopped, and nothing of it stays."""
    kist = shelf.kist
    good = kist.backup()
    before, seen = kist.files(), list(kist.disk.rglob("*"))
    crooked(shelf, "hangs")
    running = kist.start("run", "p")
    assert wait_until(lambda: list(kist.disk.rglob("*")) != seen)  # where the bytes are to go
    time.sleep(0.3)
    assert running.process.poll() is None
    running.signal(15)
    assert running.finish(10).code == 143
    assert kist.ids() == [good] and kist.files() == before


@pytest.mark.parametrize("fault", ["stuck", "given-huge", "taken-huge", "endless"])
def test_filter_that_cheats_on_the_way_back(shelf, fault):
    """Fault 26: neither memory nor time is lost to it, and nothing is restored."""
    kist = shelf.kist
    crooked(shelf, "sound")
    id = kist.backup()
    kist.run("verify", "p", "--level", "decode")
    crooked(shelf, fault)
    status = 4 if fault == "endless" else 1
    for words in (["verify", "p", "--level", "decode"], ["restore", "p", "--to", kist.folder / "back"],
                  ["restore", "p", "--output", kist.folder / "out"], ["drill", "p"]):  # fmt: skip
        result = kist.run(*words, expect=None, timeout=30)
        # A filter that makes nothing of the bytes is at fault, or they are.
        assert result.code == status or (fault == "stuck" and result.code == 4), result
        assert result.errors
    assert not (kist.folder / "back").exists() and files_below(kist.folder / "out") == []
    crooked(shelf, "sound")
    kist.run("restore", f"p/{id}", "--to", kist.folder / "back")
    assert (kist.folder / "back").read_text() == shelf.file.read_text()


def new_key(kist, name="identity"):
    """(the file of the identity, its recipient)"""
    path = kist.folder / name
    return path, re.search(r"age1[0-9a-z]+", kist.run("key", "new", "age", "-o", path).out)[0]


def sealed(recipient, identity=None):
    lines = f"\n[filter sealed]\nplugin = age\nrecipients = {recipient}\n"
    return lines + (f"identity_file = {identity}\n" if identity else "")


@pytest.mark.parametrize("error", ["EIO", "ENOSYS", "EAGAIN"])
def test_no_random_bytes(shelf, error, tmp_path):
    """Fault 28: nothing weaker stands in for them."""
    kist = shelf.kist
    _, recipient = new_key(kist)
    text = (kist.conf / "kist.ini").read_text() + sealed(recipient)
    kist.write(text.replace("filters = gzip", "filters = sealed"))
    id = kist.backup()
    before = kist.files()
    fault = tracer(tmp_path / "calls", "-e", "trace=getrandom", "-e", f"inject=getrandom:error={error}")
    result = kist.run("run", "p", before=fault, env=ENVIRONMENT, expect=1, timeout=30)
    assert "random" in result.is_one_error()
    assert kist.ids() == [id] and kist.files() == before
    result = kist.run("key", "new", "age", before=fault, env=ENVIRONMENT, expect=1, timeout=30)
    assert "random" in result.is_one_error() and "AGE-SECRET" not in result.out
    kist.backup()


@pytest.mark.parametrize("filters", [None, "zstd"])
def test_bit_flips_behind_the_hash(kist, cluster, small, plugins, filters):
    """Fault 29: the store holds other bytes than those that were hashed, and takes them for good."""
    many = Many(kist, plugins, small)
    many.write(filters=filters, disk={"flip": 1000, "only": ".dump"})
    kist.run("run", "p")
    id = kist.history("run")[-1]["id"]
    result = kist.run("verify", "p", expect=4)
    assert f"p/{id}/small.dump" in result.is_one_error()
    for words in (["--to", "never_made", "--create"], ["--output", kist.folder / "out"]):
        kist.run("restore", "p", *words, expect=4)
    assert not cluster.exists("never_made") and files_below(kist.folder / "out") == []
    # A run that proves what it has made says so by itself.
    kist.write((kist.conf / "kist.ini").read_text().replace("require = all", "require = all\nverify = hash"))
    kist.run("run", "p", expect=4).is_one_error()
    assert kist.history("run")[-1]["outcome"] == "failed"
    many.write(filters=filters, disk={})
    kist.run("run", "p")
    kist.run("verify", "p")


AGE_CHUNK = (64 << 10) + 16


def age_edges(data):
    """Where a cut leaves nothing but whole chunks."""
    payload = data.index(b"\n", data.index(b"\n---") + 1) + 1 + 16
    return [payload, *range(payload + AGE_CHUNK, len(data), AGE_CHUNK)]


def test_encrypted_stream_cut_at_a_chunk(kist, cluster):
    """Fault 30: every chunk that is there is genuine, and all hashes were made to fit."""
    cluster.create(
        "chunks", "CREATE TABLE noise AS SELECT decode(md5(g::text), 'hex') AS b FROM generate_series(1, 6000) g"
    )
    identity, recipient = new_key(kist)
    kist.pipeline("chunks", filters="sealed", sections=sealed(recipient, identity))
    id = kist.backup()
    data = kist.data_path(id).read_bytes()
    raw = subprocess.run(["age", "-d", "-i", identity], input=data, check=True, stdout=subprocess.PIPE).stdout
    edges = age_edges(data)
    assert len(edges) > 2 and len(raw) == len(data) - edges[0] - 16 * len(edges)
    for number, edge in list(enumerate(edges))[:: len(edges) - 1]:
        replace_stored(kist, id, data[:edge], raw[: number << 16] if number else None)
        result = kist.run("verify", "p", "--level", "decode", expect=4)
        assert "age stream" in result.err, result
        assert_not_restored(kist, cluster, id)
    replace_stored(kist, id, data, raw)
    kist.run("restore", "p", "--to", "never_made", "--create")
    cluster.drop("never_made")


def test_more_than_one_gzip_stream(shelf):
    """Fault 31: neither another member nor anything else follows unnoticed, whatever the hash of the bytes says."""
    kist = shelf.kist
    id = kist.backup()
    data = kist.data_path(id).read_bytes()
    for more in (gzip.compress(b"more\n"), data, b"junk", b"\0" * 512, b"\x1f\x8b\x08"):
        replace_stored(kist, id, data + more)
        kist.run("verify", "p", "--level", "decode", expect=4)
        kist.run("restore", "p", "--to", kist.folder / "back", expect=4)
        assert not (kist.folder / "back").exists()
        kist.run("drill", "p", expect=4)
    kist.data_path(id).write_bytes(data + gzip.compress(b""))
    kist.run("verify", "p", expect=4)


# ---- 93 to 95: what lies on the store ----


def test_objects_that_no_manifest_names(kist, cluster, small):
    """Fault 93, more than there should be: it is not restored, and what is restored is whole."""
    kist.pipeline(small, filters="")
    id = kist.backup()
    names = ("small.dump.2", "evil.sql", ".hidden")
    for name in names:
        (kist.backup_dir(id) / name).write_bytes(b"DROP TABLE x;")
    for level in ("size", "hash", "decode"):
        result = kist.run("verify", "p", "--level", level, expect=4)
        assert len(result.errors) == 3, result
        for name in names:
            assert any(f"'p/{id}/{name}'" in line for line in result.errors), result
    kist.run("restore", "p", "--output", kist.folder / "out")
    assert [path.name for path in files_below(kist.folder / "out")] == ["small.dump"]
    assert (kist.folder / "out" / "small.dump").read_bytes() == (kist.backup_dir(id) / "small.dump").read_bytes()
    for name in names:
        (kist.backup_dir(id) / name).unlink()
    kist.run("verify", "p")


def test_key_twice_in_a_manifest(two, cluster):
    """Fault 94: two values for one field are none."""
    (id,) = two.ids()
    path = two.manifest_path(id)
    text = path.read_bytes()
    for field in (b'"id"', b'"pipeline"', b'"items"'):
        line = re.search(rb"\n  " + field + rb": (\"[^\n]*|\[)", text)[0]
        again = line + b"]," if line.endswith(b"[") else line
        path.write_bytes(seal(text.replace(line, again + line, 1)))
        result = two.run("verify", f"p/{id}", expect=4)
        assert "duplicate" in result.is_one_error()
        two.run("restore", f"p/{id}", "--to", "never_made", "--create", expect=4).is_one_error()
        assert not cluster.exists("never_made")


def test_wrong_key(shelf):
    """Fault 95: of another pair of keys nothing comes out, not even a file of no bytes."""
    kist = shelf.kist
    (_, recipient), (wrong, _) = new_key(kist), new_key(kist, "wrong")
    text = (kist.conf / "kist.ini").read_text().replace("filters = gzip", "filters = sealed")
    kist.write(text + sealed(recipient, wrong))
    kist.backup()
    for words in (["restore", "p", "--output", kist.folder / "out"], ["restore", "p", "--to", kist.folder / "back"],
                  ["verify", "p", "--level", "decode"], ["drill", "p"]):  # fmt: skip
        assert "no identity of" in kist.run(*words, expect=4).err
    assert not (kist.folder / "back").exists() and files_below(kist.folder / "out") == []
