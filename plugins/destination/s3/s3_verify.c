/*
 * s3_verify.c - does the store hold what was sent?
 *
 * The best witness is a checksum of the store's own; then the etag, which most stores make of MD5 hashes, though none
 * promises to. Where neither says "the same", the object is read back.
 */
#include "s3.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_SIZE ((size_t)256 << 10)

/* "BASE64-N" of the hashes of N parts. */
static int composite_sha256(const struct s3_parts *parts, unsigned count, char *text, size_t size)
{
    unsigned char *all = malloc((size_t)count * S3_SHA256_SIZE), digest[S3_SHA256_SIZE];
    char base64[S3_BASE64_SIZE];
    if (!all)
        return -1;
    for (unsigned i = 0; i < count; i++)
        memcpy(all + (size_t)i * S3_SHA256_SIZE, s3_parts_done_of(parts, i + 1)->sha256, S3_SHA256_SIZE);
    int rc = s3_sha256(all, (size_t)count * S3_SHA256_SIZE, digest);
    free(all);
    s3_base64(digest, sizeof digest, base64);
    snprintf(text, size, "%s-%u", base64, count);
    return rc;
}

/* "HEX-N", likewise; -1 when the MD5 of a part is not known. */
static int composite_md5(const struct s3_parts *parts, unsigned count, char *text, size_t size)
{
    unsigned char *all = malloc((size_t)count * S3_MD5_SIZE), digest[S3_MD5_SIZE];
    char hex[S3_HEX_SIZE];
    int rc = all ? 0 : -1;
    for (unsigned i = 0; rc == 0 && i < count; i++) {
        const struct s3_done *done = s3_parts_done_of(parts, i + 1);
        memcpy(all + (size_t)i * S3_MD5_SIZE, done->md5, S3_MD5_SIZE);
        rc = done->has_md5 ? 0 : -1;
    }
    if (rc == 0)
        rc = s3_md5(all, (size_t)count * S3_MD5_SIZE, digest);
    free(all);
    if (rc == 0) {
        s3_hex(digest, sizeof digest, hex);
        snprintf(text, size, "%s-%u", hex, count);
    }
    return rc;
}

/* 1: the same; 0: something else, for sure; -1: the store does not say. */
static int by_checksum(const struct s3_writer *writer, const struct s3_head *head)
{
    unsigned char digest[S3_SHA256_SIZE];
    char text[S3_BASE64_SIZE + 16] = "";
    if (!head->checksum)
        return -1;
    if (writer->parts) {
        if (!strchr(head->checksum, '-') ||
            composite_sha256(writer->parts, writer->next_part - 1, text, sizeof text) != 0)
            return -1;
    } else {
        if (s3_sha256(writer->buffer->data, writer->buffer->size, digest) != 0)
            return -1;
        s3_base64(digest, sizeof digest, text);
    }
    return strcmp(text, head->checksum) == 0;
}

/* 1 or -1 alone: an etag that is no such hash proves nothing. */
static int by_etag(const struct s3_writer *writer, const struct s3_head *head)
{
    unsigned char digest[S3_MD5_SIZE];
    char text[S3_HEX_SIZE + 16] = "";
    if (!head->etag)
        return -1;
    if (writer->parts) {
        if (composite_md5(writer->parts, writer->next_part - 1, text, sizeof text) != 0)
            return -1;
    } else {
        if (s3_md5(writer->buffer->data, writer->buffer->size, digest) != 0)
            return -1;
        s3_hex(digest, sizeof digest, text);
    }
    return strcmp(text, head->etag) == 0 ? 1 : -1;
}

/* Reads `size` bytes and compares their hash. */
static int read_piece(void *reader, uint64_t size, const unsigned char *sha256, void *space, int *ret_same,
                      struct kist_error *err)
{
    unsigned char digest[S3_SHA256_SIZE];
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    int rc = 0, sound = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1;
    size_t n = 1;
    while (rc == 0 && sound && size > 0 && n > 0) {
        rc = s3_get_read(reader, space, size < READ_SIZE ? (size_t)size : READ_SIZE, &n, err);
        if (rc == 0 && n > 0)
            sound = EVP_DigestUpdate(hash, space, n) == 1;
        size -= rc == 0 ? n : 0;
    }
    sound = sound && EVP_DigestFinal_ex(hash, digest, NULL) == 1;
    *ret_same = sound && size == 0 && memcmp(digest, sha256, sizeof digest) == 0;
    EVP_MD_CTX_free(hash);
    return rc;
}

static int by_reading(struct s3_writer *writer, int *ret_same, struct kist_error *err)
{
    unsigned char sha256[S3_SHA256_SIZE];
    void *reader = NULL, *space = malloc(READ_SIZE);
    if (!space)
        return s3_fail_memory(writer->store, err);
    writer->store->host->log(writer->store->host, KIST_LOG_DEBUG,
                             "the store tells no checksum of 's3://%s/%s': it is read back",
                             writer->store->config->bucket, writer->key);
    int rc = s3_get_begin(writer->store, writer->key, 0, &reader, err);
    *ret_same = 1;
    if (rc == 0 && writer->parts) {
        for (unsigned i = 1; rc == 0 && *ret_same && i < writer->next_part; i++) {
            const struct s3_done *done = s3_parts_done_of(writer->parts, i);
            rc = read_piece(reader, done->size, done->sha256, space, ret_same, err);
        }
    } else if (rc == 0) {
        *ret_same = s3_sha256(writer->buffer->data, writer->buffer->size, sha256) == 0;
        if (*ret_same)
            rc = read_piece(reader, writer->buffer->size, sha256, space, ret_same, err);
    }
    if (reader)
        s3_get_end(reader);
    free(space);
    return rc;
}

int s3_verify(struct s3_writer *writer, const struct s3_head *head, int *ret_same, struct kist_error *err)
{
    *ret_same = head->size >= 0 && (uint64_t)head->size == writer->written;
    if (!*ret_same || writer->store->config->checksum.index == S3_CHECKSUM_NONE)
        return 0;
    int verdict = by_checksum(writer, head);
    if (verdict < 0)
        verdict = by_etag(writer, head);
    if (verdict < 0)
        return by_reading(writer, ret_same, err);
    *ret_same = verdict;
    return 0;
}
