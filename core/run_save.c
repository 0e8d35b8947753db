#include "filter_settings.h"
#include "run_worker.h"
#include "thread.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 200 /* how often it is looked whether the destinations still move */

/* ---- what the manifest says ---- */

static int duplicate(const char *text, char **ret_copy)
{
    *ret_copy = text ? strdup(text) : NULL;
    return text && !*ret_copy;
}

static int no_memory(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED, "out of memory for the manifest");
}

/* Pairs of texts as an object; NULL for none. */
static int enter_metadata(const char *const *metadata, json_t **ret_object, struct kist_error *err)
{
    json_t *object = metadata && metadata[0] ? json_object() : NULL;
    if (metadata && metadata[0] && !object)
        return no_memory(err);
    for (; object && metadata[0] && metadata[1]; metadata += 2)
        if (json_object_set_new(object, metadata[0], json_string(metadata[1]))) {
            json_decref(object);
            return no_memory(err);
        }
    *ret_object = object;
    return 0;
}

/* What was read counts, where the source tells more of it than when it listed it. */
static int fill_entry(struct kist_manifest_item *entry, const struct kist_run_item *item,
                      const struct kist_transfer *transfer, struct kist_error *err)
{
    const struct kist_item *given = &item->given.item;
    const struct kist_item *about = transfer->told && transfer->told->texts ? &transfer->told->item : given;
    if (duplicate(given->name, &entry->name) || duplicate(given->format, &entry->format) ||
        duplicate(about->content_type, &entry->content_type) || duplicate(about->version, &entry->version) ||
        duplicate(given->stock_restore, &entry->stock_restore) || duplicate(item->key, &entry->key))
        return no_memory(err);
    entry->raw.size = transfer->raw_size;
    entry->stored.size = transfer->stored_size;
    memcpy(entry->raw.sha256, transfer->raw_sha256, sizeof entry->raw.sha256);
    memcpy(entry->stored.sha256, transfer->stored_sha256, sizeof entry->stored.sha256);
    int code = enter_metadata(about->metadata, &entry->metadata, err);
    for (size_t i = 0; i < transfer->filter_count && !code; i++) {
        const struct kist_plugin *plugin = transfer->filters[i]->plugin;
        char settings[KIST_SETTINGS_LENGTH + 1] = "";
        code = kist_filter_settings(transfer->filters[i], settings, err);
        if (!code)
            code = kist_manifest_add_filter(entry, plugin->name, plugin->about.version, settings, err);
    }
    return code;
}

int kist_run_item_enter(struct kist_run_item *item, const struct kist_transfer *transfer, struct kist_error *err)
{
    kist_manifest_item_done(&item->entry);
    return fill_entry(&item->entry, item, transfer, err);
}

/* The entry of the backup before, which holds the object too. */
static int enter_reused(struct kist_run_item *item, struct kist_error *err)
{
    const struct kist_manifest_item *old = item->reused;
    struct kist_manifest_item *entry = &item->entry;
    if (duplicate(old->name, &entry->name) || duplicate(old->format, &entry->format) ||
        duplicate(old->content_type, &entry->content_type) || duplicate(old->version, &entry->version) ||
        duplicate(old->stock_restore, &entry->stock_restore) || duplicate(old->key, &entry->key))
        return no_memory(err);
    entry->metadata = json_incref(old->metadata);
    entry->raw = old->raw;
    entry->stored = old->stored;
    int code = 0;
    for (size_t i = 0; i < old->filter_count && !code; i++)
        code = kist_manifest_add_filter(entry, old->filters[i].plugin, old->filters[i].version,
                                        old->filters[i].settings, err);
    return code;
}

/* In the order in which the source gave them, whoever saved them when. */
static int enter_all(struct kist_run_items *items, struct kist_manifest *manifest, struct kist_error *err)
{
    for (size_t i = 0; i < items->count; i++) {
        struct kist_run_item *item = &items->items[i];
        struct kist_manifest_item *entry = NULL;
        if (item->gone)
            continue;
        int code = item->reused ? enter_reused(item, err) : 0;
        if (!code)
            code = kist_manifest_add_item(manifest, &entry, err);
        if (code)
            return code;
        *entry = item->entry;
        item->entry = (struct kist_manifest_item){0};
    }
    return 0;
}

/* ---- one item ---- */

/* Saves it to the targets that are left, by what the run has opened, and notes which of them failed. */
static int save_single(struct kist_saving *saving, struct kist_transfer *transfer, struct kist_error *err)
{
    struct kist_run_items *items = saving->items;
    struct kist_targets *targets = saving->targets;
    for (size_t i = 0; i < targets->count; i++)
        if (!targets->items[i].err.code)
            transfer->targets[transfer->target_count++] = (struct kist_transfer_target){
                .store = targets->items[i].store, .key = items->items[0].key, .err = KIST_ERROR_INIT};
    int code = kist_transfer_run(transfer, err);
    for (size_t i = 0, k = 0; i < targets->count; i++)
        if (!targets->items[i].err.code)
            kist_target_lose(&targets->items[i], items->items[0].key, &transfer->targets[k++].err);
    return code ? code : kist_run_item_enter(&items->items[0], transfer, err);
}

static int save_one(struct kist_saving *saving, struct kist_error *err)
{
    struct kist_item_copy told = {.texts = NULL};
    struct kist_transfer transfer = {.source = saving->items->source,
                                     .item = &saving->items->items[0].given.item,
                                     .filters = saving->items->filters,
                                     .filter_count = saving->items->filter_count,
                                     .need = saving->targets->need,
                                     .targets = calloc(saving->targets->count + 1, sizeof *transfer.targets),
                                     .cancel = saving->cancel,
                                     .told = &told,
                                     .progress = saving->progress};
    int code = transfer.targets ? save_single(saving, &transfer, err) : no_memory(err);
    kist_item_copy_done(&told);
    free(transfer.targets);
    return code;
}

/* ---- many items ---- */

static void join_workers(struct kist_worker *workers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        while (workers[i].running)
            if (kist_thread_join_within(workers[i].thread, TICK_MS))
                workers[i].running = 0;
            else
                for (size_t k = i; k < count; k++)
                    kist_worker_watch(&workers[k]);
}

static int save_many(struct kist_saving *saving, size_t count, struct kist_error *err)
{
    struct kist_worker *workers = calloc(count, sizeof *workers);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t started = 0;
    if (!workers)
        return no_memory(err);
    saving->filter_workers = cores > (long)count ? (size_t)cores / count : 1;
    pthread_mutex_init(&saving->lock, NULL);
    for (int code = 0; started < count && !code; started++) {
        code = kist_worker_start(&workers[started], saving, err);
        if (code)
            kist_saving_fail(saving, err);
    }
    join_workers(workers, started);
    for (size_t i = 0; i < started; i++)
        kist_worker_done(&workers[i]);
    pthread_mutex_destroy(&saving->lock);
    free(workers);
    return saving->failed ? kist_error_move(err, &saving->err) : 0;
}

/* ---- all of them ---- */

/* How many have to be read, and how many bytes that will be; -1 when the source cannot tell. */
static size_t expect(const struct kist_run_items *items, int64_t *ret_bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < items->count; i++) {
        int64_t estimate = items->items[i].given.item.size_estimate;
        if (items->items[i].reused || kist_run_item_is_held(&items->items[i]))
            continue;
        count++;
        *ret_bytes =
            *ret_bytes < 0 || estimate < 0 || estimate > INT64_MAX - *ret_bytes ? -1 : *ret_bytes + estimate;
    }
    return count;
}

int kist_run_items_save(struct kist_run_items *items, struct kist_targets *targets, struct kist_manifest *manifest,
                        struct kist_cancel *cancel, int quiet, struct kist_error *err)
{
    int64_t bytes = 0;
    size_t count = expect(items, &bytes), parallel = items->pipeline->parallel;
    struct kist_saving saving = {.items = items,
                                 .targets = targets,
                                 .cancel = cancel,
                                 .progress = kist_progress_start(targets->pipeline->name, quiet),
                                 .err = KIST_ERROR_INIT};
    int code = 0;
    kist_progress_expect(saving.progress, bytes);
    kist_progress_expect_objects(saving.progress, count);
    if (count == 1 && items->count == 1 && !kist_run_items_are_objects(items))
        code = save_one(&saving, err);
    else if (count > 0)
        code = save_many(&saving, parallel < 1 ? 1 : parallel < count ? parallel : count, err);
    kist_progress_stop(saving.progress);
    return code ? code : enter_all(items, manifest, err);
}
