#include "catalog.h"
#include "catalog_document.h"
#include "key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANIFEST_SUFFIX ".json"
#define TOMBSTONE_SUFFIX ".tombstone"
#define WORD_LETTERS "abcdefghijklmnopqrstuvwxyz"

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
    if (strcmp(name + KIST_ID_LENGTH, KIST_PENDING_SUFFIX) == 0)
        return add_id(&catalog->pending, &catalog->pending_count, id);
    if (strcmp(name + KIST_ID_LENGTH, TOMBSTONE_SUFFIX) == 0)
        return add_id(&catalog->tombstones, &catalog->tombstone_count, id);
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

/* A store may name an object twice in one listing. To count a backup twice would be to delete one of the two. */
static void sort_ids(struct kist_catalog_id *ids, size_t *count)
{
    size_t kept = 0;
    if (*count)
        qsort(ids, *count, sizeof *ids, compare_ids);
    for (size_t i = 0; i < *count; i++)
        if (!kept || strcmp(ids[kept - 1].id, ids[i].id) != 0)
            ids[kept++] = ids[i];
    *count = kept;
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
    sort_ids(catalog.backups, &catalog.backup_count);
    sort_ids(catalog.pending, &catalog.pending_count);
    sort_ids(catalog.tombstones, &catalog.tombstone_count);
    if (catalog.mark_count)
        qsort(catalog.marks, catalog.mark_count, sizeof *catalog.marks, compare_marks);
    *ret_catalog = catalog;
    return 0;
}

void kist_catalog_done(struct kist_catalog *catalog)
{
    free(catalog->backups);
    free(catalog->pending);
    free(catalog->tombstones);
    free(catalog->marks);
    *catalog = (struct kist_catalog){0};
}

int kist_catalog_has(const struct kist_catalog *catalog, const char *id)
{
    return catalog->backup_count &&
           bsearch(id, catalog->backups, catalog->backup_count, sizeof *catalog->backups, compare_ids) != NULL;
}

int kist_catalog_is_buried(const struct kist_catalog *catalog, const char *id)
{
    return catalog->tombstone_count && bsearch(id, catalog->tombstones, catalog->tombstone_count,
                                               sizeof *catalog->tombstones, compare_ids) != NULL;
}

int kist_catalog_has_remains(const struct kist_catalog *catalog)
{
    for (size_t i = 0; i < catalog->tombstone_count; i++)
        if (!kist_catalog_has(catalog, catalog->tombstones[i].id))
            return 1;
    return 0;
}

/* `ret_text` (NULL: not asked for) is the document itself. New. */
static int load_document(struct kist_store *store, const struct kist_config_pipeline *pipeline, const char *id,
                         const char *suffix, struct kist_manifest *ret_manifest, char **ret_text, size_t *ret_size,
                         struct kist_error *err)
{
    char *key = kist_catalog_key(pipeline->name, id, suffix);
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
    if (!code && ret_text) {
        *ret_text = text;
        *ret_size = size;
    } else {
        free(text);
    }
    free(key);
    return code;
}

int kist_catalog_load(struct kist_store *store, const struct kist_config_pipeline *pipeline, const char *id,
                      struct kist_manifest *ret_manifest, struct kist_error *err)
{
    return load_document(store, pipeline, id, MANIFEST_SUFFIX, ret_manifest, NULL, NULL, err);
}

int kist_catalog_load_tombstone(struct kist_store *store, const struct kist_config_pipeline *pipeline,
                                const char *id, struct kist_manifest *ret_manifest, struct kist_error *err)
{
    return load_document(store, pipeline, id, TOMBSTONE_SUFFIX, ret_manifest, NULL, NULL, err);
}

int kist_catalog_put_document(struct kist_store *store, const char *pipeline, const char *id, const char *suffix,
                              const char *text, size_t size, struct kist_error *err)
{
    char *key = kist_catalog_key(pipeline, id, suffix);
    if (!key)
        return no_memory(err);
    int code = kist_store_put_bytes(store, key, text, size, "application/json", err);
    free(key);
    return code;
}

int kist_catalog_commit(struct kist_store *store, const char *pipeline, const char *id, const char *text,
                        size_t size, struct kist_error *err)
{
    return kist_catalog_put_document(store, pipeline, id, MANIFEST_SUFFIX, text, size, err);
}

int kist_catalog_bury(struct kist_store *store, const struct kist_config_pipeline *pipeline, const char *id,
                      struct kist_error *err)
{
    struct kist_manifest manifest = {0};
    char *text = NULL;
    size_t size = 0;
    int code = load_document(store, pipeline, id, MANIFEST_SUFFIX, &manifest, &text, &size, err);
    if (!code)
        code = kist_catalog_put_document(store, pipeline->name, id, TOMBSTONE_SUFFIX, text, size, err);
    kist_manifest_done(&manifest);
    free(text);
    return code;
}

/* The tombstone has the room that the manifest had. */
static int replace_manifest(struct kist_store *store, const char *pipeline, const char *id, const char *text,
                            size_t size, int *ret_gone, struct kist_error *err)
{
    KIST_CLEANUP_ERROR struct kist_error again = KIST_ERROR_INIT;
    int code = kist_catalog_remove(store, pipeline, id, err);
    if (code)
        return code;
    *ret_gone = 1;
    code = kist_catalog_put_document(store, pipeline, id, TOMBSTONE_SUFFIX, text, size, err);
    if (!code || code == KIST_ERR_EXISTS)
        return code;
    *ret_gone = kist_catalog_commit(store, pipeline, id, text, size, &again) != 0;
    if (*ret_gone)
        kist_hint(err, "there was no room to note what it had: remove the folder '%s/%s' by hand", pipeline, id);
    return code;
}

int kist_catalog_bury_in_place(struct kist_store *store, const struct kist_config_pipeline *pipeline,
                               const char *id, int *ret_gone, struct kist_error *err)
{
    struct kist_manifest manifest = {0};
    char *text = NULL;
    size_t size = 0;
    *ret_gone = 0;
    int code = load_document(store, pipeline, id, MANIFEST_SUFFIX, &manifest, &text, &size, err);
    if (!code)
        code = replace_manifest(store, pipeline->name, id, text, size, ret_gone, err);
    kist_manifest_done(&manifest);
    free(text);
    return code;
}

int kist_catalog_remove_document(struct kist_store *store, const char *pipeline, const char *id,
                                 const char *suffix, struct kist_error *err)
{
    char *key = kist_catalog_key(pipeline, id, suffix);
    if (!key)
        return no_memory(err);
    int code = kist_store_remove(store, key, err);
    free(key);
    return code;
}

int kist_catalog_remove(struct kist_store *store, const char *pipeline, const char *id, struct kist_error *err)
{
    return kist_catalog_remove_document(store, pipeline, id, MANIFEST_SUFFIX, err);
}

int kist_catalog_remove_tombstone(struct kist_store *store, const char *pipeline, const char *id,
                                  struct kist_error *err)
{
    return kist_catalog_remove_document(store, pipeline, id, TOMBSTONE_SUFFIX, err);
}

int kist_catalog_document_exists(struct kist_store *store, const char *pipeline, const char *id,
                                 const char *suffix, int *ret_exists, struct kist_error *err)
{
    int64_t size = 0;
    char *key = kist_catalog_key(pipeline, id, suffix);
    int code = key ? kist_store_size(store, key, &size, err) : no_memory(err);
    free(key);
    if (code && code != KIST_ERR_NOT_FOUND)
        return code;
    *ret_exists = !code;
    kist_error_clear(err);
    return 0;
}

int kist_catalog_exists(struct kist_store *store, const char *pipeline, const char *id, int *ret_exists,
                        struct kist_error *err)
{
    return kist_catalog_document_exists(store, pipeline, id, MANIFEST_SUFFIX, ret_exists, err);
}

int kist_catalog_tombstone_exists(struct kist_store *store, const char *pipeline, const char *id, int *ret_exists,
                                  struct kist_error *err)
{
    return kist_catalog_document_exists(store, pipeline, id, TOMBSTONE_SUFFIX, ret_exists, err);
}

int kist_catalog_check_there(struct kist_store *store, const char *pipeline, const char *id,
                             struct kist_error *err)
{
    KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
    int exists = 1;
    if (kist_catalog_exists(store, pipeline, id, &exists, &ignored) || exists)
        return err->code;
    kist_error_clear(err);
    return kist_fail(err, KIST_ERR_NOT_FOUND, "%s: %s/%s was deleted while it was read", kist_store_name(store),
                     pipeline, id);
}
