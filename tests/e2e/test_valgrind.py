"""The main path under valgrind: no invalid access, no use of what was never set, nothing lost at the end."""
import shutil

import pytest

VALGRIND = [
    "valgrind",
    "-q",
    "--error-exitcode=97",
    "--leak-check=full",
    "--errors-for-leak-kinds=definite",
    "--trace-children=no",
]


def is_sanitized(program):
    """AddressSanitizer and valgrind exclude each other."""
    return b"__asan_init" in program.read_bytes()


@pytest.fixture
def checked(kist):
    if is_sanitized(kist.program):
        pytest.skip("built with AddressSanitizer")
    assert shutil.which("valgrind"), "valgrind is not installed"
    return kist


@pytest.mark.parametrize("filters", ["zstd", "gzip, zstd"])
def test_run_verify_restore(checked, cluster, small, filters):
    checked.pipeline(small, filters=filters)
    cluster.drop("checked")
    for words in (
        ["run", "p"],
        ["list", "--json"],
        ["show", "p"],
        ["verify", "p", "--level", "hash"],
        ["verify", "p", "--level", "decode"],
        ["restore", "p", "--to", "checked", "--create"],
        ["restore", "p", "--output", checked.folder / "out"],
        ["doctor"],
        ["config", "show"],
        ["plugin", "list"],
        ["plugin", "inspect", "local"],
    ):
        checked.run(*words, before=VALGRIND, timeout=300)
    cluster.drop("checked")


def test_errors(checked, small):
    """The ways out are as clean as the way through."""
    checked.pipeline("no_such_database")
    checked.run("run", "p", before=VALGRIND, expect=1, timeout=300)
    checked.write("[pipeline p]\nsorce = x\n[nonsense\n")
    checked.run("config", "check", before=VALGRIND, expect=2, timeout=300)
    checked.pipeline(small)
    id = checked.backup()
    path = checked.data_path(id)
    path.write_bytes(path.read_bytes()[:-1])
    checked.run("verify", "p", before=VALGRIND, expect=4, timeout=300)
    checked.run("restore", "p", "--to", "nowhere", "--create", before=VALGRIND, expect=4, timeout=300)
