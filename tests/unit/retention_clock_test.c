/* Retention waits where a clock must be wrong, and no longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

static char *guard(const struct scene *scene)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    char *reason = NULL;
    assert_int_equal(kist_retention_guard(scene->backups, scene->count, &scene->rules, &reason, &err), 0);
    return reason;
}

static void assert_guarded(const struct scene *scene, const char *words)
{
    char *reason = guard(scene);
    if (!reason || !strstr(reason, words))
        fail_msg("the guard says: %s", reason ? reason : "nothing");
    free(reason);
}

/* What goes by other rules than `keep` is guarded in the same way, whether or not there is one. */
static void the_guard_is_that_of_a_plan(void **state)
{
    struct scene scene = scene_of(4, NULL);
    (void)state;
    assert_null(guard(&scene));
    scene.rules.max_delete = 0;
    assert_null(guard(&scene));
    scene.rules.server_time = NOON - 601;
    assert_guarded(&scene, "that of the destination are 10 min 01 s apart");
    scene.rules.server_time = 0;
    scene.rules.now = scene.backups[3].time - 61;
    assert_guarded(&scene, "behind the newest backup");
    scene.rules.now = NOON;
    scene.backups[3].good = 0;
    assert_guarded(&scene, "the newest backup is not good");
    scene.backups[3].good = 1;
    scene.rules.freeze = "a run is at work";
    assert_guarded(&scene, "a run is at work");
    scene.count = 0;
    assert_null(guard(&scene));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_behind_the_newest_one_freezes),
        cmocka_unit_test(a_clock_that_was_wrong_once),
        cmocka_unit_test(a_server_with_another_time_freezes),
        cmocka_unit_test(the_guard_is_that_of_a_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
