"""The postgres notifier, against a real server: what an application finds in its table after runs of all kinds."""
import json
import threading
import time
from datetime import datetime, timezone

import pytest
from cluster import PASSWORD, Cluster
from kist import Kist
from shelf import Shelf, build_shelf

# As Prisma makes it.
SETTING = """
CREATE TABLE "Setting" (
    "id" SERIAL NOT NULL,
    "key" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "updatedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "Setting_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "Setting_key_key" ON "Setting"("key");
"""


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    return build_shelf(tmp_path_factory.mktemp("plugins"))


class App:
    """An application's database, and kist with a notifier `app` that writes there."""

    def __init__(self, kist, plugins, cluster, schema=SETTING):
        self.kist, self.plugins, self.cluster = kist, plugins, cluster
        self.database = cluster.create("app", schema)
        self.url = cluster.url(self.database, sslmode="disable")

    def section(self, name="app", **options):
        self.kist.env["APP_URL"] = self.url
        keys = {"plugin": "postgres", "url": "${APP_URL}", "deadline": "4s", **options}
        return f"[notifier {name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())

    def write(self, **options):
        shelf = Shelf(self.kist, self.plugins)
        shelf.write()
        text = (self.kist.conf / "kist.ini").read_text().replace("notify = ops", "notify = app")
        self.kist.write(text + self.section(**options))
        return shelf

    def sql(self, statement):
        return self.cluster.sql(statement, self.database)

    def rows(self, table='"Setting"', key="key", value="value"):
        text = self.sql(f"""SELECT coalesce(json_object_agg("{key}", "{value}"), '{{}}') FROM {table}""")
        return json.loads(text)

    def waiting(self):
        return len([path for path in (self.kist.state / "outbox").glob("*") if path.suffix == ".json"])

    def refused(self, *words, **options):
        """A test of these options fails with one line that has these words."""
        self.write(**options)
        result = self.kist.run("notify", "test", "app", expect=None)
        assert result.code in (1, 2), result
        result.is_one_error()
        for word in words:
            assert word in result.err, (word, result)
        assert PASSWORD not in result.err, result
        return result


@pytest.fixture
def app(kist, plugins, cluster):
    return App(kist, plugins, cluster)


def iso(id):
    return datetime.strptime(id, "%Y-%m-%dT%H-%M-%SZ").strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_good_runs_leave_their_dates(app):
    app.sql(
        """INSERT INTO "Setting" ("key", "value", "updatedAt") VALUES ('theme', 'dark', '2020-01-01'),
        ('lastBackupDate', 'never', '2020-01-01')"""
    )
    app.write(time_columns="updatedAt")
    first = app.kist.backup()
    assert app.rows() == {"theme": "dark", "lastBackupDate": iso(first), "lastFullBackupDate": iso(first)}
    minute_ago = "now() AT TIME ZONE 'UTC' - interval '1 min'"
    assert app.sql(f"""SELECT count(*) FROM "Setting" WHERE "updatedAt" > {minute_ago}""") == "2"
    time.sleep(1.1)  # so that the second has another id
    second = app.kist.backup()
    assert second != first
    assert app.rows() == {"theme": "dark", "lastBackupDate": iso(second), "lastFullBackupDate": iso(second)}
    assert app.sql("""SELECT "updatedAt" FROM "Setting" WHERE "key" = 'theme'""") == "2020-01-01 00:00:00"


def test_every_key_after_good_and_bad_runs(app):
    keys = {f"{name}_key": f"backup.{name}" for name in ("status", "error", "size", "id")}
    shelf = app.write(**keys, value_format="epoch", success_key="at", full_key="")
    id = app.kist.backup()
    seconds = str(int(datetime.strptime(id, "%Y-%m-%dT%H-%M-%SZ").replace(tzinfo=timezone.utc).timestamp()))
    good = app.rows()
    assert good["at"] == seconds and good["backup.id"] == id and good["backup.error"] == ""
    assert good["backup.status"] == "success" and int(good["backup.size"]) > 0
    shelf.file.unlink()
    app.kist.run("run", "p", expect=1)
    bad = app.rows()
    assert bad["backup.status"] == "failure" and str(shelf.file) in bad["backup.error"]
    assert {key: bad[key] for key in ("at", "backup.id", "backup.size")} == {
        key: good[key] for key in ("at", "backup.id", "backup.size")
    }


def test_a_test_leaves_nothing(app):
    app.write(status_key="status")
    result = app.kist.run("notify", "test", "app")
    assert "ok" in result.out and app.rows() == {}


# ---- tables of all kinds ----


def test_hostile_names(app):
    table, schema, key, value = '"; drop table "Setting"; --', "My.Schéma\u00a0", "two words'", "$2 OR 1=1"
    quoted = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name in (schema, table, key, value)]
    app.sql(f"CREATE SCHEMA {quoted[0]}")
    app.sql(f"CREATE TABLE {quoted[0]}.{quoted[1]} ({quoted[2]} text, {quoted[3]} text)")
    app.kist.env.update(T=f"{quoted[0]}.{quoted[1]}", K=key, V=value, S='x\'); DELETE FROM "Setting"; --\n\\')
    app.write(table="${T}", key_column="${K}", value_column="${V}", success_key="${S}", full_key="")
    app.sql("""INSERT INTO "Setting" ("key", "value") VALUES ('a', 'b')""")
    id = app.kist.backup()
    assert app.rows(f"{quoted[0]}.{quoted[1]}", key, value) == {app.kist.env["S"]: iso(id)}
    assert app.rows() == {"a": "b"}


def test_without_a_unique_constraint_there_is_one_row(app):
    """Also with several at once."""
    app.sql("CREATE SCHEMA other")
    for name in ("plain", "other.plain"):
        app.sql(f"CREATE TABLE {name} (key text, value text)")
    app.write(table="plain")
    app.kist.backup()
    app.sql(
        "DELETE FROM plain; CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END $$; "
        "CREATE TRIGGER slow BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION slow()"
    )
    hosts = []
    for number in range(4):
        kist = Kist(app.kist.folder / f"host{number}")
        host = App.__new__(App)
        host.__dict__.update(app.__dict__)
        host.kist = kist
        host.write(table="plain")
        hosts.append(kist)
    threads = [threading.Thread(target=kist.run, args=("run", "p")) for kist in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert app.sql("SELECT count(*), count(DISTINCT key) FROM plain") == "2|2"
    assert app.sql("SELECT count(*) FROM other.plain") == "0"


def test_a_row_that_somebody_else_adds_meanwhile(app):
    """The application knows nothing of our lock: its row is changed instead."""
    app.sql(
        """CREATE FUNCTION compete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW."key" = 'lastBackupDate' AND pg_trigger_depth() = 1 AND NOT EXISTS (SELECT 1 FROM once) THEN
            RAISE unique_violation;
        END IF; RETURN NEW; END $$;
        CREATE TABLE once (x int);
        CREATE TRIGGER compete BEFORE INSERT ON "Setting" FOR EACH ROW EXECUTE FUNCTION compete()"""
    )
    app.refused("cannot write")
    app.sql("INSERT INTO once VALUES (1)")
    app.write()
    app.kist.backup()
    # Triggers find what they would find for the application: the search path is the role's own.
    assert len(app.rows()) == 2


@pytest.mark.parametrize(
    "type, format, time",
    [("timestamptz", "iso8601", "value"), ("bigint", "epoch_ms", "to_timestamp(value / 1000)")],
)
def test_typed_values(app, type, format, time):
    app.sql(f"CREATE TABLE typed (key varchar(40) PRIMARY KEY, value {type})")
    app.write(table="typed", value_format=format)
    id = app.kist.backup()
    shown = f"""to_char({time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24-MI-SS"Z"')"""
    assert app.sql(f"SELECT {shown} FROM typed WHERE key = 'lastBackupDate'") == id


# ---- what cannot be written ----


def test_what_is_missing_is_said(app):
    result = app.refused("no table", 'CREATE TABLE "settings"', table="settings")
    assert "hint: name it as table = SCHEMA.TABLE" in result.err
    app.refused("no table", 'CREATE TABLE "app"."Setting"', table="app.Setting")
    app.refused('"key2"', "hint: ", key_column="key2")
    app.refused("value_format", table="Setting", value_column="id", key_column="key")
    app.sql('ALTER TABLE "Setting" ALTER "updatedAt" DROP DEFAULT')
    app.refused("'updatedAt'", "time_columns")
    app.write(time_columns="updatedAt")
    app.kist.run("notify", "test", "app")


def test_a_role_that_may_only_read(app):
    app.sql("CREATE ROLE reader LOGIN PASSWORD 'reader-secret'")
    app.sql('GRANT SELECT ON "Setting" TO reader')
    app.url = app.cluster.url(app.database, user="reader", password="reader-secret", sslmode="disable")
    result = app.refused("permission denied", 'GRANT SELECT, INSERT, UPDATE ON "public"."Setting" TO "reader"')
    assert "reader-secret" not in result.err
    app.url = app.cluster.url(app.database, user="reader", password="wrong-secret-word", sslmode="disable")
    result = app.refused("password authentication failed", "hint: ")
    assert "wrong-secret-word" not in result.err


def test_a_database_that_takes_no_changes(app):
    app.sql(f"ALTER DATABASE {app.database} SET default_transaction_read_only = on")
    app.refused("read-only", "standby", deadline="1s")


def test_a_server_without_tls_is_not_trusted_by_name(app):
    app.url = app.url.replace("127.0.0.1", "127.1").replace("?sslmode=disable", "")
    app.refused("hint: ", "sslmode")


def test_a_lock_that_does_not_come_ends_in_time(app):
    app.write(deadline="1s")
    holder = threading.Thread(target=app.sql, args=('BEGIN; LOCK TABLE "Setting"; SELECT pg_sleep(2)',))
    holder.start()
    time.sleep(0.3)
    result = app.kist.run("run", "p", expect=3)
    assert result.took < 4 and "in time" in result.err or "timeout" in result.err, result
    holder.join()
    assert app.waiting() == 1


# ---- late ----


def test_a_server_that_is_down_is_told_later(kist, plugins):
    own = Cluster()
    try:
        app = App(kist, plugins, own.start())
        app.write(deadline="1s", status_key="status")
        own.stop()
        result = kist.run("run", "p", expect=3)
        assert "cannot connect" in result.is_one_error() and PASSWORD not in result.err
        assert app.waiting() == 1 and len(kist.ids()) == 1
        first = kist.ids()[0]
        own.start()
        # Tells what waits, and nothing of its own that would hide it.
        (kist.folder / "shelf.txt").unlink()
        kist.run("run", "p", expect=1)
        assert app.waiting() == 0
        rows = app.rows()
        assert rows["lastBackupDate"] == iso(first) and rows["status"] == "failure"
        # What comes late takes nothing back.
        app.sql("""UPDATE "Setting" SET value = '2099-01-01T00:00:00.000Z' WHERE key = 'lastBackupDate'""")
        (kist.folder / "shelf.txt").write_text("new\n")
        own.stop()
        time.sleep(1.1)
        kist.run("run", "p", expect=3)
        own.start()
        (kist.folder / "shelf.txt").unlink()
        kist.run("run", "p", expect=1)
        rows = app.rows()
        assert rows["lastBackupDate"] == "2099-01-01T00:00:00.000Z" and app.waiting() == 0
        assert rows["lastFullBackupDate"] == iso(kist.ids()[-1])
    finally:
        own.remove()
