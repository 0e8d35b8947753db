"""A shop that has gone on since it was backed up, and what is asked of it around a restore."""
import re
import subprocess

SHOP = """
CREATE TABLE customers (id int PRIMARY KEY, name text);
INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 200) g;
CREATE TABLE orders (id serial PRIMARY KEY, customer int REFERENCES customers, total numeric);
INSERT INTO orders (customer, total) SELECT 1 + g % 200, g FROM generate_series(1, 1000) g;
CREATE TABLE nothing (x int);
"""

DATABASES = "SELECT datname FROM pg_database WHERE datname ~ '^shop' ORDER BY 1"
FRESH = re.compile(r"shop_restore_\d{8}_\d{6}")
KEPT = re.compile(r"shop_before_\d{8}_\d{6}")


def databases(cluster):
    return cluster.sql(DATABASES).splitlines()


def drop_all(cluster):
    for name in databases(cluster):
        cluster.drop(name)


def dump(cluster, database):
    """As it is now, whatever was seen of it before."""
    cluster._dumps.pop(database, None)
    return cluster.dump(database)


def rows(cluster, database):
    """Of customers and orders; 200|1000 is what was saved, 201|1002 what is live."""
    return cluster.sql("SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM orders)", database)


SAVED, LIVE = "200|1000", "201|1002"


class Unchanged:
    """Fails when a database is not what it was."""

    def __init__(self, cluster, database="shop"):
        self.cluster, self.database = cluster, database
        self.names = databases(cluster)
        self.before = self.seen()

    def seen(self):
        oid = self.cluster.sql(f"SELECT oid FROM pg_database WHERE datname = '{self.database}'")
        return oid, dump(self.cluster, self.database)

    def check(self, same_names=True):
        assert self.seen() == self.before
        if same_names:
            assert databases(self.cluster) == self.names


def last(kist, event="restore"):
    return [line for line in kist.history() if line["event"] == event][-1]


def as_printed(kist, command):
    """Runs a command line that kist has printed, with the program under test as its kist."""
    assert command.startswith("kist ")
    words = ["sh", "-c", f'exec "$0" {command[5:]}', kist.program]
    return subprocess.run(words, env=kist.environment(), text=True, capture_output=True)
