/* restore_tools.c - a dump in memory, and its way back in whatever manner. */
#include "restore_test.h"

struct restore_dump restore_dump;

static int keep_item(void *arg, const struct kist_item *item)
{
    (void)arg;
    snprintf(restore_dump.format, sizeof restore_dump.format, "%s", item->format);
    return 0;
}

void restore_take_dump(const struct pgd_config *config)
{
    void *self = NULL, *reader = NULL;
    size_t got = 1;
    free(restore_dump.data);
    restore_dump.size = 0;
    restore_dump.data = malloc(64 << 20);
    assert_int_equal(kist_plugin.open(&test.host, config, &self, &test.err), 0);
    assert_int_equal(kist_plugin.items(self, keep_item, NULL, &test.err), 0);
    struct kist_item item = {.struct_size = sizeof item, .name = "shop.dump", .format = restore_dump.format};
    assert_int_equal(kist_plugin.read_begin(self, &item, &reader, &test.err), 0);
    while (got > 0) {
        assert_int_equal(kist_plugin.read(reader, restore_dump.data + restore_dump.size, 1 << 20, &got, &test.err),
                         0);
        restore_dump.size += got;
    }
    kist_plugin.read_end(reader);
    kist_plugin.close(self);
}

void restore_take_file(const char *path, const char *format)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    free(restore_dump.data);
    restore_dump.data = malloc(64 << 20);
    restore_dump.size = fread(restore_dump.data, 1, 64 << 20, file);
    snprintf(restore_dump.format, sizeof restore_dump.format, "%s", format ? format : "");
    fclose(file);
}

static int keep_place(void *arg, const struct kist_place *place)
{
    struct restore_run *run = arg;
    run->place_flags = place->flags;
    snprintf(run->fresh, sizeof run->fresh, "%s", place->fresh ? place->fresh : "");
    snprintf(run->holds, sizeof run->holds, "%s", place->holds ? place->holds : "");
    snprintf(run->look, sizeof run->look, "%s", place->look ? place->look : "");
    snprintf(run->name, sizeof run->name, "%s", place->name);
    return 0;
}

static int write_all(struct restore_run *run, void *writer, size_t size)
{
    int code = 0;
    for (size_t at = 0; !code && at < size; at += 100000) {
        code =
            kist_plugin.write(writer, restore_dump.data + at, size - at < 100000 ? size - at : 100000, &test.err);
        if (!code && run->on_write)
            run->on_write(at);
    }
    return code;
}

int restore_run(const struct pgd_config *config, struct restore_run *run)
{
    struct kist_item item = {.struct_size = sizeof item,
                             .name = "shop.dump",
                             .format = *restore_dump.format ? restore_dump.format : NULL};
    void *self = NULL, *work = NULL, *writer = NULL;
    run->wanted.struct_size = sizeof run->wanted;
    if (!run->wanted.mode)
        run->wanted.mode = KIST_RESTORE_APPLY;
    run->wanted.items = &item;
    run->wanted.item_count = 1;
    assert_int_equal(kist_plugin.open(&test.host, config, &self, &test.err), 0);
    int code = kist_plugin.restore_begin(self, &run->wanted, &work, &test.err);
    if (!code && run->wanted.mode != KIST_RESTORE_CHECK)
        assert_int_equal(kist_plugin.restore_place(work, keep_place, run, &test.err), 0);
    if (!code && run->wanted.mode != KIST_RESTORE_LOOK)
        code = kist_plugin.write_begin(work, &item, &writer, &test.err);
    if (writer)
        code = write_all(run, writer, run->size ? run->size : restore_dump.size);
    if (writer && code)
        kist_plugin.write_abort(writer);
    else if (writer)
        code = kist_plugin.write_commit(writer, &test.err);
    if (work && run->judged)
        pgd_restore_judged(work, run->judged);
    if (work)
        kist_plugin.restore_end(work);
    kist_plugin.close(self);
    return code;
}

/* ---- the server ---- */

const char *restore_folder;
char restore_work_dir[64];
static char url[256];

/* The whole of a database that a restore has to bring back, or must not touch. */
static const char shop_sql[] =
    "CREATE TYPE mood AS ENUM ('calm', 'wild'); CREATE SCHEMA app; "
    "CREATE FUNCTION app.one() RETURNS int LANGUAGE sql AS 'SELECT 1'; "
    "CREATE FUNCTION app.pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; "
    "CREATE TABLE app.customers (id serial PRIMARY KEY, mood mood DEFAULT 'calm', n int DEFAULT app.one()); "
    "CREATE INDEX customers_mood ON app.customers (mood); "
    "CREATE TRIGGER pass BEFORE INSERT ON app.customers FOR EACH ROW EXECUTE FUNCTION app.pass(); "
    "CREATE TABLE app.orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    "customer int REFERENCES app.customers (id), body text); "
    "CREATE VIEW app.busy AS SELECT customer, count(*) FROM app.orders GROUP BY 1; "
    "CREATE TABLE part (a int PRIMARY KEY, b int) PARTITION BY RANGE (a); "
    "CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (10); "
    "INSERT INTO part VALUES (1, 1), (2, 2); "
    "INSERT INTO app.customers (mood) SELECT 'wild' FROM generate_series(1, 100); "
    "INSERT INTO app.orders (customer, body) SELECT 1 + g % 100, md5(g::text) FROM generate_series(1, 20000) g; "
    "SELECT lo_from_bytea(4711, 'large'); COMMENT ON TABLE app.orders IS 'of customers'; "
    "ALTER DATABASE shop OWNER TO keeper";

struct pgd_config restore_config_as(const char *user, const char *database)
{
    snprintf(url, sizeof url, "postgresql://%s@/%s?host=%s", user, database, restore_folder);
    return test_config(url);
}

struct pgd_config restore_shop(void)
{
    return restore_config_as("postgres", "shop");
}

int restore_count(const char *database, const char *what)
{
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", what);
    return cluster_sql(database, sql);
}

int restore_databases_like(const char *pattern)
{
    char what[200];
    snprintf(what, sizeof what, "pg_database WHERE datname LIKE '%s'", pattern);
    return restore_count("postgres", what);
}

void restore_drop(const char *database)
{
    char sql[200];
    snprintf(sql, sizeof sql, "DROP DATABASE \"%s\"", database);
    assert_int_equal(cluster_sql("postgres", sql), 0);
}

void restore_make_shop(void)
{
    assert_int_equal(cluster_sql("postgres", "DROP DATABASE IF EXISTS shop"), 0);
    assert_int_equal(cluster_sql("postgres", "CREATE DATABASE shop"), 0);
    assert_int_equal(cluster_sql("shop", shop_sql), 0);
}

void restore_assert_whole(const char *database)
{
    assert_int_equal(restore_count(database, "app.customers"), 100);
    assert_int_equal(restore_count(database, "app.orders"), 20000);
    assert_int_equal(restore_count(database, "part"), 2);
    assert_int_equal(restore_count(database, "pg_largeobject_metadata WHERE oid = 4711"), 1);
    assert_int_equal(restore_count(database, "pg_constraint WHERE contype = 'f' AND convalidated"), 1);
}

int restore_start(void **state)
{
    (void)state;
    restore_folder = cluster_start();
    if (!restore_folder)
        return 0;
    strcpy(restore_work_dir, "/tmp/kist-pg-work-XXXXXX");
    int failed = !mkdtemp(restore_work_dir) || cluster_sql("postgres", "CREATE ROLE keeper") < 0 ||
                 cluster_sql("postgres", "CREATE ROLE modest LOGIN") < 0 ||
                 cluster_sql("postgres", "CREATE ROLE maker LOGIN CREATEDB") < 0;
    restore_make_shop();
    return failed ? -1 : 0;
}

int restore_stop(void **state)
{
    (void)state;
    free(restore_dump.data);
    restore_dump.data = NULL;
    if (!restore_folder)
        return 0;
    cluster_stop();
    return rmdir(restore_work_dir);
}
