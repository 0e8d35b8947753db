#include "schedule.h"
#include "calendar.h"
#include "cron.h"
#include "schedule_local.h"
#include "units.h"
#include "zone_table.h"

#include <string.h>

#define EVERY_HOUR UINT32_C(0xffffff)
#define LONGEST_EVERY (366 * KIST_DAY)
/* No clock on a wall was ever set back by more. */
#define LONGEST_RETURN (2 * KIST_DAY)
#define SHORTEST_GRACE INT64_C(600)
#define LONGEST_GRACE INT64_C(21600)

/* FNV-1a, and a last mixing so that the lower half depends on all of it. */
static uint64_t hash_of(const char *seed)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *seed; seed++)
        hash = (hash ^ (unsigned char)*seed) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

static int64_t share_of(int64_t jitter_ms, const char *seed)
{
    int64_t seconds = jitter_ms / 1000;
    return seconds > 0 ? (int64_t)(hash_of(seed) % (uint64_t)seconds) : 0;
}

/* What stands behind the word "every", or NULL. */
static const char *behind_every(const char *text)
{
    text += strspn(text, " \t");
    return strncmp(text, "every", 5) == 0 && (text[5] == '\0' || strchr(" \t0123456789", text[5])) ? text + 5
                                                                                                   : NULL;
}

static int parse_every(const char *text, int64_t *ret_every, struct kist_error *err)
{
    int64_t ms = 0;
    int code = kist_duration_parse(text, &ms, err);
    if (code) {
        kist_hint(err, "whole minutes, hours, days or weeks: every 15m, every 6h, every 2d");
        return code;
    }
    text += strspn(text, " \t");
    if (ms == 0 || ms % 60000 != 0) {
        kist_fail(err, KIST_ERR_CONFIG, "'every %s' is not a number of whole minutes", text);
        kist_hint(err, "the shortest is every 1m");
        return KIST_ERR_CONFIG;
    }
    if (ms / 1000 > LONGEST_EVERY) {
        kist_fail(err, KIST_ERR_CONFIG, "'every %s' is longer than a year", text);
        kist_hint(err, "the longest is every 366d");
        return KIST_ERR_CONFIG;
    }
    *ret_every = ms / 1000;
    return 0;
}

static int parse_cron(const char *text, struct kist_schedule *schedule, struct kist_error *err)
{
    struct kist_cron cron;
    int code = kist_cron_parse(text, &cron, err);
    if (code)
        return code;
    schedule->kind = KIST_SCHEDULE_CRON;
    schedule->minutes = cron.sets[KIST_CRON_MINUTE];
    schedule->hours = (uint32_t)cron.sets[KIST_CRON_HOUR];
    schedule->days = (uint32_t)cron.sets[KIST_CRON_DAY];
    schedule->months = (uint32_t)cron.sets[KIST_CRON_MONTH];
    schedule->weekdays = (uint32_t)cron.sets[KIST_CRON_WEEKDAY];
    schedule->any_day = cron.stars[KIST_CRON_DAY];
    schedule->any_weekday = cron.stars[KIST_CRON_WEEKDAY];
    if (kist_schedule_local_next(schedule, 0) != KIST_LOCAL_NEVER)
        return 0;
    kist_fail(err, KIST_ERR_CONFIG, "'%s' never happens: none of its months has such a day", text);
    kist_hint(err, "months end with day 28 to 31; the first of a month comes every time (0 3 1 * *)");
    return KIST_ERR_CONFIG;
}

int kist_schedule_parse(const char *text, const char *zone, int64_t jitter_ms, const char *seed,
                        struct kist_schedule *ret_schedule, struct kist_error *err)
{
    struct kist_schedule schedule = {.text = text, .offset = share_of(jitter_ms, seed)};
    const char *every = behind_every(text);
    int code = kist_zone_find(zone, &schedule.zone, err);
    if (!code && every) {
        schedule.kind = KIST_SCHEDULE_EVERY;
        code = parse_every(every, &schedule.every, err);
    } else if (!code) {
        code = parse_cron(text, &schedule, err);
    }
    if (!code)
        *ret_schedule = schedule;
    return code;
}

/* The first second at which the clock on the wall shows this time of the calendar, or a later one. */
static int64_t first_time(const struct kist_zone *zone, int64_t local)
{
    struct kist_civil civil = {0};
    int64_t days = kist_calendar_floor(local, KIST_DAY);
    kist_calendar_date(days, &civil.year, &civil.month, &civil.day);
    civil.second = (int)(local - days * KIST_DAY);
    return kist_zone_time(zone, &civil, NULL);
}

/* The latest local time that the clock on the wall has shown up to `time`: when it was set back, not that of now. */
static int64_t latest_local(const struct kist_zone *zone, int64_t time)
{
    int64_t latest = time + kist_zone_offset(zone, time);
    int64_t change = kist_zone_change_until(zone, time);
    while (change > time - LONGEST_RETURN) {
        int64_t shown = change - 1 + kist_zone_offset(zone, change - 1);
        latest = shown > latest ? shown : latest;
        change = kist_zone_change_until(zone, change - 1);
    }
    return latest;
}

/* Where each hour has its slots, each stretch with one offset is searched by itself: no hour is left out or taken for
 * another. */
static int64_t next_passing(const struct kist_schedule *schedule, int64_t time)
{
    for (int64_t from = time + 1;;) {
        int64_t offset = kist_zone_offset(schedule->zone, from);
        int64_t change = kist_zone_change_after(schedule->zone, from);
        int64_t local = kist_schedule_local_next(schedule, from + offset);
        if (local == KIST_LOCAL_NEVER)
            return -1;
        if (local - offset < change)
            return local - offset;
        from = change;
    }
}

static int64_t last_passing(const struct kist_schedule *schedule, int64_t time)
{
    for (int64_t until = time; until >= 0;) {
        int64_t offset = kist_zone_offset(schedule->zone, until);
        int64_t change = kist_zone_change_until(schedule->zone, until);
        int64_t local = kist_schedule_local_last(schedule, until + offset);
        if (local == KIST_LOCAL_NEVER)
            return -1;
        if (local - offset >= change)
            return local - offset;
        until = change - 1;
    }
    return -1;
}

static int64_t next_shown(const struct kist_schedule *schedule, int64_t time)
{
    int64_t local = kist_schedule_local_next(schedule, latest_local(schedule->zone, time) + 1);
    return local == KIST_LOCAL_NEVER ? -1 : first_time(schedule->zone, local);
}

static int64_t last_shown(const struct kist_schedule *schedule, int64_t time)
{
    int64_t local = kist_schedule_local_last(schedule, latest_local(schedule->zone, time));
    return local == KIST_LOCAL_NEVER ? -1 : first_time(schedule->zone, local);
}

int64_t kist_schedule_next(const struct kist_schedule *schedule, int64_t time)
{
    int64_t from = time < schedule->offset ? -1 : time - schedule->offset, slot = -1;
    if (schedule->kind == KIST_SCHEDULE_NONE || from >= KIST_ZONE_END)
        return -1;
    if (schedule->kind == KIST_SCHEDULE_EVERY)
        slot = (kist_calendar_floor(from, schedule->every) + 1) * schedule->every;
    else if (schedule->hours == EVERY_HOUR)
        slot = next_passing(schedule, from);
    else
        slot = next_shown(schedule, from);
    return slot < 0 || slot >= KIST_ZONE_END ? -1 : slot + schedule->offset;
}

int64_t kist_schedule_last(const struct kist_schedule *schedule, int64_t time)
{
    int64_t until = time < schedule->offset ? -1 : time - schedule->offset, slot = -1;
    if (schedule->kind == KIST_SCHEDULE_NONE || until < 0)
        return -1;
    if (until >= KIST_ZONE_END)
        until = KIST_ZONE_END - 1;
    if (schedule->kind == KIST_SCHEDULE_EVERY)
        slot = until / schedule->every * schedule->every;
    else if (schedule->hours == EVERY_HOUR)
        slot = last_passing(schedule, until);
    else
        slot = last_shown(schedule, until);
    return slot < 0 ? -1 : slot + schedule->offset;
}

int64_t kist_schedule_overdue_at(const struct kist_schedule *schedule, int64_t good)
{
    int64_t slot = kist_schedule_next(schedule, good);
    int64_t after = slot < 0 ? -1 : kist_schedule_next(schedule, slot);
    if (slot < 0)
        return -1;
    int64_t grace = after < 0 ? LONGEST_GRACE : (after - slot) / 4;
    return slot + (grace < SHORTEST_GRACE ? SHORTEST_GRACE : grace > LONGEST_GRACE ? LONGEST_GRACE : grace);
}
