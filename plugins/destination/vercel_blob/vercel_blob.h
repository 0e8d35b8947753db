/*
 * vercel_blob.h - what the files of the `vercel_blob` destination share.
 *
 * A store has two faces: the control API (api_url), through which everything is written, listed and removed, and the host
 * of the contents (content_base_url), from which blobs are read. Both get the token, and nobody else does: no URL of a
 * reply is ever used.
 *
 * An instance is called from one thread and sends one request after the other.
 */
#ifndef KIST_VERCEL_BLOB_H
#define KIST_VERCEL_BLOB_H

#include "calm.h"
#include "fault.h"
#include "http.h"
#include "json.h"
#include "stamp.h"

#include <kist/plugin.h>
#include <openssl/evp.h>

#define BLOB_MIB (UINT64_C(1) << 20)
#define BLOB_PARTS_MAX 10000U
#define BLOB_PART_MIN (5 * BLOB_MIB)
#define BLOB_PART_MAX (1024 * BLOB_MIB)
#define BLOB_WRITE_MAX ((size_t)4 << 20) /* of one put_write, as the contract says */
#define BLOB_NAME_MAX 950U               /* characters of a pathname */
#define BLOB_REPLY_LIMIT ((size_t)8 << 20)
#define BLOB_DELETE_MAX 100U

#define BLOB_PRIVATE 0
#define BLOB_PUBLIC 1

struct blob_config {
    kist_secret token;
    kist_choice access;
    kist_switch allow_public;
    kist_size part_size;
    kist_duration cache_max_age;
    const char *api_url, *content_base_url;
    kist_switch allow_plaintext;
    const char *ca_file;
};

struct blob_store {
    const struct kist_host *host;
    const struct blob_config *config;
    struct kist_http *http, *cleaner; /* the second works after cancelling, but not for long; made when needed */
    struct kist_calm calm;
    char *id;              /* of the store, a part of the token */
    char *api, *content;   /* URLs without a slash at their end */
    char *authorization;   /* the header's value */
    int64_t ahead_ms;      /* what the store's clock is ahead of ours, by its last reply */
    char *copy_key;        /* of the last copy, ... */
    int64_t copy_begun;    /* ... by our clock: one that is repeated may find what it has made */
    uint32_t has_md5;      /* this store's etags are MD5s of the content: one of them was */
    uint32_t has_part_md5; /* likewise those of parts */
    uint32_t odd_etags[2]; /* of single requests, of uploads: one was not, and yet the content was right */
};

/* blob_config.c - what cannot work is said before anything is sent. */

/* Points at the store's id within a token of the form vercel_blob_rw_ID_SECRET; 0: it is none. */
size_t blob_token_id(const char *token, const char **ret_id);
/* Fills id, URLs and authorization of the store. */
int blob_config_apply(struct blob_store *store, struct kist_error *err) KIST_CHECKED;
/* Refuses a key that cannot be a pathname. */
int blob_key_check(const struct blob_store *store, const char *key, struct kist_error *err) KIST_CHECKED;

/* blob_text.c - small texts. */

void blob_hex(const unsigned char *data, size_t size, char *ret_text);
int blob_fail_memory(const struct blob_store *store, struct kist_error *err);

/* blob_client.c - HTTP clients of an instance. */
int blob_client_new(const struct blob_store *store, const struct kist_host *host, int64_t total_ms,
                    struct kist_http **ret_http, struct kist_error *err) KIST_CHECKED;
/* The one for what has to be done even when the run was cancelled. */
int blob_client_cleaner(struct blob_store *store, struct kist_http **ret_http,
                        struct kist_error *err) KIST_CHECKED;

/* blob_send.c - one request. */

/* What the same request is known by when it is sent again; all zero before its first time. */
struct blob_try {
    char id[96];
    unsigned attempt;
};

struct blob_request {
    const char *verb;  /* for messages: "write", "list" */
    const char *about; /* the key or prefix that they name */
    const char *method;
    char *target; /* what stands behind the API's URL; freed by blob_send; NULL: there was no memory for it */
    const struct kist_http_header *headers; /* besides those of every request */
    size_t header_count;
    const void *body;
    size_t body_size;
    struct blob_try *again; /* or NULL: it is never the same one */
    int any_reply;          /* the reply needs not be a JSON object */
};

/* 0 for a status of 2xx with a JSON object (`ret_json`, the caller's; NULL with any_reply). */
int blob_send(struct blob_store *store, struct kist_http *http, const struct blob_request *request,
              json_t **ret_json, struct kist_error *err) KIST_CHECKED;
/* "prefix" and then name=value for each pair up to NULL, the values encoded. New; NULL without memory. */
char *blob_target(const char *prefix, ...) KIST_CHECKED;

/* The headers of a request that makes a blob. */
#define BLOB_WRITE_HEADERS 5
struct blob_write_headers {
    struct kist_http_header items[BLOB_WRITE_HEADERS + 8]; /* some are the caller's to add */
    size_t count;
    char age[24];
};
void blob_write_headers(const struct blob_store *store, const char *content_type,
                        struct blob_write_headers *ret_headers);

/* blob_error.c - the API's error codes as ours. */
int blob_error_fill(struct blob_store *store, struct kist_http *http, const struct kist_http_request *request,
                    const struct kist_http_reply *reply, struct kist_error *err);

/* blob_page.c - what replies say of blobs. Pure. */

/* Strings belong to the JSON. */
struct blob_entry {
    const char *name, *etag, *content_type;
    int64_t size, uploaded_ms;
};
/* KIST_ERR_CORRUPT when it is no blob. */
int blob_entry_read(const struct kist_host *host, const json_t *json, struct blob_entry *ret_entry,
                    struct kist_error *err) KIST_CHECKED;
int blob_entry_give(const struct blob_entry *entry, kist_object_fn give, void *arg);

/* Gives the blobs of a page. `ret_cursor` (new) is NULL at the end of the list. */
int blob_page_read(const struct kist_host *host, const json_t *page, kist_object_fn give, void *arg,
                   size_t *ret_count, char **ret_cursor, struct kist_error *err) KIST_CHECKED;

/* blob_head.c - one blob, as the control API knows it. */

struct blob_head {
    json_t *json; /* what the strings below belong to */
    struct blob_entry entry;
};
/* KIST_ERR_NOT_FOUND when there is none. */
int blob_head(struct blob_store *store, struct kist_http *http, const char *key, struct blob_head *ret_head,
              struct kist_error *err) KIST_CHECKED;
void blob_head_done(struct blob_head *head);
int blob_stat(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err);

/* blob_get.c - reading. */

/* The URL of a blob's content. New; NULL without memory. */
char *blob_content_url(const struct blob_store *store, const char *key) KIST_CHECKED;
/* Size and SHA-256 of what is stored. */
int blob_content_hash(struct blob_store *store, struct kist_http *http, const char *key, int64_t *ret_size,
                      unsigned char *ret_sha256, struct kist_error *err) KIST_CHECKED;
int blob_get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err);
int blob_get_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err);
void blob_get_end(void *reader);
int blob_get_about(void *reader, kist_object_fn give, void *arg, struct kist_error *err);

/* blob_plan.c - how large the parts of a blob are: all but the last the same, as the API wants them. */
uint64_t blob_plan_part(uint64_t part_size, int64_t size, int64_t size_estimate);

/* blob_put.c - writing. */

#define BLOB_SHA256_SIZE 32
#define BLOB_MD5_SIZE 16

struct blob_writer {
    struct blob_store *store;
    char *key, *content_type;
    uint64_t part_size;
    unsigned char *buffer; /* up to a part, and what came with its end */
    size_t filled, capacity;
    uint64_t written;
    EVP_MD_CTX *sha256;    /* of all that was written */
    struct blob_try again; /* of the request that may have to be sent again */
    /* of an upload in parts; NULL before there is one */
    char *upload_id, *upload_key;
    json_t *parts;
    EVP_MD_CTX *md5;    /* of the parts' own MD5s, as the etag of the whole is made */
    int64_t begun;      /* by our clock: when it was first tried to make the blob visible */
    uint32_t odd_part;  /* a part's etag was not its MD5 */
    uint32_t uncertain; /* the blob may be visible: no clear answer came to what makes it so */
    uint32_t stored;    /* the store has said that it is */
    uint32_t failed;
};

int blob_put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err);
int blob_put_write(void *writer, const void *data, size_t size, struct kist_error *err);
int blob_put_commit(void *writer, uint64_t size, struct kist_error *err);
void blob_put_abort(void *writer);
/* The etag that a store which hashes gives to what was written: "" when that cannot be said. */
void blob_put_etag(const struct blob_writer *writer, char *ret_text, size_t size);

/* blob_parts.c - an upload in parts. */
int blob_parts_send(struct blob_writer *writer, size_t size, struct kist_error *err) KIST_CHECKED;
int blob_parts_complete(struct blob_writer *writer, struct kist_error *err) KIST_CHECKED;
/* The reply to what makes a blob visible has to name it. */
int blob_put_is_named(const struct blob_writer *writer, const json_t *reply, struct kist_error *err) KIST_CHECKED;

/* blob_settle.c - what is there after all? */

/* After a write that failed although it may have worked: 0 when the blob that is there is the one that was written. */
int blob_settle_is_ours(struct blob_writer *writer, struct kist_http *http, struct kist_error *err) KIST_CHECKED;
/* After a write that worked: the store has to hold `size` bytes, and the right ones as far as it tells. */
int blob_settle_confirm(struct blob_writer *writer, struct kist_error *err) KIST_CHECKED;
/* Removes what a writer that gives up may have made visible. */
void blob_settle_take_back(struct blob_writer *writer);

/* blob_list.c, blob_remove.c, blob_copy.c, blob_check.c */
int blob_list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err);
int blob_remove(void *self, const char *key, struct kist_error *err);
int blob_remove_many(void *self, const char *const *keys, uint64_t count, kist_unremoved_fn tell, void *arg,
                     struct kist_error *err);
/* Removes up to BLOB_DELETE_MAX blobs; with `etag` (quoted, or NULL) the one only if it is that. */
int blob_remove_batch(struct blob_store *store, struct kist_http *http, const char *const *keys, size_t count,
                      const char *etag, struct kist_error *err) KIST_CHECKED;
int blob_copy(void *self, const char *from, const char *etag, const struct kist_put *put, struct kist_error *err);
int blob_check(void *self, struct kist_error *err);

#endif
