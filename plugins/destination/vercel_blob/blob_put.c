/*
 * blob_put.c - writing a blob.
 *
 * Bytes gather in a buffer. What fits into one part is sent at commit with one request; when more than a part has come, an
 * upload is begun and the part is sent. A part is sent before new bytes are taken, so a call that fails has taken nothing
 * and can be made again: then the same part goes out once more.
 *
 * A request whose answer was lost may have worked. The writer remembers that, and what is there decides (blob_settle.c).
 */
#include "vercel_blob.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void writer_free(struct blob_writer *writer)
{
    EVP_MD_CTX_free(writer->sha256);
    EVP_MD_CTX_free(writer->md5);
    json_decref(writer->parts);
    free(writer->upload_id);
    free(writer->upload_key);
    free(writer->buffer);
    free(writer->content_type);
    free(writer->key);
    free(writer);
}

int blob_put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    struct blob_store *store = self;
    int rc = blob_key_check(store, put->key, err);
    if (rc != 0)
        return rc;
    struct blob_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return blob_fail_memory(store, err);
    writer->store = store;
    writer->part_size = blob_plan_part(store->config->part_size.bytes, put->size, put->size_estimate);
    writer->key = strdup(put->key);
    writer->content_type = put->content_type ? strdup(put->content_type) : NULL;
    writer->sha256 = EVP_MD_CTX_new();
    if (!writer->key || (put->content_type && !writer->content_type) || !writer->sha256 ||
        EVP_DigestInit_ex(writer->sha256, EVP_sha256(), NULL) != 1) {
        writer_free(writer);
        return blob_fail_memory(store, err);
    }
    *ret_writer = writer;
    return 0;
}

/* Doubles up to what a part needs, so that a small blob takes little memory. */
static int make_room(struct blob_writer *writer, size_t more, struct kist_error *err)
{
    size_t most = (size_t)writer->part_size + BLOB_WRITE_MAX, capacity = writer->capacity;
    if (writer->filled + more <= capacity)
        return 0;
    if (capacity == 0)
        capacity = 64 << 10;
    while (capacity < writer->filled + more)
        capacity = capacity < most / 2 ? 2 * capacity : most;
    unsigned char *buffer = realloc(writer->buffer, capacity);
    if (!buffer)
        return blob_fail_memory(writer->store, err);
    writer->buffer = buffer;
    writer->capacity = capacity;
    return 0;
}

static int fail_too_long(struct blob_writer *writer, struct kist_error *err)
{
    const struct kist_host *host = writer->store->host;
    writer->failed = 1;
    host->fail(host, err, KIST_ERR_CONFIG,
               "cannot write '%s': it has more than %u parts of %" PRIu64 " MiB, the most that the store takes",
               writer->key, BLOB_PARTS_MAX, writer->part_size / BLOB_MIB);
    host->hint(host, err, "raise part_size: to %" PRIu64 "MiB, say", 4 * writer->part_size / BLOB_MIB);
    return KIST_ERR_CONFIG;
}

/* The outcome of a call. That the store knows nothing of an upload is not that there is no such object. */
static int failed(struct blob_writer *writer, int rc, struct kist_error *err)
{
    const struct kist_host *host = writer->store->host;
    if (rc == KIST_ERR_NOT_FOUND)
        rc = host->fail(host, err, KIST_ERR_FAILED, "cannot write '%s': the store has lost the upload of it",
                        writer->key);
    if (rc != 0 && !err->retryable)
        writer->failed = 1;
    return rc;
}

/* Sends the part that is full, and moves up what came behind it. */
static int send_part(struct blob_writer *writer, struct kist_error *err)
{
    size_t part = (size_t)writer->part_size;
    int rc = blob_parts_send(writer, part, err);
    if (rc != 0)
        return rc;
    writer->filled -= part;
    memmove(writer->buffer, writer->buffer + part, writer->filled);
    return 0;
}

int blob_put_write(void *arg, const void *data, size_t size, struct kist_error *err)
{
    struct blob_writer *writer = arg;
    const struct kist_host *host = writer->store->host;
    if (host->cancelled(host))
        return host->fail(host, err, KIST_ERR_CANCELLED, "cancelled");
    if (size > BLOB_WRITE_MAX)
        return failed(writer, host->fail(host, err, KIST_ERR_BUG, "%zu bytes at once are too many", size), err);
    if (writer->written + size > BLOB_PARTS_MAX * writer->part_size)
        return fail_too_long(writer, err);
    /* A part that is full to the brim may still be the only one. */
    int rc = writer->filled > writer->part_size ? send_part(writer, err) : 0;
    if (rc == 0)
        rc = make_room(writer, size, err);
    if (rc != 0)
        return failed(writer, rc, err);
    if (EVP_DigestUpdate(writer->sha256, data, size) != 1)
        return failed(writer, host->fail(host, err, KIST_ERR_FAILED, "cannot hash '%s'", writer->key), err);
    memcpy(writer->buffer + writer->filled, data, size);
    writer->filled += size;
    writer->written += size;
    return 0;
}

static int put_whole(struct blob_writer *writer, struct kist_error *err)
{
    struct blob_store *store = writer->store;
    struct blob_write_headers headers;
    json_t *reply = NULL;
    blob_write_headers(store, writer->content_type, &headers);
    headers.items[headers.count++] = (struct kist_http_header){"content-type", "application/octet-stream"};
    const struct blob_request request = {.verb = "write",
                                         .about = writer->key,
                                         .method = "PUT",
                                         .target = blob_target("/", "pathname", writer->key, NULL),
                                         .headers = headers.items,
                                         .header_count = headers.count,
                                         .body = writer->buffer ? writer->buffer : (const void *)"",
                                         .body_size = writer->filled,
                                         .again = &writer->again};
    int rc = blob_send(store, store->http, &request, &reply, err);
    if (rc == 0)
        rc = blob_put_is_named(writer, reply, err);
    json_decref(reply);
    return rc;
}

int blob_put_is_named(const struct blob_writer *writer, const json_t *reply, struct kist_error *err)
{
    const struct kist_host *host = writer->store->host;
    const char *name = kist_json_text(reply, "pathname");
    if (name && strcmp(name, writer->key) == 0)
        return 0;
    return host->fail(host, err, KIST_ERR_CORRUPT, "'%s' was written, and the store says that it keeps '%s'",
                      writer->key, name ? name : "");
}

/* A refusal that says "there is one already", or nothing clear, may be the echo of an earlier try that worked. */
static int settle(struct blob_writer *writer, int was_uncertain, int rc, struct kist_error *err)
{
    struct kist_error why = {.struct_size = sizeof why};
    int unclear =
        rc == KIST_ERR_UNAVAILABLE || rc == KIST_ERR_TIMEOUT || rc == KIST_ERR_CANCELLED || rc == KIST_ERR_CORRUPT;
    if (!was_uncertain && !unclear)
        return rc;
    writer->uncertain = 1;
    if (err->retryable || rc == KIST_ERR_CANCELLED)
        return rc;
    int settled = blob_settle_is_ours(writer, writer->store->http, &why);
    if (settled != 0 && why.retryable)
        rc = kist_fault_repeat(writer->store->host, &why, err);
    kist_fault_clear(&why);
    return settled == 0 ? 0 : rc;
}

/* Makes the blob visible, unless an earlier call did. */
static int store_it(struct blob_writer *writer, struct kist_error *err)
{
    struct kist_error own = {.struct_size = sizeof own};
    int was_uncertain = (int)writer->uncertain;
    if (writer->stored)
        return 0;
    if (writer->begun == 0)
        writer->begun = writer->store->host->now_ms(writer->store->host);
    int rc = writer->upload_id ? blob_parts_complete(writer, &own) : put_whole(writer, &own);
    if (rc != 0)
        rc = settle(writer, was_uncertain, rc, &own);
    if (rc != 0)
        kist_fault_repeat(writer->store->host, &own, err);
    else
        writer->stored = writer->uncertain = 1;
    kist_fault_clear(&own);
    return rc;
}

static int commit(struct blob_writer *writer, uint64_t size, struct kist_error *err)
{
    const struct kist_host *host = writer->store->host;
    int rc = 0;
    if (writer->failed)
        return host->fail(host, err, KIST_ERR_BUG, "'%s' was to be kept after a failed write", writer->key);
    if (writer->written != size)
        return host->fail(host, err, KIST_ERR_CORRUPT,
                          "'%s' should have %" PRIu64 " bytes, and %" PRIu64 " were written", writer->key, size,
                          writer->written);
    if (writer->filled > writer->part_size)
        rc = send_part(writer, err);
    if (rc == 0 && writer->upload_id && writer->filled > 0) {
        rc = blob_parts_send(writer, writer->filled, err);
        writer->filled = rc == 0 ? 0 : writer->filled;
    }
    if (rc == 0)
        rc = store_it(writer, err);
    return rc == 0 ? blob_settle_confirm(writer, err) : rc;
}

int blob_put_commit(void *arg, uint64_t size, struct kist_error *err)
{
    struct blob_writer *writer = arg;
    int rc = failed(writer, commit(writer, size, err), err);
    if (rc == 0)
        writer_free(writer);
    else if (!err->retryable)
        blob_put_abort(writer);
    return rc;
}

void blob_put_abort(void *arg)
{
    struct blob_writer *writer = arg;
    if (writer->uncertain)
        blob_settle_take_back(writer);
    else if (writer->upload_id)
        writer->store->host->log(
            writer->store->host, KIST_LOG_DEBUG,
            "the unfinished upload of '%s' stays with the store, which offers no way to end it", writer->key);
    writer_free(writer);
}
