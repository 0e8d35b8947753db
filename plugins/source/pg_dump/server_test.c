/* server_test.c - a real server: what is saved comes back, and what is refused stays as it was. Skipped without
 * one. */
#include "pg_dump_test.h"

#include <pthread.h>

static const char *socket_folder;
static char url[256];
static struct {
    char *data;
    size_t size;
    char name[128], format[16];
} saved;

#define NEED_SERVER()                                                                                             \
    (void)state;                                                                                                  \
    if (!socket_folder)                                                                                           \
    skip()

static struct pgd_config config_of(const char *database)
{
    snprintf(url, sizeof url, "postgresql://postgres@/%s?host=%s", database, socket_folder);
    return test_config(url);
}

static int keep_item(void *arg, const struct kist_item *item)
{
    (void)arg;
    snprintf(saved.name, sizeof saved.name, "%s", item->name);
    snprintf(saved.format, sizeof saved.format, "%s", item->format);
    return 0;
}

/* Dumps into `saved`; the code of whatever failed first. */
static int dump(const struct pgd_config *config)
{
    void *self = NULL, *reader = NULL;
    size_t got = 1;
    free(saved.data);
    saved.size = 0;
    saved.data = malloc(64 << 20);
    int code = kist_plugin.open(&test.host, config, &self, &test.err);
    assert_int_equal(code, 0);
    code = kist_plugin.items(self, keep_item, NULL, &test.err);
    struct kist_item item = {.struct_size = sizeof item, .name = saved.name, .format = saved.format};
    if (!code)
        code = kist_plugin.read_begin(self, &item, &reader, &test.err);
    while (!code && got > 0) {
        code = kist_plugin.read(reader, saved.data + saved.size, 1 << 20, &got, &test.err);
        saved.size += code ? 0 : got;
    }
    if (reader)
        kist_plugin.read_end(reader);
    kist_plugin.close(self);
    return code;
}

/* Writes `size` bytes of `saved` to `target`. */
static int restore(const struct pgd_config *config, uint32_t mode, const char *target, uint32_t flags, size_t size)
{
    struct kist_restore wanted = {.struct_size = sizeof wanted, .mode = mode, .flags = flags, .target = target};
    struct kist_item item = {.struct_size = sizeof item, .name = saved.name, .format = saved.format};
    void *self = NULL, *work = NULL, *writer = NULL;
    assert_int_equal(kist_plugin.open(&test.host, config, &self, &test.err), 0);
    int code = kist_plugin.restore_begin(self, &wanted, &work, &test.err);
    if (!code)
        code = kist_plugin.write_begin(work, &item, &writer, &test.err);
    for (size_t at = 0; !code && at < size; at += 10000)
        code = kist_plugin.write(writer, saved.data + at, size - at < 10000 ? size - at : 10000, &test.err);
    if (writer && code)
        kist_plugin.write_abort(writer);
    else if (writer)
        code = kist_plugin.write_commit(writer, &test.err);
    if (work)
        kist_plugin.restore_end(work);
    kist_plugin.close(self);
    return code;
}

static int rows_in(const char *database)
{
    return cluster_sql(database, "SELECT count(*) FROM app.\"Order Lines\"");
}

static int exists(const char *database)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_database WHERE datname = '%s'", database);
    return cluster_sql("postgres", sql);
}

static int start_server(void **state)
{
    (void)state;
    socket_folder = cluster_start();
    if (!socket_folder)
        return 0;
    int failed = cluster_sql("postgres", "CREATE DATABASE shop") |
                 cluster_sql("postgres", "CREATE ROLE reader LOGIN") |
                 cluster_sql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    failed |= cluster_sql(
        "shop", "CREATE SCHEMA app; CREATE TABLE app.\"Order Lines\" AS SELECT g AS id, md5(g::text) AS t "
                "FROM generate_series(1, 20000) g; CREATE TABLE empty (a int); "
                "CREATE VIEW v AS SELECT count(*) FROM app.\"Order Lines\"; "
                "SELECT lo_from_bytea(0, decode(repeat('00ff', 50000), 'hex'))");
    failed |= cluster_sql("latin", "CREATE TABLE t AS SELECT U&'\\00e4' AS a");
    return failed < 0 ? -1 : 0;
}

static int stop_server(void **state)
{
    (void)state;
    free(saved.data);
    if (socket_folder)
        cluster_stop();
    return 0;
}

static void test_custom_there_and_back(void **state)
{
    NEED_SERVER();
    struct pgd_config config = config_of("shop");
    assert_int_equal(dump(&config), 0);
    assert_string_equal(saved.name, "shop.dump");
    assert_int_equal(restore(&config, KIST_RESTORE_CHECK, NULL, 0, saved.size), 0);
    assert_int_equal(restore(&config, KIST_RESTORE_APPLY, "back", 0, saved.size), KIST_ERR_NOT_FOUND);
    assert_string_equal(test.err.hint, "--create makes the database");
    assert_int_equal(restore(&config, KIST_RESTORE_APPLY, "back", KIST_RESTORE_CREATE, saved.size), 0);
    assert_int_equal(rows_in("back"), 20000);
    assert_int_equal(restore(&config, KIST_RESTORE_APPLY, "back", 0, saved.size), KIST_ERR_REFUSED);
    assert_non_null(strstr(test.err.message, "app.\"Order Lines\""));
    assert_non_null(strstr(test.err.hint, "--in-place"));
    cluster_sql("back", "DELETE FROM app.\"Order Lines\"");
    assert_int_equal(restore(&config, KIST_RESTORE_APPLY, "back", KIST_RESTORE_CLEAN, saved.size), 0);
    assert_int_equal(rows_in("back"), 20000);
    cluster_sql("postgres", "DROP DATABASE back");
}

static void test_plain_there_and_back(void **state)
{
    NEED_SERVER();
    struct pgd_config config = config_of("shop");
    config.format.index = PGD_PLAIN;
    assert_int_equal(dump(&config), 0);
    assert_string_equal(saved.name, "shop.sql");
    assert_int_equal(restore(&config, KIST_RESTORE_CHECK, NULL, 0, saved.size), 0);
    assert_int_equal(restore(&config, KIST_RESTORE_APPLY, "back", KIST_RESTORE_CREATE, saved.size), 0);
    assert_int_equal(rows_in("back"), 20000);
    cluster_sql("back", "DELETE FROM app.\"Order Lines\"");
    assert_int_equal(restore(&config, KIST_RESTORE_APPLY, "back", KIST_RESTORE_CLEAN, saved.size), 0);
    assert_int_equal(rows_in("back"), 20000);
    cluster_sql("postgres", "DROP DATABASE back");
}

/* Cut in the middle of the rows, where psql by itself would commit what it has. */
static void test_cut_streams_change_nothing(void **state)
{
    NEED_SERVER();
    struct pgd_config config = config_of("shop");
    for (int format = PGD_CUSTOM; format <= PGD_PLAIN; format++) {
        config.format.index = format;
        assert_int_equal(dump(&config), 0);
        cluster_sql("postgres", "CREATE DATABASE cut");
        for (size_t part = 1; part < 4; part++) {
            assert_int_equal(restore(&config, KIST_RESTORE_CHECK, NULL, 0, saved.size * part / 4),
                             KIST_ERR_CORRUPT);
            assert_int_equal(restore(&config, KIST_RESTORE_APPLY, "cut", 0, saved.size * part / 4),
                             KIST_ERR_CORRUPT);
            assert_int_equal(
                cluster_sql("cut", "SELECT count(*) FROM pg_class WHERE relname IN ('Order Lines', 'empty')"), 0);
            assert_int_equal(
                restore(&config, KIST_RESTORE_APPLY, "made", KIST_RESTORE_CREATE, saved.size * part / 4),
                KIST_ERR_CORRUPT);
            assert_int_equal(exists("made"), 0); /* dropped again */
        }
        assert_int_equal(restore(&config, KIST_RESTORE_CHECK, NULL, 0, saved.size - 2), KIST_ERR_CORRUPT);
        cluster_sql("postgres", "DROP DATABASE cut");
    }
}

static void test_encoding_comes_back(void **state)
{
    NEED_SERVER();
    struct pgd_config config = config_of("latin");
    assert_int_equal(dump(&config), 0);
    assert_int_equal(restore(&config, KIST_RESTORE_APPLY, "latin_back", KIST_RESTORE_CREATE, saved.size), 0);
    assert_int_equal(cluster_sql("latin_back", "SELECT octet_length(a) FROM t"), 1);
    assert_int_equal(cluster_sql("postgres", "SELECT encoding FROM pg_database WHERE datname = 'latin_back'"), 8);
    cluster_sql("postgres", "DROP DATABASE latin_back");
}

static void test_patterns_on_the_server(void **state)
{
    NEED_SERVER();
    static const char *const good[] = {"app.\"Order \"*", "EMPTY"}, *const typo[] = {"emty"},
                             *const blind[] = {"\"Order Lines\""};
    struct pgd_config config = config_of("shop");
    config.tables = (kist_list){good, 2};
    assert_int_equal(dump(&config), 0);
    config.exclude_tables = (kist_list){typo, 1};
    assert_int_equal(dump(&config), KIST_ERR_CONFIG);
    assert_string_equal(test.err.message, "exclude_tables: 'emty' matches nothing in database 'shop'");
    config.exclude_tables =
        (kist_list){blind, 1}; /* not in the search path, so pg_dump would not find it either */
    assert_int_equal(dump(&config), KIST_ERR_CONFIG);
    config.exclude_tables.count = 0;
    config.schemas = (kist_list){typo, 1};
    assert_int_equal(dump(&config), KIST_ERR_CONFIG);
}

static void test_failures_of_the_server(void **state)
{
    NEED_SERVER();
    struct pgd_config config = config_of("no_such_database");
    assert_int_equal(dump(&config), KIST_ERR_NOT_FOUND);
    config = config_of("shop");
    snprintf(url, sizeof url, "postgresql://nobody_here@/shop?host=%s", socket_folder);
    assert_int_equal(dump(&config), KIST_ERR_AUTH);
    assert_int_equal(test.err.retryable, 0);
    snprintf(url, sizeof url, "postgresql://reader@/shop?host=%s", socket_folder);
    assert_int_equal(dump(&config), KIST_ERR_AUTH);
    assert_non_null(strstr(test.err.hint, "pg_read_all_data"));
    snprintf(url, sizeof url, "postgresql://postgres@/shop?host=%s&port=1", socket_folder);
    assert_int_equal(dump(&config), KIST_ERR_UNAVAILABLE);
    assert_int_equal(test.err.retryable, 1);
}

static void test_conflict_rolls_back(void **state)
{
    NEED_SERVER();
    struct pgd_config config = config_of("shop");
    assert_int_equal(dump(&config), 0);
    /* An empty schema is not in the way, until pg_restore meets it. */
    cluster_sql("postgres", "CREATE DATABASE conflict");
    cluster_sql("conflict", "CREATE SCHEMA app");
    assert_int_equal(restore(&config, KIST_RESTORE_APPLY, "conflict", 0, saved.size), KIST_ERR_FAILED);
    assert_non_null(strstr(test.err.message, "schema \"app\" already exists"));
    assert_int_equal(cluster_sql("conflict", "SELECT count(*) FROM pg_class WHERE relname = 'empty'"), 0);
    assert_int_equal(cluster_sql("conflict", "SELECT count(*) FROM pg_largeobject_metadata"), 0);
    cluster_sql("postgres", "DROP DATABASE conflict");
}

static void *terminate_backends(void *arg)
{
    for (int i = 0; i < 500 && !*(volatile int *)arg; i++) {
        if (cluster_sql("postgres", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                    "WHERE datname = 'shop' AND query LIKE 'COPY%'") > 0)
            break;
        usleep(2000);
    }
    return NULL;
}

static void test_backend_killed(void **state)
{
    NEED_SERVER();
    struct pgd_config config = config_of("shop");
    volatile int done = 0;
    pthread_t thread;
    cluster_sql("shop", "CREATE TABLE big AS SELECT repeat('x', 1000) || g AS t FROM generate_series(1, 50000) g");
    pthread_create(&thread, NULL, terminate_backends, (void *)&done);
    int code = dump(&config);
    done = 1;
    pthread_join(thread, NULL);
    cluster_sql("shop", "DROP TABLE big");
    assert_int_equal(code, KIST_ERR_UNAVAILABLE);
    assert_non_null(strstr(test.err.message, "pg_dump exited with status 1"));
}

int server_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_custom_there_and_back), TEST(test_plain_there_and_back),   TEST(test_cut_streams_change_nothing),
        TEST(test_encoding_comes_back),   TEST(test_patterns_on_the_server), TEST(test_failures_of_the_server),
        TEST(test_conflict_rolls_back),   TEST(test_backend_killed),
    };
    return cmocka_run_group_tests_name("server", tests, start_server, stop_server);
}
