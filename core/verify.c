#include "verify.h"
#include "feed.h"
#include "provider.h"
#include "verify_folder.h"

#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)1 << 20)

static const char *const levels[] = {[KIST_VERIFY_NONE] = "none",
                                     [KIST_VERIFY_SIZE] = "size",
                                     [KIST_VERIFY_HASH] = "hash",
                                     [KIST_VERIFY_DECODE] = "decode",
                                     [KIST_VERIFY_DRILL] = "drill"};

enum kist_verify_level kist_verify_level_of(const char *name)
{
    for (size_t i = KIST_VERIFY_SIZE; i < sizeof levels / sizeof *levels; i++)
        if (strcmp(levels[i], name) == 0)
            return (enum kist_verify_level)i;
    return KIST_VERIFY_NONE;
}

const char *kist_verify_level_name(enum kist_verify_level level)
{
    return levels[level];
}

static int verify_size(const struct kist_verify *verify, const char *key, const struct kist_digest *digest,
                       struct kist_error *err)
{
    int64_t size = 0;
    int code = kist_store_size(verify->store, key, &size, err);
    if (code == KIST_ERR_NOT_FOUND)
        return kist_fail(err, KIST_ERR_CORRUPT, "%s: '%s' is missing", kist_store_name(verify->store), key);
    if (!code && (uint64_t)size != digest->size)
        code = kist_fail(err, KIST_ERR_CORRUPT, "%s: '%s' has %lld bytes, its manifest says %llu",
                         kist_store_name(verify->store), key, (long long)size, (unsigned long long)digest->size);
    return code;
}

/* Reads a pull to its end, which checks everything that it can. */
static int drain(const struct kist_verify *verify, struct kist_pull *pull, struct kist_error *err)
{
    size_t capacity = kist_pull_piece(pull, PIECE), size = 1;
    unsigned char *memory = malloc(capacity);
    int code = memory ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    while (!code && size > 0) {
        code = kist_cancel_is_set(verify->cancel) ? kist_fail(err, KIST_ERR_CANCELLED, "stopped by a signal")
                                                  : kist_pull_read(pull, memory, capacity, &size, err);
        if (!code)
            kist_progress_add_raw(verify->progress, size);
    }
    free(memory);
    return code;
}

static int verify_stored(const struct kist_verify *verify, const struct kist_manifest_item *item,
                         struct kist_error *err)
{
    struct kist_pull *pull = NULL;
    int code = kist_pull_open(verify->store, item, NULL, 0, &pull, err);
    if (!code)
        code = drain(verify, pull, err);
    kist_pull_close(pull);
    return code;
}

/* Decodes an item, into the source's check where it has one. */
static int verify_decoded(const struct kist_verify *verify, const struct kist_manifest_item *item,
                          struct kist_instance *source, struct kist_error *err)
{
    struct kist_instance **filters = NULL;
    struct kist_pull *pull = NULL;
    void *restore = NULL;
    struct kist_restore request = {.struct_size = sizeof request, .mode = KIST_RESTORE_CHECK};
    int code = kist_pull_filters_open(verify->config, verify->pipeline, item, verify->cancel, &filters, err);
    if (!code)
        code = kist_pull_open(verify->store, item, filters, 1, &pull, err);
    if (!code && source)
        code = kist_instance_result(
            source, source->plugin->as.source.restore_begin(source->self, &request, &restore, err), err);
    if (!code && source) {
        code = kist_feed_item(source, restore, pull, item, verify->progress, err);
        source->plugin->as.source.restore_end(restore);
    } else if (!code) {
        code = drain(verify, pull, err);
    }
    kist_pull_close(pull);
    kist_pull_filters_close(filters, item->filter_count);
    return code;
}

static int verify_item(const struct kist_verify *verify, const struct kist_manifest_item *item,
                       struct kist_instance *source, struct kist_provider *provider, struct kist_error *err)
{
    if (item->reference)
        return kist_provider_look(provider, verify->manifest, item, err);
    int code = verify_size(verify, item->key, &item->stored, err);
    int whole = kist_sample_has(&verify->sample, item->key);
    if (!code && whole && verify->level == KIST_VERIFY_HASH)
        code = verify_stored(verify, item, err);
    if (!code && whole && verify->level == KIST_VERIFY_DECODE)
        code = verify_decoded(verify, item, source, err);
    return code;
}

static int verify_notes(const struct kist_verify *verify, struct kist_error *err)
{
    const struct kist_manifest *manifest = verify->manifest;
    if (verify->level == KIST_VERIFY_SIZE)
        return verify_size(verify, manifest->notes_key, &manifest->notes, err);
    struct kist_manifest_item item = {
        .key = manifest->notes_key, .stored = manifest->notes, .raw = manifest->notes};
    return verify_stored(verify, &item, err);
}

/* 1 when nothing more is to be read, because a signal has come. That is no fault of what was read. */
static int keep_first(const struct kist_verify *verify, const char *key, int code, struct kist_error *first,
                      struct kist_error *next)
{
    int stopped = code == KIST_ERR_CANCELLED;
    if (!code)
        return 0;
    if (verify->tell && !(stopped && first->code))
        verify->tell(verify->arg, key, next);
    /* Damage outweighs whatever else went wrong. */
    if (!first->code || (first->code != KIST_ERR_CORRUPT && next->code == KIST_ERR_CORRUPT))
        kist_error_move(first, next);
    else
        kist_error_clear(next);
    return stopped;
}

/* The source that can prove more than the hashes do; NULL when it has nothing to say. */
static int open_source(const struct kist_verify *verify, struct kist_instance **ret_source, struct kist_error *err)
{
    const struct kist_config_section *section = verify->pipeline->source;
    if (verify->level != KIST_VERIFY_DECODE || !(kist_source_features(section) & KIST_SOURCE_CHECKS) ||
        strcmp(section->plugin->name, verify->manifest->source_plugin) != 0)
        return 0;
    return kist_source_open(section, verify->pipeline->name, verify->cancel, ret_source, err);
}

static int can_decode(const struct kist_verify *verify, const struct kist_manifest_item *item,
                      struct kist_error *err)
{
    struct kist_instance **filters = NULL;
    int code = kist_pull_filters_open(verify->config, verify->pipeline, item, verify->cancel, &filters, err);
    for (size_t i = 0; i < item->filter_count && !code; i++)
        code =
            kist_instance_result(filters[i], filters[i]->plugin->as.filter.can_decode(filters[i]->self, err), err);
    kist_pull_filters_close(filters, item->filter_count);
    return code;
}

/* Whether all items can be decoded here, before the first is read. They mostly have the same filters. */
static int can_decode_all(const struct kist_verify *verify, struct kist_error *err)
{
    const struct kist_manifest_item *items = verify->manifest->items;
    int code = 0;
    for (size_t i = 0; i < verify->manifest->item_count && !code; i++)
        if (!items[i].reference && (i == 0 || !kist_manifest_same_filters(&items[i - 1], &items[i])))
            code = can_decode(verify, &items[i], err);
    if (code == KIST_ERR_CONFIG && !err->hint)
        kist_hint(err, "--level hash proves the stored bytes without decoding them");
    return code;
}

struct strangers {
    const struct kist_verify *verify;
    struct kist_error *first;
};

static void note_stranger(void *arg, const char *key)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct strangers *strangers = arg;
    int code = kist_fail(&err, KIST_ERR_CORRUPT, "%s: '%s' lies in the folder of the backup, but is no part of it",
                         kist_store_name(strangers->verify->store), key);
    kist_hint(&err, "somebody else writes to this store; when it is known to be harmless, remove it there");
    (void)keep_first(strangers->verify, key, code, strangers->first, &err);
}

/* What the manifest does not name was not saved with it. */
static int verify_folder(const struct kist_verify *verify, struct kist_error *err)
{
    KIST_CLEANUP_ERROR struct kist_error next = KIST_ERROR_INIT;
    struct strangers strangers = {.verify = verify, .first = err};
    int code = kist_verify_folder(verify->store, verify->manifest, note_stranger, &strangers, &next);
    return keep_first(verify, verify->manifest->id, code, err, &next);
}

/* 1 when nothing more is to be read. What a provider holds has a name, and no key. */
static int verify_items(const struct kist_verify *verify, struct kist_instance *source, struct kist_error *err)
{
    const struct kist_manifest *manifest = verify->manifest;
    KIST_CLEANUP_ERROR struct kist_error next = KIST_ERROR_INIT;
    struct kist_provider own, *provider = verify->provider ? verify->provider : &own;
    int stopped = 0;
    kist_provider_init(&own, verify->pipeline, NULL, verify->cancel);
    for (size_t i = 0; i < manifest->item_count && !stopped; i++) {
        const struct kist_manifest_item *item = &manifest->items[i];
        if (verify->wants && !verify->wants(verify->arg, item))
            continue;
        int code = verify_item(verify, item, source, provider, &next);
        stopped = keep_first(verify, item->reference ? item->name : item->key, code, err, &next);
        kist_progress_add_object(verify->progress);
    }
    kist_provider_done(&own);
    return stopped;
}

int kist_verify_backup(const struct kist_verify *verify, struct kist_error *err)
{
    const struct kist_manifest *manifest = verify->manifest;
    struct kist_instance *source = NULL;
    KIST_CLEANUP_ERROR struct kist_error next = KIST_ERROR_INIT;
    int code = verify->level == KIST_VERIFY_DECODE ? can_decode_all(verify, err) : 0;
    if (!code)
        code = open_source(verify, &source, err);
    if (code)
        return code;
    int stopped = verify_items(verify, source, err);
    if (manifest->notes_key && !verify->items_only && !stopped) {
        code = verify_notes(verify, &next);
        stopped = keep_first(verify, manifest->notes_key, code, err, &next);
    }
    if (!verify->items_only && !stopped)
        (void)verify_folder(verify, err);
    kist_instance_close(source);
    return err->code;
}
