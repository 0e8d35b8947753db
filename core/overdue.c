#include "overdue.h"
#include "ledger.h"
#include "log.h"
#include "signals.h"
#include "state.h"
#include "tell.h"
#include "turn_good.h"
#include "units.h"

#include <stdio.h>
#include <string.h>

#define AGAIN (24 * 3600)   /* seconds until it is told once more */
#define AT_WORK (24 * 3600) /* seconds for which a run that is under way is waited for */

/* From when on it is overdue; -1 never. Where there never was a good one, it is looked at since. */
static int64_t overdue_at(const struct kist_config_pipeline *pipeline, const struct kist_ledger *ledger)
{
    int64_t since = 0;
    if (!kist_id_parse(ledger->good, &since))
        since = ledger->first_seen;
    return since > 0 ? kist_schedule_overdue_at(&pipeline->schedule, since) : -1;
}

static int is_overdue(const struct kist_config_pipeline *pipeline, const struct kist_ledger *ledger, int64_t now)
{
    int64_t at = overdue_at(pipeline, ledger);
    return at >= 0 && now >= at;
}

int kist_overdue_may_be(const struct kist_config_pipeline *pipeline, const char *state_dir, int64_t now,
                        int at_work)
{
    struct kist_ledger ledger;
    if (pipeline->schedule.kind == KIST_SCHEDULE_NONE)
        return 0;
    kist_ledger_read(state_dir, pipeline->name, &ledger);
    int64_t told = ledger.overdue_told;
    return is_overdue(pipeline, &ledger, at_work ? now - AT_WORK : now) &&
           !(told && told <= now && now - told < AGAIN);
}

/* ---- what the destinations say ---- */

static int read_catalog(struct kist_target *target, void *pipeline, struct kist_error *err)
{
    return kist_catalog_read(target->store, pipeline, &target->catalog, err);
}

/* The newest good backup of any destination that answers; "" when there is none, or nobody answers. Returns whether one does
 * not. */
static int ask(const struct kist_config_pipeline *pipeline, const char *known, struct kist_cancel *cancel,
               char ret_good[KIST_ID_LENGTH + 1])
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_config_pipeline any = *pipeline;
    struct kist_targets targets = {0};
    any.require = 0;
    int code = kist_targets_open(&any, NULL, cancel, &targets, &err);
    if (!code)
        code = kist_targets_step(&targets, read_catalog, (char *)(uintptr_t)pipeline->name, &err);
    if (!code)
        code = kist_turn_find_good(&targets, known, ret_good, &err);
    if (code)
        kist_log_at(KIST_LOG_WARNING, pipeline->name, &err);
    int silent = code != 0;
    for (size_t i = 0; i < targets.count; i++)
        if (targets.items[i].err.code) {
            kist_log_at(KIST_LOG_WARNING, NULL, &targets.items[i].err);
            silent = 1;
        }
    kist_targets_close(&targets);
    return silent;
}

/* ---- telling ---- */

struct change {
    const char *good;
    int64_t told;
};

static void note(struct kist_ledger *ledger, void *arg)
{
    const struct change *change = arg;
    kist_ledger_note(ledger, NULL, strcmp(change->good, ledger->good) > 0 ? change->good : NULL);
    if (change->told)
        ledger->overdue_told = change->told;
}

/* What is known, and no more: that there is none is said only where all destinations say so. */
static void describe(const char *good, int64_t now, int silent, int at_work, char *ret_cause, size_t size)
{
    const char *working = at_work ? "; a run is under way, and does not come to an end" : "";
    const char *unsure = silent ? "; a destination does not answer, and may have a newer one" : "";
    int64_t began = 0;
    if (kist_id_parse(good, &began))
        snprintf(ret_cause, size, "the last good backup, %s, is %s old%s%s", good,
                 kist_duration_show((now - began) * 1000).text, unsure, working);
    else if (silent)
        snprintf(ret_cause, size, "no good backup is known, and a destination that may have one does not answer%s",
                 working);
    else
        snprintf(ret_cause, size, "there is no good backup on any destination%s", working);
}

static size_t tell(const struct kist_config_pipeline *pipeline, const char *good, int64_t now, const char *cause)
{
    kist_log(KIST_LOG_WARNING, pipeline->name, "overdue: %s", cause);
    const struct kist_news news = {.kind = KIST_EVENT_OVERDUE,
                                   .cause = cause,
                                   .last_good = *good ? good : NULL,
                                   .started_ms = now * 1000,
                                   .finished_ms = now * 1000,
                                   .raw_size = -1,
                                   .stored_size = -1,
                                   .exit = KIST_EXIT_STALE};
    return kist_tell(pipeline, &news);
}

static int is_at_work(const char *state_dir, const char *pipeline)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_lock lock = KIST_LOCK_INIT;
    int code = kist_lock_take(state_dir, pipeline, &lock, &err);
    kist_lock_release(&lock);
    return code == KIST_ERR_EXISTS;
}

static size_t look_at(const struct kist_config_pipeline *pipeline, const char *state_dir, int64_t now,
                      struct kist_cancel *cancel)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_ledger ledger;
    char good[KIST_ID_LENGTH + 1] = "", cause[240];
    int at_work = kist_overdue_may_be(pipeline, state_dir, now, 0) && is_at_work(state_dir, pipeline->name);
    if (!kist_overdue_may_be(pipeline, state_dir, now, at_work))
        return 0;
    kist_ledger_read(state_dir, pipeline->name, &ledger);
    int silent = ask(pipeline, ledger.good, cancel, good);
    if (strcmp(good, ledger.good) > 0)
        memcpy(ledger.good, good, sizeof ledger.good);
    if (kist_cancel_is_set(cancel))
        return 0;
    int overdue = is_overdue(pipeline, &ledger, now);
    describe(ledger.good, now, silent, at_work, cause, sizeof cause);
    size_t untold = overdue ? tell(pipeline, ledger.good, now, cause) : 0;
    struct change change = {.good = ledger.good, .told = overdue ? now : 0};
    if (kist_ledger_change(state_dir, pipeline->name, note, &change, &err))
        kist_log_at(KIST_LOG_WARNING, pipeline->name, &err);
    return untold;
}

/* Two that are started by the minute tell nobody twice, however long a destination takes to answer. */
static int is_only_one(const char *state_dir, struct kist_lock *lock)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    int code = kist_lock_take(state_dir, ".overdue", lock, &err);
    if (code && code != KIST_ERR_EXISTS)
        kist_log_at(KIST_LOG_WARNING, NULL, &err);
    return code != KIST_ERR_EXISTS;
}

enum kist_exit kist_overdue_tell(const struct kist_config *config, const char *state_dir, int64_t now,
                                 struct kist_cancel *cancel)
{
    struct kist_lock lock = KIST_LOCK_INIT;
    size_t untold = 0;
    int only = is_only_one(state_dir, &lock);
    for (size_t i = 0; i < config->pipeline_count && only && !kist_signals_seen(); i++)
        untold += look_at(&config->pipelines[i], state_dir, now, cancel);
    kist_lock_release(&lock);
    return untold ? KIST_EXIT_DEGRADED : KIST_EXIT_OK;
}
