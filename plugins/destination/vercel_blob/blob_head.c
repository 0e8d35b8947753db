/* blob_head.c - one blob, as the control API knows it: no cache lies in between. */
#include "vercel_blob.h"

#include <string.h>

static int read_head(struct blob_store *store, const char *key, json_t *json, struct blob_head *ret_head,
                     struct kist_error *err)
{
    const struct kist_host *host = store->host;
    struct blob_entry entry;
    int rc = blob_entry_read(host, json, &entry, err);
    if (rc != 0)
        return rc;
    if (strcmp(entry.name, key) != 0)
        return host->fail(host, err, KIST_ERR_CORRUPT, "the store was asked for '%s' and tells of '%s'", key,
                          entry.name);
    *ret_head = (struct blob_head){.json = json, .entry = entry};
    return 0;
}

int blob_head(struct blob_store *store, struct kist_http *http, const char *key, struct blob_head *ret_head,
              struct kist_error *err)
{
    json_t *json = NULL;
    int rc = blob_key_check(store, key, err);
    if (rc != 0)
        return rc;
    const struct blob_request request = {
        .verb = "look at", .about = key, .method = "GET", .target = blob_target("", "url", key, NULL)};
    rc = blob_send(store, http, &request, &json, err);
    if (rc == 0)
        rc = read_head(store, key, json, ret_head, err);
    if (rc != 0)
        json_decref(json);
    return rc;
}

void blob_head_done(struct blob_head *head)
{
    json_decref(head->json);
    *head = (struct blob_head){0};
}

int blob_stat(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err)
{
    struct blob_store *store = self;
    struct blob_head head = {0};
    int rc = blob_head(store, store->http, key, &head, err);
    if (rc == 0)
        rc = blob_entry_give(&head.entry, give, arg);
    blob_head_done(&head);
    return rc;
}
