#include "url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const password_keys[] = {"password", "sslpassword"};
#define KEY_COUNT (sizeof password_keys / sizeof *password_keys)

struct finds {
    struct kist_span *spans;
    size_t capacity;
    size_t count;
};

static void add_span(struct finds *finds, const char *data, size_t size)
{
    if (size == 0)
        return;
    if (finds->count < finds->capacity)
        finds->spans[finds->count] = (struct kist_span){data, size};
    finds->count++;
}

/* What follows "scheme://", or NULL. */
static const char *after_scheme(const char *text)
{
    const char *at = text;
    if (!isalpha((unsigned char)*at))
        return NULL;
    while (isalnum((unsigned char)*at) || *at == '+' || *at == '-' || *at == '.')
        at++;
    return strncmp(at, "://", 3) == 0 ? at + 3 : NULL;
}

int kist_url_is(const char *text)
{
    return after_scheme(text) != NULL;
}

static int is_password_key(const char *key, size_t size)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strlen(password_keys[i]) == size && strncasecmp(key, password_keys[i], size) == 0)
            return 1;
    return 0;
}

static void find_in_query(struct finds *finds, const char *query)
{
    while (*query) {
        size_t size = strcspn(query, "&#");
        const char *equals = memchr(query, '=', size);
        if (equals && is_password_key(query, (size_t)(equals - query)))
            add_span(finds, equals + 1, (size_t)(query + size - equals - 1));
        query += size;
        if (*query)
            query++;
    }
}

static void find_in_url(struct finds *finds, const char *authority)
{
    size_t size = strcspn(authority, "/?#");
    const char *colon = memchr(authority, ':', size);
    const char *at = memrchr(authority, '@', size);
    /* A careless password holds '/', '?' or '#': then a later '@' ends it. What looks like a port is none. */
    if (!at && colon && authority[0] != '[' &&
        strspn(colon + 1, "0123456789") < size - (size_t)(colon + 1 - authority))
        at = strrchr(authority, '@');
    if (at && colon && colon < at)
        add_span(finds, colon + 1, (size_t)(at - colon - 1));
    const char *query = strchr(at ? at : authority, '?');
    if (query)
        find_in_query(finds, query + 1);
}

/* "key = value key='quo ted'", as libpq reads it. */
static void find_in_conninfo(struct finds *finds, const char *text)
{
    const char *at = text + strspn(text, " \t\n");
    while (*at) {
        const char *key = at;
        size_t key_size = strcspn(at, "= \t\n");
        at += key_size;
        at += strspn(at, " \t\n");
        if (*at != '=')
            return;
        at++;
        at += strspn(at, " \t\n");
        char end = *at == '\'' ? '\'' : '\0';
        const char *value = at += end != '\0';
        while (*at && (end ? *at != end : !isspace((unsigned char)*at)))
            at += at[0] == '\\' && at[1] ? 2 : 1;
        if (is_password_key(key, key_size))
            add_span(finds, value, (size_t)(at - value));
        at += end && *at;
        at += strspn(at, " \t\n");
    }
}

size_t kist_url_passwords(const char *text, struct kist_span *ret_spans, size_t capacity)
{
    struct finds finds = {.spans = ret_spans, .capacity = capacity};
    const char *authority = after_scheme(text);
    if (authority)
        find_in_url(&finds, authority);
    else
        find_in_conninfo(&finds, text);
    return finds.count;
}

int kist_url_has_password(const char *text)
{
    return kist_url_passwords(text, NULL, 0) > 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *kist_url_decode(struct kist_span span)
{
    char *decoded = malloc(span.size + 1);
    size_t size = 0;
    if (!decoded)
        return NULL;
    for (size_t i = 0; i < span.size; i++) {
        char c = span.data[i];
        int high = c == '%' && i + 2 < span.size ? hex_value(span.data[i + 1]) : -1;
        int low = high >= 0 ? hex_value(span.data[i + 2]) : -1;
        if (low >= 0 && high * 16 + low != 0) {
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '\\' && i + 1 < span.size) {
            c = span.data[++i];
        }
        decoded[size++] = c;
    }
    decoded[size] = '\0';
    return decoded;
}
