/* holder.h - the session that holds the locks and the snapshot, shared by holder.c, locks.c and counts.c. */
#ifndef KIST_PG_DUMP_HOLDER_H
#define KIST_PG_DUMP_HOLDER_H

#include "counts.h"

#include <pthread.h>

struct pgd_holder {
    const struct kist_host *host;
    const struct pgd_config *config;
    int standby;
    struct pgd_link link;
    char *conninfo; /* of the server that was reached, for pg_dump */
    char *snapshot; /* NULL when numbers are only estimated */
    char *began;    /* by the server's clock */
    struct pgd_choice choice;
    struct pgd_census census; /* of the snapshot, once it is settled */
    /* The thread that counts. It alone uses the link until it has ended. */
    pthread_t thread;
    int running, stop;     /* stop: -1, or what ends its waits */
    int code;              /* how it ended */
    struct kist_error err; /* and why; the strings are ours */
};

/* Locks the tables of `list`. *ret_changed: one of them was gone, so that the list is to be made again. */
int pgd_locks_take(struct pgd_holder *holder, const struct pgd_census *list, int *ret_changed,
                   struct kist_error *err) KIST_CHECKED;

#endif
