/*
 * blob_settle.c - what is there after all?
 *
 * The control API is asked, which no cache stands before. It tells size and time, and an etag that is a hash of the content
 * for some stores and not for others. Where that does not decide, the blob is read back and its SHA-256 compared with that
 * of what was written.
 */
#include "vercel_blob.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_MS 1000 /* what the Date of a reply may be off */

/* 1 the bytes of the blob are those that were written; 0 they are not; else an error. */
static int has_our_bytes(struct blob_writer *writer, struct kist_http *http, struct kist_error *err)
{
    struct blob_store *store = writer->store;
    unsigned char ours[BLOB_SHA256_SIZE], theirs[BLOB_SHA256_SIZE];
    int64_t size = 0;
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    int hashed =
        copy && EVP_MD_CTX_copy_ex(copy, writer->sha256) == 1 && EVP_DigestFinal_ex(copy, ours, NULL) == 1;
    EVP_MD_CTX_free(copy);
    if (!hashed)
        return blob_fail_memory(store, err);
    int rc = blob_content_hash(store, http, writer->key, &size, theirs, err);
    if (rc != 0)
        return rc;
    return (uint64_t)size == writer->written && memcmp(ours, theirs, sizeof ours) == 0;
}

static int fail_other(const struct blob_writer *writer, struct kist_error *err)
{
    const struct kist_host *host = writer->store->host;
    return host->fail(host, err, KIST_ERR_EXISTS, "'%s' exists and is not overwritten", writer->key);
}

static int find_ours(struct blob_writer *writer, struct kist_http *http, struct blob_head *ret_head,
                     struct kist_error *err)
{
    struct blob_store *store = writer->store;
    struct blob_head head = {0};
    int rc = blob_head(store, http, writer->key, &head, err);
    if (rc != 0)
        return rc;
    if ((uint64_t)head.entry.size != writer->written ||
        head.entry.uploaded_ms < writer->begun + store->ahead_ms - CLOCK_MS) {
        rc = fail_other(writer, err);
    } else {
        rc = has_our_bytes(writer, http, err);
        rc = rc == 0 ? fail_other(writer, err) : rc == 1 ? 0 : rc;
    }
    if (rc == 0)
        *ret_head = head;
    else
        blob_head_done(&head);
    return rc;
}

int blob_settle_is_ours(struct blob_writer *writer, struct kist_http *http, struct kist_error *err)
{
    struct blob_head head = {0};
    int rc = find_ours(writer, http, &head, err);
    blob_head_done(&head);
    if (rc == 0)
        writer->store->host->log(writer->store->host, KIST_LOG_INFO,
                                 "'%s' was stored although its reply was lost: it has been read back",
                                 writer->key);
    return rc;
}

static int check_size(const struct blob_writer *writer, const struct blob_head *head, struct kist_error *err)
{
    const struct kist_host *host = writer->store->host;
    if ((uint64_t)head->entry.size == writer->written)
        return 0;
    return host->fail(host, err, KIST_ERR_CORRUPT, "'%s' was stored with %" PRId64 " bytes, not %" PRIu64,
                      writer->key, head->entry.size, writer->written);
}

/* 1 when the etag leaves a doubt: where this store's etags should be MD5s, and this is another one. */
static int is_doubtful(struct blob_writer *writer, const struct blob_head *head)
{
    struct blob_store *store = writer->store;
    char expected[64];
    char *etag = kist_http_etag(head->entry.etag);
    blob_put_etag(writer, expected, sizeof expected);
    int same = etag && strcmp(etag, expected) == 0;
    free(etag);
    if (same && !writer->upload_id)
        store->has_md5 = 1;
    if (store->odd_etags[writer->upload_id != NULL])
        return 0;
    return *expected ? !same : writer->odd_part && (store->has_md5 || store->has_part_md5);
}

/* The content itself decides where the etag does not. */
static int check_content(struct blob_writer *writer, const struct blob_head *head, struct kist_error *err)
{
    struct blob_store *store = writer->store;
    const struct kist_host *host = store->host;
    if (!is_doubtful(writer, head))
        return 0;
    int rc = has_our_bytes(writer, store->http, err);
    if (rc == 1)
        store->odd_etags[writer->upload_id != NULL] = 1;
    if (rc == 0)
        return host->fail(host, err, KIST_ERR_CORRUPT, "'%s' was stored with other bytes than were sent",
                          writer->key);
    return rc == 1 ? 0 : rc;
}

int blob_settle_confirm(struct blob_writer *writer, struct kist_error *err)
{
    struct blob_store *store = writer->store;
    struct kist_error own = {.struct_size = sizeof own};
    struct blob_head head = {0};
    int rc = blob_head(store, store->http, writer->key, &head, &own);
    if (rc == 0)
        rc = check_size(writer, &head, &own);
    if (rc == 0)
        rc = check_content(writer, &head, &own);
    blob_head_done(&head);
    /* What was stored a moment ago may take another one to be seen. */
    if (rc == KIST_ERR_NOT_FOUND)
        rc = store->host->fail(store->host, err, KIST_ERR_UNAVAILABLE,
                               "'%s' was stored, but the store does not show it", writer->key);
    else if (rc != 0)
        kist_fault_repeat(store->host, &own, err);
    kist_fault_clear(&own);
    return rc;
}

static int take_back(struct blob_writer *writer, struct kist_error *err)
{
    struct blob_store *store = writer->store;
    struct kist_http *http = NULL;
    struct blob_head head = {0};
    const char *key = writer->key;
    int rc = blob_client_cleaner(store, &http, err);
    /* What the store has confirmed is ours whatever became of its bytes. */
    if (rc == 0)
        rc = writer->stored ? blob_head(store, http, key, &head, err) : find_ours(writer, http, &head, err);
    if (rc == 0)
        rc = blob_remove_batch(store, http, &key, 1, head.entry.etag, err);
    blob_head_done(&head);
    return rc;
}

void blob_settle_take_back(struct blob_writer *writer)
{
    const struct kist_host *host = writer->store->host;
    struct kist_error why = {.struct_size = sizeof why};
    int rc = take_back(writer, &why);
    /* Nothing there, or somebody else's: nothing to be taken back. */
    if (rc == 0)
        host->log(host, KIST_LOG_WARNING, "removed '%s' again", writer->key);
    else if (rc != KIST_ERR_NOT_FOUND && rc != KIST_ERR_EXISTS)
        host->log(host, KIST_LOG_WARNING, "'%s' may have been stored, and could not be removed again: %s",
                  writer->key, why.message ? why.message : "out of memory");
    kist_fault_clear(&why);
}
