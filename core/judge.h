/*
 * judge.h - whether a backup is what those before it let expect: large enough, and with rows where there have to be some.
 *
 * One that is not is made all the same, and is suspect until a person accepts it.
 */
#ifndef KIST_CORE_JUDGE_H
#define KIST_CORE_JUDGE_H

#include "targets.h"

#define KIST_PAST_MAX 5 /* backups that one is measured by */
#define KIST_PAST_MIN 3 /* with fewer there is nothing to measure by */

/* What a good backup held. */
struct kist_past {
    uint64_t raw_size;
    int64_t rows; /* -1: not counted */
    int held;     /* by a provider, which counts bytes otherwise than a dump: compared with its like alone */
    int unsized;  /* the provider does not say how much it holds: compared with nothing */
};

/* The same of a backup. */
struct kist_past kist_judge_measure(const struct kist_manifest *manifest);

/* `ret_reasons`: sentences, each a reason to be suspicious; NULL when there is none. New reference. */
int kist_judge(const struct kist_config_pipeline *pipeline, const struct kist_manifest *now,
               const struct kist_past *past, size_t past_count, json_t **ret_reasons,
               struct kist_error *err) KIST_CHECKED;

/* The newest good backups, at most KIST_PAST_MAX, of the first destination that can tell: not those that are bad, suspect
 * and not accepted, or labelled as a safety backup. What cannot be read is logged and left out. */
void kist_judge_past(struct kist_targets *targets, const struct kist_config_pipeline *pipeline,
                     struct kist_past ret_past[KIST_PAST_MAX], size_t *ret_count);

/* 1 when a person accepted the backup. A mark that cannot be read, or that the pipeline's sign_key did not sign, is logged
 * and counts for nothing. */
int kist_judge_accepted(struct kist_store *store, const struct kist_config_pipeline *pipeline,
                        const struct kist_catalog *catalog, const char *id);

#endif
