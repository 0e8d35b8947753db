#include "catalog_document.h"
#include "key.h"
#include "state.h"

#include <stdlib.h>
#include <string.h>

#define FOREIGN_GRACE (24 * 3600) /* seconds */

static int no_memory(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED, "out of memory for the catalog");
}

int kist_catalog_begin(struct kist_store *store, const char *pipeline, const char *id, const char *owner,
                       char *const *keys, size_t key_count, struct kist_error *err)
{
    json_t *array = json_array();
    for (size_t i = 0; i < key_count; i++)
        json_array_append_new(array, json_string(keys[i]));
    json_t *note = json_pack("{s:i, s:s, s:s, s:s, s:I, s:o}", "kist_pending", 1, "pipeline", pipeline, "id", id,
                             "owner", owner, "begun", (json_int_t)kist_time_now(), "keys", array);
    char *text = note ? json_dumps(note, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
    int code = text && json_array_size(array) == key_count
                   ? kist_catalog_put_document(store, pipeline, id, KIST_PENDING_SUFFIX, text, strlen(text), err)
                   : no_memory(err);
    json_decref(note);
    free(text);
    return code;
}

int kist_catalog_is_begun(struct kist_store *store, const char *pipeline, const char *id, int *ret_begun,
                          struct kist_error *err)
{
    return kist_catalog_document_exists(store, pipeline, id, KIST_PENDING_SUFFIX, ret_begun, err);
}

int kist_catalog_end(struct kist_store *store, const char *pipeline, const char *id, struct kist_error *err)
{
    return kist_catalog_remove_document(store, pipeline, id, KIST_PENDING_SUFFIX, err);
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
    json_t *begun = json_object_get(note, "begun");
    const char *noted = json_string_value(json_object_get(note, "owner"));
    size_t length = strlen(kist_host_name());
    if (noted && owner && strcmp(noted, owner) == 0)
        return 1;
    if (noted && !owner && strncmp(noted, kist_host_name(), length) == 0 && noted[length] == ':')
        return 1;
    /* A repair brings a backup that may be years old: not its id tells when that began. */
    int known = kist_id_parse(id, &started);
    if (json_integer_value(begun) > 0)
        started = json_integer_value(begun);
    return known && kist_time_now() - started > FOREIGN_GRACE;
}

/* Reads the note of a run, and whether the run is over. New reference; NULL for what is no JSON, or is there no more. */
static int read_note(struct kist_store *store, const char *pipeline, const char *id, const char *owner,
                     json_t **ret_note, int *ret_over, struct kist_error *err)
{
    char *key = kist_catalog_key(pipeline, id, KIST_PENDING_SUFFIX);
    char *text = NULL;
    size_t size = 0;
    if (!key)
        return no_memory(err);
    int code = kist_store_get_bytes(store, key, KIST_MANIFEST_LIMIT, &text, &size, err);
    free(key);
    *ret_note = NULL;
    *ret_over = code == KIST_ERR_NOT_FOUND;
    /* A run of another machine has just come to its end. */
    if (code == KIST_ERR_NOT_FOUND) {
        kist_error_clear(err);
        return 0;
    }
    if (code)
        return code;
    *ret_note = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    *ret_over = is_over(id, owner, *ret_note);
    free(text);
    return 0;
}

static int sweep_one(struct kist_store *store, const char *pipeline, const char *id, const char *owner,
                     const char *taken, uint64_t *ret_count, struct kist_error *err)
{
    json_t *note = NULL;
    int over = 0;
    int code = read_note(store, pipeline, id, owner, &note, &over, err);
    if (!code && over)
        code = remove_noted(store, pipeline, id, taken, json_object_get(note, "keys"), ret_count, err);
    json_decref(note);
    return code || !over ? code : kist_catalog_end(store, pipeline, id, err);
}

int kist_catalog_busy(struct kist_store *store, const char *pipeline, const char *owner,
                      const struct kist_catalog *catalog, char ret_id[KIST_ID_LENGTH + 1], struct kist_error *err)
{
    ret_id[0] = '\0';
    for (size_t i = 0; i < catalog->pending_count && !ret_id[0]; i++) {
        const char *id = catalog->pending[i].id;
        json_t *note = NULL;
        int over = 1;
        int code = kist_catalog_has(catalog, id) ? 0 : read_note(store, pipeline, id, owner, &note, &over, err);
        json_decref(note);
        if (code)
            return code;
        if (!over)
            memcpy(ret_id, id, KIST_ID_LENGTH + 1);
    }
    return 0;
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
