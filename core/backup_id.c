#include "backup_id.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LAST_SECOND INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static void format_time(const char *format, int64_t seconds, char *text, size_t size)
{
    time_t clamped = (time_t)(seconds < 0 ? 0 : seconds > LAST_SECOND ? LAST_SECOND : seconds);
    struct tm parts;
    gmtime_r(&clamped, &parts);
    strftime(text, size, format, &parts);
}

/* Well-formed is what formatting the parsed time gives back: no other check is as strict. */
static int parse_time(const char *format, const char *text, int64_t *ret_seconds)
{
    struct tm parts = {0};
    char again[KIST_ID_LENGTH + 1];
    const char *end = strptime(text, format, &parts);
    if (!end || *end)
        return 0;
    int64_t seconds = timegm(&parts);
    format_time(format, seconds, again, sizeof again);
    if (strcmp(again, text) != 0)
        return 0;
    if (ret_seconds)
        *ret_seconds = seconds;
    return 1;
}

void kist_id_of_time(int64_t seconds, char ret_id[KIST_ID_LENGTH + 1])
{
    format_time("%Y-%m-%dT%H-%M-%SZ", seconds, ret_id, KIST_ID_LENGTH + 1);
}

int kist_id_parse(const char *id, int64_t *ret_seconds)
{
    return parse_time("%Y-%m-%dT%H-%M-%SZ", id, ret_seconds);
}

void kist_time_text(int64_t seconds, char ret_text[KIST_TIME_LENGTH + 1])
{
    format_time("%Y-%m-%dT%H:%M:%SZ", seconds, ret_text, KIST_TIME_LENGTH + 1);
}

int kist_time_parse(const char *text, int64_t *ret_seconds)
{
    return parse_time("%Y-%m-%dT%H:%M:%SZ", text, ret_seconds);
}

int64_t kist_time_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

int64_t kist_time_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
