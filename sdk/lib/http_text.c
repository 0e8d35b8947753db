/* Text of HTTP: percent-encoding, dates, waits. */
#include "http_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define LAST_SECOND INT64_C(253402300799) /* of the year 9999 */

char *kist_http_encode(const char *text, int keep_slash)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    static const char digits[] = "0123456789ABCDEF";
    size_t size = strlen(text), bytes;
    if (__builtin_mul_overflow(size, (size_t)3, &bytes) || bytes == SIZE_MAX)
        return NULL;
    char *out = malloc(bytes + 1), *end = out;
    if (!out)
        return NULL;
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (strchr(plain, byte) || (keep_slash && byte == '/')) {
            *end++ = (char)byte;
        } else {
            *end++ = '%';
            *end++ = digits[byte >> 4];
            *end++ = digits[byte & 15];
        }
    }
    *end = '\0';
    return out;
}

/* The three forms of HTTP start with a day's name; two end with GMT, the third (of C's asctime) with the year. libcurl's
 * parser takes far more than these. */
static int looks_like_date(const char *text)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    size_t size = strlen(text);
    int has_day = 0;
    for (size_t i = 0; i < sizeof days / sizeof *days; i++)
        has_day |= strncmp(text, days[i], 3) == 0;
    if (!has_day || size < 24 || size > 40 || !strchr(text, ':'))
        return 0;
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr(" ,:-", *at))
            return 0;
    return strchr(text, ',') ? strcmp(text + size - 4, " GMT") == 0 : isdigit((unsigned char)text[size - 1]) != 0;
}

int64_t kist_http_date(const char *text)
{
    if (!looks_like_date(text))
        return -1;
    int64_t seconds = (int64_t)curl_getdate(text, NULL);
    return seconds < 0 || seconds > LAST_SECOND ? -1 : seconds * 1000;
}

int64_t kist_http_retry_after(const char *text, int64_t now_ms)
{
    int64_t wait = 0, at = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits > 0 && text[digits] == '\0') {
        while (wait < DAY_MS && *text)
            wait = wait * 10 + (*text++ - '0') * INT64_C(1000);
    } else if (digits == 0 && (at = kist_http_date(text)) >= 0 && __builtin_sub_overflow(at, now_ms, &wait)) {
        wait = 0;
    }
    return wait < 0 ? 0 : wait > DAY_MS ? DAY_MS : wait;
}

char *kist_http_etag(const char *value)
{
    if (!value)
        return NULL;
    if (strncmp(value, "W/", 2) == 0)
        value += 2;
    size_t length = strlen(value);
    if (length >= 2 && value[0] == '"' && value[length - 1] == '"')
        return strndup(value + 1, length - 2);
    return strdup(value);
}
