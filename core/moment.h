/* moment.h - a time as a person gives it who wants to go back to it. */
#ifndef KIST_CORE_MOMENT_H
#define KIST_CORE_MOMENT_H

#include <stdint.h>

#define KIST_MOMENT_LENGTH 24 /* 2026-11-21T02:00:00.123Z */

/* 1 and the milliseconds since 1970 when `text` is a time as in RFC 3339, from 1970 to 9999: with its seconds and its zone
 * ("2026-11-21T02:00:00Z", "2026-11-21 03:00:00.5+01:00"). What is finer than a millisecond is cut off. */
int kist_moment_parse(const char *text, int64_t *ret_ms);
/* The same moment in UTC, with milliseconds only where there are some. */
void kist_moment_text(int64_t ms, char ret_text[KIST_MOMENT_LENGTH + 1]);

#endif
