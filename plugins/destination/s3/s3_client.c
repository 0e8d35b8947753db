/* s3_client.c - HTTP clients of an instance. */
#include "s3.h"

#define IDLE_MS 60000
#define PATIENT_MS 600000 /* completing thousands of parts takes minutes, in which next to nothing is sent */
#define CLEANING_MS 15000

int s3_client_new(const struct s3_store *store, const struct kist_host *host, int64_t idle_ms, int64_t total_ms,
                  struct kist_http **ret_http, struct kist_error *err)
{
    const struct kist_http_setup setup = {.user_agent = "kist/" KIST_VERSION,
                                          .allow_plaintext = store->config->allow_plaintext.on != 0,
                                          .ca_file = store->config->ca_file,
                                          .idle_ms = idle_ms > 0 ? idle_ms : IDLE_MS,
                                          .total_ms = total_ms};
    return kist_http_new(host, &setup, ret_http, err);
}

int s3_client_cleaner(struct s3_store *store, struct kist_http **ret_http, struct kist_error *err)
{
    int rc = 0;
    if (!store->host->cancelled(store->host)) {
        *ret_http = store->http;
        return 0;
    }
    if (!store->cleaner)
        rc = s3_client_new(store, &store->calm.host, CLEANING_MS, CLEANING_MS, &store->cleaner, err);
    if (rc == 0)
        *ret_http = store->cleaner;
    return rc;
}

int s3_client_patient(struct s3_store *store, struct kist_http **ret_http, struct kist_error *err)
{
    int rc = 0;
    if (!store->patient)
        rc = s3_client_new(store, store->host, PATIENT_MS, PATIENT_MS, &store->patient, err);
    if (rc == 0)
        *ret_http = store->patient;
    return rc;
}
