/* overdue.h - tells of pipelines whose last good backup is older than their schedule allows. */
#ifndef KIST_CORE_OVERDUE_H
#define KIST_CORE_OVERDUE_H

#include "config.h"

/* 1 when this may be one to tell of, as far as the ledger knows: asks nobody. Not while it was told within the last 24 hours;
 * one that is at work is given a day more, for its run may be about to make a good backup, or may never come to an end. */
int kist_overdue_may_be(const struct kist_config_pipeline *pipeline, const char *state_dir, int64_t now,
                        int at_work);

/* Asks the destinations of those that may be, and tells the notifiers of those that are. Between
 * kist_tell_begin and kist_tell_end. KIST_EXIT_DEGRADED when a notifier could not be reached. */
enum kist_exit kist_overdue_tell(const struct kist_config *config, const char *state_dir, int64_t now,
                                 struct kist_cancel *cancel);

#endif
