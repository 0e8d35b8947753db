/* What a source counted: kept, read again from a manifest of anybody's, and compared with what a restore holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "counts.h"

static struct kist_error err = KIST_ERROR_INIT;
static struct kist_counts saved, found;
static struct kist_comparison comparison;

static int teardown(void **state)
{
    (void)state;
    kist_counts_done(&saved);
    kist_counts_done(&found);
    kist_comparison_done(&comparison);
    kist_error_clear(&err);
    return 0;
}

static void add(struct kist_counts *counts, const struct kist_count *count)
{
    assert_int_equal(kist_counts_add(counts, count), 0);
}

#define SAVED(...) add(&saved, &(struct kist_count){__VA_ARGS__})
#define FOUND(...) add(&found, &(struct kist_count){__VA_ARGS__})

static void compare(void)
{
    kist_comparison_done(&comparison);
    assert_int_equal(kist_counts_compare(&saved, &found, &comparison, &err), 0);
    if (comparison.differences)
        assert_null(comparison.differences[comparison.difference_count]);
    if (comparison.skipped)
        assert_null(comparison.skipped[comparison.skipped_count]);
    assert_int_equal(kist_comparison_result(&comparison, &err),
                     comparison.difference_count ? KIST_ERR_CORRUPT : 0);
}

/* ---- keeping ---- */

static void keeping_and_summing(void **state)
{
    (void)state;
    char name[] = "public.a";
    assert_int_equal(kist_counts_rows(&saved), -1);
    SAVED(.kind = "sequence", .name = "public.a", .number = 70);
    assert_int_equal(kist_counts_rows(&saved), -1);
    SAVED(.kind = "table", .name = name, .number = 5, .hash = "00ff", .note = "n");
    name[0] = 'x'; /* strings are copied */
    SAVED(.kind = "table", .name = "public.b", .number = -1);
    SAVED(.kind = "table", .name = "public.c", .number = 1000, .flags = KIST_COUNT_ESTIMATE);
    SAVED(.kind = "table", .name = "public.d", .number = 0);
    assert_int_equal(kist_counts_rows(&saved), 5);
    assert_string_equal(saved.items[0].name, "public.a");
    assert_string_equal(saved.items[1].name, "public.a");
    SAVED(.kind = "table", .name = "public.e", .number = INT64_MAX);
    assert_int_equal(kist_counts_rows(&saved), INT64_MAX);
    assert_int_equal(kist_counts_check(&saved, &err), 0);
}

static void nonsense_of_a_source(void **state)
{
    (void)state;
    static const struct kist_count nonsense[] = {
        {.kind = NULL, .name = "a"},
        {.kind = "", .name = "a"},
        {.kind = "Table", .name = "a"},
        {.kind = "ta ble", .name = "a"},
        {.kind = "table", .name = NULL},
        {.kind = "table", .name = ""},
        {.kind = "table", .name = "a\xff"},
        {.kind = "table", .name = "a", .note = "\xc3("},
        {.kind = "table", .name = "a", .hash = ""},
        {.kind = "table", .name = "a", .hash = "a b"},
        {.kind = "table", .name = "a", .number = -2},
        {.kind = "table", .name = "a", .number = INT64_MIN},
    };
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        assert_int_equal(kist_counts_add(&saved, &nonsense[i]), KIST_ERR_BUG);
        assert_true(saved.failed);
        assert_int_equal(kist_counts_check(&saved, &err), KIST_ERR_BUG);
        assert_non_null(strstr(err.message, "that is no count"));
        /* It stays so, whatever comes after it. */
        assert_int_not_equal(kist_counts_add(&saved, &(struct kist_count){.kind = "table", .name = "a"}), 0);
        assert_int_equal(kist_counts_compare(&saved, &found, &comparison, &err), KIST_ERR_BUG);
        assert_int_equal(kist_counts_compare(&found, &saved, &comparison, &err), KIST_ERR_BUG);
        kist_counts_done(&saved);
    }
    assert_int_not_equal(
        kist_counts_add(&saved, &(struct kist_count){.kind = "sequence", .name = "s\n", .number = -50}), 0);
    assert_int_equal(kist_counts_check(&saved, &err), KIST_ERR_BUG);
    assert_string_equal(err.message, "the source counted 'sequence' 's\\n' as -50: that is no count");
    kist_counts_done(&saved);
    SAVED(.kind = "table", .name = "a");
    SAVED(.kind = "sequence", .name = "a");
    assert_int_equal(kist_counts_check(&saved, &err), 0);
    SAVED(.kind = "table", .name = "a", .number = 3);
    assert_int_equal(kist_counts_check(&saved, &err), KIST_ERR_BUG);
    assert_string_equal(err.message, "the source counted the table 'a' twice");
    assert_int_equal(kist_counts_compare(&found, &saved, &comparison, &err), KIST_ERR_BUG);
}

/* ---- in a manifest ---- */

static void round_trip(void **state)
{
    (void)state;
    SAVED(.kind = "table", .name = "public.\"a\nb\"", .number = INT64_MAX, .hash = "md5:00FF+/=");
    SAVED(.kind = "table", .name = "far", .number = -1, .note = "a foreign table");
    SAVED(.kind = "sequence", .name = "s", .number = 4, .flags = KIST_COUNT_AT_LEAST);
    SAVED(.kind = "extension", .name = "e", .number = 1, .flags = KIST_COUNT_PRESENT);
    SAVED(.kind = "table", .name = "guess", .number = 9, .flags = KIST_COUNT_ESTIMATE);
    json_t *json = kist_counts_json(&saved);
    json_t *expected =
        json_loads("[{\"kind\": \"table\", \"name\": \"public.\\\"a\\nb\\\"\", \"number\": 9223372036854775807,"
                   "  \"hash\": \"md5:00FF+/=\"},"
                   " {\"kind\": \"table\", \"name\": \"far\", \"number\": -1, \"note\": \"a foreign table\"},"
                   " {\"kind\": \"sequence\", \"name\": \"s\", \"number\": 4, \"compare\": \"at least\"},"
                   " {\"kind\": \"extension\", \"name\": \"e\", \"number\": 1, \"compare\": \"present\"},"
                   " {\"kind\": \"table\", \"name\": \"guess\", \"number\": 9, \"compare\": \"no\"}]",
                   0, NULL);
    assert_non_null(expected);
    assert_true(json_equal(json, expected));
    assert_int_equal(kist_counts_parse(json, &found, &err), 0);
    assert_int_equal(found.count, saved.count);
    for (size_t i = 0; i < saved.count; i++) {
        assert_int_equal(found.items[i].flags, saved.items[i].flags);
        assert_int_equal(found.items[i].number, saved.items[i].number);
        assert_string_equal(found.items[i].name, saved.items[i].name);
    }
    json_t *again = kist_counts_json(&found);
    assert_true(json_equal(json, again));
    json_decref(again);
    json_decref(expected);
    json_decref(json);
}

static void odd_documents(void **state)
{
    (void)state;
#define ENTRY(kind, name, number, more) "[{\"kind\": " kind ", \"name\": " name ", \"number\": " number more "}]"
    static const char *const documents[] = {
        "{}",
        "null",
        "3",
        "\"table\"",
        "[1]",
        "[null]",
        "[[]]",
        "[{}]",
        "[{\"kind\": \"table\", \"name\": \"a\"}]",
        "[{\"kind\": \"table\", \"number\": 1}]",
        "[{\"name\": \"a\", \"number\": 1}]",
        ENTRY("\"\"", "\"a\"", "1", ""),
        ENTRY("\"Table\"", "\"a\"", "1", ""),
        ENTRY("\"t1\"", "\"a\"", "1", ""),
        ENTRY("\"t\\u0000\"", "\"a\"", "1", ""),
        ENTRY("1", "\"a\"", "1", ""),
        ENTRY("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", "\"a\"", "1", ""),
        ENTRY("\"table\"", "\"\"", "1", ""),
        ENTRY("\"table\"", "\"a\\u0000b\"", "1", ""),
        ENTRY("\"table\"", "null", "1", ""),
        ENTRY("\"table\"", "[]", "1", ""),
        ENTRY("\"table\"", "\"a\"", "-2", ""),
        ENTRY("\"table\"", "\"a\"", "1.0", ""),
        ENTRY("\"table\"", "\"a\"", "\"1\"", ""),
        ENTRY("\"table\"", "\"a\"", "true", ""),
        ENTRY("\"table\"", "\"a\"", "-9223372036854775808", ""),
        ENTRY("\"table\"", "\"a\"", "1", ", \"hash\": \"\""),
        ENTRY("\"table\"", "\"a\"", "1", ", \"hash\": 1"),
        ENTRY("\"table\"", "\"a\"", "1", ", \"hash\": \"a\\u001b[2J\""),
        ENTRY("\"table\"", "\"a\"", "1", ", \"hash\": null"),
        ENTRY("\"table\"", "\"a\"", "1", ", \"note\": 1"),
        ENTRY("\"table\"", "\"a\"", "1", ", \"note\": \"a\\u0000\""),
        ENTRY("\"table\"", "\"a\"", "1", ", \"compare\": \"\""),
        ENTRY("\"table\"", "\"a\"", "1", ", \"compare\": \"yes\""),
        ENTRY("\"table\"", "\"a\"", "1", ", \"compare\": 1"),
        "[{\"kind\": \"table\", \"name\": \"a\", \"number\": 1}, {\"kind\": \"t\", \"name\": \"a\", \"number\": "
        "1},"
        " {\"kind\": \"table\", \"name\": \"a\", \"number\": 2}]",
    };
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        json_t *json = json_loads(documents[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(json);
        if (kist_counts_parse(json, &saved, &err) != KIST_ERR_CORRUPT)
            fail_msg("taken for counts: %s", documents[i]);
        assert_int_equal(saved.count, 0);
        json_decref(json);
    }
    json_t *empty = json_array();
    assert_int_equal(kist_counts_parse(empty, &saved, &err), 0);
    json_decref(empty);
}

static void too_many(void **state)
{
    (void)state;
    const struct kist_count count = {.kind = "table", .name = "t", .number = 1};
    for (int i = 0; i < 1000000; i++)
        add(&saved, &count);
    assert_int_equal(kist_counts_rows(&saved), 1000000);
    assert_int_equal(kist_counts_add(&saved, &count), KIST_ERR_BUG);
    assert_true(saved.failed);
    assert_int_equal(saved.count, 1000000);
}

/* ---- comparing ---- */

static void what_is_equal(void **state)
{
    (void)state;
    SAVED(.kind = "table", .name = "b", .number = 5, .hash = "aa");
    SAVED(.kind = "table", .name = "a", .number = 0);
    SAVED(.kind = "sequence", .name = "s", .number = 5, .flags = KIST_COUNT_AT_LEAST);
    SAVED(.kind = "sequence", .name = "z", .number = 5, .flags = KIST_COUNT_AT_LEAST);
    SAVED(.kind = "extension", .name = "e", .number = 1, .flags = KIST_COUNT_PRESENT);
    SAVED(.kind = "role", .name = "r", .number = -1, .flags = KIST_COUNT_PRESENT);
    SAVED(.kind = "table", .name = "guess", .number = 100, .flags = KIST_COUNT_ESTIMATE);
    FOUND(.kind = "sequence", .name = "s", .number = 5);
    FOUND(.kind = "sequence", .name = "z", .number = 50);
    FOUND(.kind = "table", .name = "a", .number = 0, .hash = "whatever");
    FOUND(.kind = "table", .name = "b", .number = 5, .hash = "aa");
    FOUND(.kind = "table", .name = "more", .number = 5); /* of no matter: a source gives what was asked */
    FOUND(.kind = "extension", .name = "e", .number = 2);
    FOUND(.kind = "role", .name = "r", .number = -1);
    compare();
    assert_int_equal(comparison.compared, 6);
    assert_int_equal(comparison.tables, 2);
    assert_int_equal(comparison.rows, 5);
    assert_int_equal(comparison.difference_count, 0);
    assert_int_equal(comparison.skipped_count, 0);
}

static void what_differs(void **state)
{
    (void)state;
    SAVED(.kind = "table", .name = "public.orders", .number = 1005);
    SAVED(.kind = "table", .name = "public.more", .number = 1);
    SAVED(.kind = "table", .name = "public.gone", .number = 0);
    SAVED(.kind = "table", .name = "public.hash", .number = 3, .hash = "aa");
    SAVED(.kind = "table", .name = "public.lost", .number = 3);
    SAVED(.kind = "sequence", .name = "public.s", .number = 7, .flags = KIST_COUNT_AT_LEAST);
    SAVED(.kind = "extension", .name = "citext", .number = 1, .flags = KIST_COUNT_PRESENT);
    SAVED(.kind = "large_objects", .name = "large_objects", .number = 4);
    FOUND(.kind = "table", .name = "public.orders", .number = 1004);
    FOUND(.kind = "table", .name = "public.more", .number = 2);
    FOUND(.kind = "table", .name = "public.hash", .number = 3, .hash = "ab");
    FOUND(.kind = "table", .name = "public.lost", .number = -1, .note = "permission\ndenied");
    FOUND(.kind = "sequence", .name = "public.s", .number = 6);
    FOUND(.kind = "sequence", .name = "citext", .number = 6);
    FOUND(.kind = "large_objects", .name = "large_objects", .number = 3);
    compare();
    static const char *const differences[] = {
        "table public.orders: 1,005 rows were saved, 1,004 are here",
        "table public.more: 1 rows were saved, 2 are here",
        "table public.gone is missing",
        "table public.hash: as many are here as were saved, but their content is another",
        "table public.lost: 3 rows were saved, here they were not counted: permission\\ndenied",
        "sequence public.s: its value was at least 7, here it is 6",
        "extension citext is missing",
        "large objects: 4 were saved, 3 are here",
    };
    assert_int_equal(comparison.difference_count, sizeof differences / sizeof *differences);
    for (size_t i = 0; i < comparison.difference_count; i++)
        assert_string_equal(comparison.differences[i], differences[i]);
    assert_int_equal(comparison.compared, 8);
    assert_non_null(strstr(err.message, "1,004 are here; table public.more"));
    assert_non_null(strstr(err.message, "; and 3 more"));
}

static void what_cannot_be_compared(void **state)
{
    (void)state;
    SAVED(.kind = "table", .name = "far", .number = -1, .note = "a foreign table");
    SAVED(.kind = "table", .name = "geo", .number = 5);
    SAVED(.kind = "extension", .name = "postgis", .number = 1, .flags = KIST_COUNT_PRESENT);
    SAVED(.kind = "table", .name = "a", .number = 5);
    FOUND(.kind = "table", .name = "geo", .number = -1, .flags = KIST_COUNT_SKIPPED, .note = "needs postgis");
    FOUND(.kind = "extension", .name = "postgis", .number = -1, .flags = KIST_COUNT_SKIPPED);
    FOUND(.kind = "table", .name = "a", .number = 5);
    compare();
    assert_int_equal(comparison.difference_count, 0);
    assert_int_equal(comparison.compared, 1);
    assert_int_equal(comparison.rows, 5);
    assert_int_equal(comparison.skipped_count, 2);
    assert_string_equal(comparison.skipped[0], "table geo: needs postgis");
    assert_string_equal(comparison.skipped[1], "extension postgis: it cannot be compared");
    assert_int_equal(comparison.uncounted_count, 1);
    assert_string_equal(comparison.uncounted[0], "table far: a foreign table");
}

/* Given in the order that is worst for whoever looks at all of them each time. */
static void a_hundred_thousand_tables(void **state)
{
    (void)state;
    char name[30];
    clock_t begun = clock();
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "public.t%d", i);
        SAVED(.kind = "table", .name = name, .number = i);
        snprintf(name, sizeof name, "public.t%d", 99999 - i);
        FOUND(.kind = "table", .name = name, .number = 99999 - i + (99999 - i == 77777));
    }
    compare();
    assert_int_equal(comparison.compared, 100000);
    assert_int_equal(comparison.rows, 99999LL * 50000);
    assert_int_equal(comparison.difference_count, 1);
    assert_string_equal(comparison.differences[0], "table public.t77777: 77,777 rows were saved, 77,778 are here");
    for (size_t i = 0; i < found.count; i++)
        found.items[i].number++;
    compare();
    assert_int_equal(comparison.difference_count, 100000);
    /* Of the processor, sanitizers and all; looking at all of them each time would take minutes. */
    assert_true(clock() - begun < 20 * CLOCKS_PER_SEC);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(keeping_and_summing),
        TEST(nonsense_of_a_source),
        TEST(round_trip),
        TEST(odd_documents),
        TEST(too_many),
        TEST(what_is_equal),
        TEST(what_differs),
        TEST(what_cannot_be_compared),
        TEST(a_hundred_thousand_tables),
    };
    return cmocka_run_group_tests_name("counts", tests, NULL, NULL);
}
