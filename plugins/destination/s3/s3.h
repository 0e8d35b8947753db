/*
 * s3.h - what the files of the `s3` destination share.
 *
 * Every request goes through s3_send: one place signs, learns the region, and turns a refusal into an error. An instance
 * is called from one thread; only the senders of parts (s3_parts.c) are threads of its own, each with an HTTP client.
 */
#ifndef KIST_S3_H
#define KIST_S3_H

#include "aws.h"
#include "calm.h"
#include "fault.h"
#include "http.h"
#include "stamp.h"
#include "xml.h"

#include <kist/plugin.h>
#include <pthread.h>
#include <stdatomic.h>

#define S3_MIB (UINT64_C(1) << 20)
#define S3_GIB (UINT64_C(1) << 30)
#define S3_PARTS_MAX 10000U
#define S3_PART_MIN (5 * S3_MIB)
#define S3_PART_MAX S3_GIB
#define S3_WRITE_MAX ((size_t)4 << 20) /* of one put_write, as the contract says */
#define S3_KEY_MAX 1024U
#define S3_LIST_LIMIT ((size_t)8 << 20)

#define S3_ADDRESSING_AUTO 0
#define S3_ADDRESSING_PATH 1
#define S3_ADDRESSING_VIRTUAL 2
#define S3_SSE_NONE 0
#define S3_SSE_AES256 1
#define S3_SSE_KMS 2
#define S3_LOCK_NONE 0
#define S3_CHECKSUM_SHA256 0
#define S3_CHECKSUM_MD5 1
#define S3_CHECKSUM_NONE 2

struct s3_config {
    const char *bucket, *region, *endpoint;
    kist_choice addressing;
    const char *profile, *access_key;
    kist_secret secret_key, session_token;
    kist_size part_size;
    int64_t concurrency;
    const char *storage_class;
    kist_choice sse;
    const char *kms_key, *acl;
    kist_list tags;
    kist_choice object_lock_mode;
    int64_t object_lock_days;
    kist_choice checksum;
    const char *expected_bucket_owner;
    kist_switch allow_public, allow_plaintext;
    const char *ca_file;
};

struct s3_store {
    const struct kist_host *host;
    const struct s3_config *config;
    struct kist_aws *aws;
    struct kist_http *http; /* of the thread that calls the instance */
    struct kist_http
        *patient; /* waits minutes for a reply: completing and copying large objects; made when needed */
    struct kist_http *cleaner; /* works after cancelling, but not for long; made when needed */
    struct kist_calm calm;
    pthread_mutex_t lock; /* of the region, which senders read and may learn */
    char *endpoint;       /* scheme and authority; NULL: AWS's own, which follows the region */
    char *folder;         /* the path of the endpoint, "" or "/x" */
    char *tagging;        /* the tags as they are sent, or NULL */
    uint64_t copy_limit;  /* the largest object that one request may copy */
    char *copy_key;       /* of the last copy, whose token a repeated one uses again */
    char copy_token[33];
    uint32_t is_virtual;      /* the bucket is part of the host's name */
    uint32_t no_conditional;  /* this store refuses If-None-Match on a write, or does not heed it */
    uint32_t heeds_condition; /* it is known to heed it on a PUT */
    uint32_t no_batch;        /* this store has no DeleteObjects */
};

/* s3_config.c - what cannot work is said before anything is sent. */
int s3_config_check(const struct kist_host *host, const struct s3_config *config,
                    struct kist_error *err) KIST_CHECKED;

/* s3_url.c - where a bucket or key lies. */

/* Takes `given` (NULL: AWS's own) apart and chooses path or virtual addressing. */
int s3_url_setup(struct s3_store *store, const char *given, struct kist_error *err) KIST_CHECKED;
/* The URL of `key` (NULL: of the bucket) with a query that is encoded already (NULL: none). New; NULL without memory. The
 * caller holds the lock. */
char *s3_url(const struct s3_store *store, const char *key, const char *query) KIST_CHECKED;
/* Is `bucket` a name that S3 gives? */
int s3_url_is_bucket(const char *bucket);
/* Is the host of `endpoint` an address, not a name? */
int s3_url_is_address(const char *endpoint);
int s3_url_is_region(const char *region);

/* s3_text.c - hashes and small texts. */

#define S3_SHA256_SIZE 32
#define S3_MD5_SIZE 16
#define S3_HEX_SIZE 65    /* with its zero, of either hash */
#define S3_BASE64_SIZE 45 /* likewise */

/* 0, or -1 where the hash is not to be had. */
int s3_sha256(const void *data, size_t size, unsigned char *ret_digest) KIST_CHECKED;
int s3_md5(const void *data, size_t size, unsigned char *ret_digest) KIST_CHECKED;
void s3_hex(const unsigned char *data, size_t size, char *ret_text);
void s3_base64(const unsigned char *data, size_t size, char *ret_text);
/* The bytes of a sha256 in base64; -1: it is none. */
int s3_from_base64(const char *text, unsigned char *ret_digest) KIST_CHECKED;
int s3_is_md5(const char *etag);
int s3_is_utf8(const char *text);
/* A non-negative decimal number and nothing else, or -1. */
int64_t s3_number(const char *text);
/* Undoes %XX and, with `plus`, '+' for a space, in place. -1: not an encoding, or one of a NUL. */
int s3_decode(char *text, int plus);
/* 32 random hex digits. */
int s3_token(const struct kist_host *host, char ret_token[33], struct kist_error *err) KIST_CHECKED;

/* s3_meta.c - metadata as header values: printable ASCII stands for itself, all else goes in words of RFC 2047, which is
 * what S3 itself gives back. New; NULL without memory. */
char *s3_meta_encode(const char *value) KIST_CHECKED;
char *s3_meta_decode(const char *value) KIST_CHECKED;

/* s3_headers.c - headers of a request; owns its strings. */
struct s3_headers {
    struct kist_http_header *items;
    size_t count;
    int failed; /* without memory: s3_send says so */
};
void s3_headers_add(struct s3_headers *headers, const char *name, const char *value);
void s3_headers_done(struct s3_headers *headers);
/* What a new object carries: type, metadata and token, encryption, class, tags, lock, ACL. */
void s3_headers_object(struct s3_headers *headers, struct s3_store *store, const struct kist_put *put,
                       const char *token);
/* The hashes of a body that the server checks, as the option `checksum` says. -1: a hash is not to be had. */
int s3_headers_checksum(struct s3_headers *headers, const struct s3_store *store, const void *body, size_t size,
                        const unsigned char *sha256) KIST_CHECKED;

/* s3_send.c - one request. */

struct s3_request {
    const char *verb; /* for messages: "read", "list" */
    const char *method;
    const char *key;   /* NULL: the bucket itself */
    const char *query; /* encoded; or NULL */
    struct s3_headers *headers;
    const void *body;
    size_t body_size;
    const char *payload; /* the body's sha256 in hex; NULL: it is computed */
    size_t reply_limit;
    const char *about;  /* what stands in messages where there is no key: a prefix; or NULL */
    const char *expect; /* the reply is an XML document with this root; anything else is an error even with 200 */
    int anonymous;      /* not signed */
};

struct s3_reply {
    struct kist_http_reply http; /* status 0: no reply came */
    struct kist_xml *xml;        /* with `expect`, of a success */
    char code[64];               /* S3's name of the error, or "" */
};

/* Sends with `http` (the store's own, or a sender's). 0 for a status of 2xx with what was expected; else the error is
 * filled, and `ret_reply` says what came. The reply is always to be freed with s3_reply_done. */
int s3_send(struct s3_store *store, struct kist_http *http, const struct s3_request *request,
            struct s3_reply *ret_reply, struct kist_error *err) KIST_CHECKED;
/* The same for a body that is read in pieces. */
int s3_send_stream(struct s3_store *store, const struct s3_request *request, struct kist_http_stream **ret_stream,
                   struct s3_reply *ret_reply, struct kist_error *err) KIST_CHECKED;
void s3_reply_done(struct s3_reply *reply);
int s3_fail_memory(const struct s3_store *store, struct kist_error *err);

/* s3_client.c - HTTP clients of an instance. */

int s3_client_new(const struct s3_store *store, const struct kist_host *host, int64_t idle_ms, int64_t total_ms,
                  struct kist_http **ret_http, struct kist_error *err) KIST_CHECKED;
/* The one for what has to be done even when the run was cancelled. */
int s3_client_cleaner(struct s3_store *store, struct kist_http **ret_http, struct kist_error *err) KIST_CHECKED;
int s3_client_patient(struct s3_store *store, struct kist_http **ret_http, struct kist_error *err) KIST_CHECKED;

/* s3_error.c - S3's error codes as ours. */

/* What an error document says. Borrowed from `xml`; NULL where it says nothing. */
struct s3_said {
    const char *code, *message, *region;
};
/* Reads a reply's body; 0 when it is an error document. */
int s3_error_read(const struct s3_store *store, const char *body, size_t size, struct kist_xml **ret_xml,
                  struct s3_said *ret_said);
/* Fills `err` for a refused request. */
int s3_error_fill(struct s3_store *store, struct kist_http *http, const struct kist_http_request *request,
                  const struct kist_http_reply *reply, const struct s3_said *said, struct kist_error *err);
/* The code and hint of one of S3's errors alone, for the keys of DeleteObjects. */
int s3_error_code(const char *code);

/* s3_head.c - one object as the store describes it. */

struct s3_head {
    int64_t size, modified_ms;
    char *etag, *content_type, *checksum; /* checksum: x-amz-checksum-sha256 as it came, "BASE64" or "BASE64-N" */
    char **metadata;                      /* name, value, ..., NULL: without our own */
    char token[33];                       /* "" when it was not written by us */
    char whole[80];                       /* "sha256:HEX" or "md5:HEX" of the content, or "" */
    int encrypted;                        /* with a key of its own: the etag is no hash of the content */
};

/* KIST_ERR_NOT_FOUND when there is none. */
int s3_head(struct s3_store *store, struct kist_http *http, const char *key, struct s3_head *ret_head,
            struct kist_error *err) KIST_CHECKED;
/* From the headers of a GET or HEAD; `size` in place of Content-Length when it is not negative. */
int s3_head_read(struct s3_store *store, const char *key, const struct kist_http_reply *reply, int64_t size,
                 struct s3_head *ret_head, struct kist_error *err) KIST_CHECKED;
void s3_head_done(struct s3_head *head);
int s3_head_give(const struct s3_head *head, const char *key, kist_object_fn give, void *arg);
int s3_stat(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err);

/* s3_plan.c - how large the parts of an object are. */

struct s3_plan {
    uint64_t first;   /* size of the first part */
    uint64_t budget;  /* bytes that may be held at once */
    unsigned senders; /* parts that may be sent at once */
};
/* `expected`: bytes that the object has or may have, or -1. */
void s3_plan_init(struct s3_plan *plan, uint64_t part_size, unsigned concurrency, int64_t expected);
/* The size of part `number`, from 1. */
uint64_t s3_plan_part(const struct s3_plan *plan, unsigned number);
/* How many buffers of part `number` may exist at once, the one that is being filled among them. */
unsigned s3_plan_buffers(const struct s3_plan *plan, unsigned number);

/* s3_parts.c - the threads that send parts. */

struct s3_buffer {
    struct s3_buffer *next;
    unsigned char *data;
    size_t size, capacity;
    unsigned number;
};

/* What was stored of a part. */
struct s3_done {
    char *etag;
    uint64_t size;
    unsigned char sha256[S3_SHA256_SIZE], md5[S3_MD5_SIZE];
    unsigned has_md5;
    unsigned told; /* the store said that its SHA-256 is this one */
};

struct s3_parts;

/* Sends one part: the caller's work (s3_multipart.c). Runs in a sender's thread. */
typedef int (*s3_part_fn)(void *arg, struct kist_http *http, const struct s3_buffer *part,
                          struct s3_done *ret_done, struct kist_error *err);

int s3_parts_new(struct s3_store *store, unsigned senders, s3_part_fn send, void *arg, struct s3_parts **ret_parts,
                 struct kist_error *err) KIST_CHECKED;
/* Stops the senders, what they are at included, and frees all buffers. */
void s3_parts_free(struct s3_parts *parts);
/* Sends again what failed before and was told, and tells of what has failed since. */
int s3_parts_resume(struct s3_parts *parts, struct kist_error *err) KIST_CHECKED;
/* Makes room for the outcome of part `number`, so that s3_parts_add cannot fail. -1 without memory. */
int s3_parts_reserve(struct s3_parts *parts, unsigned number) KIST_CHECKED;
void s3_parts_add(struct s3_parts *parts, struct s3_buffer *buffer); /* given */
/* Gives a buffer to fill once there are fewer than `most`; `ret_buffer` is the caller's. */
int s3_parts_take(struct s3_parts *parts, unsigned most, struct s3_buffer **ret_buffer,
                  struct kist_error *err) KIST_CHECKED;
/* Waits until all was sent. */
int s3_parts_finish(struct s3_parts *parts, struct kist_error *err) KIST_CHECKED;
/* What is stored of part `number`; all senders must be idle. */
const struct s3_done *s3_parts_done_of(const struct s3_parts *parts, unsigned number);
void s3_buffer_free(struct s3_buffer *buffer);

/* s3_put.c - writing an object. */

struct s3_writer {
    struct s3_store *store;
    char *key;
    char token[33];
    struct s3_headers headers; /* of the object */
    struct s3_plan plan;
    struct s3_parts *parts;   /* NULL while everything fits into one part */
    char *upload;             /* its id, encoded for a query */
    struct s3_buffer *buffer; /* that is being filled; NULL: the next one is still to be had */
    struct s3_buffer spill;   /* bytes that did not fit into the last part */
    uint64_t written;
    unsigned next_part; /* number of the part that is being filled, from 1 */
    uint32_t uncertain; /* the object may be visible: no answer came to what makes it so */
    uint32_t failed;
};

int s3_put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err);
int s3_put_write(void *writer, const void *data, size_t size, struct kist_error *err);
int s3_put_commit(void *writer, uint64_t size, struct kist_error *err);
void s3_put_abort(void *writer);
/* A key that a new object may have. */
int s3_key_check(const struct s3_store *store, const char *key, struct kist_error *err) KIST_CHECKED;

/* s3_multipart.c - the requests of an upload in parts. */
int s3_multipart_begin(struct s3_store *store, const char *key, const struct s3_headers *object, int checksums,
                       char **ret_upload, struct kist_error *err) KIST_CHECKED;
int s3_multipart_send(void *writer, struct kist_http *http, const struct s3_buffer *part, struct s3_done *ret_done,
                      struct kist_error *err);
/* `etag_of` and `sha256_of` (may give NULL) for 1 to `count`. */
struct s3_completion {
    const char *key, *upload;
    unsigned count;
    uint64_t size;
    const char *(*etag_of)(const void *arg, unsigned number);
    const unsigned char *(*sha256_of)(const void *arg, unsigned number);
    const void *arg;
};
int s3_multipart_complete(struct s3_store *store, const struct s3_completion *completion,
                          struct s3_reply *ret_reply, struct kist_error *err) KIST_CHECKED;
/* Tries once; what stays is said in the log. */
void s3_multipart_abort(struct s3_store *store, const char *key, const char *upload);
int s3_multipart_remove(struct s3_store *store, const char *key, const char *upload,
                        struct kist_error *err) KIST_CHECKED;
/* The query that lists uploads, from a page's markers on (encoded; NULL: the first page). New; NULL without memory. */
char *s3_uploads_query(const char *prefix, const char *key_marker, const char *id_marker) KIST_CHECKED;
int s3_sweep_below(void *self, const char *prefix, uint64_t *ret_count, struct kist_error *err);

/* s3_commit.c - making an object visible, once. */

int s3_commit(struct s3_writer *writer, struct kist_error *err) KIST_CHECKED;
/* Is the key free? KIST_ERR_EXISTS when another object has it; 1 in `ret_ours` when it is the one with our token. */
int s3_commit_look(struct s3_store *store, const char *key, const char *token, struct s3_head *ret_head,
                   int *ret_ours, struct kist_error *err) KIST_CHECKED;
/* Removes an object that is ours. Returns 0 when it is gone. */
int s3_commit_take_back(struct s3_store *store, const char *key, const char *token,
                        struct kist_error *err) KIST_CHECKED;
void s3_commit_note_unconditional(struct s3_store *store);

/* s3_claim.c - one writer at a time, on a store that takes no conditional writes. */

struct s3_claim {
    char *key, *upload; /* NULL: none was needed or to be had */
    int fd;             /* likewise -1 */
};
/* KIST_ERR_EXISTS when somebody else is writing the key. */
int s3_claim_take(struct s3_store *store, const char *key, int in_parts, struct s3_claim *claim,
                  struct kist_error *err) KIST_CHECKED;
void s3_claim_release(struct s3_store *store, struct s3_claim *claim);

/* s3_verify.c - does the store hold what was sent? 1 in `ret_same` when it does. */
int s3_verify(struct s3_writer *writer, const struct s3_head *head, int *ret_same,
              struct kist_error *err) KIST_CHECKED;

/* s3_page.c - one page of a listing, whoever sent it. */

struct s3_page {
    const char *prefix; /* that was asked for */
    const char *token;  /* that this page was asked for with; NULL: the first page */
    char *next;         /* the next page's token (new), or NULL: it was the last */
    uint64_t given, markers;
};
/* KIST_ERR_CORRUPT for a page that does not make sense; else what `give` returned. */
int s3_page_read(const struct s3_store *store, const struct kist_xml *root, struct s3_page *page,
                 kist_object_fn give, void *arg, struct kist_error *err) KIST_CHECKED;

/* s3_list.c, s3_get.c, s3_remove.c, s3_copy.c, s3_check.c: the callbacks. */
int s3_list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err);
int s3_get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err);
int s3_get_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err);
void s3_get_end(void *reader);
int s3_get_about(void *reader, kist_object_fn give, void *arg, struct kist_error *err);
int s3_remove(void *self, const char *key, struct kist_error *err);
int s3_remove_many(void *self, const char *const *keys, uint64_t count, kist_unremoved_fn tell, void *arg,
                   struct kist_error *err);
int s3_copy(void *self, const char *from, const char *etag, const struct kist_put *put, struct kist_error *err);
int s3_check(void *self, struct kist_error *err);

#endif
