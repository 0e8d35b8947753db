/* blob_check.c - can objects be written here, and by nobody be read who should not? */
#include "vercel_blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first blob of a list is enough. */
static int keep_name(void *arg, const struct kist_object *object)
{
    char **name = arg;
    if (!*name)
        *name = strdup(object->key);
    return 0;
}

/* Asks for some blob as a stranger would. 1: anybody may read it. */
static int is_open_at(struct blob_store *store, const char *url, struct kist_error *err)
{
    const struct kist_http_header headers[] = {{"range", "bytes=0-0"}};
    struct kist_http_stream *stream = NULL;
    struct kist_http_reply reply = {0};
    const struct kist_http_request request = {.method = "GET",
                                              .url = url,
                                              .headers = headers,
                                              .header_count = 1,
                                              .what = "see whether the store is public"};
    int rc = kist_http_open(store->http, &request, &stream, &reply, err);
    if (rc != 0)
        return rc;
    int is_open = reply.status == 200 || reply.status == 206;
    kist_http_close(stream);
    kist_http_reply_done(&reply);
    return is_open;
}

static int fail_public(const struct blob_store *store, struct kist_error *err)
{
    const struct kist_host *host = store->host;
    host->fail(host, err, KIST_ERR_CONFIG,
               "the store is public: it gives its blobs to everybody who has their URL");
    host->hint(host, err,
               "make a private store for backups, or set 'access = public' and 'allow_public = yes' and encrypt");
    return KIST_ERR_CONFIG;
}

/* A store is one or the other as a whole, so one blob tells; the host of a public one has a name of its own. */
static int probe(struct blob_store *store, const char *name, struct kist_error *err)
{
    char *encoded = kist_http_encode(name, 1), *urls[2] = {NULL, NULL};
    int rc = 0;
    if (!encoded || asprintf(&urls[0], "%s/%s", store->content, encoded) < 0)
        urls[0] = NULL;
    if (!encoded || store->config->content_base_url ||
        asprintf(&urls[1], "https://%s.public.blob.vercel-storage.com/%s", store->id, encoded) < 0)
        urls[1] = NULL;
    if (!urls[0])
        rc = blob_fail_memory(store, err);
    for (size_t i = 0; i < 2 && rc == 0; i++)
        rc = urls[i] ? is_open_at(store, urls[i], err) : 0;
    free(encoded);
    free(urls[0]);
    free(urls[1]);
    return rc == 1 ? fail_public(store, err) : rc;
}

int blob_check(void *self, struct kist_error *err)
{
    struct blob_store *store = self;
    const struct kist_host *host = store->host;
    const struct blob_request request = {
        .verb = "list", .about = store->id, .method = "GET", .target = blob_target("", "limit", "1", NULL)};
    json_t *page = NULL;
    char *name = NULL, *cursor = NULL;
    size_t count = 0;
    int rc = blob_send(store, store->http, &request, &page, err);
    if (rc == 0)
        rc = blob_page_read(host, page, keep_name, &name, &count, &cursor, err);
    if (rc == 0 && store->config->allow_public.on)
        host->log(host, KIST_LOG_DEBUG, "allow_public = yes: whether others can read the blobs is not looked at");
    else if (rc == 0 && name)
        rc = probe(store, name, err);
    else if (rc == 0)
        host->log(host, KIST_LOG_DEBUG, "the store is empty: whether others could read it cannot be seen yet");
    json_decref(page);
    free(name);
    free(cursor);
    return rc;
}
