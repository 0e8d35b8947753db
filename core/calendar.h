/* calendar.h - days of the Gregorian calendar, counted from the first of January 1970. */
#ifndef KIST_CORE_CALENDAR_H
#define KIST_CORE_CALENDAR_H

#include <stdint.h>

#define KIST_DAY INT64_C(86400)

/* The number of a day. Month and day may be out of their range: the 0th of March is the last of February. */
int64_t kist_calendar_days(int64_t year, int64_t month, int64_t day);
/* The day of a number. */
void kist_calendar_date(int64_t days, int *ret_year, int *ret_month, int *ret_day);
/* 0 Sunday .. 6 Saturday. */
int kist_calendar_weekday(int64_t days);
/* The year and week of ISO 8601: weeks begin on Monday, and belong to the year that has their Thursday. */
void kist_calendar_iso_week(int64_t days, int *ret_year, int *ret_week);
/* Division that rounds down, also below zero. */
int64_t kist_calendar_floor(int64_t number, int64_t by);

#endif
