/* verify.h - proves that what a manifest names is there and is what was saved. */
#ifndef KIST_CORE_VERIFY_H
#define KIST_CORE_VERIFY_H

#include "manifest.h"
#include "progress.h"
#include "provider.h"
#include "sample.h"
#include "store.h"

/* KIST_VERIFY_NONE when there is no such level. */
enum kist_verify_level kist_verify_level_of(const char *name);
const char *kist_verify_level_name(enum kist_verify_level level);

/* Told of everything that is wrong: `key` and why. */
typedef void (*kist_verify_fn)(void *arg, const char *key, const struct kist_error *err);

struct kist_verify {
    const struct kist_config *config;
    const struct kist_config_pipeline *pipeline;
    struct kist_store *store;
    const struct kist_manifest *manifest;
    enum kist_verify_level level; /* up to decode: a drill is drill.h */
    struct kist_sample sample;    /* of the items; of the others only the size is looked at */
    int items_only;               /* leave RESTORE.txt out */
    /* 0 leaves the item out; NULL: all of them. */
    int (*wants)(void *arg, const struct kist_manifest_item *item);
    struct kist_provider
        *provider; /* of the pipeline, to be asked for references; NULL: one is opened for this backup */
    struct kist_cancel *cancel;
    struct kist_progress *progress;
    kist_verify_fn tell; /* or NULL */
    void *arg;
};

/* Verifies one backup on one destination. Goes on after a fault, and returns the first: KIST_ERR_CORRUPT for damage. What
 * cannot be decoded with this configuration is KIST_ERR_CONFIG before anything is read. */
int kist_verify_backup(const struct kist_verify *verify, struct kist_error *err) KIST_CHECKED;

#endif
