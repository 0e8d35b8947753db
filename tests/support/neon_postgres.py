"""The databases of Neon's branches in a real server: a branch is a copy, made at once, and goes with its branch."""
import time
from subprocess import CalledProcessError
from urllib.parse import quote

from neon_model import ROLE

FORK = 'CREATE DATABASE "{}" TEMPLATE "{}" OWNER "{}" STRATEGY file_copy'


class NeonPostgres:
    """`database`: of the branch main; it gets an owner of Neon's name. `words`: behind the "?" of connection URIs."""

    password = "npg_c4nary/P@ssword%1"

    def __init__(self, cluster, database="neon_main", script=None, words="sslmode=prefer"):
        self.cluster, self.database, self.words = cluster, cluster.create(database, script), words
        self.port = cluster.port
        if cluster.sql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{ROLE}'") == "0":
            cluster.sql(f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{self.password}'")
        cluster.sql(f'ALTER DATABASE "{database}" OWNER TO {ROLE}')
        self.give_all(database)

    def give_all(self, database):
        """Tables, sequences and large objects of the superuser to the owner."""
        self.cluster.sql(
            "DO $$ DECLARE r record; BEGIN"
            " FOR r IN SELECT oid::regclass AS name FROM pg_class"
            " WHERE relkind IN ('r', 'p', 'v', 'm') AND relnamespace = 'public'::regnamespace LOOP"
            f" EXECUTE format('ALTER TABLE %s OWNER TO {ROLE}', r.name); END LOOP;"
            " FOR r IN SELECT oid FROM pg_largeobject_metadata LOOP"
            f" EXECUTE format('ALTER LARGE OBJECT %s OWNER TO {ROLE}', r.oid); END LOOP; END $$",
            database,
        )

    def fork(self, database, id):
        """A server copies no database that somebody is connected to, as Neon does: it is tried for a while."""
        name = f"neon_{id}"
        for _ in range(100):
            try:
                self.cluster.sql(FORK.format(name, database, ROLE))
                return name
            except CalledProcessError:
                time.sleep(0.05)
        raise AssertionError(f"somebody is connected to {database} all the time")

    def drop(self, database):
        self.cluster.drop(database)

    def exists(self, database):
        return self.cluster.exists(database)

    def left(self):
        """Databases of branches that are there."""
        return self.cluster.sql("SELECT datname FROM pg_database WHERE datname LIKE 'neon\\_br%' ORDER BY 1").split()

    def url(self, database):
        """As its owner."""
        return f"postgresql://{ROLE}:{quote(self.password, safe='')}@127.0.0.1:{self.port}/{database}"
