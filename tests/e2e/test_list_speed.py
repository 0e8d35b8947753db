"""`kist list` over 2,000 backups."""
import os

from manifests import clone, ids

COUNT = 2000
# Seconds. Builds with sanitizers or without optimisation are slower.
LIMIT = float(os.environ.get("KIST_LIST_LIMIT", "3"))


def test_two_thousand_backups(small, kist):
    kist.pipeline(small)
    id = kist.backup()
    clone(kist, id, ids(COUNT - 1))
    for args in (["list"], ["list", "p", "--json"]):
        took = []
        for _ in range(3):
            result = kist.run(*args)
            took.append(result.took)
        assert result.out.count(id[:11]) >= 1
        print(f"kist {' '.join(args)}: {min(took):.3f} s, limit {LIMIT} s")
        assert min(took) < LIMIT
    assert len(kist.backups()) == COUNT
    assert len(kist.run("list").out.splitlines()) == COUNT + 1
