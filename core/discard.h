/*
 * discard.h - what a provider holds of backups that are deleted: discarded once no destination has the backup any more.
 *
 * One of these serves all threads of a prune. Whoever asks has taken the manifest away from its own destination first: so of
 * several that let a backup go at the same time, the last one finds it nowhere.
 */
#ifndef KIST_CORE_DISCARD_H
#define KIST_CORE_DISCARD_H

#include "provider.h"
#include "targets.h"

/* Where the provider is asked no more, and why. */
struct kist_discard_down {
    char *region; /* or NULL */
    struct kist_error err;
};

struct kist_discard {
    const struct kist_config_pipeline *pipeline; /* with all of its destinations, whichever are pruned */
    struct kist_cancel *cancel;
    pthread_mutex_t lock; /* of all that follows */
    struct kist_provider provider;
    struct kist_targets others; /* stores that keep backups, opened when they are first asked */
    int opened;
    struct kist_discard_down *downs;
    size_t down_count;
    json_t *told; /* object: texts of failures, see kist_discard_is_news */
};

/* Some destinations of the pipeline. */
struct kist_discard_places {
    const struct kist_config_section *const *sections;
    size_t count;
};

/* All arguments are kept. */
void kist_discard_init(struct kist_discard *discard, const struct kist_config_pipeline *pipeline,
                       const char *owner, struct kist_cancel *cancel);
void kist_discard_done(struct kist_discard *discard); /* all zero is fine */

/* Whether a destination that is not among `except` has the backup `id`, as each says of that one object.
 * KIST_ERR_UNAVAILABLE: one of them cannot be asked, and no other has it. */
int kist_discard_elsewhere(struct kist_discard *discard, const struct kist_discard_places *except, const char *id,
                           int *ret_there, struct kist_error *err) KIST_CHECKED;

/* 1 for the number of an item that is meant. */
typedef int (*kist_discard_fn)(const void *arg, size_t item);

/* Discards what the provider holds of a backup: of the items that `wants` (NULL: all), and adds each, in words, to `done`. One
 * that stays does not keep the others: the first failure is the result. A provider that does not answer, or refuses the
 * credentials, is not asked again of what lies in the same region: its failure is the result of all that follows there. */
int kist_discard_items(struct kist_discard *discard, const struct kist_manifest *manifest, kist_discard_fn wants,
                       const void *arg, json_t *done, struct kist_error *err) KIST_CHECKED;

/* 1 when a failure of the above says what none has said before: one line tells of all that wait for the same. */
int kist_discard_is_news(struct kist_discard *discard, const struct kist_error *err);

#endif
