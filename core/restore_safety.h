/* restore_safety.h - the backup of a target that is about to be replaced. */
#ifndef KIST_CORE_RESTORE_SAFETY_H
#define KIST_CORE_RESTORE_SAFETY_H

#include "run.h"

struct kist_safety {
    const struct kist_config_pipeline *pipeline;
    const char *state_dir;
    const char *target; /* as in struct kist_restore_options */
    const char *reason; /* what is going to be restored: an id */
    int quiet;
    struct kist_cancel *cancel;
};

/* Runs the pipeline on the target; gives the id of the backup. `ret_exit` is the status of that run: what a failure leads
 * to, or KIST_EXIT_DEGRADED when some destination lacks the backup. */
int kist_safety_backup(const struct kist_safety *safety, char ret_id[KIST_ID_LENGTH + 1], enum kist_exit *ret_exit,
                       struct kist_error *err) KIST_CHECKED;

#endif
