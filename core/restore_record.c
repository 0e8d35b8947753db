#include "restore_record.h"
#include "history.h"
#include "log.h"
#include "state.h"

#include <string.h>

#define NEWEST 2000 /* entries of the pipeline that are searched for an estimate */

/* ---- adding ---- */

/* Sets a text that is there. */
static int set(json_t *entry, const char *name, const char *text)
{
    return text && *text ? json_object_set_new(entry, name, json_string(text)) : 0;
}

static int set_number(json_t *entry, const char *name, int64_t number)
{
    return json_object_set_new(entry, name, json_integer((json_int_t)number));
}

static int set_list(json_t *entry, const char *name, const char *const *texts, size_t count)
{
    if (count == 0)
        return 0;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, json_string(texts[i])) != 0) {
            json_decref(list);
            return -1;
        }
    return json_object_set_new(entry, name, list);
}

static size_t length(const char *const *texts)
{
    size_t count = 0;
    while (texts && texts[count])
        count++;
    return count;
}

/* What was asked for when that was something else than all of a backup. */
static int set_parts(json_t *entry, const struct kist_restore_options *options)
{
    const char *only = options->flags & KIST_RESTORE_SCHEMA_ONLY ? "schema"
                       : options->flags & KIST_RESTORE_DATA_ONLY ? "data"
                                                                 : NULL;
    return set_list(entry, "include", options->include, options->include_count) |
           set_list(entry, "tables", options->tables, length(options->tables)) |
           set_list(entry, "schemas", options->schemas, length(options->schemas)) | set(entry, "only", only) |
           set(entry, "at", options->at);
}

static int is_part(json_t *entry)
{
    static const char *const names[] = {"include", "tables", "schemas", "only", "at"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_object_get(entry, names[i]))
            return 1;
    return 0;
}

static int set_restored(json_t *entry, const struct kist_restored *restored, int code)
{
    const struct kist_restore_place *place = &restored->place;
    int bad = set(entry, "name", place->name) | set(entry, "server", place->server) |
              set(entry, "fresh", place->fresh) | set(entry, "kept", code ? NULL : place->kept) |
              set_number(entry, "raw_size", (int64_t)restored->raw_size);
    if (restored->counts.compared > 0 || restored->counts.difference_count > 0)
        bad |= set_number(entry, "compared", (int64_t)restored->counts.compared) |
               set_number(entry, "different", (int64_t)restored->counts.difference_count);
    return bad;
}

static int set_swapped(json_t *entry, const struct kist_swap_report *swapped)
{
    return set(entry, "name", swapped->name) | set(entry, "fresh", swapped->from) |
           set(entry, "kept", swapped->kept) | set_number(entry, "interrupted_ms", swapped->interrupted_ms) |
           set_number(entry, "ended_sessions", swapped->ended_sessions);
}

static const char *outcome_of(int code)
{
    return !code ? "ok" : code == KIST_ERR_REFUSED ? "refused" : "failed";
}

static json_t *entry_of(const struct kist_restore_record *record)
{
    json_t *entry = json_object();
    int code = record->err ? record->err->code : 0;
    int bad = !entry || set(entry, "event", record->event) || set(entry, "pipeline", record->pipeline) ||
              set(entry, "id", record->id) || set(entry, "from", record->from) ||
              set(entry, "sha256", record->sha256) || set(entry, "target", record->target) ||
              set(entry, "mode", record->mode) || set(entry, "outcome", outcome_of(code)) ||
              set_number(entry, "duration_ms", record->duration_ms) || set(entry, "fresh", record->fresh) ||
              set(entry, "safety", record->safety) ||
              (record->restored && set_restored(entry, record->restored, code)) ||
              (record->swapped && set_swapped(entry, record->swapped)) ||
              (record->options && set_parts(entry, record->options)) ||
              (code && set(entry, "cause", kist_error_text(record->err)));
    if (bad)
        json_decref(entry);
    return bad ? NULL : entry;
}

int kist_restore_record_add(const char *state_dir, const struct kist_restore_record *record)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *entry = entry_of(record);
    int code = entry ? kist_history_add(state_dir, entry, &err)
                     : kist_fail(&err, KIST_ERR_FAILED, "out of memory for the history");
    json_decref(entry);
    if (code)
        kist_log_at(KIST_LOG_WARNING, record->pipeline, &err);
    return code;
}

/* ---- the estimate ---- */

static int is_text(json_t *entry, const char *name, const char *wanted)
{
    const char *text = json_string_value(json_object_get(entry, name));
    return text && strcmp(text, wanted) == 0;
}

struct estimate {
    int64_t ms;
    const char *from;
};

/* A drill tells most: it does all that a restore does. Of the same kind the last line counts. */
static void consider(json_t *entry, const char *pipeline, uint64_t raw_size, struct estimate *estimate)
{
    int drill = is_text(entry, "event", "drill");
    int64_t ms = json_integer_value(json_object_get(entry, "duration_ms"));
    int64_t size = json_integer_value(json_object_get(entry, "raw_size"));
    if ((!drill && !is_text(entry, "event", "restore")) || !is_text(entry, "pipeline", pipeline) ||
        !is_text(entry, "outcome", "ok") || is_text(entry, "mode", "files") || is_part(entry) || ms <= 0)
        return;
    if (!drill && estimate->from && strcmp(estimate->from, "drill") == 0)
        return;
    double scale = size > 0 && raw_size > 0 ? (double)raw_size / (double)size : 1;
    estimate->ms = (int64_t)((double)ms * scale);
    estimate->from = drill ? "drill" : "restore";
}

int64_t kist_restore_estimate(const char *state_dir, const char *pipeline, uint64_t raw_size,
                              const char **ret_from)
{
    struct estimate estimate = {.ms = -1};
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *entries = NULL, *entry = NULL;
    size_t index = 0;
    /* Without a history there is no estimate, and that is all. */
    if (kist_history_read(state_dir, pipeline, 0, NEWEST, &entries, NULL, &err))
        return -1;
    json_array_foreach(entries, index, entry)
        consider(entry, pipeline, raw_size, &estimate);
    json_decref(entries);
    if (estimate.from)
        *ret_from = estimate.from;
    return estimate.ms;
}
