/* restore_swap.h - puts what was restored beside a target into its place, and back. */
#ifndef KIST_CORE_RESTORE_SWAP_H
#define KIST_CORE_RESTORE_SWAP_H

#include "config.h"

/* What was done, or would be; as in struct kist_swapped. All of it is new. */
struct kist_swap_report {
    char *name, *from, *kept;
    int64_t interrupted_ms, ended_sessions;
};

/* `swap` goes to the source of the pipeline, in an instance of its own. */
int kist_restore_swap(const struct kist_config_pipeline *pipeline, const struct kist_swap *swap,
                      struct kist_cancel *cancel, struct kist_swap_report *ret_report,
                      struct kist_error *err) KIST_CHECKED;
void kist_swap_report_done(struct kist_swap_report *report);

#endif
