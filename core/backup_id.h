/* backup_id.h - the id of a backup is the UTC time of its run: 2026-11-21T02-00-00Z, sound in every file system. */
#ifndef KIST_CORE_BACKUP_ID_H
#define KIST_CORE_BACKUP_ID_H

#include <stdint.h>

#define KIST_ID_LENGTH 20
#define KIST_TIME_LENGTH 20 /* 2026-11-21T02:00:00Z */

/* Times are seconds since 1970 UTC, years 1970 to 9999. */
void kist_id_of_time(int64_t seconds, char ret_id[KIST_ID_LENGTH + 1]);
/* 1 and the time when `id` is a well-formed one. `ret_seconds` may be NULL. */
int kist_id_parse(const char *id, int64_t *ret_seconds);
/* RFC 3339, for manifests and people. */
void kist_time_text(int64_t seconds, char ret_text[KIST_TIME_LENGTH + 1]);
int kist_time_parse(const char *text, int64_t *ret_seconds);
/* The present second of the wall clock, and milliseconds of the monotonic one. */
int64_t kist_time_now(void);
int64_t kist_time_monotonic_ms(void);

#endif
