/* restore_job.h - what the steps of one restore share. restore.c takes them in order. */
#ifndef KIST_CORE_RESTORE_JOB_H
#define KIST_CORE_RESTORE_JOB_H

#include "progress.h"
#include "restore.h"
#include "selection.h"

struct kist_restore_job {
    const struct kist_config *config;
    const struct kist_config_pipeline *pipeline;
    const struct kist_found *found;
    const struct kist_restore_options *options;
    struct kist_selection selection;
    struct kist_item *given; /* what the source is told of them */
    struct kist_instance *source;
    struct kist_progress *progress;
    struct kist_restored *restored;
    /* Of the item before: the next one mostly has the same. */
    struct kist_instance **filters;
    const struct kist_manifest_item *filters_of;
};

/* The filters of an item, in job->filters until another item has others. */
int kist_restore_filters(struct kist_restore_job *job, const struct kist_manifest_item *item,
                         struct kist_error *err) KIST_CHECKED;
void kist_restore_filters_done(struct kist_restore_job *job);

/* restore_prove.c: whether the filters can decode what is meant, as far as that can be told before anything is read. */
int kist_restore_can_decode(struct kist_restore_job *job, struct kist_error *err) KIST_CHECKED;
/* Every stored byte, and for what is encrypted that it can be decrypted to what was saved. */
int kist_restore_prove(struct kist_restore_job *job, struct kist_error *err) KIST_CHECKED;
/* Whether everything that is meant and that a provider holds is there. What had lapsed is taken out of the selection, unless
 * that is all. */
int kist_restore_ask_providers(struct kist_restore_job *job, struct kist_error *err) KIST_CHECKED;

/* restore_count.c: counts again what was restored, and compares. `restore` is the one of the source. KIST_ERR_CORRUPT when
 * it differs; the source was told then. */
int kist_restore_compare(struct kist_restore_job *job, void *restore, struct kist_error *err) KIST_CHECKED;
/* Whether a count of the backup says something of what the options ask for. */
int kist_restore_is_counted(const struct kist_restore_options *options, const struct kist_count *count);

/* restore_place.c: asks the source for the place, where it can say; `restore` is between restore_begin and restore_end. */
int kist_restore_place_ask(struct kist_instance *source, void *restore, struct kist_restore_place *ret_place,
                           struct kist_error *err) KIST_CHECKED;
void kist_restore_place_done(struct kist_restore_place *place);

#endif
