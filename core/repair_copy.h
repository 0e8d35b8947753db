/* repair_copy.h - one backup from one store to another; what repair.h is made of. */
#ifndef KIST_CORE_REPAIR_COPY_H
#define KIST_CORE_REPAIR_COPY_H

#include "catalog.h"

struct kist_backup_copy {
    const char *pipeline, *id;
    const char *sign_key; /* of the pipeline, or NULL */
    const char *owner;    /* of the lock that is held */
    struct kist_store *from, *to;
    const struct kist_catalog *marks; /* of `from` */
    int dry_run;
    uint64_t size; /* out: stored bytes of the backup */
};

/* Copies all objects that the manifest names and `to` lacks, each checked before it is confirmed, then what a person said
 * of it, and the manifest as it stands. After a failure nothing of the backup is left on `to`, or its note says what is, for the next run to remove. */
int kist_backup_copy(struct kist_backup_copy *copy, struct kist_error *err) KIST_CHECKED;

#endif
