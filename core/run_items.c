#include "run_items.h"
#include "facts.h"
#include "item_name.h"
#include "key.h"
#include "restore_notes.h"
#include "transfer.h"

#include <stdlib.h>
#include <string.h>

static void item_done(struct kist_run_item *item)
{
    for (size_t i = 0; i < sizeof item->strings / sizeof *item->strings; i++)
        free(item->strings[i]);
}

/* Copies a text that the item points to. */
static int keep(struct kist_run_item *item, size_t slot, const char **text)
{
    if (!*text)
        return 0;
    item->strings[slot] = strdup(*text);
    *text = item->strings[slot];
    return *text ? 0 : KIST_ERR_FAILED;
}

static int note_item(void *arg, const struct kist_item *given)
{
    struct kist_run_items *items = arg;
    struct kist_run_item *larger = reallocarray(items->items, items->count + 1, sizeof *larger);
    if (!larger)
        return KIST_ERR_FAILED;
    items->items = larger;
    struct kist_run_item *item = &larger[items->count];
    *item = (struct kist_run_item){.item = {.size_estimate = -1}};
    memcpy(&item->item, given, given->struct_size < sizeof item->item ? given->struct_size : sizeof item->item);
    item->item.struct_size = sizeof item->item;
    items->count++;
    int failed = keep(item, 0, &item->item.name) || keep(item, 1, &item->item.format) ||
                 keep(item, 2, &item->item.content_type) || keep(item, 3, &item->item.database) ||
                 keep(item, 4, &item->item.stock_restore);
    return failed || !item->item.name ? KIST_ERR_FAILED : 0;
}

static int compare_keys(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Two items under one key would overwrite each other. */
static int check_unique(const struct kist_run_items *items, struct kist_error *err)
{
    char **sorted = calloc(items->key_count, sizeof *sorted);
    if (!sorted)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    memcpy(sorted, items->keys, items->key_count * sizeof *sorted);
    qsort(sorted, items->key_count, sizeof *sorted, compare_keys);
    int code = 0;
    for (size_t i = 1; i < items->key_count && !code; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0) {
            code = kist_fail(err, KIST_ERR_CONFIG, "two items of the backup would be stored as '%s'", sorted[i]);
            kist_hint(err, "put {item} into `name =`, or leave it out");
        }
    free(sorted);
    return code;
}

static int make_keys(const struct kist_config_pipeline *pipeline, const char *id, struct kist_run_items *items,
                     struct kist_error *err)
{
    items->keys = calloc(items->count + 1, sizeof *items->keys);
    if (!items->keys)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i <= items->count; i++) {
        char *name = NULL;
        int code = i < items->count ? kist_item_name(pipeline, &items->items[i].item, id, &name, err) : 0;
        if (code)
            return code;
        items->keys[i] = kist_key_join(pipeline->name, id, name ? name : KIST_NOTES_NAME, NULL);
        free(name);
        if (!items->keys[i])
            return kist_fail(err, KIST_ERR_FAILED, "out of memory");
        items->key_count++;
    }
    return check_unique(items, err);
}

static int open_instances(const struct kist_config_pipeline *pipeline, struct kist_cancel *cancel,
                          struct kist_run_items *items, struct kist_error *err)
{
    const struct kist_config_section *source = pipeline->source;
    int code = kist_instance_open(source->plugin, source->config, pipeline->name, source->name, cancel,
                                  &items->source, err);
    if (!code && !(items->filters = calloc(pipeline->filter_count + 1, sizeof(struct kist_instance *))))
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory");
    while (!code && items->filter_count < pipeline->filter_count) {
        const struct kist_config_section *filter = pipeline->filters[items->filter_count];
        code = kist_instance_open(filter->plugin, filter->config, pipeline->name, filter->name, cancel,
                                  &items->filters[items->filter_count], err);
        items->filter_count += code ? 0 : 1;
    }
    return code;
}

int kist_run_items_open(const struct kist_config_pipeline *pipeline, const char *id, struct kist_cancel *cancel,
                        struct kist_run_items *ret_items, struct kist_error *err)
{
    struct kist_run_items items = {0};
    int code = open_instances(pipeline, cancel, &items, err);
    if (!code)
        code = kist_instance_result(
            items.source, items.source->plugin->as.source.items(items.source->self, note_item, &items, err), err);
    if (!code && items.count == 0)
        code = kist_fail(err, KIST_ERR_FAILED, "%s: the source has nothing to save", items.source->where);
    if (!code)
        code = make_keys(pipeline, id, &items, err);
    if (code)
        kist_run_items_close(&items);
    else
        *ret_items = items;
    return code;
}

void kist_run_items_close(struct kist_run_items *items)
{
    kist_instance_close(items->source);
    for (size_t i = 0; i < items->filter_count; i++)
        kist_instance_close(items->filters[i]);
    free(items->filters);
    for (size_t i = 0; i < items->count; i++)
        item_done(&items->items[i]);
    free(items->items);
    for (size_t i = 0; i < items->key_count; i++)
        free(items->keys[i]);
    free(items->keys);
    *items = (struct kist_run_items){0};
}

static int duplicate(const char *text, char **ret_copy)
{
    *ret_copy = text ? strdup(text) : NULL;
    return text && !*ret_copy;
}

static int enter_item(struct kist_manifest *manifest, const struct kist_transfer *transfer, const char *key,
                      struct kist_error *err)
{
    struct kist_manifest_item *entry = NULL;
    const struct kist_item *item = transfer->item;
    int code = kist_manifest_add_item(manifest, &entry, err);
    if (code)
        return code;
    if (duplicate(item->name, &entry->name) || duplicate(item->format, &entry->format) ||
        duplicate(item->content_type, &entry->content_type) ||
        duplicate(item->stock_restore, &entry->stock_restore) || duplicate(key, &entry->key))
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for the manifest");
    entry->raw.size = transfer->raw_size;
    entry->stored.size = transfer->stored_size;
    memcpy(entry->raw.sha256, transfer->raw_sha256, sizeof entry->raw.sha256);
    memcpy(entry->stored.sha256, transfer->stored_sha256, sizeof entry->stored.sha256);
    for (size_t i = 0; i < transfer->filter_count && !code; i++) {
        const struct kist_plugin *plugin = transfer->filters[i]->plugin;
        code = kist_manifest_add_filter(entry, plugin->name, plugin->about.version, err);
    }
    return code;
}

/* Saves one item to the targets that are left, and notes which of them failed. */
static int save_item(struct kist_transfer *transfer, struct kist_targets *targets, struct kist_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < targets->count; i++)
        if (!targets->items[i].err.code)
            transfer->targets[count++] = (struct kist_transfer_target){
                .store = targets->items[i].store, .key = transfer->targets[0].key, .err = KIST_ERROR_INIT};
    transfer->target_count = count;
    int code = kist_transfer_run(transfer, err);
    for (size_t i = 0, k = 0; i < targets->count; i++) {
        if (targets->items[i].err.code)
            continue;
        kist_error_move(&targets->items[i].err, &transfer->targets[k++].err);
    }
    return code;
}

static int save_all(struct kist_run_items *items, struct kist_transfer *transfer, struct kist_targets *targets,
                    struct kist_manifest *manifest, struct kist_error *err)
{
    for (size_t i = 0; i < items->count; i++) {
        transfer->item = &items->items[i].item;
        transfer->raw_size = transfer->stored_size = 0;
        transfer->targets[0].key = items->keys[i];
        int code = save_item(transfer, targets, err);
        if (!code)
            code = enter_item(manifest, transfer, items->keys[i], err);
        if (code)
            return code;
    }
    return 0;
}

int kist_run_items_save(struct kist_run_items *items, struct kist_targets *targets, struct kist_manifest *manifest,
                        struct kist_cancel *cancel, int quiet, struct kist_error *err)
{
    int64_t expected = 0;
    for (size_t i = 0; i < items->count; i++)
        expected = expected < 0 || items->items[i].item.size_estimate < 0
                       ? -1
                       : expected + items->items[i].item.size_estimate;
    struct kist_transfer transfer = {.source = items->source,
                                     .filters = items->filters,
                                     .filter_count = items->filter_count,
                                     .need = targets->need,
                                     .targets = calloc(targets->count + 1, sizeof *transfer.targets),
                                     .cancel = cancel,
                                     .progress = kist_progress_start(targets->pipeline->name, quiet)};
    kist_progress_expect(transfer.progress, expected);
    int code = transfer.targets ? save_all(items, &transfer, targets, manifest, err)
                                : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    kist_progress_stop(transfer.progress);
    free(transfer.targets);
    return code;
}

int kist_run_items_facts(struct kist_run_items *items, json_t **ret_facts, struct kist_error *err)
{
    struct kist_facts_builder builder;
    int code = kist_facts_init(&builder, err);
    if (!code)
        code = kist_instance_result(
            items->source, items->source->plugin->as.source.facts(items->source->self, &builder.facts, err), err);
    if (!code)
        code = kist_facts_take(&builder, ret_facts, err);
    kist_facts_done(&builder);
    return code;
}
