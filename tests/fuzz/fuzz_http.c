/* Any text as a date, as a wait, as something to encode; and as the lines and the body of a reply, as libcurl hands them on:
 * no crash, and whatever is kept or quoted is within its bounds. */
#include "http_private.h"
#include "test_host.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
    if (!truth)
        abort();
}

static void check_text(const char *text)
{
    int64_t wait = kist_http_retry_after(text, 1000000000000), date = kist_http_date(text);
    expect(wait >= 0 && wait <= 86400000);
    expect(date >= -1 && date <= INT64_C(253402300799000));
    char *encoded = kist_http_encode(text, 1);
    expect(!encoded || strspn(encoded, "%/-_.~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") ==
                           strlen(encoded));
    free(encoded);
    free(http_url_host(text));
}

static void check_quote(const char *text, size_t size)
{
    const struct kist_http_header headers[] = {{"Authorization", text}, {"x-token", "a-token-of-some-length"}};
    const struct kist_http_request request = {.url = text, .headers = headers, .header_count = 2};
    char *quote = http_quote(&request, text, size);
    expect(!quote || strlen(quote) <= 300);
    for (const unsigned char *at = (unsigned char *)quote; at && *at; at++)
        expect(*at >= 0x20 && *at != 0x7f);
    free(quote);
}

/* The lines of the input as headers, until one is refused or they end; what is left as the body. */
static void check_reply(struct http_exchange *exchange, char *text, size_t size)
{
    size_t at = 0;
    while (at < size && !exchange->headers_done) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t line = end ? (size_t)(end - (text + at)) + 1 : size - at;
        if (http_take_header(text + at, 1, line, exchange) != line)
            break;
        at += line;
    }
    expect(exchange->header_count <= 2 * HTTP_HEADERS);
    if (!exchange->fault && at < size)
        http_take_body(text + at, 1, size - at, exchange);
    expect(exchange->reply.size <= exchange->reply_limit && exchange->reply.body[exchange->reply.size] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kist_test_host test;
    static struct kist_http http;
    if (!test.host.core && kist_test_host_init(&test) != 0)
        abort();
    http.host = &test.host;
    char *text = malloc(size + 1);
    expect(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    check_text(text);
    check_quote(text, size);
    struct http_exchange exchange = {.http = &http, .easy = curl_easy_init(), .reply_limit = 64};
    exchange.reply.body = calloc(1, 1);
    exchange.reply.headers = calloc(1, sizeof *exchange.reply.headers);
    expect(exchange.easy && exchange.reply.body && exchange.reply.headers);
    check_reply(&exchange, text, size);
    http_exchange_end(&exchange);
    free(text);
    return 0;
}
