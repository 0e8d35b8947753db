/* restore_record.h - restores in the history: the audit trail, and how long one takes. */
#ifndef KIST_CORE_RESTORE_RECORD_H
#define KIST_CORE_RESTORE_RECORD_H

#include "restore.h"
#include "restore_swap.h"

/* One line of the audit trail. Texts may be NULL. */
struct kist_restore_record {
    const char *event; /* "restore", "swap", "undo" */
    const char *pipeline;
    const char *id;                       /* of the backup */
    const char *from;                     /* what was restored when that was no backup */
    const char *sha256;                   /* of its stored bytes, once known */
    const char *target;                   /* as it was typed, so that what ${NAME} stood for is not written down */
    const char *mode;                     /* "beside", "in place", ... */
    const char *safety;                   /* id of the safety backup */
    const char *fresh;                    /* that was to be swapped in, where `swapped` does not say it */
    const struct kist_restored *restored; /* or NULL */
    const struct kist_swap_report *swapped;     /* or NULL */
    const struct kist_restore_options *options; /* or NULL */
    const struct kist_error *err;               /* why it failed or was refused; empty after a success */
    int64_t duration_ms;
};

/* Adds the line; one that cannot be written is logged and returned. */
int kist_restore_record_add(const char *state_dir, const struct kist_restore_record *record) KIST_CHECKED;

/* How long a restore of `raw_size` bytes will take, going by the newest drill or whole restore of the pipeline that the
 * history knows: milliseconds and what is gone by ("drill", "restore"). -1 when there is none. */
int64_t kist_restore_estimate(const char *state_dir, const char *pipeline, uint64_t raw_size,
                              const char **ret_from);

#endif
