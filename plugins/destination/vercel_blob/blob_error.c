/* blob_error.c - the API's error codes as ours, with the next step for the reader. */
#include "vercel_blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HINT_TOKEN "check the token: it has to be the BLOB_READ_WRITE_TOKEN of this store, and not revoked"
#define HINT_ACCESS "the access of a store is fixed when it is made: set 'access' to that, or make another store"

/* What a code means, or a message: an error that the API words, but gives no code of its own. */
struct meaning {
    const char *code;    /* NULL: any */
    const char *message; /* a part of it; NULL: any */
    int ours;
    const char *hint;
};

static const struct meaning meanings[] = {
    {NULL, "already exists", KIST_ERR_EXISTS, NULL},
    {NULL, "Token expired", KIST_ERR_AUTH, HINT_TOKEN},
    {NULL, "the file length cannot be greater than", KIST_ERR_NO_SPACE,
     "the store or token limits the size of a blob"},
    {"bad_request", "access", KIST_ERR_CONFIG, HINT_ACCESS},
    {"forbidden", NULL, KIST_ERR_AUTH, HINT_TOKEN},
    {"client_token_not_allowed", NULL, KIST_ERR_AUTH, HINT_TOKEN},
    {"client_token_expired", NULL, KIST_ERR_AUTH, HINT_TOKEN},
    {"not_allowed", NULL, KIST_ERR_UNSUPPORTED, "check 'api_url': the Blob API is not there"},
    {"store_not_found", NULL, KIST_ERR_CONFIG, "the store of this token is gone: make one, and use its token"},
    {"store_suspended", NULL, KIST_ERR_FAILED,
     "nothing can be stored until it is lifted: see the store's usage and the billing at Vercel"},
    {"not_found", NULL, KIST_ERR_NOT_FOUND, NULL},
    {"precondition_failed", NULL, KIST_ERR_EXISTS, NULL},
    {"rate_limited", NULL, KIST_ERR_UNAVAILABLE, NULL},
    {"service_unavailable", NULL, KIST_ERR_UNAVAILABLE, NULL},
    {"internal_server_error", NULL, KIST_ERR_UNAVAILABLE, NULL},
    {"unknown_error", NULL, KIST_ERR_UNAVAILABLE, NULL},
};

/* What counts where the API says nothing that we know: a proxy's page, or a status of later. */
static struct meaning meaning_of_status(int status)
{
    switch (status) {
    case 402:
        return (struct meaning){.ours = KIST_ERR_NO_SPACE, .hint = "see the usage and the billing at Vercel"};
    case 404:
    case 410:
        /* Not "there is no such blob": that is only believed of the API itself. */
        return (struct meaning){.ours = KIST_ERR_CONFIG, .hint = "check 'api_url': the Blob API is not there"};
    case 405:
        return (struct meaning){.ours = KIST_ERR_UNSUPPORTED,
                                .hint = "check 'api_url': the Blob API is not there"};
    default: return (struct meaning){0};
    }
}

static struct meaning meaning_of(const char *code, const char *message, int status)
{
    for (size_t i = 0; code && i < sizeof meanings / sizeof *meanings; i++) {
        const struct meaning *m = &meanings[i];
        if ((!m->code || strcmp(m->code, code) == 0) &&
            (!m->message || (message && strcasestr(message, m->message))))
            return *m;
    }
    return meaning_of_status(status);
}

static void recode(const struct kist_host *host, int code, struct kist_error *err)
{
    int64_t after_ms = err->retry_after_ms;
    if (err->code == code)
        return;
    char *message = err->message ? strdup(err->message) : NULL;
    host->fail(host, err, code, "%s", message ? message : "refused");
    free(message);
    if (err->retryable && after_ms > 0)
        host->retry(host, err, 1, after_ms);
}

int blob_error_fill(struct blob_store *store, struct kist_http *http, const struct kist_http_request *request,
                    const struct kist_http_reply *reply, struct kist_error *err)
{
    const struct kist_host *host = store->host;
    struct kist_error ignored = {.struct_size = sizeof ignored};
    json_t *json = NULL;
    char said[512] = "";
    if (kist_json_load(host, reply->body, reply->size, &json, &ignored) != 0)
        kist_fault_clear(&ignored);
    const json_t *error = json_object_get(json, "error");
    const char *code = kist_json_text(error, "code"), *message = kist_json_text(error, "message");
    if (code)
        snprintf(said, sizeof said, "%s%s%s", code, message ? ": " : "", message ? message : "");
    const struct meaning meaning = meaning_of(code, message, reply->status);
    kist_http_fail(http, request, reply, code ? said : NULL, err);
    if (meaning.ours != 0)
        recode(host, meaning.ours, err);
    if (meaning.hint)
        host->hint(host, err, "%s", meaning.hint);
    json_decref(json);
    return err->code;
}
