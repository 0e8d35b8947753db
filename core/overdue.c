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

#define AGAIN (24 * 3600) /* seconds until it is told once more */

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

int kist_overdue_may_be(const struct kist_config_pipeline *pipeline, const char *state_dir, int64_t now)
{
    struct kist_ledger ledger;
    if (pipeline->schedule.kind == KIST_SCHEDULE_NONE)
        return 0;
    kist_ledger_read(state_dir, pipeline->name, &ledger);
    int64_t told = ledger.overdue_told;
    return is_overdue(pipeline, &ledger, now) && !(told && told <= now && now - told < AGAIN);
}

/* ---- what the destinations say ---- */

static int read_catalog(struct kist_target *target, void *pipeline, struct kist_error *err)
{
    return kist_catalog_read(target->store, pipeline, &target->catalog, err);
}

/* The newest good backup of any destination that answers; "" when there is none, or nobody answers. */
static void ask(const struct kist_config_pipeline *pipeline, const char *known, struct kist_cancel *cancel,
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
    for (size_t i = 0; i < targets.count; i++)
        if (targets.items[i].err.code)
            kist_log_at(KIST_LOG_WARNING, NULL, &targets.items[i].err);
    kist_targets_close(&targets);
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

static size_t tell(const struct kist_config_pipeline *pipeline, const char *good, int64_t now)
{
    char cause[160];
    int64_t began = 0;
    if (kist_id_parse(good, &began))
        snprintf(cause, sizeof cause, "the last good backup, %s, is %s old", good,
                 kist_duration_show((now - began) * 1000).text);
    else
        snprintf(cause, sizeof cause, "there is no good backup");
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

/* A run that is under way may be about to make a good one. */
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
    char good[KIST_ID_LENGTH + 1] = "";
    if (!kist_overdue_may_be(pipeline, state_dir, now) || is_at_work(state_dir, pipeline->name))
        return 0;
    kist_ledger_read(state_dir, pipeline->name, &ledger);
    ask(pipeline, ledger.good, cancel, good);
    if (strcmp(good, ledger.good) > 0)
        memcpy(ledger.good, good, sizeof ledger.good);
    if (kist_cancel_is_set(cancel))
        return 0;
    int overdue = is_overdue(pipeline, &ledger, now);
    size_t untold = overdue ? tell(pipeline, ledger.good, now) : 0;
    struct change change = {.good = ledger.good, .told = overdue ? now : 0};
    if (kist_ledger_change(state_dir, pipeline->name, note, &change, &err))
        kist_log_at(KIST_LOG_WARNING, pipeline->name, &err);
    return untold;
}

enum kist_exit kist_overdue_tell(const struct kist_config *config, const char *state_dir, int64_t now,
                                 struct kist_cancel *cancel)
{
    size_t untold = 0;
    for (size_t i = 0; i < config->pipeline_count && !kist_signals_seen(); i++)
        untold += look_at(&config->pipelines[i], state_dir, now, cancel);
    return untold ? KIST_EXIT_DEGRADED : KIST_EXIT_OK;
}
