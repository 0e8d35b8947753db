"""`kist plugin test` finds s3 to be a sound destination, on both real servers."""
from s3_kist import Store

# Thousands of objects on Swift, at tens of milliseconds each: three minutes. Pages are looked at in test_s3.py.
SLOW = {"list-pages", "remove-many-1001"}


def cases(kist):
    """The names of all there are, which are the same for every destination."""
    kist.write("[destination nothing]\nplugin = null\n")
    return [case["name"] for case in kist.run("plugin", "test", "null", "--json", expect=None).json["cases"]]


def is_sound(store, *words):
    result = store.kist.run("plugin", "test", "s3", *words, timeout=900)
    assert " 0 failed" in result.out, result
    assert store.client.list(store.bucket) == {} and store.client.uploads(store.bucket) == []
    return result.out


def test_on_ceph(kist, ceph, small):
    store = Store(kist, ceph, ceph.bucket(), small)
    out = is_sound(store)
    assert int(out.rpartition(" passed")[0].split()[-1]) >= 60, out


def test_on_swift(kist, swift, small):
    wanted = [name for name in cases(kist) if name not in SLOW]
    assert len(wanted) >= 60
    store = Store(kist, swift, swift.bucket(), small)
    is_sound(store, *(word for name in wanted for word in ("--case", name)))
