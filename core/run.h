/* run.h - one attempt of a pipeline: from the source to a manifest on each destination. */
#ifndef KIST_CORE_RUN_H
#define KIST_CORE_RUN_H

#include "config.h"
#include "manifest.h"

struct kist_run_report;

enum kist_outcome { KIST_OUTCOME_OK, KIST_OUTCOME_DEGRADED, KIST_OUTCOME_FAILED };

struct kist_run_options {
    const char *state_dir;
    json_t *labels; /* object of strings; borrowed. NULL: none */
    int quiet;      /* no progress */
    /* Saves this target of the source (as in struct kist_restore) instead of the source itself; NULL: the source. */
    const char *aim;
    /* Of the schedule, when the run is for one: a newer backup of another host makes it needless; 0: none. */
    int64_t slot;
    struct kist_cancel *cancel; /* of the process */
    /* Once it is sure that the run begins: nobody else is at work, and there is something to do. Or NULL. */
    void (*begun)(void *arg, const struct kist_run_report *report);
    void *begun_arg;
};

/* What a destination holds after the run. */
struct kist_run_place {
    char *destination;
    int complete;
    char *cause; /* why not; NULL when complete */
};

struct kist_run_report {
    const char *pipeline;
    char id[KIST_ID_LENGTH + 1]; /* "" when it did not get that far */
    enum kist_outcome outcome;
    enum kist_exit exit;
    int64_t started, finished; /* seconds since 1970 */
    int64_t duration_ms;
    uint64_t raw_size, stored_size;
    struct kist_run_place *places;
    size_t place_count;
    size_t objects, reused, vanished, left_out; /* of a source of objects */
    char *omission;                             /* what the backup lacks because it cannot be kept; or NULL */
    char *suspicion;                            /* why the backup may not be what it should be; or NULL */
    int bad;                                    /* the backup was made, and then proved bad */
    struct kist_error err;                      /* why it failed */
    int told_badly;                             /* a notifier or the history failed */
    /* The newest earlier backup, when a destination that answers lacks it and another one has it; else "". */
    char lacking[KIST_ID_LENGTH + 1];
    char last_good[KIST_ID_LENGTH +
                   1]; /* the newest good backup there is after the run, as far as is known; else "" */
    int needless;      /* nothing was done: another host has made the backup of this slot */
    char *retention;   /* what retention could not do, or why it did nothing; or NULL */
    char run[37];      /* a UUID */
};

/* Runs the pipeline; everything that happened is in the report, which the caller frees. Errors are logged here. */
void kist_run(const struct kist_config_pipeline *pipeline, const struct kist_run_options *options,
              struct kist_run_report *ret_report);
void kist_run_report_done(struct kist_run_report *report);

/* `run --dry-run` and `doctor`: everything that would fail in a run, with nothing changed. The facts that the source told
 * go to `ret_facts` (new reference) on success. */
int kist_run_check(const struct kist_config_pipeline *pipeline, struct kist_cancel *cancel, json_t **ret_facts,
                   struct kist_error *err) KIST_CHECKED;

/* Takes the report to the history and the notifiers; notes what failed in `told_badly`. */
void kist_run_tell(const struct kist_config_pipeline *pipeline, const struct kist_run_options *options,
                   struct kist_run_report *report);

#endif
