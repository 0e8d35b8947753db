#include "log.h"
#include "marks.h"
#include "prune_keys.h"
#include "prune_place.h"

#include <stdlib.h>
#include <string.h>

#define KEYS_AT_ONCE ((size_t)1 << 19) /* held in memory; one backup may have more */
#define STRAY_AGE (24 * 3600)          /* seconds */

/* Some tombstones whose data goes together, as owners of the keys. */
struct batch {
    struct kist_prune_place *place;
    const struct kist_catalog *catalog;
    struct kist_doomed doomed;
    const char **ids;
    struct kist_manifest *manifests; /* of those of which a provider holds something; else empty */
    size_t count;
};

static int is_damaged(int code)
{
    return code == KIST_ERR_CORRUPT || code == KIST_ERR_UNSUPPORTED;
}

/* `why` is moved. */
static void fail_one(struct batch *batch, const char *id, struct kist_error *why)
{
    struct kist_prune_row *row = kist_prune_find(batch->place, id);
    kist_error_prefix(why, "the data of the deleted backup %s is not all removed", id);
    kist_log_at(KIST_LOG_WARNING, batch->place->store->where, why);
    if (row)
        kist_prune_fail(row, why);
    else
        kist_error_clear(why);
}

/* Nothing is removed on the word of a tombstone that is damaged, or that nobody with the key has made. */
static int load_tombstone(struct batch *batch, const char *id, struct kist_error *err)
{
    struct kist_prune_place *place = batch->place;
    struct kist_manifest manifest = {0};
    int exists = 0;
    int code = kist_catalog_exists(place->store, place->pipeline->name, id, &exists, err);
    if (!code && !exists)
        code = kist_catalog_load_tombstone(place->store, place->pipeline, id, &manifest, err);
    /* Another host has just finished it, or a listing was behind. */
    if (code == KIST_ERR_NOT_FOUND || exists) {
        kist_error_clear(err);
        return 0;
    }
    if (is_damaged(code)) {
        kist_hint(err, "look at what lies below '%s/%s', remove what is of no use, and the tombstone",
                  place->pipeline->name, id);
        fail_one(batch, id, err);
        return 0;
    }
    if (!code)
        code = kist_doomed_add(&batch->doomed, &manifest, batch->count, err);
    if (!code && kist_manifest_has_references(&manifest)) {
        batch->manifests[batch->count] = manifest;
        manifest = (struct kist_manifest){0};
    }
    kist_manifest_done(&manifest);
    if (!code)
        batch->ids[batch->count++] = id;
    return code;
}

/* One that this prune has removed may still be listed. Any other that is listed and cannot be had is there, for all that is
 * known, and names what nobody knows. */
static int was_removed(const struct batch *batch, const char *id)
{
    const struct kist_prune_row *row = kist_prune_find(batch->place, id);
    return row && row->unlisted;
}

/* What any backup names that is there still stays. */
static int spare_named(struct batch *batch, struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = batch->place->pipeline;
    int code = 0;
    for (size_t i = 0; i < batch->catalog->backup_count && !code; i++) {
        struct kist_manifest manifest = {0};
        const char *id = batch->catalog->backups[i].id;
        code = kist_catalog_load(batch->place->store, pipeline, id, &manifest, err);
        if (!code)
            kist_doomed_spare(&batch->doomed, &manifest);
        else if (is_damaged(code))
            kist_doomed_spare_older(&batch->doomed, pipeline->name, id);
        if (is_damaged(code) || (code == KIST_ERR_NOT_FOUND && was_removed(batch, id))) {
            kist_error_clear(err);
            code = 0;
        }
        kist_manifest_done(&manifest);
    }
    return code;
}

struct removal {
    struct kist_error first; /* why one could not be removed */
    size_t left;
};

static void note_left(void *arg, const char *key, const struct kist_error *err)
{
    struct removal *removal = arg;
    (void)key;
    if (!removal->left++)
        kist_error_copy(&removal->first, err);
}

/* The keys of one owner, which stand together. `ret_partly`: the store answers, and refuses some of them. */
static int remove_keys(struct batch *batch, const struct kist_doomed_key *items, size_t count, int *ret_partly,
                       struct kist_error *err)
{
    struct removal removal = {.first = KIST_ERROR_INIT};
    const char **keys = calloc(count + 1, sizeof *keys);
    size_t chosen = 0, unsure = 0;
    uint64_t size = 0;
    if (!keys)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < count; i++) {
        if (items[i].spared)
            continue;
        unsure += items[i].unsure ? 1 : 0;
        if (!items[i].unsure) {
            keys[chosen++] = items[i].key;
            size += items[i].size;
        }
    }
    int code = chosen ? kist_store_remove_many(batch->place->store, keys, chosen, note_left, &removal, err) : 0;
    free(keys);
    *ret_partly = !code;
    if (!code && removal.left)
        code = kist_error_move(err, &removal.first);
    else if (!code)
        batch->place->freed += size;
    if (!code && unsure)
        code = kist_fail(err, KIST_ERR_CORRUPT, "%zu objects of it may be needed by a backup that cannot be read",
                         unsure);
    kist_error_done(&removal.first);
    return code;
}

/* The provider's part of a backup that is on no destination any more: where another one has it, that one's prune sees to it. */
static int discard_one(struct batch *batch, const struct kist_manifest *manifest, struct kist_error *err)
{
    struct kist_prune_place *place = batch->place;
    const struct kist_discard_places here = {.sections = &place->section, .count = 1};
    struct kist_prune_row *row = kist_prune_find(place, manifest->id);
    json_t *done = row ? kist_prune_references(row) : NULL;
    int there = 0;
    int code = kist_discard_elsewhere(place->discard, &here, manifest->id, &there, err);
    if (!code && !there)
        code = kist_discard_items(place->discard, manifest, NULL, NULL, done, err);
    return code;
}

/* A pipeline that has left its provider for good needs a way out. */
static void hint_of_maker(const struct kist_prune_place *place, const char *id, struct kist_error *err)
{
    char *key = kist_catalog_key(place->pipeline->name, id, ".tombstone");
    if (err->code == KIST_ERR_CONFIG && key)
        kist_hint(
            err,
            "give the pipeline a source of that plugin again; or delete it at the provider yourself, and then "
            "'%s' here",
            key);
    free(key);
}

/* 1 where the provider's part stays, and the tombstone with it; it is told. */
static int is_withheld(struct batch *batch, const struct kist_manifest *manifest, struct kist_error *err)
{
    struct kist_prune_place *place = batch->place;
    if (!manifest->pipeline || !discard_one(batch, manifest, err))
        return 0;
    if (err->code == KIST_ERR_CANCELLED)
        return 1;
    struct kist_prune_row *row = kist_prune_find(place, manifest->id);
    int news = kist_discard_is_news(place->discard, err);
    hint_of_maker(place, manifest->id, err);
    kist_error_prefix(err, "what the provider holds of the deleted backup %s stays", manifest->id);
    if (news)
        kist_log_at(KIST_LOG_WARNING, place->store->where, err);
    if (row) {
        kist_prune_fail(row, err);
        row->outcome = KIST_PRUNE_FAILED;
    }
    kist_error_clear(err);
    return 1;
}

/* One tombstone, at its end. Only a stop, or a store that is lost, ends the others too. */
static int finish_one(struct batch *batch, size_t index, const struct kist_doomed_key *items, size_t count,
                      struct kist_error *err)
{
    struct kist_prune_place *place = batch->place;
    const char *pipeline = place->pipeline->name, *id = batch->ids[index];
    if (place->options->cancel && kist_cancel_is_set(place->options->cancel))
        return kist_fail(err, KIST_ERR_CANCELLED, "told to stop: the next prune goes on");
    int partly = 0;
    int code = remove_keys(batch, items, count, &partly, err);
    if (!code && is_withheld(batch, &batch->manifests[index], err))
        return err->code;
    if (!code)
        code = kist_marks_remove(place->store, pipeline, batch->catalog, id, NULL, err);
    if (!code)
        code = kist_catalog_remove_tombstone(place->store, pipeline, id, err);
    if (code == KIST_ERR_CANCELLED || (!partly && (code == KIST_ERR_TIMEOUT || code == KIST_ERR_UNAVAILABLE)))
        return code;
    struct kist_prune_row *row = kist_prune_find(place, id);
    if (code)
        fail_one(batch, id, err);
    else if (row)
        row->outcome = KIST_PRUNE_GONE;
    return 0;
}

static int finish_batch(struct batch *batch, struct kist_error *err)
{
    struct kist_doomed *doomed = &batch->doomed;
    size_t next = 0;
    kist_doomed_sort(doomed);
    int code = spare_named(batch, err);
    if (doomed->foreign)
        kist_log(KIST_LOG_WARNING, batch->place->store->where,
                 "%zu keys that deleted backups name lie in no folder of theirs, and stay", doomed->foreign);
    kist_doomed_group(doomed);
    for (size_t i = 0; i < batch->count && !code; i++) {
        size_t first = next;
        while (next < doomed->count && doomed->items[next].owner == i)
            next++;
        code = finish_one(batch, i, doomed->items + first, next - first, err);
    }
    return code;
}

int kist_prune_finish(struct kist_prune_place *place, const struct kist_catalog *catalog, struct kist_error *err)
{
    struct batch batch = {.place = place, .catalog = catalog};
    int code = 0;
    batch.ids = calloc(catalog->tombstone_count + 1, sizeof *batch.ids);
    batch.manifests = calloc(catalog->tombstone_count + 1, sizeof *batch.manifests);
    if (!batch.ids || !batch.manifests)
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t next = 0; next < catalog->tombstone_count && !code;) {
        batch.count = 0;
        while (next < catalog->tombstone_count && batch.doomed.count < KEYS_AT_ONCE && !code) {
            const char *id = catalog->tombstones[next++].id;
            code = kist_catalog_has(catalog, id) ? 0 : load_tombstone(&batch, id, err);
        }
        if (!code && batch.count)
            code = finish_batch(&batch, err);
        kist_doomed_done(&batch.doomed);
        for (size_t i = 0; i < batch.count; i++)
            kist_manifest_done(&batch.manifests[i]);
    }
    free(batch.manifests);
    free(batch.ids);
    return code;
}

static int is_there(const struct kist_catalog *catalog, const char *id)
{
    for (size_t i = 0; i < catalog->pending_count; i++)
        if (strcmp(catalog->pending[i].id, id) == 0)
            return 1;
    return kist_catalog_has(catalog, id) || kist_catalog_is_buried(catalog, id);
}

/* What a person said stays: the manifest may come back, from another destination. */
static int is_stray(const struct kist_catalog *catalog, const struct kist_catalog_mark *mark)
{
    int64_t time = 0;
    return !is_there(catalog, mark->id) && strcmp(mark->word, KIST_MARK_HELD) != 0 &&
           strcmp(mark->word, KIST_MARK_ACCEPTED) != 0 && kist_id_parse(mark->time, &time) &&
           kist_time_now() - time >= STRAY_AGE;
}

void kist_prune_sweep(struct kist_prune_place *place, const struct kist_catalog *catalog)
{
    for (size_t i = 0; i < catalog->mark_count; i++) {
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        const struct kist_catalog_mark *mark = &catalog->marks[i];
        int exists = 0;
        if (!is_stray(catalog, mark))
            continue;
        /* A listing that lacks a backup must not make a bad one look sound. */
        int code = kist_catalog_exists(place->store, place->pipeline->name, mark->id, &exists, &err);
        if (!code && exists)
            continue;
        if (code || kist_marks_remove(place->store, place->pipeline->name, catalog, mark->id, mark->word, &err)) {
            kist_log_at(KIST_LOG_DEBUG, place->store->where, &err);
            return;
        }
    }
}
