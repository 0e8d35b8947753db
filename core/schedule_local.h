/* schedule_local.h - the minutes of the calendar that fit the five fields of a schedule. Times here are seconds of local time:
 * as if the calendar's clock had been UTC since 1970. */
#ifndef KIST_CORE_SCHEDULE_LOCAL_H
#define KIST_CORE_SCHEDULE_LOCAL_H

#include "schedule.h"

/* The first one at `local` or after it; the newest one at it or before it. KIST_LOCAL_NEVER when there is none
 * from the last day of 1969, which lasts into 1970 in the west, to 2101. */
#define KIST_LOCAL_NEVER INT64_MIN
int64_t kist_schedule_local_next(const struct kist_schedule *schedule, int64_t local);
int64_t kist_schedule_local_last(const struct kist_schedule *schedule, int64_t local);

#endif
