/*
 * s3_put.c - writing an object.
 *
 * Bytes gather in a buffer. What fits into one part is put by a single request at commit. When more comes, an upload
 * begins, and senders (s3_parts.c) take full buffers away. A call first does everything that can fail, and takes its bytes
 * last: so one that failed has taken nothing and can be made again.
 */
#include "s3.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY ((size_t)64 << 10)

static void writer_free(struct s3_writer *writer)
{
    s3_parts_free(writer->parts);
    s3_buffer_free(writer->buffer);
    s3_headers_done(&writer->headers);
    free(writer->spill.data);
    free(writer->upload);
    free(writer->key);
    free(writer);
}

/* S3 takes nearly any key. Those that a path would not survive could be read by few other programs. */
int s3_key_check(const struct s3_store *store, const char *key, struct kist_error *err)
{
    size_t length = strlen(key);
    const char *wrong = NULL;
    if (length == 0 || length > S3_KEY_MAX)
        wrong = "has not 1 to 1024 bytes";
    else if (!s3_is_utf8(key))
        wrong = "is not UTF-8";
    for (const char *part = key; !wrong; part += strcspn(part, "/") + 1) {
        size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
            wrong = "has an empty part, or one that is '.' or '..'";
        if (part[n] == '\0')
            break;
    }
    return wrong ? store->host->fail(store->host, err, KIST_ERR_UNSUPPORTED, "key '%s' %s", key, wrong) : 0;
}

static int begin(struct s3_writer *writer, const struct kist_put *put, struct kist_error *err)
{
    struct s3_store *store = writer->store;
    int64_t expected = put->size >= 0 ? put->size : put->size_estimate;
    s3_plan_init(&writer->plan, store->config->part_size.bytes, (unsigned)store->config->concurrency, expected);
    writer->next_part = 1;
    writer->key = strdup(put->key);
    writer->buffer = calloc(1, sizeof *writer->buffer);
    if (!writer->key || !writer->buffer)
        return s3_fail_memory(store, err);
    int rc = s3_token(store->host, writer->token, err);
    if (rc == 0)
        s3_headers_object(&writer->headers, store, put, writer->token);
    return rc == 0 && writer->headers.failed ? s3_fail_memory(store, err) : rc;
}

int s3_put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    struct s3_store *store = self;
    int rc = s3_key_check(store, put->key, err);
    if (rc != 0)
        return rc;
    struct s3_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return s3_fail_memory(store, err);
    writer->store = store;
    rc = begin(writer, put, err);
    if (rc == 0)
        *ret_writer = writer;
    else
        writer_free(writer);
    return rc;
}

/* Room for `more` bytes in a buffer that will have `limit` at most. */
static int grow(struct s3_buffer *buffer, size_t more, size_t limit)
{
    size_t need = buffer->size + more;
    if (need <= buffer->capacity)
        return 0;
    size_t capacity = buffer->capacity ? 2 * buffer->capacity : FIRST_CAPACITY;
    while (capacity < need)
        capacity *= 2;
    if (capacity > limit)
        capacity = need > limit ? need : limit;
    unsigned char *data = realloc(buffer->data, capacity);
    if (!data)
        return -1;
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

static void append(struct s3_buffer *buffer, const void *data, size_t size)
{
    if (size > 0)
        memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
}

/* The object is larger than a part: begins the upload and starts the senders. */
static int begin_parts(struct s3_writer *writer, struct kist_error *err)
{
    int rc = 0;
    if (!writer->upload)
        rc = s3_multipart_begin(writer->store, writer->key, &writer->headers, 1, &writer->upload, err);
    if (rc == 0 && !writer->parts)
        rc = s3_parts_new(writer->store, s3_plan_buffers(&writer->plan, 1), s3_multipart_send, writer,
                          &writer->parts, err);
    return rc;
}

/* A buffer for the bytes to come, with those in it that the last part had no room for. */
static int take_buffer(struct s3_writer *writer, struct kist_error *err)
{
    size_t limit = s3_plan_part(&writer->plan, writer->next_part);
    if (writer->buffer)
        return 0;
    int rc = s3_parts_take(writer->parts, s3_plan_buffers(&writer->plan, writer->next_part), &writer->buffer, err);
    if (rc != 0)
        return rc;
    if (grow(writer->buffer, writer->spill.size, limit) != 0)
        return s3_fail_memory(writer->store, err);
    append(writer->buffer, writer->spill.data, writer->spill.size);
    writer->spill.size = 0;
    return 0;
}

static int prepare(struct s3_writer *writer, size_t size, struct kist_error *err)
{
    struct s3_store *store = writer->store;
    uint64_t part_size = s3_plan_part(&writer->plan, writer->next_part);
    int rc = 0;
    if (store->host->cancelled(store->host))
        return store->host->fail(store->host, err, KIST_ERR_CANCELLED, "cancelled");
    if (size > S3_WRITE_MAX || writer->failed)
        return store->host->fail(store->host, err, KIST_ERR_BUG,
                                 "'%s' was written to in a way that is not allowed", writer->key);
    if (writer->parts)
        rc = s3_parts_resume(writer->parts, err);
    if (rc == 0 && !writer->parts && writer->buffer->size + size > part_size)
        rc = begin_parts(writer, err);
    if (rc == 0)
        rc = take_buffer(writer, err);
    if (rc != 0)
        return rc;
    if (writer->next_part > S3_PARTS_MAX)
        return store->host->fail(store->host, err, KIST_ERR_UNSUPPORTED, "'%s' is too large for 10,000 parts",
                                 writer->key);
    size_t room = part_size - writer->buffer->size;
    size_t into = size < room ? size : room;
    if (grow(writer->buffer, into, part_size) != 0 || grow(&writer->spill, size - into, S3_WRITE_MAX) != 0 ||
        (writer->parts && s3_parts_reserve(writer->parts, writer->next_part) != 0))
        return s3_fail_memory(store, err);
    return 0;
}

static void hand_over(struct s3_writer *writer)
{
    writer->buffer->number = writer->next_part++;
    s3_parts_add(writer->parts, writer->buffer);
    writer->buffer = NULL;
}

int s3_put_write(void *arg, const void *data, size_t size, struct kist_error *err)
{
    struct s3_writer *writer = arg;
    int rc = prepare(writer, size, err);
    if (rc != 0) {
        writer->failed = writer->failed || !err->retryable;
        return rc;
    }
    uint64_t part_size = s3_plan_part(&writer->plan, writer->next_part);
    size_t room = part_size - writer->buffer->size;
    size_t into = size < room ? size : room;
    append(writer->buffer, data, into);
    append(&writer->spill, (const char *)data + into, size - into);
    writer->written += size;
    if (writer->parts && writer->buffer->size == part_size)
        hand_over(writer);
    return 0;
}

/* Everything is with the store but for the object's name. */
static int finish_parts(struct s3_writer *writer, struct kist_error *err)
{
    int rc = s3_parts_resume(writer->parts, err);
    if (rc == 0 && !writer->buffer && writer->spill.size > 0)
        rc = take_buffer(writer, err);
    if (rc == 0 && writer->buffer && writer->buffer->size > 0) {
        if (s3_parts_reserve(writer->parts, writer->next_part) != 0)
            return s3_fail_memory(writer->store, err);
        hand_over(writer);
    }
    return rc == 0 ? s3_parts_finish(writer->parts, err) : rc;
}

static int commit(struct s3_writer *writer, uint64_t size, struct kist_error *err)
{
    const struct kist_host *host = writer->store->host;
    if (writer->failed)
        return host->fail(host, err, KIST_ERR_BUG, "'%s' was to be kept after a failed write", writer->key);
    if (size != writer->written)
        return host->fail(host, err, KIST_ERR_CORRUPT,
                          "'%s' should have %" PRIu64 " bytes, but %" PRIu64 " were written", writer->key, size,
                          writer->written);
    int rc = writer->parts ? finish_parts(writer, err) : 0;
    return rc == 0 ? s3_commit(writer, err) : rc;
}

int s3_put_commit(void *arg, uint64_t size, struct kist_error *err)
{
    struct s3_writer *writer = arg;
    int rc = commit(writer, size, err);
    if (rc == 0)
        writer_free(writer);
    else if (!err->retryable)
        s3_put_abort(writer);
    return rc;
}

void s3_put_abort(void *arg)
{
    struct s3_writer *writer = arg;
    struct s3_store *store = writer->store;
    struct kist_error err = {.struct_size = sizeof err};
    /* First the senders: a part that comes after the abort would stay. */
    s3_parts_free(writer->parts);
    writer->parts = NULL;
    if (writer->upload)
        s3_multipart_abort(store, writer->key, writer->upload);
    if (writer->uncertain && s3_commit_take_back(store, writer->key, writer->token, &err) != 0)
        store->host->log(store->host, KIST_LOG_WARNING,
                         "'s3://%s/%s' may have been made, and could not be removed: %s", store->config->bucket,
                         writer->key, err.message ? err.message : "out of memory");
    kist_fault_clear(&err);
    writer_free(writer);
}
