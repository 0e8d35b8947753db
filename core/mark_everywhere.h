/* mark_everywhere.h - what a person says of a backup is noted on every destination that has it. */
#ifndef KIST_CORE_MARK_EVERYWHERE_H
#define KIST_CORE_MARK_EVERYWHERE_H

#include "config.h"

#include <jansson.h>

struct kist_catalog;
struct kist_store;
struct kist_saying;

/* Makes it so on one destination. */
typedef int (*kist_saying_fn)(const struct kist_saying *saying, struct kist_store *store,
                              const struct kist_catalog *catalog, struct kist_error *err);

struct kist_saying {
    const struct kist_config_pipeline *pipeline;
    const char *id;
    kist_saying_fn say;
    json_t *body;          /* what the mark and the history say besides; borrowed */
    json_t *places;        /* filled: whether each destination knows of it. New */
    size_t marked, failed; /* filled: destinations */
};

/* One destination does not keep the others from knowing: what fails there is logged. KIST_ERR_NOT_FOUND when none that answers
 * has the backup, and all do answer. */
int kist_say_everywhere(struct kist_saying *saying, struct kist_cancel *cancel,
                        struct kist_error *err) KIST_CHECKED;
/* Notes in the history that `event` was said; `member` has the body, or the entry itself where it is NULL. 0 when that could
 * not be written; it is logged. */
int kist_say_history(const struct kist_saying *saying, const char *event, const char *member,
                     const char *state_dir);
/* The exit status that it all leads to. */
enum kist_exit kist_say_exit(const struct kist_saying *saying, int told);
void kist_saying_done(struct kist_saying *saying);

#endif
