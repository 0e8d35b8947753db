#include "run_worker.h"
#include "log.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 6        /* of an object that changes while it is read */
#define FIRST_WAIT 100 /* ms before the second; it doubles with each */

void kist_saving_fail(struct kist_saving *saving, struct kist_error *err)
{
    pthread_mutex_lock(&saving->lock);
    if (!saving->failed) {
        saving->failed = 1;
        kist_error_move(&saving->err, err);
        kist_cancel_set(saving->cancel);
    }
    pthread_mutex_unlock(&saving->lock);
}

/* ---- what a worker has opened ---- */

static int open_stores(struct kist_worker *worker, struct kist_error *err)
{
    const struct kist_targets *targets = worker->saving->targets;
    for (size_t i = 0; i < targets->count; i++) {
        struct kist_store *store = NULL;
        pthread_mutex_lock(&worker->saving->lock);
        int out = targets->items[i].err.code != 0;
        pthread_mutex_unlock(&worker->saving->lock);
        if (out)
            continue;
        int code = kist_store_new(targets->items[i].section, targets->pipeline->name, worker->cancel, &store, err);
        if (code)
            return code;
        pthread_mutex_lock(&worker->lock);
        worker->stores[i] = store;
        pthread_mutex_unlock(&worker->lock);
    }
    return 0;
}

static void close_all(struct kist_worker *worker)
{
    for (size_t i = 0; worker->stores && i < worker->saving->targets->count; i++) {
        pthread_mutex_lock(&worker->lock);
        struct kist_store *store = worker->stores[i];
        worker->stores[i] = NULL;
        pthread_mutex_unlock(&worker->lock);
        kist_store_close(store);
    }
    for (size_t i = 0; i < worker->filter_count; i++)
        kist_instance_close(worker->filters[i]);
    worker->filter_count = 0;
    kist_instance_close(worker->source);
    worker->source = NULL;
    kist_cancel_free(worker->cancel);
    worker->cancel = NULL;
}

/* Takes a destination out of the run. Fails when too few are left. */
static int lose_target(struct kist_worker *worker, size_t index, const char *key, struct kist_error *why,
                       struct kist_error *err)
{
    struct kist_saving *saving = worker->saving;
    struct kist_targets *targets = saving->targets;
    size_t left = 0;
    pthread_mutex_lock(&saving->lock);
    if (!targets->items[index].err.code)
        kist_target_lose(&targets->items[index], key, why);
    for (size_t i = 0; i < targets->count; i++)
        left += targets->items[i].err.code ? 0 : 1;
    int code = left < targets->need ? kist_error_copy(err, &targets->items[index].err) : 0;
    pthread_mutex_unlock(&saving->lock);
    return code;
}

static int connect_stores(struct kist_worker *worker, struct kist_error *err)
{
    for (size_t i = 0; i < worker->saving->targets->count; i++) {
        KIST_CLEANUP_ERROR struct kist_error why = KIST_ERROR_INIT;
        struct kist_store *store = worker->stores[i];
        if (!store || !kist_store_connect(store, &why))
            continue;
        if (kist_cancel_is_set(worker->saving->cancel))
            return kist_error_move(err, &why);
        pthread_mutex_lock(&worker->lock);
        worker->stores[i] = NULL;
        pthread_mutex_unlock(&worker->lock);
        kist_store_close(store);
        int code = lose_target(worker, i, NULL, &why, err);
        if (code)
            return code;
    }
    return 0;
}

static int open_all(struct kist_worker *worker, struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = worker->saving->items->pipeline;
    int code = kist_cancel_new(worker->saving->cancel, &worker->cancel, err);
    if (!code)
        code = kist_run_source_open(pipeline, worker->saving->items->aim, worker->cancel, &worker->source, err);
    while (!code && worker->filter_count < pipeline->filter_count) {
        code = kist_instance_open(pipeline->filters[worker->filter_count], pipeline->name, worker->cancel,
                                  &worker->filters[worker->filter_count], err);
        worker->filter_count += code ? 0 : 1;
    }
    if (!code)
        code = open_stores(worker, err);
    return code ? code : connect_stores(worker, err);
}

/* A transfer that fails cancels all that took part in it. */
static int open_again(struct kist_worker *worker, struct kist_error *err)
{
    if (!kist_cancel_is_set(worker->cancel) || kist_cancel_is_set(worker->saving->cancel))
        return 0;
    close_all(worker);
    return open_all(worker, err);
}

/* ---- one item ---- */

/* Names the destinations that are still in the run. */
static void choose_targets(struct kist_worker *worker, const struct kist_run_item *item)
{
    struct kist_saving *saving = worker->saving;
    struct kist_transfer *transfer = &worker->transfer;
    transfer->source = worker->source;
    transfer->filters = worker->filters;
    transfer->filter_count = worker->filter_count;
    transfer->cancel = worker->cancel;
    transfer->item = &item->given.item;
    transfer->target_count = 0;
    transfer->raw_size = transfer->stored_size = 0;
    transfer->source_failed = 0;
    kist_item_copy_done(transfer->told);
    pthread_mutex_lock(&saving->lock);
    for (size_t i = 0; i < saving->targets->count; i++) {
        if (saving->targets->items[i].err.code || !worker->stores[i])
            continue;
        worker->target_of[transfer->target_count] = i;
        transfer->targets[transfer->target_count++] =
            (struct kist_transfer_target){.store = worker->stores[i], .key = item->key, .err = KIST_ERROR_INIT};
    }
    pthread_mutex_unlock(&saving->lock);
}

/* One try, by the way that fits its size. */
static int try_item(struct kist_worker *worker, const struct kist_run_item *item, struct kist_error *err)
{
    int64_t estimate = item->given.item.size_estimate;
    int larger = estimate < 0 || estimate > (int64_t)KIST_SMALL_ITEM;
    choose_targets(worker, item);
    int code = larger ? 0 : kist_worker_save_small(worker, &larger, err);
    return code || !larger ? code : kist_transfer_run(&worker->transfer, err);
}

/* A store that cannot hold an object under this key is not broken: the object is left out, and taken away where it was
 * written. */
static int leave_out(struct kist_worker *worker, struct kist_run_item *item, const struct kist_error *why,
                     struct kist_error *err)
{
    struct kist_saving *saving = worker->saving;
    int code = open_again(worker, err);
    for (size_t i = 0; i < worker->transfer.target_count && !code; i++) {
        const struct kist_transfer_target *target = &worker->transfer.targets[i];
        struct kist_store *store = worker->stores[worker->target_of[i]];
        if (target->committed && store)
            code = kist_store_remove(store, item->key, err);
    }
    if (code)
        return code;
    pthread_mutex_lock(&saving->lock);
    kist_run_items_leave_out(saving->items, item->given.item.name, kist_error_text(why));
    pthread_mutex_unlock(&saving->lock);
    item->gone = 1;
    kist_error_clear(err);
    return 0;
}

/* Looks what became of the destinations. Those that only stopped because all did have done nothing wrong. */
static int settle_targets(struct kist_worker *worker, struct kist_run_item *item, int code, struct kist_error *err)
{
    struct kist_transfer *transfer = &worker->transfer;
    int objects = kist_run_items_are_objects(worker->saving->items), refused = 0;
    for (size_t i = 0; i < transfer->target_count; i++) {
        struct kist_transfer_target *target = &transfer->targets[i];
        if (target->committed || !target->err.code || (code && target->err.code == KIST_ERR_CANCELLED))
            continue;
        if (objects && target->err.code == KIST_ERR_UNSUPPORTED && !refused) {
            refused = 1;
            code = leave_out(worker, item, &target->err, err);
        } else if (!refused) {
            int lost =
                lose_target(worker, worker->target_of[i], item->key, &target->err, code ? &target->err : err);
            code = code ? code : lost;
        }
    }
    return code;
}

static void drop_errors(struct kist_transfer *transfer)
{
    for (size_t i = 0; i < transfer->target_count; i++)
        kist_error_done(&transfer->targets[i].err);
}

/* Waits before the next try; 1 when the run was stopped instead. */
static int wait_a_little(const struct kist_worker *worker, int tries)
{
    struct pollfd stop = {.fd = kist_cancel_fd(worker->saving->cancel), .events = POLLIN};
    return poll(&stop, 1, FIRST_WAIT << (tries - 1)) > 0;
}

/* An object that is not there any more is nobody's fault. */
static void note_vanished(struct kist_worker *worker, struct kist_run_item *item)
{
    struct kist_saving *saving = worker->saving;
    kist_log(KIST_LOG_WARNING, worker->source->where,
             "'%.200s' vanished before it could be read: it is not in the backup", item->given.item.name);
    pthread_mutex_lock(&saving->lock);
    saving->items->vanished++;
    pthread_mutex_unlock(&saving->lock);
    item->gone = 1;
}

/* Whether a failure of the source leaves room for another try. */
static int may_try_again(const struct kist_worker *worker, int tries, const struct kist_error *err)
{
    return worker->transfer.source_failed && kist_run_items_are_objects(worker->saving->items) && err->retryable &&
           tries < TRIES && !kist_cancel_is_set(worker->saving->cancel);
}

static int save_item(struct kist_worker *worker, struct kist_run_item *item, struct kist_error *err)
{
    int objects = kist_run_items_are_objects(worker->saving->items);
    for (int tries = 1;; tries++) {
        int code = try_item(worker, item, err);
        if (!worker->transfer.source_failed)
            code = settle_targets(worker, item, code, err);
        drop_errors(&worker->transfer);
        if (code && objects && worker->transfer.source_failed && code == KIST_ERR_NOT_FOUND) {
            kist_error_clear(err);
            note_vanished(worker, item);
            return open_again(worker, err);
        }
        if (!code)
            return item->gone ? 0 : kist_run_item_enter(item, &worker->transfer, err);
        if (!may_try_again(worker, tries, err))
            return code;
        kist_log(KIST_LOG_INFO, NULL, "%s: read again (%d of %d)", kist_error_text(err), tries + 1, TRIES);
        kist_error_clear(err);
        if (wait_a_little(worker, tries))
            return kist_fail(err, KIST_ERR_CANCELLED, "stopped by a signal");
        code = open_again(worker, err);
        if (code)
            return code;
    }
}

/* ---- all items ---- */

/* The next one that is to be read, or NULL. */
static struct kist_run_item *next_item(struct kist_saving *saving)
{
    struct kist_run_item *item = NULL;
    pthread_mutex_lock(&saving->lock);
    while (!item && !saving->failed && saving->next < saving->items->count) {
        item = &saving->items->items[saving->next++];
        if (item->reused || kist_run_item_is_held(item))
            item = NULL;
    }
    pthread_mutex_unlock(&saving->lock);
    return item;
}

static void *run(void *arg)
{
    struct kist_worker *worker = arg;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_run_item *item = NULL;
    int code = open_all(worker, &err);
    while (!code && (item = next_item(worker->saving))) {
        code = kist_cancel_is_set(worker->saving->cancel)
                   ? kist_fail(&err, KIST_ERR_CANCELLED, "stopped by a signal")
                   : save_item(worker, item, &err);
        if (!code)
            kist_progress_add_object(worker->saving->progress);
    }
    if (code)
        kist_saving_fail(worker->saving, &err);
    close_all(worker);
    return NULL;
}

int kist_worker_start(struct kist_worker *worker, struct kist_saving *saving, struct kist_error *err)
{
    size_t targets = saving->targets->count;
    *worker = (struct kist_worker){.saving = saving};
    pthread_mutex_init(&worker->lock, NULL);
    worker->stores = calloc(targets + 1, sizeof *worker->stores);
    worker->filters = calloc(saving->items->pipeline->filter_count + 1, sizeof *worker->filters);
    worker->target_of = calloc(targets + 1, sizeof *worker->target_of);
    worker->transfer = (struct kist_transfer){.targets = calloc(targets + 1, sizeof *worker->transfer.targets),
                                              .told = calloc(1, sizeof *worker->transfer.told),
                                              .need = saving->targets->need,
                                              .workers = saving->filter_workers,
                                              .progress = saving->progress};
    if (!worker->stores || !worker->filters || !worker->target_of || !worker->transfer.targets ||
        !worker->transfer.told)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int errnum = pthread_create(&worker->thread, NULL, run, worker);
    if (errnum)
        return kist_fail_errno(err, errnum, "cannot start a thread");
    worker->running = 1;
    return 0;
}

void kist_worker_watch(struct kist_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    for (size_t i = 0; i < worker->saving->targets->count; i++)
        if (worker->stores[i] && kist_store_is_overdue(worker->stores[i]))
            kist_store_give_up(worker->stores[i]);
    pthread_mutex_unlock(&worker->lock);
}

void kist_worker_done(struct kist_worker *worker)
{
    if (worker->transfer.told)
        kist_item_copy_done(worker->transfer.told);
    free(worker->transfer.told);
    free(worker->transfer.targets);
    free(worker->target_of);
    free(worker->filters);
    free(worker->stores);
    free(worker->memory);
    pthread_mutex_destroy(&worker->lock);
}
