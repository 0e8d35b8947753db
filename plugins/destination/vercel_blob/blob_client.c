/* blob_client.c - HTTP clients of an instance. */
#include "vercel_blob.h"

#define CLEANING_MS 15000

int blob_client_new(const struct blob_store *store, const struct kist_host *host, int64_t total_ms,
                    struct kist_http **ret_http, struct kist_error *err)
{
    const struct kist_http_setup setup = {.user_agent = "kist/" KIST_VERSION,
                                          .allow_plaintext = store->config->allow_plaintext.on != 0,
                                          .ca_file = store->config->ca_file,
                                          .total_ms = total_ms};
    return kist_http_new(host, &setup, ret_http, err);
}

int blob_client_cleaner(struct blob_store *store, struct kist_http **ret_http, struct kist_error *err)
{
    int rc = 0;
    if (!store->host->cancelled(store->host)) {
        *ret_http = store->http;
        return 0;
    }
    if (!store->cleaner)
        rc = blob_client_new(store, &store->calm.host, CLEANING_MS, &store->cleaner, err);
    if (rc == 0)
        *ret_http = store->cleaner;
    return rc;
}
