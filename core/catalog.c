#include "catalog.h"
#include "key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANIFEST_SUFFIX ".json"
#define PENDING_SUFFIX ".pending"
#define WORD_LETTERS "abcdefghijklmnopqrstuvwxyz"
#define FOREIGN_GRACE (24 * 3600) /* seconds */

char *kist_catalog_key(const char *pipeline, const char *id, const char *suffix)
{
    char *key = NULL;
    if (asprintf(&key, "_kist/%s%s%s%s", pipeline, *id ? "/" : "", id, suffix) < 0)
        return NULL;
    return key;
}

static int no_memory(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED, "out of memory for the catalog");
}

static int add_id(struct kist_catalog_id **ids, size_t *count, const char *id)
{
    /* Doubles at every power of two: a catalog may hold many thousands. */
    if ((*count & (*count - 1)) == 0) {
        struct kist_catalog_id *larger = reallocarray(*ids, *count ? *count * 2 : 1, sizeof **ids);
        if (!larger)
            return KIST_ERR_FAILED;
        *ids = larger;
    }
    memcpy((*ids)[(*count)++].id, id, KIST_ID_LENGTH + 1);
    return 0;
}

struct reading {
    struct kist_catalog *catalog;
    size_t folder_length;
    struct kist_error unsound; /* why a key cannot be one: a store that gives such keys is not to be trusted */
};

/* ".<word>.<time>"; anything else is no mark. */
static int add_mark(struct kist_catalog *catalog, const char *id, const char *suffix)
{
    struct kist_catalog_mark mark = {.word = ""};
    size_t length = strspn(suffix + 1, WORD_LETTERS), count = catalog->mark_count;
    if (length == 0 || length > KIST_MARK_WORD || suffix[length + 1] != '.' ||
        !kist_id_parse(suffix + length + 2, NULL))
        return 0;
    if ((count & (count - 1)) == 0) {
        struct kist_catalog_mark *larger = reallocarray(catalog->marks, count ? count * 2 : 1, sizeof *larger);
        if (!larger)
            return KIST_ERR_FAILED;
        catalog->marks = larger;
    }
    memcpy(mark.id, id, sizeof mark.id);
    memcpy(mark.word, suffix + 1, length);
    memcpy(mark.time, suffix + length + 2, sizeof mark.time);
    catalog->marks[catalog->mark_count++] = mark;
    return 0;
}

/* Notes the id of a manifest or of a run's note; anything else in the folder is not ours to judge. */
static int note_object(void *arg, const struct kist_object *object)
{
    struct reading *reading = arg;
    struct kist_catalog *catalog = reading->catalog;
    const char *name = object->key + reading->folder_length + 1;
    char id[KIST_ID_LENGTH + 1];
    if (kist_key_check(object->key, &reading->unsound))
        return KIST_ERR_CORRUPT;
    if (strlen(name) <= KIST_ID_LENGTH)
        return 0;
    memcpy(id, name, KIST_ID_LENGTH);
    id[KIST_ID_LENGTH] = '\0';
    if (!kist_id_parse(id, NULL))
        return 0;
    if (strcmp(name + KIST_ID_LENGTH, MANIFEST_SUFFIX) == 0)
        return add_id(&catalog->backups, &catalog->backup_count, id);
    if (strcmp(name + KIST_ID_LENGTH, PENDING_SUFFIX) == 0)
        return add_id(&catalog->pending, &catalog->pending_count, id);
    return name[KIST_ID_LENGTH] == '.' ? add_mark(catalog, id, name + KIST_ID_LENGTH) : 0;
}

static int compare_marks(const void *left, const void *right)
{
    const struct kist_catalog_mark *a = left, *b = right;
    int order = strcmp(a->id, b->id);
    if (!order)
        order = strcmp(a->time, b->time);
    return order ? order : strcmp(a->word, b->word);
}

static int compare_ids(const void *left, const void *right)
{
    return strcmp(left, right);
}

int kist_catalog_read(struct kist_store *store, const char *pipeline, struct kist_catalog *ret_catalog,
                      struct kist_error *err)
{
    struct kist_catalog catalog = {0};
    char *folder = kist_catalog_key(pipeline, "", "");
    struct reading reading = {
        .catalog = &catalog, .folder_length = folder ? strlen(folder) : 0, .unsound = KIST_ERROR_INIT};
    int code = folder ? kist_store_list(store, folder, note_object, &reading, err) : no_memory(err);
    free(folder);
    if (reading.unsound.code) {
        code = kist_error_move(err, &reading.unsound);
        kist_error_prefix(err, "%s: the listing of the backups", store->where);
    }
    if (code) {
        kist_catalog_done(&catalog);
        return code;
    }
    if (catalog.backup_count)
        qsort(catalog.backups, catalog.backup_count, sizeof *catalog.backups, compare_ids);
    if (catalog.pending_count)
        qsort(catalog.pending, catalog.pending_count, sizeof *catalog.pending, compare_ids);
    if (catalog.mark_count)
        qsort(catalog.marks, catalog.mark_count, sizeof *catalog.marks, compare_marks);
    *ret_catalog = catalog;
    return 0;
}

void kist_catalog_done(struct kist_catalog *catalog)
{
    free(catalog->backups);
    free(catalog->pending);
    free(catalog->marks);
    *catalog = (struct kist_catalog){0};
}

int kist_catalog_has(const struct kist_catalog *catalog, const char *id)
{
    return catalog->backup_count &&
           bsearch(id, catalog->backups, catalog->backup_count, sizeof *catalog->backups, compare_ids) != NULL;
}

int kist_catalog_load(struct kist_store *store, const struct kist_config_pipeline *pipeline, const char *id,
                      struct kist_manifest *ret_manifest, struct kist_error *err)
{
    char *key = kist_catalog_key(pipeline->name, id, MANIFEST_SUFFIX);
    char *text = NULL;
    size_t size = 0;
    if (!key)
        return no_memory(err);
    int code = kist_store_get_bytes(store, key, KIST_MANIFEST_LIMIT, &text, &size, err);
    if (!code) {
        code = kist_manifest_parse(text, size, pipeline->sign_key, pipeline->name, id, ret_manifest, err);
        if (code)
            code = kist_error_prefix(err, "%s: '%s'", kist_store_name(store), key);
    }
    free(text);
    free(key);
    return code;
}

int kist_catalog_commit(struct kist_store *store, const char *pipeline, const char *id, const char *text,
                        size_t size, struct kist_error *err)
{
    char *key = kist_catalog_key(pipeline, id, MANIFEST_SUFFIX);
    if (!key)
        return no_memory(err);
    int code = kist_store_put_bytes(store, key, text, size, "application/json", err);
    free(key);
    return code;
}

int kist_catalog_begin(struct kist_store *store, const char *pipeline, const char *id, const char *owner,
                       char *const *keys, size_t key_count, struct kist_error *err)
{
    json_t *array = json_array();
    for (size_t i = 0; i < key_count; i++)
        json_array_append_new(array, json_string(keys[i]));
    json_t *note = json_pack("{s:i, s:s, s:s, s:s, s:o}", "kist_pending", 1, "pipeline", pipeline, "id", id,
                             "owner", owner, "keys", array);
    char *text = note ? json_dumps(note, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
    char *key = kist_catalog_key(pipeline, id, PENDING_SUFFIX);
    int code = text && key && json_array_size(array) == key_count
                   ? kist_store_put_bytes(store, key, text, strlen(text), "application/json", err)
                   : no_memory(err);
    json_decref(note);
    free(text);
    free(key);
    return code;
}

static int remove_document(struct kist_store *store, const char *pipeline, const char *id, const char *suffix,
                           struct kist_error *err)
{
    char *key = kist_catalog_key(pipeline, id, suffix);
    if (!key)
        return no_memory(err);
    int code = kist_store_remove(store, key, err);
    free(key);
    return code;
}

int kist_catalog_end(struct kist_store *store, const char *pipeline, const char *id, struct kist_error *err)
{
    return remove_document(store, pipeline, id, PENDING_SUFFIX, err);
}

int kist_catalog_remove(struct kist_store *store, const char *pipeline, const char *id, struct kist_error *err)
{
    return remove_document(store, pipeline, id, MANIFEST_SUFFIX, err);
}

/* The keys of a note that lie in the run's own folder: whatever a note says, it reaches no further. Borrowed from it. */
static int keys_of_note(const char *folder, const char *taken, json_t *keys, const char ***ret_keys,
                        size_t *ret_count, struct kist_error *err)
{
    const char **found = calloc(json_array_size(keys) + 1, sizeof *found);
    size_t index = 0, count = 0;
    json_t *value = NULL;
    if (!found)
        return no_memory(err);
    json_array_foreach(keys, index, value) {
        const char *key = json_string_value(value);
        KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
        if (key && !kist_key_check(key, &ignored) && kist_key_is_below(key, folder) &&
            !(taken && strcmp(key, taken) == 0))
            found[count++] = key;
    }
    *ret_keys = found;
    *ret_count = count;
    return 0;
}

struct leftovers {
    struct kist_error first; /* why one could not be removed */
    uint64_t kept;
};

static void note_kept(void *arg, const char *key, const struct kist_error *err)
{
    struct leftovers *leftovers = arg;
    (void)key;
    if (!leftovers->kept++)
        kist_error_copy(&leftovers->first, err);
}

/* Uploads that never came to an end; a store that keeps none, or cannot tell, has nothing to say here. */
static int sweep_uploads(struct kist_store *store, const char *folder, uint64_t *ret_count, struct kist_error *err)
{
    uint64_t count = 0;
    int code = kist_store_sweep_below(store, folder, &count, err);
    if (!code)
        *ret_count += count;
    if (code != KIST_ERR_UNSUPPORTED)
        return code;
    kist_error_clear(err);
    return 0;
}

/* Removes what a run may have written: all that its note names. */
static int remove_noted(struct kist_store *store, const char *pipeline, const char *id, const char *taken,
                        json_t *noted, uint64_t *ret_count, struct kist_error *err)
{
    struct leftovers leftovers = {.first = KIST_ERROR_INIT};
    const char **keys = NULL;
    size_t count = 0;
    char *folder = kist_key_join(pipeline, id, NULL);
    int code = folder ? sweep_uploads(store, folder, ret_count, err) : no_memory(err);
    if (!code)
        code = keys_of_note(folder, taken, noted, &keys, &count, err);
    if (!code)
        code = kist_store_remove_many(store, keys, count, note_kept, &leftovers, err);
    if (!code) {
        *ret_count += count - leftovers.kept;
        code = leftovers.kept ? kist_error_move(err, &leftovers.first) : 0;
    }
    kist_error_done(&leftovers.first);
    free(keys);
    free(folder);
    return code;
}

/* A run of this owner is over, for its lock is ours now; one of another is given a day to end. */
static int is_over(const char *id, const char *owner, json_t *note)
{
    int64_t started = 0;
    const char *noted = json_string_value(json_object_get(note, "owner"));
    if (noted && strcmp(noted, owner) == 0)
        return 1;
    return kist_id_parse(id, &started) && kist_time_now() - started > FOREIGN_GRACE;
}

static int sweep_one(struct kist_store *store, const char *pipeline, const char *id, const char *owner,
                     const char *taken, uint64_t *ret_count, struct kist_error *err)
{
    char *key = kist_catalog_key(pipeline, id, PENDING_SUFFIX);
    char *text = NULL;
    size_t size = 0;
    if (!key)
        return no_memory(err);
    int code = kist_store_get_bytes(store, key, KIST_MANIFEST_LIMIT, &text, &size, err);
    free(key);
    /* A run of another machine has just come to its end. */
    if (code == KIST_ERR_NOT_FOUND) {
        kist_error_clear(err);
        return 0;
    }
    if (code)
        return code;
    json_t *note = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    int over = is_over(id, owner, note);
    code = over ? remove_noted(store, pipeline, id, taken, json_object_get(note, "keys"), ret_count, err) : 0;
    json_decref(note);
    return code || !over ? code : kist_catalog_end(store, pipeline, id, err);
}

int kist_catalog_sweep(struct kist_store *store, const char *pipeline, const char *owner,
                       const struct kist_catalog *catalog, uint64_t *ret_count, struct kist_error *err)
{
    *ret_count = 0;
    for (size_t i = 0; i < catalog->pending_count; i++) {
        const char *id = catalog->pending[i].id;
        int code = kist_catalog_has(catalog, id)
                       ? kist_catalog_end(store, pipeline, id, err)
                       : sweep_one(store, pipeline, id, owner, catalog->taken, ret_count, err);
        if (code)
            return code;
    }
    return 0;
}
