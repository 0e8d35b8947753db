/*
 * provider.h - what a provider holds of the backups of a pipeline: asked for, and discarded, through the pipeline's source.
 *
 * One of these serves all threads of a command: its calls wait for each other. The source is opened when it is first needed.
 */
#ifndef KIST_CORE_PROVIDER_H
#define KIST_CORE_PROVIDER_H

#include "manifest.h"
#include "source_access.h"

#include <pthread.h>

struct kist_provider {
    const struct kist_config_pipeline *pipeline;
    const char *owner; /* of the lock; NULL without one */
    struct kist_cancel *cancel;
    pthread_mutex_t lock;
    struct kist_instance *source; /* NULL: not needed yet */
    json_t *sound;                /* array: what kist_provider_look found sound of the backup `sound_id` */
    char sound_id[KIST_ID_LENGTH + 1];
};

/* All arguments are kept. */
void kist_provider_init(struct kist_provider *provider, const struct kist_config_pipeline *pipeline,
                        const char *owner, struct kist_cancel *cancel);
void kist_provider_done(struct kist_provider *provider); /* all zero is fine */

/* Whether what the item refers to is there and whole. KIST_ERR_CORRUPT: it is not, in words for a person. One that may be gone
 * by now (`until`) and is, is no error. What the configured source cannot ask for is KIST_ERR_CONFIG. What was sound is not
 * asked for again until another backup comes: several destinations have the same one. */
int kist_provider_look(struct kist_provider *provider, const struct kist_manifest *manifest,
                       const struct kist_manifest_item *item, struct kist_error *err) KIST_CHECKED;
/* The same for a restore, which needs it: what may be gone by now, and is, is KIST_ERR_NOT_FOUND. */
int kist_provider_need(struct kist_provider *provider, const struct kist_manifest *manifest,
                       const struct kist_manifest_item *item, struct kist_error *err) KIST_CHECKED;
/* Deletes what the item refers to, see reference_discard in kist/source.h. */
int kist_provider_discard(struct kist_provider *provider, const struct kist_manifest *manifest,
                          const struct kist_manifest_item *item, struct kist_error *err) KIST_CHECKED;
/* Deletes whatever a run of `owner` (NULL: of the provider's own) has made for the backup `id`, which is on no destination and
 * never will be. Works after a cancel. */
int kist_provider_sweep(struct kist_provider *provider, const char *id, const char *owner,
                        struct kist_error *err) KIST_CHECKED;

#endif
