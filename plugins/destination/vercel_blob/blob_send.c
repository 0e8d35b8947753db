/* blob_send.c - one request to the control API. */
#include "vercel_blob.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API_VERSION "12"
#define HEADERS_MAX 24

char *blob_target(const char *prefix, ...)
{
    char *text = NULL;
    size_t size = 0;
    int failed = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    va_list args;
    va_start(args, prefix);
    fputs(prefix, out);
    const char *before = "?";
    for (const char *name = va_arg(args, const char *); name; name = va_arg(args, const char *)) {
        const char *plain = va_arg(args, const char *);
        if (!plain)
            continue;
        char *value = kist_http_encode(plain, 0);
        failed |= !value || fprintf(out, "%s%s=%s", before, name, value ? value : "") < 0;
        before = "&";
        free(value);
    }
    va_end(args);
    failed |= ferror(out) != 0;
    if (fclose(out) == 0 && !failed)
        return text;
    free(text);
    return NULL;
}

void blob_write_headers(const struct blob_store *store, const char *content_type,
                        struct blob_write_headers *ret_headers)
{
    const struct blob_config *config = store->config;
    *ret_headers = (struct blob_write_headers){.count = BLOB_WRITE_HEADERS};
    snprintf(ret_headers->age, sizeof ret_headers->age, "%" PRId64, config->cache_max_age.ms / 1000);
    const struct kist_http_header items[BLOB_WRITE_HEADERS] = {
        {"x-vercel-blob-access", config->access.index == BLOB_PUBLIC ? "public" : "private"},
        {"x-add-random-suffix", "0"},
        {"x-allow-overwrite", "0"},
        {"x-content-type", content_type ? content_type : "application/octet-stream"},
        {"x-cache-control-max-age", ret_headers->age},
    };
    memcpy(ret_headers->items, items, sizeof items);
}

/* The id is the same whenever the same request is sent, so that the other side can tell. */
static int name_request(const struct blob_store *store, struct blob_try *again, struct kist_error *err)
{
    unsigned char random[8];
    char hex[2 * sizeof random + 1];
    if (*again->id) {
        again->attempt++;
        return 0;
    }
    int rc = store->host->random(store->host, random, sizeof random, err);
    if (rc != 0)
        return rc;
    blob_hex(random, sizeof random, hex);
    snprintf(again->id, sizeof again->id, "%s:%013" PRId64 ":%s", store->id, store->host->now_ms(store->host),
             hex);
    return 0;
}

struct sending {
    struct blob_store *store;
    const struct blob_request *request;
    struct blob_try own;
    char *url, *what, attempt[16];
    struct kist_http_header headers[HEADERS_MAX];
    size_t header_count;
};

static void add(struct sending *s, const char *name, const char *value)
{
    s->headers[s->header_count++] = (struct kist_http_header){name, value};
}

static int prepare(struct sending *s, struct kist_error *err)
{
    const struct blob_request *request = s->request;
    struct blob_try *again = request->again ? request->again : &s->own;
    if (!request->target || asprintf(&s->url, "%s%s", s->store->api, request->target) < 0 ||
        asprintf(&s->what, "%s '%s'", request->verb, request->about) < 0)
        return blob_fail_memory(s->store, err);
    int rc = name_request(s->store, again, err);
    if (rc != 0)
        return rc;
    snprintf(s->attempt, sizeof s->attempt, "%u", again->attempt);
    add(s, "authorization", s->store->authorization);
    add(s, "x-api-version", API_VERSION);
    add(s, "x-vercel-blob-store-id", s->store->id);
    add(s, "x-api-blob-request-id", again->id);
    add(s, "x-api-blob-request-attempt", s->attempt);
    if (request->header_count > HEADERS_MAX - s->header_count)
        return s->store->host->fail(s->store->host, err, KIST_ERR_BUG, "too many headers");
    for (size_t i = 0; i < request->header_count; i++)
        add(s, request->headers[i].name, request->headers[i].value);
    return 0;
}

/* A reply of 2xx that is no JSON object comes from something else than the API: a proxy, a login page. */
static int take(struct sending *s, const struct kist_http_reply *reply, json_t **ret_json, struct kist_error *err)
{
    const struct kist_host *host = s->store->host;
    json_t *json = NULL;
    if (s->request->any_reply)
        return 0;
    int rc = kist_json_load(host, reply->body, reply->size, &json, err);
    if (rc == 0 && json_is_object(json)) {
        *ret_json = json;
        return 0;
    }
    json_decref(json);
    if (rc == KIST_ERR_FAILED)
        return rc;
    char why[160];
    snprintf(why, sizeof why, "%s", rc != 0 && err->message ? err->message : "not a JSON object");
    host->fail(host, err, KIST_ERR_CORRUPT, "cannot %s: the reply is %s%s", s->what,
               reply->size == 0 ? "empty" : "not the API's: ", reply->size == 0 ? "" : why);
    host->hint(host, err, "check 'api_url', and whether a proxy answers in the store's place");
    return KIST_ERR_CORRUPT;
}

static int exchange(struct sending *s, struct kist_http *http, json_t **ret_json, struct kist_error *err)
{
    const struct blob_request *request = s->request;
    struct kist_http_reply reply = {0};
    const struct kist_http_request http_request = {.method = request->method,
                                                   .url = s->url,
                                                   .headers = s->headers,
                                                   .header_count = s->header_count,
                                                   .body = request->body,
                                                   .body_size = request->body_size,
                                                   .reply_limit = BLOB_REPLY_LIMIT,
                                                   .what = s->what};
    int rc = kist_http_send(http, &http_request, &reply, err);
    if (rc != 0)
        return rc;
    if (reply.date_ms > 0)
        s->store->ahead_ms = reply.date_ms - s->store->host->now_ms(s->store->host);
    rc = reply.status >= 200 && reply.status < 300 ? take(s, &reply, ret_json, err)
                                                   : blob_error_fill(s->store, http, &http_request, &reply, err);
    kist_http_reply_done(&reply);
    return rc;
}

int blob_send(struct blob_store *store, struct kist_http *http, const struct blob_request *request,
              json_t **ret_json, struct kist_error *err)
{
    struct sending s = {.store = store, .request = request};
    int rc = prepare(&s, err);
    if (rc == 0)
        rc = exchange(&s, http, ret_json, err);
    free(s.url);
    free(s.what);
    free(request->target);
    return rc;
}
