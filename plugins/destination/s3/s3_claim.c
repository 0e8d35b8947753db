/*
 * s3_claim.c - one writer of a key at a time, on a store that takes no conditional writes.
 *
 * For an object in parts, a writer that is about to make it visible begins an upload to a key beside it, its claim:
 * invisible, and swept like any other when the writer dies. Then it looks who else has one. A claim with a smaller id goes
 * first, so the writer gives way; one with a larger id either sees ours and gives way, or began before and is waited for. So
 * no two of them pass at once, as long as the store lists what was begun before.
 *
 * That would double the requests of a small object. There a name of this machine that only one socket can have keeps the
 * writers of one machine apart, and nothing does those of two.
 */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX ".kist-claim"
#define WAIT_MS 60000
#define LOOK_MS 100
#define STALE_MS INT64_C(3600000) /* longer than any commit takes */

#define FREE 0
#define FIRST 1  /* others wait for us, or have begun before us: they are waited for */
#define SECOND 2 /* another one goes first */

static int rank(const struct s3_store *store, const struct s3_claim *claim, const struct kist_xml *root)
{
    int found = FREE;
    for (const struct kist_xml *entry = kist_xml_child(root, "Upload"); entry;
         entry = kist_xml_next(entry, "Upload")) {
        const char *key = kist_xml_value(entry, "Key"), *id = kist_xml_value(entry, "UploadId");
        int64_t since = kist_stamp_utc(kist_xml_value(entry, "Initiated"));
        char *upload = id ? kist_http_encode(id, 0) : NULL;
        int order = upload && key && strcmp(key, claim->key) == 0 ? strcmp(upload, claim->upload) : 0;
        free(upload);
        if (order == 0 || (since > 0 && store->host->now_ms(store->host) - since > STALE_MS))
            continue;
        if (order < 0)
            return SECOND;
        found = FIRST;
    }
    return found;
}

static int look(struct s3_store *store, const struct s3_claim *claim, int *ret_rank, struct kist_error *err)
{
    struct s3_reply reply;
    char *query = s3_uploads_query(claim->key, NULL, NULL);
    if (!query)
        return s3_fail_memory(store, err);
    const struct s3_request request = {.verb = "list the writers of",
                                       .method = "GET",
                                       .query = query,
                                       .about = claim->key,
                                       .reply_limit = S3_LIST_LIMIT,
                                       .expect = "ListMultipartUploadsResult"};
    int rc = s3_send(store, store->http, &request, &reply, err);
    if (rc == 0)
        *ret_rank = rank(store, claim, reply.xml);
    s3_reply_done(&reply);
    free(query);
    return rc;
}

static int wait_turn(struct s3_store *store, const char *key, const struct s3_claim *claim, struct kist_error *err)
{
    const struct kist_host *host = store->host;
    int64_t end = host->monotonic_ms(host) + WAIT_MS;
    int mine = FIRST;
    for (;;) {
        int rc = look(store, claim, &mine, err);
        if (rc != 0 || mine == FREE)
            return rc;
        if (mine == SECOND)
            return host->fail(host, err, KIST_ERR_EXISTS, "'s3://%s/%s' is being written by somebody else",
                              store->config->bucket, key);
        if (host->cancelled(host))
            return host->fail(host, err, KIST_ERR_CANCELLED, "cancelled");
        if (host->monotonic_ms(host) > end)
            return host->fail(host, err, KIST_ERR_UNAVAILABLE, "another writer of 's3://%s/%s' comes to no end",
                              store->config->bucket, key);
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
}

/* A list of uploads is XML, which carries no control characters: there are stores that fail over such a claim. */
static int can_claim(const char *key)
{
    for (const char *at = key; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return 0;
    return strlen(key) + strlen(SUFFIX) <= S3_KEY_MAX;
}

static int claim_upload(struct s3_store *store, const char *key, struct s3_claim *claim, struct kist_error *err)
{
    const struct s3_headers none = {0};
    if (!can_claim(key))
        return 0;
    if (asprintf(&claim->key, "%s" SUFFIX, key) < 0) {
        claim->key = NULL;
        return s3_fail_memory(store, err);
    }
    int rc = s3_multipart_begin(store, claim->key, &none, 0, &claim->upload, err);
    if (rc == 0)
        rc = wait_turn(store, key, claim, err);
    if (rc != KIST_ERR_AUTH && rc != KIST_ERR_UNSUPPORTED)
        return rc;
    /* Without the right to list uploads it goes on without a claim, as it would with other programs. */
    s3_commit_note_unconditional(store);
    kist_fault_clear(err);
    return 0;
}

/* The address of the lock: in the namespace of names that are no files, and gone with the process. */
static int lock_address(const struct s3_store *store, const char *key, struct sockaddr_un *address,
                        socklen_t *ret_size)
{
    unsigned char digest[S3_SHA256_SIZE];
    char *text = NULL;
    int length = asprintf(&text, "%s\n%s\n%s", store->endpoint ? store->endpoint : "", store->config->bucket, key);
    int rc = length < 0 ? -1 : s3_sha256(text, (size_t)length, digest);
    if (length >= 0)
        free(text);
    if (rc != 0)
        return rc;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path + 1, "kist-s3-", 8);
    s3_hex(digest, sizeof digest, address->sun_path + 9);
    *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 9 + 2 * sizeof digest);
    return 0;
}

/* Waits for the name; after a minute somebody keeps it who should not, and it goes on without. */
static int claim_name(struct s3_store *store, const char *key, struct s3_claim *claim, struct kist_error *err)
{
    const struct kist_host *host = store->host;
    int64_t end = host->monotonic_ms(host) + WAIT_MS;
    struct sockaddr_un address;
    socklen_t size = 0;
    if (lock_address(store, key, &address, &size) != 0)
        return s3_fail_memory(store, err);
    claim->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (claim->fd < 0)
        return host->fail(host, err, KIST_ERR_FAILED, "no descriptors are left");
    while (bind(claim->fd, (const struct sockaddr *)&address, size) != 0 && host->monotonic_ms(host) < end) {
        if (host->cancelled(host))
            return host->fail(host, err, KIST_ERR_CANCELLED, "cancelled");
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 100000L}, NULL);
    }
    return 0;
}

int s3_claim_take(struct s3_store *store, const char *key, int in_parts, struct s3_claim *claim,
                  struct kist_error *err)
{
    *claim = (struct s3_claim){.fd = -1};
    int rc = in_parts ? claim_upload(store, key, claim, err) : claim_name(store, key, claim, err);
    if (rc != 0)
        s3_claim_release(store, claim);
    return rc;
}

void s3_claim_release(struct s3_store *store, struct s3_claim *claim)
{
    if (claim->upload)
        s3_multipart_abort(store, claim->key, claim->upload);
    if (claim->fd >= 0)
        close(claim->fd);
    free(claim->upload);
    free(claim->key);
    *claim = (struct s3_claim){.fd = -1};
}
