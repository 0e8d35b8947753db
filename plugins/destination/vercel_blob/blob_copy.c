/* blob_copy.c - copying within the store. The API can neither pin the blob that is copied nor mark the copy, so both are
 * looked at before and after. */
#include "vercel_blob.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_MS 1000

struct copying {
    struct blob_store *store;
    const char *from, *to;
    const struct kist_put *put;
    struct blob_head source, copy;
    int was_tried; /* an earlier call may have made the copy */
};

static int fail_changed(const struct copying *c, struct kist_error *err)
{
    const struct kist_host *host = c->store->host;
    return host->fail(host, err, KIST_ERR_CORRUPT, "cannot copy '%s': it is not the version that it was", c->from);
}

static int is_version(const struct blob_head *head, const char *etag)
{
    char *bare = kist_http_etag(head->entry.etag);
    int same = bare && strcmp(bare, etag) == 0;
    free(bare);
    return same;
}

static int look_at_source(struct copying *c, const char *etag, struct kist_error *err)
{
    int rc = blob_head(c->store, c->store->http, c->from, &c->source, err);
    if (rc == 0 && etag && !is_version(&c->source, etag))
        rc = fail_changed(c, err);
    return rc;
}

static int send_copy(struct copying *c, struct kist_error *err)
{
    struct blob_store *store = c->store;
    struct blob_write_headers headers;
    json_t *reply = NULL;
    blob_write_headers(store, c->put->content_type ? c->put->content_type : c->source.entry.content_type,
                       &headers);
    const struct blob_request request = {.verb = "copy to",
                                         .about = c->to,
                                         .method = "PUT",
                                         .target = blob_target("", "pathname", c->to, "fromUrl", c->from, NULL),
                                         .headers = headers.items,
                                         .header_count = headers.count,
                                         .body = "",
                                         .body_size = 0};
    int rc = blob_send(store, store->http, &request, &reply, err);
    json_decref(reply);
    return rc;
}

/* A copy that is there already is ours if an earlier call of the same may have made it, and it has the same bytes. */
static int is_ours(struct copying *c, struct kist_error *err)
{
    struct blob_store *store = c->store;
    unsigned char one[BLOB_SHA256_SIZE], other[BLOB_SHA256_SIZE];
    int64_t one_size = 0, other_size = 0;
    struct blob_head head = {0};
    int rc = blob_head(store, store->http, c->to, &head, err);
    int fits = rc == 0 && head.entry.size == c->source.entry.size &&
               head.entry.uploaded_ms >= store->copy_begun + store->ahead_ms - CLOCK_MS;
    blob_head_done(&head);
    if (rc == 0 && fits)
        rc = blob_content_hash(store, store->http, c->from, &one_size, one, err);
    if (rc == 0 && fits)
        rc = blob_content_hash(store, store->http, c->to, &other_size, other, err);
    if (rc != 0)
        return rc;
    return fits && one_size == other_size && memcmp(one, other, sizeof one) == 0;
}

static int confirm(struct copying *c, const char *etag, struct kist_error *err)
{
    struct blob_store *store = c->store;
    const struct kist_host *host = store->host;
    int rc = blob_head(store, store->http, c->to, &c->copy, err);
    if (rc == 0 && c->copy.entry.size != c->source.entry.size)
        rc = host->fail(host, err, KIST_ERR_CORRUPT, "the copy '%s' has %" PRId64 " bytes, not %" PRId64, c->to,
                        c->copy.entry.size, c->source.entry.size);
    if (rc == 0 && etag) {
        blob_head_done(&c->source);
        rc = look_at_source(c, etag, err);
    }
    return rc;
}

static void take_back(struct copying *c)
{
    const struct kist_host *host = c->store->host;
    struct kist_error why = {.struct_size = sizeof why};
    struct kist_http *http = NULL;
    int rc = blob_client_cleaner(c->store, &http, &why);
    if (rc == 0)
        rc = blob_remove_batch(c->store, http, &c->to, 1, c->copy.entry.etag, &why);
    host->log(host, KIST_LOG_WARNING, rc == 0 ? "removed '%s' again" : "the copy '%s' could not be removed again",
              c->to);
    kist_fault_clear(&why);
}

static int make_copy(struct copying *c, struct kist_error *err)
{
    struct kist_error own = {.struct_size = sizeof own};
    struct blob_store *store = c->store;
    int rc = send_copy(c, &own), same = 0;
    if (rc == KIST_ERR_EXISTS && c->was_tried && (same = is_ours(c, err)) != 0) {
        kist_fault_clear(&own);
        return same == 1 ? 0 : same;
    }
    if (rc != 0)
        kist_fault_repeat(store->host, &own, err);
    kist_fault_clear(&own);
    return rc;
}

static int begin(struct copying *c, struct kist_error *err)
{
    struct blob_store *store = c->store;
    c->was_tried = store->copy_key && strcmp(store->copy_key, c->to) == 0;
    if (c->was_tried)
        return 0;
    free(store->copy_key);
    store->copy_key = strdup(c->to);
    store->copy_begun = store->host->now_ms(store->host);
    return store->copy_key ? 0 : blob_fail_memory(store, err);
}

int blob_copy(void *self, const char *from, const char *etag, const struct kist_put *put, struct kist_error *err)
{
    struct copying c = {.store = self, .from = from, .to = put->key, .put = put};
    int rc = blob_key_check(self, put->key, err);
    if (rc == 0)
        rc = look_at_source(&c, etag, err);
    if (rc == 0)
        rc = begin(&c, err);
    if (rc == 0)
        rc = make_copy(&c, err);
    int made = rc == 0;
    if (rc == 0)
        rc = confirm(&c, etag, err);
    if (made && rc != 0 && !err->retryable && c.copy.json)
        take_back(&c);
    /* Only a failure that may pass is worth remembering: the same call comes again. */
    if (rc == 0 || !err->retryable) {
        free(c.store->copy_key);
        c.store->copy_key = NULL;
    }
    blob_head_done(&c.source);
    blob_head_done(&c.copy);
    return rc;
}
