#include "turn.h"
#include "due.h"
#include "log.h"
#include "signals.h"
#include "turn_good.h"

#include <string.h>

#define BUSY 300 /* seconds for which a pipeline that another host has at work is left alone */

/* 0, or what went wrong, which is in the log then. */
static int change(const char *state_dir, const char *pipeline, kist_ledger_fn fn, void *arg)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    int code = kist_ledger_change(state_dir, pipeline, fn, arg, &err);
    if (code)
        kist_log_at(KIST_LOG_WARNING, pipeline, &err);
    return code;
}

/* ---- the beginning ---- */

static void note_begin(struct kist_ledger *ledger, void *arg)
{
    struct kist_turn *turn = arg;
    int64_t slot = turn->options->slot;
    turn->before = *ledger;
    kist_ledger_note(ledger, NULL, NULL);
    if (!slot)
        return;
    ledger->tries = ledger->slot == slot && !ledger->ended ? ledger->tries + 1 : 1;
    ledger->slot = slot;
    ledger->ended = 0;
    ledger->busy_until = 0;
}

void kist_turn_begin(struct kist_turn *turn, const struct kist_config_pipeline *pipeline,
                     const struct kist_run_options *options)
{
    *turn = (struct kist_turn){.pipeline = pipeline, .options = options, .begun = 1};
    (void)change(options->state_dir, pipeline->name, note_begin, turn);
}

/* ---- the catalogs, and the lease ---- */

/* The newest one, but for what was saved before a restore: "" none. */
static const char *newest_of(const struct kist_catalog *catalog, const char *aside)
{
    size_t count = catalog->backup_count;
    if (count && strcmp(catalog->backups[count - 1].id, aside) == 0)
        count--;
    return count ? catalog->backups[count - 1].id : "";
}

static void see(struct kist_turn *turn, const struct kist_targets *targets)
{
    turn->seen = 2;
    turn->newest[0] = '\0';
    for (size_t i = 0; i < targets->count; i++) {
        const struct kist_target *target = &targets->items[i];
        const char *newest = newest_of(&target->catalog, turn->before.aside);
        if (target->err.code)
            turn->seen = 1;
        else if (strcmp(newest, turn->newest) > 0)
            memcpy(turn->newest, newest, strlen(newest) + 1);
    }
}

static int read_again(struct kist_target *target, void *pipeline, struct kist_error *err)
{
    struct kist_catalog fresh = {0};
    int code = kist_catalog_read(target->store, pipeline, &fresh, err);
    if (code)
        return code;
    kist_catalog_done(&target->catalog);
    target->catalog = fresh;
    return 0;
}

/* Another host was at work since the slot: what it has made needs no making again. */
static void look_for_slot(const struct kist_turn *turn, struct kist_run_report *report)
{
    const struct kist_ledger *before = &turn->before;
    int64_t newest = -1;
    /* Both of this host, who looked at once what is due; the other one was quick, and perhaps not lucky. */
    if (turn->options->slot && before->ended &&
        kist_due_is_covered(before->slot, turn->options->slot, report->started)) {
        report->needless = 1;
        kist_log(KIST_LOG_DEBUG, turn->pipeline->name, "nothing to do: another run for it has ended meanwhile");
        return;
    }
    if (!turn->options->slot || !kist_id_parse(turn->newest, &newest) ||
        !kist_due_is_covered(newest, turn->options->slot, report->started))
        return;
    report->needless = 1;
    kist_log(KIST_LOG_INFO, turn->pipeline->name, "nothing to do: another run has made the backup %s meanwhile",
             turn->newest);
}

int kist_turn_take(struct kist_turn *turn, struct kist_targets *targets, struct kist_run_report *report,
                   struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = turn->pipeline;
    int code = 0;
    /* What is saved before a restore replaces it must not wait for anybody. */
    if (pipeline->exclusive && !kist_run_is_safety(turn->options))
        code = kist_lease_take(targets, targets->owner, &kist_lease_times, &turn->lease, err);
    turn->refused = code == KIST_ERR_EXISTS;
    if (!code && kist_lease_changed_hands(turn->lease))
        code = kist_targets_step(targets, read_again, (char *)(uintptr_t)pipeline->name, err);
    if (code)
        return code;
    see(turn, targets);
    code = kist_turn_find_good(targets, turn->before.good, report->last_good, err);
    if (!code)
        look_for_slot(turn, report);
    return code;
}

/* ---- the end ---- */

struct end {
    const struct kist_turn *turn;
    const struct kist_run_report *report;
};

static void note_slot(struct kist_ledger *ledger, const struct kist_turn *turn)
{
    /* One that was stopped, by a shutdown perhaps, is begun again as one that was killed is. */
    ledger->ended = !kist_signals_seen();
    if (!turn->refused)
        return;
    ledger->slot = turn->before.slot;
    ledger->tries = turn->before.tries;
    ledger->ended = turn->before.ended;
    ledger->busy_until = kist_time_now() + BUSY;
}

static void note_end(struct kist_ledger *ledger, void *arg)
{
    const struct end *end = arg;
    const struct kist_turn *turn = end->turn;
    const struct kist_run_report *report = end->report;
    char newest[KIST_ID_LENGTH + 1];
    const char *good = report->last_good;
    memcpy(newest, turn->newest, sizeof newest);
    if (report->id[0] && report->outcome != KIST_OUTCOME_FAILED)
        memcpy(kist_run_is_safety(turn->options) ? ledger->aside : newest, report->id, sizeof newest);
    /* A destination that does not answer may have what the others lack. */
    int all = turn->seen == 2;
    kist_ledger_note(ledger, all || strcmp(newest, ledger->newest) > 0 ? newest : NULL,
                     all || strcmp(good, ledger->good) > 0 ? good : NULL);
    if (turn->options->slot)
        note_slot(ledger, turn);
}

void kist_turn_end(struct kist_turn *turn, const struct kist_run_report *report)
{
    struct end end = {.turn = turn, .report = report};
    if (!turn->begun)
        return;
    kist_lease_release(turn->lease);
    turn->lease = NULL;
    (void)change(turn->options->state_dir, turn->pipeline->name, note_end, &end);
}

/* ---- after the run ---- */

int kist_turn_is_good(const struct kist_run_report *report)
{
    return report->id[0] && report->outcome != KIST_OUTCOME_FAILED && !report->bad && !report->suspicion;
}

void kist_turn_proved(const struct kist_run_options *options, struct kist_run_report *report)
{
    struct kist_ledger ledger;
    if (kist_turn_is_good(report)) {
        memcpy(report->last_good, report->id, sizeof report->last_good);
    } else if (!report->last_good[0]) {
        kist_ledger_read(options->state_dir, report->pipeline, &ledger);
        memcpy(report->last_good, ledger.good, sizeof report->last_good);
    }
}

static void note_told(struct kist_ledger *ledger, void *arg)
{
    const struct kist_run_report *report = arg;
    if (kist_turn_is_good(report)) {
        kist_ledger_note(ledger, NULL, report->id);
        ledger->overdue_told = 0;
    }
    ledger->failing = report->outcome != KIST_OUTCOME_OK;
}

void kist_turn_told(const struct kist_run_options *options, struct kist_run_report *report)
{
    if (change(options->state_dir, report->pipeline, note_told, report))
        report->told_badly = 1;
}
