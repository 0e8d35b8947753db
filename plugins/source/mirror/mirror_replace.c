/* mirror_replace.c - writing one object back, and replacing one that differs. */
#include "mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)256 * 1024)

struct writer {
    struct mirror_target *target;
    char *key;
    void *open;  /* of the store; NULL when what is there is what would be written */
    int replace; /* an object has to go before this one can take its place */
    uint64_t size;
};

static int out_of_memory(const struct mirror_target *target, struct kist_error *err)
{
    return target->mirror->host->fail(target->mirror->host, err, KIST_ERR_FAILED, "out of memory");
}

/* Reads an object to its end, against a digest. */
static int read_all(const struct mirror_target *target, const char *key, struct mirror_digest *digest,
                    struct kist_error *err)
{
    unsigned char *memory = malloc(PIECE);
    void *reader = NULL;
    size_t size = 1;
    if (!memory)
        return out_of_memory(target, err);
    int code = target->calls->get_begin(target->store, key, 0, &reader, err);
    while (!code && size > 0) {
        code = target->calls->get_read(reader, memory, PIECE, &size, err);
        if (!code && !mirror_digest_update(digest, memory, size))
            code = target->mirror->host->fail(target->mirror->host, err, KIST_ERR_FAILED,
                                              "the checksum of '%s' cannot be taken", key);
    }
    if (reader)
        target->calls->get_end(reader);
    free(memory);
    return code;
}

/* 1 when the store holds these very bytes. What cannot be read differs. */
static int has_bytes(const struct mirror_target *target, const struct kist_item *item,
                     const struct mirror_object *object, struct kist_error *err)
{
    struct mirror_digest *digest = NULL;
    char checksum[80] = "";
    if (object->size != item->size_estimate || !item->sha256)
        return 0;
    snprintf(checksum, sizeof checksum, "sha256:%s", item->sha256);
    int same = !mirror_digest_new(target->mirror->host, checksum, &digest, err) && digest &&
               !read_all(target, item->name, digest, err) && mirror_digest_fits(digest);
    mirror_digest_free(digest);
    return same;
}

/* What is at the key already: nothing, the same, or something else. */
static int look_at(struct writer *writer, const struct kist_item *item, int *ret_same, struct kist_error *err)
{
    const struct mirror_target *target = writer->target;
    struct mirror_object object = {0};
    int code = target->calls->stat(target->store, writer->key, mirror_object_note, &object, err);
    if (code == KIST_ERR_NOT_FOUND)
        return 0;
    /* A listing and stat may leave out what the reply to a read tells. */
    *ret_same = !code && mirror_same_dress(item->content_type, item->metadata, &object) &&
                has_bytes(target, item, &object, err);
    writer->replace = !code && !*ret_same;
    mirror_object_done(&object);
    return code;
}

/* Some stores refuse a taken key at once, others when the object is complete: so long the old one is kept. */
static int begin(struct writer *writer, const struct kist_item *item, struct kist_error *err)
{
    const struct mirror_target *target = writer->target;
    const struct kist_put put = {.struct_size = sizeof put,
                                 .key = writer->key,
                                 .size = item->size_estimate,
                                 .size_estimate = item->size_estimate,
                                 .content_type = item->content_type,
                                 .metadata = item->metadata};
    int code = target->calls->put_begin(target->store, &put, &writer->open, err);
    if (code == KIST_ERR_EXISTS && writer->replace) {
        code = target->calls->remove(target->store, writer->key, err);
        writer->replace = 0;
        if (!code)
            code = target->calls->put_begin(target->store, &put, &writer->open, err);
    }
    return code == KIST_ERR_EXISTS ? mirror_refuse(target, writer->key, 0, err) : code;
}

static void free_writer(struct writer *writer)
{
    free(writer->key);
    free(writer);
}

int mirror_write_begin(void *restore, const struct kist_item *item, void **ret_writer, struct kist_error *err)
{
    struct mirror_target *target = restore;
    struct writer *writer = calloc(1, sizeof *writer);
    int same = 0;
    if (!writer)
        return out_of_memory(target, err);
    *writer = (struct writer){.target = target, .key = strdup(item->name)};
    int code = writer->key ? 0 : out_of_memory(target, err);
    if (!code && target->clean)
        code = look_at(writer, item, &same, err);
    if (!code && !same)
        code = begin(writer, item, err);
    if (code)
        free_writer(writer);
    else
        *ret_writer = writer;
    return code;
}

int mirror_write(void *arg, const void *data, size_t size, struct kist_error *err)
{
    struct writer *writer = arg;
    writer->size += size;
    return writer->open ? writer->target->calls->put_write(writer->open, data, size, err) : 0;
}

int mirror_write_commit(void *arg, struct kist_error *err)
{
    struct writer *writer = arg;
    const struct mirror_target *target = writer->target;
    int code = 0;
    if (writer->replace) {
        code = target->calls->remove(target->store, writer->key, err);
        if (code)
            target->calls->put_abort(writer->open);
    }
    if (!code && writer->open)
        code = target->calls->put_commit(writer->open, writer->size, err);
    if (code == KIST_ERR_EXISTS)
        code = mirror_refuse(target, writer->key, 0, err);
    free_writer(writer);
    return code;
}

void mirror_write_abort(void *arg)
{
    struct writer *writer = arg;
    if (writer->open)
        writer->target->calls->put_abort(writer->open);
    free_writer(writer);
}
