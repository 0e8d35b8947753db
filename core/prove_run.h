/* prove_run.h - what a pipeline's `verify` and `verify_every` ask for, after a run and before anybody is told of it. */
#ifndef KIST_CORE_PROVE_RUN_H
#define KIST_CORE_PROVE_RUN_H

#include "config.h"
#include "run.h"

/* Proves the copies of the backup that a run has just made. One that is bad makes the run a failed one with exit 4, one that
 * could not be proved makes it degraded; why is in the report. The lock of the pipeline is not needed: a proof only reads, and
 * a mark is a name of its own. */
void kist_prove_run(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                    const struct kist_run_options *options, struct kist_run_report *report);

#endif
