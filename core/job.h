/* job.h - all that belongs to one run of a pipeline, from its start to the last who is told of it. */
#ifndef KIST_CORE_JOB_H
#define KIST_CORE_JOB_H

#include "run.h"

/* Runs, proves, prunes, tells, prints the result on standard output, and copies to a destination what it lacked. */
enum kist_exit kist_job_run(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                            const struct kist_run_options *options);

/* One status for several: the only kind of failure there was, or 1; degraded yields to failed. */
enum kist_exit kist_exit_combine(enum kist_exit all, enum kist_exit one);

#endif
