/*
 * ledger.h - what this host remembers of a pipeline from run to run, in a small file of the state directory. It can be lost at
 * any time: what it says is found again on the destinations, at the price of asking them.
 */
#ifndef KIST_CORE_LEDGER_H
#define KIST_CORE_LEDGER_H

#include "backup_id.h"
#include "error.h"

struct kist_ledger {
    char newest[KIST_ID_LENGTH + 1]; /* the newest backup seen on any destination; "" none */
    char good[KIST_ID_LENGTH + 1];   /* the newest one that was good when it was seen; "" none */
    char aside[KIST_ID_LENGTH + 1];  /* saved here before a restore: the backup of no slot; "" none */
    int64_t first_seen;              /* when this pipeline was first looked at */
    int64_t slot;                    /* of the last scheduled run that was begun here; 0 none */
    int64_t busy_until;              /* another host was at work: not looked at again before; 0 none */
    int64_t overdue_told;            /* when it was last told to be overdue; 0: not since the last good run */
    int tries;                       /* how often `slot` was begun */
    int ended;   /* 1: it came to an end, whatever that was; 0: it is under way, or was killed */
    int failing; /* the last run was not good: the next good one is a recovery */
};

/* One that is missing is all zero; so is a damaged one, which is logged at warning. */
void kist_ledger_read(const char *state_dir, const char *pipeline, struct kist_ledger *ret_ledger);

/* Reads it, lets `change` change it, and replaces it as a whole, with all other changes of this host held back meanwhile. */
typedef void (*kist_ledger_fn)(struct kist_ledger *ledger, void *arg);
int kist_ledger_change(const char *state_dir, const char *pipeline, kist_ledger_fn change, void *arg,
                       struct kist_error *err) KIST_CHECKED;

/* For a `change`: notes ids (NULL: leaves them as they are), and when the pipeline was first seen. */
void kist_ledger_note(struct kist_ledger *ledger, const char *newest, const char *good);

#endif
