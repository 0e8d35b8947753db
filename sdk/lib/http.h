/*
 * http.h - HTTP for plugins, by libcurl: connections that are kept, TLS that is verified, replies that are bounded.
 *
 * What it never does: follow a redirect, send to another scheme than https (or http where it is allowed), send a header
 * with a control character in it, take a body, header or wait that is larger than it should be, read netrc or cookies, or
 * try again: waiting and trying again are the core's. Every wait ends when host->cancelled() does.
 *
 * One kist_http serves one thread at a time. A plugin that sends from several threads makes one for each.
 */
#ifndef KIST_SDK_HTTP_H
#define KIST_SDK_HTTP_H

#include <kist/plugin.h>

struct kist_http;
struct kist_http_stream;

struct kist_http_setup {
    const char *user_agent; /* NULL: "kist" */
    int allow_plaintext;    /* http:// to any host; loopback addresses (127.0.0.0/8, ::1, localhost) always may */
    int no_proxy;           /* 1: ignore http_proxy and its like (metadata services) */
    const char *ca_file;    /* PEM, in place of the system's; or NULL */
    int64_t connect_ms;     /* to connect, TLS included; 0: 15 s */
    int64_t idle_ms;        /* without 1 KiB/s in either direction; 0: 60 s */
    int64_t total_ms;       /* for a whole kist_http_send; 0: no limit but idle_ms */
};

/* A header to send. The value may not hold control characters: KIST_ERR_CONFIG. Content-Length, Transfer-Encoding and
 * Expect are not the caller's to send: KIST_ERR_BUG. */
struct kist_http_header {
    const char *name, *value;
};

struct kist_http_request {
    const char *method; /* "GET", "PUT", ... */
    const char *url;    /* sent exactly as it stands: percent-encoded by the caller (kist_http_encode) */
    const struct kist_http_header *headers;
    size_t header_count;
    const void *body; /* borrowed until the call returns */
    size_t body_size;
    size_t reply_limit; /* bytes of body taken; 0: 1 MiB. A larger one is KIST_ERR_CORRUPT, an error's is cut */
    int any_reply; /* 1: the status says it all. A 2xx may be of any length and not say it; its body is cut, too, and
                    * waited for no longer than 2 s */
    const char *what; /* for messages: "cannot WHAT", e.g. "list 's3://bucket/prefix'" */
};

/* A reply, whatever its status. Freed by kist_http_reply_done. */
struct kist_http_reply {
    int status;
    char *body; /* with a zero behind it; never NULL after a success */
    size_t size;
    char **headers; /* "name", "value", "name", "value", ..., NULL; names in lower case; trailers are left out */
    int64_t
        retry_after_ms; /* what Retry-After says, as a date or as seconds, 0 to one day; 0 when absent or senseless */
    int64_t date_ms;    /* what Date says, since 1970; 0 when absent or senseless */
};

int kist_http_new(const struct kist_host *host, const struct kist_http_setup *setup, struct kist_http **ret_http,
                  struct kist_error *err) KIST_CHECKED;
void kist_http_free(struct kist_http *http); /* NULL is fine; its streams are closed */

/* Sends a request and takes the whole reply. 0 also for a status of 300 and more: that is the caller's to judge. Fails with
 * UNAVAILABLE (no connection, broken off), TIMEOUT, CANCELLED, CORRUPT (not HTTP, too large, or a 2xx that does not say
 * how long it is), AUTH (a certificate that cannot be verified, no TLS 1.2), CONFIG (a malformed address, plaintext where
 * it is not allowed). The first two are retryable. After an error it is not known whether the server acted on the
 * request. A body is never sent twice; a request without one may be, when a kept connection turned out to be closed. */
int kist_http_send(struct kist_http *http, const struct kist_http_request *request,
                   struct kist_http_reply *ret_reply, struct kist_error *err) KIST_CHECKED;

/* The same for a reply whose body is read in pieces. `ret_reply` has status and headers; its body only when the status is
 * not 2xx: then `ret_stream` is NULL. */
int kist_http_open(struct kist_http *http, const struct kist_http_request *request,
                   struct kist_http_stream **ret_stream, struct kist_http_reply *ret_reply,
                   struct kist_error *err) KIST_CHECKED;
/* Gives 1 to `capacity` bytes, or 0 at the end, which is said only of a body that is as long as its Content-Length (or
 * whose last chunk came). A reply with neither is KIST_ERR_CORRUPT: nobody can tell whether it is whole. */
int kist_http_read(struct kist_http_stream *stream, void *data, size_t capacity, size_t *ret_size,
                   struct kist_error *err) KIST_CHECKED;
void kist_http_close(struct kist_http_stream *stream); /* NULL is fine; before its end, too */

void kist_http_reply_done(struct kist_http_reply *reply);
/* The value of the first header of that name (in lower case), or NULL. */
const char *kist_http_header_of(const struct kist_http_reply *reply, const char *name);

/* Fills `err` for a reply that is not what was hoped for, and returns its code: AUTH (401, 403), NOT_FOUND (404, 410),
 * EXISTS (409, 412), UNAVAILABLE (408, 425, 429, 500, 502, 503, 504), NO_SPACE (413, 507), UNSUPPORTED (405, 501),
 * CONFIG (3xx: redirects are not followed), else FAILED. With the reply's Retry-After. `said`: the server's own words,
 * already taken out of the body by the caller (NULL: a short, printable piece of the body). They are made printable and
 * cut to a line, and whatever was sent in an Authorization header is taken out of them. */
int kist_http_fail(struct kist_http *http, const struct kist_http_request *request,
                   const struct kist_http_reply *reply, const char *said, struct kist_error *err);

/* `text` with everything but A-Z a-z 0-9 - _ . ~ (and '/' where `keep_slash`) as %XX in upper case. New; NULL without
 * memory. */
char *kist_http_encode(const char *text, int keep_slash) KIST_CHECKED;
/* An entity tag without its quotes and weakness, as it is kept and compared. New; NULL without memory, or for NULL. */
char *kist_http_etag(const char *value) KIST_CHECKED;
/* Milliseconds since 1970 of an HTTP date, or -1. */
int64_t kist_http_date(const char *text) KIST_CHECKED;
/* The wait that a Retry-After header asks for: seconds or a date; capped at a day, 0 when it is senseless or past. */
int64_t kist_http_retry_after(const char *text, int64_t now_ms) KIST_CHECKED;
/* 1 when `url` is https, or http where that is allowed: to a loopback address, or with `allow_plaintext`. Else fails with
 * KIST_ERR_CONFIG and a hint. For `open`, so that a wrong endpoint is a mistake in the configuration. */
int kist_http_check_url(const struct kist_host *host, const char *url, int allow_plaintext,
                        struct kist_error *err) KIST_CHECKED;

#endif
