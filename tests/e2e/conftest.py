import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from cluster import SUPPORT, Cluster  # noqa: E402
from kist import Kist  # noqa: E402

os.umask(0o022)

# A few rows and a large object: the archive has a few kilobytes.
SMALL = """
CREATE TABLE "t 1" (id int PRIMARY KEY, v text);
INSERT INTO "t 1" SELECT g, 'value ' || g FROM generate_series(1, 50) g;
CREATE TABLE empty_one (x int);
SELECT lo_from_bytea(4711, 'large');
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
