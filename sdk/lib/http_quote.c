/* A server's words in our messages: they come from outside, so they may hold anything, and what we sent ourselves. */
#include "http_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LONGEST ((size_t)300)
#define SHORTEST_SECRET ((size_t)6)

/* ---- printable ---- */

/* Bytes of the code point at `at`, 0 when it is no UTF-8. */
static size_t code_point(const unsigned char *at, size_t left, unsigned *ret_value)
{
    size_t size = *at < 0x80 ? 1 : *at >= 0xf0 && *at < 0xf5 ? 4 : *at >= 0xe0 ? 3 : *at >= 0xc2 ? 2 : 0;
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned value = size == 1 ? *at : *at & (0xffU >> (size + 1));
    if (size == 0 || size > left || *at > 0xf4)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (at[i] & 0x3f);
    }
    *ret_value = value;
    return value < least[size] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000) ? 0 : size;
}

/* The end of a terminal's escape sequence that starts at `at`. */
static size_t skip_escape(const unsigned char *text, size_t at, size_t size)
{
    unsigned char kind = ++at < size ? text[at] : 0;
    if (kind == '[') {
        for (at++; at < size && text[at] >= 0x20 && text[at] < 0x40; at++)
            ;
        return at < size && text[at] >= 0x40 && text[at] < 0x7f ? at + 1 : at;
    }
    if (kind == ']' || kind == 'P' || kind == '_' || kind == '^') {
        while (at < size && text[at] != 0x07 && text[at] != 0x1b)
            at++;
        return at < size && text[at] == 0x07 ? at + 1 : at;
    }
    return at;
}

/* Signs that change the direction of what follows make a line read otherwise than it is. */
static int is_misleading(unsigned value)
{
    return (value >= 0x80 && value < 0xa0) || (value >= 0x200b && value <= 0x200f) ||
           (value >= 0x2028 && value <= 0x202e) || (value >= 0x2060 && value <= 0x2069) || value == 0xfeff;
}

/* `out` has room for `size` bytes and a zero. White space becomes one space, what is not printable goes. */
static size_t clean(char *out, const unsigned char *text, size_t size)
{
    size_t written = 0;
    for (size_t at = 0; at < size;) {
        unsigned value = 0;
        size_t length = code_point(text + at, size - at, &value);
        if (text[at] == 0x1b) {
            at = skip_escape(text, at, size);
        } else if (length == 0) {
            out[written++] = '?';
            at++;
        } else if (value <= 0x20) {
            if (written > 0 && out[written - 1] != ' ')
                out[written++] = ' ';
            at++;
        } else {
            if (value != 0x7f && !is_misleading(value)) {
                memcpy(out + written, text + at, length);
                written += length;
            }
            at += length;
        }
    }
    while (written > 0 && out[written - 1] == ' ')
        written--;
    out[written] = '\0';
    return written;
}

/* ---- secrets ---- */

/* Takes `secret` out of `text`, wherever it stands. In place: what replaces it is shorter. */
static void remove_secret(char *text, const char *secret, size_t size)
{
    if (size < SHORTEST_SECRET)
        return;
    for (char *at = text; (at = memmem(at, strlen(at), secret, size)) != NULL; at += 3) {
        memcpy(at, "***", 3);
        memmove(at + 3, at + size, strlen(at + size) + 1);
    }
}

/* All of `value`, then its parts: the token behind "Bearer", the pieces of a signature. Names and scopes that are no secret
 * are short or stand in front of the '=' of theirs. */
static void remove_value(char *text, const char *value)
{
    const char *space = strchr(value, ' ');
    remove_secret(text, value, strlen(value));
    if (space)
        remove_secret(text, space + 1, strlen(space + 1));
    for (const char *at = value; *at;) {
        size_t size = strcspn(at, " ,;=&\"");
        if (size >= 16)
            remove_secret(text, at, size);
        at += size;
        at += strspn(at, " ,;=&\"");
    }
}

static int names_a_secret(const char *name, size_t size)
{
    static const char *const parts[] = {"auth",       "token",  "secret", "signature", "sig",     "password",
                                        "credential", "cookie", "key",    "session",   "customer"};
    char text[64];
    size_t length = size < sizeof text - 1 ? size : sizeof text - 1;
    for (size_t i = 0; i < length; i++)
        text[i] = (char)tolower((unsigned char)name[i]);
    text[length] = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(text, parts[i]))
            return 1;
    return 0;
}

static void remove_query(char *text, const char *url)
{
    const char *at = strchr(url, '?');
    for (at = at ? at + 1 : ""; *at;) {
        size_t size = strcspn(at, "&"), name = strcspn(at, "=&");
        if (name < size && names_a_secret(at, name))
            remove_secret(text, at + name + 1, size - name - 1);
        at += size;
        at += *at == '&';
    }
}

static void remove_sent(char *text, const struct kist_http_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = request->headers[i].name;
        if (names_a_secret(name, strlen(name)))
            remove_value(text, request->headers[i].value);
    }
    remove_query(text, request->url);
}

char *http_quote(const struct kist_http_request *request, const char *text, size_t size)
{
    char *out = malloc(size + 1);
    if (!out)
        return NULL;
    size_t length = clean(out, (const unsigned char *)text, size);
    remove_sent(out, request);
    length = strlen(out);
    if (length > LONGEST) {
        length = LONGEST - 3;
        while (length > 0 && ((unsigned char)out[length] & 0xc0) == 0x80)
            length--;
        memcpy(out + length, "...", 4);
    }
    return out;
}
