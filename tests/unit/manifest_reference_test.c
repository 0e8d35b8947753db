/* References in a manifest: what is written is read again, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest_fixture.h"
#include "manifest_seal.h"

static const struct kist_reference whole = {.struct_size = sizeof whole,
                                            .provider = "neon",
                                            .kind = "branch",
                                            .id = "br-\xc3\xa4-1",
                                            .name = "kist-shop-" ID,
                                            .account = "quiet-sun-1",
                                            .region = "eu-central-1",
                                            .state = "ready",
                                            .time_ms = 1795226400000,
                                            .size = 12345678901,
                                            .until_ms = 1795831200000,
                                            .stock_restore = "neonctl branches restore main 'br-1'"},
                                  least = {.struct_size = sizeof least,
                                           .provider = "rds",
                                           .kind = "snapshot",
                                           .id = "s",
                                           .name = "n",
                                           .state = "available",
                                           .size = -1};

static void hold(struct kist_manifest *manifest, const char *name, const struct kist_reference *given)
{
    struct kist_manifest_item *item = NULL;
    assert_int_equal(kist_manifest_add_item(manifest, &item, &err), 0);
    item->name = copy(name);
    assert_int_equal(kist_reference_copy(given, &item->reference, &err), 0);
}

static void assert_same(const char *a, const char *b)
{
    assert_int_equal(!a, !b);
    if (a)
        assert_string_equal(a, b);
}

static void assert_same_reference(const struct kist_reference *a, const struct kist_reference *b)
{
    assert_same(a->provider, b->provider);
    assert_same(a->kind, b->kind);
    assert_same(a->id, b->id);
    assert_same(a->name, b->name);
    assert_same(a->account, b->account);
    assert_same(a->region, b->region);
    assert_same(a->state, b->state);
    assert_same(a->stock_restore, b->stock_restore);
    assert_int_equal(a->time_ms, b->time_ms);
    assert_int_equal(a->until_ms, b->until_ms);
    assert_int_equal(a->size, b->size);
}

static void round_trip(void **state)
{
    (void)state;
    struct kist_manifest manifest, again;
    size_t size = 0, size_again = 0;
    fill(&manifest);
    hold(&manifest, "main.branch", &whole);
    hold(&manifest, "copy.snapshot", &least);
    char *text = format(&manifest, &size);
    assert_non_null(strstr(text, "\"kist_manifest\": 2,"));
    assert_int_equal(kist_manifest_parse(text, size, NULL, "shop", ID, &again, &err), 0);
    assert_int_equal(again.item_count, 4);
    const struct kist_manifest_item *one = &again.items[2], *two = &again.items[3];
    assert_string_equal(one->name, "main.branch");
    assert_same_reference(&one->reference->as, &whole);
    assert_same_reference(&two->reference->as, &least);
    assert_null(one->key);
    assert_int_equal(one->filter_count, 0);
    assert_int_equal(one->raw.size, 12345678901);
    assert_int_equal(one->stored.size, 0);
    assert_int_equal(two->raw.size, 0);
    assert_int_equal(kist_manifest_raw_size(&again), 2 * INT64_C(1234567890123) + 12345678901);
    char *text_again = format(&again, &size_again);
    assert_string_equal(text, text_again);
    free(text);
    free(text_again);
    kist_manifest_done(&manifest);
    kist_manifest_done(&again);
}

/* Older programs read what they can read. */
static void only_references_make_a_newer_version(void **state)
{
    (void)state;
    struct kist_manifest manifest;
    size_t size = 0;
    fill(&manifest);
    char *text = format(&manifest, &size);
    assert_int_equal(strncmp(text, "{\n  \"kist_manifest\": 1,\n", 24), 0);
    assert_null(strstr(text, "reference"));
    free(text);
    kist_manifest_done(&manifest);
}

/* ---- what is none ---- */

static int parse_items(int version, const char *items)
{
    struct kist_text text = KIST_TEXT_INIT;
    kist_text_printf(&text,
                     "{\"kist_manifest\": %d, \"pipeline\": \"shop\", \"id\": \"" ID "\", "
                     "\"started\": \"2026-11-21T02:00:00Z\", \"finished\": \"2026-11-21T02:01:00Z\", "
                     "\"kist\": \"1\", \"labels\": {}, "
                     "\"source\": {\"plugin\": \"neon\", \"version\": \"1\", \"facts\": {}}, \"items\": [%s],\n",
                     version, items);
    assert_int_equal(kist_seal_add(&text, NULL, &err), 0);
    int code = parse(text.data, text.size);
    kist_text_done(&text);
    return code;
}

#define HELD(fields) "{\"name\": \"a\", \"reference\": {" fields "}}"
#define ID_LESS "\"provider\": \"neon\", \"kind\": \"branch\", \"name\": \"kist-1\", \"state\": \"ready\""
#define GOOD ID_LESS ", \"id\": \"br-1\""
#define DIGEST "{\"size\": 1, \"sha256\": \"" SHA_A "\"}"
#define STORED "\"key\": \"shop/" ID "/a\", \"raw\": " DIGEST ", \"stored\": " DIGEST ", \"filters\": []"

static void odd_references(void **state)
{
    (void)state;
    static const char *const good[] = {
        HELD(GOOD), HELD(GOOD ", \"later\": {\"a\": 1}"), HELD(GOOD ", \"size\": 0"),
        HELD(GOOD ", \"size\": 9223372036854775807"), HELD(GOOD ", \"until\": \"9999-12-31T23:59:59Z\""),
        HELD(GOOD) ", {\"name\": \"b\", " STORED "}",
    };
    static const char *const odd[] = {
        HELD(""), HELD(ID_LESS), HELD(ID_LESS ", \"id\": \"\""), HELD(ID_LESS ", \"id\": 7"),
        HELD(ID_LESS ", \"id\": null"), HELD(ID_LESS ", \"id\": \"a\\u0000b\""), HELD(ID_LESS ", \"id\": [\"br\"]"),
        HELD("\"id\": \"br-1\", \"kind\": \"branch\", \"name\": \"kist-1\", \"state\": \"ready\""),
        HELD(GOOD ", \"account\": 1"), HELD(GOOD ", \"region\": {}"), HELD(GOOD ", \"stock_restore\": false"),
        HELD(GOOD ", \"size\": -1"), HELD(GOOD ", \"size\": 1e30"), HELD(GOOD ", \"size\": 1.5"),
        HELD(GOOD ", \"size\": \"1\""), HELD(GOOD ", \"size\": 9223372036854775808"), HELD(GOOD ", \"size\": null"),
        HELD(GOOD ", \"until\": \"tomorrow\""), HELD(GOOD ", \"until\": 1795831200"), HELD(GOOD ", \"until\": null"),
        HELD(GOOD ", \"time\": \"2026-13-21T02:00:00Z\""), HELD(GOOD ", \"time\": \"2026-11-21T02:00:00+01:00\""),
        "{\"name\": \"a\", \"reference\": 1}", "{\"name\": \"a\", \"reference\": []}",
        "{\"name\": \"a\", \"reference\": null}", "{\"name\": \"a\"}", "{\"reference\": {" GOOD "}}",
        "{\"name\": \"../a\", \"reference\": {" GOOD "}}", "{\"name\": 1, \"reference\": {" GOOD "}}",
        /* both, or a part of the other */
        "{\"name\": \"a\", " STORED ", \"reference\": {" GOOD "}}",
        "{\"name\": \"a\", \"key\": \"shop/" ID "/a\", \"reference\": {" GOOD "}}",
        "{\"name\": \"a\", \"filters\": [], \"reference\": {" GOOD "}}",
        "{\"name\": \"a\", \"key\": null, \"reference\": {" GOOD "}}",
        "{\"name\": \"a\", \"raw\": " DIGEST ", \"reference\": {" GOOD "}}",
        /* one name twice */
        HELD(GOOD) ", " HELD(GOOD), HELD(GOOD) ", {\"name\": \"a\", " STORED "}",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (parse_items(2, good[i]))
            fail_msg("not taken: %s: %s", good[i], err.message);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        if (parse_items(2, odd[i]) != KIST_ERR_CORRUPT)
            fail_msg("taken for a manifest: %s", odd[i]);
    /* A version that has none. */
    assert_int_equal(parse_items(1, HELD(GOOD)), KIST_ERR_CORRUPT);
    assert_int_equal(parse_items(3, HELD(GOOD)), KIST_ERR_UNSUPPORTED);
}

/* ---- what a source gives ---- */

static int take(const struct kist_reference *given)
{
    struct kist_manifest_reference *reference = NULL;
    int code = kist_reference_copy(given, &reference, &err);
    assert_int_equal(!code, reference != NULL);
    kist_reference_free(reference);
    return code;
}

static void what_a_source_gives(void **state)
{
    (void)state;
    struct kist_reference given = least;
    assert_int_equal(take(&given), 0);
    /* Of an older interface, whose struct ends before the size. */
    given.struct_size = offsetof(struct kist_reference, size);
    given.size = 77;
    struct kist_manifest_reference *reference = NULL;
    assert_int_equal(kist_reference_copy(&given, &reference, &err), 0);
    assert_int_equal(reference->as.size, -1);
    kist_reference_free(reference);
    given = least;
    given.id = "";
    assert_int_equal(take(&given), KIST_ERR_BUG);
    assert_non_null(strstr(err.message, "'id'"));
    given.id = NULL;
    assert_int_equal(take(&given), KIST_ERR_BUG);
    given = least;
    given.state = NULL;
    assert_int_equal(take(&given), KIST_ERR_BUG);
    given = least;
    given.account = "\xff";
    assert_int_equal(take(&given), KIST_ERR_BUG);
    assert_non_null(strstr(err.message, "'account' is not UTF-8"));
}

static void who_holds_it(void **state)
{
    (void)state;
    struct kist_manifest manifest;
    fill(&manifest);
    assert_null(kist_manifest_held_by(&manifest));
    assert_false(kist_manifest_has_references(&manifest));
    hold(&manifest, "a", &whole);
    hold(&manifest, "b", &whole);
    hold(&manifest, "c", &least);
    assert_true(kist_manifest_has_references(&manifest));
    char *text = kist_manifest_held_by(&manifest);
    assert_string_equal(text, "neon, rds");
    free(text);
    kist_manifest_done(&manifest);
}

static void when_it_has_lapsed(void **state)
{
    (void)state;
    struct kist_manifest manifest = {.item_count = 0};
    assert_false(kist_manifest_has_lapsed(&manifest, INT64_MAX));
    hold(&manifest, "a", &whole);
    assert_false(kist_manifest_has_lapsed(&manifest, whole.until_ms - 1));
    assert_true(kist_manifest_has_lapsed(&manifest, whole.until_ms));
    hold(&manifest, "b", &least);
    assert_false(kist_manifest_has_lapsed(&manifest, INT64_MAX));
    kist_manifest_done(&manifest);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(round_trip),          TEST(only_references_make_a_newer_version),
        TEST(odd_references),      TEST(what_a_source_gives),
        TEST(who_holds_it),        TEST(when_it_has_lapsed),
    };
    return cmocka_run_group_tests_name("manifest references", tests, NULL, NULL);
}
