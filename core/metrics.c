#include "metrics.h"

#include <string.h>

enum family {
    UP,
    DESTINATION_UP,
    STALE,
    STALE_TIME,
    LAST_GOOD,
    RAW_BYTES,
    STORED_BYTES,
    COMPLETE,
    DESTINATIONS,
    BACKUPS,
    VERIFIED,
    DRILLED,
    LAST_RUN,
    RUN_SUCCESS,
    RUN_DEGRADED,
    RUN_DURATION,
    NEXT_RUN,
    FAMILIES
};

_Static_assert(FAMILIES <= KIST_METRICS_FAMILIES, "every family has its lines");

static const struct {
    const char *name, *help;
} families[FAMILIES] = {
    [UP] = {"kist_up", "Whether any destination of the pipeline could be asked."},
    [DESTINATION_UP] = {"kist_destination_up", "Whether the destination could be asked."},
    [STALE] = {"kist_stale", "Whether the last good backup is older than the schedule or max_age allows."},
    [STALE_TIME] = {"kist_stale_timestamp_seconds", "When the last good backup becomes, or became, too old."},
    [LAST_GOOD] = {"kist_last_good_timestamp_seconds", "When the last good backup was begun."},
    [RAW_BYTES] = {"kist_backup_raw_bytes", "Size of the last good backup before filters."},
    [STORED_BYTES] = {"kist_backup_stored_bytes", "Size of the last good backup as it is stored."},
    [COMPLETE] = {"kist_destinations_complete", "Destinations that hold the last good backup."},
    [DESTINATIONS] = {"kist_destinations", "Destinations that should hold it."},
    [BACKUPS] = {"kist_backups", "Backups by state; what a manifest says is known of the newest only."},
    [VERIFIED] = {"kist_verified_timestamp_seconds", "When a backup was last proved by reading it."},
    [DRILLED] = {"kist_drilled_timestamp_seconds", "When a backup was last restored in a drill."},
    [LAST_RUN] = {"kist_last_run_timestamp_seconds", "When the last run on this host was begun."},
    [RUN_SUCCESS] = {"kist_last_run_success", "Whether the last run on this host made a backup."},
    [RUN_DEGRADED] = {"kist_last_run_degraded", "Whether the last run on this host was degraded."},
    [RUN_DURATION] = {"kist_last_run_duration_seconds", "How long the last run on this host took."},
    [NEXT_RUN] = {"kist_next_run_timestamp_seconds", "When the schedule has the next run."},
};

/* Within a label's quotes. */
static void add_escaped(struct kist_text *text, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            kist_text_add_char(text, '\\');
        if (*value == '\n')
            kist_text_add(text, "\\n");
        else
            kist_text_add_char(text, *value);
    }
}

/* A line with the pipeline's label, and one more where `label` is not NULL; the caller adds the value. */
static struct kist_text *begin_line(struct kist_metrics *metrics, enum family family, const char *pipeline,
                                    const char *label, const char *value)
{
    struct kist_text *text = &metrics->lines[family];
    kist_text_printf(text, "%s{pipeline=\"", families[family].name);
    add_escaped(text, pipeline);
    if (label) {
        kist_text_printf(text, "\",%s=\"", label);
        add_escaped(text, value);
    }
    kist_text_add(text, "\"} ");
    return text;
}

static void add_number(struct kist_metrics *metrics, enum family family, const struct kist_status *status,
                       int64_t number)
{
    kist_text_printf(begin_line(metrics, family, status->pipeline->name, NULL, NULL), "%lld\n", (long long)number);
}

static void add_time(struct kist_metrics *metrics, enum family family, const struct kist_status *status,
                     int64_t time)
{
    if (time > 0)
        add_number(metrics, family, status, time);
}

static void add_states(struct kist_metrics *metrics, const struct kist_status *status)
{
    static const char *const states[] = {"ok", "partial", "expired", "suspect", "bad", "damaged", "unknown"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        size_t count = 0;
        for (size_t r = 0; r < status->listing.row_count; r++)
            count += strcmp(kist_listing_state(&status->listing, &status->listing.rows[r]), states[i]) == 0;
        kist_text_printf(begin_line(metrics, BACKUPS, status->pipeline->name, "state", states[i]), "%zu\n", count);
    }
}

static void add_last_run(struct kist_metrics *metrics, const struct kist_status *status)
{
    const char *outcome = json_string_value(json_object_get(status->last_run, "outcome"));
    const char *started = json_string_value(json_object_get(status->last_run, "started"));
    json_t *duration = json_object_get(status->last_run, "duration_ms");
    int64_t time = 0;
    if (started && kist_time_parse(started, &time))
        add_time(metrics, LAST_RUN, status, time);
    if (outcome) {
        add_number(metrics, RUN_SUCCESS, status, strcmp(outcome, "failed") != 0);
        add_number(metrics, RUN_DEGRADED, status, strcmp(outcome, "degraded") == 0);
    }
    /* Anything can stand in a file, and one line that is no number costs the collector all of them. */
    if (json_is_integer(duration) && json_integer_value(duration) >= 0) {
        long long ms = (long long)json_integer_value(duration);
        kist_text_printf(begin_line(metrics, RUN_DURATION, status->pipeline->name, NULL, NULL), "%lld.%03lld\n",
                         ms / 1000, ms % 1000);
    }
}

static void add_destinations(struct kist_metrics *metrics, const struct kist_status *status)
{
    const struct kist_config_pipeline *pipeline = status->pipeline;
    for (size_t i = 0; i < pipeline->destination_count; i++)
        kist_text_printf(
            begin_line(metrics, DESTINATION_UP, pipeline->name, "destination", pipeline->destinations[i]->name),
            "%d\n", !status->err.code && status->listing.stores[i]);
    if (!status->good)
        return;
    add_number(metrics, COMPLETE, status, (int64_t)status->complete);
    add_number(metrics, DESTINATIONS, status, (int64_t)status->expected);
    add_number(metrics, RAW_BYTES, status, (int64_t)kist_manifest_raw_size(&status->good->manifest));
    add_number(metrics, STORED_BYTES, status, (int64_t)kist_manifest_stored_size(&status->good->manifest));
}

void kist_metrics_add(struct kist_metrics *metrics, const struct kist_status *status)
{
    add_number(metrics, UP, status, !status->err.code);
    add_destinations(metrics, status);
    /* No answer, and nothing remembered: whether it is stale is not known. */
    if (!status->err.code || status->good_id[0])
        add_number(metrics, STALE, status, status->stale);
    add_time(metrics, STALE_TIME, status, status->stale_at);
    add_time(metrics, LAST_GOOD, status, status->good_at);
    if (!status->err.code)
        add_states(metrics, status);
    add_time(metrics, VERIFIED, status, status->verified);
    add_time(metrics, DRILLED, status, status->drilled);
    add_last_run(metrics, status);
    add_time(metrics, NEXT_RUN, status, status->next);
}

static void add_head(struct kist_text *text, const char *name, const char *help)
{
    kist_text_printf(text, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

char *kist_metrics_text(const struct kist_metrics *metrics, int64_t now)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    int failed = 0;
    for (size_t i = 0; i < FAMILIES; i++) {
        failed |= kist_text_failed(&metrics->lines[i]);
        if (metrics->lines[i].size == 0)
            continue;
        add_head(&text, families[i].name, families[i].help);
        kist_text_add(&text, kist_text_get(&metrics->lines[i]));
    }
    add_head(&text, "kist_build_info", "The version of kist.");
    kist_text_add(&text, "kist_build_info{version=\"" KIST_VERSION "\"} 1\n");
    add_head(&text, "kist_status_timestamp_seconds", "When all this was found out.");
    kist_text_printf(&text, "kist_status_timestamp_seconds %lld\n", (long long)now);
    return failed ? NULL : kist_text_take(&text);
}

void kist_metrics_done(struct kist_metrics *metrics)
{
    for (size_t i = 0; i < FAMILIES; i++)
        kist_text_done(&metrics->lines[i]);
}
