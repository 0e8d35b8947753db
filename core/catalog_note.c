#include "catalog_document.h"
#include "key.h"
#include "manifest_seal.h"
#include "state.h"

#include <stdlib.h>
#include <string.h>

#define FOREIGN_GRACE (24 * 3600) /* seconds */

static int no_memory(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED, "out of memory for the catalog");
}

static json_t *names_of(const struct kist_catalog_held *held)
{
    json_t *names = json_array();
    for (size_t i = 0; i < held->destination_count; i++)
        if (json_array_append_new(names, json_string(held->destinations[i]->name))) {
            json_decref(names);
            return NULL;
        }
    return names;
}

/* Adds who holds something, and seals it all: see manifest_seal.h. */
static int add_held(json_t *note, const struct kist_catalog_held *held, struct kist_text *text,
                    struct kist_error *err)
{
    json_t *json = json_pack("{s:s, s:o}", "plugin", held->plugin, "destinations", names_of(held));
    char *head =
        json && !json_object_set(note, "held", json) ? json_dumps(note, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
    json_decref(json);
    if (!head)
        return no_memory(err);
    /* The closing brace goes; the seal brings its own. */
    kist_text_add_bytes(text, head, strlen(head) - 2);
    kist_text_add(text, ",\n");
    free(head);
    return kist_seal_add(text, held->sign_key, err);
}

static int write_note(json_t *note, const struct kist_catalog_held *held, struct kist_text *text,
                      struct kist_error *err)
{
    if (held)
        return add_held(note, held, text, err);
    char *plain = json_dumps(note, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    kist_text_add(text, plain ? plain : "");
    int failed = !plain || kist_text_failed(text);
    free(plain);
    return failed ? no_memory(err) : 0;
}

int kist_catalog_begin(struct kist_store *store, const char *pipeline, const char *id, const char *owner,
                       char *const *keys, size_t key_count, const struct kist_catalog_held *held,
                       struct kist_error *err)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    json_t *array = json_array();
    for (size_t i = 0; i < key_count; i++)
        json_array_append_new(array, json_string(keys[i]));
    int whole = json_array_size(array) == key_count;
    json_t *note = json_pack("{s:i, s:s, s:s, s:s, s:I, s:o}", "kist_pending", 1, "pipeline", pipeline, "id", id,
                             "owner", owner, "begun", (json_int_t)kist_time_now(), "keys", array);
    int code = note && whole ? write_note(note, held, &text, err) : no_memory(err);
    if (!code)
        code = kist_catalog_put_document(store, pipeline, id, KIST_PENDING_SUFFIX, kist_text_get(&text), text.size,
                                         err);
    json_decref(note);
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

/* What a note says. */
struct note {
    json_t *json; /* NULL for what is no JSON, or is there no more */
    int over;     /* the run is */
    int unsealed; /* nobody with the sign_key has written it */
};

/* `sign_key`: that it is to be sealed with, or NULL. */
static int read_note(struct kist_store *store, const char *pipeline, const char *id, const char *owner,
                     const char *sign_key, struct note *ret_note, struct kist_error *err)
{
    KIST_CLEANUP_ERROR struct kist_error why = KIST_ERROR_INIT;
    char *key = kist_catalog_key(pipeline, id, KIST_PENDING_SUFFIX);
    char *text = NULL;
    size_t size = 0;
    if (!key)
        return no_memory(err);
    int code = kist_store_get_bytes(store, key, KIST_MANIFEST_LIMIT, &text, &size, err);
    free(key);
    *ret_note = (struct note){.over = code == KIST_ERR_NOT_FOUND};
    /* A run of another machine has just come to its end. */
    if (code == KIST_ERR_NOT_FOUND) {
        kist_error_clear(err);
        return 0;
    }
    if (code)
        return code;
    ret_note->json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    ret_note->over = is_over(id, owner, ret_note->json);
    ret_note->unsealed = kist_seal_check(text, size, sign_key, &why) != 0;
    free(text);
    return 0;
}

/* One that was moved to another name says nothing of that. */
static int is_note_of(const json_t *note, const char *pipeline, const char *id)
{
    const char *noted = json_string_value(json_object_get(note, "pipeline"));
    const char *noted_id = json_string_value(json_object_get(note, "id"));
    return noted && noted_id && strcmp(noted, pipeline) == 0 && strcmp(noted_id, id) == 0;
}

int kist_catalog_is_at_work(struct kist_store *store, const char *pipeline, const char *id, const char *owner,
                            int *ret_at_work, struct kist_error *err)
{
    struct note note = {.json = NULL};
    int code = read_note(store, pipeline, id, owner, NULL, &note, err);
    *ret_at_work = !code && !note.over;
    json_decref(note.json);
    return code;
}

int kist_catalog_held_by(struct kist_store *store, const struct kist_config_pipeline *pipeline, const char *id,
                         const char *owner, json_t **ret_held, struct kist_error *err)
{
    struct note note = {.json = NULL};
    int code = read_note(store, pipeline->name, id, owner, pipeline->sign_key, &note, err);
    json_t *held = !code && note.over ? json_object_get(note.json, "held") : NULL;
    json_t *run_of = json_object_get(note.json, "owner");
    /* Whoever deletes at the provider what the run made has to know who that was. */
    if (held && run_of && json_object_set(held, "owner", run_of))
        code = no_memory(err);
    if (!code && held && (note.unsealed || !is_note_of(note.json, pipeline->name, id))) {
        code = kist_fail(
            err, KIST_ERR_CORRUPT,
            "the note of the run %s says that a provider holds something of it, and nobody who may say so has "
            "written that",
            id);
        kist_hint(err, "look for it at the provider, and remove it there if no backup of that name exists");
    }
    if (!code)
        *ret_held = json_incref(held);
    json_decref(note.json);
    return code;
}

static int sweep_one(struct kist_store *store, const char *pipeline, const char *id, const char *owner,
                     const char *taken, uint64_t *ret_count, struct kist_error *err)
{
    struct note note = {.json = NULL};
    int code = read_note(store, pipeline, id, owner, NULL, &note, err);
    if (!code && note.over)
        code = remove_noted(store, pipeline, id, taken, json_object_get(note.json, "keys"), ret_count, err);
    json_decref(note.json);
    return code || !note.over ? code : kist_catalog_end(store, pipeline, id, err);
}

int kist_catalog_busy(struct kist_store *store, const char *pipeline, const char *owner,
                      const struct kist_catalog *catalog, char ret_id[KIST_ID_LENGTH + 1], struct kist_error *err)
{
    ret_id[0] = '\0';
    for (size_t i = 0; i < catalog->pending_count && !ret_id[0]; i++) {
        const char *id = catalog->pending[i].id;
        struct note note = {.over = 1};
        int code = kist_catalog_has(catalog, id) ? 0 : read_note(store, pipeline, id, owner, NULL, &note, err);
        json_decref(note.json);
        if (code)
            return code;
        if (!note.over)
            memcpy(ret_id, id, KIST_ID_LENGTH + 1);
    }
    return 0;
}

void kist_catalog_forget_others(struct kist_catalog *catalog, const char *id)
{
    size_t kept = 0;
    for (size_t i = 0; i < catalog->pending_count; i++)
        if (strcmp(catalog->pending[i].id, id) == 0)
            catalog->pending[kept++] = catalog->pending[i];
    catalog->pending_count = kept;
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
