/*
 * repair.h - brings a backup that one destination has to another one that lacks it: data first, checked against the manifest
 * on the way, the manifest last. What is already there is compared, never overwritten.
 */
#ifndef KIST_CORE_REPAIR_H
#define KIST_CORE_REPAIR_H

#include "targets.h"

#include <stdatomic.h>

/* Told of each backup that was copied, or would be; from the thread of its destination. */
typedef void (*kist_repair_fn)(void *arg, const char *id, const char *destination, uint64_t size);

struct kist_repair {
    struct kist_targets *targets; /* with their catalogs */
    const char *only;             /* this id alone; NULL: all */
    int dry_run;                  /* change nothing */
    int quiet;                    /* what fails is a warning */
    kist_repair_fn tell;
    void *arg;
    /* out: */
    _Atomic size_t copied; /* or, in a dry run, would be */
    _Atomic size_t failed; /* backups that a destination still lacks; why is in the log */
};

/* Copies every backup, oldest first, to each destination that lacks it. All destinations at once. */
int kist_repair_targets(struct kist_repair *repair, struct kist_error *err) KIST_CHECKED;

/* The newest id that any of the destinations has; NULL when there is none. */
const char *kist_repair_newest(const struct kist_targets *targets);
/* 1 when a destination that answers lacks it, and another one that does has it. */
int kist_repair_is_needed(const struct kist_targets *targets, const char *id);

struct kist_repair_options {
    const char *state_dir; /* NULL in a dry run */
    const char *only;      /* this id alone; NULL: all */
    int quiet;             /* what fails is a warning */
    struct kist_cancel *cancel;
    kist_repair_fn tell;
    void *arg;
};

/* `run --repair`: takes the lock, asks all destinations, repairs, and tells the history. Returns the exit status; what went
 * wrong is in the log. `ret_copied`: how many backups were copied, or would be. */
enum kist_exit kist_repair_run(const struct kist_config_pipeline *pipeline,
                               const struct kist_repair_options *options, size_t *ret_copied);

#endif
