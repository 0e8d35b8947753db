/* http_private.h - an exchange (one request and its reply) on libcurl, shared by the files of this helper. */
#ifndef KIST_SDK_HTTP_PRIVATE_H
#define KIST_SDK_HTTP_PRIVATE_H

#include "http.h"

#include <curl/curl.h>

#define HTTP_HEADERS ((size_t)1000)           /* the most of one reply */
#define HTTP_HEADER_BYTES ((size_t)256 << 10) /* the most of all of them, names and interim replies included */
#define HTTP_REPLY_LIMIT ((size_t)1 << 20)
#define HTTP_SPILL ((size_t)128 << 10) /* of a stream, what came and was not asked for yet */
#define HTTP_RECEIVE_BUFFER 131072L
#define HTTP_SEND_BUFFER 1048576L
#define HTTP_LEAST_SPEED 1024 /* bytes per second */

struct kist_http {
    const struct kist_host *host;
    CURLM *multi; /* keeps the connections */
    char *user_agent, *ca_file;
    int allow_plaintext, no_proxy;
    int64_t connect_ms, idle_ms, total_ms;
    struct kist_http_stream *streams; /* the open ones */
};

struct http_exchange {
    struct kist_http *http;
    char *what, *where; /* for messages; where is HOST or HOST:PORT */
    CURL *easy;
    char said[CURL_ERROR_SIZE]; /* libcurl's own words; they may quote a URL, so they are only looked at */
    struct curl_slist *headers;

    const char *body; /* what is sent; borrowed */
    size_t body_size, body_at;

    struct kist_http_reply reply;
    size_t header_count, header_space, header_bytes; /* names and values count for one each */
    size_t reply_space, reply_limit;
    int is_head, headers_done, any_reply;
    int64_t answered_ms, until_ms; /* when the headers had come; when all has to be over */
    int cut;                       /* more of a text that is only looked at than is kept */
    int has_length, chunked;
    int64_t length;

    int streams; /* the body of a 2xx is read in pieces: to `target` as far as there is room, the rest to `spill` */
    char *target, *spill;
    size_t target_space, target_size, spill_at, spill_size;
    int paused;

    int done; /* libcurl has ended with `result` */
    CURLcode result;
    int fault_code; /* what our own callbacks found wrong, in place of libcurl's result */
    const char *fault;

    int64_t waited_ms, moved; /* since the speed was last looked at; bytes up to then */
};

/* Readies an exchange. On an error it is as after http_exchange_end. */
int http_exchange_begin(struct http_exchange *exchange, struct kist_http *http,
                        const struct kist_http_request *request, struct kist_error *err) KIST_CHECKED;
void http_exchange_end(struct http_exchange *exchange);

/* What is waited for. */
typedef int (*http_until)(const struct http_exchange *exchange);
/* Moves bytes until `until` is true or libcurl is done with this exchange. `deadline` is of the host's monotonic clock. */
int http_drive(struct http_exchange *exchange, http_until until, int64_t deadline,
               struct kist_error *err) KIST_CHECKED;

/* 0 when the exchange has ended as it should, or its error. */
int http_outcome(struct http_exchange *exchange, struct kist_error *err) KIST_CHECKED;
/* "cannot WHAT: ..." */
int http_fail(const struct http_exchange *exchange, struct kist_error *err, int code, const char *format, ...)
    KIST_PRINTF(4, 5);

/* The callbacks of libcurl. */
size_t http_take_header(char *data, size_t one, size_t size, void *arg);
size_t http_take_body(char *data, size_t one, size_t size, void *arg);
size_t http_give_body(char *data, size_t one, size_t size, void *arg);
int http_rewind(void *arg, curl_off_t offset, int origin);
/* 1: the callback has to end the transfer. */
int http_set_fault(struct http_exchange *exchange, int code, const char *fault);

/* Sets all options of `exchange->easy` for `request`. */
int http_request_apply(struct http_exchange *exchange, const struct kist_http_request *request,
                       struct kist_error *err) KIST_CHECKED;

/* The host of a URL as it is shown, with its port when it names one. New, or NULL. */
char *http_url_host(const char *url);
int http_url_is_loopback(const char *url);

/* What a server said, made fit for one line of a message: printable, without what `request` sent as credentials, short.
 * New; NULL without memory. */
char *http_quote(const struct kist_http_request *request, const char *text, size_t size);

#endif
