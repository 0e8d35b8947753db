/*
 * zone.h - local time of a named time zone, for calendars of people. Everything else in kist is UTC.
 *
 * The rules come from the C library's own time zone data. A zone is read once, as a table of its changes of offset from 1970
 * to 2100, so that conversions depend on nothing but their arguments and may be done in any thread.
 */
#ifndef KIST_CORE_ZONE_H
#define KIST_CORE_ZONE_H

#include "error.h"

struct kist_zone;

/* The zone of a name such as "UTC" or "Europe/Berlin"; kept as long as the process. Before any thread starts: it borrows the
 * C library's idea of local time for a moment. An unknown name is KIST_ERR_CONFIG. */
int kist_zone_find(const char *name, const struct kist_zone **ret_zone, struct kist_error *err) KIST_CHECKED;
const char *kist_zone_name(const struct kist_zone *zone);

/* Fields of the calendar, as people count them. */
struct kist_civil {
    int year, month, day;     /* 1970.., 1..12, 1..31 */
    int hour, minute, second; /* 0..23, 0..59, 0..59 */
    int weekday;              /* 0 Sunday .. 6 Saturday */
    int iso_year, iso_week;   /* of ISO 8601 */
};

/* Local time at a second since 1970 UTC. */
void kist_zone_civil(const struct kist_zone *zone, int64_t time, struct kist_civil *ret_civil);
/* Seconds to be added to UTC at `time`. */
int64_t kist_zone_offset(const struct kist_zone *zone, int64_t time);
/* When that is next different: INT64_MAX for never. Since when it is as it is at `time`: INT64_MIN for ever. */
int64_t kist_zone_change_after(const struct kist_zone *zone, int64_t time);
int64_t kist_zone_change_until(const struct kist_zone *zone, int64_t time);
/* The first second that has this local time (only year .. second are read, and may be out of their range as in mktime). One
 * that the clocks skip is the first second after the gap; `ret_skipped` (may be NULL) tells. One that comes twice is the
 * first of the two. */
int64_t kist_zone_time(const struct kist_zone *zone, const struct kist_civil *civil, int *ret_skipped);

#endif
