#include "manifest.h"
#include "manifest_seal.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

static json_t *digest_json(const struct kist_digest *digest)
{
    return json_pack("{s:I, s:s}", "size", (json_int_t)digest->size, "sha256", digest->sha256);
}

/* json_pack's own optional fields vanish silently when there is no memory for them. */
static int set_text(json_t *object, const char *name, const char *text)
{
    return text ? json_object_set_new(object, name, json_string(text)) : 0;
}

static json_t *filters_json(const struct kist_manifest_item *item)
{
    json_t *filters = json_array();
    for (size_t i = 0; i < item->filter_count; i++) {
        const struct kist_manifest_filter *filter = &item->filters[i];
        json_t *json = json_pack("{s:s, s:s}", "plugin", filter->plugin, "version", filter->version);
        if (json && !set_text(json, "settings", filter->settings) && !json_array_append(filters, json)) {
            json_decref(json);
            continue;
        }
        json_decref(json);
        json_decref(filters);
        return NULL;
    }
    return filters;
}

/* Its bytes are none of ours: who holds them, and under which name, is all there is to say. */
static json_t *held_json(const struct kist_manifest_item *item)
{
    json_t *json = json_pack("{s:s}", "name", item->name);
    if (json && !json_object_set_new(json, "reference", kist_reference_json(&item->reference->as)))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *item_json(const struct kist_manifest_item *item)
{
    if (item->reference)
        return held_json(item);
    json_t *json = json_pack("{s:s, s:s}", "name", item->name, "key", item->key);
    if (json && !set_text(json, "format", item->format) && !set_text(json, "content_type", item->content_type) &&
        !set_text(json, "stock_restore", item->stock_restore) && !set_text(json, "version", item->version) &&
        (!item->metadata || !json_object_set(json, "metadata", item->metadata)) &&
        !json_object_set_new(json, "raw", digest_json(&item->raw)) &&
        !json_object_set_new(json, "stored", digest_json(&item->stored)) &&
        !json_object_set_new(json, "filters", filters_json(item)))
        return json;
    json_decref(json);
    return NULL;
}

/* All of the document but its items and its seal. NULL when there is no memory or a text is not UTF-8. */
static json_t *head_json(const struct kist_manifest *manifest)
{
    char started[KIST_TIME_LENGTH + 1], finished[KIST_TIME_LENGTH + 1];
    kist_time_text(manifest->started, started);
    kist_time_text(manifest->finished, finished);
    json_t *notes = manifest->notes_key
                        ? json_pack("{s:s, s:I, s:s}", "key", manifest->notes_key, "size",
                                    (json_int_t)manifest->notes.size, "sha256", manifest->notes.sha256)
                        : NULL;
    if (manifest->notes_key && !notes)
        return NULL;
    int version = kist_manifest_has_references(manifest) ? KIST_MANIFEST_VERSION : 1;
    json_t *head = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:O, s:{s:s, s:s, s:O}, s:o*}", "kist_manifest",
                             version, "pipeline", manifest->pipeline, "id", manifest->id, "started", started,
                             "finished", finished, "kist", manifest->kist_version, "labels", manifest->labels,
                             "source", "plugin", manifest->source_plugin, "version", manifest->source_version,
                             "facts", manifest->facts, "restore_notes", notes);
    if (head && (!manifest->suspect || !json_object_set(head, "suspect", manifest->suspect)))
        return head;
    json_decref(head);
    return NULL;
}

static int unwritable(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED,
                     "the manifest cannot be written: out of memory, or a text is not UTF-8");
}

/* Takes `json` over and writes it. Without memory json_dumps may lose the name of a field and say nothing. */
static int write_json(json_t *json, size_t flags, char **ret_text, struct kist_error *err)
{
    char *text = json ? json_dumps(json, flags | JSON_ENSURE_ASCII) : NULL;
    json_t *again = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    int same = json_equal(json, again);
    json_decref(again);
    json_decref(json);
    if (!same) {
        free(text);
        return unwritable(err);
    }
    *ret_text = text;
    return 0;
}

/* One line, however many tables there are. */
static int add_counts(struct kist_text *text, const struct kist_manifest *manifest, struct kist_error *err)
{
    char *counts = NULL;
    if (manifest->counts.count == 0)
        return 0;
    int code = write_json(kist_counts_json(&manifest->counts), 0, &counts, err);
    if (code)
        return code;
    kist_text_add(text, ",\n  \"counts\": ");
    kist_text_add(text, counts);
    free(counts);
    return 0;
}

/* Each by itself and on a line of its own: of a store with many thousand objects, all of it at once would fill the memory. */
static int add_items(struct kist_text *text, const struct kist_manifest *manifest, struct kist_error *err)
{
    kist_text_add(text, ",\n  \"items\": [");
    for (size_t i = 0; i < manifest->item_count; i++) {
        char *item = NULL;
        int code = write_json(item_json(&manifest->items[i]), 0, &item, err);
        if (code)
            return code;
        kist_text_add(text, i ? ",\n    " : "\n    ");
        kist_text_add(text, item);
        free(item);
    }
    kist_text_add(text, manifest->item_count ? "\n  ],\n" : "],\n");
    return 0;
}

static int fail_large(const struct kist_manifest *manifest, size_t size, struct kist_error *err)
{
    kist_fail(err, KIST_ERR_FAILED, "%zu items make a manifest of %s, and none above %s is read",
              manifest->item_count, kist_size_show(size).text, kist_size_show(KIST_MANIFEST_LIMIT).text);
    kist_hint(err, "make several pipelines of it, each with a part of the items");
    return KIST_ERR_FAILED;
}

int kist_manifest_format(const struct kist_manifest *manifest, const char *sign_key, char **ret_text,
                         size_t *ret_size, struct kist_error *err)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    char *head = NULL;
    int code = write_json(head_json(manifest), JSON_INDENT(2), &head, err);
    if (code)
        return code;
    /* The closing brace goes; the seal brings its own. */
    kist_text_add_bytes(&text, head, strlen(head) - 2);
    free(head);
    code = add_counts(&text, manifest, err);
    if (!code)
        code = add_items(&text, manifest, err);
    if (!code)
        code = kist_seal_add(&text, sign_key, err);
    size_t size = text.size;
    if (!code && size > KIST_MANIFEST_LIMIT)
        return fail_large(manifest, size, err);
    char *whole = code ? NULL : kist_text_take(&text);
    if (!whole)
        return code ? code : unwritable(err);
    *ret_text = whole;
    *ret_size = size;
    return 0;
}
