/*
 * history.h - reads the run history of this host, history.jsonl of the state directory, which state.h writes, and the part of
 * it that was put aside when it had grown large.
 */
#ifndef KIST_CORE_HISTORY_H
#define KIST_CORE_HISTORY_H

#include "error.h"

#include <jansson.h>

/* The entries of `pipeline` (NULL: of all) from second `since` on, oldest first, at most the newest `limit` (0: all). Lines
 * that are damaged are passed over; `ret_damaged` (may be NULL) counts them. No file is no entries. New reference. */
int kist_history_read(const char *state_dir, const char *pipeline, int64_t since, size_t limit,
                      json_t **ret_entries, size_t *ret_damaged, struct kist_error *err) KIST_CHECKED;
/* The newest entry of `pipeline` about `event` (NULL: any); NULL when there is none. New reference. */
int kist_history_last(const char *state_dir, const char *pipeline, const char *event, json_t **ret_entry,
                      struct kist_error *err) KIST_CHECKED;
/* 1 for the entry of a run (or NULL) that is no reason against deleting: it was good, or retention's own trouble was all that
 * it had. */
int kist_history_lets_prune(json_t *run);

#endif
