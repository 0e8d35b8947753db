/*
 * history_rebuilt.h - entries of a history that was lost, as far as the backups on the destinations can tell: the runs that
 * made them.
 */
#ifndef KIST_CORE_HISTORY_REBUILT_H
#define KIST_CORE_HISTORY_REBUILT_H

#include "listing.h"

#include <jansson.h>

/* Adds an entry for each of the newest `limit` (0: all) backups of a pipeline to `entries`, oldest first; each has "rebuilt".
 * `ret_incomplete`: a destination could not be asked. */
int kist_history_rebuild(const struct kist_config_pipeline *pipeline, size_t limit, struct kist_cancel *cancel,
                         json_t *entries, int *ret_incomplete, struct kist_error *err) KIST_CHECKED;

#endif
