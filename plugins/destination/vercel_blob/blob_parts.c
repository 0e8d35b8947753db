/*
 * blob_parts.c - an upload in parts.
 *
 * The API has no way to give one up: what a failed writer leaves is invisible, and the store's to clear away.
 */
#include "vercel_blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct blob_request mpu_request(struct blob_writer *writer, const char *verb,
                                       const struct blob_write_headers *headers)
{
    return (struct blob_request){.verb = verb,
                                 .about = writer->key,
                                 .method = "POST",
                                 .target = blob_target("/mpu", "pathname", writer->key, NULL),
                                 .headers = headers->items,
                                 .header_count = headers->count,
                                 .again = &writer->again};
}

static void add(struct blob_write_headers *headers, const char *name, const char *value)
{
    headers->items[headers->count++] = (struct kist_http_header){name, value};
}

/* MD5 may be forbidden on this machine; then the store's etags say nothing. */
static EVP_MD_CTX *new_md5(void)
{
    EVP_MD_CTX *md5 = EVP_MD_CTX_new();
    if (md5 && EVP_DigestInit_ex(md5, EVP_md5(), NULL) == 1)
        return md5;
    EVP_MD_CTX_free(md5);
    return NULL;
}

static int create(struct blob_writer *writer, struct kist_error *err)
{
    const struct kist_host *host = writer->store->host;
    struct blob_write_headers headers;
    json_t *reply = NULL;
    blob_write_headers(writer->store, writer->content_type, &headers);
    add(&headers, "x-mpu-action", "create");
    const struct blob_request request = mpu_request(writer, "begin to write", &headers);
    int rc = blob_send(writer->store, writer->store->http, &request, &reply, err);
    if (rc != 0)
        return rc;
    const char *id = kist_json_text(reply, "uploadId"), *key = kist_json_text(reply, "key");
    if (!id || !*id || !key || !*key) {
        rc = host->fail(host, err, KIST_ERR_CORRUPT,
                        "cannot write '%s': the store begins an upload without a name", writer->key);
    } else {
        writer->upload_id = strdup(id);
        writer->upload_key = kist_http_encode(key, 0);
        writer->parts = json_array();
        writer->md5 = new_md5();
        if (!writer->upload_id || !writer->upload_key || !writer->parts)
            rc = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    }
    json_decref(reply);
    writer->again = (struct blob_try){0};
    return rc;
}

/* Where a part's etag was its MD5 before, it has to be. Elsewhere the whole blob will be looked at (blob_settle.c). */
static int check_part(struct blob_writer *writer, const char *etag, size_t size, struct kist_error *err)
{
    const struct kist_host *host = writer->store->host;
    unsigned char digest[BLOB_MD5_SIZE];
    char hex[2 * BLOB_MD5_SIZE + 1];
    if (!writer->md5 || EVP_Digest(writer->buffer, size, digest, NULL, EVP_md5(), NULL) != 1)
        return 0;
    blob_hex(digest, sizeof digest, hex);
    char *bare = kist_http_etag(etag);
    int same = bare && strcmp(bare, hex) == 0;
    free(bare);
    if (!same && writer->store->has_part_md5) {
        host->fail(host, err, KIST_ERR_CORRUPT, "cannot write '%s': part %zu arrived with other bytes",
                   writer->key, json_array_size(writer->parts) + 1);
        host->retry(host, err, 1, 0);
        return KIST_ERR_CORRUPT;
    }
    if (same && EVP_DigestUpdate(writer->md5, digest, sizeof digest) == 1) {
        writer->store->has_part_md5 = 1;
    } else {
        writer->odd_part = 1;
        EVP_MD_CTX_free(writer->md5);
        writer->md5 = NULL;
    }
    return 0;
}

static int keep_part(struct blob_writer *writer, const char *etag, size_t size, struct kist_error *err)
{
    const struct kist_host *host = writer->store->host;
    if (!etag || !*etag)
        return host->fail(host, err, KIST_ERR_CORRUPT, "cannot write '%s': the store gives no etag for a part",
                          writer->key);
    int rc = check_part(writer, etag, size, err);
    if (rc != 0)
        return rc;
    json_t *part =
        json_pack("{s:s, s:I}", "etag", etag, "partNumber", (json_int_t)(json_array_size(writer->parts) + 1));
    if (!part || json_array_append_new(writer->parts, part) != 0)
        return blob_fail_memory(writer->store, err);
    writer->again = (struct blob_try){0};
    return 0;
}

int blob_parts_send(struct blob_writer *writer, size_t size, struct kist_error *err)
{
    struct blob_write_headers headers;
    json_t *reply = NULL;
    char number[24];
    int rc = writer->upload_id ? 0 : create(writer, err);
    if (rc != 0)
        return rc;
    snprintf(number, sizeof number, "%zu", json_array_size(writer->parts) + 1);
    blob_write_headers(writer->store, writer->content_type, &headers);
    add(&headers, "x-mpu-action", "upload");
    add(&headers, "x-mpu-key", writer->upload_key);
    add(&headers, "x-mpu-upload-id", writer->upload_id);
    add(&headers, "x-mpu-part-number", number);
    add(&headers, "content-type", "application/octet-stream");
    struct blob_request request = mpu_request(writer, "write", &headers);
    request.body = writer->buffer;
    request.body_size = size;
    rc = blob_send(writer->store, writer->store->http, &request, &reply, err);
    if (rc == 0)
        rc = keep_part(writer, kist_json_text(reply, "etag"), size, err);
    json_decref(reply);
    return rc;
}

int blob_parts_complete(struct blob_writer *writer, struct kist_error *err)
{
    struct blob_write_headers headers;
    json_t *reply = NULL;
    char *body = json_dumps(writer->parts, JSON_COMPACT);
    if (!body)
        return blob_fail_memory(writer->store, err);
    blob_write_headers(writer->store, writer->content_type, &headers);
    add(&headers, "x-mpu-action", "complete");
    add(&headers, "x-mpu-key", writer->upload_key);
    add(&headers, "x-mpu-upload-id", writer->upload_id);
    add(&headers, "content-type", "application/json");
    struct blob_request request = mpu_request(writer, "complete", &headers);
    request.body = body;
    request.body_size = strlen(body);
    int rc = blob_send(writer->store, writer->store->http, &request, &reply, err);
    if (rc == 0)
        rc = blob_put_is_named(writer, reply, err);
    json_decref(reply);
    free(body);
    return rc;
}

void blob_put_etag(const struct blob_writer *writer, char *ret_text, size_t size)
{
    unsigned char digest[BLOB_MD5_SIZE];
    char hex[2 * BLOB_MD5_SIZE + 1];
    EVP_MD_CTX *md5 = writer->upload_id ? NULL : new_md5();
    int known = 0;
    ret_text[0] = '\0';
    if (md5)
        known = EVP_DigestUpdate(md5, writer->buffer, writer->filled) == 1 &&
                EVP_DigestFinal_ex(md5, digest, NULL) == 1;
    else if (writer->md5 && (md5 = EVP_MD_CTX_new()))
        known = EVP_MD_CTX_copy_ex(md5, writer->md5) == 1 && EVP_DigestFinal_ex(md5, digest, NULL) == 1;
    EVP_MD_CTX_free(md5);
    if (!known)
        return;
    blob_hex(digest, sizeof digest, hex);
    if (writer->upload_id)
        snprintf(ret_text, size, "%s-%zu", hex, json_array_size(writer->parts));
    else
        snprintf(ret_text, size, "%s", hex);
}
