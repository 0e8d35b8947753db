/* destination_found.c - what stores say of their objects. */
#include "destination_tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copied(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        abort();
    return copy;
}

/* The member, unless the plugin was made before there was one. */
#define TOLD(object, field)                                                                                       \
    ((object)->struct_size >= offsetof(struct kist_object, field) + sizeof(object)->field ? (object)->field : 0)

void facts_copy(struct facts *to, const struct kist_object *object)
{
    const char *const *pairs = TOLD(object, metadata);
    size_t count = 0;
    while (pairs && pairs[count])
        count++;
    *to = (struct facts){.key = copied(object->key ? object->key : ""),
                         .etag = copied(TOLD(object, etag)),
                         .content_type = copied(TOLD(object, content_type)),
                         .checksum = copied(TOLD(object, checksum)),
                         .size = object->size,
                         .modified_ms = TOLD(object, modified_ms)};
    if (!pairs)
        return;
    to->metadata = calloc(count + 1, sizeof *to->metadata);
    if (!to->metadata)
        abort();
    for (size_t i = 0; i < count; i++)
        to->metadata[i] = copied(pairs[i]);
}

void facts_done(struct facts *facts)
{
    for (size_t i = 0; facts->metadata && facts->metadata[i]; i++)
        free(facts->metadata[i]);
    free(facts->metadata);
    free(facts->key);
    free(facts->etag);
    free(facts->content_type);
    free(facts->checksum);
    *facts = (struct facts){0};
}

static int take_found(void *arg, const struct kist_object *object)
{
    struct found *found = arg;
    if (found->count == found->capacity) {
        found->capacity = found->capacity ? 2 * found->capacity : 64;
        found->items = realloc(found->items, found->capacity * sizeof *found->items);
        if (!found->items)
            abort();
    }
    facts_copy(&found->items[found->count++], object);
    return found->count == found->stop_at ? TRIAL_STOP : 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct facts *)a)->key, ((const struct facts *)b)->key);
}

static int list_once(struct trial *trial, const char *prefix)
{
    struct found *found = &trial->found;
    for (size_t i = 0; i < found->count; i++)
        facts_done(&found->items[i]);
    found->count = found->doubles = 0;
    case_clear(&trial->err);
    int rc = trial->plugin->list(trial->self, prefix, take_found, found, &trial->err);
    if (found->count > 0)
        qsort(found->items, found->count, sizeof *found->items, compare);
    for (size_t i = 1; i < found->count; i++)
        found->doubles += compare(&found->items[i - 1], &found->items[i]) == 0;
    for (size_t i = 0; i < found->count && rc == 0; i++) {
        const struct facts *each = &found->items[i];
        if (strncmp(each->key, prefix, strlen(prefix)) == 0 && each->key[0] && each->size >= 0)
            continue;
        rc = trial->err.code = KIST_ERR_BUG;
        if (asprintf(&trial->err.message, "list of '%s' gave '%s' with %lld bytes", prefix, each->key,
                     (long long)each->size) < 0)
            abort();
    }
    return rc;
}

int trial_list(struct trial *trial, const char *prefix)
{
    int rc = list_once(trial, prefix);
    for (int tries = 1; rc < 0 && trial->err.retryable && tries < 3; tries++)
        rc = list_once(trial, prefix);
    return rc;
}

const struct facts *trial_found(const struct trial *trial, const char *key)
{
    const struct facts wanted = {.key = (char *)(uintptr_t)key};
    const struct found *found = &trial->found;
    return found->count > 0 ? bsearch(&wanted, found->items, found->count, sizeof *found->items, compare) : NULL;
}

int trial_lists(struct trial *trial, const char *prefix, size_t count)
{
    return trial_list(trial, prefix) == 0 && trial->found.count == count && trial->found.doubles == 0;
}
