/* blob_text.c - small texts. */
#include "vercel_blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t blob_time(const char *text)
{
    struct tm tm = {0};
    int64_t millis = 0;
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    if (!rest)
        return 0;
    if (*rest == '.') {
        size_t digits = strspn(rest + 1, "0123456789");
        for (size_t i = 0; i < 3; i++)
            millis = 10 * millis + (i < digits ? rest[1 + i] - '0' : 0);
        rest += digits > 0 ? 1 + digits : 0;
    }
    int64_t seconds = timegm(&tm);
    return strcmp(rest, "Z") == 0 && seconds > 0 && seconds < INT64_MAX / 1000 ? seconds * 1000 + millis : 0;
}

int64_t blob_number(const char *text, size_t size)
{
    int64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || value > (INT64_MAX - 9) / 10)
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return size > 0 ? value : -1;
}

void blob_hex(const unsigned char *data, size_t size, char *ret_text)
{
    for (size_t i = 0; i < size; i++)
        snprintf(ret_text + 2 * i, 3, "%02x", data[i]);
}

int blob_fail_memory(const struct blob_store *store, struct kist_error *err)
{
    return store->host->fail(store->host, err, KIST_ERR_FAILED, "out of memory");
}
