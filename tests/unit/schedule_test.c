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

static void expect_slots(const char *text, const char *zone, int64_t from, const int64_t *slots, size_t count)
{
    struct kist_schedule schedule = schedule_of(text, zone);
    int64_t time = from;
    for (size_t i = 0; i < count; i++) {
        time = kist_schedule_next(&schedule, time);
        if (time != slots[i])
            fail_msg("%s in %s: slot %zu is %lld instead of %lld", text, zone, i, (long long)time,
                     (long long)slots[i]);
        assert_int_equal(kist_schedule_last(&schedule, time), time);
        assert_int_equal(kist_schedule_last(&schedule, kist_schedule_next(&schedule, time) - 1), time);
    }
}

#define EXPECT(text, zone, from, ...)                                                                             \
    expect_slots(text, zone, from, (const int64_t[]){__VA_ARGS__}, COUNT(((const int64_t[]){__VA_ARGS__})))

/* Berlin: 02:00 becomes 03:00 on 2027-03-28 at 01:00 UTC. */
static void what_the_clocks_skip_comes_at_the_end_of_the_gap(void **state)
{
    (void)state;
    EXPECT("30 2 * * *", "Europe/Berlin", at(2027, 3, 27, 0, 0), at(2027, 3, 27, 1, 30), at(2027, 3, 28, 1, 0),
           at(2027, 3, 29, 0, 30));
    /* Once, however many fall into it, and also when the end of the gap is one itself. */
    EXPECT("*/10 2,3 * * *", "Europe/Berlin", at(2027, 3, 28, 0, 0), at(2027, 3, 28, 1, 0),
           at(2027, 3, 28, 1, 10));
    /* Hours that pass are not skipped. */
    EXPECT("30 * * * *", "Europe/Berlin", at(2027, 3, 28, 0, 0), at(2027, 3, 28, 0, 30), at(2027, 3, 28, 1, 30));
    EXPECT("15 2 * * *", "Australia/Lord_Howe", at(2027, 10, 2, 0, 0), at(2027, 10, 2, 15, 30),
           at(2027, 10, 3, 15, 15));
    EXPECT("0 3 * * *", "America/New_York", at(2027, 3, 13, 9, 0), at(2027, 3, 14, 7, 0), at(2027, 3, 15, 7, 0));
}

/* Berlin: 03:00 becomes 02:00 on 2027-10-31 at 01:00 UTC. */
static void what_comes_twice_is_a_slot_once(void **state)
{
    (void)state;
    EXPECT("30 2 * * *", "Europe/Berlin", at(2027, 10, 30, 1, 0), at(2027, 10, 31, 0, 30), at(2027, 11, 1, 1, 30));
    EXPECT("0 2,3 * * *", "Europe/Berlin", at(2027, 10, 30, 23, 0), at(2027, 10, 31, 0, 0), at(2027, 10, 31, 2, 0),
           at(2027, 11, 1, 1, 0));
    EXPECT("30 * * * *", "Europe/Berlin", at(2027, 10, 31, 0, 0), at(2027, 10, 31, 0, 30), at(2027, 10, 31, 1, 30),
           at(2027, 10, 31, 2, 30));
    EXPECT("45 1 * * *", "Australia/Lord_Howe", at(2027, 4, 3, 0, 0), at(2027, 4, 3, 14, 45),
           at(2027, 4, 4, 15, 15));
    EXPECT("30 1 * * *", "America/New_York", at(2027, 11, 7, 0, 0), at(2027, 11, 7, 5, 30),
           at(2027, 11, 8, 6, 30));
}

static void rare_slots_are_found(void **state)
{
    (void)state;
    EXPECT("0 0 29 2 *", "UTC", at(2028, 3, 1, 0, 0), at(2032, 2, 29, 0, 0), at(2036, 2, 29, 0, 0));
    EXPECT("0 0 29 feb */7", "Europe/Berlin", at(2027, 3, 1, 0, 0), at(2032, 2, 28, 23, 0));
    struct kist_schedule schedule = schedule_of("0 0 29 2 *", "Europe/Berlin");
    struct timespec begin, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(kist_schedule_next(&schedule, at(2096, 2, 29, 0, 0)), -1);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    int64_t us = (end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_nsec - begin.tv_nsec) / 1000;
    print_message("a slot that is four years away is found in %lld ns\n", (long long)us);
    assert_true(us < 1000 * 1000);
}

static void every_counts_from_1970(void **state)
{
    (void)state;
    EXPECT("every 6h", "Europe/Berlin", at(2027, 3, 28, 0, 0) - 1, at(2027, 3, 28, 0, 0), at(2027, 3, 28, 6, 0));
    EXPECT(" every  90m ", "UTC", at(2027, 1, 1, 0, 0), at(2027, 1, 1, 1, 30), at(2027, 1, 1, 3, 0));
    EXPECT("every 1w", "UTC", at(2027, 1, 1, 0, 0), at(2027, 1, 7, 0, 0));
    assert_int_equal(kist_schedule_last(&(struct kist_schedule){0}, at(2027, 1, 1, 0, 0)), -1);
    assert_int_equal(kist_schedule_next(&(struct kist_schedule){0}, at(2027, 1, 1, 0, 0)), -1);
}

static void there_is_nothing_before_1970_and_after_2100(void **state)
{
    static const char *const texts[] = {"* * * * *", "0 3 * * *", "every 5m"};
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        for (size_t z = 0; z < COUNT(zones); z++) {
            struct kist_schedule schedule = schedule_of(texts[i], zones[z]);
            int64_t first = kist_schedule_next(&schedule, INT64_MIN);
            assert_true(first >= 0 && first < DAY);
            assert_int_equal(kist_schedule_last(&schedule, first - 1), -1);
            assert_int_equal(kist_schedule_last(&schedule, INT64_MIN), -1);
            int64_t last = kist_schedule_last(&schedule, INT64_MAX);
            assert_true(last >= at(2100, 12, 31, 0, 0) && last < at(2101, 1, 1, 0, 0));
            assert_int_equal(kist_schedule_next(&schedule, last), -1);
            assert_int_equal(kist_schedule_next(&schedule, INT64_MAX), -1);
        }
}

static void names_and_words_are_understood(void **state)
{
    static const char *const same[][2] = {
        {"0 0 * JAN,feb Mon-Fri", "0 0 * 1,2 1-5"},
        {"0 0 * * 7", "0 0 * * 0"},
        {"0 0 * * sat-sun", "0 0 * * 0,6"},
        {"0 0 * * 0-7", "0 0 * * 0-6"},
        {"\t@Daily ", "0 0 * * *"},
        {"@midnight", "0 0 * * *"},
        {"@weekly", "0 0 * * sun"},
        {"@monthly", "0 0 1 * *"},
        {"@yearly", "0 0 1 1 *"},
        {"@annually", "0 0 1 1 *"},
        {"@hourly", "0 0-23 * * *"},
        {"*/20 8-18/5 * * *", "0,20,40 8,13,18 * * *"},
        {" 05\t6 * *  * ", "5 6 * * *"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(same); i++) {
        struct kist_schedule one = schedule_of(same[i][0], "UTC"), other = schedule_of(same[i][1], "UTC");
        assert_true(one.minutes == other.minutes && one.hours == other.hours && one.days == other.days);
        assert_true(one.months == other.months && one.weekdays == other.weekdays);
        assert_ptr_equal(one.text, same[i][0]);
    }
}

static void mistakes_are_named(void **state)
{
    static const char *const cases[][3] = {
        {"60 25 * * *", "minute '60' is out of its range", "0-59"},
        {"0 24 * * *", "hour '24' is out of its range", "0-23"},
        {"0 0 0 * *", "day of month '0' is out of its range", "1-31"},
        {"0 0 * 13 *", "month '13' is out of its range", "1-12 or jan-dec"},
        {"0 0 * * 8", "day of week '8' is out of its range", "0-7 or sun-sat"},
        {"0 0 31 feb *", "'0 0 31 feb *' never happens", "months end"},
        {"0 0 30,31 2 */7", "never happens", "months end"},
        {"0 0 31 4,6,9,11 *", "never happens", "months end"},
        {"*/0 * * * *", "minute '*/0' has a step of 0", "steps"},
        {"*/60 * * * *", "minute '*/60' has a step that leaves the field", "every 36h"},
        {"0 */x * * *", "hour '*/x' has no number as its step", "steps"},
        {"5/15 * * * *", "minute '5/15' has a step, but no range", "ranges (A-B)"},
        {"30-10 * * * *", "minute '30-10' is a range that ends before it begins", "ranges"},
        {"0 0 * * fri-mon", "day of week 'fri-mon' is a range that ends", "ranges"},
        {"0 0 * feb-foo *", "month 'feb-foo' is not understood", "jan-dec"},
        {"0 0 * * 1,,2", "day of week '' is empty", "list"},
        {"-1 0 * * *", "minute '-1' is not understood", "0-59"},
        {"1.5 0 * * *", "minute '1.5' is not understood", "0-59"},
        {"99999999999 0 * * *", "minute '99999999999' is not understood", "0-59"},
        {"0 0 L * *", "day of month 'L' is not understood", "1-31"},
        {"", "'' has 0 fields instead of 5", "@daily"},
        {"0 3 * *", "'0 3 * *' has 4 fields instead of 5", "@daily"},
        {"0 0 3 * * *", "'0 0 3 * * *' has 6 fields instead of 5", "@daily"},
        {"@dayly", "there is no '@dayly'", "did you mean @daily?"},
        {"@reboot", "there is no '@reboot'", "@weekly"},
        {"every 0m", "'every 0m' is not a number of whole minutes", "every 1m"},
        {"every 90s", "'every 90s' is not a number of whole minutes", "every 1m"},
        {"every 53w", "'every 53w' is longer than a year", "366d"},
        {"every", "'' is not a duration", "every 6h"},
        {"every day", "' day' is not a duration", "every 6h"},
        {"every 6", "' 6' is not a duration", "every 6h"},
        {"every 999999999999w", "is too long", "every 6h"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        struct kist_schedule schedule = {.kind = KIST_SCHEDULE_NONE};
        assert_int_equal(kist_schedule_parse(cases[i][0], "UTC", 0, "shop", &schedule, &err), KIST_ERR_CONFIG);
        if (!strstr(err.message, cases[i][1]) || !err.hint || !strstr(err.hint, cases[i][2]))
            fail_msg("%s: %s (%s)", cases[i][0], err.message, err.hint ? err.hint : "no hint");
        assert_int_equal(schedule.kind, KIST_SCHEDULE_NONE);
    }
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_schedule schedule;
    assert_int_equal(kist_schedule_parse("@daily", "Foo/Bar", 0, "shop", &schedule, &err), KIST_ERR_CONFIG);
}

static void the_share_of_the_jitter_is_a_pipelines_own(void **state)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    int64_t shares[100], sum = 0;
    size_t same = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(shares); i++) {
        struct kist_schedule schedule, again;
        char name[16];
        snprintf(name, sizeof name, "shop-%zu", i);
        assert_int_equal(kist_schedule_parse("30 2 * * *", "UTC", 600 * 1000, name, &schedule, &err), 0);
        assert_int_equal(kist_schedule_parse("30 2 * * *", "UTC", 600 * 1000, name, &again, &err), 0);
        assert_int_equal(schedule.offset, again.offset);
        assert_true(schedule.offset >= 0 && schedule.offset < 600);
        int64_t slot = at(2027, 1, 1, 2, 30) + schedule.offset;
        assert_int_equal(kist_schedule_next(&schedule, slot - 1), slot);
        assert_int_equal(kist_schedule_next(&schedule, slot), slot + DAY);
        assert_int_equal(kist_schedule_last(&schedule, slot), slot);
        assert_int_equal(kist_schedule_last(&schedule, slot - 1), slot - DAY);
        shares[i] = schedule.offset;
        sum += schedule.offset;
        for (size_t k = 0; k < i; k++)
            same += shares[k] == shares[i];
    }
    assert_true(sum > 100 * 200 && sum < 100 * 400);
    assert_true(same < 25);
    struct kist_schedule schedule;
    assert_int_equal(kist_schedule_parse("@daily", "UTC", 999, "shop", &schedule, &err), 0);
    assert_int_equal(schedule.offset, 0);
    /* Fixed for ever: hosts of different versions have the same slots. */
    assert_int_equal(kist_schedule_parse("@daily", "UTC", 3600 * 1000, "shop-daily", &schedule, &err), 0);
    assert_int_equal(schedule.offset, 2049);
}

static void overdue_is_a_quarter_after_the_next_slot(void **state)
{
    struct kist_schedule daily = schedule_of("0 3 * * *", "UTC"), often = schedule_of("every 15m", "UTC"),
                         hourly = schedule_of("0 * * * *", "UTC"), monthly = schedule_of("@monthly", "UTC");
    (void)state;
    int64_t good = at(2027, 1, 1, 3, 0) + 5;
    assert_int_equal(kist_schedule_overdue_at(&daily, good), at(2027, 1, 2, 9, 0));
    assert_int_equal(kist_schedule_overdue_at(&often, good), at(2027, 1, 1, 3, 25));
    assert_int_equal(kist_schedule_overdue_at(&hourly, good), at(2027, 1, 1, 4, 15));
    assert_int_equal(kist_schedule_overdue_at(&monthly, good), at(2027, 2, 1, 6, 0));
    assert_int_equal(kist_schedule_overdue_at(&(struct kist_schedule){0}, good), -1);
    assert_int_equal(kist_schedule_overdue_at(&monthly, at(2100, 11, 30, 0, 0)), at(2100, 12, 1, 6, 0));
    assert_int_equal(kist_schedule_overdue_at(&monthly, at(2100, 12, 30, 0, 0)), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_clocks_skip_comes_at_the_end_of_the_gap),
        cmocka_unit_test(what_comes_twice_is_a_slot_once),
        cmocka_unit_test(rare_slots_are_found),
        cmocka_unit_test(every_counts_from_1970),
        cmocka_unit_test(there_is_nothing_before_1970_and_after_2100),
        cmocka_unit_test(names_and_words_are_understood),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(the_share_of_the_jitter_is_a_pipelines_own),
        cmocka_unit_test(overdue_is_a_quarter_after_the_next_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
