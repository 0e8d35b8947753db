/* blob_remove.c - removing. The API answers alike whether there was such a blob or not. */
#include "vercel_blob.h"

#include <stdlib.h>
#include <string.h>

static char *body_of(const char *const *keys, size_t count)
{
    json_t *urls = json_array(), *body = json_object();
    int failed = !urls || !body;
    for (size_t i = 0; i < count && !failed; i++)
        failed = json_array_append_new(urls, json_string(keys[i])) != 0;
    failed = failed || json_object_set(body, "urls", urls) != 0;
    char *text = failed ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(urls);
    json_decref(body);
    return text;
}

int blob_remove_batch(struct blob_store *store, struct kist_http *http, const char *const *keys, size_t count,
                      const char *etag, struct kist_error *err)
{
    const struct kist_http_header headers[] = {{"content-type", "application/json"}, {"x-if-match", etag}};
    char *body = body_of(keys, count);
    if (!body)
        return blob_fail_memory(store, err);
    const struct blob_request request = {.verb = "remove",
                                         .about = keys[0],
                                         .method = "POST",
                                         .target = blob_target("/delete", NULL),
                                         .headers = headers,
                                         .header_count = etag ? 2 : 1,
                                         .body = body,
                                         .body_size = strlen(body),
                                         .any_reply = 1};
    int rc = blob_send(store, http, &request, NULL, err);
    free(body);
    return rc;
}

int blob_remove(void *self, const char *key, struct kist_error *err)
{
    struct blob_store *store = self;
    struct kist_http *http = NULL;
    int rc = blob_key_check(store, key, err);
    if (rc == 0)
        rc = blob_client_cleaner(store, &http, err);
    return rc == 0 ? blob_remove_batch(store, http, &key, 1, NULL, err) : rc;
}

/* A batch goes or stays as a whole; what may pass by itself is for the caller to ask again. */
static int remove_or_tell(struct blob_store *store, struct kist_http *http, const char *const *keys, size_t count,
                          kist_unremoved_fn tell, void *arg, struct kist_error *err)
{
    struct kist_error own = {.struct_size = sizeof own};
    int rc = blob_remove_batch(store, http, keys, count, NULL, &own);
    if (rc != 0 && (own.retryable || rc == KIST_ERR_CANCELLED)) {
        kist_fault_repeat(store->host, &own, err);
    } else if (rc != 0) {
        for (size_t i = 0; i < count; i++)
            tell(arg, keys[i], &own);
        rc = 0;
    }
    kist_fault_clear(&own);
    return rc;
}

int blob_remove_many(void *self, const char *const *keys, uint64_t count, kist_unremoved_fn tell, void *arg,
                     struct kist_error *err)
{
    struct blob_store *store = self;
    struct kist_http *http = NULL;
    int rc = blob_client_cleaner(store, &http, err);
    for (uint64_t i = 0; i < count && rc == 0; i++)
        rc = blob_key_check(store, keys[i], err);
    for (uint64_t done = 0; done < count && rc == 0; done += BLOB_DELETE_MAX) {
        size_t batch = count - done < BLOB_DELETE_MAX ? (size_t)(count - done) : BLOB_DELETE_MAX;
        rc = remove_or_tell(store, http, keys + done, batch, tell, arg, err);
    }
    return rc;
}
