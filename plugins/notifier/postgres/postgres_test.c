/* What is written and where, without a server; tests/e2e/test_notify_postgres.py has one. */
#include "postgres.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct kist_notifier kist_plugin;

#define URL "postgresql://u:s3cret-word@127.0.0.1:1/db"

static struct pgn_config config_for(const char *url)
{
    return (struct pgn_config){.url = {url},
                               .table = "Setting",
                               .key_column = "key",
                               .value_column = "value",
                               .success_key = "lastBackupDate",
                               .full_key = "lastFullBackupDate"};
}

static void test_ids(void **state)
{
    (void)state;
    assert_int_equal(pgn_id_time("2026-11-21T02-00-00Z"), 1795226400);
    assert_int_equal(pgn_id_time("1970-01-01T00-00-00Z"), 0);
    assert_int_equal(pgn_id_time(NULL), -1);
    assert_int_equal(pgn_id_time(""), -1);
    assert_int_equal(pgn_id_time("2026-11-21T02:00:00Z"), -1);
    assert_int_equal(pgn_id_time("2026-11-21T02-00-00Zx"), -1);
    assert_int_equal(pgn_id_time("2026-13-21T02-00-00Z"), -1);
}

static void test_tables(void **state)
{
    static const char *const good[][3] = {
        {"Setting", NULL, "Setting"},
        {"app.Setting", "app", "Setting"},
        {"\"my.table\"", NULL, "my.table"},
        {"\"a\"\"b\".\"c\"", "a\"b", "c"},
        {"x; drop table y; --", NULL, "x; drop table y; --"},
        {"\"\"\"; drop table x; --\"", NULL, "\"; drop table x; --"},
        {"two\nlines", NULL, "two\nlines"},
    };
    static const char *const bad[] = {"",     ".",    "a.",     ".a",     "a.b.c", "\"a",
                                      "\"\"", "a\"b", "\"a\"b", "\"a\".", "\"",    "\"\"\""};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char *schema = NULL, *table = NULL;
        assert_int_equal(pgn_table_read(good[i][0], &schema, &table), 0);
        assert_string_equal(table, good[i][2]);
        assert_true(good[i][1] ? schema && strcmp(schema, good[i][1]) == 0 : !schema);
        free(schema);
        free(table);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *schema = NULL, *table = NULL;
        assert_int_equal(pgn_table_read(bad[i], &schema, &table), -1);
        assert_null(schema);
        assert_null(table);
    }
}

static struct kist_event event_of(uint32_t kind, const char *word)
{
    return (struct kist_event){.struct_size = sizeof(struct kist_event),
                               .kind = kind,
                               .word = word,
                               .pipeline = "p",
                               .summary = "what happened",
                               .backup = "2026-11-21T02-00-00Z",
                               .started_ms = INT64_C(1795226400000),
                               .finished_ms = INT64_C(1795226460000),
                               .stored_size = 4711};
}

/* "key=value;..." with a '>' in front of a value that only replaces older ones. */
static void check(const struct pgn_config *config, const struct kist_event *event, const char *expected)
{
    struct pgn_entries entries;
    char text[512] = "";
    assert_int_equal(pgn_entries_make(config, event, &entries), 0);
    for (size_t i = 0; i < entries.count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s=%s%s;", entries.items[i].key,
                 entries.items[i].only_newer ? ">" : "", entries.items[i].value);
    assert_string_equal(text, expected);
    pgn_entries_done(&entries);
}

static void test_entries(void **state)
{
#define DATES "lastBackupDate=2026-11-21T02:00:00.000Z;lastFullBackupDate=2026-11-21T02:00:00.000Z;"
#define OLD_DATES "lastBackupDate=>2026-11-21T02:00:00.000Z;lastFullBackupDate=>2026-11-21T02:00:00.000Z;"
    struct pgn_config config = config_for(URL);
    struct kist_event event = event_of(KIST_EVENT_SUCCESS, "success");
    (void)state;
    check(&config, &event, DATES);
    config.status_key = "s";
    config.error_key = "e";
    config.size_key = "n";
    config.id_key = "i";
    check(&config, &event, DATES "i=2026-11-21T02-00-00Z;n=4711;s=success;e=;");
    event = event_of(KIST_EVENT_DEGRADED, "degraded");
    event.cause = "no space";
    check(&config, &event, DATES "i=2026-11-21T02-00-00Z;n=4711;s=degraded;e=no space;");
    event = event_of(KIST_EVENT_RECOVERY, "recovery");
    event.stored_size = -1;
    check(&config, &event, DATES "i=2026-11-21T02-00-00Z;s=recovery;e=;");
    event = event_of(KIST_EVENT_SUSPECT, "suspect");
    check(&config, &event, "s=suspect;e=what happened;");
    event = event_of(KIST_EVENT_FAILURE, "failure");
    event.cause = "no such database";
    check(&config, &event, "s=failure;e=no such database;");
    event = event_of(99, "novelty");
    check(&config, &event, "s=novelty;e=what happened;");
    /* Of an older backup that was proved, and of one that was told late. */
    event = event_of(KIST_EVENT_SUCCESS, "success");
    event.started_ms += 3600000;
    check(&config, &event, OLD_DATES);
    event = event_of(KIST_EVENT_SUCCESS, "success");
    event.late = 1;
    check(&config, &event, OLD_DATES);
    event = event_of(KIST_EVENT_FAILURE, "failure");
    event.late = 1;
    check(&config, &event, "");
    event = event_of(KIST_EVENT_SUCCESS, "success");
    event.backup = NULL;
    check(&config, &event, "s=success;e=;");
}

static void test_formats(void **state)
{
    struct pgn_config config = config_for(URL);
    struct kist_event event = event_of(KIST_EVENT_SUCCESS, "success");
    (void)state;
    config.full_key = "";
    config.value_format.index = PGN_EPOCH;
    check(&config, &event, "lastBackupDate=1795226400;");
    config.value_format.index = PGN_EPOCH_MS;
    check(&config, &event, "lastBackupDate=1795226400000;");
    config.full_key = config.success_key;
    check(&config, &event, "lastBackupDate=1795226400000;");
    config.success_key = config.full_key = NULL;
    check(&config, &event, "");
}

static int open_with(struct kist_test_host *test, const struct pgn_config *config)
{
    void *self = NULL;
    kist_test_host_clear(test);
    int code = kist_plugin.open(&test->host, config, &self, &test->err);
    kist_plugin.close(self);
    if (code)
        assert_null(strstr(test->err.message, "s3cret"));
    return code;
}

static void test_options(void **state)
{
    struct kist_test_host test;
    (void)state;
    assert_int_equal(kist_test_host_init(&test), 0);
    struct pgn_config config = config_for(URL);
    assert_int_equal(open_with(&test, &config), 0);
    config.table = "a.b.c";
    assert_int_equal(open_with(&test, &config), KIST_ERR_CONFIG);
    config = config_for(URL);
    config.value_column = "key";
    assert_int_equal(open_with(&test, &config), KIST_ERR_CONFIG);
    static const char *const bad[] = {
        "mysql://u:s3cret@h/d",    "postgresql://u:s3cret@h/d?nonsense=1", "postgresql://h/d",
        "postgresql://u:s3cret@h", "postgresql://u:s3cret@h/d?service=x",  ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        config = config_for(bad[i]);
        assert_int_equal(open_with(&test, &config), KIST_ERR_CONFIG);
    }
    kist_test_host_done(&test);
}

static void test_nobody_there(void **state)
{
    struct kist_test_host test;
    struct pgn_config config = config_for(URL);
    struct kist_event event = event_of(KIST_EVENT_SUCCESS, "success");
    void *self = NULL;
    (void)state;
    assert_int_equal(kist_test_host_init(&test), 0);
    assert_int_equal(kist_plugin.open(&test.host, &config, &self, &test.err), 0);
    assert_int_equal(kist_plugin.notify(self, &event, 5000, &test.err), KIST_ERR_UNAVAILABLE);
    assert_null(strstr(test.err.message, "s3cret"));
    kist_test_host_clear(&test);
    kist_test_host_cancel(&test);
    assert_int_not_equal(kist_plugin.notify(self, &event, 5000, &test.err), 0);
    kist_plugin.close(self);
    kist_test_host_done(&test);
}

static void test_an_event_of_the_first_core(void **state)
{
    struct kist_test_host test;
    struct pgn_config config = config_for(URL);
    struct kist_event event = event_of(KIST_EVENT_FAILURE, NULL);
    void *self = NULL;
    (void)state;
    config.status_key = "status";
    kist_test_first_event(&event);
    assert_int_equal(kist_test_host_init(&test), 0);
    assert_int_equal(kist_plugin.open(&test.host, &config, &self, &test.err), 0);
    assert_int_equal(kist_plugin.notify(self, &event, 5000, &test.err), KIST_ERR_UNAVAILABLE);
    kist_plugin.close(self);
    kist_test_host_done(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_an_event_of_the_first_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
