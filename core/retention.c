#include "retention.h"
#include "retention_picks.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEWEST_AHEAD 60  /* seconds by which the newest backup may be ahead of the clock */
#define SERVER_APART 600 /* seconds that the server's clock may be off */

/* What is worked out on the way to a plan. */
struct planning {
    const struct kist_candidate *backups;
    size_t count;
    const struct kist_retention *rules;
    struct kist_plan *plan;
};

static int is_kept(const struct planning *planning, size_t index)
{
    return planning->plan->entries[index].fate != KIST_FATE_REMOVE;
}

static void set_fate(const struct planning *planning, size_t index, enum kist_fate fate, const char *text)
{
    struct kist_plan_entry *entry = &planning->plan->entries[index];
    entry->fate = fate;
    snprintf(entry->text, sizeof entry->text, "%s", text);
}

static void keep_for(const struct planning *planning, size_t index, enum kist_fate fate, const char *text)
{
    if (!is_kept(planning, index))
        set_fate(planning, index, fate, text);
}

/* What is so whatever the rules say comes first, for it explains more. */
static void keep_pinned(const struct planning *planning)
{
    for (size_t i = 0; i < planning->count; i++)
        if (planning->backups[i].unreadable)
            keep_for(planning, i, KIST_FATE_UNREADABLE, "its manifest cannot be read");
        else if (planning->backups[i].held)
            keep_for(planning, i, KIST_FATE_HELD, "held");
}

static void keep_picked(const struct planning *planning, const struct kist_civil *civils, struct kist_pick *picks,
                        int only_good)
{
    const struct kist_keep *keep = &planning->rules->keep;
    memset(picks, 0, planning->count * sizeof *picks);
    kist_retention_pick(planning->backups, civils, planning->count, only_good, keep, planning->rules->now, picks);
    for (size_t i = 0; i < planning->count; i++) {
        struct kist_plan_entry *entry = &planning->plan->entries[i];
        if (is_kept(planning, i) || picks[i].fate == KIST_FATE_REMOVE)
            continue;
        entry->fate = picks[i].fate;
        kist_retention_pick_text(&picks[i], &civils[i], keep, entry->text, sizeof entry->text);
    }
}

static int no_memory(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED, "out of memory for what to keep");
}

/* The picks among the good ones and among all. */
static int keep_by_rule(const struct planning *planning, struct kist_error *err)
{
    struct kist_civil *civils = calloc(planning->count + 1, sizeof *civils);
    struct kist_pick *picks = calloc(planning->count + 1, sizeof *picks);
    if (!civils || !picks) {
        free(civils);
        free(picks);
        return no_memory(err);
    }
    for (size_t i = 0; i < planning->count; i++)
        kist_zone_civil(planning->rules->zone, planning->backups[i].time, &civils[i]);
    keep_picked(planning, civils, picks, 1);
    keep_picked(planning, civils, picks, 0);
    free(civils);
    free(picks);
    return 0;
}

static void keep_needed(const struct planning *planning)
{
    int unreadable = 0;
    for (size_t i = planning->count; i-- > 0;) {
        if (unreadable)
            keep_for(planning, i, KIST_FATE_NEEDED, "a newer one that cannot be read may need it");
        unreadable |= planning->backups[i].unreadable;
    }
}

static void keep_newest(const struct planning *planning)
{
    int good = 0, verified = 0;
    for (size_t i = planning->count; i-- > 0;) {
        const struct kist_candidate *backup = &planning->backups[i];
        if (backup->good && !good++)
            keep_for(planning, i, KIST_FATE_NEWEST, "the newest good one");
        if (backup->good && backup->verified && !verified++)
            keep_for(planning, i, KIST_FATE_VERIFIED, "the newest verified one");
    }
}

static void keep_minimum(const struct planning *planning)
{
    int kept = 0, least = planning->rules->min_keep > 1 ? planning->rules->min_keep : 1;
    for (size_t i = 0; i < planning->count && kept < least; i++)
        kept += planning->backups[i].good && is_kept(planning, i);
    for (size_t i = planning->count; i-- > 0 && kept < least;)
        if (planning->backups[i].good && !is_kept(planning, i)) {
            char text[32];
            snprintf(text, sizeof text, "min_keep = %d", planning->rules->min_keep);
            set_fate(planning, i, KIST_FATE_MIN_KEEP, text);
            kept++;
        }
}

static uint64_t apart(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

static struct kist_units_text apart_text(int64_t a, int64_t b)
{
    uint64_t seconds = apart(a, b);
    return kist_duration_show(seconds > INT64_MAX / 1000 ? INT64_MAX : (int64_t)(seconds * 1000));
}

static void clock_reason(const struct planning *planning, struct kist_text *reason, struct kist_text *hint)
{
    const struct kist_retention *rules = planning->rules;
    int64_t newest = planning->backups[planning->count - 1].time;
    if (newest > rules->now && apart(newest, rules->now) > NEWEST_AHEAD) {
        kist_text_printf(reason, "this host's clock is %s behind the newest backup",
                         apart_text(newest, rules->now).text);
        kist_text_add(hint,
                      "compare `date -u` with the backup's time: set the clock right, or, where it is, make a new "
                      "backup with `kist run`");
    } else if (rules->server_time && apart(rules->server_time, rules->now) > SERVER_APART) {
        kist_text_printf(reason, "this host's clock and that of the destination are %s apart",
                         apart_text(rules->server_time, rules->now).text);
        kist_text_add(hint, "compare `date -u` with a clock that is right: one of the two is wrong");
    }
}

/* What one run may delete. */
static size_t most_removed(const struct planning *planning)
{
    int percent = planning->rules->max_delete;
    size_t share = percent < 0 ? 0 : percent > 100 ? 100 : (size_t)percent;
    return planning->count / 100 * share + planning->count % 100 * share / 100;
}

/* Whatever is wrong with the clock explains the rest, so it is looked at first. */
static void freeze_reason(const struct planning *planning, struct kist_text *reason, struct kist_text *hint)
{
    const struct kist_retention *rules = planning->rules;
    size_t wanted = planning->plan->wanted, most = most_removed(planning);
    clock_reason(planning, reason, hint);
    if (reason->size)
        return;
    if (rules->freeze) {
        kist_text_add(reason, *rules->freeze ? rules->freeze : "the last run was not good");
        kist_text_add(hint,
                      "after the next good `kist run` it goes on; where a destination is too full for one, make "
                      "room there by other means first");
    } else if (!planning->backups[planning->count - 1].good) {
        kist_text_add(reason, "the newest backup is not good");
        kist_text_add(
            hint, "`kist list` tells what is wrong with it; make a good one with `kist run`, or, where it is only "
                  "suspect, look at it and `kist accept` it");
    } else if (wanted > most) {
        kist_text_printf(reason, "%zu of %zu backups would go at once, and max_delete = %d%% allows %zu", wanted,
                         planning->count, rules->max_delete, most);
        kist_text_add(hint,
                      "check `date -u` and `keep`; `kist prune --dry-run` tells of each; if all is right, raise "
                      "max_delete for one `kist prune`");
    }
}

static int freeze(const struct planning *planning, struct kist_error *err)
{
    struct kist_text reason KIST_CLEANUP_TEXT = KIST_TEXT_INIT, hint KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    struct kist_plan *plan = planning->plan;
    freeze_reason(planning, &reason, &hint);
    if (kist_text_failed(&reason) || kist_text_failed(&hint))
        return no_memory(err);
    if (!reason.size)
        return 0;
    if (!(plan->frozen = kist_text_take(&reason)) || (hint.size && !(plan->hint = kist_text_take(&hint))))
        return no_memory(err);
    for (size_t i = 0; i < planning->count; i++)
        keep_for(planning, i, KIST_FATE_FROZEN, "expired, but nothing is deleted now");
    plan->removed = 0;
    return 0;
}

static int plan_by_rule(const struct planning *planning, struct kist_error *err)
{
    struct kist_plan *plan = planning->plan;
    int code = keep_by_rule(planning, err);
    if (code)
        return code;
    keep_needed(planning);
    keep_newest(planning);
    keep_minimum(planning);
    for (size_t i = 0; i < planning->count; i++)
        if (!is_kept(planning, i)) {
            set_fate(planning, i, KIST_FATE_REMOVE, "expired");
            plan->removed++;
        }
    plan->wanted = plan->removed;
    return plan->wanted ? freeze(planning, err) : 0;
}

/* A rule that asks for nothing would let everything go; it cannot be meant. */
static int has_rule(const struct kist_keep *keep)
{
    return keep->set && (keep->within > 0 || keep->last > 0 || keep->hourly > 0 || keep->daily > 0 ||
                         keep->weekly > 0 || keep->monthly > 0 || keep->yearly > 0);
}

int kist_retention_plan(const struct kist_candidate *backups, size_t count, const struct kist_retention *rules,
                        struct kist_plan *ret_plan, struct kist_error *err)
{
    struct kist_plan plan = {.entries = calloc(count + 1, sizeof *plan.entries), .count = count};
    const struct planning planning = {backups, count, rules, &plan};
    int code = 0;
    if (!plan.entries)
        return no_memory(err);
    keep_pinned(&planning);
    if (has_rule(&rules->keep))
        code = plan_by_rule(&planning, err);
    else
        for (size_t i = 0; i < count; i++)
            keep_for(&planning, i, KIST_FATE_NO_RULE, "there is no `keep`");
    if (code) {
        kist_plan_done(&plan);
        return code;
    }
    *ret_plan = plan;
    return 0;
}

int kist_retention_guard(const struct kist_candidate *backups, size_t count, const struct kist_retention *rules,
                         char **ret_reason, struct kist_error *err)
{
    struct kist_text reason KIST_CLEANUP_TEXT = KIST_TEXT_INIT, hint KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    struct kist_plan none = {0};
    const struct planning planning = {backups, count, rules, &none};
    char *text = NULL;
    if (count)
        freeze_reason(&planning, &reason, &hint);
    if (kist_text_failed(&reason) || kist_text_failed(&hint) || (reason.size && !(text = kist_text_take(&reason))))
        return no_memory(err);
    *ret_reason = text;
    return 0;
}

void kist_plan_done(struct kist_plan *plan)
{
    free(plan->entries);
    free(plan->frozen);
    free(plan->hint);
    *plan = (struct kist_plan){0};
}
