import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from aftermath import assert_no_child_is_left  # noqa: E402
from cluster import SUPPORT, Cluster  # noqa: E402
from fault_proxy import FaultProxy  # noqa: E402
from flaky import build  # noqa: E402
from fleet import Fleet  # noqa: E402
from held import Held  # noqa: E402
from kept import KEEP, Kept  # noqa: E402
from kist import Kist  # noqa: E402
from lines import Lines  # noqa: E402
from live_shop import SHOP, drop_all  # noqa: E402
from past import Past  # noqa: E402
from rds_fake import RdsFake  # noqa: E402
from rds_kist import Account  # noqa: E402
from s3 import server_of  # noqa: E402
from s3_kist import Store  # noqa: E402
from shelf import build_shelf  # noqa: E402
from vercel_case import Case  # noqa: E402
from vercel_fake import VercelFake  # noqa: E402

os.umask(0o022)

# A few rows and a large object: the archive has a few kilobytes.
SMALL = """
CREATE TABLE "t 1" (id int PRIMARY KEY, v text);
INSERT INTO "t 1" SELECT g, 'value ' || g FROM generate_series(1, 50) g;
CREATE TABLE empty_one (x int);
SELECT lo_from_bytea(4711, 'large');
"""

# A dump of about 12 MiB that cannot be made smaller: three parts of an upload.
NOISE = """
CREATE TABLE noise (id int PRIMARY KEY, b bytea);
INSERT INTO noise
SELECT g, (SELECT decode(string_agg(md5(g || ':' || i), ''), 'hex') FROM generate_series(1, 4096) i)
FROM generate_series(1, 195) g;
CREATE TABLE few AS SELECT generate_series(1, 10) AS n;
CREATE VIEW fewer AS SELECT n FROM few WHERE n < 5;
"""

# A dump that takes a second or two: rows that do not compress.
BIG = """
CREATE TABLE noise (id int, b bytea);
ALTER TABLE noise ALTER b SET STORAGE EXTERNAL;
INSERT INTO noise
SELECT g, (SELECT decode(string_agg(md5(g || ':' || i), ''), 'hex') FROM generate_series(1, 4096) i)
FROM generate_series(1, 1000) g;
VACUUM ANALYZE noise;
"""


@pytest.fixture(scope="session")
def cluster():
    cluster = Cluster().start()
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def small(cluster):
    return cluster.create("small", SMALL)


@pytest.fixture(scope="session")
def big(cluster):
    return cluster.create("big", BIG)


@pytest.fixture
def shop(cluster, kist):
    """A backup of a shop that has gone on since: two orders more, one customer less."""
    drop_all(cluster)
    cluster.create("shop", SHOP)
    kist.pipeline("shop")
    id = kist.backup()
    cluster.sql("INSERT INTO orders (customer, total) VALUES (1, 1), (2, 2)", "shop")
    cluster.sql("INSERT INTO customers VALUES (1000, 'new')", "shop")
    yield id
    assert_no_child_is_left(cluster)
    drop_all(cluster)


@pytest.fixture(scope="session")
def noise(cluster):
    return cluster.create("noise", NOISE)


@pytest.fixture(scope="session")
def nasty(cluster):
    return cluster.create("nasty", file=SUPPORT / "nasty.sql")


@pytest.fixture
def kist(cluster, tmp_path):
    return Kist(tmp_path, cluster)


@pytest.fixture
def two(small, kist):
    """With a backup that must survive."""
    kist.pipeline(small)
    kist.backup()
    return kist


@pytest.fixture
def plain_kist(tmp_path):
    """Without a server, for what never gets as far as that."""
    return Kist(tmp_path)


def served(kind):
    server = server_of(kind)
    if server.missing():
        pytest.skip(f"{server.missing()} is not there")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def ceph():
    yield from served("ceph")


@pytest.fixture(scope="session")
def swift():
    yield from served("swift")


@pytest.fixture(params=["ceph", "swift"])
def store(request):
    """Both S3 servers, one after the other: each is strict where the other is lax."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def bucket(store):
    return store.bucket()


@pytest.fixture
def proxy(store):
    """Stands before the store, without any fault as yet."""
    with FaultProxy(store.endpoint) as proxy:
        yield proxy


@pytest.fixture
def s3(kist, store, bucket, proxy, small):
    """A store of each kind as destination, behind the proxy; one backup is there already."""
    s3 = Store(kist, store, bucket, small, proxy)
    s3.good_run()
    s3.by_proxy()
    return s3


@pytest.fixture
def one(kist, ceph, small):
    """The same, for what has nothing to do with the kind of server."""
    with FaultProxy(ceph.endpoint) as proxy:
        s3 = Store(kist, ceph, ceph.bucket(), small, proxy)
        s3.good_run()
        s3.by_proxy()
        yield s3


@pytest.fixture
def rds():
    """An account at Amazon RDS; whatever it is asked has to be well formed."""
    with RdsFake() as fake:
        yield fake
        assert fake.complaints == []


@pytest.fixture
def account(plain_kist, rds):
    """A pipeline of the instance `shop` there, with a backup that must survive; somebody else has a snapshot, too."""
    account = Account(plain_kist, rds)
    account.one_backup()
    return account


# A test may have other ones of its own in place of these.


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    """A folder with the source `shelf` and the destination `flaky`."""
    return build(build_shelf(tmp_path_factory.mktemp("plugins") / "all"))


@pytest.fixture
def lines(plain_kist, plugins):
    return Lines(plain_kist, plugins)


@pytest.fixture
def fleet(tmp_path, plugins):
    """The pipeline `p`, set up; it is noon of the 27th of February 2028."""
    fleet = Fleet(tmp_path, plugins)
    fleet.write()
    fleet.clock.set("2028-02-27T12:00:00")
    return fleet


@pytest.fixture
def kept(plain_kist, plugins):
    return Kept(plain_kist, plugins)


@pytest.fixture
def saved(plain_kist, plugins):
    """A pipeline whose one backup a provider holds."""
    held = Held(plain_kist, plugins)
    held.id = plain_kist.backup()
    held.forget()
    return held


@pytest.fixture
def lived(saved):
    """The same; what lives has changed since."""
    saved.live("main").write_text("what lives now\n")
    return saved


@pytest.fixture
def past(plain_kist, plugins):
    return Past(plain_kist, plugins)


@pytest.fixture
def six_held(past):
    """Six daily backups that a provider holds; three of them are one too many each. Returns (past, their ids)."""
    ids = past.past(5, 4, 3, 2, 1)
    past.write(KEEP)
    return past, ids


@pytest.fixture
def six(kept):
    """Six daily backups; three of them are one too many each. Returns (kept, their ids)."""
    kept.write()
    ids = kept.past(5, 4, 3, 2, 1)
    kept.write(KEEP)
    return kept, ids


@pytest.fixture
def vercel(kist, small, noise):
    """A pipeline to Vercel Blob with a good backup, and a proxy before the store."""
    with VercelFake() as fake, FaultProxy(fake.url) as proxy:
        yield Case(kist, fake, proxy, small, noise)
