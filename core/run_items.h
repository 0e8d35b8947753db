/*
 * run_items.h - the items of one run: asked of the source, given names and keys, and saved.
 *
 * run_items.c makes the list, run_references.c has made what a provider holds, run_reuse.c finds what need not be read again,
 * run_save.c saves the rest: one item by the
 * instances that are open anyway, several by workers (run_worker.c), small ones without threads of their own (run_small.c).
 */
#ifndef KIST_CORE_RUN_ITEMS_H
#define KIST_CORE_RUN_ITEMS_H

#include "item_copy.h"
#include "targets.h"

struct kist_run_item {
    struct kist_item_copy given;             /* by the source */
    char *key;                               /* where it is written to; NULL for a reference */
    const struct kist_manifest_item *reused; /* of the backup before: it is not read again; or NULL */
    struct kist_manifest_item entry;         /* once it is saved */
    int gone;                                /* it is not in the backup: it vanished, or cannot be kept */
};

struct kist_run_items {
    const struct kist_config_pipeline *pipeline;
    const struct kist_backup *backup;
    const char *aim; /* or NULL */
    struct kist_instance *source;
    struct kist_instance **filters; /* none where nothing is stored */
    size_t filter_count;
    struct kist_run_item *items;
    size_t count;
    char **keys; /* that will be written, and last that of RESTORE.txt */
    size_t key_count;
    char *notes_key;
    struct kist_manifest previous; /* whose items are reused; empty without one */
    size_t held;                   /* references among the items */
    int making; /* the source was asked for one: the provider may hold something of this backup */
    size_t reused, vanished;
    size_t left_out; /* what cannot be kept, so that the run is degraded */
};

/* Opens source and filters, and asks for the items of the backup (kept). `aim` (kept): as in struct kist_run_options. */
int kist_run_items_open(const struct kist_config_pipeline *pipeline, const struct kist_backup *backup,
                        const char *aim, struct kist_cancel *cancel, struct kist_run_items *ret_items,
                        struct kist_error *err) KIST_CHECKED;
/* Opens the source as a run does that has this `aim`. */
int kist_run_source_open(const struct kist_config_pipeline *pipeline, const char *aim, struct kist_cancel *cancel,
                         struct kist_instance **ret_source, struct kist_error *err) KIST_CHECKED;
void kist_run_items_close(struct kist_run_items *items);

/* Finds what has not changed since the last backup that every destination holds. It is not looked for when that cannot be
 * read: then all is saved anew. */
int kist_run_items_reuse(struct kist_run_items *items, struct kist_targets *targets,
                         struct kist_error *err) KIST_CHECKED;

/* Has the source make the references, one after the other and before anything is read: they take long, and cost nothing here,
 * while a dump keeps connections open. From then on, until the manifest is there, somebody has to look for them
 * (`making`). */
int kist_run_items_make(struct kist_run_items *items, struct kist_cancel *cancel,
                        struct kist_error *err) KIST_CHECKED;
/* 1 for an item that is a reference; whether it can be one, and has a sound name. */
int kist_run_item_is_held(const struct kist_run_item *item);
int kist_run_reference_check(const struct kist_run_items *items, const struct kist_run_item *item,
                             struct kist_error *err) KIST_CHECKED;

/* Saves all others to all targets, and enters them in the manifest. */
int kist_run_items_save(struct kist_run_items *items, struct kist_targets *targets, struct kist_manifest *manifest,
                        struct kist_cancel *cancel, int quiet, struct kist_error *err) KIST_CHECKED;
/* What the source counted of what was read. */
int kist_run_items_counts(struct kist_run_items *items, struct kist_counts *ret_counts,
                          struct kist_error *err) KIST_CHECKED;
/* What the source tells when all is read. New reference. */
int kist_run_items_facts(struct kist_run_items *items, json_t **ret_facts, struct kist_error *err) KIST_CHECKED;

/* Counts and tells of an object that cannot be kept: one by one as long as they are few. */
void kist_run_items_leave_out(struct kist_run_items *items, const char *name, const char *why);

/* 1 for a source of objects: see KIST_SOURCE_OBJECTS. */
int kist_run_items_are_objects(const struct kist_run_items *items);

#endif
