#include "leftovers.h"
#include "log.h"
#include "repair.h"
#include "signals.h"
#include "state.h"

#include <stdlib.h>
#include <string.h>

static int read_catalog(struct kist_target *target, void *arg, struct kist_error *err)
{
    const struct kist_targets *targets = arg;
    return kist_catalog_read(target->store, targets->pipeline->name, &target->catalog, err);
}

static void say(const struct kist_repair_options *options, const char *where, const struct kist_error *err)
{
    kist_log_at(options->quiet ? KIST_LOG_WARNING : KIST_LOG_ERROR, where, err);
}

static size_t count_failed(const struct kist_targets *targets, const struct kist_repair_options *options)
{
    size_t failed = 0;
    for (size_t i = 0; i < targets->count; i++)
        if (targets->items[i].err.code) {
            say(options, NULL, &targets->items[i].err);
            failed++;
        }
    return failed;
}

/* Everything, with the lock held. `ret_silent`: destinations that could not be asked, or fell silent. */
static int repair(const struct kist_config_pipeline *pipeline, const struct kist_repair_options *options,
                  const char *owner, struct kist_repair *work, size_t *ret_silent, struct kist_error *err)
{
    /* One that answers is enough to begin: the others are told of. */
    struct kist_config_pipeline any = *pipeline;
    struct kist_targets targets = {0};
    struct kist_provider provider;
    any.require = 1;
    kist_provider_init(&provider, &any, owner, options->cancel);
    int code = kist_targets_open(&any, owner, options->cancel, &targets, err);
    if (!code)
        code = work->dry_run ? kist_targets_step(&targets, read_catalog, &targets, err)
                             : kist_leftovers_sweep(&targets, &provider, err);
    work->targets = &targets;
    if (!code)
        code = kist_repair_targets(work, err);
    /* The error that ended it all is the caller's to tell. */
    if (!code)
        *ret_silent = count_failed(&targets, options);
    kist_provider_done(&provider);
    kist_targets_close(&targets);
    work->targets = NULL;
    return code;
}

static void tell_history(const struct kist_config_pipeline *pipeline, const struct kist_repair_options *options,
                         const struct kist_repair *work, enum kist_exit status, const struct kist_error *cause)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *entry = json_pack("{s:s, s:s, s:I, s:I, s:i, s:s*}", "event", "repair", "pipeline", pipeline->name,
                              "copied", (json_int_t)work->copied, "failed", (json_int_t)work->failed, "exit",
                              (int)status, "cause", cause->code ? kist_error_text(cause) : NULL);
    if (!entry || kist_history_add(options->state_dir, entry, &err))
        kist_log_at(KIST_LOG_WARNING, pipeline->name, &err);
    json_decref(entry);
}

static enum kist_exit exit_of(const struct kist_repair *work, size_t silent, int locked, int code)
{
    if (kist_signals_seen())
        return KIST_EXIT_SIGNAL + (unsigned)kist_signals_seen();
    if (code)
        return locked ? KIST_EXIT_LOCKED : code == KIST_ERR_CONFIG ? KIST_EXIT_USAGE : KIST_EXIT_FAILED;
    if (work->failed + silent == 0)
        return KIST_EXIT_OK;
    return work->copied ? KIST_EXIT_DEGRADED : KIST_EXIT_FAILED;
}

enum kist_exit kist_repair_run(const struct kist_config_pipeline *pipeline,
                               const struct kist_repair_options *options, size_t *ret_copied)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_lock lock = KIST_LOCK_INIT;
    struct kist_repair work = {.only = options->only,
                               .dry_run = !options->state_dir,
                               .quiet = options->quiet,
                               .tell = options->tell,
                               .arg = options->arg};
    size_t silent = 0;
    int code = work.dry_run ? 0 : kist_lock_take(options->state_dir, pipeline->name, &lock, &err);
    int locked = code == KIST_ERR_EXISTS;
    if (!code)
        code = repair(pipeline, options, lock.owner, &work, &silent, &err);
    enum kist_exit status = exit_of(&work, silent, locked, code);
    if (code)
        say(options, pipeline->name, &err);
    if (!work.dry_run && !locked)
        tell_history(pipeline, options, &work, status, &err);
    kist_lock_release(&lock);
    *ret_copied = work.copied;
    return status;
}
