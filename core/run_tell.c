#include "ledger.h"
#include "log.h"
#include "run.h"
#include "state.h"
#include "tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *outcome_name(enum kist_outcome outcome)
{
    return outcome == KIST_OUTCOME_OK ? "ok" : outcome == KIST_OUTCOME_DEGRADED ? "degraded" : "failed";
}

/* The first cause that the report knows: of the run, or of a destination that lacks the backup. */
static const char *cause_of(const struct kist_run_report *report)
{
    if (report->err.code)
        return kist_error_text(&report->err);
    for (size_t i = 0; i < report->place_count; i++)
        if (report->places[i].cause)
            return report->places[i].cause;
    return report->suspicion ? report->suspicion : report->omission ? report->omission : report->retention;
}

static json_t *history_entry(const struct kist_run_report *report)
{
    char started[KIST_TIME_LENGTH + 1];
    kist_time_text(report->started, started);
    json_t *places = json_object();
    for (size_t i = 0; i < report->place_count; i++)
        if (report->places[i].destination)
            json_object_set_new(places, report->places[i].destination, json_boolean(report->places[i].complete));
    return json_pack("{s:s, s:s, s:s*, s:s*, s:s, s:s, s:i, s:I, s:I, s:I, s:o, s:s*, s:s*, s:s*}", "event", "run",
                     "pipeline", report->pipeline, "run", report->run[0] ? report->run : NULL, "id",
                     report->id[0] ? report->id : NULL, "outcome", outcome_name(report->outcome), "started",
                     started, "exit", (int)report->exit, "duration_ms", (json_int_t)report->duration_ms,
                     "raw_size", (json_int_t)report->raw_size, "stored_size", (json_int_t)report->stored_size,
                     "destinations", places, "cause", cause_of(report), "retention", report->retention, "omission",
                     report->omission);
}

/* Whether the run before this one was not good. */
static int was_failing(const struct kist_run_options *options, const struct kist_run_report *report)
{
    struct kist_ledger ledger = {0};
    if (options->state_dir)
        kist_ledger_read(options->state_dir, report->pipeline, &ledger);
    return ledger.failing;
}

static uint32_t kind_of(const struct kist_run_options *options, const struct kist_run_report *report)
{
    if (report->outcome == KIST_OUTCOME_FAILED)
        return KIST_EVENT_FAILURE;
    if (report->suspicion)
        return KIST_EVENT_SUSPECT;
    if (report->outcome == KIST_OUTCOME_DEGRADED)
        return KIST_EVENT_DEGRADED;
    return was_failing(options, report) ? KIST_EVENT_RECOVERY : KIST_EVENT_SUCCESS;
}

/* What only the run knows to be the next step; NULL: what is always done. New. */
static char *next_step(const struct kist_run_report *report)
{
    char *text = NULL;
    if (report->err.hint)
        text = strdup(report->err.hint);
    else if (report->retention && cause_of(report) == report->retention &&
             asprintf(&text, "`kist prune --dry-run %s` says of every backup why it stays or goes",
                      report->pipeline) < 0)
        text = NULL;
    return text;
}

void kist_run_tell(const struct kist_config_pipeline *pipeline, const struct kist_run_options *options,
                   struct kist_run_report *report)
{
    char *step = next_step(report);
    /* The id of a run that failed is that of no backup. */
    int made = report->id[0] && (report->outcome != KIST_OUTCOME_FAILED || report->bad);
    const struct kist_news news = {.kind = kind_of(options, report),
                                   .backup = made ? report->id : NULL,
                                   .run = report->run[0] ? report->run : NULL,
                                   .cause = cause_of(report),
                                   .next_step = step,
                                   .last_good = report->last_good[0] ? report->last_good : NULL,
                                   .started_ms = report->started * 1000,
                                   .finished_ms = report->started * 1000 + report->duration_ms,
                                   .raw_size = made ? (int64_t)report->raw_size : -1,
                                   .stored_size = made ? (int64_t)report->stored_size : -1,
                                   .places = report->places,
                                   .place_count = report->place_count,
                                   .exit = (int)report->exit,
                                   .with_log = report->outcome != KIST_OUTCOME_OK};
    if (kist_tell(pipeline, &news))
        report->told_badly = 1;
    free(step);
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *entry = history_entry(report);
    if (!entry || kist_history_add(options->state_dir, entry, &err)) {
        kist_log_at(KIST_LOG_WARNING, report->pipeline, &err);
        report->told_badly = 1;
    }
    json_decref(entry);
}
