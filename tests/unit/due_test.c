/* When a run is due: a host that lives through a year, and what can go wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "due.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define HOUR 3600
#define DAY (24 * HOUR)

/* A host with a pipeline whose backups all arrive. */
struct host {
    struct kist_schedule schedule;
    struct kist_ledger ledger;
    int64_t newest; /* on the destination */
    int64_t runs, last_slot;
};

static int64_t at(const char *text)
{
    int64_t seconds = 0;
    if (!kist_time_parse(text, &seconds))
        fail_msg("%s is no time", text);
    return seconds;
}

static struct host host_of(const char *schedule, const char *zone)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct host host = {.newest = -1};
    if (kist_schedule_parse(schedule, zone, 0, "shop", &host.schedule, &err))
        fail_msg("%s: %s", schedule, kist_error_text(&err));
    return host;
}

static int64_t due(const struct host *host, int64_t now)
{
    return kist_due_slot(&host->schedule, &host->ledger, host->newest, now);
}

/* What a run notes before it does anything, and what when it is over. */
static void begin(struct host *host, int64_t slot)
{
    host->ledger.tries = host->ledger.slot == slot && !host->ledger.ended ? host->ledger.tries + 1 : 1;
    host->ledger.slot = slot;
    host->ledger.ended = 0;
}

static void end(struct host *host, int64_t now, int good)
{
    host->ledger.ended = 1;
    if (good)
        host->newest = now;
}

/* One look, and a run if there is need of one; each slot at most once, and in order. */
static int look(struct host *host, int64_t now)
{
    int64_t slot = due(host, now);
    if (!slot)
        return 0;
    assert_true(slot <= now);
    assert_true(slot > host->last_slot);
    host->last_slot = slot;
    host->runs++;
    begin(host, slot);
    end(host, now, 1);
    return 1;
}

static const struct {
    const char *schedule, *zone;
} years[] = {
    {"0 2 * * *", "UTC"},
    {"30 2 * * *", "Europe/Berlin"},
    {"30 1 * * *", "Europe/Berlin"},
    {"0 0 29 2 *", "UTC"},
    {"15 3 1 * *", "America/New_York"},
    {"*/20 * * * *", "Australia/Lord_Howe"},
    {"0 */6 * * *", "Asia/Kolkata"},
    {"@hourly", "Europe/Berlin"},
    {"every 7h", "UTC"},
    {"0 9 * * mon-fri", "Pacific/Chatham"},
};

/* Through the leap year 2028, a look each minute: every slot is run once, in its minute. */
static void every_slot_of_a_year_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(years); i++) {
        struct host host = host_of(years[i].schedule, years[i].zone);
        int64_t now = at("2028-01-01T00:00:00Z"), until = at("2029-01-01T00:00:00Z");
        host.newest = now;
        int64_t next = kist_schedule_next(&host.schedule, now), expected = 0;
        for (now += 60; now < until; now += 60) {
            int slot_now = next >= 0 && next <= now;
            assert_int_equal(look(&host, now), slot_now);
            if (slot_now) {
                assert_int_equal(host.last_slot, next);
                expected++;
                next = kist_schedule_next(&host.schedule, next);
            }
        }
        assert_int_equal(host.runs, expected);
        assert_true(expected >= 1);
    }
}

/* Sleeps of all lengths, also over both changes of the clocks: one run for all that was missed. */
static void what_was_slept_over_is_made_up_for_once(void **state)
{
    (void)state;
    uint32_t random = 4711;
    for (size_t i = 0; i < COUNT(years); i++) {
        struct host host = host_of(years[i].schedule, years[i].zone);
        int64_t now = at("2028-01-01T00:00:00Z"), until = at("2029-01-01T00:00:00Z");
        host.newest = now;
        while (now < until) {
            random = random * 1664525u + 1013904223u;
            int64_t before = now;
            now += random % 16 == 0 ? 60 * (int64_t)(random >> 18) : 60;
            int64_t slot = kist_schedule_last(&host.schedule, now);
            assert_int_equal(look(&host, now), slot > before);
            assert_int_equal(look(&host, now), 0);
        }
    }
}

/* The state directory is emptied again and again; the destination knows. */
static void a_lost_ledger_repeats_nothing(void **state)
{
    (void)state;
    struct host host = host_of("0 */4 * * *", "Europe/Berlin");
    int64_t now = at("2028-03-01T00:00:00Z"), until = at("2028-04-01T00:00:00Z"), expected = 0;
    host.newest = now;
    for (int64_t slot = kist_schedule_next(&host.schedule, now); slot < until;
         slot = kist_schedule_next(&host.schedule, slot))
        expected++;
    for (now += 60; now < until; now += 60) {
        host.ledger = (struct kist_ledger){0};
        (void)look(&host, now);
    }
    assert_int_equal(host.runs, expected);
}

static void a_new_pipeline_is_due_at_once(void **state)
{
    (void)state;
    struct host host = host_of("0 2 * * *", "UTC");
    assert_int_equal(due(&host, at("2028-05-05T12:00:00Z")), at("2028-05-05T02:00:00Z"));
    struct host without = {.newest = -1};
    assert_int_equal(due(&without, at("2028-05-05T12:00:00Z")), 0);
}

static void a_run_that_failed_is_not_repeated(void **state)
{
    (void)state;
    struct host host = host_of("0 2 * * *", "UTC");
    int64_t slot = at("2028-05-05T02:00:00Z");
    host.newest = slot - DAY;
    assert_int_equal(due(&host, slot - 1), 0);
    assert_int_equal(due(&host, slot), slot);
    begin(&host, slot);
    end(&host, slot + 60, 0);
    for (int64_t now = slot; now < slot + DAY; now += 60)
        assert_int_equal(due(&host, now), 0);
    assert_int_equal(due(&host, slot + DAY), slot + DAY);
}

static void a_run_that_was_killed_is_begun_three_times(void **state)
{
    (void)state;
    struct host host = host_of("0 2 * * *", "UTC");
    int64_t slot = at("2028-05-05T02:00:00Z");
    host.newest = slot - DAY;
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(due(&host, slot + 60 * i), slot);
        begin(&host, slot);
        assert_int_equal(host.ledger.tries, i);
    }
    assert_int_equal(due(&host, slot + HOUR), 0);
    assert_int_equal(due(&host, slot + DAY), slot + DAY);
    begin(&host, slot + DAY);
    assert_int_equal(host.ledger.tries, 1);
}

static void a_backup_by_hand_counts(void **state)
{
    (void)state;
    struct host host = host_of("0 2 * * *", "UTC");
    int64_t slot = at("2028-05-05T02:00:00Z");
    host.newest = slot - 1;
    assert_int_equal(due(&host, slot + HOUR), slot);
    host.newest = slot;
    assert_int_equal(due(&host, slot + HOUR), 0);
}

/* Ten years ahead for a day, and a year behind: no slot of the true time is passed over for longer than an hour. */
static void a_wrong_clock_silences_nobody(void **state)
{
    (void)state;
    struct host host = host_of("0 2 * * *", "UTC");
    int64_t slot = at("2028-05-05T02:00:00Z");
    host.newest = slot;
    host.last_slot = slot;
    assert_int_equal(look(&host, slot + 3650 * (int64_t)DAY + 60), 1);
    assert_int_equal(host.newest > slot + 3000 * (int64_t)DAY, 1);
    /* Back in the present: the next slot is due, though a backup of the future exists, and only once. */
    assert_int_equal(due(&host, slot + DAY), slot + DAY);
    begin(&host, slot + DAY);
    host.ledger.ended = 1;
    assert_int_equal(due(&host, slot + DAY + HOUR), 0);
    assert_int_equal(due(&host, slot + 2 * DAY), slot + 2 * DAY);
    /* A year behind. */
    struct host behind = host_of("0 2 * * *", "UTC");
    behind.newest = slot;
    assert_int_equal(due(&behind, slot - 365 * DAY + 60) != 0, 1);
    /* A little behind: what was done is done. */
    assert_int_equal(due(&behind, slot - 60), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_slot_of_a_year_once),
        cmocka_unit_test(what_was_slept_over_is_made_up_for_once),
        cmocka_unit_test(a_lost_ledger_repeats_nothing),
        cmocka_unit_test(a_new_pipeline_is_due_at_once),
        cmocka_unit_test(a_run_that_failed_is_not_repeated),
        cmocka_unit_test(a_run_that_was_killed_is_begun_three_times),
        cmocka_unit_test(a_backup_by_hand_counts),
        cmocka_unit_test(a_wrong_clock_silences_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
