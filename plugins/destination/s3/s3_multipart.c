/* s3_multipart.c - the requests of an upload in parts. */
#include "s3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int s3_multipart_begin(struct s3_store *store, const char *key, const struct s3_headers *object, int checksums,
                       char **ret_upload, struct kist_error *err)
{
    struct s3_headers headers = {0};
    struct s3_reply reply;
    for (size_t i = 0; i < object->count; i++)
        s3_headers_add(&headers, object->items[i].name, object->items[i].value);
    if (checksums && store->config->checksum.index == S3_CHECKSUM_SHA256)
        s3_headers_add(&headers, "x-amz-checksum-algorithm", "SHA256");
    const struct s3_request request = {.verb = "begin to write",
                                       .method = "POST",
                                       .key = key,
                                       .query = "uploads=",
                                       .headers = &headers,
                                       .expect = "InitiateMultipartUploadResult"};
    int rc = s3_send(store, store->http, &request, &reply, err);
    const char *id = rc == 0 ? kist_xml_value(reply.xml, "UploadId") : NULL;
    if (rc == 0 && (!id || !*id))
        rc = store->host->fail(store->host, err, KIST_ERR_CORRUPT,
                               "the store gave no id for the upload of 's3://%s/%s'", store->config->bucket, key);
    if (rc == 0 && !(*ret_upload = kist_http_encode(id, 0)))
        rc = s3_fail_memory(store, err);
    s3_reply_done(&reply);
    s3_headers_done(&headers);
    return rc;
}

/* Takes down what the store said of a part, and holds it against what was sent as far as it said anything. */
static int take_reply(struct s3_store *store, const struct s3_writer *writer, const struct s3_buffer *part,
                      const struct kist_http_reply *reply, struct s3_done *done, struct kist_error *err)
{
    const char *etag = kist_http_header_of(reply, "etag");
    const char *checksum = kist_http_header_of(reply, "x-amz-checksum-sha256");
    unsigned char digest[S3_SHA256_SIZE];
    if (!etag)
        return store->host->fail(store->host, err, KIST_ERR_CORRUPT,
                                 "the store gave no etag for part %u of 's3://%s/%s'", part->number,
                                 store->config->bucket, writer->key);
    if (checksum && s3_from_base64(checksum, digest) == 0) {
        if (memcmp(digest, done->sha256, sizeof digest) != 0)
            return store->host->fail(store->host, err, KIST_ERR_CORRUPT,
                                     "the store holds other bytes than were sent as part %u of 's3://%s/%s'",
                                     part->number, store->config->bucket, writer->key);
        done->told = 1;
    } else if (store->config->checksum.index != S3_CHECKSUM_NONE) {
        /* Then the object's etag is what can be checked in the end. */
        done->has_md5 = s3_md5(part->data, part->size, done->md5) == 0;
    }
    done->etag = strdup(etag);
    return done->etag ? 0 : s3_fail_memory(store, err);
}

int s3_multipart_send(void *arg, struct kist_http *http, const struct s3_buffer *part, struct s3_done *ret_done,
                      struct kist_error *err)
{
    const struct s3_writer *writer = arg;
    struct s3_store *store = writer->store;
    struct s3_headers headers = {0};
    struct s3_done done = {.size = part->size};
    struct s3_reply reply = {0};
    char hex[S3_HEX_SIZE];
    char *query = NULL;
    if (s3_sha256(part->data, part->size, done.sha256) != 0 ||
        s3_headers_checksum(&headers, store, part->data, part->size, done.sha256) != 0) {
        s3_headers_done(&headers);
        return store->host->fail(store->host, err, KIST_ERR_FAILED, "cannot compute the hashes of a part");
    }
    s3_hex(done.sha256, sizeof done.sha256, hex);
    if (asprintf(&query, "partNumber=%u&uploadId=%s", part->number, writer->upload) < 0) {
        s3_headers_done(&headers);
        return s3_fail_memory(store, err);
    }
    const struct s3_request request = {.verb = "write",
                                       .method = "PUT",
                                       .key = writer->key,
                                       .query = query,
                                       .headers = &headers,
                                       .body = part->data,
                                       .body_size = part->size,
                                       .payload = hex};
    int rc = s3_send(store, http, &request, &reply, err);
    if (rc == 0)
        rc = take_reply(store, writer, part, &reply.http, &done, err);
    if (rc == 0)
        *ret_done = done;
    s3_reply_done(&reply);
    s3_headers_done(&headers);
    free(query);
    return rc;
}

static int write_parts(FILE *out, const struct s3_completion *completion)
{
    int failed = fputs("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", out) < 0;
    for (unsigned number = 1; number <= completion->count; number++) {
        const unsigned char *sha256 = completion->sha256_of(completion->arg, number);
        char *etag = kist_xml_escape(completion->etag_of(completion->arg, number));
        char text[S3_BASE64_SIZE];
        failed |= !etag || fprintf(out, "<Part><ETag>%s</ETag>", etag) < 0;
        if (sha256) {
            s3_base64(sha256, S3_SHA256_SIZE, text);
            failed |= fprintf(out, "<ChecksumSHA256>%s</ChecksumSHA256>", text) < 0;
        }
        failed |= fprintf(out, "<PartNumber>%u</PartNumber></Part>", number) < 0;
        free(etag);
    }
    return failed | (fputs("</CompleteMultipartUpload>", out) < 0);
}

static int write_body(struct s3_store *store, const struct s3_completion *completion, char **ret_body,
                      size_t *ret_size, struct kist_error *err)
{
    FILE *out = open_memstream(ret_body, ret_size);
    if (!out)
        return s3_fail_memory(store, err);
    int failed = write_parts(out, completion);
    if (fclose(out) != 0 || failed) {
        free(*ret_body);
        *ret_body = NULL;
        return s3_fail_memory(store, err);
    }
    return 0;
}

int s3_multipart_complete(struct s3_store *store, const struct s3_completion *completion,
                          struct s3_reply *ret_reply, struct kist_error *err)
{
    struct s3_headers headers = {0};
    struct kist_http *http = NULL;
    char *body = NULL, *query = NULL;
    char size[24];
    size_t body_size = 0;
    int rc = write_body(store, completion, &body, &body_size, err);
    if (rc == 0)
        rc = s3_client_patient(store, &http, err);
    if (rc == 0 && asprintf(&query, "uploadId=%s", completion->upload) < 0) {
        query = NULL;
        rc = s3_fail_memory(store, err);
    }
    *ret_reply = (struct s3_reply){0};
    snprintf(size, sizeof size, "%" PRIu64, completion->size);
    s3_headers_add(&headers, "content-type", "application/xml");
    s3_headers_add(&headers, "x-amz-mp-object-size", size);
    if (!store->no_conditional)
        s3_headers_add(&headers, "if-none-match", "*");
    const struct s3_request request = {.verb = "finish",
                                       .method = "POST",
                                       .key = completion->key,
                                       .query = query,
                                       .headers = &headers,
                                       .body = body,
                                       .body_size = body_size,
                                       .expect = "CompleteMultipartUploadResult"};
    if (rc == 0)
        rc = s3_send(store, http, &request, ret_reply, err);
    s3_headers_done(&headers);
    free(query);
    free(body);
    return rc;
}

int s3_multipart_remove(struct s3_store *store, const char *key, const char *upload, struct kist_error *err)
{
    struct kist_http *http = NULL;
    struct s3_reply reply = {0};
    char *query = NULL;
    int rc = s3_client_cleaner(store, &http, err);
    if (rc == 0 && asprintf(&query, "uploadId=%s", upload) < 0) {
        query = NULL;
        rc = s3_fail_memory(store, err);
    }
    const struct s3_request request = {
        .verb = "remove the unfinished upload of", .method = "DELETE", .key = key, .query = query};
    if (rc == 0)
        rc = s3_send(store, http, &request, &reply, err);
    if (rc != 0 && reply.http.status == 404 && strcmp(reply.code, "NoSuchBucket") != 0)
        rc = 0;
    s3_reply_done(&reply);
    free(query);
    return rc;
}

void s3_multipart_abort(struct s3_store *store, const char *key, const char *upload)
{
    struct kist_error err = {.struct_size = sizeof err};
    if (s3_multipart_remove(store, key, upload, &err) != 0)
        store->host->log(store->host, KIST_LOG_WARNING,
                         "%s; it takes up room until a later run or a lifecycle rule removes it",
                         err.message ? err.message : "an unfinished upload was left");
    kist_fault_clear(&err);
}
