/* Schedules against a walk through all minutes of two years. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "schedule.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MINUTE INT64_C(60)
#define DAY INT64_C(86400)

static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"};

static struct kist_schedule schedule_of(const char *text, const char *zone)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_schedule schedule = {0};
    if (kist_schedule_parse(text, zone, 0, "shop", &schedule, &err))
        fail_msg("%s: %s", text, kist_error_text(&err));
    return schedule;
}

static int64_t at(int year, int month, int day, int hour, int minute)
{
    struct tm parts = {
        .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};
    return timegm(&parts);
}

/* The five fields as a brute force understands them: nothing here is shared with what is tested. */
struct plain {
    char minutes[60], hours[24], days[32], months[13], weekdays[7];
    int either; /* of the two day fields */
};

static int fits(const struct plain *plain, const struct kist_civil *civil)
{
    int day = plain->days[civil->day], weekday = plain->weekdays[civil->weekday];
    return plain->minutes[civil->minute] && plain->hours[civil->hour] && plain->months[civil->month] &&
           (plain->either ? day || weekday : day && weekday);
}

static int is_every_hour(const struct plain *plain)
{
    return memchr(plain->hours, 0, sizeof plain->hours) == NULL;
}

/* The minute after this one, of the calendar alone. */
static void step(struct kist_civil *civil)
{
    static const int lengths[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = civil->month == 2 && civil->year % 4 == 0 && (civil->year % 100 != 0 || civil->year % 400 == 0);
    civil->minute = (civil->minute + 1) % 60;
    civil->hour = (civil->hour + (civil->minute == 0)) % 24;
    if (civil->minute != 0 || civil->hour != 0)
        return;
    civil->weekday = (civil->weekday + 1) % 7;
    if (civil->day++ < lengths[civil->month] + leap)
        return;
    civil->day = 1;
    civil->year += civil->month == 12;
    civil->month = civil->month % 12 + 1;
}

/*
 * Walks through the minutes from `from` to `to` and calls a minute a slot when its local time fits; or, unless every hour is
 * one of slots, when one of the local minutes that the clocks skipped on the way to it does. A local minute that was there
 * before is none then.
 */
static size_t walk(const struct plain *plain, const struct kist_zone *zone, int64_t from, int64_t to,
                   int64_t *ret_slots)
{
    int64_t begin = from - 2 * DAY, offset = kist_zone_offset(zone, begin);
    struct kist_civil newest, civil;
    int64_t shown = begin + offset; /* `newest` in seconds: the latest local minute up to now */
    size_t count = 0;
    kist_zone_civil(zone, begin, &newest);
    for (int64_t time = begin + MINUTE; time < to; time += MINUTE) {
        int slot = 0;
        if (time % (15 * MINUTE) == 0)
            offset = kist_zone_offset(zone, time);
        if (is_every_hour(plain) && time + offset <= shown) {
            kist_zone_civil(zone, time, &civil);
            slot = fits(plain, &civil);
        }
        for (; shown < time + offset; shown += MINUTE) {
            step(&newest);
            slot |= fits(plain, &newest) && (!is_every_hour(plain) || shown + MINUTE == time + offset);
        }
        if (slot && time >= from)
            ret_slots[count++] = time;
    }
    return count;
}

static void check_next(const struct kist_schedule *schedule, int64_t time, int64_t to, int64_t expected,
                       const char *what)
{
    int64_t found = kist_schedule_next(schedule, time);
    if (expected < 0 ? found >= 0 && found < to : found != expected)
        fail_msg("%s: next of %lld is %lld instead of %lld", what, (long long)time, (long long)found,
                 (long long)expected);
}

/* Sets a clock forward again and again, and compares what it sees with the slots of the walk. */
static void compare(const struct kist_schedule *schedule, const int64_t *slots, size_t count, int64_t from,
                    int64_t to, int64_t pace, const char *what)
{
    size_t next = 0;
    int64_t last = kist_schedule_last(schedule, from - 1);
    for (int64_t time = from - 1; time < to; time += pace) {
        for (; next < count && slots[next] <= time; next++) {
            last = slots[next];
            check_next(schedule, last - 1, to, last, what);
            check_next(schedule, last, to, next + 1 < count ? slots[next + 1] : -1, what);
        }
        if (time % 1021 < pace)
            check_next(schedule, time, to, next < count ? slots[next] : -1, what);
        int64_t found = kist_schedule_last(schedule, time);
        if (found != last)
            fail_msg("%s: last of %lld is %lld instead of %lld", what, (long long)time, (long long)found,
                     (long long)last);
    }
}

static void fill(char *set, size_t size)
{
    memset(set, 1, size);
}

/* What `text` means, written by hand in the tests below. */
struct year_case {
    const char *text;
    struct plain plain;
};

static void set_all(struct plain *plain)
{
    fill(plain->minutes, sizeof plain->minutes);
    fill(plain->hours, sizeof plain->hours);
    fill(plain->days, sizeof plain->days);
    fill(plain->months, sizeof plain->months);
    fill(plain->weekdays, sizeof plain->weekdays);
}

static void only(char *set, size_t size, int value)
{
    memset(set, 0, size);
    set[value] = 1;
}

#define ONLY(set, value) only(set, sizeof set, value)

static size_t year_cases(struct year_case *cases)
{
    size_t count = 0;
    static const char *const texts[] = {"30 2 * * *",   "0 3 * * *",          "*/15 * * * *",    "5 * * * *",
                                        "@hourly",      "0 */2 * * *",        "10,50 1-2 * * *", "0 0 31 * *",
                                        "30 1 * * sun", "45 2 1 jan,jul mon", "0 12 29 2 *"};
    for (; count < COUNT(texts); count++) {
        cases[count].text = texts[count];
        set_all(&cases[count].plain);
    }
    ONLY(cases[0].plain.minutes, 30), ONLY(cases[0].plain.hours, 2);
    ONLY(cases[1].plain.minutes, 0), ONLY(cases[1].plain.hours, 3);
    for (int i = 0; i < 60; i++)
        cases[2].plain.minutes[i] = i % 15 == 0;
    ONLY(cases[3].plain.minutes, 5);
    ONLY(cases[4].plain.minutes, 0);
    ONLY(cases[5].plain.minutes, 0);
    for (int i = 0; i < 24; i++)
        cases[5].plain.hours[i] = i % 2 == 0;
    ONLY(cases[6].plain.minutes, 10), cases[6].plain.minutes[50] = 1;
    ONLY(cases[6].plain.hours, 1), cases[6].plain.hours[2] = 1;
    ONLY(cases[7].plain.minutes, 0), ONLY(cases[7].plain.hours, 0), ONLY(cases[7].plain.days, 31);
    ONLY(cases[8].plain.minutes, 30), ONLY(cases[8].plain.hours, 1), ONLY(cases[8].plain.weekdays, 0);
    ONLY(cases[9].plain.minutes, 45), ONLY(cases[9].plain.hours, 2), ONLY(cases[9].plain.days, 1);
    ONLY(cases[9].plain.months, 1), cases[9].plain.months[7] = 1;
    ONLY(cases[9].plain.weekdays, 1), cases[9].plain.either = 1;
    ONLY(cases[10].plain.minutes, 0), ONLY(cases[10].plain.hours, 12);
    ONLY(cases[10].plain.days, 29), ONLY(cases[10].plain.months, 2);
    return count;
}

/* 2027, and the leap year 2028. */
static void each_slot_of_two_years_comes_once_and_in_order(void **state)
{
    int64_t from = at(2027, 1, 1, 0, 0), to = at(2029, 1, 1, 0, 0);
    int64_t *slots = calloc((size_t)((to - from) / MINUTE), sizeof *slots);
    struct year_case cases[16] = {{.text = NULL}};
    size_t count = year_cases(cases);
    (void)state;
    assert_non_null(slots);
    for (size_t z = 0; z < COUNT(zones); z++)
        for (size_t i = 0; i < count; i++) {
            /* A clock that never changes has nothing to tell about the others. */
            if (strcmp(zones[z], "UTC") == 0 && i != 0 && i != 2)
                continue;
            struct kist_schedule schedule = schedule_of(cases[i].text, zones[z]);
            size_t found = walk(&cases[i].plain, schedule.zone, from, to, slots);
            char what[80];
            snprintf(what, sizeof what, "%s in %s", cases[i].text, zones[z]);
            compare(&schedule, slots, found, from, to, i == 0 || (i == 2 && z % 2 == 0) ? MINUTE : 31 * MINUTE + 1,
                    what);
            /* A year without a night that is missing. */
            if (i == 0 || i == 1)
                assert_int_equal(found, 365 + 366);
            if (i == 4 && z != 2)
                assert_int_equal(found, (365 + 366) * 24);
        }
    free(slots);
}

/* A small generator that is the same everywhere; a failure tells the seed. */
static uint64_t dice;

static int roll(int sides)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((dice >> 33) % (uint64_t)sides);
}

static const int lowest[] = {0, 0, 1, 1, 0}, highest[] = {59, 23, 31, 12, 7};

static void random_part(char *text, size_t size, int field, char *set, int *star)
{
    int first = lowest[field], last = highest[field], step = 1 + roll(last - first), low = first, high = last;
    switch (roll(4)) {
    case 0: *star = 1, snprintf(text, size, "*/%d", step); break;
    case 1: low = high = first + roll(last - first + 1), step = 1, snprintf(text, size, "%d", low); break;
    default:
        low = first + roll(last - first + 1), high = low + roll(last - low + 1);
        step = roll(2) ? 1 : step;
        snprintf(text, size, step == 1 ? "%d-%d" : "%d-%d/%d", low, high, step);
    }
    if (*star && field == 4)
        high = 6;
    for (int value = low; value <= high; value += step)
        set[field == 4 ? value % 7 : value] = 1;
}

static int random_field(char *text, size_t size, int field, char *set, size_t set_size)
{
    int star = 0;
    memset(set, 0, set_size);
    if (roll(3) == 0) {
        snprintf(text, size, "*");
        memset(set, 1, set_size);
        return 1;
    }
    for (int parts = 1 + roll(3); parts > 0; parts--) {
        int part_star = 0;
        random_part(text + strlen(text), size - strlen(text), field, set, &part_star);
        star |= part_star;
        if (parts > 1)
            strcat(text, ",");
    }
    return star;
}

static void random_schedule(char *text, size_t size, struct plain *plain)
{
    char fields[5][48] = {""};
    random_field(fields[0], sizeof fields[0], 0, plain->minutes, sizeof plain->minutes);
    random_field(fields[1], sizeof fields[1], 1, plain->hours, sizeof plain->hours);
    int day_star = random_field(fields[2], sizeof fields[2], 2, plain->days, sizeof plain->days);
    random_field(fields[3], sizeof fields[3], 3, plain->months, sizeof plain->months);
    int weekday_star = random_field(fields[4], sizeof fields[4], 4, plain->weekdays, sizeof plain->weekdays);
    plain->either = !day_star && !weekday_star;
    snprintf(text, size, "%s %s %s %s %s", fields[0], fields[1], fields[2], fields[3], fields[4]);
}

/* Some days around a change of the clocks, or anywhere. */
static int64_t random_begin(void)
{
    static const int months[][2] = {{3, 27}, {10, 30}, {3, 13}, {11, 6}, {10, 2}, {4, 3}, {2, 28}, {12, 31}};
    int which = roll((int)COUNT(months) + 2);
    return which < (int)COUNT(months) ? at(2027, months[which][0], months[which][1], 0, 0)
                                      : at(1990 + roll(100), 1 + roll(12), 1 + roll(28), 0, 0);
}

static void random_schedules_are_what_a_walk_finds(void **state)
{
    const char *given = getenv("KIST_TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    int64_t *slots = calloc(4 * 1440, sizeof *slots);
    (void)state;
    assert_non_null(slots);
    print_message("KIST_TEST_SEED=%llu\n", (unsigned long long)seed);
    dice = seed;
    for (int i = 0; i < 300; i++) {
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        struct kist_schedule schedule;
        struct plain plain = {.either = 0};
        char text[256], what[320];
        const char *zone = zones[roll((int)COUNT(zones))];
        random_schedule(text, sizeof text, &plain);
        snprintf(what, sizeof what, "seed %llu, number %d: %s in %s", (unsigned long long)seed, i, text, zone);
        if (kist_schedule_parse(text, zone, 0, "shop", &schedule, &err)) {
            if (!strstr(err.message, "never happens"))
                fail_msg("%s: %s", what, err.message);
            continue;
        }
        int64_t from = random_begin(), to = from + 3 * DAY;
        compare(&schedule, slots, walk(&plain, schedule.zone, from, to, slots), from, to, MINUTE, what);
    }
    free(slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_slot_of_two_years_comes_once_and_in_order),
        cmocka_unit_test(random_schedules_are_what_a_walk_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
