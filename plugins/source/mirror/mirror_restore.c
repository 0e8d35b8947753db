/* mirror_restore.c - the store that objects are written back to: opened, and asked before anything is changed. */
#include "mirror.h"

#include <stdlib.h>
#include <string.h>

#define FEW 50 /* objects that are asked for one by one; for more, the store is listed */

static int open_target(struct mirror_target *target, const char *name, struct kist_error *err)
{
    struct mirror *mirror = target->mirror;
    if (name && strcmp(name, mirror->config->from.name) != 0) {
        int code = mirror->host->open_store(mirror->host, name, &target->calls, &target->store, err);
        target->own = !code;
        return code;
    }
    int code = mirror_open_store(mirror, err);
    target->calls = mirror->calls;
    target->store = mirror->store;
    return code;
}

int mirror_refuse(const struct mirror_target *target, const char *key, uint64_t more, struct kist_error *err)
{
    const struct kist_host *host = target->mirror->host;
    if (more)
        host->fail(host, err, KIST_ERR_REFUSED, "'%s' and %llu more objects are there already", key,
                   (unsigned long long)more);
    else
        host->fail(host, err, KIST_ERR_REFUSED, "'%s' is there already", key);
    host->hint(host, err, "--clean replaces the objects that differ; --to DESTINATION writes to another store");
    return KIST_ERR_REFUSED;
}

/* ---- is anything in the way? ---- */

struct search {
    const char **keys; /* sorted */
    size_t count;
    char *first; /* the first key that is taken */
    uint64_t found;
};

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int note_taken(void *arg, const struct kist_object *object)
{
    struct search *search = arg;
    if (!bsearch(&object->key, search->keys, search->count, sizeof *search->keys, compare_keys))
        return 0;
    search->found++;
    if (!search->first && !(search->first = strdup(object->key)))
        return KIST_ERR_FAILED;
    return 0;
}

static int search_one_by_one(const struct mirror_target *target, struct search *search, struct kist_error *err)
{
    for (size_t i = 0; i < search->count; i++) {
        int code = target->calls->stat(target->store, search->keys[i], note_taken, search, err);
        if (code && code != KIST_ERR_NOT_FOUND)
            return code;
    }
    return 0;
}

static int refuse_taken(const struct mirror_target *target, const struct kist_restore *restore,
                        struct kist_error *err)
{
    struct search search = {.count = (size_t)restore->item_count};
    search.keys = calloc(search.count + 1, sizeof *search.keys);
    if (!search.keys)
        return target->mirror->host->fail(target->mirror->host, err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < search.count; i++)
        search.keys[i] = restore->items[i].name;
    qsort(search.keys, search.count, sizeof *search.keys, compare_keys);
    int code = search.count <= FEW ? search_one_by_one(target, &search, err)
                                   : target->calls->list(target->store, "", note_taken, &search, err);
    if (!code && search.found)
        code = mirror_refuse(target, search.first, search.found - 1, err);
    free(search.first);
    free(search.keys);
    return code;
}

/* ---- the callbacks ---- */

static int look_at(const struct mirror_target *target, const struct kist_restore *restore, struct kist_error *err)
{
    const struct kist_host *host = target->mirror->host;
    if (restore->flags & KIST_RESTORE_CREATE)
        return host->fail(host, err, KIST_ERR_CONFIG, "a restore makes no store: leave out --create");
    int code = target->calls->check(target->store, err);
    if (!code && !target->clean && restore->items)
        code = refuse_taken(target, restore, err);
    return code;
}

int mirror_restore_begin(void *self, const struct kist_restore *restore, void **ret_restore,
                         struct kist_error *err)
{
    struct mirror *mirror = self;
    struct mirror_target *target = calloc(1, sizeof *target);
    if (!target)
        return mirror->host->fail(mirror->host, err, KIST_ERR_FAILED, "out of memory");
    *target = (struct mirror_target){.mirror = mirror, .clean = (restore->flags & KIST_RESTORE_CLEAN) != 0};
    int code = open_target(target, restore->target, err);
    if (!code)
        code = look_at(target, restore, err);
    if (code)
        mirror_restore_end(target);
    else
        *ret_restore = target;
    return code;
}

void mirror_restore_end(void *restore)
{
    struct mirror_target *target = restore;
    if (target->own)
        target->calls->close(target->store);
    free(target);
}
