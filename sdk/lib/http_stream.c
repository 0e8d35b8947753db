/* A reply that is read in pieces. */
#include "http_private.h"

#include <stdlib.h>
#include <string.h>

struct kist_http_stream {
    struct http_exchange exchange;
    struct kist_http *http;
    struct kist_http_stream *next;
};

/* All was sent, so that nothing of the caller's is needed any more, and the reply's headers are here. */
static int is_open(const struct http_exchange *exchange)
{
    return exchange->headers_done && exchange->reply.status < 300 && exchange->body_at == exchange->body_size;
}

static int has_bytes(const struct http_exchange *exchange)
{
    return exchange->target_size > 0 || exchange->spill_size > exchange->spill_at;
}

/* What came before a connection broke is worth having: the fault is told behind it. */
static int has_ended_badly(const struct http_exchange *exchange)
{
    return exchange->fault_code != 0 || (exchange->done && exchange->result != CURLE_OK && !has_bytes(exchange));
}

/* The headers go to the caller; the stream keeps what its messages and its framing need. */
static void hand_over(struct kist_http_stream *stream, struct kist_http_reply *ret_reply)
{
    struct http_exchange *exchange = &stream->exchange;
    int status = exchange->reply.status;
    *ret_reply = exchange->reply;
    exchange->reply = (struct kist_http_reply){.status = status};
    exchange->header_count = exchange->header_space = exchange->reply_space = 0;
    exchange->body = NULL;
    exchange->body_size = exchange->body_at = 0;
}

static int begin(struct kist_http_stream *stream, const struct kist_http_request *request, struct kist_error *err)
{
    struct http_exchange *exchange = &stream->exchange;
    int code = http_exchange_begin(exchange, stream->http, request, err);
    if (code)
        return code;
    exchange->streams = 1;
    exchange->spill = malloc(HTTP_SPILL);
    if (!exchange->spill)
        return http_fail(exchange, err, KIST_ERR_FAILED, "no memory");
    code = http_drive(exchange, is_open, INT64_MAX, err);
    if (!code && (exchange->reply.status >= 300 || !exchange->headers_done || has_ended_badly(exchange)))
        code = http_outcome(exchange, err);
    return code;
}

int kist_http_open(struct kist_http *http, const struct kist_http_request *request,
                   struct kist_http_stream **ret_stream, struct kist_http_reply *ret_reply, struct kist_error *err)
{
    struct kist_http_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return http->host->fail(http->host, err, KIST_ERR_FAILED, "cannot %s: no memory",
                                request->what ? request->what : "send a request");
    stream->http = http;
    stream->next = http->streams;
    http->streams = stream;
    int code = begin(stream, request, err);
    if (code) {
        kist_http_close(stream);
        return code;
    }
    hand_over(stream, ret_reply);
    if (ret_reply->status >= 300) {
        kist_http_close(stream);
        stream = NULL;
    }
    *ret_stream = stream;
    return 0;
}

static size_t take_spilt(struct http_exchange *exchange, char *data, size_t capacity)
{
    size_t have = exchange->spill_size - exchange->spill_at, size = have < capacity ? have : capacity;
    memcpy(data, exchange->spill + exchange->spill_at, size);
    exchange->spill_at += size;
    return size;
}

static int pull(struct http_exchange *exchange, struct kist_error *err)
{
    if (exchange->paused) {
        exchange->paused = 0;
        CURLcode result = curl_easy_pause(exchange->easy, CURLPAUSE_CONT);
        if (result && !exchange->done) {
            exchange->done = 1;
            exchange->result = result;
        }
    }
    int code = has_bytes(exchange) ? 0 : http_drive(exchange, has_bytes, INT64_MAX, err);
    /* What came before a fault is given first; the fault is told by the next call. */
    return code || has_bytes(exchange) ? code : http_outcome(exchange, err);
}

int kist_http_read(struct kist_http_stream *stream, void *data, size_t capacity, size_t *ret_size,
                   struct kist_error *err)
{
    struct http_exchange *exchange = &stream->exchange;
    size_t size = 0;
    if (capacity == 0)
        return http_fail(exchange, err, KIST_ERR_BUG, "there is no room to read into");
    if (exchange->spill_size == exchange->spill_at) {
        exchange->target = data;
        exchange->target_space = capacity;
        exchange->target_size = 0;
        int code = pull(exchange, err);
        size = exchange->target_size;
        exchange->target = NULL;
        exchange->target_space = exchange->target_size = 0;
        if (code)
            return code;
    }
    *ret_size = size > 0 ? size : take_spilt(exchange, data, capacity);
    return 0;
}

void kist_http_close(struct kist_http_stream *stream)
{
    if (!stream)
        return;
    for (struct kist_http_stream **at = &stream->http->streams; *at; at = &(*at)->next)
        if (*at == stream) {
            *at = stream->next;
            break;
        }
    http_exchange_end(&stream->exchange);
    free(stream);
}
