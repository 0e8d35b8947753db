/* s3_headers.c - headers of a request. */
#include "s3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void s3_headers_add(struct s3_headers *headers, const char *name, const char *value)
{
    struct kist_http_header *items = realloc(headers->items, (headers->count + 1) * sizeof *items);
    if (items)
        headers->items = items;
    size_t name_size = strlen(name) + 1, value_size = strlen(value) + 1;
    char *copy = items ? malloc(name_size + value_size) : NULL;
    if (!copy) {
        headers->failed = 1;
        return;
    }
    memcpy(copy, name, name_size);
    memcpy(copy + name_size, value, value_size);
    items[headers->count++] = (struct kist_http_header){.name = copy, .value = copy + name_size};
}

void s3_headers_done(struct s3_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++)
        free((char *)(uintptr_t)headers->items[i].name);
    free(headers->items);
    *headers = (struct s3_headers){0};
}

static void add_metadata(struct s3_headers *headers, const char *const *metadata)
{
    for (size_t i = 0; metadata && metadata[i] && metadata[i + 1]; i += 2) {
        char *name = NULL, *value = s3_meta_encode(metadata[i + 1]);
        if (!value || asprintf(&name, "x-amz-meta-%s", metadata[i]) < 0) {
            headers->failed = 1;
            name = NULL;
        } else {
            s3_headers_add(headers, name, value);
        }
        free(name);
        free(value);
    }
}

static void add_lock(struct s3_headers *headers, struct s3_store *store)
{
    static const char *const modes[] = {NULL, "GOVERNANCE", "COMPLIANCE"};
    const struct s3_config *config = store->config;
    char until[32];
    struct tm tm;
    if (config->object_lock_mode.index <= S3_LOCK_NONE)
        return;
    time_t end = (time_t)(store->host->now_ms(store->host) / 1000 + config->object_lock_days * 86400);
    if (!gmtime_r(&end, &tm) || strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        headers->failed = 1;
        return;
    }
    s3_headers_add(headers, "x-amz-object-lock-mode", modes[config->object_lock_mode.index]);
    s3_headers_add(headers, "x-amz-object-lock-retain-until-date", until);
}

static void add_encryption(struct s3_headers *headers, const struct s3_config *config)
{
    if (config->sse.index == S3_SSE_AES256)
        s3_headers_add(headers, "x-amz-server-side-encryption", "AES256");
    if (config->sse.index != S3_SSE_KMS)
        return;
    s3_headers_add(headers, "x-amz-server-side-encryption", "aws:kms");
    if (config->kms_key)
        s3_headers_add(headers, "x-amz-server-side-encryption-aws-kms-key-id", config->kms_key);
}

void s3_headers_object(struct s3_headers *headers, struct s3_store *store, const struct kist_put *put,
                       const char *token)
{
    const struct s3_config *config = store->config;
    s3_headers_add(headers, "content-type", put->content_type ? put->content_type : "application/octet-stream");
    s3_headers_add(headers, "x-amz-meta-kist-upload", token);
    add_metadata(headers, put->metadata);
    add_encryption(headers, config);
    if (config->storage_class)
        s3_headers_add(headers, "x-amz-storage-class", config->storage_class);
    if (config->acl)
        s3_headers_add(headers, "x-amz-acl", config->acl);
    if (store->tagging)
        s3_headers_add(headers, "x-amz-tagging", store->tagging);
    add_lock(headers, store);
}

int s3_headers_checksum(struct s3_headers *headers, const struct s3_store *store, const void *body, size_t size,
                        const unsigned char *sha256)
{
    unsigned char md5[S3_MD5_SIZE];
    char text[S3_BASE64_SIZE];
    if (store->config->checksum.index == S3_CHECKSUM_SHA256) {
        s3_base64(sha256, S3_SHA256_SIZE, text);
        s3_headers_add(headers, "x-amz-checksum-sha256", text);
    } else if (store->config->checksum.index == S3_CHECKSUM_MD5) {
        if (s3_md5(body, size, md5) != 0)
            return -1;
        s3_base64(md5, sizeof md5, text);
        s3_headers_add(headers, "content-md5", text);
    }
    return 0;
}
