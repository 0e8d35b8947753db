/*
 * turn.h - whether it is this run's turn: what the ledger, the catalogs and the lease of its pipeline say, and what is noted
 * there in return.
 */
#ifndef KIST_CORE_TURN_H
#define KIST_CORE_TURN_H

#include "lease.h"
#include "ledger.h"
#include "run_report.h"

struct kist_turn {
    const struct kist_config_pipeline *pipeline;
    const struct kist_run_options *options;
    struct kist_ledger before; /* when the lock was taken */
    struct kist_lease *lease;
    char newest[KIST_ID_LENGTH + 1]; /* on all destinations that answered */
    int begun;
    int seen;    /* catalogs were read; 2: all of them */
    int refused; /* another host has the lease */
};

/* With the lock held: notes that a run for the slot begins. */
void kist_turn_begin(struct kist_turn *turn, const struct kist_config_pipeline *pipeline,
                     const struct kist_run_options *options);
/* When the catalogs are read, and before anything is written: fills in report->last_good, takes the lease of an exclusive
 * pipeline (KIST_ERR_EXISTS: another host has it), and finds out whether the run is needless. */
int kist_turn_take(struct kist_turn *turn, struct kist_targets *targets, struct kist_run_report *report,
                   struct kist_error *err) KIST_CHECKED;
/* With the lock still held: gives the lease back, and notes what came of the run. Without kist_turn_begin: nothing. */
void kist_turn_end(struct kist_turn *turn, const struct kist_run_report *report);

/* 1 when the backup of a run is one to fall back on. */
int kist_turn_is_good(const struct kist_run_report *report);
/* When the run was proved, and before anybody is told of it: report->last_good as it is now. */
void kist_turn_proved(const struct kist_run_options *options, struct kist_run_report *report);
/* When everybody was told: notes whether the run was good; report->told_badly where it cannot be noted. */
void kist_turn_told(const struct kist_run_options *options, struct kist_run_report *report);

#endif
