/* s3_remove.c - removing objects, one by one or a thousand at a time. */
#include "s3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 1000U

int s3_remove(void *self, const char *key, struct kist_error *err)
{
    struct s3_store *store = self;
    struct kist_http *http = NULL;
    struct s3_reply reply = {0};
    int rc = s3_client_cleaner(store, &http, err);
    const struct s3_request request = {.verb = "remove", .method = "DELETE", .key = key};
    if (rc == 0 && !*key)
        return store->host->fail(store->host, err, KIST_ERR_UNSUPPORTED, "there are no objects without a key");
    if (rc == 0)
        rc = s3_send(store, http, &request, &reply, err);
    if (rc != 0 && reply.http.status == 404 && strcmp(reply.code, "NoSuchBucket") != 0) {
        kist_fault_clear(err);
        rc = 0;
    }
    s3_reply_done(&reply);
    return rc;
}

struct batch {
    struct s3_store *store;
    const char *const *keys; /* those of this batch that XML can carry have 1 in `sent` */
    uint64_t count;
    unsigned char sent[BATCH];
    kist_unremoved_fn tell;
    void *arg;
};

/* Control characters cannot stand in XML, or become others there. */
static char *carried(const char *key)
{
    for (const char *at = key; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return NULL;
    return kist_xml_escape(key);
}

static int write_body(struct batch *batch, FILE *out)
{
    int failed = fputs("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>", out) < 0;
    for (uint64_t i = 0; i < batch->count; i++) {
        char *key = carried(batch->keys[i]);
        batch->sent[i] = key != NULL;
        if (key)
            failed |= fprintf(out, "<Object><Key>%s</Key></Object>", key) < 0;
        free(key);
    }
    return failed | (fputs("</Delete>", out) < 0);
}

/* S3 wants a hash of this body, whatever the option says. */
static int add_hashes(struct batch *batch, struct s3_headers *headers, const void *body, size_t size)
{
    unsigned char md5[S3_MD5_SIZE], sha256[S3_SHA256_SIZE];
    char text[S3_BASE64_SIZE];
    s3_headers_add(headers, "content-type", "application/xml");
    if (s3_md5(body, size, md5) == 0) {
        s3_base64(md5, sizeof md5, text);
        s3_headers_add(headers, "content-md5", text);
    }
    if (s3_sha256(body, size, sha256) != 0)
        return -1;
    if (batch->store->config->checksum.index == S3_CHECKSUM_SHA256) {
        s3_base64(sha256, sizeof sha256, text);
        s3_headers_add(headers, "x-amz-checksum-sha256", text);
    }
    return 0;
}

static int is_of_batch(const struct batch *batch, const char *key)
{
    for (uint64_t i = 0; i < batch->count; i++)
        if (batch->sent[i] && strcmp(batch->keys[i], key) == 0)
            return 1;
    return 0;
}

/* An answer of 200 that says which keys are still there. */
static int tell_errors(struct batch *batch, const struct kist_xml *root, struct kist_error *err)
{
    struct s3_store *store = batch->store;
    const struct kist_host *host = store->host;
    for (const struct kist_xml *entry = kist_xml_child(root, "Error"); entry;
         entry = kist_xml_next(entry, "Error")) {
        struct kist_error why = {.struct_size = sizeof why};
        const char *key = kist_xml_value(entry, "Key"), *code = kist_xml_value(entry, "Code");
        const char *message = kist_xml_value(entry, "Message");
        if (!key || !is_of_batch(batch, key))
            return host->fail(
                host, err, KIST_ERR_CORRUPT,
                "the store could not remove an object of bucket '%s', and names one that it was not asked for",
                store->config->bucket);
        if (code && (strcmp(code, "NoSuchKey") == 0 || strcmp(code, "NoSuchVersion") == 0))
            continue;
        host->fail(host, &why, s3_error_code(code ? code : ""), "cannot remove 's3://%s/%s': %.100s%s%.200s",
                   store->config->bucket, key, code ? code : "no reason given", message && *message ? ": " : "",
                   message ? message : "");
        batch->tell(batch->arg, key, &why);
        kist_fault_clear(&why);
    }
    return 0;
}

static int has_batches(const struct s3_reply *reply)
{
    return reply->http.status != 501 && reply->http.status != 405 && strcmp(reply->code, "NotImplemented") != 0 &&
           strcmp(reply->code, "MethodNotAllowed") != 0;
}

static int send_batch(struct batch *batch, const void *body, size_t size, struct kist_error *err)
{
    struct s3_headers headers = {0};
    struct s3_reply reply = {0};
    struct kist_http *http = NULL;
    int rc = s3_client_cleaner(batch->store, &http, err);
    if (rc == 0 && add_hashes(batch, &headers, body, size) != 0)
        rc =
            batch->store->host->fail(batch->store->host, err, KIST_ERR_FAILED, "cannot compute a hash by SHA-256");
    const struct s3_request request = {.verb = "remove objects of",
                                       .method = "POST",
                                       .query = "delete=",
                                       .headers = &headers,
                                       .body = body,
                                       .body_size = size,
                                       .reply_limit = S3_LIST_LIMIT,
                                       .expect = "DeleteResult"};
    if (rc == 0)
        rc = s3_send(batch->store, http, &request, &reply, err);
    if (rc == 0)
        rc = tell_errors(batch, reply.xml, err);
    else if (reply.http.status != 0 && !has_batches(&reply)) {
        batch->store->no_batch = 1;
        memset(batch->sent, 0, sizeof batch->sent);
        kist_fault_clear(err);
        rc = 0;
    }
    s3_reply_done(&reply);
    s3_headers_done(&headers);
    return rc;
}

/* Those that could not go with the others. */
static int remove_rest(struct batch *batch, struct kist_error *err)
{
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && i < batch->count; i++) {
        if (batch->sent[i])
            continue;
        rc = s3_remove(batch->store, batch->keys[i], err);
        if (rc != 0 && rc != KIST_ERR_CANCELLED && !err->retryable) {
            batch->tell(batch->arg, batch->keys[i], err);
            kist_fault_clear(err);
            rc = 0;
        }
    }
    return rc;
}

static int remove_batch(struct batch *batch, struct kist_error *err)
{
    char *body = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&body, &size);
    if (!out)
        return s3_fail_memory(batch->store, err);
    int failed = write_body(batch, out);
    int rc = (fclose(out) != 0) | failed ? s3_fail_memory(batch->store, err) : 0;
    if (rc == 0 && memchr(batch->sent, 1, batch->count))
        rc = send_batch(batch, body, size, err);
    free(body);
    return rc == 0 ? remove_rest(batch, err) : rc;
}

int s3_remove_many(void *self, const char *const *keys, uint64_t count, kist_unremoved_fn tell, void *arg,
                   struct kist_error *err)
{
    struct batch batch = {.store = self, .tell = tell, .arg = arg};
    int rc = 0;
    for (uint64_t done = 0; rc == 0 && done < count; done += batch.count) {
        batch.keys = keys + done;
        batch.count = count - done < BATCH ? count - done : BATCH;
        memset(batch.sent, 0, sizeof batch.sent);
        rc = batch.store->no_batch ? remove_rest(&batch, err) : remove_batch(&batch, err);
    }
    return rc;
}
