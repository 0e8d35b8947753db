/* event_clean.h - texts of anybody, made fit to be told. */
#ifndef KIST_CORE_EVENT_CLEAN_H
#define KIST_CORE_EVENT_CLEAN_H

#include "error.h"

/* Clean, without secrets, and on one line, at most `limit` bytes of it. New; NULL without memory. */
char *kist_event_clean(const char *text, size_t limit) KIST_CHECKED;

#endif
