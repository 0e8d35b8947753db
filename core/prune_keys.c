#include "prune_keys.h"
#include "key.h"

#include <stdlib.h>
#include <string.h>

/* The id of the backup in whose folder a key of the pipeline lies; 0 when it lies in none. */
static int folder_of(const char *pipeline, const char *key, char ret_id[KIST_ID_LENGTH + 1])
{
    KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
    size_t start = strlen(pipeline) + 1;
    if (kist_key_check(key, &ignored) || !kist_key_is_below(key, pipeline) ||
        strlen(key) <= start + KIST_ID_LENGTH + 1 || key[start + KIST_ID_LENGTH] != '/')
        return 0;
    memcpy(ret_id, key + start, KIST_ID_LENGTH);
    ret_id[KIST_ID_LENGTH] = '\0';
    return kist_id_parse(ret_id, NULL);
}

static int add_key(struct kist_doomed *doomed, const struct kist_manifest *manifest, const char *key,
                   uint64_t size, size_t owner, struct kist_error *err)
{
    char id[KIST_ID_LENGTH + 1];
    /* A backup reuses what an older one has, never what did not exist yet. */
    if (!folder_of(manifest->pipeline, key, id) || strcmp(id, manifest->id) > 0) {
        doomed->foreign++;
        return 0;
    }
    if (doomed->count == doomed->capacity) {
        size_t capacity = doomed->capacity ? doomed->capacity * 2 : 16;
        struct kist_doomed_key *larger = reallocarray(doomed->items, capacity, sizeof *larger);
        if (!larger)
            return kist_fail(err, KIST_ERR_FAILED, "out of memory");
        doomed->items = larger;
        doomed->capacity = capacity;
    }
    struct kist_doomed_key new_key = {.key = strdup(key), .size = size, .owner = owner};
    if (!new_key.key)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    doomed->items[doomed->count++] = new_key;
    return 0;
}

int kist_doomed_add(struct kist_doomed *doomed, const struct kist_manifest *manifest, size_t owner,
                    struct kist_error *err)
{
    int code =
        manifest->notes_key ? add_key(doomed, manifest, manifest->notes_key, manifest->notes.size, owner, err) : 0;
    for (size_t i = 0; i < manifest->item_count && !code; i++)
        if (manifest->items[i].key)
            code = add_key(doomed, manifest, manifest->items[i].key, manifest->items[i].stored.size, owner, err);
    return code;
}

static int compare_keys(const void *left, const void *right)
{
    const struct kist_doomed_key *a = left, *b = right;
    return strcmp(a->key, b->key);
}

void kist_doomed_sort(struct kist_doomed *doomed)
{
    size_t kept = 0;
    if (doomed->count)
        qsort(doomed->items, doomed->count, sizeof *doomed->items, compare_keys);
    for (size_t i = 0; i < doomed->count; i++)
        if (kept && strcmp(doomed->items[kept - 1].key, doomed->items[i].key) == 0)
            free(doomed->items[i].key);
        else
            doomed->items[kept++] = doomed->items[i];
    doomed->count = kept;
}

static void spare(struct kist_doomed *doomed, const char *key)
{
    const struct kist_doomed_key wanted = {.key = (char *)(uintptr_t)key};
    struct kist_doomed_key *found =
        doomed->count ? bsearch(&wanted, doomed->items, doomed->count, sizeof *doomed->items, compare_keys) : NULL;
    if (found)
        found->spared = 1;
}

void kist_doomed_spare(struct kist_doomed *doomed, const struct kist_manifest *manifest)
{
    if (manifest->notes_key)
        spare(doomed, manifest->notes_key);
    for (size_t i = 0; i < manifest->item_count; i++)
        if (manifest->items[i].key)
            spare(doomed, manifest->items[i].key);
}

void kist_doomed_spare_older(struct kist_doomed *doomed, const char *pipeline, const char *id)
{
    char folder[KIST_ID_LENGTH + 1];
    for (size_t i = 0; i < doomed->count; i++)
        if (folder_of(pipeline, doomed->items[i].key, folder) && strcmp(folder, id) <= 0)
            doomed->items[i].unsure = 1;
}

static int compare_owners(const void *left, const void *right)
{
    const struct kist_doomed_key *a = left, *b = right;
    if (a->owner != b->owner)
        return a->owner < b->owner ? -1 : 1;
    return strcmp(a->key, b->key);
}

void kist_doomed_group(struct kist_doomed *doomed)
{
    if (doomed->count)
        qsort(doomed->items, doomed->count, sizeof *doomed->items, compare_owners);
}

void kist_doomed_done(struct kist_doomed *doomed)
{
    for (size_t i = 0; i < doomed->count; i++)
        free(doomed->items[i].key);
    free(doomed->items);
    *doomed = (struct kist_doomed){0};
}
