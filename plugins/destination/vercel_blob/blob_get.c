/*
 * blob_get.c - reading, from the host of the contents.
 *
 * A CDN stands before it. A private store is read past it (cache=0); what it gives of a public one may be older than what
 * was written last, so there the size has to be what the control API says.
 */
#include "vercel_blob.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STALE_MS 15000 /* the CDN catches up within a minute */

struct reader {
    struct blob_store *store;
    char *key;
    struct kist_http_stream *stream; /* NULL: the offset is the end */
    struct kist_http_reply reply;
    int64_t total; /* size of the whole blob */
    uint64_t left; /* bytes still to come */
};

char *blob_content_url(const struct blob_store *store, const char *key)
{
    char *name = kist_http_encode(key, 1), *url = NULL;
    int length = -1;
    if (name)
        length = asprintf(&url, "%s/%s%s", store->content, name,
                          store->config->access.index == BLOB_PUBLIC ? "" : "?cache=0");
    free(name);
    return length < 0 ? NULL : url;
}

static int fail_reply(const struct reader *reader, const char *why, struct kist_error *err)
{
    const struct kist_host *host = reader->store->host;
    return host->fail(host, err, KIST_ERR_CORRUPT, "cannot read '%s': %s", reader->key, why);
}

/* "bytes FIRST-LAST/TOTAL", or "bytes * /TOTAL" where nothing lies at the offset: then `ret_first` is -1. */
static int read_range(const char *text, int64_t *ret_first, int64_t *ret_last, int64_t *ret_total)
{
    if (!text || strncmp(text, "bytes ", 6) != 0)
        return -1;
    const char *range = text + 6, *slash = strchr(range, '/');
    if (!slash)
        return -1;
    *ret_total = kist_stamp_number(slash + 1, strlen(slash + 1));
    *ret_first = *ret_last = -1;
    if (slash - range == 1 && *range == '*')
        return *ret_total < 0 ? -1 : 0;
    const char *dash = memchr(range, '-', (size_t)(slash - range));
    if (!dash)
        return -1;
    *ret_first = kist_stamp_number(range, (size_t)(dash - range));
    *ret_last = kist_stamp_number(dash + 1, (size_t)(slash - dash - 1));
    return *ret_total < 0 || *ret_first < 0 || *ret_last < *ret_first || *ret_last >= *ret_total ? -1 : 0;
}

/* A reply to "from this offset on" has to be just that. */
static int check_partial(struct reader *reader, uint64_t offset, struct kist_error *err)
{
    int64_t first = 0, last = 0;
    if (reader->reply.status == 200)
        return fail_reply(reader, "asked for a part, the store gives the whole blob", err);
    if (read_range(kist_http_header_of(&reader->reply, "content-range"), &first, &last, &reader->total) != 0 ||
        first != (int64_t)offset || last != reader->total - 1)
        return fail_reply(reader, "the store gives another part than it was asked for", err);
    reader->left = (uint64_t)(reader->total - first);
    return 0;
}

static int check_whole(struct reader *reader, struct kist_error *err)
{
    const char *length = kist_http_header_of(&reader->reply, "content-length");
    if (reader->reply.status != 200)
        return fail_reply(reader, "asked for the whole blob, the store gives a part", err);
    reader->total = length ? kist_stamp_number(length, strlen(length)) : -1;
    if (reader->total < 0)
        return fail_reply(reader, "the store does not say how large it is", err);
    reader->left = (uint64_t)reader->total;
    return 0;
}

/* Behind the last byte nothing can be asked for; the refusal says where the end is. */
static int at_or_behind_end(struct reader *reader, uint64_t offset, struct kist_error *err)
{
    const struct kist_host *host = reader->store->host;
    int64_t first = 0, last = 0;
    if (read_range(kist_http_header_of(&reader->reply, "content-range"), &first, &last, &reader->total) != 0 ||
        first >= 0 || (uint64_t)reader->total > offset)
        return fail_reply(reader, "the store refuses an offset and does not say why", err);
    if ((uint64_t)reader->total < offset)
        return host->fail(host, err, KIST_ERR_CORRUPT,
                          "cannot read '%s' from byte %" PRIu64 ": it has %" PRId64 " bytes", reader->key, offset,
                          reader->total);
    return 0;
}

/* The content's host knows no error codes, only their statuses. */
static int fail_status(struct reader *reader, struct kist_http *http, const struct kist_http_request *request,
                       struct kist_error *err)
{
    const struct kist_host *host = reader->store->host;
    int rc = kist_http_fail(http, request, &reader->reply, NULL, err);
    if (rc == KIST_ERR_AUTH)
        host->hint(host, err, "check the token, and that 'access' is that of the store");
    else if (reader->reply.status == 402)
        host->hint(host, err, "see the usage and the billing at Vercel");
    return rc;
}

static int request_content(struct reader *reader, struct kist_http *http, const char *url, uint64_t offset,
                           struct kist_error *err)
{
    char range[48], what[1200];
    struct kist_http_header headers[] = {{"authorization", reader->store->authorization}, {"range", range}};
    snprintf(range, sizeof range, "bytes=%" PRIu64 "-", offset);
    snprintf(what, sizeof what, "read '%s'", reader->key);
    const struct kist_http_request request = {
        .method = "GET", .url = url, .headers = headers, .header_count = offset > 0 ? 2 : 1, .what = what};
    int rc = kist_http_open(http, &request, &reader->stream, &reader->reply, err);
    if (rc != 0) {
        reader->reply = (struct kist_http_reply){0};
        reader->stream = NULL;
        return rc;
    }
    if (reader->reply.status == 416 && offset > 0)
        return at_or_behind_end(reader, offset, err);
    if (!reader->stream)
        return fail_status(reader, http, &request, err);
    if (kist_http_header_of(&reader->reply, "content-encoding"))
        return fail_reply(reader, "it comes encoded, which was not asked for", err);
    return offset > 0 ? check_partial(reader, offset, err) : check_whole(reader, err);
}

/* What a cache may have kept is compared with what the store says now. */
static int check_fresh(struct reader *reader, struct kist_http *http, struct kist_error *err)
{
    const struct kist_host *host = reader->store->host;
    struct blob_head head = {0};
    if (reader->store->config->access.index != BLOB_PUBLIC)
        return 0;
    int rc = blob_head(reader->store, http, reader->key, &head, err);
    if (rc == 0 && head.entry.size != reader->total) {
        rc = host->fail(host, err, KIST_ERR_UNAVAILABLE,
                        "cannot read '%s': the CDN gives a blob of %" PRId64
                        " bytes, the store has one of %" PRId64,
                        reader->key, reader->total, head.entry.size);
        host->retry(host, err, 1, STALE_MS);
    }
    blob_head_done(&head);
    return rc;
}

static int reader_open(struct blob_store *store, struct kist_http *http, const char *key, uint64_t offset,
                       struct reader **ret_reader, struct kist_error *err)
{
    int rc = blob_key_check(store, key, err);
    if (rc != 0)
        return rc;
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return blob_fail_memory(store, err);
    reader->store = store;
    reader->key = strdup(key);
    char *url = reader->key ? blob_content_url(store, key) : NULL;
    rc = url ? request_content(reader, http, url, offset, err) : blob_fail_memory(store, err);
    free(url);
    if (rc == 0)
        rc = check_fresh(reader, http, err);
    if (rc == 0)
        *ret_reader = reader;
    else
        blob_get_end(reader);
    return rc;
}

int blob_get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err)
{
    struct blob_store *store = self;
    struct reader *reader = NULL;
    int rc = reader_open(store, store->http, key, offset, &reader, err);
    if (rc == 0)
        *ret_reader = reader;
    return rc;
}

int blob_get_read(void *arg, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct reader *reader = arg;
    size_t size = 0;
    int rc = reader->stream ? kist_http_read(reader->stream, data, capacity, &size, err) : 0;
    if (rc != 0)
        return rc;
    if (size > reader->left || (size == 0 && reader->left > 0))
        return fail_reply(reader, "the store gives another number of bytes than it said", err);
    reader->left -= size;
    *ret_size = size;
    return 0;
}

void blob_get_end(void *arg)
{
    struct reader *reader = arg;
    kist_http_close(reader->stream);
    kist_http_reply_done(&reader->reply);
    free(reader->key);
    free(reader);
}

int blob_get_about(void *arg, kist_object_fn give, void *give_arg, struct kist_error *err)
{
    struct reader *reader = arg;
    /* The reply that tells where the end is tells nothing else. */
    if (!reader->stream)
        return blob_stat(reader->store, reader->key, give, give_arg, err);
    const char *modified = kist_http_header_of(&reader->reply, "last-modified");
    char *etag = kist_http_etag(kist_http_header_of(&reader->reply, "etag"));
    int64_t modified_ms = modified ? kist_http_date(modified) : 0;
    const struct kist_object object = {.struct_size = sizeof object,
                                       .key = reader->key,
                                       .size = reader->total,
                                       .modified_ms = modified_ms > 0 ? modified_ms : 0,
                                       .etag = etag && *etag ? etag : NULL,
                                       .content_type = kist_http_header_of(&reader->reply, "content-type")};
    int rc = give(give_arg, &object);
    free(etag);
    return rc;
}

int blob_content_hash(struct blob_store *store, struct kist_http *http, const char *key, int64_t *ret_size,
                      unsigned char *ret_sha256, struct kist_error *err)
{
    struct reader *reader = NULL;
    unsigned char data[16384];
    size_t size = 1;
    EVP_MD_CTX *sha256 = EVP_MD_CTX_new();
    int good = sha256 && EVP_DigestInit_ex(sha256, EVP_sha256(), NULL) == 1;
    int rc = good ? reader_open(store, http, key, 0, &reader, err) : blob_fail_memory(store, err);
    while (rc == 0 && size > 0) {
        rc = blob_get_read(reader, data, sizeof data, &size, err);
        good = good && (rc != 0 || EVP_DigestUpdate(sha256, data, size) == 1);
    }
    if (rc == 0 && (!good || EVP_DigestFinal_ex(sha256, ret_sha256, NULL) != 1))
        rc = store->host->fail(store->host, err, KIST_ERR_FAILED, "cannot hash '%s'", key);
    if (rc == 0)
        *ret_size = reader->total;
    if (reader)
        blob_get_end(reader);
    EVP_MD_CTX_free(sha256);
    return rc;
}
