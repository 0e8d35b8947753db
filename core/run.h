/* run.h - one attempt of a pipeline: from the source to a manifest on each destination. */
#ifndef KIST_CORE_RUN_H
#define KIST_CORE_RUN_H

#include "run_report.h"

/* Runs the pipeline; everything that happened is in the report, which the caller frees. Errors are logged here. */
void kist_run(const struct kist_config_pipeline *pipeline, const struct kist_run_options *options,
              struct kist_run_report *ret_report);

/* `run --dry-run` and `doctor`: everything that would fail in a run, with nothing changed. The facts that the source told
 * go to `ret_facts` (new reference) on success. */
int kist_run_check(const struct kist_config_pipeline *pipeline, struct kist_cancel *cancel, json_t **ret_facts,
                   struct kist_error *err) KIST_CHECKED;

/* Takes the report to the history and the notifiers; notes what failed in `told_badly`. */
void kist_run_tell(const struct kist_config_pipeline *pipeline, const struct kist_run_options *options,
                   struct kist_run_report *report);

#endif
