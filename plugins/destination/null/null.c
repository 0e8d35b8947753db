/* null.c - destination `null`: takes everything, keeps nothing. For trying out a source's and filters' speed. */
#include <kist/plugin.h>

#include <inttypes.h>
#include <stdlib.h>

/* The instance is nothing but its host; a writer counts. */
struct writer {
    const struct kist_host *host;
    uint64_t written;
};

static int null_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    (void)config, (void)err;
    *ret_self = (void *)(uintptr_t)host;
    return 0;
}

static void null_close(void *self)
{
    (void)self;
}

static int null_put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    (void)put;
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return ((const struct kist_host *)self)->fail(self, err, KIST_ERR_FAILED, "out of memory");
    writer->host = self;
    *ret_writer = writer;
    return 0;
}

static int null_put_write(void *arg, const void *data, size_t size, struct kist_error *err)
{
    struct writer *writer = arg;
    (void)data, (void)err;
    writer->written += size;
    return 0;
}

static int null_put_commit(void *arg, uint64_t size, struct kist_error *err)
{
    struct writer *writer = arg;
    int rc = 0;
    if (writer->written != size)
        rc = writer->host->fail(writer->host, err, KIST_ERR_CORRUPT, "%" PRIu64 " bytes came instead of %" PRIu64,
                                writer->written, size);
    free(writer);
    return rc;
}

static void null_put_abort(void *writer)
{
    free(writer);
}

static int null_get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err)
{
    (void)offset, (void)ret_reader;
    return ((const struct kist_host *)self)->fail(self, err, KIST_ERR_NOT_FOUND, "'%s': null keeps nothing", key);
}

/* Never reached, since no reader begins; but the descriptor has to be complete. */
static int null_get_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    (void)reader, (void)data, (void)capacity, (void)err;
    *ret_size = 0;
    return KIST_ERR_BUG;
}

static void null_get_end(void *reader)
{
    (void)reader;
}

static int null_list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    (void)self, (void)prefix, (void)give, (void)arg, (void)err;
    return 0;
}

static int null_stat(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err)
{
    (void)give, (void)arg;
    return null_get_begin(self, key, 0, NULL, err);
}

static int null_remove(void *self, const char *key, struct kist_error *err)
{
    (void)self, (void)key, (void)err;
    return 0;
}

KIST_DESTINATION(.about = {.name = "null",
                           .version = KIST_VERSION,
                           .summary = "takes everything and keeps nothing, to measure or try out"},
                 .features = KIST_DESTINATION_DISCARDS, .open = null_open, .close = null_close,
                 .put_begin = null_put_begin, .put_write = null_put_write, .put_commit = null_put_commit,
                 .put_abort = null_put_abort, .get_begin = null_get_begin, .get_read = null_get_read,
                 .get_end = null_get_end, .list = null_list, .stat = null_stat, .remove = null_remove);
