/* s3_copy.c - copying within the bucket: the store does it, and is asked afterwards. */
#include "s3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_MIN (UINT64_C(512) << 20)

struct copying {
    struct s3_store *store;
    const struct kist_put *put;
    const char *etag; /* that the source must have */
    char *source;     /* as the header wants it */
    struct s3_head from;
    const char *token;
    struct s3_headers object;
    int refused;   /* the store said that the source has another etag */
    int unmatched; /* the store compares with another etag than it tells: done without, and looked at afterwards */
    /* of a copy in pieces */
    char *upload;
    char **etags;
    unsigned count;
};

static void forget_upload(struct copying *c)
{
    for (unsigned i = 0; c->etags && i < c->count; i++)
        free(c->etags[i]);
    free(c->etags);
    free(c->upload);
    c->etags = NULL;
    c->upload = NULL;
}

static void drop_upload(struct copying *c)
{
    if (c->upload)
        s3_multipart_abort(c->store, c->put->key, c->upload);
    forget_upload(c);
}

static void copying_done(struct copying *c)
{
    forget_upload(c);
    free(c->source);
    s3_head_done(&c->from);
    s3_headers_done(&c->object);
}

/* A copy that is repeated because its answer was lost has the token of the one before, and finds its own work. */
static int take_token(struct copying *c, struct kist_error *err)
{
    struct s3_store *store = c->store;
    c->token = store->copy_token;
    if (store->copy_key && strcmp(store->copy_key, c->put->key) == 0)
        return 0;
    free(store->copy_key);
    store->copy_key = strdup(c->put->key);
    return store->copy_key ? s3_token(store->host, store->copy_token, err) : s3_fail_memory(store, err);
}

static int fail_changed(struct copying *c, const char *from, struct kist_error *err)
{
    return c->store->host->fail(c->store->host, err, KIST_ERR_CORRUPT,
                                "'s3://%s/%s' changed before it could be copied", c->store->config->bucket, from);
}

static int prepare(struct copying *c, const char *from, struct kist_error *err)
{
    char *encoded = kist_http_encode(from, 1);
    int rc = encoded && asprintf(&c->source, "%s/%s", c->store->config->bucket, encoded) >= 0
                 ? s3_head(c->store, c->store->http, from, &c->from, err)
                 : s3_fail_memory(c->store, err);
    free(encoded);
    if (rc == 0 && c->etag && (!c->from.etag || strcmp(c->etag, c->from.etag) != 0))
        rc = fail_changed(c, from, err);
    if (rc == 0)
        rc = take_token(c, err);
    if (rc == 0)
        s3_headers_object(&c->object, c->store, c->put, c->token);
    return rc;
}

static void add_source(const struct copying *c, struct s3_headers *headers)
{
    char *quoted = NULL;
    s3_headers_add(headers, "x-amz-copy-source", c->source);
    if (c->from.etag && !c->unmatched && asprintf(&quoted, "\"%s\"", c->from.etag) >= 0) {
        s3_headers_add(headers, "x-amz-copy-source-if-match", quoted);
        free(quoted);
    }
    if (c->store->config->expected_bucket_owner)
        s3_headers_add(headers, "x-amz-source-expected-bucket-owner", c->store->config->expected_bucket_owner);
}

static int copy_whole(struct copying *c, struct s3_reply *reply, struct kist_error *err)
{
    struct s3_headers headers = {0};
    struct kist_http *http = NULL;
    *reply = (struct s3_reply){0};
    int rc = s3_client_patient(c->store, &http, err);
    for (size_t i = 0; i < c->object.count; i++)
        s3_headers_add(&headers, c->object.items[i].name, c->object.items[i].value);
    s3_headers_add(&headers, "x-amz-metadata-directive", "REPLACE");
    if (c->store->tagging)
        s3_headers_add(&headers, "x-amz-tagging-directive", "REPLACE");
    if (!c->store->no_conditional)
        s3_headers_add(&headers, "if-none-match", "*");
    add_source(c, &headers);
    const struct s3_request request = {
        .verb = "copy to", .method = "PUT", .key = c->put->key, .headers = &headers, .expect = "CopyObjectResult"};
    if (rc == 0)
        rc = s3_send(c->store, http, &request, reply, err);
    s3_headers_done(&headers);
    return rc;
}

static int copy_piece(struct copying *c, unsigned number, uint64_t first, uint64_t last, struct kist_error *err)
{
    struct s3_headers headers = {0};
    struct kist_http *http = NULL;
    struct s3_reply reply = {0};
    char *query = NULL, range[64];
    snprintf(range, sizeof range, "bytes=%" PRIu64 "-%" PRIu64, first, last);
    s3_headers_add(&headers, "x-amz-copy-source-range", range);
    add_source(c, &headers);
    int rc = s3_client_patient(c->store, &http, err);
    if (rc == 0 && asprintf(&query, "partNumber=%u&uploadId=%s", number, c->upload) < 0) {
        query = NULL;
        rc = s3_fail_memory(c->store, err);
    }
    const struct s3_request request = {.verb = "copy to",
                                       .method = "PUT",
                                       .key = c->put->key,
                                       .query = query,
                                       .headers = &headers,
                                       .expect = "CopyPartResult"};
    if (rc == 0)
        rc = s3_send(c->store, http, &request, &reply, err);
    const char *etag = rc == 0 ? kist_xml_value(reply.xml, "ETag") : NULL;
    if (rc == 0 && !etag)
        rc = c->store->host->fail(c->store->host, err, KIST_ERR_CORRUPT,
                                  "the store gave no etag for a piece of 's3://%s/%s'", c->store->config->bucket,
                                  c->put->key);
    c->refused = reply.http.status == 412;
    if (rc == 0 && !(c->etags[number - 1] = strdup(etag)))
        rc = s3_fail_memory(c->store, err);
    s3_reply_done(&reply);
    s3_headers_done(&headers);
    free(query);
    return rc;
}

static const char *etag_of(const void *arg, unsigned number)
{
    const struct copying *c = arg;
    return c->etags[number - 1];
}

static const unsigned char *no_sha256(const void *arg, unsigned number)
{
    (void)arg;
    (void)number;
    return NULL;
}

static int copy_pieces(struct copying *c, struct s3_reply *reply, struct kist_error *err)
{
    uint64_t size = (uint64_t)c->from.size, piece = (size + S3_PARTS_MAX - 1) / S3_PARTS_MAX;
    *reply = (struct s3_reply){0};
    if (piece < PIECE_MIN)
        piece = c->store->copy_limit < PIECE_MIN ? c->store->copy_limit : PIECE_MIN;
    c->count = (unsigned)((size + piece - 1) / piece);
    c->etags = calloc(c->count, sizeof *c->etags);
    if (!c->etags)
        return s3_fail_memory(c->store, err);
    int rc = s3_multipart_begin(c->store, c->put->key, &c->object, 0, &c->upload, err);
    for (unsigned number = 1; rc == 0 && number <= c->count; number++) {
        uint64_t first = (number - 1) * piece;
        uint64_t last = first + piece < size ? first + piece - 1 : size - 1;
        rc = copy_piece(c, number, first, last, err);
    }
    const struct s3_completion completion = {.key = c->put->key,
                                             .upload = c->upload,
                                             .count = c->count,
                                             .size = size,
                                             .etag_of = etag_of,
                                             .sha256_of = no_sha256,
                                             .arg = c};
    return rc == 0 ? s3_multipart_complete(c->store, &completion, reply, err) : rc;
}

/* Is the copy what the source was? The size always says so; hashes where both have the same kind. */
static int is_same(const struct copying *c, const struct s3_head *head)
{
    const char *one = c->from.whole, *two = head->whole;
    if (head->size != c->from.size)
        return 0;
    return !*one || !*two || strncmp(one, two, 4) != 0 || strcmp(one, two) == 0;
}

static int confirm(struct copying *c, struct kist_error *err)
{
    struct s3_head head = {0};
    int ours = 0;
    int rc = s3_commit_look(c->store, c->put->key, c->token, &head, &ours, err);
    if (rc == 0 && !ours)
        rc = c->store->host->fail(c->store->host, err, KIST_ERR_UNAVAILABLE,
                                  "'s3://%s/%s' was copied, but the store does not show it",
                                  c->store->config->bucket, c->put->key);
    if (rc == 0 && !is_same(c, &head)) {
        struct kist_error ignored = {.struct_size = sizeof ignored};
        int left = s3_remove(c->store, c->put->key, &ignored);
        kist_fault_clear(&ignored);
        rc = c->store->host->fail(c->store->host, err, KIST_ERR_CORRUPT,
                                  "the copy 's3://%s/%s' is not what was copied, and %s", c->store->config->bucket,
                                  c->put->key, left == 0 ? "was removed again" : "could not be removed");
    }
    s3_head_done(&head);
    return rc;
}

/* Is the source still what it was? */
static int is_unchanged(struct copying *c, const char *from, struct kist_error *err)
{
    struct s3_head now = {0};
    int rc = s3_head(c->store, c->store->http, from, &now, err);
    int same =
        rc == 0 && now.size == c->from.size && c->from.etag && now.etag && strcmp(c->from.etag, now.etag) == 0;
    s3_head_done(&now);
    return same;
}

/* What a failed copy left is looked at once; then it is taken away. */
static int after_failure(struct copying *c, int rc, const char *from, const struct s3_reply *reply, int *ret_again,
                         struct kist_error *err)
{
    struct kist_error look = {.struct_size = sizeof look};
    struct s3_head head = {0};
    int ours = 0;
    int looked = s3_commit_look(c->store, c->put->key, c->token, &head, &ours, &look);
    if (looked == 0 && ours)
        rc = 0;
    else if (looked == KIST_ERR_EXISTS)
        rc = kist_fault_repeat(c->store->host, &look, err);
    else if (looked == 0 && (reply->http.status == 412 || c->refused) && !c->unmatched &&
             is_unchanged(c, from, &look))
        c->unmatched = *ret_again = 1;
    else if (looked == 0 && (reply->http.status == 412 || c->refused))
        rc = fail_changed(c, from, err);
    if (rc != 0)
        drop_upload(c);
    s3_head_done(&head);
    kist_fault_clear(&look);
    return rc;
}

static int copy_once(struct copying *c, const char *from, int *ret_again, struct kist_error *err)
{
    struct s3_reply reply;
    int rc =
        (uint64_t)c->from.size > c->store->copy_limit ? copy_pieces(c, &reply, err) : copy_whole(c, &reply, err);
    *ret_again = 0;
    if (rc != 0 && !c->store->no_conditional && !c->upload &&
        (reply.http.status == 501 || strcmp(reply.code, "NotImplemented") == 0)) {
        s3_commit_note_unconditional(c->store);
        *ret_again = 1;
    } else if (rc != 0) {
        rc = after_failure(c, rc, from, &reply, ret_again, err);
    }
    s3_reply_done(&reply);
    return rc;
}

/* The source changed while it was copied, so nobody knows what the copy is. */
static int take_back(struct copying *c, const char *from, struct kist_error *err)
{
    int rc = s3_commit_take_back(c->store, c->put->key, c->token, err);
    return rc == 0 ? fail_changed(c, from, err) : rc;
}

int s3_copy(void *self, const char *from, const char *etag, const struct kist_put *put, struct kist_error *err)
{
    struct copying c = {.store = self, .put = put, .etag = etag};
    struct s3_head head = {0};
    int ours = 0, again = 0;
    int rc = s3_key_check(c.store, put->key, err);
    if (rc == 0)
        rc = prepare(&c, from, err);
    if (rc == 0 && c.object.failed)
        rc = s3_fail_memory(c.store, err);
    /* Not every store heeds the condition on a copy. */
    if (rc == 0)
        rc = s3_commit_look(c.store, put->key, c.token, &head, &ours, err);
    s3_head_done(&head);
    if (rc == 0 && !ours)
        rc = copy_once(&c, from, &again, err);
    /* Without what the store refused: the condition on the target, on the source, or both. */
    for (int i = 0; again && i < 2; i++)
        rc = copy_once(&c, from, &again, err);
    if (rc == 0 && c.unmatched && !is_unchanged(&c, from, err))
        rc = take_back(&c, from, err);
    if (rc == 0)
        rc = confirm(&c, err);
    if (rc == 0) {
        /* Another copy to this key is another one, not a repetition. */
        free(c.store->copy_key);
        c.store->copy_key = NULL;
    }
    copying_done(&c);
    return rc;
}
