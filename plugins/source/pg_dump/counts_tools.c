#include "counts_tools.h"

#include <glob.h>
#include <pthread.h>
#include <sys/stat.h>

const char *counts_folder;
static char url[256], program[128], marker[160], bin[256];

struct counted counted[COUNTED_MOST];
size_t counted_count;
struct pgd_source *counts_source;

struct pgd_config counts_config(const char *user)
{
    snprintf(url, sizeof url, "postgresql://%s@/shop?host=%s", user, counts_folder);
    struct pgd_config config = test_config(url);
    config.counts.index = PGD_COUNTS_EXACT;
    return config;
}

int counts_keep(void *arg, const struct kist_count *count)
{
    (void)arg;
    assert_true(counted_count < sizeof counted / sizeof *counted);
    snprintf(counted[counted_count].kind, sizeof counted->kind, "%s", count->kind);
    snprintf(counted[counted_count].name, sizeof counted->name, "%s", count->name);
    snprintf(counted[counted_count].note, sizeof counted->note, "%s", count->note ? count->note : "");
    snprintf(counted[counted_count].hash, sizeof counted->hash, "%s", count->hash ? count->hash : "");
    counted[counted_count].flags = count->flags;
    counted[counted_count++].number = count->number;
    return 0;
}

size_t counts_find(const char *kind, const char *name)
{
    for (size_t i = 0; i < counted_count; i++)
        if (strcmp(counted[i].kind, kind) == 0 && strcmp(counted[i].name, name) == 0)
            return i;
    return counted_count;
}

/* -2: it is not given at all. */
long long counts_number_of(const char *kind, const char *name)
{
    size_t at = counts_find(kind, name);
    return at < counted_count ? counted[at].number : -2;
}

const char *counts_note_of(const char *kind, const char *name)
{
    size_t at = counts_find(kind, name);
    return at < counted_count ? counted[at].note : "not given";
}

/* Up to the first byte. */
int counts_begin(struct pgd_config *config, void **ret_reader)
{
    void *self = NULL;
    struct kist_item item = {.struct_size = sizeof item, .name = "shop.dump"};
    kist_test_host_clear(&test);
    counted_count = 0;
    assert_int_equal(kist_plugin.open(&test.host, config, &self, &test.err), 0);
    counts_source = self;
    return kist_plugin.read_begin(self, &item, ret_reader, &test.err);
}

/* The dump to its end, into `path` or nowhere. */
int counts_drain(void *reader, const char *path)
{
    FILE *file = path ? fopen(path, "w") : NULL;
    char *data = malloc(1 << 20);
    size_t got = 1;
    int code = 0;
    while (!code && got > 0) {
        code = kist_plugin.read(reader, data, 1 << 20, &got, &test.err);
        if (!code && file)
            assert_int_equal(fwrite(data, 1, got, file), got);
    }
    if (file)
        fclose(file);
    free(data);
    kist_plugin.read_end(reader);
    return code;
}

/* A whole backup; the code of whatever failed first. */
int counts_dump_to(struct pgd_config *config, const char *path)
{
    void *reader = NULL;
    int code = counts_begin(config, &reader);
    if (!code)
        code = counts_drain(reader, path);
    if (!code)
        code = kist_plugin.counts(counts_source, counts_keep, NULL, &test.err);
    kist_plugin.close(counts_source);
    return code;
}

int counts_dump(struct pgd_config *config)
{
    return counts_dump_to(config, NULL);
}

/* ---- a second session ---- */

PGconn *counts_session(void)
{
    char conninfo[256];
    snprintf(conninfo, sizeof conninfo, "host='%s' user=postgres dbname=shop", counts_folder);
    PGconn *conn = PQconnectdb(conninfo);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    return conn;
}

void counts_say(PGconn *conn, const char *statement)
{
    PGresult *result = PQexec(conn, statement);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", statement, PQerrorMessage(conn));
    PQclear(result);
}

int counts_sql(const char *text)
{
    return cluster_sql("shop", text);
}

/* Commits what the other session has done once somebody waits for it. */
static void *commit_when_awaited(void *arg)
{
    for (int i = 0; i < 1000 && counts_sql("SELECT count(*) FROM pg_locks WHERE NOT granted") < 1; i++)
        usleep(5000);
    counts_say(arg, "COMMIT");
    PQfinish(arg);
    return NULL;
}

int counts_dump_while(const char *sql_before, const char *path)
{
    struct pgd_config config = counts_config("postgres");
    PGconn *other = counts_session();
    pthread_t thread;
    counts_say(other, "BEGIN");
    counts_say(other, sql_before);
    pthread_create(&thread, NULL, commit_when_awaited, other);
    int code = counts_dump_to(&config, path);
    pthread_join(thread, NULL);
    return code;
}

/* ---- programs in pg_dump's place, which do something first ---- */

struct pgd_config counts_config_with(const char *script)
{
    struct pgd_config config = counts_config("postgres");
    FILE *file = fopen(program, "w");
    assert_non_null(file);
    fprintf(file,
            "#!/bin/sh\n[ \"$1\" = --version ] && exec %s/pg_dump --version\n"
            "say() { %s/psql -qXAt -h %s -U postgres -d shop -c \"$1\" >/dev/null 2>&1; }\n%s\nexec %s/pg_dump "
            "\"$@\"\n",
            bin, bin, counts_folder, script, bin);
    assert_int_equal(fchmod(fileno(file), 0700), 0);
    assert_int_equal(fclose(file), 0);
    unlink(marker);
    config.pg_dump = program;
    return config;
}

/* "Does `what` the first time, with the marker's path in place of %s." */
struct pgd_config counts_config_with_once(const char *what)
{
    char script[600];
    snprintf(script, sizeof script, "if [ ! -e %s ]; then : >%s; %s; fi", marker, marker, what);
    return counts_config_with(script);
}

int counts_start_server(void **state)
{
    (void)state;
    counts_folder = cluster_start();
    if (!counts_folder)
        return 0;
    glob_t found = {0};
    if (getenv("PG_BIN"))
        snprintf(bin, sizeof bin, "%s", getenv("PG_BIN"));
    else if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0)
        snprintf(bin, sizeof bin, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    snprintf(program, sizeof program, "/tmp/kist-pg-counts-%d", (int)getpid());
    snprintf(marker, sizeof marker, "%s.marker", program);
    int failed = cluster_sql("postgres", "CREATE DATABASE shop");
    failed |= cluster_sql(
        "shop", "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 100); "
                "CREATE TABLE \"Weird \"\"name\"\";\n--\" (a serial, \"t\" text); "
                "INSERT INTO \"Weird \"\"name\"\";\n--\" (t) SELECT 'x' FROM generate_series(1, 7); "
                "CREATE TABLE parent (k int, v text) PARTITION BY LIST (k); "
                "CREATE TABLE child_1 PARTITION OF parent FOR VALUES IN (1); "
                "CREATE TABLE child_2 PARTITION OF parent FOR VALUES IN (2); "
                "INSERT INTO parent VALUES (1, 'a'), (2, 'b'), (2, 'c'); "
                "CREATE TABLE heir (b int) INHERITS (t); INSERT INTO heir VALUES (1, 1), (2, 2); "
                "CREATE MATERIALIZED VIEW mat AS SELECT count(*) FROM t; CREATE VIEW v AS SELECT 1; "
                "CREATE UNLOGGED TABLE loose AS SELECT generate_series(1, 5) AS n; "
                "CREATE SEQUENCE down INCREMENT -1; CREATE SEQUENCE round MAXVALUE 3 CYCLE; "
                "CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES; "
                "ALTER TABLE t ADD CONSTRAINT late CHECK (a > 50) NOT VALID; "
                "CREATE SCHEMA app; CREATE TABLE app.logs AS SELECT generate_series(1, 9) AS n; "
                "SELECT lo_from_bytea(0, 'a'), lo_from_bytea(0, 'b')");
    failed |=
        cluster_sql("shop", "CREATE TABLE wide AS SELECT g, md5(g::text) AS m FROM generate_series(1, 300000) g");
    return failed < 0 ? -1 : 0;
}

int counts_stop_server(void **state)
{
    (void)state;
    unlink(program);
    unlink(marker);
    if (counts_folder)
        cluster_stop();
    return 0;
}
