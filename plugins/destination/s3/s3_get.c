/* s3_get.c - reading an object: the range that was asked for and no other, to an end that is one. */
#include "s3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct s3_store *store;
    char *key;
    struct kist_http_stream *stream; /* NULL: there is nothing behind the offset */
    struct s3_head head;
    uint64_t left;
};

static void reader_free(struct reader *reader)
{
    kist_http_close(reader->stream);
    s3_head_done(&reader->head);
    free(reader->key);
    free(reader);
}

/* "bytes 5-9/10" for the offset 5 of 10 bytes. */
static int parse_range(const char *text, uint64_t offset, int64_t *ret_total)
{
    char numbers[3][24] = {"", "", ""};
    if (!text || sscanf(text, "bytes %20[0-9]-%20[0-9]/%20[0-9]", numbers[0], numbers[1], numbers[2]) != 3)
        return -1;
    int64_t first = s3_number(numbers[0]), last = s3_number(numbers[1]), total = s3_number(numbers[2]);
    if (first < 0 || last < first || total != last + 1 || (uint64_t)first != offset)
        return -1;
    *ret_total = total;
    return 0;
}

static int fail_range(struct reader *reader, const char *what, struct kist_error *err)
{
    return reader->store->host->fail(reader->store->host, err, KIST_ERR_CORRUPT, "cannot read 's3://%s/%s': %s",
                                     reader->store->config->bucket, reader->key, what);
}

static int take_reply(struct reader *reader, uint64_t offset, const struct s3_reply *reply, struct kist_error *err)
{
    int64_t total = -1;
    int64_t length = s3_number(kist_http_header_of(&reply->http, "content-length"));
    if (offset > 0 && reply->http.status != 206)
        return fail_range(reader, "the store gave the whole object in place of a part of it", err);
    if (offset > 0 && parse_range(kist_http_header_of(&reply->http, "content-range"), offset, &total) != 0)
        return fail_range(reader, "the store gave another part of it than was asked for", err);
    if (offset == 0 && reply->http.status != 200)
        return fail_range(reader, "the store gave a part in place of the whole object", err);
    if (length < 0 || (total >= 0 && length != total - (int64_t)offset))
        return fail_range(reader, "the store does not tell its size, or contradicts itself", err);
    reader->left = (uint64_t)length;
    return s3_head_read(reader->store, reader->key, &reply->http, total >= 0 ? total : length, &reader->head, err);
}

/* The store has nothing at the offset. That is right at the very end of the object. */
static int at_end(struct reader *reader, uint64_t offset, struct kist_error *err)
{
    int rc = s3_head(reader->store, reader->store->http, reader->key, &reader->head, err);
    if (rc == 0 && (uint64_t)reader->head.size != offset)
        return reader->store->host->fail(reader->store->host, err, KIST_ERR_CORRUPT,
                                         "'s3://%s/%s' has %" PRId64
                                         " bytes, and was to be read from byte %" PRIu64,
                                         reader->store->config->bucket, reader->key, reader->head.size, offset);
    return rc;
}

static int begin(struct reader *reader, uint64_t offset, struct kist_error *err)
{
    struct s3_headers headers = {0};
    struct s3_reply reply;
    char range[40];
    if (offset > 0) {
        snprintf(range, sizeof range, "bytes=%" PRIu64 "-", offset);
        s3_headers_add(&headers, "range", range);
    }
    const struct s3_request request = {.verb = "read", .method = "GET", .key = reader->key, .headers = &headers};
    int rc = s3_send_stream(reader->store, &request, &reader->stream, &reply, err);
    if (rc == 0)
        rc = take_reply(reader, offset, &reply, err);
    else if (reply.http.status == 416)
        rc = at_end(reader, offset, err);
    else if (rc == KIST_ERR_NOT_FOUND)
        rc = reader->store->host->fail(reader->store->host, err, rc, "there is no 's3://%s/%s'",
                                       reader->store->config->bucket, reader->key);
    s3_reply_done(&reply);
    s3_headers_done(&headers);
    return rc;
}

int s3_get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return s3_fail_memory(self, err);
    reader->store = self;
    reader->key = strdup(key);
    int rc = reader->key ? begin(reader, offset, err) : s3_fail_memory(self, err);
    if (rc == 0)
        *ret_reader = reader;
    else
        reader_free(reader);
    return rc;
}

int s3_get_read(void *arg, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct reader *reader = arg;
    size_t size = 0;
    int rc = reader->stream ? kist_http_read(reader->stream, data, capacity, &size, err) : 0;
    if (rc != 0)
        return rc;
    if (size > reader->left || (size == 0 && reader->left > 0))
        return fail_range(reader, "its end came at another place than the store had said", err);
    reader->left -= size;
    *ret_size = size;
    return 0;
}

void s3_get_end(void *arg)
{
    reader_free(arg);
}

int s3_get_about(void *arg, kist_object_fn give, void *give_arg, struct kist_error *err)
{
    const struct reader *reader = arg;
    (void)err;
    return s3_head_give(&reader->head, reader->key, give, give_arg);
}
