#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bind_fixture.h"

static void values_reach_their_fields(void **state)
{
    struct bound *bound = *state;
    bind_source(bound,
                "[source db]\nurl = postgres://u:hunter2@h/db\nhost = example.org\nport = 1\nformat = plain\n"
                "tables = a, b,\n  c d ,\n ,\nlock_timeout = 2m\n");
    assert_int_equal(bound->problems.count, 0);
    assert_string_equal(bound->source.url.reveal, "postgres://u:hunter2@h/db");
    assert_string_equal(bound->source.host, "example.org");
    assert_int_equal(bound->source.port, 1);
    assert_int_equal(bound->source.format.index, 1);
    assert_int_equal(bound->source.tables.count, 3);
    assert_string_equal(bound->source.tables.items[0], "a");
    assert_string_equal(bound->source.tables.items[2], "c d");
    assert_int_equal(bound->source.lock_timeout.ms, 120000);
}

static void defaults_are_applied(void **state)
{
    struct bound *bound = *state;
    bind_source(bound, "[source db]\n");
    assert_int_equal(bound->problems.count, 0);
    assert_null(bound->source.url.reveal);
    assert_null(bound->source.host);
    assert_int_equal(bound->source.port, 5432);
    assert_int_equal(bound->source.format.index, 0);
    assert_int_equal(bound->source.never.index, -1);
    assert_int_equal(bound->source.tables.count, 0);
    assert_int_equal(bound->source.lock_timeout.ms, 30000);
    bind(bound, &fake_destination, &bound->destination, "[destination d]\npath = /x\nrequire_mount = yes\n");
    assert_int_equal(bound->problems.count, 0);
    assert_true(bound->destination.part_size.bytes == 16 << 20);
    assert_int_equal(bound->destination.require_mount.on, 1);
}

static void bad_values_are_refused(void **state)
{
    static const struct {
        const char *line, *message, *hint;
    } cases[] = {
        {"port = 0", "port: '0' is out of range: 1 to 65535 are allowed", NULL},
        {"port = -1", "port: '-1' is out of range: 1 to 65535 are allowed", NULL},
        {"port = 1e3", "port: '1e3' is not a whole number", NULL},
        {"port = 99999999999999999999", "port: the number '99999999999999999999' is too large", NULL},
        {"port =", "port: the value is empty", NULL},
        {"format = custon", "format: 'custon' is none of custom|plain", "did you mean 'custom'?"},
        {"format =", "format: the value is empty", NULL},
        {"lock_timeout = 7", "lock_timeout: '7' is not a duration",
         "a whole number with a unit: 250ms, 30s, 5m, 2h, 7d, 1w"},
        {"lock_timeout = 2d", "lock_timeout: '2d' is out of range: 1s to 1h are allowed", NULL},
        {"lock_timeout = 30s\n  5m", "lock_timeout: '30s\n5m' is not a duration", NULL},
        {"prot = 1", "prot: unknown key", "did you mean 'port'?"},
        {"HOST = x", "HOST: unknown key", "did you mean 'host'?"},
        {"ulr_file = x", "ulr_file: unknown key", "did you mean 'url_file'?"},
        {"bucket = x", "bucket: unknown key",
         "the keys of this section are url, host, port, format, tables, "
         "lock_timeout, never"},
        {"host = https://u:hunter2@h/", "host: a URL with a password, but this option is not kept secret", NULL},
    };
    struct bound *bound = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256], message[256];
        snprintf(text, sizeof text, "\n[source db%zu]\n%s\n", i, cases[i].line);
        snprintf(message, sizeof message, "a.ini:3: [source db%zu] %s", i, cases[i].message);
        bind_source(bound, text);
        expect_problem(bound, message, cases[i].hint);
    }
}

static void required_options_must_be_given(void **state)
{
    struct bound *bound = *state;
    bind(bound, &fake_destination, &bound->destination, "[destination d]\npart_size = 5GB5\n");
    assert_int_equal(bound->problems.count, 2);
    assert_string_equal(bound->problems.items[0].message,
                        "a.ini:1: [destination d] path: required, but not given");
    assert_string_equal(bound->problems.items[0].hint, "path = ...: directory of the store");
    assert_string_equal(bound->problems.items[1].message,
                        "a.ini:2: [destination d] part_size: '5GB5' is not a size");
    bind(bound, &fake_destination, &bound->destination, "[destination e]\npath =\n");
    expect_problem(bound, "a.ini:2: [destination e] path: the value is empty", NULL);
}

static void broken_tables_do_no_harm(void **state)
{
    struct bound *bound = *state;
    const struct kist_option rows[] = {
        {.name = "beyond", .type = KIST_TYPE_STRING, .offset = 8, .size = 8},
        {.name = "wraps", .type = KIST_TYPE_STRING, .offset = UINT64_MAX - 7, .size = 8},
        {.name = "wide", .type = KIST_TYPE_STRING, .offset = 0, .size = 16},
        {.name = "odd", .type = KIST_TYPE_STRING, .offset = 4, .size = 8},
        {.name = "choices", .type = KIST_TYPE_CHOICE, .offset = 0, .size = 4},
        {.name = "inner", .type = KIST_TYPE_SOURCE, .offset = 0, .size = 8},
        {.name = "newer", .type = 999, .offset = 0, .size = 8},
        {.name = "bad", .type = KIST_TYPE_INTEGER, .offset = 0, .size = 8, .def = "x"},
        KIST_OPTION_END,
    };
    static const char text[] = "[source x]\nnewer = 1\n";
    const struct kist_option_table table = {.rows = rows, .count = 8, .size = 12};
    char config[12] = {0};
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    kist_ini_parse(&bound->ini, &bound->file, text, sizeof text - 1, &bound->list);
    const struct kist_bind_scope scope = {.vault = &bound->vault,
                                          .problems = &bound->list,
                                          .section = bound->ini.last,
                                          .place = kist_ini_place(bound->ini.last, NULL)};
    kist_bind(&scope, &table, config);
    assert_int_equal(kist_problem_list_give(&bound->list, &bound->problems, &err), 0);
    assert_int_equal(bound->problems.count, 8);
    assert_string_equal(bound->problems.items[7].message,
                        "a.ini:2: [source x] newer: this version of kist does not know options of this type");
}

struct store_config {
    kist_store_ref from;
};

static const struct kist_option store_rows[] = {
    KIST_OPTION(struct store_config, from, .flags = KIST_OPTION_REQUIRED, .help = "store"),
    KIST_OPTION_END,
};
static const struct kist_option_table store_table = {.rows = store_rows, .count = 1, .size = sizeof(struct store_config)};

/* Binds the last section of `text`, with the others around it. */
static struct store_config bind_store(struct bound *bound, const char *text)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    struct store_config config = {.from = {NULL}};
    kist_ini_parse(&bound->ini, &bound->file, text, strlen(text), &bound->list);
    const struct kist_bind_scope scope = {.vault = &bound->vault,
                                          .problems = &bound->list,
                                          .section = bound->ini.last,
                                          .place = kist_ini_place(bound->ini.last, NULL),
                                          .ini = &bound->ini};
    kist_bind(&scope, &store_table, &config);
    kist_config_problems_done(&bound->problems);
    assert_int_equal(kist_problem_list_give(&bound->list, &bound->problems, &err), 0);
    return config;
}

static void stores_are_named_by_their_sections(void **state)
{
    struct bound *bound = *state;
    struct store_config config =
        bind_store(bound, "[destination media]\nx = 1\n[source archive]\nx = 1\n[source a]\nfrom = media\n");
    assert_int_equal(bound->problems.count, 0);
    assert_string_equal(config.from.name, "media");
    const struct store_config same = bind_store(bound, "[source b]\nfrom = media\n");
    assert_true(kist_bind_equal(&store_table, &config, &same));
    const struct store_config other = bind_store(bound, "[destination m2]\nx = 1\n[source c]\nfrom = m2\n");
    assert_false(kist_bind_equal(&store_table, &config, &other));
    bind_store(bound, "[source d]\nfrom = meida\n");
    expect_problem(bound, "a.ini:2: [source d] from: there is no [destination meida]", "did you mean 'media'?");
    bind_store(bound, "[source e]\nfrom = archive\n");
    assert_int_equal(bound->problems.count, 1);
    bind_store(bound, "[source f]\nfrom =\n");
    expect_problem(bound, "a.ini:2: [source f] from: the value is empty", NULL);
}

static void equal_structs_are_equal(void **state)
{
    struct bound *bound = *state;
    struct fake_source_config other = {.host = NULL};
    const struct kist_option_table table = kist_option_table_of(&fake_source, &bound->vault);
    bind_source(bound, "[source a]\nurl = x\ntables = a, b\nport = 1\n");
    bind(bound, &fake_source, &other, "[source b]\ntables = a\n  b\nport = 1\nurl = x\n");
    assert_true(kist_bind_equal(&table, &bound->source, &other));
    other.port = 2;
    assert_false(kist_bind_equal(&table, &bound->source, &other));
    other.port = 1;
    other.url.reveal = "y";
    assert_false(kist_bind_equal(&table, &bound->source, &other));
    other.url.reveal = "x";
    other.host = "h";
    assert_false(kist_bind_equal(&table, &bound->source, &other));
    other.host = NULL;
    other.tables.count = 1;
    assert_false(kist_bind_equal(&table, &bound->source, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_reach_their_fields, begin, end),
        cmocka_unit_test_setup_teardown(defaults_are_applied, begin, end),
        cmocka_unit_test_setup_teardown(bad_values_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(required_options_must_be_given, begin, end),
        cmocka_unit_test_setup_teardown(broken_tables_do_no_harm, begin, end),
        cmocka_unit_test_setup_teardown(stores_are_named_by_their_sections, begin, end),
        cmocka_unit_test_setup_teardown(equal_structs_are_equal, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
