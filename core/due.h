/*
 * due.h - which pipelines are to run now.
 */
#ifndef KIST_CORE_DUE_H
#define KIST_CORE_DUE_H

#include "config.h"
#include "ledger.h"

#define KIST_DUE_TRIES 3 /* how often a slot is begun whose run was killed */

/* Pure: the slot for which a run is due at `now`, or 0. `newest` is when the newest backup began, as far as is known; -1 none.
 * A slot is done when a backup began at or after it, or when a run for it came to its end here, whatever that was; slots that
 * were missed are made up for by one run. Of backups and runs that lie more than an hour ahead nothing is believed: the clock
 * was wrong then, or is now. */
int64_t kist_due_slot(const struct kist_schedule *schedule, const struct kist_ledger *ledger, int64_t newest,
                      int64_t now);

/* 1 when what happened at `when` makes the slot a thing of the past. */
int kist_due_is_covered(int64_t when, int64_t slot, int64_t now);

/* One pipeline that is due. */
struct kist_due {
    const struct kist_config_pipeline *pipeline;
    int64_t slot;
};

struct kist_due_options {
    const char *state_dir;
    int dry_run; /* change nothing, not even what is remembered here */
    /* 1 for a pipeline that is not to be looked at; NULL: all are. */
    int (*skip)(void *arg, const struct kist_config_pipeline *pipeline);
    void *arg;
    struct kist_cancel *cancel;
};

/* All that are due, in the order of the configuration, but for those that are at work here. Where the ledgers of this host leave
 * a doubt, the destinations are asked by a process of its own, each once for all pipelines together; where one does not answer,
 * that is logged, and its pipelines are judged by what else is known: a backup too many is better than none. The caller has one
 * thread only. New array. */
int kist_due_find(const struct kist_config *config, const struct kist_due_options *options, int64_t now,
                  struct kist_due **ret_due, size_t *ret_count, struct kist_error *err) KIST_CHECKED;

#endif
