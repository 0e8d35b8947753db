/* retention_scene.h - a history, its rules and the plan that comes of them, for the tests of retention. */
#ifndef KIST_TESTS_RETENTION_SCENE_H
#define KIST_TESTS_RETENTION_SCENE_H

#include "retention.h"

#define DAY INT64_C(86400)
#define NOON INT64_C(1795262400) /* 2026-11-21T12:00:00Z, a Saturday */
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A history of `count` good backups, one a day, the newest one an hour old. */
struct scene {
    struct kist_candidate backups[40];
    size_t count;
    struct kist_retention rules;
    struct kist_plan plan;
};

static inline struct scene scene_of(size_t count, const char *keep)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    struct scene scene = {.count = count, .rules = {.min_keep = 1, .max_delete = 100, .now = NOON}};
    for (size_t i = 0; i < count; i++)
        scene.backups[i] =
            (struct kist_candidate){.time = NOON - 3600 - (int64_t)(count - 1 - i) * DAY, .good = 1};
    assert_int_equal(kist_zone_find("UTC", &scene.rules.zone, &err), 0);
    if (keep)
        assert_int_equal(kist_keep_parse(keep, &scene.rules.keep, &err), 0);
    return scene;
}

static inline void plan(struct scene *scene)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    kist_plan_done(&scene->plan);
    assert_int_equal(kist_retention_plan(scene->backups, scene->count, &scene->rules, &scene->plan, &err), 0);
    assert_int_equal(scene->plan.count, scene->count);
}

static inline void assert_fate(const struct scene *scene, size_t index, enum kist_fate fate, const char *text)
{
    const struct kist_plan_entry *entry = &scene->plan.entries[index];
    if (entry->fate != fate || strcmp(entry->text, text) != 0)
        fail_msg("backup %zu has fate %d '%s'", index, (int)entry->fate, entry->text);
}

static inline void assert_frozen(const struct scene *scene, size_t wanted, const char *frozen)
{
    assert_int_equal(scene->plan.removed, 0);
    assert_int_equal(scene->plan.wanted, wanted);
    assert_non_null(scene->plan.frozen);
    if (!strstr(scene->plan.frozen, frozen))
        fail_msg("frozen: %s", scene->plan.frozen);
    for (size_t i = 0; i < scene->count; i++)
        assert_int_not_equal(scene->plan.entries[i].fate, KIST_FATE_REMOVE);
}

static inline void assert_removed(const struct scene *scene, size_t removed)
{
    if (scene->plan.frozen)
        fail_msg("frozen: %s", scene->plan.frozen);
    assert_null(scene->plan.hint);
    assert_int_equal(scene->plan.removed, removed);
    assert_int_equal(scene->plan.wanted, removed);
}

#endif
