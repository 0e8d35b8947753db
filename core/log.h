/* log.h - lines for people on standard error: plain, journald priorities, or JSON. Thread-safe. */
#ifndef KIST_CORE_LOG_H
#define KIST_CORE_LOG_H

#include <kist/abi.h>
#include <stdarg.h>

/* PLAIN becomes JOURNALD by itself when standard error is the journal. */
enum kist_log_format { KIST_LOG_PLAIN, KIST_LOG_JSON, KIST_LOG_JOURNALD };

/* Before any thread starts. `level` is the last KIST_LOG_* that is shown; `color` whether escapes may be used. */
void kist_log_setup(int level, enum kist_log_format format, int color);
int kist_log_level(void);

/* One line; `where` ("shop-daily/disk(local)") may be NULL. Known secrets are removed. */
void kist_log(int level, const char *where, const char *format, ...) KIST_PRINTF(3, 4);
void kist_log_v(int level, const char *where, const char *format, va_list args) KIST_PRINTF(3, 0);
/* The error's line at error level, and its hint below it. */
void kist_log_error(const char *where, const struct kist_error *err);
void kist_log_at(int level, const char *where, const struct kist_error *err);

/* The newest lines of this process, whole ones, without colours; at most `limit` bytes, and never more than 8 KiB. New; NULL
 * without memory. */
char *kist_log_tail(size_t limit);

/* 1 when a line could not be written (a full disk, a closed descriptor): the run is then degraded. */
int kist_log_failed(void);

#endif
