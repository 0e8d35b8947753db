/* manifest_fixture.h - a manifest with something of everything, written and read; to be included by one file of a test. */
#ifndef MANIFEST_FIXTURE_H
#define MANIFEST_FIXTURE_H

#include "manifest.h"

#define ID "2026-11-21T02-00-00Z"
#define SHA_A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA_B "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static struct kist_error err = KIST_ERROR_INIT;
static const char *sign_key; /* of all that is written and read */

static inline int teardown(void **state)
{
    (void)state;
    kist_error_clear(&err);
    sign_key = NULL;
    return 0;
}

static inline char *copy(const char *text)
{
    char *made = strdup(text);
    assert_non_null(made);
    return made;
}

static inline void fill_item(struct kist_manifest *manifest, const char *name, const char *key, size_t filters)
{
    struct kist_manifest_item *item = NULL;
    assert_int_equal(kist_manifest_add_item(manifest, &item, &err), 0);
    item->name = copy(name);
    item->key = copy(key);
    item->raw.size = 1234567890123;
    item->stored.size = 0;
    memcpy(item->raw.sha256, SHA_A, sizeof SHA_A);
    memcpy(item->stored.sha256, SHA_B, sizeof SHA_B);
    for (size_t i = 0; i < filters; i++)
        assert_int_equal(kist_manifest_add_filter(item, i ? "age" : "zstd", "1.0", i ? "0a1b" : NULL, &err), 0);
}

static inline void fill(struct kist_manifest *manifest)
{
    *manifest = (struct kist_manifest){.id = ID, .started = 1795226400, .finished = 1795226460};
    manifest->pipeline = copy("shop");
    manifest->kist_version = copy("0.1.0");
    manifest->source_plugin = copy("pg_dump");
    manifest->source_version = copy("0.1.0");
    manifest->labels = json_pack("{s:s}", "reason", "before \"v2\"\n\xc3\xa4");
    manifest->facts = json_pack("{s:s, s:[{s:s, s:I}]}", "database", "sh\"op\\", "tables", "name", "or\nders",
                                "rows", (json_int_t)42);
    fill_item(manifest, "sh\xc3\xb6p.dump", "shop/" ID "/sh\xc3\xb6p.dump.zst.age", 2);
    fill_item(manifest, "globals.sql", "shop/" ID "/globals.sql", 0);
    manifest->items[0].format = copy("custom");
    manifest->items[0].content_type = copy("application/octet-stream");
    manifest->items[1].version = copy("etag:12:3");
    manifest->items[1].metadata = json_pack("{s:s}", "owner", "sh\xc3\xb6p");
    manifest->items[0].stock_restore = copy("pg_restore -d \"$TARGET\"");
    static const struct kist_count counts[] = {
        {.kind = "table", .name = "public.\"Or\nders\"", .number = 1005, .hash = "00ff"},
        {.kind = "table", .name = "public.far", .number = -1, .note = "a foreign table"},
        {.kind = "sequence", .name = "public.s", .number = 7, .flags = KIST_COUNT_AT_LEAST},
        {.kind = "extension", .name = "citext", .number = 1, .flags = KIST_COUNT_PRESENT}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        assert_int_equal(kist_counts_add(&manifest->counts, &counts[i]), 0);
    manifest->suspect =
        json_pack("[s, s]", "1 B, less than min_size (1 KiB)", "critical table \xc3\xa4 has no rows");
    manifest->notes_key = copy("shop/" ID "/RESTORE.txt");
    manifest->notes = (struct kist_digest){.size = 321, .sha256 = SHA_A};
}

static inline char *format(const struct kist_manifest *manifest, size_t *ret_size)
{
    char *text = NULL;
    assert_int_equal(kist_manifest_format(manifest, sign_key, &text, ret_size, &err), 0);
    assert_int_equal(strlen(text), *ret_size);
    return text;
}

static inline int parse(const char *text, size_t size)
{
    struct kist_manifest manifest = {0};
    int code = kist_manifest_parse(text, size, sign_key, "shop", ID, &manifest, &err);
    if (code) {
        assert_non_null(strstr(err.message, "manifest of 'shop/" ID "': "));
        assert_null(manifest.pipeline);
    }
    kist_manifest_done(&manifest);
    return code;
}

#endif
