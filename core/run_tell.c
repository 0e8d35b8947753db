#include "instance.h"
#include "log.h"
#include "run.h"
#include "state.h"
#include "tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTIFY_DEADLINE_MS 30000

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
    return report->suspicion ? report->suspicion : report->omission;
}

static json_t *history_entry(const struct kist_run_report *report)
{
    char started[KIST_TIME_LENGTH + 1];
    kist_time_text(report->started, started);
    json_t *places = json_object();
    for (size_t i = 0; i < report->place_count; i++)
        if (report->places[i].destination)
            json_object_set_new(places, report->places[i].destination, json_boolean(report->places[i].complete));
    return json_pack("{s:s, s:s, s:s*, s:s, s:s, s:i, s:I, s:I, s:I, s:o, s:s*}", "event", "run", "pipeline",
                     report->pipeline, "id", report->id[0] ? report->id : NULL, "outcome",
                     outcome_name(report->outcome), "started", started, "exit", (int)report->exit, "duration_ms",
                     (json_int_t)report->duration_ms, "raw_size", (json_int_t)report->raw_size, "stored_size",
                     (json_int_t)report->stored_size, "destinations", places, "cause", cause_of(report));
}

static void fill_event(const struct kist_run_report *report, char *summary, struct kist_event *event)
{
    static const uint32_t kinds[] = {[KIST_OUTCOME_OK] = KIST_EVENT_SUCCESS,
                                     [KIST_OUTCOME_DEGRADED] = KIST_EVENT_DEGRADED,
                                     [KIST_OUTCOME_FAILED] = KIST_EVENT_FAILURE};
    *event = (struct kist_event){.struct_size = sizeof *event,
                                 .kind = kinds[report->outcome],
                                 .pipeline = report->pipeline,
                                 .backup = report->id[0] ? report->id : NULL,
                                 .host = kist_host_name(),
                                 .summary = summary,
                                 .cause = cause_of(report),
                                 .next_step = report->err.hint,
                                 .started_ms = report->started * 1000,
                                 .finished_ms = report->finished * 1000,
                                 .raw_size = (int64_t)report->raw_size,
                                 .stored_size = (int64_t)report->stored_size};
}

static int notify_one(const struct kist_config_section *section, const struct kist_event *event,
                      struct kist_error *err)
{
    struct kist_instance *instance = NULL;
    int code = kist_instance_open(section, event->pipeline, NULL, &instance, err);
    if (!code)
        code = kist_instance_result(
            instance, section->plugin->as.notifier.notify(instance->self, event, NOTIFY_DEADLINE_MS, err), err);
    kist_instance_close(instance);
    return code;
}

size_t kist_tell(const struct kist_config_pipeline *pipeline, const struct kist_event *event)
{
    size_t failed = 0;
    for (size_t i = 0; i < pipeline->notifier_count; i++) {
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        if (notify_one(pipeline->notifiers[i], event, &err)) {
            kist_log_error(NULL, &err);
            failed++;
        }
    }
    return failed;
}

void kist_run_tell(const struct kist_config_pipeline *pipeline, const struct kist_run_options *options,
                   struct kist_run_report *report)
{
    char *summary = NULL;
    if (asprintf(&summary, "backup of %s: %s", report->pipeline, outcome_name(report->outcome)) < 0)
        summary = NULL;
    struct kist_event event;
    fill_event(report, summary, &event);
    if (kist_tell(pipeline, &event))
        report->told_badly = 1;
    free(summary);
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *entry = history_entry(report);
    if (!entry || kist_history_add(options->state_dir, entry, &err)) {
        kist_log_at(KIST_LOG_WARNING, report->pipeline, &err);
        report->told_badly = 1;
    }
    json_decref(entry);
}
