#include "targets.h"
#include "log.h"

#include <stdlib.h>

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
        if (kist_store_open(target->section, pipeline->name, cancel, &target->store, &target->err))
            target->store = NULL;
    }
    int code = enough_left(&targets, err);
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

int kist_targets_step(struct kist_targets *targets, kist_target_fn step, void *arg, struct kist_error *err)
{
    for (size_t i = 0; i < targets->count; i++) {
        struct kist_target *target = &targets->items[i];
        if (!target->err.code && step(target, arg, &target->err) == 0)
            kist_error_clear(&target->err);
    }
    return enough_left(targets, err);
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

int kist_target_prepare(struct kist_target *target, void *arg, struct kist_error *err)
{
    const struct kist_targets *targets = arg;
    const char *pipeline = targets->pipeline->name;
    uint64_t unfinished = 0, orphans = 0;
    int code = kist_store_check(target->store, err);
    if (!code)
        code = kist_store_sweep(target->store, &unfinished, err);
    if (!code)
        code = kist_catalog_read(target->store, pipeline, &target->catalog, err);
    if (!code)
        code = kist_catalog_sweep(target->store, pipeline, targets->owner, &target->catalog, &orphans, err);
    if (!code && unfinished + orphans > 0)
        kist_log(KIST_LOG_INFO, target->store->instance->where, "removed %llu leftovers of a run that was cut off",
                 (unsigned long long)(unfinished + orphans));
    return code;
}

static int undo_one(const struct kist_targets *targets, struct kist_store *store, const char *id, int complete,
                    struct kist_error *err)
{
    const char *pipeline = targets->pipeline->name;
    struct kist_catalog catalog = {0};
    uint64_t removed = 0;
    int code = complete ? kist_catalog_remove(store, pipeline, id, err) : 0;
    if (!code)
        code = kist_catalog_read(store, pipeline, &catalog, err);
    if (!code)
        code = kist_catalog_sweep(store, pipeline, targets->owner, &catalog, &removed, err);
    kist_catalog_done(&catalog);
    return code;
}

void kist_targets_undo(struct kist_targets *targets, const char *id, int all)
{
    for (size_t i = 0; i < targets->count; i++) {
        struct kist_target *target = &targets->items[i];
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        struct kist_store *store = NULL;
        if (!target->begun || (target->complete && !all))
            continue;
        /* The run's own instance may have been cancelled; this one cannot be. */
        int code = kist_store_open(target->section, targets->pipeline->name, NULL, &store, &err);
        if (!code)
            code = undo_one(targets, store, id, target->complete, &err);
        kist_store_close(store);
        if (code) {
            kist_error_prefix(&err, "cannot remove what the failed run wrote (the next run tries again)");
            kist_log_at(KIST_LOG_WARNING, NULL, &err);
        } else {
            target->complete = 0;
        }
    }
}
