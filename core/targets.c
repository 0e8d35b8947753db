#include "targets.h"
#include "backup_id.h"
#include "log.h"
#include "thread.h"

#include <stdlib.h>

#define TICK_MS 200        /* how often it is looked whether a destination still moves */
#define UNDO_MS 30000      /* for cleaning up after a failed run */
#define UNDO_CALL_MS 10000 /* and for one call of it */

/* ---- steps, side by side ---- */

/* One destination at work on a step. */
struct work {
    struct kist_target *target;
    kist_target_fn step;
    void *arg;
    pthread_t thread;
    int running;
};

static void *run_step(void *arg)
{
    struct work *work = arg;
    struct kist_target *target = work->target;
    if (work->step(target, work->arg, &target->err) == 0)
        kist_error_clear(&target->err);
    else
        kist_store_explain(target->store, &target->err);
    return NULL;
}

/* Gives up those that have been silent for too long; after `until` (0: never) all that are still at work. */
static void watch(struct work *works, size_t count, int64_t until)
{
    int late = until && kist_time_monotonic_ms() >= until;
    for (size_t i = 0; i < count; i++)
        if (works[i].running && (late || kist_store_is_overdue(works[i].target->store)))
            kist_store_give_up(works[i].target->store);
}

/* Takes every destination that has not failed through a step. What goes wrong stands in their errors. */
static int step_all(struct kist_target *items, size_t count, kist_target_fn step, void *arg, int64_t limit_ms,
                    struct kist_error *err)
{
    int64_t until = limit_ms ? kist_time_monotonic_ms() + limit_ms : 0;
    struct work *works = calloc(count + 1, sizeof *works);
    if (!works)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < count; i++) {
        works[i] = (struct work){.target = &items[i], .step = step, .arg = arg};
        if (items[i].err.code || !items[i].store)
            continue;
        int errnum = pthread_create(&works[i].thread, NULL, run_step, &works[i]);
        works[i].running = !errnum;
        if (errnum)
            kist_fail_errno(&items[i].err, errnum, "cannot start a thread");
    }
    for (size_t i = 0; i < count; i++)
        while (works[i].running)
            if (kist_thread_join_within(works[i].thread, TICK_MS))
                works[i].running = 0;
            else
                watch(works, count, until);
    free(works);
    return 0;
}

/* ---- the destinations of a run ---- */

/* Fails, with the error of the first destination that did, when fewer than needed are left. */
static int enough_left(const struct kist_targets *targets, struct kist_error *err)
{
    size_t left = 0;
    const struct kist_target *failed = NULL;
    for (size_t i = 0; i < targets->count; i++) {
        if (!targets->items[i].err.code)
            left++;
        else if (!failed)
            failed = &targets->items[i];
    }
    return left < targets->need && failed ? kist_error_copy(err, &failed->err) : 0;
}

static int connect_target(struct kist_target *target, void *unused, struct kist_error *err)
{
    (void)unused;
    return kist_store_connect(target->store, err);
}

int kist_targets_open(const struct kist_config_pipeline *pipeline, const char *owner, struct kist_cancel *cancel,
                      struct kist_targets *ret_targets, struct kist_error *err)
{
    size_t count = pipeline->destination_count;
    struct kist_targets targets = {
        .pipeline = pipeline, .owner = owner, .count = count, .items = calloc(count, sizeof *targets.items)};
    if (!targets.items)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    targets.need = pipeline->require == KIST_REQUIRE_ALL ? count : (size_t)pipeline->require;
    for (size_t i = 0; i < count; i++) {
        struct kist_target *target = &targets.items[i];
        *target = (struct kist_target){.section = pipeline->destinations[i], .err = KIST_ERROR_INIT};
        (void)!kist_store_new(target->section, pipeline->name, cancel, &target->store, &target->err);
    }
    int code = kist_targets_step(&targets, connect_target, NULL, err);
    if (code)
        kist_targets_close(&targets);
    else
        *ret_targets = targets;
    return code;
}

void kist_targets_close(struct kist_targets *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        kist_store_close(targets->items[i].store);
        kist_catalog_done(&targets->items[i].catalog);
        kist_error_done(&targets->items[i].err);
    }
    free(targets->items);
    *targets = (struct kist_targets){0};
}

void kist_target_lose(struct kist_target *target, const char *key, struct kist_error *why)
{
    if (why->code == KIST_ERR_EXISTS)
        target->taken = key;
    kist_error_move(&target->err, why);
}

int kist_targets_step(struct kist_targets *targets, kist_target_fn step, void *arg, struct kist_error *err)
{
    int code = step_all(targets->items, targets->count, step, arg, 0, err);
    return code ? code : enough_left(targets, err);
}

size_t kist_targets_complete(const struct kist_targets *targets)
{
    size_t complete = 0;
    for (size_t i = 0; i < targets->count; i++)
        complete += targets->items[i].complete ? 1 : 0;
    return complete;
}

int kist_target_check(struct kist_target *target, void *unused, struct kist_error *err)
{
    (void)unused;
    return kist_store_check(target->store, err);
}

/* What an earlier run left takes room, and nothing else: a backup is not put off because it cannot be removed (by a key that
 * may only write, say). */
static int tolerate(const struct kist_target *target, int code, struct kist_error *err)
{
    if (code && code != KIST_ERR_CANCELLED && code != KIST_ERR_TIMEOUT) {
        kist_error_prefix(err, "what an earlier run left is still there");
        kist_log_at(KIST_LOG_WARNING, target->store->where, err);
        kist_error_clear(err);
        return 0;
    }
    return code;
}

int kist_target_look(struct kist_target *target, void *arg, struct kist_error *err)
{
    const struct kist_targets *targets = arg;
    int code = kist_store_check(target->store, err);
    if (!code)
        code = tolerate(target, kist_store_sweep(target->store, &target->unfinished, err), err);
    return code ? code : kist_catalog_read(target->store, targets->pipeline->name, &target->catalog, err);
}

int kist_target_sweep(struct kist_target *target, void *arg, struct kist_error *err)
{
    const struct kist_targets *targets = arg;
    uint64_t orphans = 0, all = 0;
    int code = targets->notes_stay ? 0
                                   : tolerate(target,
                                              kist_catalog_sweep(target->store, targets->pipeline->name,
                                                                 targets->owner, &target->catalog, &orphans, err),
                                              err);
    all = target->unfinished + orphans;
    if (!code && all > 0)
        kist_log(KIST_LOG_INFO, target->store->where, "removed %llu leftover%s of a run that was cut off",
                 (unsigned long long)all, all == 1 ? "" : "s");
    return code;
}

/* ---- undoing ---- */

struct undo {
    const struct kist_targets *targets;
    const char *id;
};

/* From here on the backup is on none of them. */
static int undo_manifest(struct kist_target *target, void *arg, struct kist_error *err)
{
    const struct undo *undo = arg;
    const char *pipeline = undo->targets->pipeline->name;
    int code = kist_store_connect(target->store, err);
    if (!code && target->complete)
        code = kist_catalog_remove(target->store, pipeline, undo->id, err);
    return code ? code : kist_catalog_read(target->store, pipeline, &target->catalog, err);
}

/* Only of this run: other notes may have to stay. */
static int undo_data(struct kist_target *target, void *arg, struct kist_error *err)
{
    const struct undo *undo = arg;
    uint64_t removed = 0;
    kist_catalog_forget_others(&target->catalog, undo->id);
    target->catalog.taken = target->taken;
    return kist_catalog_sweep(target->store, undo->targets->pipeline->name, undo->targets->owner, &target->catalog,
                              &removed, err);
}

/* The run's own stores may have been cancelled; these are opened for the cleaning, which nothing but its own limits stop. */
static void open_cleaner(struct kist_target *target, const struct kist_target *of,
                         struct kist_config_section *section)
{
    *section = *of->section;
    section->retry.retries = 1;
    section->retry.deadline_ms = UNDO_CALL_MS;
    *target = (struct kist_target){
        .section = section, .complete = of->complete, .taken = of->taken, .err = KIST_ERROR_INIT};
}

static void open_cleaners(const struct kist_targets *targets, int all, struct kist_targets *cleaners,
                          struct kist_config_section *sections)
{
    for (size_t i = 0; i < targets->count; i++) {
        const struct kist_target *target = &targets->items[i];
        struct kist_target *cleaner = &cleaners->items[cleaners->count++];
        open_cleaner(cleaner, target, &sections[i]);
        if (target->begun && (!target->complete || all))
            (void)!kist_store_new(&sections[i], targets->pipeline->name, NULL, &cleaner->store, &cleaner->err);
    }
}

/* Whether the notes may go. A manifest of which nobody knows whether it was written keeps what it refers to. */
static int discard_held(const struct kist_targets *cleaners, const char *id, kist_undo_fn discard, void *arg)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    int unsure = 0, there = 0;
    for (size_t i = 0; i < cleaners->count; i++) {
        unsure |= cleaners->items[i].err.code != 0;
        there |= kist_catalog_has(&cleaners->items[i].catalog, id);
    }
    if (there || !discard)
        return 1;
    int code =
        unsure ? kist_fail(&err, KIST_ERR_UNAVAILABLE, "not every destination says that there is no backup %s", id)
               : discard(arg, &err);
    if (!code)
        return 1;
    kist_error_prefix(&err, "what the provider holds of the failed run stays (the next run tries again)");
    kist_log_at(KIST_LOG_WARNING, cleaners->pipeline->name, &err);
    return 0;
}

static int undo_all(struct kist_targets *cleaners, struct undo *undo, kist_undo_fn discard, void *arg,
                    struct kist_error *err)
{
    int64_t begun = kist_time_monotonic_ms();
    int code = step_all(cleaners->items, cleaners->count, undo_manifest, undo, UNDO_MS, err);
    int64_t left = UNDO_MS - (kist_time_monotonic_ms() - begun);
    if (code || !discard_held(cleaners, undo->id, discard, arg))
        return code;
    return step_all(cleaners->items, cleaners->count, undo_data, undo, left > 1 ? left : 1, err);
}

void kist_targets_undo(struct kist_targets *targets, const char *id, int all, kist_undo_fn discard, void *arg)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct undo undo = {.targets = targets, .id = id};
    struct kist_targets cleaners = {.pipeline = targets->pipeline,
                                    .items = calloc(targets->count + 1, sizeof *cleaners.items)};
    struct kist_config_section *sections = calloc(targets->count + 1, sizeof *sections);
    int code = 0;
    if (cleaners.items && sections) {
        open_cleaners(targets, all, &cleaners, sections);
        code = undo_all(&cleaners, &undo, discard, arg, &err);
    } else {
        code = kist_fail(&err, KIST_ERR_FAILED, "out of memory");
    }
    for (size_t i = 0; i < cleaners.count; i++) {
        struct kist_target *cleaner = &cleaners.items[i];
        if (code)
            kist_error_copy(&cleaner->err, &err);
        if (cleaner->err.code) {
            kist_error_prefix(&cleaner->err, "cannot remove what the failed run wrote (the next run tries again)");
            kist_log_at(KIST_LOG_WARNING, NULL, &cleaner->err);
        } else if (cleaner->store) {
            targets->items[i].complete = 0;
        }
    }
    kist_targets_close(&cleaners);
    free(sections);
}
