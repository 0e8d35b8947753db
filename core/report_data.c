#include "report_data.h"
#include "history.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

/* Of the newest entries: years of a nightly run with all its proofs. */
#define HISTORY_MOST 20000

const char *kist_report_text_of(json_t *entry, const char *name)
{
    return json_string_value(json_object_get(entry, name));
}

int64_t kist_report_number_of(json_t *entry, const char *name)
{
    json_t *number = json_object_get(entry, name);
    return json_is_integer(number) && json_integer_value(number) >= 0 ? (int64_t)json_integer_value(number) : -1;
}

int64_t kist_report_time_of(json_t *entry)
{
    int64_t time = -1;
    const char *text = kist_report_text_of(entry, "started");
    if (!text || !kist_time_parse(text, &time))
        text = kist_report_text_of(entry, "time");
    return text && kist_time_parse(text, &time) ? time : -1;
}

/* A history that cannot be read hides nothing of what the destinations know. */
static void read_history(struct kist_report_data *data, const char *state_dir)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const char *name = data->status->pipeline->name;
    if (kist_history_read(state_dir, name, 0, HISTORY_MOST, &data->history, &data->damaged, &err))
        kist_log_at(KIST_LOG_WARNING, name, &err);
}

int kist_report_gather(const struct kist_status *status, const char *state_dir, int64_t now, size_t most,
                       struct kist_report_data *ret_data, struct kist_error *err)
{
    struct kist_report_data data = {.status = status, .now = now};
    read_history(&data, state_dir);
    int code = kist_report_gather_runs(&data, most, err);
    if (!code)
        code = kist_report_gather_places(&data, err);
    if (code)
        kist_report_data_done(&data);
    else
        *ret_data = data;
    return code;
}

void kist_report_data_done(struct kist_report_data *data)
{
    for (size_t i = 0; i < data->point_count; i++)
        free(data->points[i].cause);
    for (size_t i = 0; i < data->place_count; i++) {
        free(data->places[i].names);
        free(data->places[i].rows);
        free(data->places[i].kept);
        kist_plan_done(&data->places[i].plan);
    }
    free(data->points);
    free(data->places);
    json_decref(data->history);
    *data = (struct kist_report_data){0};
}
