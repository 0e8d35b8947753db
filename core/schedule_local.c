#include "schedule_local.h"
#include "calendar.h"

#define FIRST_YEAR 1969
#define LAST_YEAR 2101
#define MINUTES_OF_A_DAY 1440

/* Smallest number of a set that is `from` or more; -1 for none. */
static int at_least(uint64_t set, int from)
{
    uint64_t rest = from < 64 ? set >> from << from : 0;
    return rest ? __builtin_ctzll(rest) : -1;
}

/* Largest number of a set that is `from` or less; -1 for none. */
static int at_most(uint64_t set, int from)
{
    uint64_t rest = from < 0 ? 0 : set << (63 - from) >> (63 - from);
    return rest ? 63 - __builtin_clzll(rest) : -1;
}

/* As in crontab(5): when both fields of the day are restricted, one of them is enough. */
static int fits_day(const struct kist_schedule *schedule, int64_t days, int day)
{
    int by_day = (schedule->days >> day & 1) != 0;
    int by_weekday = (schedule->weekdays >> kist_calendar_weekday(days) & 1) != 0;
    return schedule->any_day || schedule->any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

/* First minute of a day that fits and is `minute` or later; -1 for none. */
static int minute_at_least(const struct kist_schedule *schedule, int minute)
{
    int hour = at_least(schedule->hours, minute / 60);
    int rest = hour == minute / 60 ? at_least(schedule->minutes, minute % 60) : -1;
    if (rest < 0 && hour >= 0) {
        hour = at_least(schedule->hours, minute / 60 + 1);
        rest = at_least(schedule->minutes, 0);
    }
    return hour < 0 ? -1 : hour * 60 + rest;
}

static int minute_at_most(const struct kist_schedule *schedule, int minute)
{
    int hour = at_most(schedule->hours, minute / 60);
    int rest = hour == minute / 60 ? at_most(schedule->minutes, minute % 60) : -1;
    if (rest < 0 && hour >= 0) {
        hour = at_most(schedule->hours, minute / 60 - 1);
        rest = at_most(schedule->minutes, 59);
    }
    return hour < 0 ? -1 : hour * 60 + rest;
}

int64_t kist_schedule_local_next(const struct kist_schedule *schedule, int64_t local)
{
    int64_t minutes = kist_calendar_floor(local + 59, 60);
    int64_t days = kist_calendar_floor(minutes, MINUTES_OF_A_DAY);
    int from = (int)(minutes - days * MINUTES_OF_A_DAY), year = 0, month = 0, day = 0;
    for (kist_calendar_date(days, &year, &month, &day); year <= LAST_YEAR;
         kist_calendar_date(days, &year, &month, &day)) {
        if ((schedule->months >> month & 1) == 0) {
            days = kist_calendar_days(year, month + 1, 1);
            from = 0;
            continue;
        }
        int found = fits_day(schedule, days, day) ? minute_at_least(schedule, from) : -1;
        if (found >= 0)
            return days * KIST_DAY + found * INT64_C(60);
        days++;
        from = 0;
    }
    return KIST_LOCAL_NEVER;
}

int64_t kist_schedule_local_last(const struct kist_schedule *schedule, int64_t local)
{
    int64_t minutes = kist_calendar_floor(local, 60);
    int64_t days = kist_calendar_floor(minutes, MINUTES_OF_A_DAY);
    int from = (int)(minutes - days * MINUTES_OF_A_DAY), year = 0, month = 0, day = 0;
    for (kist_calendar_date(days, &year, &month, &day); year >= FIRST_YEAR;
         kist_calendar_date(days, &year, &month, &day)) {
        if ((schedule->months >> month & 1) == 0) {
            days = kist_calendar_days(year, month, 0);
            from = MINUTES_OF_A_DAY - 1;
            continue;
        }
        int found = fits_day(schedule, days, day) ? minute_at_most(schedule, from) : -1;
        if (found >= 0)
            return days * KIST_DAY + found * INT64_C(60);
        days--;
        from = MINUTES_OF_A_DAY - 1;
    }
    return KIST_LOCAL_NEVER;
}
