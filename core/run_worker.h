/* run_worker.h - one of several threads that save the items of a run; shared by the files of run_items.h, nobody else. */
#ifndef KIST_CORE_RUN_WORKER_H
#define KIST_CORE_RUN_WORKER_H

#include "run_items.h"
#include "transfer.h"

/* What the workers share. */
struct kist_saving {
    struct kist_run_items *items;
    struct kist_targets *targets;
    struct kist_cancel *cancel; /* of the run: set by the first failure */
    struct kist_progress *progress;
    size_t filter_workers; /* of each filter, for items that are not small */
    pthread_mutex_t lock;  /* of all below, and of what the items and targets count */
    size_t next;           /* item */
    int failed;
    struct kist_error err; /* the first */
};

/* With instances of its own of everything. */
struct kist_worker {
    struct kist_saving *saving;
    pthread_t thread;
    int running;
    struct kist_cancel *cancel; /* below that of the run; set when an item fails */
    struct kist_instance *source;
    struct kist_instance **filters;
    size_t filter_count;
    pthread_mutex_t lock;       /* of `stores`: another thread looks whether they still move */
    struct kist_store **stores; /* one per target; NULL: not in use */
    struct kist_transfer transfer;
    size_t *target_of;     /* which target each destination of the transfer is */
    unsigned char *memory; /* for small items */
    size_t capacity;
};

int kist_worker_start(struct kist_worker *worker, struct kist_saving *saving, struct kist_error *err) KIST_CHECKED;
/* Gives up its stores that have been silent for too long. From another thread. */
void kist_worker_watch(struct kist_worker *worker);
/* After its thread has ended. */
void kist_worker_done(struct kist_worker *worker);

/* Makes the failure that of the whole run, if it is the first, and stops the others. */
void kist_saving_fail(struct kist_saving *saving, struct kist_error *err);

#define KIST_SMALL_ITEM ((size_t)1 << 20)

/* Saves an item that is expected to fit into memory: read, encoded and written by the calling thread. Fills the results of
 * worker->transfer as kist_transfer_run does. 1 in `ret_larger` tells that it does not fit, and that nothing was written. */
int kist_worker_save_small(struct kist_worker *worker, int *ret_larger, struct kist_error *err) KIST_CHECKED;

/* What the manifest says of an item that was saved. */
int kist_run_item_enter(struct kist_run_item *item, const struct kist_transfer *transfer,
                        struct kist_error *err) KIST_CHECKED;

#endif
