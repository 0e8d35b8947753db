/* host.h - the services that the core gives to a plugin's instance. */
#ifndef KIST_CORE_HOST_H
#define KIST_CORE_HOST_H

#include "cancel.h"

/* What stands behind the host table of one instance: its place for log lines, its cancel flag, its kept strings. */
struct kist_kept;

/* `where` and `cancel` (may be NULL) are kept. NULL without memory. */
struct kist_kept *kist_kept_new(const char *where, struct kist_cancel *cancel);
void kist_kept_free(struct kist_kept *kept); /* NULL is fine; overwrites the strings, since some are secrets */

/* The table that works on `kept`. */
struct kist_host kist_host_of(struct kist_kept *kept);

/* 1 when `code` is one of the failures that a callback may return. */
int kist_host_knows_code(int code);

#endif
