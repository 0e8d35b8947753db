#include "key.h"
#include "manifest.h"
#include "manifest_seal.h"

#include <stdlib.h>
#include <string.h>

/* Fields are read by these; a missing or odd one is noted once and the reading goes on. */
struct reading {
    const char *wrong; /* name of the first field that is not as it should be */
    int references;    /* the version has them */
};

static char *text_field(struct reading *reading, json_t *object, const char *name, int required)
{
    json_t *value = json_object_get(object, name);
    const char *text = json_string_value(value);
    char *copy = NULL;
    if (text && strlen(text) == json_string_length(value) && (copy = strdup(text)))
        return copy;
    if ((value || required) && !reading->wrong)
        reading->wrong = name;
    return NULL;
}

static json_t *object_field(struct reading *reading, json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    if (json_is_object(value))
        return json_incref(value);
    if (!reading->wrong)
        reading->wrong = name;
    return NULL;
}

/* An object that holds texts only. */
static json_t *texts_field(struct reading *reading, json_t *object, const char *name)
{
    json_t *texts = object_field(reading, object, name), *value = NULL;
    const char *key = NULL;
    json_object_foreach(texts, key, value)
        if (!json_is_string(value) && !reading->wrong)
            reading->wrong = name;
    return texts;
}

static int64_t time_field(struct reading *reading, json_t *object, const char *name)
{
    int64_t seconds = 0;
    const char *text = json_string_value(json_object_get(object, name));
    if ((!text || !kist_time_parse(text, &seconds)) && !reading->wrong)
        reading->wrong = name;
    return seconds;
}

static void read_digest(struct reading *reading, json_t *object, const char *name, struct kist_digest *digest)
{
    json_t *size = json_object_get(object, "size");
    const char *sha256 = json_string_value(json_object_get(object, "sha256"));
    if (json_is_integer(size) && json_integer_value(size) >= 0 && sha256 && kist_hash_is_hex(sha256)) {
        digest->size = (uint64_t)json_integer_value(size);
        memcpy(digest->sha256, sha256, sizeof digest->sha256);
    } else if (!reading->wrong) {
        reading->wrong = name;
    }
}

/* Nothing outside of the pipeline's own folder can be named by its manifest. */
static void check_key(struct reading *reading, const struct kist_manifest *manifest, const char *key,
                      const char *name)
{
    KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
    if (!key || kist_key_check(key, &ignored) || !kist_key_is_below(key, manifest->pipeline))
        if (!reading->wrong)
            reading->wrong = name;
}

static int read_filters(struct reading *reading, json_t *json, struct kist_manifest_item *item,
                        struct kist_error *err)
{
    json_t *filters = json_object_get(json, "filters"), *filter = NULL;
    size_t index = 0;
    int code = 0;
    if (!json_is_array(filters) && !reading->wrong)
        reading->wrong = "filters";
    json_array_foreach(filters, index, filter) {
        char *plugin = text_field(reading, filter, "plugin", 1),
             *version = text_field(reading, filter, "version", 1),
             *settings = text_field(reading, filter, "settings", 0);
        if (plugin && version)
            code = kist_manifest_add_filter(item, plugin, version, settings, err);
        free(plugin);
        free(version);
        free(settings);
        if (code)
            return code;
    }
    return 0;
}

/* An item is stored or held, never both: what is deleted with a backup must not depend on who reads its manifest. */
static int read_reference(struct reading *reading, json_t *json, struct kist_manifest_item *item,
                          struct kist_error *err)
{
    static const char *const stored[] = {"key", "raw", "stored", "filters"};
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++)
        if (json_object_get(json, stored[i]) && !reading->wrong)
            reading->wrong = stored[i];
    if (!reading->references && !reading->wrong)
        reading->wrong = "reference";
    int code = kist_reference_parse(json_object_get(json, "reference"), &item->reference, err);
    if (!code && item->reference->as.size > 0)
        item->raw.size = (uint64_t)item->reference->as.size;
    return code;
}

static int read_item(struct reading *reading, json_t *json, struct kist_manifest *manifest, struct kist_error *err)
{
    KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
    struct kist_manifest_item *item = NULL;
    int code = kist_manifest_add_item(manifest, &item, err);
    if (code)
        return code;
    item->name = text_field(reading, json, "name", 1);
    if (item->name && kist_key_check(item->name, &ignored) && !reading->wrong)
        reading->wrong = "name";
    if (json_object_get(json, "reference"))
        return read_reference(reading, json, item, err);
    item->format = text_field(reading, json, "format", 0);
    item->content_type = text_field(reading, json, "content_type", 0);
    item->stock_restore = text_field(reading, json, "stock_restore", 0);
    item->version = text_field(reading, json, "version", 0);
    if (json_object_get(json, "metadata"))
        item->metadata = texts_field(reading, json, "metadata");
    item->key = text_field(reading, json, "key", 1);
    check_key(reading, manifest, item->key, "key");
    read_digest(reading, json_object_get(json, "raw"), "raw", &item->raw);
    read_digest(reading, json_object_get(json, "stored"), "stored", &item->stored);
    return read_filters(reading, json, item, err);
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static int has_double(char **texts, size_t count)
{
    int found = 0;
    if (count)
        qsort(texts, count, sizeof *texts, compare_texts);
    for (size_t i = 1; i < count && !found; i++)
        found = strcmp(texts[i - 1], texts[i]) == 0;
    return found;
}

/* Two items of one name or in one object cannot both be what was saved. */
static int check_unique(struct reading *reading, const struct kist_manifest *manifest, struct kist_error *err)
{
    size_t count = manifest->item_count, keys = 0;
    char **texts = reading->wrong ? NULL : calloc(2 * count + 1, sizeof *texts);
    if (!texts)
        return reading->wrong ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory for the manifest");
    for (size_t i = 0; i < count; i++) {
        texts[i] = manifest->items[i].name;
        if (manifest->items[i].key)
            texts[count + keys++] = manifest->items[i].key;
    }
    if (has_double(texts, count) || has_double(texts + count, keys))
        reading->wrong = "items";
    free(texts);
    return 0;
}

/* What was counted, and what was thought of it; both may be missing. */
static int read_judgement(struct reading *reading, json_t *json, struct kist_manifest *manifest,
                          struct kist_error *err)
{
    json_t *counts = json_object_get(json, "counts"), *suspect = json_object_get(json, "suspect"), *reason = NULL;
    size_t index = 0;
    if (suspect && (!json_is_array(suspect) || json_array_size(suspect) == 0) && !reading->wrong)
        reading->wrong = "suspect";
    json_array_foreach(suspect, index, reason)
        if (!json_is_string(reason) && !reading->wrong)
            reading->wrong = "suspect";
    manifest->suspect = json_incref(suspect);
    return counts ? kist_counts_parse(counts, &manifest->counts, err) : 0;
}

static int read_fields(struct reading *reading, json_t *json, struct kist_manifest *manifest,
                       struct kist_error *err)
{
    manifest->pipeline = text_field(reading, json, "pipeline", 1);
    const char *id = json_string_value(json_object_get(json, "id"));
    if (!manifest->pipeline || !id || !kist_id_parse(id, NULL))
        return kist_fail(err, KIST_ERR_CORRUPT, "it does not say whose it is");
    memcpy(manifest->id, id, KIST_ID_LENGTH + 1);
    manifest->started = time_field(reading, json, "started");
    manifest->finished = time_field(reading, json, "finished");
    manifest->kist_version = text_field(reading, json, "kist", 1);
    manifest->labels = texts_field(reading, json, "labels");
    json_t *source = json_object_get(json, "source");
    manifest->source_plugin = text_field(reading, source, "plugin", 1);
    manifest->source_version = text_field(reading, source, "version", 1);
    manifest->facts = object_field(reading, source, "facts");
    json_t *notes = json_object_get(json, "restore_notes");
    if (notes) {
        manifest->notes_key = text_field(reading, notes, "key", 1);
        check_key(reading, manifest, manifest->notes_key, "restore_notes");
        read_digest(reading, notes, "restore_notes", &manifest->notes);
    }
    json_t *items = json_object_get(json, "items"), *item = NULL;
    size_t index = 0;
    if (!json_is_array(items) && !reading->wrong)
        reading->wrong = "items";
    json_array_foreach(items, index, item) {
        int code = read_item(reading, item, manifest, err);
        if (code)
            return code;
    }
    int code = check_unique(reading, manifest, err);
    if (!code)
        code = read_judgement(reading, json, manifest, err);
    if (code)
        return code;
    return reading->wrong ? kist_fail(err, KIST_ERR_CORRUPT, "its field '%s' is missing or not as it should be",
                                      reading->wrong)
                          : 0;
}

static int read_document(json_t *json, const char *pipeline, const char *id, struct kist_manifest *manifest,
                         struct kist_error *err)
{
    struct reading reading = {0};
    json_int_t version = json_integer_value(json_object_get(json, "kist_manifest"));
    if (version > KIST_MANIFEST_VERSION) {
        kist_fail(err, KIST_ERR_UNSUPPORTED, "it is of version %lld, this kist reads up to %d", (long long)version,
                  KIST_MANIFEST_VERSION);
        kist_hint(err, "use the kist that wrote it, or a newer one");
        return KIST_ERR_UNSUPPORTED;
    }
    if (version < 1)
        return kist_fail(err, KIST_ERR_CORRUPT, "it has no version");
    reading.references = version >= 2;
    int code = read_fields(&reading, json, manifest, err);
    if (!code && (strcmp(manifest->pipeline, pipeline) != 0 || strcmp(manifest->id, id) != 0))
        code = kist_fail(err, KIST_ERR_CORRUPT, "it is the manifest of '%s/%s'", manifest->pipeline, manifest->id);
    return code;
}

int kist_manifest_parse(const char *text, size_t size, const char *sign_key, const char *pipeline, const char *id,
                        struct kist_manifest *ret_manifest, struct kist_error *err)
{
    struct kist_manifest manifest = {0};
    json_error_t where;
    int code = kist_seal_check(text, size, sign_key, err);
    json_t *json = code ? NULL : json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    if (!code && !json)
        code = kist_fail(err,
                         json_error_code(&where) == json_error_out_of_memory ? KIST_ERR_FAILED : KIST_ERR_CORRUPT,
                         "line %d: %s", where.line, where.text);
    if (!code)
        code = read_document(json, pipeline, id, &manifest, err);
    json_decref(json);
    if (code) {
        kist_manifest_done(&manifest);
        return kist_error_prefix(err, "manifest of '%s/%s'", pipeline, id);
    }
    *ret_manifest = manifest;
    return 0;
}
