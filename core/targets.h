/*
 * targets.h - the destinations of one run: opened, tried and followed together, so that one may fail and others go on.
 *
 * Every step has a thread for each destination, and a destination that shows no sign of life for longer than its `deadline`
 * is given up: none of them waits for another one's trouble longer than that.
 */
#ifndef KIST_CORE_TARGETS_H
#define KIST_CORE_TARGETS_H

#include "catalog.h"

struct kist_target {
    const struct kist_config_section *section;
    struct kist_store *store; /* of no use after a failure */
    struct kist_catalog catalog;
    struct kist_error err; /* the first failure; err.code tells whether there was one */
    int begun;             /* the note of this run is there */
    int complete;          /* its manifest is written */
    const char *taken;     /* the key of this run under which somebody else's object lies; borrowed, or NULL */
};

struct kist_targets {
    const struct kist_config_pipeline *pipeline;
    struct kist_target *items;
    size_t count;
    size_t need;       /* how many must succeed */
    const char *owner; /* of the lock that this run holds; borrowed */
};

/* A step of one destination, in a thread of its own: what it shares with the others it only reads. */
typedef int (*kist_target_fn)(struct kist_target *target, void *arg, struct kist_error *err);

int kist_targets_open(const struct kist_config_pipeline *pipeline, const char *owner, struct kist_cancel *cancel,
                      struct kist_targets *ret_targets, struct kist_error *err) KIST_CHECKED;
void kist_targets_close(struct kist_targets *targets);

/* Takes a destination that failed to write `key` out of the run; `why` is moved. */
void kist_target_lose(struct kist_target *target, const char *key, struct kist_error *why);

/* Runs a step on every destination that has not failed. Fails, with the first destination's error, once fewer than
 * `need` are left. */
int kist_targets_step(struct kist_targets *targets, kist_target_fn step, void *arg,
                      struct kist_error *err) KIST_CHECKED;
size_t kist_targets_complete(const struct kist_targets *targets);

/* Steps. */
int kist_target_check(struct kist_target *target, void *unused, struct kist_error *err) KIST_CHECKED;
/* Sweeps what killed runs left, and reads the catalog. `targets`: the whole. */
int kist_target_prepare(struct kist_target *target, void *targets, struct kist_error *err) KIST_CHECKED;

/* Undoes a run on every destination where it began and that did not complete it, or, when `all`, on those too: manifest
 * first, then data. Works also after a cancel, and takes half a minute at most; what cannot be removed is said in the log
 * and left for the next run. */
void kist_targets_undo(struct kist_targets *targets, const char *id, int all);

#endif
