#include "manifest.h"

#include <stdlib.h>
#include <string.h>

void kist_manifest_item_done(struct kist_manifest_item *item)
{
    for (size_t i = 0; i < item->filter_count; i++) {
        free(item->filters[i].plugin);
        free(item->filters[i].version);
        free(item->filters[i].settings);
    }
    free(item->filters);
    free(item->name);
    free(item->format);
    free(item->content_type);
    free(item->stock_restore);
    free(item->version);
    json_decref(item->metadata);
    free(item->key);
    kist_reference_free(item->reference);
    *item = (struct kist_manifest_item){0};
}

void kist_manifest_done(struct kist_manifest *manifest)
{
    for (size_t i = 0; i < manifest->item_count; i++)
        kist_manifest_item_done(&manifest->items[i]);
    free(manifest->items);
    free(manifest->pipeline);
    free(manifest->kist_version);
    free(manifest->source_plugin);
    free(manifest->source_version);
    free(manifest->notes_key);
    json_decref(manifest->labels);
    json_decref(manifest->facts);
    json_decref(manifest->suspect);
    kist_counts_done(&manifest->counts);
    *manifest = (struct kist_manifest){0};
}

int kist_manifest_add_item(struct kist_manifest *manifest, struct kist_manifest_item **ret_item,
                           struct kist_error *err)
{
    size_t count = manifest->item_count;
    /* Doubles at every power of two: a mirror of an object store may hold a million. */
    if ((count & (count - 1)) == 0) {
        struct kist_manifest_item *items = reallocarray(manifest->items, count ? 2 * count : 1, sizeof *items);
        if (!items)
            return kist_fail(err, KIST_ERR_FAILED, "out of memory for the manifest");
        manifest->items = items;
    }
    manifest->items[count] = (struct kist_manifest_item){0};
    *ret_item = &manifest->items[count];
    manifest->item_count++;
    return 0;
}

int kist_manifest_add_filter(struct kist_manifest_item *item, const char *plugin, const char *version,
                             const char *settings, struct kist_error *err)
{
    struct kist_manifest_filter *filters = reallocarray(item->filters, item->filter_count + 1, sizeof *filters);
    if (!filters)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for the manifest");
    item->filters = filters;
    struct kist_manifest_filter *filter = &filters[item->filter_count++];
    int said = settings && *settings;
    *filter = (struct kist_manifest_filter){
        .plugin = strdup(plugin), .version = strdup(version), .settings = said ? strdup(settings) : NULL};
    if (!filter->plugin || !filter->version || (said && !filter->settings))
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for the manifest");
    return 0;
}

#define AHEAD 60   /* seconds that an id may be ahead of the clock that looks */
#define CLOSE 3600 /* and of the run itself, as by several runs within a second */

int64_t kist_manifest_begun(const struct kist_manifest *manifest, int64_t now)
{
    int64_t time = manifest->started, id = time;
    if (!kist_id_parse(manifest->id, &id) || (id >= time && id - time <= CLOSE))
        return time;
    return id < time || id <= now + AHEAD ? id : time;
}

int kist_manifest_same_filters(const struct kist_manifest_item *a, const struct kist_manifest_item *b)
{
    int same = a->filter_count == b->filter_count;
    for (size_t i = 0; same && i < a->filter_count; i++)
        same = strcmp(a->filters[i].plugin, b->filters[i].plugin) == 0;
    return same;
}

int kist_safety_is(const struct kist_manifest *manifest)
{
    return json_object_get(manifest->labels, KIST_SAFETY_LABEL) != NULL;
}

uint64_t kist_manifest_raw_size(const struct kist_manifest *manifest)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < manifest->item_count; i++)
        sum += manifest->items[i].raw.size;
    return sum;
}

uint64_t kist_manifest_stored_size(const struct kist_manifest *manifest)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < manifest->item_count; i++)
        sum += manifest->items[i].stored.size;
    return sum;
}
