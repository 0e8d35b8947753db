/* run_report.h - what a run is asked for, and what it says of itself. */
#ifndef KIST_CORE_RUN_REPORT_H
#define KIST_CORE_RUN_REPORT_H

#include "config.h"
#include "manifest.h"

enum kist_outcome { KIST_OUTCOME_OK, KIST_OUTCOME_DEGRADED, KIST_OUTCOME_FAILED };

struct kist_run_report;

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

/* 1 when it saves what a restore is about to replace. */
int kist_run_is_safety(const struct kist_run_options *options);

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
    int told_badly;                             /* a notifier, the history or the ledger failed */
    /* The newest earlier backup, when a destination that answers lacks it and another one has it; else "". */
    char lacking[KIST_ID_LENGTH + 1];
    /* The newest good backup there is after the run, as far as is known; else "". */
    char last_good[KIST_ID_LENGTH + 1];
    int needless;    /* nothing was done: another host has made the backup of this slot */
    char *retention; /* what retention could not do, or why it did nothing; or NULL */
    char run[37];    /* a UUID */
};

void kist_run_report_done(struct kist_run_report *report);

#endif
