/* vercel_blob.c - destination `vercel_blob`: objects are the blobs of a Vercel Blob store. */
#include "vercel_blob.h"

#include <stdlib.h>
#include <string.h>

static const struct kist_option options[] = {
    KIST_OPTION(struct blob_config, token, .flags = KIST_OPTION_REQUIRED,
                .help = "read-write token of the store (vercel_blob_rw_...), as in ${BLOB_READ_WRITE_TOKEN}"),
    KIST_OPTION(struct blob_config, access, .def = "private", .choices = "private|public",
                .help = "who can read the blobs, as it was chosen when the store was made"),
    KIST_OPTION(struct blob_config, allow_public, .def = "no",
                .help = "use a public store, whose blobs everybody who has their URL can read"),
    KIST_OPTION(struct blob_config, part_size, .def = "8MiB",
                KIST_RANGE((int64_t)BLOB_PART_MIN, (int64_t)BLOB_PART_MAX),
                .help = "size of the parts of larger blobs, of which there are at most 10,000"),
    KIST_OPTION(struct blob_config, cache_max_age, .def = "30d", KIST_RANGE(60000, INT64_C(31536000000)),
                .help = "how long caches may keep a blob"),
    KIST_OPTION(struct blob_config, api_url, .def = "https://vercel.com/api/blob",
                .help = "URL of the control API"),
    KIST_OPTION(struct blob_config, content_base_url,
                .help = "URL below which blobs are read; default: https://STORE.ACCESS.blob.vercel-storage.com"),
    KIST_OPTION(struct blob_config, allow_plaintext, .def = "no",
                .help = "talk http to other hosts than this one"),
    KIST_OPTION(struct blob_config, ca_file, .help = "PEM file of certificates to trust instead of the system's"),
    KIST_OPTION_END};

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

static void blob_close(void *self)
{
    struct blob_store *store = self;
    kist_http_free(store->http);
    kist_http_free(store->cleaner);
    kist_calm_done(&store->calm);
    free(store->id);
    free(store->api);
    free(store->content);
    free(store->copy_key);
    wipe(store->authorization);
    free(store);
}

static int blob_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct blob_store *store = calloc(1, sizeof *store);
    if (!store)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    store->host = host;
    store->config = config;
    int rc = kist_calm_init(&store->calm, host);
    if (rc != 0)
        host->fail(host, err, rc = KIST_ERR_FAILED, "no file descriptor is to be had");
    if (rc == 0)
        rc = blob_config_apply(store, err);
    if (rc == 0)
        rc = blob_client_new(store, host, 0, &store->http, err);
    if (rc == 0)
        *ret_self = store;
    else
        blob_close(store);
    return rc;
}

KIST_DESTINATION(
        .about = {.name = "vercel_blob",
                  .version = KIST_VERSION,
                  .summary = "blobs of a Vercel Blob store",
                  .details = "A blob is sent at once when it fits into one part, else in parts of the same size, "
                             "and never replaces another one. A write counts when the store tells the right size. "
                             "Private stores are read past the CDN's cache. A public store is refused unless "
                             "allow_public says otherwise.",
                  .options = options,
                  .config_size = sizeof(struct blob_config)},
        .features = KIST_DESTINATION_RESUMES, .open = blob_open, .close = blob_close, .check = blob_check,
        .put_begin = blob_put_begin, .put_write = blob_put_write, .put_commit = blob_put_commit,
        .put_abort = blob_put_abort, .get_begin = blob_get_begin, .get_read = blob_get_read,
        .get_end = blob_get_end, .list = blob_list, .stat = blob_stat, .remove = blob_remove,
        .get_about = blob_get_about, .remove_many = blob_remove_many, .copy = blob_copy);
