#include "http_private.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 15000
#define IDLE_MS 60000
#define BODY_MS 2000 /* that the body of any_reply may take */
#define HURRY_MS 50

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode ready;

static void start_curl(void)
{
    ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int copy_setup(struct kist_http *http, const struct kist_http_setup *setup)
{
    http->allow_plaintext = setup->allow_plaintext;
    http->no_proxy = setup->no_proxy;
    http->connect_ms = setup->connect_ms > 0 ? setup->connect_ms : CONNECT_MS;
    http->idle_ms = setup->idle_ms > 0 ? setup->idle_ms : IDLE_MS;
    http->total_ms = setup->total_ms > 0 ? setup->total_ms : 0;
    http->user_agent = strdup(setup->user_agent ? setup->user_agent : "kist");
    http->ca_file = setup->ca_file ? strdup(setup->ca_file) : NULL;
    return http->user_agent && (http->ca_file || !setup->ca_file);
}

int kist_http_new(const struct kist_host *host, const struct kist_http_setup *setup, struct kist_http **ret_http,
                  struct kist_error *err)
{
    pthread_once(&once, start_curl);
    struct kist_http *http = calloc(1, sizeof *http);
    if (!http || ready != CURLE_OK || !copy_setup(http, setup) || !(http->multi = curl_multi_init())) {
        kist_http_free(http);
        return host->fail(host, err, KIST_ERR_FAILED, "cannot start HTTP: no memory");
    }
    http->host = host;
    /* Several requests on one connection would let a stream that nobody reads hold up the others. */
    curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    *ret_http = http;
    return 0;
}

void kist_http_free(struct kist_http *http)
{
    if (!http)
        return;
    while (http->streams)
        kist_http_close(http->streams);
    curl_multi_cleanup(http->multi);
    free(http->user_agent);
    free(http->ca_file);
    free(http);
}

/* Before libcurl is done with it: where the status says it all, a body that does not end is not waited for. */
static int is_answered(const struct http_exchange *exchange)
{
    const struct kist_host *host = exchange->http->host;
    if (!exchange->any_reply || !exchange->headers_done)
        return 0;
    int64_t now = host->monotonic_ms(host);
    return now - exchange->answered_ms >= BODY_MS || now >= exchange->until_ms - HURRY_MS;
}

int kist_http_send(struct kist_http *http, const struct kist_http_request *request,
                   struct kist_http_reply *ret_reply, struct kist_error *err)
{
    struct http_exchange exchange;
    int64_t deadline = http->total_ms > 0 ? http->host->monotonic_ms(http->host) + http->total_ms : INT64_MAX;
    int code = http_exchange_begin(&exchange, http, request, err);
    if (code)
        return code;
    exchange.until_ms = deadline;
    code = http_drive(&exchange, is_answered, deadline, err);
    if (!code)
        code = http_outcome(&exchange, err);
    if (!code) {
        *ret_reply = exchange.reply;
        exchange.reply = (struct kist_http_reply){.status = 0};
    }
    http_exchange_end(&exchange);
    return code;
}
