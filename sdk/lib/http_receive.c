/* What libcurl calls as bytes come and go. Nothing that a server says is believed before it was looked at here. */
#include "http_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int http_set_fault(struct http_exchange *exchange, int code, const char *fault)
{
    exchange->fault_code = code;
    exchange->fault = fault;
    return 1;
}

static int corrupt(struct http_exchange *exchange, const char *fault)
{
    return http_set_fault(exchange, KIST_ERR_CORRUPT, fault);
}

/* ---- headers ---- */

static void forget_headers(struct http_exchange *exchange)
{
    for (size_t i = 0; i < exchange->header_count; i++)
        free(exchange->reply.headers[i]);
    exchange->header_count = 0;
    exchange->reply.headers[0] = NULL;
    exchange->has_length = exchange->chunked = 0;
}

static int note_length(struct http_exchange *exchange, const char *value)
{
    int64_t length = 0;
    const char *at = value;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(length, (int64_t)10, &length) ||
            __builtin_add_overflow(length, (int64_t)(*at - '0'), &length))
            return corrupt(exchange, "a senseless length");
    if (*at || at == value)
        return corrupt(exchange, "a senseless length");
    if (exchange->has_length && exchange->length != length)
        return corrupt(exchange, "two different lengths");
    exchange->has_length = 1;
    exchange->length = length;
    return 0;
}

static int note_framing(struct http_exchange *exchange, const char *name, const char *value)
{
    int wrong = 0;
    if (strcmp(name, "content-length") == 0)
        wrong = note_length(exchange, value);
    else if (strcmp(name, "transfer-encoding") == 0) {
        if (strcasecmp(value, "chunked") != 0 || exchange->chunked)
            wrong = corrupt(exchange, "an encoding that nobody asked for");
        exchange->chunked = 1;
    }
    if (!wrong && exchange->chunked && exchange->has_length)
        wrong = corrupt(exchange, "a length and chunks as well");
    return wrong;
}

static int keep_header(struct http_exchange *exchange, char *name, char *value)
{
    if (exchange->header_count + 3 > exchange->header_space) {
        size_t space = exchange->header_space * 2 + 32;
        char **more = realloc(exchange->reply.headers, space * sizeof *more);
        if (!more)
            return 0;
        exchange->reply.headers = more;
        exchange->header_space = space;
    }
    char **slots = exchange->reply.headers + exchange->header_count;
    slots[0] = name;
    slots[1] = value;
    slots[2] = NULL;
    exchange->header_count += 2;
    return 1;
}

static int add_header(struct http_exchange *exchange, const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size);
    if (!colon || colon == line)
        return corrupt(exchange, "a header that is none");
    const char *value = colon + 1, *end = line + size;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    for (const char *at = line; at < end; at++)
        if (((unsigned char)*at < 0x20 && *at != '\t') || *at == 0x7f ||
            (at < colon && isspace((unsigned char)*at)))
            return corrupt(exchange, "a header with a control character in it");
    char *name = strndup(line, (size_t)(colon - line)), *text = strndup(value, (size_t)(end - value));
    for (char *at = name; at && *at; at++)
        *at = (char)tolower((unsigned char)*at);
    if (!name || !text || !keep_header(exchange, name, text)) {
        free(name);
        free(text);
        return http_set_fault(exchange, KIST_ERR_FAILED, "no memory");
    }
    return note_framing(exchange, name, text);
}

static void note_times(struct http_exchange *exchange)
{
    const struct kist_host *host = exchange->http->host;
    const char *wait = kist_http_header_of(&exchange->reply, "retry-after");
    const char *date = kist_http_header_of(&exchange->reply, "date");
    int64_t at = date ? kist_http_date(date) : -1;
    exchange->reply.date_ms = at > 0 ? at : 0;
    exchange->reply.retry_after_ms = wait ? kist_http_retry_after(wait, host->now_ms(host)) : 0;
}

static int has_no_body(const struct http_exchange *exchange)
{
    int status = exchange->reply.status;
    return exchange->is_head || status == 204 || status == 304;
}

/* The empty line: from here on comes the body, unless this was an interim reply. */
static int end_headers(struct http_exchange *exchange)
{
    long status = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return status < 100 || status == 101 ? corrupt(exchange, "another protocol than HTTP") : 0;
    exchange->reply.status = (int)status;
    exchange->headers_done = 1;
    exchange->answered_ms = exchange->http->host->monotonic_ms(exchange->http->host);
    note_times(exchange);
    /* Without either the end of a body is where the connection breaks, so nobody could tell that it is whole. An error's
     * text may be cut off; it is only shown. */
    if (status < 300 && !has_no_body(exchange) && !exchange->any_reply && !exchange->has_length &&
        !exchange->chunked)
        return corrupt(exchange, "no length, so that nobody could tell whether it is whole");
    return 0;
}

static int take_line(struct http_exchange *exchange, const char *line, size_t size)
{
    exchange->header_bytes += size;
    if (exchange->header_bytes > HTTP_HEADER_BYTES || exchange->header_count / 2 >= HTTP_HEADERS)
        return corrupt(exchange, "more headers than are taken");
    while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
        size--;
    if (size == 0)
        return end_headers(exchange);
    if (size >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
        forget_headers(exchange);
        return 0;
    }
    return add_header(exchange, line, size);
}

size_t http_take_header(char *data, size_t one, size_t size, void *arg)
{
    struct http_exchange *exchange = arg;
    (void)one;
    if (exchange->headers_done) { /* a trailer */
        exchange->header_bytes += size;
        return exchange->header_bytes > HTTP_HEADER_BYTES && corrupt(exchange, "more trailers than are taken")
                   ? 0
                   : size;
    }
    return take_line(exchange, data, size) ? 0 : size;
}

/* ---- the body that comes ---- */

static int grow(struct http_exchange *exchange, size_t size)
{
    if (size < exchange->reply_space)
        return 1;
    size_t space = exchange->reply_space * 2 > size + 1 ? exchange->reply_space * 2 : size + 1;
    char *body = realloc(exchange->reply.body, space);
    if (!body)
        return 0;
    exchange->reply.body = body;
    exchange->reply_space = space;
    return 1;
}

static size_t keep_body(struct http_exchange *exchange, const char *data, size_t size)
{
    struct kist_http_reply *reply = &exchange->reply;
    size_t room = exchange->reply_limit - reply->size, taken = size < room ? size : room;
    if (size > room && reply->status < 300 && !exchange->any_reply) {
        corrupt(exchange, "a larger body than is taken");
        return 0;
    }
    if (!grow(exchange, reply->size + taken)) {
        http_set_fault(exchange, KIST_ERR_FAILED, "no memory");
        return 0;
    }
    memcpy(reply->body + reply->size, data, taken);
    reply->size += taken;
    reply->body[reply->size] = '\0';
    exchange->cut = taken < size;
    return taken;
}

static size_t pass_on(struct http_exchange *exchange, const char *data, size_t size)
{
    size_t room = exchange->target_space - exchange->target_size, first = size < room ? size : room;
    if (exchange->spill_at == exchange->spill_size)
        exchange->spill_at = exchange->spill_size = 0;
    if (exchange->spill_size > 0)
        first = 0; /* what came before goes first */
    if (size - first > HTTP_SPILL - exchange->spill_size) {
        exchange->paused = 1;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (first > 0)
        memcpy(exchange->target + exchange->target_size, data, first);
    exchange->target_size += first;
    if (size > first)
        memcpy(exchange->spill + exchange->spill_size, data + first, size - first);
    exchange->spill_size += size - first;
    return size;
}

size_t http_take_body(char *data, size_t one, size_t size, void *arg)
{
    struct http_exchange *exchange = arg;
    (void)one;
    if (exchange->streams && exchange->reply.status < 300)
        return pass_on(exchange, data, size);
    return keep_body(exchange, data, size);
}

/* ---- the body that goes ---- */

size_t http_give_body(char *data, size_t one, size_t size, void *arg)
{
    struct http_exchange *exchange = arg;
    size_t left = exchange->body_size - exchange->body_at, given = size * one < left ? size * one : left;
    if (given > 0)
        memcpy(data, exchange->body + exchange->body_at, given);
    exchange->body_at += given;
    return given;
}

/* libcurl wants to go back to send it all again, on a new connection after a kept one was lost. The server may have acted
 * on what it got, so that is the caller's to decide. */
int http_rewind(void *arg, curl_off_t offset, int origin)
{
    struct http_exchange *exchange = arg;
    return origin == SEEK_SET && offset == 0 && exchange->body_at == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}
