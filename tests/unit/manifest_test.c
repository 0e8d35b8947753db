/* The manifest: what is written is read again, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest_fixture.h"
#include "text.h"

#define DIGEST_A "{\"size\": 12, \"sha256\": \"" SHA_A "\"}"

static void assert_same_digest(const struct kist_digest *a, const struct kist_digest *b)
{
    assert_int_equal(a->size, b->size);
    assert_string_equal(a->sha256, b->sha256);
}

static void assert_same_text(const char *a, const char *b)
{
    assert_int_equal(!a, !b);
    if (a)
        assert_string_equal(a, b);
}

static void round_trip(void **state)
{
    (void)state;
    struct kist_manifest manifest, again;
    size_t size = 0, size_again = 0;
    fill(&manifest);
    char *text = format(&manifest, &size);
    assert_int_equal(kist_manifest_parse(text, size, sign_key, "shop", ID, &again, &err), 0);
    assert_string_equal(again.pipeline, "shop");
    assert_string_equal(again.id, ID);
    assert_int_equal(again.started, manifest.started);
    assert_int_equal(again.finished, manifest.finished);
    assert_string_equal(again.kist_version, "0.1.0");
    assert_string_equal(again.source_plugin, "pg_dump");
    assert_true(json_equal(again.labels, manifest.labels));
    assert_true(json_equal(again.facts, manifest.facts));
    assert_string_equal(again.notes_key, manifest.notes_key);
    assert_same_digest(&again.notes, &manifest.notes);
    assert_true(json_equal(again.suspect, manifest.suspect));
    assert_int_equal(again.counts.count, 4);
    assert_int_equal(kist_counts_rows(&again.counts), 1005);
    assert_int_equal(again.item_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct kist_manifest_item *one = &manifest.items[i], *two = &again.items[i];
        assert_string_equal(one->name, two->name);
        assert_string_equal(one->key, two->key);
        assert_same_text(one->format, two->format);
        assert_same_text(one->content_type, two->content_type);
        assert_same_text(one->stock_restore, two->stock_restore);
        assert_same_text(one->version, two->version);
        assert_int_equal(one->metadata != NULL, two->metadata != NULL);
        assert_true(!one->metadata || json_equal(one->metadata, two->metadata));
        assert_same_digest(&one->raw, &two->raw);
        assert_same_digest(&one->stored, &two->stored);
        assert_int_equal(one->filter_count, two->filter_count);
        for (size_t k = 0; k < one->filter_count; k++) {
            assert_string_equal(one->filters[k].plugin, two->filters[k].plugin);
            assert_string_equal(one->filters[k].version, two->filters[k].version);
            assert_same_text(one->filters[k].settings, two->filters[k].settings);
        }
    }
    assert_int_equal(kist_manifest_raw_size(&again), 2 * INT64_C(1234567890123));
    assert_int_equal(kist_manifest_stored_size(&again), 0);
    char *text_again = format(&again, &size_again);
    assert_string_equal(text, text_again);
    /* The file is for people too: anything can be read, also on a terminal that knows no UTF-8. */
    for (size_t i = 0; i < size; i++)
        assert_true(text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f));
    free(text);
    free(text_again);
    kist_manifest_done(&manifest);
    kist_manifest_done(&again);
}

/* Puts a right checksum behind anything, so that what is inside has to be judged. */
static int parse_sealed(const char *body)
{
    struct kist_text text = KIST_TEXT_INIT;
    char sha256[KIST_SHA256_HEX + 1];
    kist_text_printf(&text, "%s,\n", body);
    assert_int_equal(kist_hash_bytes(text.data, text.size, sha256, &err), 0);
    kist_text_printf(&text, "  \"checksum\": \"sha256:%s\"\n}\n", sha256);
    int code = parse(text.data, text.size);
    kist_text_done(&text);
    return code;
}

#define HEAD "{\"kist_manifest\": 1, \"pipeline\": \"shop\", \"id\": \"" ID "\", "
#define TIMES "\"started\": \"2026-11-21T02:00:00Z\", \"finished\": \"2026-11-21T02:01:00Z\", \"kist\": \"1\", "
#define SOURCE "\"source\": {\"plugin\": \"pg\", \"version\": \"1\", \"facts\": {}}"
#define LABELS "\"labels\": {}, "
#define ITEM_WITH(name, key, raw, more)                                                                             \
    "{\"name\": " name ", \"key\": " key ", \"raw\": " raw ", \"stored\": " DIGEST_A ", \"filters\": []" more "}"
#define ITEM(name, key) ITEM_WITH("\"" name "\"", "\"shop/" ID "/" key "\"", DIGEST_A, "")
#define MORE_ITEM(name, more) ITEM_WITH("\"" name "\"", "\"shop/" ID "/" name "\"", DIGEST_A, more)
#define BEFORE_ITEMS HEAD TIMES LABELS SOURCE ", \"items\": ["
#define GOOD BEFORE_ITEMS ITEM("a", "a") "]"

static void unknown_fields_are_ignored(void **state)
{
    (void)state;
    assert_int_equal(parse_sealed(GOOD), 0);
    /* An empty store may be saved as such. */
    assert_int_equal(parse_sealed(BEFORE_ITEMS "]"), 0);
    assert_int_equal(parse_sealed(GOOD ", \"later\": {\"a\": [1, 2.5, null]}"), 0);
    assert_int_equal(parse_sealed(BEFORE_ITEMS
                                  ITEM_WITH("\"a\"", "\"shop/" ID "/a\"", DIGEST_A, ", \"mtime\": 3") "]"), 0);
}

static void versions(void **state)
{
    (void)state;
    static const char *const newer[] = {"3", "9999"}, *const broken[] = {"0", "-1", "\"x\"", "1.5", "null", "[1]"};
    char body[2000];
    for (size_t i = 0; i < sizeof newer / sizeof *newer; i++) {
        snprintf(body, sizeof body, "{\"kist_manifest\": %s, \"everything\": \"else differs\"", newer[i]);
        assert_int_equal(parse_sealed(body), KIST_ERR_UNSUPPORTED);
        assert_non_null(strstr(err.message, newer[i]));
        assert_non_null(err.hint);
    }
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        snprintf(body, sizeof body, "{\"kist_manifest\": %s%s", broken[i], strchr(GOOD, ','));
        assert_int_equal(parse_sealed(body), KIST_ERR_CORRUPT);
    }
}

static void somebody_elses(void **state)
{
    (void)state;
    struct kist_manifest manifest, again = {0};
    size_t size = 0;
    fill(&manifest);
    char *text = format(&manifest, &size);
    assert_int_equal(kist_manifest_parse(text, size, sign_key, "shop2", ID, &again, &err), KIST_ERR_CORRUPT);
    assert_string_equal(err.message, "manifest of 'shop2/" ID "': it is the manifest of 'shop/" ID "'");
    assert_int_equal(kist_manifest_parse(text, size, sign_key, "shop", "2026-11-21T02-00-01Z", &again, &err), KIST_ERR_CORRUPT);
    free(text);
    kist_manifest_done(&manifest);
}

/* Documents with a right checksum that are no manifests all the same. */
static void odd_documents(void **state)
{
    (void)state;
#define KEY(key) BEFORE_ITEMS ITEM_WITH("\"a\"", key, DIGEST_A, "") "]"
#define NAME(name) BEFORE_ITEMS ITEM_WITH(name, "\"shop/" ID "/a\"", DIGEST_A, "") "]"
#define SIZE(size) BEFORE_ITEMS                                                                                     \
    ITEM_WITH("\"a\"", "\"shop/" ID "/a\"", "{\"size\": " size ", \"sha256\": \"" SHA_A "\"}", "") "]"
#define HASH(hash) BEFORE_ITEMS                                                                                     \
    ITEM_WITH("\"a\"", "\"shop/" ID "/a\"", "{\"size\": 1, \"sha256\": " hash "}", "") "]"
    static const char *const bodies[] = {
        "", "{", "{\"a\": 1", "[1", "null", "{\"kist_manifest\": 1",
        /* missing fields, and the same twice */
        HEAD TIMES LABELS SOURCE, HEAD TIMES LABELS SOURCE ", \"items\": 1", HEAD TIMES LABELS "\"items\": []",
        HEAD LABELS SOURCE ", \"items\": [" ITEM("a", "a") "]", HEAD TIMES SOURCE ", \"items\": [" ITEM("a", "a") "]",
        BEFORE_ITEMS "{}]", BEFORE_ITEMS "1]", BEFORE_ITEMS "null]", HEAD TIMES LABELS SOURCE ", \"items\": {\"a\": 1}",
        GOOD ", \"id\": \"" ID "\"", GOOD ", \"checksum\": \"x\"",
        /* labels and facts of other kinds */
        HEAD TIMES "\"labels\": {\"a\": 1}, " SOURCE ", \"items\": [" ITEM("a", "a") "]",
        HEAD TIMES "\"labels\": [], " SOURCE ", \"items\": [" ITEM("a", "a") "]",
        HEAD TIMES LABELS "\"source\": [], \"items\": [" ITEM("a", "a") "]",
        /* an object or a name listed twice */
        BEFORE_ITEMS ITEM("a", "a") ", " ITEM("b", "a") "]", BEFORE_ITEMS ITEM("a", "a") ", " ITEM("a", "b") "]",
        /* versions and metadata of other kinds */
        BEFORE_ITEMS MORE_ITEM("a", ", \"version\": 1") "]", BEFORE_ITEMS MORE_ITEM("a", ", \"metadata\": []") "]",
        BEFORE_ITEMS MORE_ITEM("a", ", \"metadata\": {\"a\": 1}") "]",
        /* filters of other kinds */
        BEFORE_ITEMS "{\"name\": \"a\", \"key\": \"shop/" ID "/a\", \"raw\": " DIGEST_A ", \"stored\": " DIGEST_A "}]",
        BEFORE_ITEMS "{\"name\": \"a\", \"key\": \"shop/" ID "/a\", \"raw\": " DIGEST_A ", \"stored\": " DIGEST_A
                     ", \"filters\": [{\"plugin\": \"gzip\"}]}]",
        BEFORE_ITEMS "{\"name\": \"a\", \"key\": \"shop/" ID "/a\", \"raw\": " DIGEST_A ", \"stored\": " DIGEST_A
                     ", \"filters\": [\"gzip\"]}]",
        /* sizes and hashes */
        SIZE("-1"), SIZE("18446744073709551616"), SIZE("9223372036854775808"), SIZE("1.0"), SIZE("1e3"), SIZE("\"1\""),
        SIZE("null"), SIZE("true"), HASH("\"\""), HASH("\"abc\""), HASH("1"), HASH("\"" SHA_A "0\""),
        HASH("\"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\""),
        HASH("\"g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""),
        HASH("\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef01234567\""),
        /* keys that lead elsewhere */
        KEY("\"/shop/a\""), KEY("\"shop/../a\""), KEY("\"shop/a/../../b\""), KEY("\"shop/./a\""), KEY("\"shop//a\""),
        KEY("\"shop/a/\""), KEY("\"..\""), KEY("\"other/a\""), KEY("\"shopping/a\""), KEY("\"shop\""), KEY("\"\""),
        KEY("\"shop/a\\n\""), KEY("\"shop/\\u0001\""), KEY("\"shop/\\u0000\""), KEY("\"shop/\\u007f\""), KEY("1"),
        NAME("\"../a\""), NAME("\"/etc/passwd\""), NAME("\"\""), NAME("\"a\\u001b[2J\""), NAME("7"),
        GOOD ", \"restore_notes\": {\"key\": \"../RESTORE.txt\", \"size\": 1, \"sha256\": \"" SHA_A "\"}",
        GOOD ", \"restore_notes\": {\"key\": \"shop/R\"}", GOOD ", \"restore_notes\": \"shop/R\"",
        /* counts and doubts of other kinds; more of counts in counts_test.c */
        GOOD ", \"counts\": {}", GOOD ", \"counts\": null", GOOD ", \"counts\": [1]",
        GOOD ", \"counts\": [{\"kind\": \"table\", \"name\": \"t\", \"number\": -2}]",
        GOOD ", \"suspect\": []", GOOD ", \"suspect\": \"x\"", GOOD ", \"suspect\": [1]", GOOD ", \"suspect\": null",
        GOOD ", \"suspect\": {\"a\": \"b\"}",
        BEFORE_ITEMS "{\"name\": \"a\", \"key\": \"shop/" ID "/a\", \"raw\": " DIGEST_A ", \"stored\": " DIGEST_A
                     ", \"filters\": [{\"plugin\": \"gzip\", \"version\": \"1\", \"settings\": 1}]}]",
        /* bytes that are no UTF-8 */
        GOOD ", \"later\": \"\xff\"", KEY("\"shop/\xc3\x28\""),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        if (parse_sealed(bodies[i]) != KIST_ERR_CORRUPT)
            fail_msg("taken for a manifest: %s", bodies[i]);
}

static void times_and_ids(void **state)
{
    (void)state;
    static const char *const times[] = {"\"\"", "\"2026-11-21\"", "\"2026-11-21T02:00:00\"", "\"2026-13-21T02:00:00Z\"",
                                        "\"2026-11-21T02:00:60Z\"", "\"2026-11-21T02-00-00Z\"", "17", "null"};
    char body[4000];
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        snprintf(body, sizeof body, HEAD "\"started\": %s, \"finished\": \"2026-11-21T02:01:00Z\", \"kist\": \"1\", "
                 LABELS SOURCE ", \"items\": [" ITEM("a", "a") "]", times[i]);
        assert_int_equal(parse_sealed(body), KIST_ERR_CORRUPT);
        assert_non_null(strstr(err.message, "'started'"));
    }
    snprintf(body, sizeof body, "%s", GOOD);
    memcpy(strstr(body, ID), "2026-11-21T02:00:00Z", KIST_ID_LENGTH);
    assert_int_equal(parse_sealed(body), KIST_ERR_CORRUPT);
}

/* A key of 5,000 characters, nesting of 10^5, and 10^5 items. */
static void too_much_of_something(void **state)
{
    (void)state;
    struct kist_text text = KIST_TEXT_INIT;
    kist_text_add(&text, BEFORE_ITEMS "{\"name\": \"a\", \"key\": \"shop/");
    for (int i = 0; i < 5000; i++)
        kist_text_add_char(&text, 'k');
    kist_text_add(&text, "\", \"raw\": " DIGEST_A ", \"stored\": " DIGEST_A ", \"filters\": []}]");
    assert_int_equal(parse_sealed(kist_text_get(&text)), KIST_ERR_CORRUPT);
    kist_text_done(&text);

    kist_text_add(&text, GOOD ", \"later\": ");
    for (int i = 0; i < 100000; i++)
        kist_text_add_char(&text, '[');
    for (int i = 0; i < 100000; i++)
        kist_text_add_char(&text, ']');
    assert_int_equal(parse_sealed(kist_text_get(&text)), KIST_ERR_CORRUPT);
    kist_text_done(&text);

    kist_text_add(&text, BEFORE_ITEMS);
    for (int i = 0; i < 100000; i++)
        kist_text_printf(&text, "%s{\"name\": \"a%d\", \"key\": \"shop/%d\", \"raw\": " DIGEST_A ", \"stored\": " DIGEST_A
                         ", \"filters\": []}", i ? "," : "", i, i);
    kist_text_add(&text, "]");
    assert_int_equal(parse_sealed(kist_text_get(&text)), 0);
    kist_text_done(&text);
}

static void what_cannot_be_written(void **state)
{
    (void)state;
    struct kist_manifest manifest;
    char *text = NULL;
    size_t size = 0;
    fill(&manifest);
    char *version = manifest.items[0].filters[1].version, *key = manifest.notes_key;
    manifest.items[0].filters[1].version = copy("1.0\xff");
    assert_int_equal(kist_manifest_format(&manifest, sign_key, &text, &size, &err), KIST_ERR_FAILED);
    free(manifest.items[0].filters[1].version);
    manifest.items[0].filters[1].version = version;
    manifest.notes_key = copy("shop/\xff");
    assert_int_equal(kist_manifest_format(&manifest, sign_key, &text, &size, &err), KIST_ERR_FAILED);
    free(manifest.notes_key);
    manifest.notes_key = key;
    json_decref(manifest.facts);
    manifest.facts = NULL;
    assert_int_equal(kist_manifest_format(&manifest, sign_key, &text, &size, &err), KIST_ERR_FAILED);
    assert_null(text);
    kist_manifest_done(&manifest);
}

/* A clock that was far ahead, and one that was behind. */
static void the_time_of_a_backup_is_no_clocks_mistake(void **state)
{
    (void)state;
    const int64_t now = 1795284000; /* 2026-11-21T18:00:00Z */
    struct kist_manifest manifest = {.id = "2036-11-21T02-00-01Z", .started = now - 3600};
    assert_int_equal(kist_manifest_begun(&manifest, now), now - 3600);
    manifest.started = now - 365 * 86400;
    memcpy(manifest.id, "2026-11-20T02-00-01Z", sizeof manifest.id);
    assert_int_equal(kist_manifest_begun(&manifest, now), 1795140001);
    assert_int_equal(kist_manifest_begun(&manifest, manifest.started), manifest.started);
    manifest.started = now + 10;
    assert_int_equal(kist_manifest_begun(&manifest, now), 1795140001);
    manifest.started = 1795140001 - 2; /* several runs within a second */
    assert_int_equal(kist_manifest_begun(&manifest, now), manifest.started);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(round_trip),
        TEST(unknown_fields_are_ignored),
        TEST(versions),
        TEST(somebody_elses),
        TEST(odd_documents),
        TEST(times_and_ids),
        TEST(too_much_of_something),
        TEST(what_cannot_be_written),
        TEST(the_time_of_a_backup_is_no_clocks_mistake),
    };
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
