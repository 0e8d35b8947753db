#include "moment.h"
#include "backup_id.h"
#include "calendar.h"

#include <stdio.h>
#include <string.h>

#define YEAR_10000 INT64_C(253402300800) /* its first second */

/* Takes `digits` digits and, unless it is '\0', the character that has to follow them. NULL when they are not there, or the
 * number is none of `low` to `high`. */
static const char *take(const char *text, int digits, char after, int low, int high, int *ret_number)
{
    int number = 0;
    for (; text && digits > 0; digits--, text++) {
        if (*text < '0' || *text > '9')
            return NULL;
        number = number * 10 + (*text - '0');
    }
    if (!text || number < low || number > high || (after && *text != after))
        return NULL;
    *ret_number = number;
    return after ? text + 1 : text;
}

/* The seconds since 1970 of a date and a time of the day, as if they were in UTC. */
static const char *take_civil(const char *text, int64_t *ret_seconds)
{
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, again[3] = {0};
    text = take(text, 4, '-', 1969, 9999, &year);
    text = take(text, 2, '-', 1, 12, &month);
    text = take(text, 2, '\0', 1, 31, &day);
    if (!text || !*text || !strchr("Tt ", *text))
        return NULL;
    text = take(text + 1, 2, ':', 0, 23, &hour);
    text = take(text, 2, ':', 0, 59, &minute);
    text = take(text, 2, '\0', 0, 59, &second);
    const int64_t days = kist_calendar_days(year, month, day);
    kist_calendar_date(days, &again[0], &again[1], &again[2]);
    if (again[1] != month) /* there is no 30th of February */
        return NULL;
    *ret_seconds = days * KIST_DAY + (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    return text;
}

static const char *take_fraction(const char *text, int *ret_ms)
{
    int worth = 100;
    if (!text || *text != '.')
        return text;
    text++;
    if (*text < '0' || *text > '9')
        return NULL;
    for (; *text >= '0' && *text <= '9'; text++, worth /= 10)
        *ret_ms += (*text - '0') * worth;
    return text;
}

/* What has to be taken off to get to UTC, in seconds. */
static const char *take_zone(const char *text, int64_t *ret_offset)
{
    int hours = 0, minutes = 0;
    if (!text || *text == 'Z' || *text == 'z')
        return text ? text + 1 : NULL;
    if (*text != '+' && *text != '-')
        return NULL;
    const int sign = *text == '-' ? -1 : 1;
    text = take(text + 1, 2, ':', 0, 23, &hours);
    text = take(text, 2, '\0', 0, 59, &minutes);
    *ret_offset = (int64_t)sign * (hours * 3600 + minutes * 60);
    return text;
}

int kist_moment_parse(const char *text, int64_t *ret_ms)
{
    int64_t seconds = 0, offset = 0;
    int ms = 0;
    text = take_civil(text, &seconds);
    text = take_fraction(text, &ms);
    text = take_zone(text, &offset);
    seconds -= offset;
    if (!text || *text || seconds < 0 || seconds >= YEAR_10000)
        return 0;
    *ret_ms = seconds * 1000 + ms;
    return 1;
}

void kist_moment_text(int64_t ms, char ret_text[KIST_MOMENT_LENGTH + 1])
{
    char whole[KIST_TIME_LENGTH + 1];
    kist_time_text(ms / 1000, whole);
    memcpy(ret_text, whole, sizeof whole);
    if (ms % 1000)
        snprintf(ret_text + KIST_TIME_LENGTH - 1, 6, ".%03uZ", (unsigned)(ms % 1000) % 1000);
}
