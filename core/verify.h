/* verify.h - proves that what a manifest names is there and is what was saved. */
#ifndef KIST_CORE_VERIFY_H
#define KIST_CORE_VERIFY_H

#include "manifest.h"
#include "progress.h"
#include "store.h"

enum kist_verify_level {
    KIST_VERIFY_SIZE,  /* every object exists with its size */
    KIST_VERIFY_HASH,  /* and every stored byte is right */
    KIST_VERIFY_DECODE /* and it decodes to the bytes that were saved, which the source can read to their end */
};

/* -1 when there is no such level. */
int kist_verify_level_of(const char *name);

/* Told of everything that is wrong: `key` and why. */
typedef void (*kist_verify_fn)(void *arg, const char *key, const struct kist_error *err);

struct kist_verify {
    const struct kist_config *config;
    const struct kist_config_pipeline *pipeline;
    struct kist_store *store;
    const struct kist_manifest *manifest;
    enum kist_verify_level level;
    int items_only; /* leave RESTORE.txt out */
    /* 0 leaves the item out; NULL: all of them. */
    int (*wants)(void *arg, const struct kist_manifest_item *item);
    struct kist_cancel *cancel;
    struct kist_progress *progress;
    kist_verify_fn tell; /* or NULL */
    void *arg;
};

/* Verifies one backup on one destination. Goes on after a fault, and returns the first: KIST_ERR_CORRUPT for damage. */
int kist_verify_backup(const struct kist_verify *verify, struct kist_error *err) KIST_CHECKED;

#endif
