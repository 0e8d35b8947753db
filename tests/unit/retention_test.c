/* Each guard and each fate of retention by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "retention_scene.h"

static void without_a_rule_everything_stays(void **state)
{
    struct scene scene = scene_of(3, NULL);
    (void)state;
    scene.backups[1].held = 1;
    scene.backups[2].good = 0;
    plan(&scene);
    assert_removed(&scene, 0);
    assert_fate(&scene, 0, KIST_FATE_NO_RULE, "there is no `keep`");
    assert_fate(&scene, 1, KIST_FATE_HELD, "held");
    scene.rules.keep.set = 1; /* and asks for nothing */
    plan(&scene);
    assert_removed(&scene, 0);
    kist_plan_done(&scene.plan);
}

static void nothing_is_nothing_to_plan(void **state)
{
    struct scene scene = scene_of(0, "1 last");
    (void)state;
    scene.rules.freeze = "the last run failed";
    plan(&scene);
    assert_removed(&scene, 0);
    kist_plan_done(&scene.plan);
}

static void each_rule_says_why(void **state)
{
    struct scene scene = scene_of(30, "1 hour, 2 last, 1 hourly, 1 daily, 1 weekly, 1 monthly, 1 yearly");
    (void)state;
    scene.backups[0].time -= 400 * DAY;
    scene.rules.keep.within = 7200;
    plan(&scene);
    assert_fate(&scene, 29, KIST_FATE_WITHIN, "within 2 hours");
    assert_fate(&scene, 28, KIST_FATE_LAST, "last 1 of 2");
    assert_fate(&scene, 27, KIST_FATE_LAST, "last 2 of 2");
    assert_fate(&scene, 26, KIST_FATE_HOURLY, "hourly 2026-11-18 11h");
    assert_fate(&scene, 25, KIST_FATE_DAILY, "daily 2026-11-17");
    assert_fate(&scene, 23, KIST_FATE_WEEKLY, "weekly 2026-W46");
    assert_fate(&scene, 8, KIST_FATE_MONTHLY, "monthly 2026-10");
    assert_fate(&scene, 0, KIST_FATE_YEARLY, "yearly 2025");
    assert_fate(&scene, 24, KIST_FATE_REMOVE, "expired");
    assert_removed(&scene, 22);
    kist_plan_done(&scene.plan);
}

static void a_young_history_keeps_its_beginning(void **state)
{
    struct scene scene = scene_of(5, "2 last, 3 yearly");
    (void)state;
    plan(&scene);
    assert_fate(&scene, 0, KIST_FATE_YEARLY, "yearly 2026, the oldest");
    assert_removed(&scene, 2);
    kist_plan_done(&scene.plan);
}

static void periods_are_those_of_the_zone(void **state)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    struct scene scene = scene_of(3, "2 daily");
    (void)state;
    /* 21:30, 22:30 and 23:30 of UTC are in Berlin, in summer, one day's last half hour and the next day's first two. */
    for (size_t i = 0; i < 3; i++)
        scene.backups[i].time = INT64_C(1782941400) + (int64_t)i * 3600;
    scene.backups[2].verified = 1;
    plan(&scene);
    assert_fate(&scene, 0, KIST_FATE_DAILY, "daily 2026-07-01, the oldest");
    assert_fate(&scene, 2, KIST_FATE_DAILY, "daily 2026-07-01");
    assert_int_equal(kist_zone_find("Europe/Berlin", &scene.rules.zone, &err), 0);
    plan(&scene);
    assert_fate(&scene, 0, KIST_FATE_DAILY, "daily 2026-07-01");
    assert_fate(&scene, 1, KIST_FATE_REMOVE, "expired");
    assert_fate(&scene, 2, KIST_FATE_DAILY, "daily 2026-07-02");
    kist_plan_done(&scene.plan);
}

static void held_ones_stay(void **state)
{
    struct scene scene = scene_of(6, "2 last");
    (void)state;
    scene.backups[1].held = 1;
    scene.backups[2].held = 1;
    scene.backups[2].good = 0;
    scene.backups[5].held = 1;
    plan(&scene);
    assert_fate(&scene, 1, KIST_FATE_HELD, "held");
    assert_fate(&scene, 2, KIST_FATE_HELD, "held");
    assert_fate(&scene, 5, KIST_FATE_HELD, "held");
    assert_removed(&scene, 2);
    kist_plan_done(&scene.plan);
}

static void what_cannot_be_read_stays_with_all_that_it_may_need(void **state)
{
    struct scene scene = scene_of(6, "1 last");
    (void)state;
    scene.backups[2].unreadable = 1;
    scene.backups[2].good = 0;
    plan(&scene);
    assert_fate(&scene, 2, KIST_FATE_UNREADABLE, "its manifest cannot be read");
    assert_fate(&scene, 0, KIST_FATE_NEEDED, "a newer one that cannot be read may need it");
    assert_fate(&scene, 1, KIST_FATE_NEEDED, "a newer one that cannot be read may need it");
    assert_fate(&scene, 3, KIST_FATE_REMOVE, "expired");
    assert_removed(&scene, 2);
    kist_plan_done(&scene.plan);
}

static void bad_ones_take_no_good_ones_place(void **state)
{
    struct scene scene = scene_of(6, "3 daily");
    (void)state;
    scene.backups[4].good = 0;
    scene.backups[3].good = 0;
    plan(&scene);
    for (size_t i = 1; i < 6; i++)
        assert_int_equal(scene.plan.entries[i].fate, KIST_FATE_DAILY);
    assert_removed(&scene, 1);
    kist_plan_done(&scene.plan);
}

static void the_newest_verified_one_stays(void **state)
{
    struct scene scene = scene_of(6, "2 last");
    (void)state;
    scene.backups[0].verified = 1;
    scene.backups[1].verified = 1;
    scene.backups[2].verified = 1;
    scene.backups[2].good = 0; /* a later proof found it bad */
    plan(&scene);
    assert_fate(&scene, 1, KIST_FATE_VERIFIED, "the newest verified one");
    assert_fate(&scene, 0, KIST_FATE_REMOVE, "expired");
    assert_removed(&scene, 3);
    kist_plan_done(&scene.plan);
}

static void the_newest_good_one_stays(void **state)
{
    struct scene scene = scene_of(3, "1 hour");
    (void)state;
    plan(&scene);
    assert_fate(&scene, 2, KIST_FATE_NEWEST, "the newest good one");
    assert_removed(&scene, 2);
    kist_plan_done(&scene.plan);
}

static void min_keep_good_ones_stay(void **state)
{
    struct scene scene = scene_of(6, "1 last");
    (void)state;
    scene.rules.min_keep = 3;
    scene.backups[4].good = 0;
    plan(&scene);
    assert_fate(&scene, 3, KIST_FATE_MIN_KEEP, "min_keep = 3");
    assert_fate(&scene, 2, KIST_FATE_MIN_KEEP, "min_keep = 3");
    assert_fate(&scene, 4, KIST_FATE_REMOVE, "expired");
    assert_removed(&scene, 3);
    /* One that stays in any case counts. */
    scene.backups[0].held = 1;
    plan(&scene);
    assert_fate(&scene, 2, KIST_FATE_REMOVE, "expired");
    scene.rules.min_keep = 100;
    plan(&scene);
    assert_removed(&scene, 1);
    kist_plan_done(&scene.plan);
}

static void a_reason_of_the_caller_freezes(void **state)
{
    struct scene scene = scene_of(4, "2 last");
    (void)state;
    scene.rules.freeze = "the last run failed";
    plan(&scene);
    assert_frozen(&scene, 2, "the last run failed");
    assert_fate(&scene, 0, KIST_FATE_FROZEN, "expired, but nothing is deleted now");
    assert_fate(&scene, 3, KIST_FATE_LAST, "last 1 of 2");
    scene.rules.freeze = "";
    plan(&scene);
    assert_frozen(&scene, 2, "the last run was not good");
    kist_plan_done(&scene.plan);
}

static void where_nothing_would_go_nothing_is_frozen(void **state)
{
    struct scene scene = scene_of(4, "4 last");
    (void)state;
    scene.rules.freeze = "the last run failed";
    scene.rules.now -= 400 * DAY;
    plan(&scene);
    assert_removed(&scene, 0);
    kist_plan_done(&scene.plan);
}

static void a_newest_one_that_is_not_good_freezes(void **state)
{
    struct scene scene = scene_of(6, "2 last");
    (void)state;
    scene.backups[5].good = 0;
    plan(&scene);
    assert_frozen(&scene, 3, "the newest backup is not good");
    assert_non_null(scene.plan.hint);
    kist_plan_done(&scene.plan);
}

static void a_plan_above_max_delete_is_refused_as_a_whole(void **state)
{
    struct scene scene = scene_of(10, "5 last");
    (void)state;
    scene.rules.max_delete = 50;
    plan(&scene);
    assert_removed(&scene, 5);
    scene.rules.max_delete = 49;
    plan(&scene);
    assert_frozen(&scene, 5, "5 of 10 backups would go at once, and max_delete = 49% allows 4");
    assert_non_null(strstr(scene.plan.hint, "max_delete"));
    scene.rules.max_delete = 0;
    plan(&scene);
    assert_frozen(&scene, 5, "allows 0");
    scene.rules.max_delete = -1;
    plan(&scene);
    assert_frozen(&scene, 5, "allows 0");
    kist_plan_done(&scene.plan);
}

static void a_clock_ten_years_ahead_deletes_nothing(void **state)
{
    struct scene scene = scene_of(30, "30 days");
    (void)state;
    scene.rules.now += 3653 * DAY;
    scene.rules.max_delete = 50;
    scene.rules.min_keep = 2;
    plan(&scene);
    assert_frozen(&scene, 28, "28 of 30 backups would go at once");
    kist_plan_done(&scene.plan);
}

static void the_clock_is_blamed_first(void **state)
{
    struct scene scene = scene_of(30, "30 days");
    (void)state;
    scene.rules.server_time = scene.rules.now;
    scene.rules.now += 3653 * DAY;
    scene.rules.max_delete = 50;
    scene.rules.freeze = "the last run failed";
    plan(&scene);
    assert_frozen(&scene, 29, "this host's clock and that of the destination are 3653 d 00 h apart");
    kist_plan_done(&scene.plan);
}

static void corrupt_newest_ones_do_not_push_out_the_verified_one(void **state)
{
    struct scene scene = scene_of(8, "3 last");
    (void)state;
    for (size_t i = 4; i < 7; i++)
        scene.backups[i].good = 0;
    scene.backups[3].verified = 1;
    plan(&scene);
    assert_fate(&scene, 3, KIST_FATE_LAST, "last 2 of 3");
    scene.backups[7].good = 0;
    plan(&scene);
    assert_frozen(&scene, 2, "the newest backup is not good");
    kist_plan_done(&scene.plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rule_everything_stays),
        cmocka_unit_test(nothing_is_nothing_to_plan),
        cmocka_unit_test(each_rule_says_why),
        cmocka_unit_test(a_young_history_keeps_its_beginning),
        cmocka_unit_test(periods_are_those_of_the_zone),
        cmocka_unit_test(held_ones_stay),
        cmocka_unit_test(what_cannot_be_read_stays_with_all_that_it_may_need),
        cmocka_unit_test(bad_ones_take_no_good_ones_place),
        cmocka_unit_test(the_newest_verified_one_stays),
        cmocka_unit_test(the_newest_good_one_stays),
        cmocka_unit_test(min_keep_good_ones_stay),
        cmocka_unit_test(a_reason_of_the_caller_freezes),
        cmocka_unit_test(where_nothing_would_go_nothing_is_frozen),
        cmocka_unit_test(a_newest_one_that_is_not_good_freezes),
        cmocka_unit_test(a_plan_above_max_delete_is_refused_as_a_whole),
        cmocka_unit_test(a_clock_ten_years_ahead_deletes_nothing),
        cmocka_unit_test(the_clock_is_blamed_first),
        cmocka_unit_test(corrupt_newest_ones_do_not_push_out_the_verified_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
