/* aws_fake_http.h - stands in for the http helper: answers from a list, and keeps what was asked. */
#ifndef KIST_TEST_AWS_FAKE_HTTP_H
#define KIST_TEST_AWS_FAKE_HTTP_H

#include "aws_tools.h"

#include <ctype.h>

/* What is to be asked next, and the answer. */
struct exchange {
    const char *method, *url;
    int status; /* 0: `code` is the result */
    const char *body;
    int code;
    int64_t date_ms;
};

struct kist_http {
    const struct kist_host *host;
    struct kist_http_setup setup;
};

static const struct exchange *exchanges;
static size_t exchange_count, exchange_next;
static int open_https;
/* The last requests as text: "METHOD url\nheader: value\n...\nbody", with a line "proxy" or "no proxy" in front. */
static char asked[8][4096];

static inline void expect_exchanges(const struct exchange *list, size_t count)
{
    exchanges = list;
    exchange_count = count;
    exchange_next = 0;
    memset(asked, 0, sizeof asked);
}

int kist_http_new(const struct kist_host *host, const struct kist_http_setup *with, struct kist_http **ret_http,
                  struct kist_error *err)
{
    (void)err;
    *ret_http = calloc(1, sizeof **ret_http);
    assert_non_null(*ret_http);
    (*ret_http)->host = host;
    (*ret_http)->setup = *with;
    open_https++;
    return 0;
}

void kist_http_free(struct kist_http *http)
{
    open_https -= http != NULL;
    free(http);
}

static inline void keep_request(const struct kist_http *http, const struct kist_http_request *request, char *text,
                                size_t size)
{
    int length = snprintf(text, size, "%s\n%s %s\n", http->setup.no_proxy ? "no proxy" : "proxy", request->method,
                          request->url);
    for (size_t i = 0; i < request->header_count; i++)
        length += snprintf(text + length, size - (size_t)length, "%s: %s\n", request->headers[i].name,
                           request->headers[i].value);
    snprintf(text + length, size - (size_t)length, "\n%.*s", (int)request->body_size,
             request->body ? (const char *)request->body : "");
}

int kist_http_send(struct kist_http *http, const struct kist_http_request *request,
                   struct kist_http_reply *ret_reply, struct kist_error *err)
{
    if (exchange_next == exchange_count)
        fail_msg("not expected: %s %s", request->method, request->url);
    const struct exchange *each = &exchanges[exchange_next];
    assert_string_equal(request->method, each->method);
    assert_string_equal(request->url, each->url);
    assert_true(exchange_next < 8);
    keep_request(http, request, asked[exchange_next++], sizeof asked[0]);
    if (each->status == 0)
        return (http->host->fail)(http->host, err, each->code, "cannot %s: no answer", request->what);
    *ret_reply = (struct kist_http_reply){.status = each->status,
                                          .body = strdup(each->body ? each->body : ""),
                                          .size = each->body ? strlen(each->body) : 0,
                                          .date_ms = each->date_ms};
    return 0;
}

void kist_http_reply_done(struct kist_http_reply *reply)
{
    free(reply->body);
    *reply = (struct kist_http_reply){.status = 0};
}

int kist_http_fail(struct kist_http *http, const struct kist_http_request *request,
                   const struct kist_http_reply *reply, const char *said, struct kist_error *err)
{
    int code = reply->status >= 500   ? KIST_ERR_UNAVAILABLE
               : reply->status == 403 ? KIST_ERR_AUTH
                                      : KIST_ERR_FAILED;
    return (http->host->fail)(http->host, err, code, "cannot %s: status %d: %s", request->what, reply->status,
                              said ? said : reply->body);
}

char *kist_http_encode(const char *text, int keep_slash)
{
    char *encoded = malloc(strlen(text) * 3 + 1), *out = encoded;
    for (; *text; text++)
        if (isalnum((unsigned char)*text) || strchr("-_.~", *text) || (keep_slash && *text == '/'))
            *out++ = *text;
        else
            out += sprintf(out, "%%%02X", (unsigned char)*text);
    *out = '\0';
    return encoded;
}

#endif
