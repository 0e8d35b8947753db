/* mirror_object.c - what a store tells of an object, kept for longer than the call. */
#include "mirror.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int copy_text(const char *text, char **ret_copy)
{
    *ret_copy = text ? strdup(text) : NULL;
    return text && !*ret_copy ? KIST_ERR_FAILED : 0;
}

static int copy_metadata(const char *const *metadata, char ***ret_copy)
{
    size_t count = 0;
    while (metadata && metadata[count])
        count++;
    if (count == 0)
        return 0;
    char **copy = calloc(count + 1, sizeof *copy);
    int code = copy ? 0 : KIST_ERR_FAILED;
    for (size_t i = 0; i < count && !code; i++)
        code = copy_text(metadata[i], &copy[i]);
    *ret_copy = copy;
    return code;
}

int mirror_object_note(void *arg, const struct kist_object *object)
{
    struct mirror_object *note = arg;
    mirror_object_done(note);
    note->size = object->size;
    note->modified_ms = object->modified_ms;
    int code = copy_text(object->etag, &note->etag);
    if (!code)
        code = copy_text(object->content_type, &note->content_type);
    if (!code)
        code = copy_text(object->checksum, &note->checksum);
    return code ? code : copy_metadata(object->metadata, &note->metadata);
}

void mirror_object_done(struct mirror_object *object)
{
    for (size_t i = 0; object->metadata && object->metadata[i]; i++)
        free(object->metadata[i]);
    free(object->metadata);
    free(object->etag);
    free(object->content_type);
    free(object->checksum);
    *object = (struct mirror_object){0};
}

/* Whole seconds: that is all that the header of a reply tells, where a listing may tell more. */
char *mirror_version(const char *etag, int64_t size, int64_t modified_ms)
{
    char *version = NULL;
    if (!etag && modified_ms <= 0)
        return strdup("");
    if (asprintf(&version, "%s:%" PRId64 ":%" PRId64, etag ? etag : "", size, modified_ms / 1000) < 0)
        return NULL;
    return version;
}

static int same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The value of `name`, or NULL. */
static const char *value_of(const char *const *metadata, const char *name)
{
    for (; metadata && metadata[0] && metadata[1]; metadata += 2)
        if (strcmp(metadata[0], name) == 0)
            return metadata[1];
    return NULL;
}

/* 1 when all of `some` stands in `others` too. */
static int has_all(const char *const *some, const char *const *others)
{
    for (; some && some[0] && some[1]; some += 2)
        if (!same_text(some[1], value_of(others, some[0])))
            return 0;
    return 1;
}

int mirror_same_dress(const char *content_type, const char *const *metadata, const struct mirror_object *object)
{
    const char *const *others = (const char *const *)object->metadata;
    /* A store that tells neither has no place for them. */
    if (!object->content_type && !others)
        return 1;
    return (!content_type || same_text(content_type, object->content_type)) && has_all(metadata, others) &&
           has_all(others, metadata);
}
