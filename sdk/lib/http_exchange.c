/* The life of an exchange, and the loop that moves its bytes. */
#include "http_private.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define LONGEST_NAP_MS 1000

int http_exchange_begin(struct http_exchange *exchange, struct kist_http *http,
                        const struct kist_http_request *request, struct kist_error *err)
{
    *exchange = (struct http_exchange){
        .http = http,
        .body = request->body,
        .body_size = request->body_size,
        .reply_limit = request->reply_limit ? request->reply_limit : HTTP_REPLY_LIMIT,
        .any_reply = request->any_reply,
    };
    const struct kist_host *host = http->host;
    int code = kist_http_check_url(host, request->url, http->allow_plaintext, err);
    if (code)
        return code;
    exchange->what = strdup(request->what ? request->what : "send a request");
    exchange->where = http_url_host(request->url);
    exchange->easy = curl_easy_init();
    exchange->reply.body = calloc(1, 1);
    exchange->reply.headers = calloc(1, sizeof *exchange->reply.headers);
    if (!exchange->what || !exchange->where || !exchange->easy || !exchange->reply.body ||
        !exchange->reply.headers)
        code = host->fail(host, err, KIST_ERR_FAILED, "cannot %s: no memory",
                          request->what ? request->what : "send a request");
    if (!code)
        code = http_request_apply(exchange, request, err);
    if (!code && curl_multi_add_handle(http->multi, exchange->easy) != CURLM_OK)
        code = http_fail(exchange, err, KIST_ERR_FAILED, "no memory");
    if (code)
        http_exchange_end(exchange);
    return code;
}

void http_exchange_end(struct http_exchange *exchange)
{
    if (exchange->easy) {
        /* One that was never added is refused, and that does no harm. */
        curl_multi_remove_handle(exchange->http->multi, exchange->easy);
        curl_easy_cleanup(exchange->easy);
    }
    curl_slist_free_all(exchange->headers);
    kist_http_reply_done(&exchange->reply);
    free(exchange->spill);
    free(exchange->what);
    free(exchange->where);
    *exchange = (struct http_exchange){.done = 1};
}

/* Bytes that have come or that the other side has acknowledged. What only waits in the kernel to be sent has not moved. */
static int64_t bytes_moved(const struct http_exchange *exchange)
{
    curl_off_t up = 0, down = 0;
    long header = 0;
    curl_socket_t fd = CURL_SOCKET_BAD;
    int queued = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    curl_easy_getinfo(exchange->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    curl_easy_getinfo(exchange->easy, CURLINFO_HEADER_SIZE, &header);
    if (up > 0 && curl_easy_getinfo(exchange->easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK &&
        fd != CURL_SOCKET_BAD && ioctl(fd, SIOCOUTQ, &queued) != 0)
        queued = 0;
    return (int64_t)up - queued + (int64_t)down + header;
}

static int is_connected(const struct http_exchange *exchange)
{
    curl_off_t since = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_PRETRANSFER_TIME_T, &since);
    return since > 0;
}

/* Has it been too slow for too long? Only time spent waiting here counts: a caller may be slow with a stream. */
static int is_idle(struct http_exchange *exchange, int64_t waited_ms)
{
    int64_t limit = exchange->http->idle_ms;
    if (!is_connected(exchange))
        return 0; /* connecting has a limit of its own */
    exchange->waited_ms += waited_ms;
    if (exchange->waited_ms < limit)
        return 0;
    int64_t moved = bytes_moved(exchange), gained = moved - exchange->moved;
    int64_t least = HTTP_LEAST_SPEED * (limit / 1000) + HTTP_LEAST_SPEED * (limit % 1000) / 1000;
    exchange->moved = moved;
    exchange->waited_ms = 0;
    return gained < least;
}

/* Takes note of every exchange that libcurl is done with; there are others where streams are open. */
static void collect_ended(struct kist_http *http)
{
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(http->multi, &left)) != NULL;) {
        struct http_exchange *ended = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&ended);
        if (ended) {
            ended->done = 1;
            ended->result = result;
        }
    }
}

static int64_t nap_ms(const struct http_exchange *exchange, int64_t left)
{
    int64_t nap = exchange->http->idle_ms - exchange->waited_ms;
    if (nap > left)
        nap = left;
    return nap > LONGEST_NAP_MS ? LONGEST_NAP_MS : nap < 1 ? 1 : nap;
}

int http_drive(struct http_exchange *exchange, http_until until, int64_t deadline, struct kist_error *err)
{
    const struct kist_host *host = exchange->http->host;
    CURLM *multi = exchange->http->multi;
    struct curl_waitfd cancel = {.fd = host->cancel_fd(host), .events = CURL_WAIT_POLLIN};
    int64_t before = host->monotonic_ms(host);
    for (;;) {
        int running = 0;
        if (host->cancelled(host))
            return http_fail(exchange, err, KIST_ERR_CANCELLED, "stopped on request");
        CURLMcode wrong = curl_multi_perform(multi, &running);
        collect_ended(exchange->http);
        if (!wrong && (exchange->done || until(exchange)))
            return 0;
        int64_t now = host->monotonic_ms(host);
        if (now >= deadline)
            return http_fail(exchange, err, KIST_ERR_TIMEOUT, "%s took longer than %lld s", exchange->where,
                             (long long)((exchange->http->total_ms + 999) / 1000));
        if (is_idle(exchange, now - before))
            return http_fail(exchange, err, KIST_ERR_TIMEOUT, "%s was too slow for %lld s", exchange->where,
                             (long long)((exchange->http->idle_ms + 999) / 1000));
        before = now;
        if (!wrong)
            wrong = curl_multi_poll(multi, &cancel, cancel.fd >= 0, (int)nap_ms(exchange, deadline - now), NULL);
        if (wrong)
            return http_fail(exchange, err, KIST_ERR_FAILED, "libcurl: %s", curl_multi_strerror(wrong));
    }
}
