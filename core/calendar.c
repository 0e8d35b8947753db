#include "calendar.h"

#define DAYS_OF_400_YEARS 146097
/* From the first of March of the year 0 to 1970. */
#define DAYS_TO_1970 719468

int64_t kist_calendar_floor(int64_t number, int64_t by)
{
    return number / by - (number % by < 0);
}

/* Years begin in March here, so that the leap day is the last of its year and months have a regular length. */
int64_t kist_calendar_days(int64_t year, int64_t month, int64_t day)
{
    int64_t months = year * 12 + month - 3;
    int64_t march_year = kist_calendar_floor(months, 12);
    int64_t march_month = months - march_year * 12;
    int64_t leap_days = kist_calendar_floor(march_year, 4) - kist_calendar_floor(march_year, 100) +
                        kist_calendar_floor(march_year, 400);
    return march_year * 365 + leap_days + (march_month * 153 + 2) / 5 + day - 1 - DAYS_TO_1970;
}

void kist_calendar_date(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
    int64_t shifted = days + DAYS_TO_1970;
    int64_t era = kist_calendar_floor(shifted, DAYS_OF_400_YEARS);
    int64_t day = shifted - era * DAYS_OF_400_YEARS;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t day_of_year = day - (year * 365 + year / 4 - year / 100);
    int64_t month = (day_of_year * 5 + 2) / 153;
    *ret_day = (int)(day_of_year - (month * 153 + 2) / 5 + 1);
    *ret_month = (int)(month < 10 ? month + 3 : month - 9);
    *ret_year = (int)(era * 400 + year + (month >= 10));
}

int kist_calendar_weekday(int64_t days)
{
    /* Day 0 was a Thursday. */
    return (int)(days + 4 - kist_calendar_floor(days + 4, 7) * 7);
}

void kist_calendar_iso_week(int64_t days, int *ret_year, int *ret_week)
{
    int month = 0, day = 0;
    int64_t thursday = days + 3 - (kist_calendar_weekday(days) + 6) % 7;
    kist_calendar_date(thursday, ret_year, &month, &day);
    *ret_week = (int)((thursday - kist_calendar_days(*ret_year, 1, 1)) / 7) + 1;
}
