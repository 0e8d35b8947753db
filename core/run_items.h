/* run_items.h - the items of one run: asked of the source, given names and keys, and saved. */
#ifndef KIST_CORE_RUN_ITEMS_H
#define KIST_CORE_RUN_ITEMS_H

#include "targets.h"

/* An item as the source gave it, copied. */
struct kist_run_item {
    struct kist_item item;
    char *strings[5]; /* what the item's texts point to */
};

struct kist_run_items {
    struct kist_instance *source;
    struct kist_instance **filters;
    size_t filter_count;
    struct kist_run_item *items;
    size_t count;
    char **keys; /* one per item, and last that of RESTORE.txt */
    size_t key_count;
};

/* Opens source and filters, and asks for the items of the backup `id`. */
int kist_run_items_open(const struct kist_config_pipeline *pipeline, const char *id, struct kist_cancel *cancel,
                        struct kist_run_items *ret_items, struct kist_error *err) KIST_CHECKED;
void kist_run_items_close(struct kist_run_items *items);
/* Saves all of them to all targets, and enters them in the manifest. */
int kist_run_items_save(struct kist_run_items *items, struct kist_targets *targets, struct kist_manifest *manifest,
                        struct kist_cancel *cancel, int quiet, struct kist_error *err) KIST_CHECKED;
/* What the source tells when all is read. New reference. */
int kist_run_items_facts(struct kist_run_items *items, json_t **ret_facts, struct kist_error *err) KIST_CHECKED;

#endif
