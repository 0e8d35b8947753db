/* drill.h - a backup restored into a scratch place of the source's own, compared by all that was counted, and thrown away. */
#ifndef KIST_CORE_DRILL_H
#define KIST_CORE_DRILL_H

#include "restore.h"

struct kist_drill {
    const struct kist_config *config;
    const struct kist_config_pipeline *pipeline;
    struct kist_store *store;
    const struct kist_manifest *manifest;
    const char *state_dir; /* made; a private directory in it is the scratch place's */
    int quiet;
    struct kist_cancel *cancel;
};

/* 1 when the pipeline's source has scratch places. */
int kist_drill_can(const struct kist_config_pipeline *pipeline);

/* The other way round, and said in the log: for who drills all that can be. */
int kist_drill_skips(const struct kist_config_pipeline *pipeline);

/* KIST_ERR_CORRUPT when what was restored is not what was saved, KIST_ERR_UNSUPPORTED when the source cannot drill. Nothing of
 * the scratch place is left in any case. `ret_restored` is filled as far as it came, also after a failure, and always the
 * caller's to free. `ret_ms`: from the first byte read to the counts compared. */
int kist_drill_backup(const struct kist_drill *drill, struct kist_restored *ret_restored, int64_t *ret_ms,
                      struct kist_error *err) KIST_CHECKED;

#endif
