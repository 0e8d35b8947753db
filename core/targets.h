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
    uint64_t unfinished;   /* uploads of runs that were cut off, which are removed now */
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
    int notes_stay;    /* of earlier runs: see leftovers.h */
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
/* Before anything else: checks it, removes uploads that never came to an end, and reads the catalog. `targets`: the whole. */
int kist_target_look(struct kist_target *target, void *targets, struct kist_error *err) KIST_CHECKED;
/* Removes what notes of killed runs name, and the notes, unless they have to stay. */
int kist_target_sweep(struct kist_target *target, void *targets, struct kist_error *err) KIST_CHECKED;

/* Has a provider delete what it holds of the run. */
typedef int (*kist_undo_fn)(void *arg, struct kist_error *err);

/* Undoes a run on every destination where it began and that did not complete it, or, when `all`, on those too: manifest
 * first, then data. `discard` (NULL: there is nothing to discard) is called between the two, when no destination has the
 * backup; where it fails, or is not called because that is not sure, the notes stay and all the rest goes with them.
 * Works also after a cancel, and takes half a minute at most, but for `discard`; what cannot be removed is said in the log
 * and left for the next run. */
void kist_targets_undo(struct kist_targets *targets, const char *id, int all, kist_undo_fn discard, void *arg);

#endif
