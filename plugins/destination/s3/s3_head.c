/* s3_head.c - one object as the store describes it. */
#include "s3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define META "x-amz-meta-"

void s3_head_done(struct s3_head *head)
{
    for (size_t i = 0; head->metadata && head->metadata[i]; i++)
        free(head->metadata[i]);
    free(head->metadata);
    free(head->etag);
    free(head->content_type);
    free(head->checksum);
    *head = (struct s3_head){0};
}

static int copy_text(const struct kist_http_reply *reply, const char *name, char **ret_text)
{
    const char *value = kist_http_header_of(reply, name);
    *ret_text = value ? strdup(value) : NULL;
    return value && !*ret_text ? -1 : 0;
}

/* Names that begin with "kist-" are our own and nobody else's business. */
static int take_metadata(const struct kist_http_reply *reply, struct s3_head *head)
{
    size_t count = 0, length = strlen(META);
    for (size_t i = 0; reply->headers && reply->headers[i]; i += 2)
        count += strncmp(reply->headers[i], META, length) == 0;
    head->metadata = calloc(2 * count + 1, sizeof *head->metadata);
    if (!head->metadata)
        return -1;
    count = 0;
    for (size_t i = 0; reply->headers && reply->headers[i]; i += 2) {
        const char *name = reply->headers[i] + length;
        if (strncmp(reply->headers[i], META, length) != 0 || strncmp(name, "kist-", 5) == 0 || !s3_is_utf8(name))
            continue;
        head->metadata[count] = strdup(name);
        head->metadata[count + 1] = head->metadata[count] ? s3_meta_decode(reply->headers[i + 1]) : NULL;
        if (!head->metadata[count + 1])
            return -1;
        count += 2;
    }
    return 0;
}

/* "ALGORITHM:HEX" of the whole content where the store tells one. The etag of what was not sent in parts is its MD5. */
static void take_whole(const struct s3_store *store, struct s3_head *head)
{
    unsigned char digest[S3_SHA256_SIZE];
    char hex[S3_HEX_SIZE];
    if (store->config->checksum.index == S3_CHECKSUM_NONE)
        return;
    if (head->checksum && s3_from_base64(head->checksum, digest) == 0) {
        s3_hex(digest, sizeof digest, hex);
        snprintf(head->whole, sizeof head->whole, "sha256:%s", hex);
    } else if (head->etag && !head->encrypted && s3_is_md5(head->etag)) {
        snprintf(head->whole, sizeof head->whole, "md5:%s", head->etag);
    }
}

int s3_head_read(struct s3_store *store, const char *key, const struct kist_http_reply *reply, int64_t size,
                 struct s3_head *ret_head, struct kist_error *err)
{
    struct s3_head head = {.size = size};
    const char *length = kist_http_header_of(reply, "content-length");
    const char *token = kist_http_header_of(reply, META "kist-upload");
    const char *modified = kist_http_header_of(reply, "last-modified");
    const char *sse = kist_http_header_of(reply, "x-amz-server-side-encryption");
    const char *etag = kist_http_header_of(reply, "etag");
    if (size < 0)
        head.size = s3_number(length);
    if (head.size < 0)
        return store->host->fail(store->host, err, KIST_ERR_CORRUPT,
                                 "the store does not tell the size of 's3://%s/%s'", store->config->bucket, key);
    head.modified_ms = modified ? kist_http_date(modified) : 0;
    if (head.modified_ms < 0)
        head.modified_ms = 0;
    if (token && strlen(token) == 32)
        snprintf(head.token, sizeof head.token, "%s", token);
    head.encrypted = (sse && strncmp(sse, "aws:kms", 7) == 0) ||
                     kist_http_header_of(reply, "x-amz-server-side-encryption-customer-algorithm") != NULL;
    head.etag = kist_http_etag(etag);
    if ((etag && !head.etag) || copy_text(reply, "content-type", &head.content_type) != 0 ||
        copy_text(reply, "x-amz-checksum-sha256", &head.checksum) != 0 || take_metadata(reply, &head) != 0) {
        s3_head_done(&head);
        return s3_fail_memory(store, err);
    }
    take_whole(store, &head);
    *ret_head = head;
    return 0;
}

int s3_head(struct s3_store *store, struct kist_http *http, const char *key, struct s3_head *ret_head,
            struct kist_error *err)
{
    struct s3_headers headers = {0};
    struct s3_reply reply;
    if (store->config->checksum.index == S3_CHECKSUM_SHA256)
        s3_headers_add(&headers, "x-amz-checksum-mode", "ENABLED");
    const struct s3_request request = {.verb = "look at", .method = "HEAD", .key = key, .headers = &headers};
    int rc = s3_send(store, http, &request, &reply, err);
    if (rc == 0)
        rc = s3_head_read(store, key, &reply.http, -1, ret_head, err);
    else if (reply.http.status == 404)
        rc = store->host->fail(store->host, err, KIST_ERR_NOT_FOUND, "there is no 's3://%s/%s'",
                               store->config->bucket, key);
    s3_reply_done(&reply);
    s3_headers_done(&headers);
    return rc;
}

int s3_head_give(const struct s3_head *head, const char *key, kist_object_fn give, void *arg)
{
    const struct kist_object object = {.struct_size = sizeof object,
                                       .key = key,
                                       .size = head->size,
                                       .modified_ms = head->modified_ms,
                                       .etag = head->etag,
                                       .content_type = head->content_type,
                                       .metadata = (const char *const *)head->metadata,
                                       .checksum = *head->whole ? head->whole : NULL};
    return give(arg, &object);
}

int s3_stat(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err)
{
    struct s3_store *store = self;
    struct s3_head head = {0};
    int rc = s3_head(store, store->http, key, &head, err);
    if (rc == 0)
        rc = s3_head_give(&head, key, give, arg);
    s3_head_done(&head);
    return rc;
}
