/* Whether a backup is what those before it let expect, and which of those are a measure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes.h"
#include "judge.h"
#include "marks.h"
#include "restore_safety.h"

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define KEY_A "0123456789abcdef0123456789abcdef"

static struct kist_error err = KIST_ERROR_INIT;
static struct kist_config_pipeline shop;
static struct kist_manifest now;
static struct kist_manifest_item item;
static struct fake_disk disk;
static struct kist_config_section section;
static const struct kist_config_section *sections[] = {&section};
static json_t *reasons;

static int setup(void **state)
{
    (void)state;
    fake_disk_init(&disk);
    section = fake_section(&fake_disk_plugin, "disk", &disk);
    shop = (struct kist_config_pipeline){.name = "shop",
                                         .destinations = sections,
                                         .destination_count = 1,
                                         .require = KIST_REQUIRE_ALL,
                                         .max_shrink = 50};
    item = (struct kist_manifest_item){.raw.size = 10 * MIB};
    now = (struct kist_manifest){.items = &item, .item_count = 1};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    json_decref(reasons);
    reasons = NULL;
    kist_counts_done(&now.counts);
    fake_disk_done(&disk);
    kist_error_clear(&err);
    return 0;
}

/* How many reasons there are. */
static size_t judge(const struct kist_past *past, size_t count)
{
    json_decref(reasons);
    reasons = NULL;
    assert_int_equal(kist_judge(&shop, &now, past, count, &reasons, &err), 0);
    assert_true(!reasons || json_array_size(reasons) > 0);
    return json_array_size(reasons);
}

static const char *reason(size_t index)
{
    const char *text = json_string_value(json_array_get(reasons, index));
    assert_non_null(text);
    return text;
}

/* ---- sizes ---- */

static void a_minimal_size(void **state)
{
    (void)state;
    assert_int_equal(judge(NULL, 0), 0);
    shop.min_size = 10 * MIB;
    assert_int_equal(judge(NULL, 0), 0);
    item.raw.size--;
    assert_int_equal(judge(NULL, 0), 1);
    assert_string_equal(reason(0), "10.0 MiB, less than min_size (10.0 MiB)");
    item.raw.size = 0;
    assert_int_equal(judge(NULL, 0), 1);
    assert_string_equal(reason(0), "0 B, less than min_size (10.0 MiB)");
}

static void shrinking(void **state)
{
    (void)state;
    /* In no order; the median is 41 MiB, whatever the outliers are. */
    static const struct kist_past past[] = {
        {900 * MIB, -1}, {41 * MIB, -1}, {40 * MIB, -1}, {42 * MIB, -1}, {0, -1}};
    item.raw.size = 1258291; /* 1.2 MiB */
    assert_int_equal(judge(past, 5), 1);
    assert_string_equal(reason(0), "1.2 MiB, 97 % less than the median of the last five (41.0 MiB)");
    item.raw.size = 41 * MIB / 2;
    assert_int_equal(judge(past, 5), 0);
    item.raw.size--;
    assert_int_equal(judge(past, 5), 1);
    /* Between the two in the middle of an even number: (41 + 900) / 2 of the first four. */
    assert_int_equal(judge(past, 4), 1);
    assert_string_equal(reason(0), "20.5 MiB, 50 % less than the median of the last four (41.5 MiB)");
    assert_int_equal(judge(past, 3), 1);
    assert_non_null(strstr(reason(0), "the last three (41.0 MiB)"));
    /* Two are no measure. */
    item.raw.size = 0;
    assert_int_equal(judge(past, 2), 0);
    assert_int_equal(judge(past, 0), 0);
    assert_int_equal(judge(past, 5), 1);
    assert_non_null(strstr(reason(0), "0 B, 100 % less"));
}

/* What a provider says that it holds is measured otherwise than a dump, and not at all where it says nothing. */
static void what_a_provider_holds(void **state)
{
    (void)state;
    static const struct kist_past dumps[] = {{GIB, 9}, {GIB, 9}, {GIB, 9}};
    static const struct kist_past mixed[] = {
        {100 * GIB, 9, .held = 1}, {GIB, 9}, {100 * GIB, 9, .held = 1}, {1, 9, 1, .unsized = 1}, {90 * GIB, 9, 1, 0}};
    struct kist_manifest_reference reference = {.as.size = 10 * MIB};
    item.reference = &reference;
    assert_int_equal(judge(dumps, 3), 0);
    assert_int_equal(judge(mixed, 5), 1);
    assert_string_equal(reason(0), "10.0 MiB, 99 % less than the median of the last three (100.0 GiB)");
    assert_int_equal(judge(mixed, 4), 0);
    shop.min_size = 11 * MIB;
    assert_int_equal(judge(dumps, 3), 1);
    /* A size that nobody knows is not too small. */
    reference.as.size = -1;
    item.raw.size = 0;
    assert_int_equal(judge(mixed, 5), 0);
    item.reference = NULL;
    item.raw.size = 10 * MIB;
    shop.min_size = 0;
    assert_int_equal(judge(mixed, 5), 0);
    assert_int_equal(judge(dumps, 3), 1);
}

static void how_much_may_be_lost(void **state)
{
    (void)state;
    static const struct kist_past past[] = {{1000, 1000}, {1000, 1000}, {1000, 1000}};
    static const struct {
        int percent;
        uint64_t least;
    } cases[] = {{1, 990}, {50, 500}, {90, 100}, {99, 10}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shop.max_shrink = cases[i].percent;
        item.raw.size = cases[i].least;
        assert_int_equal(judge(past, 3), 0);
        item.raw.size--;
        assert_int_equal(judge(past, 3), 1);
    }
    item.raw.size = 0;
    shop.max_shrink = 0;
    assert_int_equal(judge(past, 3), 0);
    shop.max_shrink = 100;
    assert_int_equal(judge(past, 3), 0);
    /* Nothing overflows. */
    static const struct kist_past huge[] = {
        {UINT64_MAX, INT64_MAX}, {UINT64_MAX, INT64_MAX}, {UINT64_MAX, INT64_MAX}};
    shop.max_shrink = 50;
    item.raw.size = UINT64_MAX / 2 + 1;
    assert_int_equal(judge(huge, 3), 0);
    item.raw.size = UINT64_MAX / 2 - 100;
    assert_int_equal(judge(huge, 3), 1);
}

static void have(const char *kind, const char *name, int64_t number, uint32_t flags)
{
    assert_int_equal(kist_counts_add(&now.counts, &(struct kist_count){.kind = kind,
                                                                       .name = name,
                                                                       .number = number,
                                                                       .flags = flags,
                                                                       .note = number < 0 ? "far away" : NULL}),
                     0);
}

static void fewer_rows(void **state)
{
    (void)state;
    static const struct kist_past past[] = {{MIB, 30000}, {MIB, -1}, {MIB, 30001}, {MIB, 29999}, {MIB, -1}};
    /* As large as ever, and not counted. */
    assert_int_equal(judge(past, 5), 0);
    have("table", "public.a", 1005, 0);
    assert_int_equal(judge(past, 5), 1);
    assert_string_equal(reason(0), "1,005 rows, 96 % less than the median of the last three (30,000 rows)");
    /* Too few that were counted. */
    assert_int_equal(judge(past, 3), 0);
    have("table", "public.b", 20000, 0);
    assert_int_equal(judge(past, 5), 0);
}

/* ---- tables ---- */

static void critical_tables(void **state)
{
    (void)state;
    static const char *names[] = {
        "orders", "public.orders",           "ORDERS", "public.Order", "\"public\".\"Order\"",
        "user",   "audit.\"we\"\"ird.one\"", "parts"};
    kist_list tables = {names, sizeof names / sizeof *names};
    shop.critical_tables = &tables;
    have("table", "public.orders", 1, 0);
    have("table", "public.\"ORDERS\"", 1, 0);
    have("table", "public.\"Order\"", 1, 0);
    have("table", "public.\"user\"", 1, 0);
    have("table", "audit.\"we\"\"ird.one\"", 5, 0);
    have("partitioned", "public.parts", 7, KIST_COUNT_ESTIMATE);
    assert_int_equal(judge(NULL, 0), 0);
}

static void critical_tables_that_are_not_right(void **state)
{
    (void)state;
    static const char *names[] = {"gone", "empty", "far", "guess", "s", "other.orders", "parts"};
    kist_list tables = {names, sizeof names / sizeof *names};
    shop.critical_tables = &tables;
    have("table", "public.orders", 10, 0);
    have("table", "public.empty", 0, 0);
    have("table", "public.far", -1, 0);
    have("table", "public.guess", 0, KIST_COUNT_ESTIMATE);
    have("sequence", "public.s", 10, 0);
    have("partitioned", "public.parts", 0, KIST_COUNT_ESTIMATE);
    assert_int_equal(judge(NULL, 0), 7);
    assert_string_equal(reason(0), "critical table gone is not in the backup");
    assert_string_equal(reason(1), "critical table empty has no rows");
    assert_string_equal(reason(2), "critical table far was not counted: far away");
    assert_string_equal(reason(3), "critical table guess has no rows, by an estimate");
    assert_string_equal(reason(4), "critical table s is not in the backup");
    assert_string_equal(reason(5), "critical table other.orders is not in the backup");
    assert_string_equal(reason(6), "critical table parts has no rows");
    kist_counts_done(&now.counts);
    tables.count = 1;
    assert_int_equal(judge(NULL, 0), 1);
    assert_string_equal(reason(0),
                        "critical table gone is not among what was counted: no rows were (counts = off?)");
}

/* ---- those before ---- */

/* Commits a backup of `kib` KiB and as many rows; day `day` of a month. */
static void commit(int day, int kib, json_t *labels, const char *suspect)
{
    struct kist_manifest_item one = {.name = (char *)(uintptr_t) "a", .key = (char *)(uintptr_t) "shop/a"};
    struct kist_count rows = {.kind = "table", .name = "public.a", .number = kib};
    struct kist_manifest manifest = {.pipeline = (char *)(uintptr_t) "shop",
                                     .kist_version = (char *)(uintptr_t) "1",
                                     .source_plugin = (char *)(uintptr_t) "pg",
                                     .source_version = (char *)(uintptr_t) "1",
                                     .labels = labels ? labels : json_object(),
                                     .facts = json_object(),
                                     .suspect = suspect ? json_pack("[s]", suspect) : NULL,
                                     .counts = {.items = &rows, .count = 1},
                                     .items = &one,
                                     .item_count = 1};
    char *text = NULL;
    size_t size = 0;
    snprintf(manifest.id, sizeof manifest.id, "2020-01-%02dT00-00-00Z", day);
    one.raw.size = (uint64_t)kib * KIB;
    assert_int_equal(kist_hash_bytes("", 0, one.raw.sha256, &err), 0);
    memcpy(one.stored.sha256, one.raw.sha256, sizeof one.stored.sha256);
    assert_int_equal(kist_manifest_format(&manifest, shop.sign_key, &text, &size, &err), 0);
    struct kist_store *store = fake_store_open(&section);
    assert_int_equal(kist_catalog_commit(store, "shop", manifest.id, text, size, &err), 0);
    kist_store_close(store);
    free(text);
    json_decref(manifest.labels);
    json_decref(manifest.facts);
    json_decref(manifest.suspect);
}

static void mark(int day, const char *word)
{
    char id[32];
    snprintf(id, sizeof id, "2020-01-%02dT00-00-00Z", day);
    struct kist_store *store = fake_store_open(&section);
    assert_int_equal(kist_mark_put(store, &shop, NULL, id, word, NULL, &err), 0);
    kist_store_close(store);
}

static size_t past_of(struct kist_past past[KIST_PAST_MAX])
{
    struct kist_targets targets = {0};
    size_t count = 99;
    assert_int_equal(kist_targets_open(&shop, "me", NULL, &targets, &err), 0);
    assert_int_equal(kist_targets_step(&targets, kist_target_look, &targets, &err), 0);
    kist_judge_past(&targets, &shop, past, &count);
    for (size_t i = 0; i < targets.count; i++)
        assert_int_equal(targets.items[i].err.code, 0);
    kist_targets_close(&targets);
    return count;
}

static void assert_past(const struct kist_past *past, size_t count, const int *kib)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(past[i].raw_size, (uint64_t)kib[i] * KIB);
        assert_int_equal(past[i].rows, kib[i]);
    }
}

static void the_past(void **state)
{
    (void)state;
    struct kist_past past[KIST_PAST_MAX];
    assert_int_equal(past_of(past), 0);
    commit(1, 1, NULL, NULL);
    commit(2, 2, NULL, NULL);
    assert_int_equal(past_of(past), 2);
    assert_past(past, 2, (int[]){2, 1});
    commit(3, 3, NULL, "too small");
    commit(4, 4, json_pack("{s:s}", KIST_SAFETY_LABEL, "before a restore"), NULL);
    commit(5, 5, NULL, NULL);
    mark(5, KIST_MARK_BAD_DRILL);
    commit(6, 6, NULL, NULL);
    mark(6, KIST_MARK_BAD_DRILL);
    mark(6, KIST_MARK_DRILL);
    commit(7, 7, NULL, "too small");
    mark(7, KIST_MARK_ACCEPTED);
    assert_int_equal(past_of(past), 4);
    assert_past(past, 4, (int[]){7, 6, 2, 1});
    for (int day = 8; day < 12; day++)
        commit(day, day, json_pack("{s:s}", "why", "safety"), NULL);
    assert_int_equal(past_of(past), 5);
    assert_past(past, 5, (int[]){11, 10, 9, 8, 7});
}

static void a_past_that_cannot_all_be_read(void **state)
{
    (void)state;
    struct kist_past past[KIST_PAST_MAX];
    commit(1, 1, NULL, NULL);
    fake_disk_put(&disk, "_kist/shop/2020-01-02T00-00-00Z.json", "junk", 4);
    commit(3, 3, NULL, NULL);
    assert_int_equal(past_of(past), 2);
    assert_past(past, 2, (int[]){3, 1});
}

/* Without the key nobody adds to the measure, or accepts what is suspect. */
static void a_past_that_is_signed(void **state)
{
    (void)state;
    struct kist_past past[KIST_PAST_MAX];
    shop.sign_key = KEY_A;
    commit(1, 1, NULL, NULL);
    commit(2, 2, NULL, "too small");
    commit(3, 3, NULL, "too small");
    mark(2, KIST_MARK_ACCEPTED);
    shop.sign_key = NULL;
    mark(3, KIST_MARK_ACCEPTED);
    commit(4, 4, NULL, NULL);
    assert_int_equal(past_of(past), 4);
    shop.sign_key = KEY_A;
    assert_int_equal(past_of(past), 2);
    assert_past(past, 2, (int[]){2, 1});
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_minimal_size),
        TEST(shrinking),
        TEST(what_a_provider_holds),
        TEST(how_much_may_be_lost),
        TEST(fewer_rows),
        TEST(critical_tables),
        TEST(critical_tables_that_are_not_right),
        TEST(the_past),
        TEST(a_past_that_cannot_all_be_read),
        TEST(a_past_that_is_signed),
    };
    return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
