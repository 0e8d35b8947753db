#include "retention_picks.h"

#include <stdio.h>
#include <stdlib.h>

/* Backups are walked through from the newest to the oldest. */
struct walk {
    const struct kist_candidate *backups;
    const struct kist_civil *civils;
    size_t count;
    int only_good;
    struct kist_pick *picks;
};

static int takes_part(const struct walk *walk, size_t index)
{
    return walk->backups[index].good || !walk->only_good;
}

/* 1 when both lie in the same period of a rule's kind. */
static int same_period(const struct walk *walk, enum kist_fate fate, size_t a, size_t b)
{
    const struct kist_civil *x = &walk->civils[a], *y = &walk->civils[b];
    if (fate == KIST_FATE_LAST)
        return 0;
    if (fate == KIST_FATE_WEEKLY)
        return x->iso_year == y->iso_year && x->iso_week == y->iso_week;
    if (x->year != y->year || fate == KIST_FATE_YEARLY)
        return x->year == y->year;
    if (x->month != y->month || fate == KIST_FATE_MONTHLY)
        return x->month == y->month;
    if (x->day != y->day || fate == KIST_FATE_DAILY)
        return x->day == y->day;
    return x->hour == y->hour;
}

static void pick_periods(const struct walk *walk, enum kist_fate fate, int wanted)
{
    size_t previous = walk->count, oldest = walk->count;
    int picked = 0;
    for (size_t i = walk->count; i-- > 0 && picked < wanted;) {
        if (!takes_part(walk, i))
            continue;
        oldest = i;
        if (previous < walk->count && same_period(walk, fate, previous, i))
            continue;
        previous = i;
        if (walk->picks[i].fate == KIST_FATE_REMOVE)
            walk->picks[i] = (struct kist_pick){.fate = fate, .number = ++picked};
    }
    /* A history that is younger than the rule keeps its beginning, which grows into the rule's oldest period. */
    if (picked < wanted && oldest < walk->count && walk->picks[oldest].fate == KIST_FATE_REMOVE)
        walk->picks[oldest] = (struct kist_pick){.fate = fate, .number = picked + 1, .oldest = 1};
}

static void pick_within(const struct walk *walk, int64_t within, int64_t now)
{
    int64_t limit = 0;
    int all = __builtin_sub_overflow(now, within, &limit); /* it reaches back to before any time there is */
    int picked = 0;
    for (size_t i = walk->count; i-- > 0;)
        if (takes_part(walk, i) && (all || walk->backups[i].time > limit))
            walk->picks[i] = (struct kist_pick){.fate = KIST_FATE_WITHIN, .number = ++picked};
}

void kist_retention_pick(const struct kist_candidate *backups, const struct kist_civil *civils, size_t count,
                         int only_good, const struct kist_keep *keep, int64_t now, struct kist_pick *picks)
{
    const struct walk walk = {backups, civils, count, only_good, picks};
    if (keep->within > 0)
        pick_within(&walk, keep->within, now);
    pick_periods(&walk, KIST_FATE_LAST, keep->last);
    pick_periods(&walk, KIST_FATE_HOURLY, keep->hourly);
    pick_periods(&walk, KIST_FATE_DAILY, keep->daily);
    pick_periods(&walk, KIST_FATE_WEEKLY, keep->weekly);
    pick_periods(&walk, KIST_FATE_MONTHLY, keep->monthly);
    pick_periods(&walk, KIST_FATE_YEARLY, keep->yearly);
}

static void within_text(const struct kist_keep *keep, char *ret_text, size_t capacity)
{
    const struct kist_keep span = {.set = 1, .within = keep->within};
    char *text = kist_keep_text(&span);
    snprintf(ret_text, capacity, "within %s", text ? text : "its time");
    free(text);
}

void kist_retention_pick_text(const struct kist_pick *pick, const struct kist_civil *civil,
                              const struct kist_keep *keep, char *ret_text, size_t capacity)
{
    const char *oldest = pick->oldest ? ", the oldest" : "";
    switch (pick->fate) {
    case KIST_FATE_WITHIN: within_text(keep, ret_text, capacity); break;
    case KIST_FATE_LAST: snprintf(ret_text, capacity, "last %d of %d%s", pick->number, keep->last, oldest); break;
    case KIST_FATE_HOURLY:
        snprintf(ret_text, capacity, "hourly %d-%02d-%02d %02dh%s", civil->year, civil->month, civil->day,
                 civil->hour, oldest);
        break;
    case KIST_FATE_DAILY:
        snprintf(ret_text, capacity, "daily %d-%02d-%02d%s", civil->year, civil->month, civil->day, oldest);
        break;
    case KIST_FATE_WEEKLY:
        snprintf(ret_text, capacity, "weekly %d-W%02d%s", civil->iso_year, civil->iso_week, oldest);
        break;
    case KIST_FATE_MONTHLY:
        snprintf(ret_text, capacity, "monthly %d-%02d%s", civil->year, civil->month, oldest);
        break;
    case KIST_FATE_YEARLY: snprintf(ret_text, capacity, "yearly %d%s", civil->year, oldest); break;
    default: snprintf(ret_text, capacity, "-"); break;
    }
}
