#include "report_data.h"

#include <stdlib.h>
#include <string.h>

/* Slots without a run are looked for in the newest of them only. */
#define SLOTS_MOST 2000

static int no_memory(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED, "out of memory for the report");
}

static int add_point(struct kist_report_data *data, const struct kist_report_point *point, struct kist_error *err)
{
    if (data->point_count == data->point_room) {
        size_t room = data->point_room ? data->point_room * 2 : 64;
        struct kist_report_point *points = reallocarray(data->points, room, sizeof *points);
        if (!points)
            return no_memory(err);
        data->points = points;
        data->point_room = room;
    }
    data->points[data->point_count++] = *point;
    return 0;
}

static enum kist_report_kind kind_of(const char *outcome)
{
    return !outcome || strcmp(outcome, "failed") == 0 ? KIST_REPORT_FAILED
           : strcmp(outcome, "ok") == 0               ? KIST_REPORT_GOOD
                                                      : KIST_REPORT_DEGRADED;
}

static int add_entry(struct kist_report_data *data, json_t *entry, struct kist_error *err)
{
    const char *event = kist_report_text_of(entry, "event"), *id = kist_report_text_of(entry, "id");
    const char *cause = kist_report_text_of(entry, "cause");
    struct kist_report_point point = {.time = kist_report_time_of(entry),
                                      .kind = kind_of(kist_report_text_of(entry, "outcome")),
                                      .raw = kist_report_number_of(entry, "raw_size"),
                                      .stored = kist_report_number_of(entry, "stored_size"),
                                      .duration_ms = kist_report_number_of(entry, "duration_ms"),
                                      .runs = 1};
    if (!event || strcmp(event, "run") != 0 || point.time < 0)
        return 0;
    if (id && kist_id_parse(id, NULL))
        memcpy(point.id, id, sizeof point.id);
    if (point.kind == KIST_REPORT_FAILED)
        point.raw = point.stored = -1;
    if (cause && !(point.cause = strdup(cause)))
        return no_memory(err);
    int code = add_point(data, &point, err);
    if (code)
        free(point.cause);
    return code;
}

static int is_known(const struct kist_report_data *data, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(data->points[i].id, id) == 0)
            return 1;
    return 0;
}

/* A backup of which this host's history says nothing: another host made it, or the history was lost. */
static int add_backups(struct kist_report_data *data, struct kist_error *err)
{
    const struct kist_listing *listing = &data->status->listing;
    size_t known = data->point_count;
    int code = 0;
    for (size_t i = 0; i < listing->row_count && !code; i++) {
        const struct kist_manifest *manifest = &listing->rows[i].manifest;
        if (!manifest->pipeline || kist_safety_is(manifest) || is_known(data, known, listing->rows[i].id))
            continue;
        struct kist_report_point point = {.time = manifest->started,
                                          .kind = manifest->suspect ? KIST_REPORT_DEGRADED : KIST_REPORT_GOOD,
                                          .raw = (int64_t)kist_manifest_raw_size(manifest),
                                          .stored = (int64_t)kist_manifest_stored_size(manifest),
                                          .duration_ms = manifest->finished >= manifest->started
                                                             ? (manifest->finished - manifest->started) * 1000
                                                             : -1,
                                          .runs = 1};
        memcpy(point.id, listing->rows[i].id, sizeof point.id);
        code = add_point(data, &point, err);
    }
    return code;
}

static int by_time(const void *a, const void *b)
{
    const struct kist_report_point *x = a, *y = b;
    return x->time < y->time ? -1 : x->time > y->time;
}

/* What the schedule, as it is today, asked for and nobody did; from the first run on that this host remembers, for of the
 * time before it is not known what was done. Runs are sorted. */
static int add_missed(struct kist_report_data *data, int64_t since, struct kist_error *err)
{
    const struct kist_schedule *schedule = &data->status->pipeline->schedule;
    size_t left = data->point_count;
    int64_t end = INT64_MAX, slot = kist_schedule_last(schedule, data->now);
    int code = 0;
    for (size_t i = 0; i < SLOTS_MOST && slot >= since && !code; i++) {
        while (left > 0 && data->points[left - 1].time >= end)
            left--;
        int done = left > 0 && data->points[left - 1].time >= slot;
        /* The newest slot has its time of grace. */
        if (!done && data->now >= kist_schedule_overdue_at(schedule, slot - 1)) {
            const struct kist_report_point point = {
                .time = slot, .kind = KIST_REPORT_MISSED, .raw = -1, .stored = -1, .duration_ms = -1, .runs = 1};
            code = add_point(data, &point, err);
        }
        end = slot;
        slot = kist_schedule_last(schedule, slot - 1);
    }
    return code;
}

/* Of neighbours that share a mark the gravest one is shown, the newest one among equals. */
static void thin_out(struct kist_report_data *data, size_t most)
{
    size_t count = data->point_count, left = 0;
    if (count <= most)
        return;
    for (size_t i = 0; i < count; i++) {
        struct kist_report_point *point = &data->points[i];
        /* They are shared out evenly: `most` is a few hundred, so that nothing overflows. */
        if (i == 0 || i * most / count != (i - 1) * most / count) {
            data->points[left++] = *point;
            continue;
        }
        struct kist_report_point *shown = &data->points[left - 1];
        size_t runs = shown->runs + point->runs;
        if (point->kind >= shown->kind) {
            free(shown->cause);
            *shown = *point;
        } else
            free(point->cause);
        shown->runs = runs;
    }
    data->point_count = left;
}

int kist_report_gather_runs(struct kist_report_data *data, size_t most, struct kist_error *err)
{
    int64_t since = INT64_MAX;
    size_t index = 0;
    json_t *entry = NULL;
    int code = 0;
    json_array_foreach(data->history, index, entry)
        if (!code)
            code = add_entry(data, entry, err);
    for (size_t i = 0; i < data->point_count; i++)
        if (data->points[i].time < since)
            since = data->points[i].time;
    if (!code)
        code = add_backups(data, err);
    data->run_count = data->point_count;
    if (data->point_count)
        qsort(data->points, data->point_count, sizeof *data->points, by_time);
    if (!code && data->status->pipeline->schedule.kind != KIST_SCHEDULE_NONE)
        code = add_missed(data, since, err);
    if (data->point_count)
        qsort(data->points, data->point_count, sizeof *data->points, by_time);
    thin_out(data, most);
    return code;
}
