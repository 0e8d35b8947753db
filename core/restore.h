/* restore.h - gives a backup back: to the source it came from, to another target, or as files. */
#ifndef KIST_CORE_RESTORE_H
#define KIST_CORE_RESTORE_H

#include "listing.h"

struct kist_restore_options {
    const char *target;     /* of --to, expanded; NULL: the source itself */
    const char *output_dir; /* of --output; NULL: into the source or target */
    uint32_t flags;         /* KIST_RESTORE_CREATE, KIST_RESTORE_CLEAN */
    /* Patterns, see selection.h; without any, all items are restored. */
    const char *const *include;
    size_t include_count;
    int quiet;
    struct kist_cancel *cancel;
};

/* What was restored. */
struct kist_restored {
    size_t items;
    uint64_t raw_size;
};

/* Asks the target, proves every stored byte of the items that are meant, and only then restores them. */
int kist_restore_backup(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                        const struct kist_found *found, const struct kist_restore_options *options,
                        struct kist_restored *ret_restored, struct kist_error *err) KIST_CHECKED;

#endif
