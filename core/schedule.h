/*
 * schedule.h - when a pipeline is to run. Pure: the same arguments always give the same times, whatever the clock does.
 *
 *     five fields    minute hour day-of-month month day-of-week, as in crontab(5): lists, ranges, steps, names; when both day
 *                    fields are restricted, either of them is enough
 *     @word          @hourly @daily @midnight @weekly @monthly @yearly @annually
 *     every 6h       at the multiples of this since 1970 UTC; whole minutes
 *
 * A slot is one time at which it is to begin. A local time that the clocks skip is a slot at the end of the gap (once, however
 * many fall into it); one that comes twice is a slot once, the first time. Where every hour is a slot's hour ("*" or its
 * like), hours are those that pass, not those that the clock on the wall shows: nothing is skipped and nothing merged.
 */
#ifndef KIST_CORE_SCHEDULE_H
#define KIST_CORE_SCHEDULE_H

#include "zone.h"

enum kist_schedule_kind { KIST_SCHEDULE_NONE, KIST_SCHEDULE_CRON, KIST_SCHEDULE_EVERY };

struct kist_schedule {
    enum kist_schedule_kind kind;
    const char *text;             /* as written; borrowed from the caller of parse, or NULL */
    uint64_t minutes;             /* bit 0 .. 59 */
    uint32_t hours, days, months; /* bits 0 .. 23, 1 .. 31, 1 .. 12 */
    uint32_t weekdays;            /* bit 0 Sunday .. 6 */
    int any_day, any_weekday;     /* that field is "*" or "*" with a step */
    int64_t every;                /* seconds */
    const struct kist_zone *zone;
    int64_t offset; /* seconds by which all slots are later: this pipeline's share of the jitter */
};

/* `seed` (the pipeline's name) decides which share of `jitter_ms` is taken, the same on every host. What can never happen
 * (the 31st of February) is KIST_ERR_CONFIG, as is everything that is not understood. */
int kist_schedule_parse(const char *text, const char *zone, int64_t jitter_ms, const char *seed,
                        struct kist_schedule *ret_schedule, struct kist_error *err) KIST_CHECKED;

/* The first slot after `time` (not at it); the newest slot at or before `time`. Seconds since 1970 UTC; -1 when there is none
 * from 1970 to 2100, or without a schedule. */
int64_t kist_schedule_next(const struct kist_schedule *schedule, int64_t time);
int64_t kist_schedule_last(const struct kist_schedule *schedule, int64_t time);

/* From when on a pipeline is overdue whose last good backup began at `good`: the slot after it, and a quarter of the time to
 * the one after that (10 minutes at least, 6 hours at most) for the run itself. -1 without a schedule. */
int64_t kist_schedule_overdue_at(const struct kist_schedule *schedule, int64_t good);

#endif
