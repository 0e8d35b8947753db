/*
 * A million random histories x rules x clocks x failures. What must hold is asked of each plan anew, from the plan alone, by
 * code that shares nothing with the one that made it but the calendar.
 *
 * KIST_PROPERTY_SEED repeats a run (it is printed), KIST_PROPERTY_ROUNDS makes it shorter or longer. Each round has a seed of
 * its own, which a failure prints: with that one as the seed and one round it comes again at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "retention.h"

#if defined(__SANITIZE_ADDRESS__)
#define SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOW 1
#endif
#endif
#ifdef SLOW
#define ROUNDS 100000
#else
#define ROUNDS 1000000
#endif

#define MOST 48
#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

struct scene {
    uint64_t seed, state;
    struct kist_candidate backups[MOST];
    size_t count;
    struct kist_retention rules;
};

/* What was seen, so that a test in which nothing happens is noticed. */
static struct {
    size_t fates[KIST_FATE_FROZEN + 1], removing, behind, server, told, not_good, capped;
} seen;

static const struct kist_zone *zones[3];

#define CHECK(scene, truth)                                                                                       \
    do {                                                                                                          \
        if (!(truth))                                                                                             \
            fail_msg("seed %llu: %s", (unsigned long long)(scene)->seed, #truth);                                 \
    } while (0)

static uint64_t draw(struct scene *scene)
{
    uint64_t z = scene->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* 0 .. below - 1 */
static int64_t upto(struct scene *scene, int64_t below)
{
    return (int64_t)(draw(scene) % (uint64_t)below);
}

static int one_in(struct scene *scene, int64_t of)
{
    return upto(scene, of) == 0;
}

static int64_t extreme(struct scene *scene)
{
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    return times[upto(scene, 7)];
}

static int64_t plus(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* A history with a rhythm of its own, broken here and there. */
static void draw_backups(struct scene *scene)
{
    static const int64_t rhythms[] = {1, 60, HOUR, 6 * HOUR, DAY, DAY, 7 * DAY, 31 * DAY, 366 * DAY};
    int64_t rhythm = rhythms[upto(scene, 9)];
    int64_t time = one_in(scene, 100) ? extreme(scene) : upto(scene, INT64_C(4000000000));
    int64_t bad = 1 + upto(scene, 12), rare = 4 + upto(scene, 60);
    scene->count = (size_t)upto(scene, one_in(scene, 8) ? MOST + 1 : 15);
    for (size_t i = 0; i < scene->count; i++) {
        int good = !one_in(scene, bad + 1), unreadable = one_in(scene, rare * 2);
        scene->backups[i] = (struct kist_candidate){.time = time,
                                                    .good = good && !unreadable,
                                                    .verified = one_in(scene, 3),
                                                    .held = one_in(scene, rare),
                                                    .unreadable = unreadable};
        int64_t next = plus(time, one_in(scene, 6) ? 1 + upto(scene, 40 * DAY) : 1 + upto(scene, 2 * rhythm));
        if (next <= time)
            scene->count = i + 1;
        time = next;
    }
}

/* A clock that was ahead for a while, or stood still: ids go on, and times do not. */
static void draw_wrong_clock(struct scene *scene)
{
    size_t first = (size_t)upto(scene, (int64_t)scene->count), end = first + (size_t)upto(scene, 3) + 1;
    int64_t ahead = one_in(scene, 3) ? 0 : 1 + upto(scene, 3660 * DAY);
    for (size_t i = first; i < end && i < scene->count; i++)
        scene->backups[i].time = ahead ? plus(scene->backups[i].time, ahead) : scene->backups[first].time;
}

static int number(struct scene *scene)
{
    return one_in(scene, 3) ? (int)(1 + upto(scene, one_in(scene, 10) ? INT32_MAX : 8)) : 0;
}

static void draw_rules(struct scene *scene)
{
    static const char *const reasons[] = {"the last run failed", ""};
    static const int percents[] = {100, 100, 50, 50, 99, 34, 10, 1};
    struct kist_retention *rules = &scene->rules;
    int64_t newest = scene->count ? scene->backups[scene->count - 1].time : 1800000000;
    *rules = (struct kist_retention){.zone = zones[upto(scene, 3)],
                                     .min_keep = (int)upto(scene, one_in(scene, 4) ? 12 : 4),
                                     .max_delete = percents[upto(scene, 8)],
                                     .freeze = one_in(scene, 12) ? reasons[upto(scene, 2)] : NULL};
    if (!one_in(scene, 16)) {
        rules->keep = (struct kist_keep){
            1, 0, number(scene), number(scene), number(scene), number(scene), number(scene), number(scene)};
        if (one_in(scene, 4))
            rules->keep.within = one_in(scene, 40) ? INT64_MAX : 1 + upto(scene, 60 * DAY);
    }
    /* Mostly right after the newest one; sometimes years later, or before it. */
    rules->now = plus(newest, upto(scene, DAY));
    if (one_in(scene, 8))
        rules->now = plus(newest, one_in(scene, 2) ? 3653 * DAY : -62 + upto(scene, 5));
    if (one_in(scene, 100))
        rules->now = one_in(scene, 2) ? extreme(scene) : plus(newest, -365 * DAY);
    if (one_in(scene, 3))
        rules->server_time = one_in(scene, 8) ? extreme(scene) : plus(rules->now, -605 + upto(scene, 1211));
}

static int ahead(int64_t a, int64_t b, int64_t by)
{
    int64_t difference;
    return a > b && (__builtin_sub_overflow(a, b, &difference) || difference > by);
}

static int clock_is_wrong(const struct scene *scene)
{
    const struct kist_retention *rules = &scene->rules;
    return ahead(scene->backups[scene->count - 1].time, rules->now, 60) ||
           (rules->server_time &&
            (ahead(rules->server_time, rules->now, 600) || ahead(rules->now, rules->server_time, 600)));
}

/* A rule that asks for nothing is none. */
static int has_rule(const struct scene *scene)
{
    const struct kist_keep *keep = &scene->rules.keep;
    return keep->set && (keep->within || keep->last || keep->hourly || keep->daily || keep->weekly ||
                         keep->monthly || keep->yearly);
}

/* Why nothing may go at all. */
static int is_frozen(const struct scene *scene)
{
    return !has_rule(scene) || scene->rules.freeze || !scene->backups[scene->count - 1].good ||
           clock_is_wrong(scene);
}

static void check_guards(const struct scene *scene, const struct kist_plan *plan)
{
    size_t good = 0, good_left = 0, least = scene->rules.min_keep > 1 ? (size_t)scene->rules.min_keep : 1;
    int newer_good = 0, newer_verified = 0, newer_unreadable = 0;
    for (size_t i = scene->count; i-- > 0;) {
        const struct kist_candidate *backup = &scene->backups[i];
        int goes = plan->entries[i].fate == KIST_FATE_REMOVE;
        int stays = backup->held || backup->unreadable || newer_unreadable || (backup->good && !newer_good) ||
                    (backup->good && backup->verified && !newer_verified);
        CHECK(scene, !goes || !stays);
        CHECK(scene, !goes || !is_frozen(scene));
        newer_good |= backup->good;
        newer_verified |= backup->good && backup->verified;
        newer_unreadable |= backup->unreadable;
        good += backup->good != 0;
        good_left += backup->good && !goes;
    }
    CHECK(scene, good_left >= (good < least ? good : least));
    CHECK(scene, plan->removed <= scene->count * (size_t)scene->rules.max_delete / 100);
}

static int64_t period_of(const struct kist_zone *zone, int64_t time, enum kist_fate fate)
{
    struct kist_civil civil = {0};
    kist_zone_civil(zone, time, &civil);
    int64_t day = (civil.year * INT64_C(100) + civil.month) * 100 + civil.day;
    switch (fate) {
    case KIST_FATE_HOURLY: return day * 100 + civil.hour;
    case KIST_FATE_DAILY: return day;
    case KIST_FATE_WEEKLY: return civil.iso_year * INT64_C(100) + civil.iso_week;
    case KIST_FATE_MONTHLY: return day / 100;
    case KIST_FATE_YEARLY: return civil.year;
    default: return time;
    }
}

/* Of the newest `wanted` periods in which there is a good one, the newest good one of each stays. */
static void check_periods(const struct scene *scene, const struct kist_plan *plan, enum kist_fate fate, int wanted)
{
    int64_t period = INT64_MIN;
    int found = 0, first = 1;
    for (size_t i = scene->count; i-- > 0 && found < wanted;) {
        if (!scene->backups[i].good)
            continue;
        int64_t now = period_of(scene->rules.zone, scene->backups[i].time, fate);
        if (first || now != period || fate == KIST_FATE_LAST) {
            CHECK(scene, plan->entries[i].fate != KIST_FATE_REMOVE);
            found++;
        }
        first = 0;
        period = now;
    }
}

static void check_rules(const struct scene *scene, const struct kist_plan *plan)
{
    const struct kist_keep *keep = &scene->rules.keep;
    int64_t end;
    check_periods(scene, plan, KIST_FATE_LAST, keep->last);
    check_periods(scene, plan, KIST_FATE_HOURLY, keep->hourly);
    check_periods(scene, plan, KIST_FATE_DAILY, keep->daily);
    check_periods(scene, plan, KIST_FATE_WEEKLY, keep->weekly);
    check_periods(scene, plan, KIST_FATE_MONTHLY, keep->monthly);
    check_periods(scene, plan, KIST_FATE_YEARLY, keep->yearly);
    for (size_t i = 0; keep->within && i < scene->count; i++)
        if (__builtin_add_overflow(scene->backups[i].time, keep->within, &end) || end > scene->rules.now)
            CHECK(scene, plan->entries[i].fate != KIST_FATE_REMOVE);
}

/* A fate says only what is so. */
static void check_fate(const struct scene *scene, const struct kist_plan *plan, size_t i)
{
    const struct kist_candidate *backup = &scene->backups[i];
    const struct kist_keep *keep = &scene->rules.keep;
    const struct kist_plan_entry *entry = &plan->entries[i];
    static const char *const texts[] = {"expired",      "last ",       "within ",     "hourly ",
                                        "daily ",       "weekly ",     "monthly ",    "yearly ",
                                        "held",         "its m",       "a newer ",    "the newest good",
                                        "the newest v", "min_keep = ", "there is no", "expired, but"};
    CHECK(scene, entry->fate <= KIST_FATE_FROZEN);
    CHECK(scene, memchr(entry->text, '\0', sizeof entry->text) != NULL);
    CHECK(scene, strncmp(entry->text, texts[entry->fate], strlen(texts[entry->fate])) == 0);
    CHECK(scene, (entry->fate == KIST_FATE_UNREADABLE) == (backup->unreadable != 0));
    CHECK(scene, (entry->fate == KIST_FATE_HELD) == (backup->held && !backup->unreadable));
    CHECK(scene, entry->fate != KIST_FATE_LAST || keep->last);
    CHECK(scene, entry->fate != KIST_FATE_WITHIN || keep->within);
    CHECK(scene, entry->fate != KIST_FATE_HOURLY || keep->hourly);
    CHECK(scene, entry->fate != KIST_FATE_DAILY || keep->daily);
    CHECK(scene, entry->fate != KIST_FATE_WEEKLY || keep->weekly);
    CHECK(scene, entry->fate != KIST_FATE_MONTHLY || keep->monthly);
    CHECK(scene, entry->fate != KIST_FATE_YEARLY || keep->yearly);
    CHECK(scene, entry->fate != KIST_FATE_NEWEST || backup->good);
    CHECK(scene, entry->fate != KIST_FATE_VERIFIED || (backup->good && backup->verified));
    CHECK(scene, entry->fate != KIST_FATE_MIN_KEEP || backup->good);
    CHECK(scene, entry->fate != KIST_FATE_NO_RULE || !has_rule(scene));
    seen.fates[entry->fate]++;
}

static void check_sums(const struct scene *scene, const struct kist_plan *plan)
{
    size_t removed = 0, frozen = 0;
    CHECK(scene, plan->count == scene->count);
    for (size_t i = 0; i < scene->count; i++) {
        check_fate(scene, plan, i);
        removed += plan->entries[i].fate == KIST_FATE_REMOVE;
        frozen += plan->entries[i].fate == KIST_FATE_FROZEN;
    }
    CHECK(scene, plan->removed == removed);
    CHECK(scene, plan->wanted == removed + frozen);
    CHECK(scene, (plan->frozen != NULL) == (frozen > 0));
    CHECK(scene, !frozen || (!removed && *plan->frozen));
    CHECK(scene, !plan->hint || (frozen && *plan->hint));
    /* Nothing is held back without a cause. */
    CHECK(scene, !frozen || is_frozen(scene) || frozen > scene->count * (size_t)scene->rules.max_delete / 100);
}

static int plan_it(const struct scene *scene, struct kist_plan *ret_plan)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    return kist_retention_plan(scene->backups, scene->count, &scene->rules, ret_plan, &err);
}

static void check_again(const struct scene *scene, const struct kist_plan *plan)
{
    struct kist_plan again = {0};
    CHECK(scene, plan_it(scene, &again) == 0);
    for (size_t i = 0; i < scene->count; i++)
        CHECK(scene, plan->entries[i].fate == again.entries[i].fate &&
                         strcmp(plan->entries[i].text, again.entries[i].text) == 0);
    CHECK(scene, (plan->frozen == NULL) == (again.frozen == NULL));
    CHECK(scene, !plan->frozen || strcmp(plan->frozen, again.frozen) == 0);
    kist_plan_done(&again);
}

/* What is left keeps itself. */
static void check_survivors(const struct scene *scene, const struct kist_plan *plan)
{
    struct scene left = *scene;
    struct kist_plan next = {0};
    left.count = 0;
    for (size_t i = 0; i < scene->count; i++)
        if (plan->entries[i].fate != KIST_FATE_REMOVE)
            left.backups[left.count++] = scene->backups[i];
    CHECK(scene, plan_it(&left, &next) == 0);
    CHECK(scene, next.wanted == 0 && next.removed == 0);
    kist_plan_done(&next);
}

static void count_it(const struct kist_plan *plan)
{
    const char *frozen = plan->frozen ? plan->frozen : "";
    seen.removing += plan->removed > 0;
    seen.behind += strstr(frozen, "behind the newest backup") != NULL;
    seen.server += strstr(frozen, " apart") != NULL;
    seen.told += strstr(frozen, "the last run ") != NULL;
    seen.not_good += strstr(frozen, "is not good") != NULL;
    seen.capped += strstr(frozen, "max_delete") != NULL;
}

static void play(uint64_t seed)
{
    struct scene scene = {.seed = seed, .state = seed};
    struct kist_plan plan = {0};
    draw_backups(&scene);
    if (scene.count && one_in(&scene, 8))
        draw_wrong_clock(&scene);
    draw_rules(&scene);
    CHECK(&scene, plan_it(&scene, &plan) == 0);
    check_sums(&scene, &plan);
    check_guards(&scene, &plan);
    check_rules(&scene, &plan);
    if (seed % 8 == 0)
        check_again(&scene, &plan);
    if (plan.removed)
        check_survivors(&scene, &plan);
    count_it(&plan);
    kist_plan_done(&plan);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void no_history_loses_what_must_stay(void **state)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    static const char *const names[] = {"UTC", "Europe/Berlin", "Asia/Kolkata"};
    uint64_t seed = setting("KIST_PROPERTY_SEED", (uint64_t)time(NULL) * 1000003);
    uint64_t rounds = setting("KIST_PROPERTY_ROUNDS", ROUNDS);
    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(kist_zone_find(names[i], &zones[i], &err), 0);
    printf("KIST_PROPERTY_SEED=%llu, %llu rounds\n", (unsigned long long)seed, (unsigned long long)rounds);
    fflush(stdout);
    for (uint64_t i = 0; i < rounds; i++)
        play(seed + i);
    if (rounds < 10000)
        return;
    for (size_t i = 0; i <= KIST_FATE_FROZEN; i++)
        if (!seen.fates[i])
            fail_msg("no backup had fate %zu", i);
    assert_true(seen.removing > rounds / 20);
    assert_true(seen.behind && seen.server && seen.told && seen.not_good && seen.capped);
    printf("%zu removed something; frozen: %zu clock behind, %zu server, %zu told, %zu not good, %zu cap\n",
           seen.removing, seen.behind, seen.server, seen.told, seen.not_good, seen.capped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_history_loses_what_must_stay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
