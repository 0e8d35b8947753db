/* Any bytes as a manifest, as they are and with a right checksum behind them: no crash, and what is accepted can be
 * written and read again. */
#include "key.h"
#include "manifest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ID "2026-11-21T02-00-00Z"

static void expect(int truth)
{
    if (!truth)
        abort();
}

static void check_items(const struct kist_manifest *manifest)
{
    struct kist_error err = KIST_ERROR_INIT;
    expect(manifest->item_count > 0);
    for (size_t i = 0; i < manifest->item_count; i++) {
        const struct kist_manifest_item *item = &manifest->items[i];
        expect(kist_key_check(item->name, &err) == 0 && kist_key_check(item->key, &err) == 0);
        expect(kist_key_is_below(item->key, "shop"));
        expect(kist_hash_is_hex(item->raw.sha256) && kist_hash_is_hex(item->stored.sha256));
    }
    expect(!manifest->notes_key || kist_key_is_below(manifest->notes_key, "shop"));
}

static void check(const char *text, size_t size)
{
    struct kist_manifest manifest = {0}, again = {0};
    struct kist_error err = KIST_ERROR_INIT;
    char *written = NULL;
    size_t written_size = 0;
    int code = kist_manifest_parse(text, size, "shop", ID, &manifest, &err);
    expect(code == err.code && (code == 0 || err.message));
    if (!code) {
        check_items(&manifest);
        expect(kist_manifest_format(&manifest, &written, &written_size, &err) == 0);
        expect(kist_manifest_parse(written, written_size, "shop", ID, &again, &err) == 0);
        expect(again.item_count == manifest.item_count && json_equal(again.facts, manifest.facts));
    }
    free(written);
    kist_manifest_done(&again);
    kist_manifest_done(&manifest);
    kist_error_done(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char start[] = "  \"checksum\": \"sha256:", end[] = "\"\n}\n";
    struct kist_error err = KIST_ERROR_INIT;
    char sha256[KIST_SHA256_HEX + 1];
    char *text = malloc(size + 200);
    expect(text != NULL);
    memcpy(text, data, size);
    check(text, size);
    expect(kist_hash_bytes(text, size, sha256, &err) == 0);
    char *behind = stpcpy(stpcpy(stpcpy(text + size, start), sha256), end);
    check(text, (size_t)(behind - text));
    free(text);
    return 0;
}
