/* client.c - requests. */
#include "neon.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_LIMIT ((size_t)32 << 20) /* a page of branches may be long */
#define REQUEST_MS 30000
#define FIRST_MS 500 /* the longest wait before the second try */

void neon_wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

int neon_fail_memory(const struct kist_host *host, struct kist_error *err)
{
    return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
}

void neon_api_start(struct neon_api *api)
{
    api->started_ms = api->host->now_ms(api->host);
    api->deadline_ms = api->host->monotonic_ms(api->host) + api->limit_ms;
}

int64_t neon_api_limit(struct neon_api *api, int64_t most_ms)
{
    const int64_t limit = api->limit_ms;
    if (most_ms < limit) {
        api->limit_ms = most_ms;
        neon_api_start(api);
    }
    return limit;
}

int64_t neon_api_left(const struct neon_api *api)
{
    int64_t left = api->deadline_ms - api->host->monotonic_ms(api->host);
    return left > 0 ? left : 1;
}

static int new_client(const struct neon_api *api, struct kist_http **ret_http, struct kist_error *err)
{
    const struct kist_http_setup setup = {.user_agent = "kist/" KIST_VERSION,
                                          .total_ms = api->limit_ms < REQUEST_MS ? api->limit_ms : REQUEST_MS};
    return kist_http_new(api->host, &setup, ret_http, err);
}

int neon_api_init(struct neon_api *api, struct neon_source *source, const struct kist_host *host, int64_t limit_ms,
                  struct kist_error *err)
{
    const struct neon_config *config = source->config;
    size_t size = strlen(config->api_url);
    while (size > 0 && config->api_url[size - 1] == '/')
        size--;
    *api = (struct neon_api){.source = source, .host = host, .config = config, .limit_ms = limit_ms};
    if (asprintf(&api->base, "%.*s/projects/%s", (int)size, config->api_url, config->project) < 0)
        api->base = NULL;
    if (asprintf(&api->authorization, "Bearer %s", config->api_key.reveal) < 0)
        api->authorization = NULL;
    if (!api->base || !api->authorization)
        return neon_fail_memory(host, err);
    neon_api_start(api);
    return new_client(api, &api->http, err);
}

void neon_api_done(struct neon_api *api)
{
    kist_http_free(api->http);
    free(api->base);
    neon_wipe(api->authorization);
    *api = (struct neon_api){.host = NULL};
}

char *neon_path(const char *head, const char *id, const char *tail, ...)
{
    char *text = NULL;
    size_t size = 0;
    int failed = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    va_list args;
    va_start(args, tail);
    fprintf(out, "%s%s%s", head, id ? id : "", tail);
    const char *before = "?";
    for (const char *name = va_arg(args, const char *); name; name = va_arg(args, const char *)) {
        const char *plain = va_arg(args, const char *);
        char *value = plain ? kist_http_encode(plain, 0) : NULL;
        failed |= plain && !value;
        if (value)
            fprintf(out, "%s%s=%s", before, name, value);
        before = value ? "&" : before;
        free(value);
    }
    va_end(args);
    failed |= ferror(out) != 0;
    if (fclose(out) == 0 && !failed)
        return text;
    free(text);
    return NULL;
}

/* What is sent, in the form that can be sent again. */
struct sending {
    struct neon_api *api;
    const struct neon_request *request;
    char *url, *body;
    struct kist_http *http;
    int unsure; /* the last one may have been acted on, and it is not known whether */
};

/* A reply of 2xx that is no JSON object comes from something else than the API: a proxy, a login page. */
static int take(struct sending *s, const struct kist_http_reply *reply, json_t **ret_json, struct kist_error *err)
{
    const struct kist_host *host = s->api->host;
    json_t *json = NULL;
    struct kist_error own = KIST_FAULT_INIT;
    int rc = reply->size > 0 ? kist_json_load(host, reply->body, reply->size, &json, &own) : 0;
    if (rc == 0 && !json)
        json = json_object();
    if (rc == 0 && json_is_object(json)) {
        if (ret_json)
            *ret_json = json;
        else
            json_decref(json);
        return 0;
    }
    json_decref(json);
    s->unsure = 1;
    if (rc == 0 || rc == KIST_ERR_CORRUPT) {
        host->fail(host, err, rc = KIST_ERR_CORRUPT, "cannot %s: the reply is not Neon's: %s", s->request->what,
                   own.message ? own.message : "not a JSON object");
        host->hint(host, err, "check 'api_url', and whether a proxy answers in Neon's place");
    } else {
        kist_fault_repeat(host, &own, err);
    }
    kist_fault_clear(&own);
    return rc;
}

/* 423 and 429 say that nothing was done. So should 503, but whatever stands in between says that, too. */
static int is_unsure(int status)
{
    return status == 408 || (status >= 500 && status != 501);
}

/* A UUID, by which Neon's support finds the request. Without random numbers it is always the same, which harms nobody. */
static void name_request(const struct kist_host *host, char ret_id[NEON_REQUEST_SIZE])
{
    struct kist_error ignored = KIST_FAULT_INIT;
    unsigned char b[16] = {0};
    if (host->random(host, b, sizeof b, &ignored) != 0)
        kist_fault_clear(&ignored);
    b[6] = (unsigned char)((b[6] & 0x0fU) | 0x40U);
    b[8] = (unsigned char)((b[8] & 0x3fU) | 0x80U);
    snprintf(ret_id, NEON_REQUEST_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static int exchange(struct sending *s, json_t **ret_json, struct kist_error *err)
{
    struct neon_api *api = s->api;
    char id[NEON_REQUEST_SIZE];
    name_request(api->host, id);
    const struct kist_http_header headers[] = {{"authorization", api->authorization},
                                               {"accept", "application/json"},
                                               {"x-request-id", id},
                                               {"content-type", "application/json"}};
    const struct kist_http_request request = {.method = s->request->method,
                                              .url = s->url,
                                              .headers = headers,
                                              .header_count = s->body ? 4 : 3,
                                              .body = s->body,
                                              .body_size = s->body ? strlen(s->body) : 0,
                                              .reply_limit = REPLY_LIMIT,
                                              .what = s->request->what};
    struct kist_http_reply reply = {0};
    int rc = kist_http_send(s->http, &request, &reply, err);
    s->unsure = rc != 0 && rc != KIST_ERR_CONFIG && rc != KIST_ERR_BUG;
    if (rc != 0)
        return rc;
    if (reply.status >= 200 && reply.status < 300) {
        rc = take(s, &reply, ret_json, err);
    } else {
        s->unsure = is_unsure(reply.status);
        rc = neon_error_fill(api, s->http, s->request, &request, &reply, id, err);
    }
    kist_http_reply_done(&reply);
    return rc;
}

/* What has no body may be sent twice over a connection that was kept, so that has one of its own where twice is too often. */
static int connect_apart(struct sending *s, struct kist_error *err)
{
    s->http = s->api->http;
    if (s->request->body || s->request->repeatable || strcmp(s->request->method, "GET") == 0)
        return 0;
    return new_client(s->api, &s->http, err);
}

static int prepare(struct sending *s, struct kist_error *err)
{
    const struct neon_request *request = s->request;
    if (request->body)
        s->body = json_dumps(request->body, JSON_COMPACT);
    if (!request->path || (request->body && !s->body) ||
        asprintf(&s->url, "%s%s", s->api->base, request->path) < 0) {
        s->url = NULL;
        return neon_fail_memory(s->api->host, err);
    }
    return 0;
}

/* Whoever asks often wants to try again soon, too. */
static int64_t first_delay(const struct neon_api *api)
{
    const int64_t poll = api->config->poll.ms;
    return poll < FIRST_MS ? poll : FIRST_MS;
}

int neon_call(struct neon_api *api, struct neon_request request, json_t **ret_json, int *ret_unsure,
              struct kist_error *err)
{
    struct sending s = {.api = api, .request = &request};
    struct kist_again again = kist_again_begin(api->host, neon_api_left(api));
    const int repeatable = request.repeatable || strcmp(request.method, "GET") == 0;
    again.delay_ms = first_delay(api);
    int rc = prepare(&s, err), unsure = 0;
    if (rc == 0)
        do {
            rc = connect_apart(&s, err);
            if (rc == 0)
                rc = exchange(&s, ret_json, err);
            unsure |= rc != 0 && s.unsure;
            if (s.http != api->http)
                kist_http_free(s.http);
        } while (rc != 0 && (repeatable || !unsure) && kist_again(&again, err));
    if (ret_unsure)
        *ret_unsure = rc != 0 && unsure;
    free(s.url);
    free(s.body);
    free(request.path);
    json_decref(request.body);
    return rc != 0 && err->code ? err->code : rc;
}
