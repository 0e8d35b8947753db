/*
 * s3_commit.c - making an object visible, once.
 *
 * An object is ours when it carries the token of its writer. So whenever it is not clear what a request did (no answer
 * came, or "it exists" to a repeated one), looking at the object decides.
 */
#include "s3.h"

#include <stdlib.h>
#include <string.h>

#define PROBE_MAX ((uint64_t)64 << 10)

static int fail_exists(const struct s3_store *store, const char *key, struct kist_error *err)
{
    return store->host->fail(store->host, err, KIST_ERR_EXISTS, "'s3://%s/%s' exists and is not overwritten",
                             store->config->bucket, key);
}

int s3_commit_look(struct s3_store *store, const char *key, const char *token, struct s3_head *ret_head,
                   int *ret_ours, struct kist_error *err)
{
    struct s3_head head = {0};
    *ret_ours = 0;
    int rc = s3_head(store, store->http, key, &head, err);
    if (rc == KIST_ERR_NOT_FOUND) {
        kist_fault_clear(err);
        return 0;
    }
    if (rc != 0)
        return rc;
    if (strcmp(head.token, token) != 0) {
        s3_head_done(&head);
        return fail_exists(store, key, err);
    }
    *ret_ours = 1;
    *ret_head = head;
    return 0;
}

int s3_commit_take_back(struct s3_store *store, const char *key, const char *token, struct kist_error *err)
{
    struct s3_head head = {0};
    struct kist_http *http = NULL;
    int rc = s3_client_cleaner(store, &http, err);
    if (rc == 0)
        rc = s3_head(store, http, key, &head, err);
    int ours = rc == 0 && strcmp(head.token, token) == 0;
    s3_head_done(&head);
    if (rc == KIST_ERR_NOT_FOUND || (rc == 0 && !ours))
        return 0;
    return rc == 0 ? s3_remove(store, key, err) : rc;
}

void s3_commit_note_unconditional(struct s3_store *store)
{
    if (!store->no_conditional)
        store->host->log(store->host, KIST_LOG_DEBUG, "this store takes no conditional writes");
    store->no_conditional = 1;
}

static int put_whole(struct s3_writer *writer, struct s3_reply *reply, struct kist_error *err)
{
    struct s3_store *store = writer->store;
    struct s3_headers headers = {0};
    unsigned char sha256[S3_SHA256_SIZE];
    char hex[S3_HEX_SIZE];
    const struct s3_buffer *buffer = writer->buffer;
    const void *body = buffer->data ? (const void *)buffer->data : "";
    int rc = 0;
    *reply = (struct s3_reply){0};
    for (size_t i = 0; i < writer->headers.count; i++)
        s3_headers_add(&headers, writer->headers.items[i].name, writer->headers.items[i].value);
    if (!store->no_conditional)
        s3_headers_add(&headers, "if-none-match", "*");
    if (s3_sha256(body, buffer->size, sha256) != 0 ||
        s3_headers_checksum(&headers, store, body, buffer->size, sha256) != 0)
        rc = store->host->fail(store->host, err, KIST_ERR_FAILED, "cannot compute the hashes of an object");
    s3_hex(sha256, sizeof sha256, hex);
    const struct s3_request request = {.verb = "write",
                                       .method = "PUT",
                                       .key = writer->key,
                                       .headers = &headers,
                                       .body = body,
                                       .body_size = buffer->size,
                                       .payload = hex};
    if (rc == 0)
        rc = s3_send(store, store->http, &request, reply, err);
    s3_headers_done(&headers);
    return rc;
}

static const char *etag_of(const void *arg, unsigned number)
{
    return s3_parts_done_of(arg, number)->etag;
}

/* A store that told no checksum of a part does not know the element that repeats it, and some refuse what they do not know. */
static const unsigned char *sha256_of(const void *arg, unsigned number)
{
    const struct s3_done *done = s3_parts_done_of(arg, number);
    return done->told ? done->sha256 : NULL;
}

static int complete(struct s3_writer *writer, struct s3_reply *reply, struct kist_error *err)
{
    const struct s3_completion completion = {.key = writer->key,
                                             .upload = writer->upload,
                                             .count = writer->next_part - 1,
                                             .size = writer->written,
                                             .etag_of = etag_of,
                                             .sha256_of = sha256_of,
                                             .arg = writer->parts};
    return s3_multipart_complete(writer->store, &completion, reply, err);
}

/* Did the store refuse without a doubt? Else the object may be there. */
static int is_refusal(const struct s3_reply *reply, const struct kist_error *err)
{
    int status = reply->http.status;
    return status >= 400 && status < 500 && status != 408 && status != 412 && !err->retryable &&
           strcmp(reply->code, "NoSuchUpload") != 0;
}

static int is_unconditional(const struct s3_reply *reply)
{
    return reply->http.status == 501 || strcmp(reply->code, "NotImplemented") == 0;
}

static int publish(struct s3_writer *writer, struct kist_error *err);

/* The store has just said that it takes no condition. */
static int publish_claimed(struct s3_writer *writer, struct kist_error *err)
{
    struct s3_store *store = writer->store;
    struct s3_claim claim = {.fd = -1};
    struct s3_head head = {0};
    int ours = 0;
    int rc = writer->parts ? 0 : s3_claim_take(store, writer->key, 0, &claim, err);
    if (rc == 0)
        rc = s3_commit_look(store, writer->key, writer->token, &head, &ours, err);
    s3_head_done(&head);
    if (rc == 0 && !ours)
        rc = publish(writer, err);
    s3_claim_release(store, &claim);
    return rc;
}

/* The request that makes the object visible, and when it failed a look at what it did. */
static int publish(struct s3_writer *writer, struct kist_error *err)
{
    struct s3_store *store = writer->store;
    struct kist_error look = {.struct_size = sizeof look};
    struct s3_head head = {0};
    struct s3_reply reply;
    int ours = 0, again = 0;
    int rc = writer->parts ? complete(writer, &reply, err) : put_whole(writer, &reply, err);
    if (rc != 0 && is_unconditional(&reply) && !store->no_conditional) {
        again = 1;
    } else if (rc != 0 && !is_refusal(&reply, err)) {
        writer->uncertain = 1;
    }
    /* A store that says "later" is not asked more at once. */
    if (rc != 0 && !again && writer->uncertain && reply.http.status != 503 && reply.http.status != 429) {
        int looked = s3_commit_look(store, writer->key, writer->token, &head, &ours, &look);
        if (looked == 0 && ours)
            rc = 0;
        else if (looked == KIST_ERR_EXISTS)
            rc = kist_fault_repeat(store->host, &look, err);
        /* The store knows of nothing there: nothing has to be taken back, unless the request is still on its way. */
    }
    s3_head_done(&head);
    kist_fault_clear(&look);
    s3_reply_done(&reply);
    if (!again)
        return rc;
    s3_commit_note_unconditional(store);
    return publish_claimed(writer, err);
}

static int take_back(struct s3_writer *writer, struct kist_error *err)
{
    struct s3_store *store = writer->store;
    struct kist_error failed = {.struct_size = sizeof failed};
    int rc = store->host->fail(store->host, err, KIST_ERR_CORRUPT,
                               "the store holds something else under 's3://%s/%s' than was sent",
                               store->config->bucket, writer->key);
    if (s3_remove(store, writer->key, &failed) == 0)
        store->host->hint(store->host, err, "it was removed again; if that repeats, do not trust this store");
    else
        store->host->hint(store->host, err, "it could not be removed (%s): do that by hand",
                          failed.message ? failed.message : "out of memory");
    kist_fault_clear(&failed);
    writer->uncertain = 0;
    return rc;
}

/* Holds what the store says against what was sent. The object is visible by now. */
static int confirm(struct s3_writer *writer, struct kist_error *err)
{
    struct s3_head head = {0};
    int ours = 0, same = 0;
    int rc = s3_commit_look(writer->store, writer->key, writer->token, &head, &ours, err);
    if (rc == KIST_ERR_EXISTS)
        return rc;
    if (rc == 0 && !ours)
        rc = writer->store->host->fail(writer->store->host, err, KIST_ERR_UNAVAILABLE,
                                       "'s3://%s/%s' was written, but the store does not show it",
                                       writer->store->config->bucket, writer->key);
    if (rc == 0)
        rc = s3_verify(writer, &head, &same, err);
    if (rc == 0 && !same)
        rc = take_back(writer, err);
    s3_head_done(&head);
    return rc;
}

/* Puts a small object a second time, once per instance, to see whether the store heeds the condition: with the same bytes
 * and token, so that nothing is lost where it does not. */
static void probe_condition(struct s3_writer *writer)
{
    struct s3_store *store = writer->store;
    struct kist_error refused = {.struct_size = sizeof refused};
    struct s3_reply reply;
    if (store->heeds_condition || store->no_conditional || writer->parts || writer->written > PROBE_MAX)
        return;
    int rc = put_whole(writer, &reply, &refused);
    if (reply.http.status == 412)
        store->heeds_condition = 1;
    else if (rc == 0)
        s3_commit_note_unconditional(store);
    s3_reply_done(&reply);
    kist_fault_clear(&refused);
}

static int commit(struct s3_writer *writer, struct kist_error *err)
{
    struct s3_store *store = writer->store;
    struct s3_head head = {0};
    int ours = 0, rc = 0;
    /* Some stores ignore the condition, on completing or always, so there the key is looked at first; and a repeated commit
     * finds out here that the one before was successful. */
    if (writer->parts || !store->heeds_condition || writer->uncertain)
        rc = s3_commit_look(store, writer->key, writer->token, &head, &ours, err);
    s3_head_done(&head);
    if (rc == 0 && !ours)
        rc = publish(writer, err);
    if (rc != 0)
        return rc;
    writer->uncertain = 1; /* until it is confirmed */
    return confirm(writer, err);
}

int s3_commit(struct s3_writer *writer, struct kist_error *err)
{
    struct s3_store *store = writer->store;
    struct s3_claim claim = {.fd = -1};
    int rc = 0;
    /* Whether the end of an upload is conditional cannot be found out beforehand; AWS says that it is. */
    if (store->no_conditional || (writer->parts && store->endpoint))
        rc = s3_claim_take(store, writer->key, writer->parts != NULL, &claim, err);
    if (rc == 0)
        rc = commit(writer, err);
    s3_claim_release(store, &claim);
    if (rc == 0)
        probe_condition(writer);
    return rc;
}
