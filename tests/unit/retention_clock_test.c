/* Retention waits where a clock must be wrong, and no longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "retention_scene.h"

static void a_clock_behind_the_newest_one_freezes(void **state)
{
    static const int64_t wrong[] = {61, 3600, 365 * DAY, INT64_MAX};
    struct scene scene = scene_of(4, "2 last");
    int64_t newest = scene.backups[3].time;
    (void)state;
    scene.rules.now = newest - 60;
    plan(&scene);
    assert_removed(&scene, 2);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        scene.rules.now = newest - wrong[i];
        plan(&scene);
        assert_frozen(&scene, 2, "behind the newest backup");
        assert_non_null(scene.plan.hint);
    }
    assert_string_equal(scene.plan.frozen, "this host's clock is 106751991167 d 07 h behind the newest backup");
    kist_plan_done(&scene.plan);
}

/* Ids go on from one that was far ahead, and are no times then. */
static void a_clock_that_was_wrong_once(void **state)
{
    struct scene scene = scene_of(5, "2 last");
    (void)state;
    scene.backups[2].time = NOON + 3650 * DAY;
    scene.backups[3].time = scene.backups[4].time;
    plan(&scene);
    assert_removed(&scene, 3);
    assert_fate(&scene, 4, KIST_FATE_LAST, "last 1 of 2");
    assert_fate(&scene, 3, KIST_FATE_LAST, "last 2 of 2");
    /* Until there is one of the right time, it is the clock of now that may be wrong. */
    scene.count = 3;
    plan(&scene);
    assert_frozen(&scene, 1, "behind the newest backup");
    kist_plan_done(&scene.plan);
}

static void a_server_with_another_time_freezes(void **state)
{
    static const int64_t wrong[] = {NOON - 601, NOON + 601, NOON + 3653 * DAY, 1, INT64_MAX, INT64_MIN};
    static const int64_t right[] = {0, NOON, NOON - 600, NOON + 600};
    struct scene scene = scene_of(4, "2 last");
    (void)state;
    for (size_t i = 0; i < COUNT(right); i++) {
        scene.rules.server_time = right[i];
        plan(&scene);
        assert_removed(&scene, 2);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        scene.rules.server_time = wrong[i];
        plan(&scene);
        assert_frozen(&scene, 2, "apart");
        assert_non_null(scene.plan.hint);
    }
    kist_plan_done(&scene.plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_behind_the_newest_one_freezes),
        cmocka_unit_test(a_clock_that_was_wrong_once),
        cmocka_unit_test(a_server_with_another_time_freezes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
