/* url.h - where a URL or a libpq connection string carries a password. */
#ifndef KIST_CORE_URL_H
#define KIST_CORE_URL_H

#include <kist/abi.h>

/* A part of a text. */
struct kist_span {
    const char *data;
    size_t size;
};

/* 1 for "scheme://..." with a scheme as in RFC 3986. */
int kist_url_is(const char *text);

/* Gives every password in `text`, as it stands there (still percent-encoded or quoted): of the user part of a URL
 * ("scheme://user:password@host"), of its query ("?password=..."), of a connection string ("password = 'x'").
 * Returns how many there are; at most `capacity` are given. Empty ones do not count. */
size_t kist_url_passwords(const char *text, struct kist_span *ret_spans, size_t capacity);
int kist_url_has_password(const char *text);

/* The bytes that a percent-encoded or (connection string) backslash-quoted span stands for. New; NULL without
 * memory. */
char *kist_url_decode(struct kist_span span) KIST_CHECKED;

#endif
