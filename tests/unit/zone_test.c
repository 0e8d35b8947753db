#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "zone.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct kist_zone *zone_of(const char *name)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_zone *zone = NULL;
    if (kist_zone_find(name, &zone, &err))
        fail_msg("%s: %s", name, kist_error_text(&err));
    assert_non_null(zone);
    assert_string_equal(kist_zone_name(zone), name);
    return zone;
}

static int64_t utc(int year, int month, int day, int hour, int minute, int second)
{
    struct tm parts = {.tm_year = year - 1900,
                       .tm_mon = month - 1,
                       .tm_mday = day,
                       .tm_hour = hour,
                       .tm_min = minute,
                       .tm_sec = second};
    return timegm(&parts);
}

static void set_zone(const char *value)
{
    if (value)
        setenv("TZ", value, 1);
    else
        unsetenv("TZ");
    tzset();
}

/* Every 15013 seconds of 131 years, as the C library has them. */
static void local_time_is_that_of_the_c_library(void **state)
{
    static const char *const names[] = {
        "UTC",          "Europe/Berlin",    "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
        "Pacific/Apia", "America/St_Johns", "Asia/Kathmandu",   "Etc/GMT+12",          "CET"};
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct kist_zone *zone = zone_of(names[i]);
        set_zone(names[i]);
        for (int64_t time = 0; time < utc(2101, 1, 1, 0, 0, 0); time += 15013) {
            time_t seconds = (time_t)time;
            struct tm parts;
            struct kist_civil civil;
            char week[16], expected[16];
            localtime_r(&seconds, &parts);
            kist_zone_civil(zone, time, &civil);
            strftime(expected, sizeof expected, "%G-%V", &parts);
            snprintf(week, sizeof week, "%04d-%02d", civil.iso_year, civil.iso_week);
            if (kist_zone_offset(zone, time) != parts.tm_gmtoff || civil.year != parts.tm_year + 1900 ||
                civil.month != parts.tm_mon + 1 || civil.day != parts.tm_mday || civil.hour != parts.tm_hour ||
                civil.minute != parts.tm_min || civil.second != parts.tm_sec || civil.weekday != parts.tm_wday ||
                strcmp(week, expected) != 0)
                fail_msg("%s at %lld", names[i], (long long)time);
        }
        set_zone(NULL);
    }
}

/* From local time back, every 15 minutes of two years, against a walk: the first second at which the clock on the wall shows
 * this time or a later one. */
static void local_times_are_found_again(void **state)
{
    static const char *const names[] = {"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                                        "Africa/Casablanca"};
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct kist_zone *zone = zone_of(names[i]);
        int64_t first = utc(2027, 1, 1, 0, 0, 0), furthest = first - 2 * 86400, skips = 0;
        for (int64_t time = first - 86400; time < utc(2029, 1, 1, 0, 0, 0); time += 900) {
            int64_t local = time + kist_zone_offset(zone, time);
            for (int64_t shown = furthest + 900; time >= first && shown <= local; shown += 900) {
                struct kist_civil civil = {.year = 2027, .month = 1, .day = (int)((shown - first) / 86400) + 1};
                civil.second = (int)(shown - first - (civil.day - 1) * 86400);
                int skipped = -1;
                assert_int_equal(kist_zone_time(zone, &civil, &skipped), time);
                assert_int_equal(skipped, shown < local);
                skips += skipped;
            }
            furthest = local > furthest ? local : furthest;
        }
        assert_int_equal(skips, i == 0 ? 0 : i == 3 ? 4 : 8);
    }
}

static void changes_are_exact(void **state)
{
    (void)state;
    const struct kist_zone *berlin = zone_of("Europe/Berlin");
    int64_t spring = utc(2027, 3, 28, 1, 0, 0), autumn = utc(2027, 10, 31, 1, 0, 0);
    assert_int_equal(kist_zone_offset(berlin, spring - 1), 3600);
    assert_int_equal(kist_zone_offset(berlin, spring), 7200);
    assert_int_equal(kist_zone_change_after(berlin, spring - 1), spring);
    assert_int_equal(kist_zone_change_after(berlin, spring), autumn);
    assert_int_equal(kist_zone_change_until(berlin, spring), spring);
    assert_int_equal(kist_zone_change_until(berlin, autumn - 1), spring);
    assert_true(kist_zone_change_until(berlin, 0) == INT64_MIN);
    assert_true(kist_zone_change_after(berlin, utc(2101, 1, 1, 0, 0, 0)) == INT64_MAX);
    assert_true(kist_zone_change_after(zone_of("UTC"), 0) == INT64_MAX);
    /* Samoa had no 30th of December 2011. */
    struct kist_civil civil = {.year = 2011, .month = 12, .day = 30, .hour = 12};
    int skipped = 0;
    assert_int_equal(kist_zone_time(zone_of("Pacific/Apia"), &civil, &skipped), utc(2011, 12, 30, 10, 0, 0));
    assert_true(skipped);
}

static void fields_may_be_out_of_their_range(void **state)
{
    struct kist_civil civil = {.year = 2028, .month = 15, .day = 0, .hour = -1, .minute = 90, .second = -30};
    (void)state;
    assert_int_equal(kist_zone_time(zone_of("UTC"), &civil, NULL), utc(2029, 2, 28, 0, 29, 30));
    civil = (struct kist_civil){.year = 2027, .month = -11, .day = 1};
    assert_int_equal(kist_zone_time(zone_of("UTC"), &civil, NULL), utc(2026, 1, 1, 0, 0, 0));
}

static void no_other_name_is_taken(void **state)
{
    static const char *const names[] = {
        "",          "Foo/Bar",      "/etc/localtime",     "../zoneinfo/UTC",
        "Europe",    "Europe/",      "Europe//Berlin",     "CET-1CEST,M3.5.0,M10.5.0",
        ":UTC",      "zone.tab",     "leapseconds",        "Europe/Berlin ",
        "Europe/\n", "Europe/Berln", "Europe/../../passwd"};
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        const struct kist_zone *zone = NULL;
        assert_int_equal(kist_zone_find(names[i], &zone, &err), KIST_ERR_CONFIG);
        assert_null(zone);
        assert_non_null(strstr(err.message, "there is no time zone"));
        assert_non_null(err.hint);
        if (strcmp(names[i], "Europe/Berln") == 0)
            assert_string_equal(err.hint, "did you mean Europe/Berlin?");
    }
}

static void the_same_name_is_the_same_zone_and_tz_stays(void **state)
{
    (void)state;
    set_zone("Asia/Tokyo");
    const struct kist_zone *zone = zone_of("Europe/Madrid");
    assert_string_equal(getenv("TZ"), "Asia/Tokyo");
    assert_int_equal(timezone, -9 * 3600);
    assert_ptr_equal(zone, zone_of("Europe/Madrid"));
    set_zone(NULL);
    zone_of("Europe/Rome");
    assert_null(getenv("TZ"));
}

static void rules_may_be_elsewhere_or_missing(void **state)
{
    char folder[] = "/tmp/kist-zone-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    setenv("TZDIR", folder, 1);
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_zone *zone = NULL;
    assert_int_equal(kist_zone_find("Europe/Vienna", &zone, &err), KIST_ERR_CONFIG);
    zone_of("UTC");
    snprintf(path, sizeof path, "%s/Here", folder);
    assert_int_equal(symlink("/usr/share/zoneinfo/Asia/Kathmandu", path), 0);
    assert_int_equal(kist_zone_offset(zone_of("Here"), utc(2027, 1, 1, 0, 0, 0)), 20700);
    unlink(path);
    /* The C library takes half a file for UTC. */
    snprintf(path, sizeof path, "%s/Half", folder);
    FILE *half = fopen(path, "w");
    assert_non_null(half);
    fprintf(half, "TZif2%080d", 0);
    fclose(half);
    assert_int_equal(kist_zone_find("Half", &zone, &err), KIST_ERR_CONFIG);
    unlink(path);
    rmdir(folder);
    unsetenv("TZDIR");
}

static void reading_one_is_quick(void **state)
{
    struct timespec from, to;
    (void)state;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    zone_of("America/Los_Angeles");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    int64_t us = (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000;
    print_message("a zone is read in %lld us\n", (long long)us);
    assert_true(us < 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_time_is_that_of_the_c_library),
        cmocka_unit_test(local_times_are_found_again),
        cmocka_unit_test(changes_are_exact),
        cmocka_unit_test(fields_may_be_out_of_their_range),
        cmocka_unit_test(no_other_name_is_taken),
        cmocka_unit_test(the_same_name_is_the_same_zone_and_tz_stays),
        cmocka_unit_test(rules_may_be_elsewhere_or_missing),
        cmocka_unit_test(reading_one_is_quick),
    };
    unsetenv("TZ");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
