#include "stamp.h"

#include <string.h>
#include <time.h>

const char *kist_stamp_read(const char *text, int64_t *ret_ms)
{
    struct tm tm = {0};
    int64_t millis = 0;
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    if (!rest)
        return NULL;
    if (*rest == '.') {
        size_t digits = strspn(rest + 1, "0123456789");
        for (size_t i = 0; i < 3; i++)
            millis = 10 * millis + (i < digits ? rest[1 + i] - '0' : 0);
        rest += digits > 0 ? 1 + digits : 0;
    }
    int64_t seconds = timegm(&tm);
    if (seconds <= INT64_MIN / 1000 || seconds >= INT64_MAX / 1000)
        return NULL;
    *ret_ms = seconds * 1000 + millis;
    return rest;
}

int64_t kist_stamp_utc(const char *text)
{
    int64_t ms = 0;
    const char *zone = kist_stamp_read(text, &ms);
    return zone && strcmp(zone, "Z") == 0 && ms >= 1000 ? ms : 0;
}

int64_t kist_stamp_number(const char *text, size_t size)
{
    int64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || value > (INT64_MAX - 9) / 10)
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return size > 0 ? value : -1;
}
