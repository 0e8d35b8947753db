/* Any bytes as a manifest, as they are and with a right checksum behind them, with and without a right signature: no crash,
 * and what is accepted can be written and read again. */
#include "key.h"
#include "manifest.h"
#include "manifest_seal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY "0123456789abcdef0123456789abcdef"
#define ID "2026-11-21T02-00-00Z"

static void expect(int truth)
{
    if (!truth)
        abort();
}

static void check_items(const struct kist_manifest *manifest)
{
    struct kist_error err = KIST_ERROR_INIT;
    for (size_t i = 0; i < manifest->item_count; i++) {
        const struct kist_manifest_item *item = &manifest->items[i];
        expect(kist_key_check(item->name, &err) == 0 && !item->key == !!item->reference);
        if (item->reference) {
            expect(item->reference->as.id[0] && item->filter_count == 0 && item->stored.size == 0);
            continue;
        }
        expect(kist_key_check(item->key, &err) == 0);
        expect(kist_key_is_below(item->key, "shop"));
        expect(kist_hash_is_hex(item->raw.sha256) && kist_hash_is_hex(item->stored.sha256));
    }
    expect(!manifest->notes_key || kist_key_is_below(manifest->notes_key, "shop"));
}

static void check_counts(const struct kist_manifest *manifest)
{
    struct kist_error err = KIST_ERROR_INIT;
    struct kist_comparison comparison = {0};
    expect(kist_counts_check(&manifest->counts, &err) == 0);
    expect(kist_counts_rows(&manifest->counts) >= -1);
    /* What was saved differs in nothing from itself. */
    expect(kist_counts_compare(&manifest->counts, &manifest->counts, &comparison, &err) == 0);
    expect(comparison.difference_count == 0 && kist_comparison_result(&comparison, &err) == 0);
    kist_comparison_done(&comparison);
}

static void check(const char *text, size_t size, const char *key)
{
    struct kist_manifest manifest = {0}, again = {0};
    struct kist_error err = KIST_ERROR_INIT;
    char *written = NULL;
    size_t written_size = 0;
    int code = kist_manifest_parse(text, size, key, "shop", ID, &manifest, &err);
    expect(code == err.code && (code == 0 || err.message));
    if (!code) {
        check_items(&manifest);
        check_counts(&manifest);
        expect(kist_manifest_format(&manifest, key, &written, &written_size, &err) == 0);
        expect(kist_manifest_parse(written, written_size, key, "shop", ID, &again, &err) == 0);
        expect(again.item_count == manifest.item_count && json_equal(again.facts, manifest.facts));
        expect(kist_manifest_has_references(&again) == kist_manifest_has_references(&manifest));
        expect(again.counts.count == manifest.counts.count && !again.suspect == !manifest.suspect);
    }
    free(written);
    kist_manifest_done(&again);
    kist_manifest_done(&manifest);
    kist_error_done(&err);
}

/* Sealed by the code itself: how a seal looks, manifest_test.c knows. */
static void check_sealed(const uint8_t *data, size_t size, const char *key)
{
    struct kist_error err = KIST_ERROR_INIT;
    struct kist_text text = KIST_TEXT_INIT;
    kist_text_add_bytes(&text, (const char *)data, size);
    expect(kist_seal_add(&text, key, &err) == 0);
    check(text.data, text.size, key);
    kist_text_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    expect(text != NULL);
    if (size)
        memcpy(text, data, size);
    check(text, size, NULL);
    check(text, size, KEY);
    free(text);
    check_sealed(data, size, NULL);
    check_sealed(data, size, KEY);
    return 0;
}
