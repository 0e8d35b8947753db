/*
 * prune.h - deletes the backups that retention lets go, on each destination by itself.
 *
 *     _kist/<pipeline>/<id>.tombstone     a copy of the manifest of a backup that is being deleted
 *
 * Order: tombstone, manifest (from here on the backup does not exist), the objects that no other manifest of the destination
 * names, what a provider holds of it (once no destination has the backup), marks, tombstone. Whatever ends it, no backup is listed that lacks data, and the next prune goes on where it ended.
 */
#ifndef KIST_CORE_PRUNE_H
#define KIST_CORE_PRUNE_H

#include "run.h"

struct kist_prune_options {
    const char *state_dir;   /* NULL: nothing is changed, as with dry_run */
    const char *destination; /* this one only; NULL: all of the pipeline */
    int dry_run;
    int quiet;          /* no table, only what is wrong */
    const char *freeze; /* why nothing may go, as the caller knows; or NULL */
    const char
        *fresh;   /* the backup of a run that has just gone well, which the history does not know yet; or NULL */
    json_t *json; /* array that each destination's plan is added to; or NULL */
    struct kist_cancel *cancel;
};

struct kist_prune_result {
    size_t removed, locked, failed; /* backups; locked: the store keeps them for a time, by its own rules */
    size_t frozen;                  /* destinations where nothing went although the rules would have */
    uint64_t freed;                 /* bytes */
    char *trouble;                  /* what went wrong first, in one sentence; or NULL. New */
};

/* Takes the pipeline's lock. KIST_EXIT_DEGRADED when something could not go, KIST_EXIT_LOCKED when a run is at work. What is
 * wrong is in the log. */
enum kist_exit kist_prune_run(const struct kist_config_pipeline *pipeline,
                              const struct kist_prune_options *options, struct kist_prune_result *ret_result);

/* After a run, before anybody is told of it: prunes where the run was good and the pipeline has a `keep`, or a provider that holds
 * its backups; what could not be
 * done makes the run degraded. */
void kist_prune_after(const struct kist_config_pipeline *pipeline, const struct kist_run_options *options,
                      struct kist_run_report *report);

#endif
