/* mirror_read.c - reading one object: whole, of one version, and as its store vouches for it. */
#include "mirror.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct mirror *mirror;
    char *key, *version;
    void *open;
    struct mirror_object about; /* when the reading began */
    struct mirror_digest *digest;
    int64_t given;
};

static int out_of_memory(const struct mirror *mirror, struct kist_error *err)
{
    return mirror->host->fail(mirror->host, err, KIST_ERR_FAILED, "out of memory");
}

/* The store has tried again by itself what may be tried again, unless it could not know that it is the same object. */
static int settle(const struct reader *reader, int code, struct kist_error *err)
{
    const struct kist_host *host = reader->mirror->host;
    if ((code == KIST_ERR_UNAVAILABLE || code == KIST_ERR_TIMEOUT) && (reader->about.etag || !reader->given))
        host->retry(host, err, 0, 0);
    return code;
}

/* A whole reading is worth another try: there is a new version now. */
static int fail_changed(const struct reader *reader, struct kist_error *err)
{
    const struct kist_host *host = reader->mirror->host;
    host->fail(host, err, KIST_ERR_CORRUPT, "'%s' changed while it was read", reader->key);
    host->retry(host, err, 1, 0);
    return KIST_ERR_CORRUPT;
}

/* Whether the store describes the object as it did at the beginning. -1 when it does not answer. */
static int is_same(const struct reader *reader, struct kist_error *err)
{
    const struct mirror *mirror = reader->mirror;
    struct mirror_object now = {0};
    int code = mirror->calls->get_about(reader->open, mirror_object_note, &now, err);
    char *version = code ? NULL : mirror_version(now.etag, now.size, now.modified_ms);
    int same = version ? strcmp(version, reader->version) == 0 : -1;
    if (!code && !version)
        out_of_memory(mirror, err);
    free(version);
    mirror_object_done(&now);
    return same;
}

/* At the end of the bytes: were they all, and those of one version? */
static int finish(struct reader *reader, struct kist_error *err)
{
    const struct kist_host *host = reader->mirror->host;
    int same = is_same(reader, err);
    /* Gone by now, but it was whole as long as it was there. */
    if (same < 0 && err->code == KIST_ERR_NOT_FOUND)
        same = 1;
    if (same < 0)
        return settle(reader, err->code ? err->code : KIST_ERR_FAILED, err);
    if (!same)
        return fail_changed(reader, err);
    if (reader->given != reader->about.size) {
        host->fail(host, err, KIST_ERR_CORRUPT, "'%s' gave %" PRId64 " bytes, the store says that it has %" PRId64,
                   reader->key, reader->given, reader->about.size);
        host->retry(host, err, 1, 0);
        return KIST_ERR_CORRUPT;
    }
    if (!mirror_digest_fits(reader->digest))
        return host->fail(host, err, KIST_ERR_CORRUPT, "'%s' is not what its store vouches for (%s)", reader->key,
                          reader->about.checksum);
    return 0;
}

/* What looks like damage may be another version. */
static int judge_damage(const struct reader *reader, struct kist_error *err)
{
    const struct kist_host *host = reader->mirror->host;
    char *message = strdup(err->message ? err->message : "it is damaged");
    int changed = is_same(reader, err) == 0;
    int code = changed ? fail_changed(reader, err)
                       : host->fail(host, err, KIST_ERR_CORRUPT, "%s", message ? message : "it is damaged");
    free(message);
    return code;
}

static int begin(struct reader *reader, const char *key, struct kist_error *err)
{
    struct mirror *mirror = reader->mirror;
    int code = mirror_open_store(mirror, err);
    if (!code && !(reader->key = strdup(key)))
        code = out_of_memory(mirror, err);
    if (!code)
        code = mirror->calls->get_begin(mirror->store, key, 0, &reader->open, err);
    if (code) {
        reader->open = NULL;
        return settle(reader, code, err);
    }
    code = mirror->calls->get_about(reader->open, mirror_object_note, &reader->about, err);
    if (!code)
        code = mirror_digest_new(mirror->host, reader->about.checksum, &reader->digest, err);
    if (code)
        return settle(reader, code, err);
    reader->version = mirror_version(reader->about.etag, reader->about.size, reader->about.modified_ms);
    return reader->version ? 0 : out_of_memory(mirror, err);
}

int mirror_read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err)
{
    struct mirror *mirror = self;
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return out_of_memory(mirror, err);
    reader->mirror = mirror;
    int code = begin(reader, item->name, err);
    if (code)
        mirror_read_end(reader);
    else
        *ret_reader = reader;
    return code;
}

int mirror_read(void *arg, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct reader *reader = arg;
    const struct mirror *mirror = reader->mirror;
    size_t size = 0;
    int code = mirror->calls->get_read(reader->open, data, capacity, &size, err);
    if (code == KIST_ERR_CORRUPT && !err->retryable)
        return judge_damage(reader, err);
    if (code)
        return settle(reader, code, err);
    reader->given += (int64_t)size;
    if (!mirror_digest_update(reader->digest, data, size))
        return mirror->host->fail(mirror->host, err, KIST_ERR_FAILED, "the checksum of '%s' cannot be taken",
                                  reader->key);
    code = size ? 0 : finish(reader, err);
    if (!code)
        *ret_size = size;
    return code;
}

void mirror_read_end(void *arg)
{
    struct reader *reader = arg;
    if (reader->open)
        reader->mirror->calls->get_end(reader->open);
    mirror_digest_free(reader->digest);
    mirror_object_done(&reader->about);
    free(reader->key);
    free(reader->version);
    free(reader);
}

int mirror_read_about(void *arg, kist_item_fn give, void *give_arg, struct kist_error *err)
{
    const struct reader *reader = arg;
    (void)err;
    const struct kist_item item = {.struct_size = sizeof item,
                                   .name = reader->key,
                                   .size_estimate = reader->about.size,
                                   .content_type = reader->about.content_type,
                                   .metadata = (const char *const *)reader->about.metadata,
                                   .version = *reader->version ? reader->version : NULL};
    return give(give_arg, &item);
}
