/* What an event leaves in the table. Dates are those of backups, not of the news about them. */
#include "postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAME_RUN_MS INT64_C(60000)

int64_t pgn_id_time(const char *id)
{
    struct tm tm = {0};
    const char *end =
        id && strlen(id) == strlen("2026-11-21T02-00-00Z") ? strptime(id, "%Y-%m-%dT%H-%M-%SZ", &tm) : NULL;
    return end && !*end ? (int64_t)timegm(&tm) : -1;
}

static char *show_time(int64_t seconds, int32_t format)
{
    char *text = NULL;
    time_t time = (time_t)seconds;
    struct tm tm;
    int size = -1;
    if (format == PGN_EPOCH)
        size = asprintf(&text, "%lld", (long long)seconds);
    else if (format == PGN_EPOCH_MS)
        size = asprintf(&text, "%lld000", (long long)seconds);
    else if (gmtime_r(&time, &tm))
        size = asprintf(&text, "%04d-%02d-%02dT%02d:%02d:%02d.000Z", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                        tm.tm_hour, tm.tm_min, tm.tm_sec);
    return size < 0 ? NULL : text;
}

/* `value` is given; NULL: there was no memory for it. */
static int add(struct pgn_entries *entries, const char *key, char *value, int only_newer)
{
    if (!value)
        return -1;
    if (!key || !*key) {
        free(value);
        return 0;
    }
    /* Two names for one key: the first that is written stands. */
    for (size_t i = 0; i < entries->count; i++)
        if (strcmp(entries->items[i].key, key) == 0) {
            free(value);
            return 0;
        }
    entries->items[entries->count++] = (struct pgn_entry){key, value, only_newer};
    return 0;
}

static char *show_size(int64_t size)
{
    char *text = NULL;
    return asprintf(&text, "%lld", (long long)size) < 0 ? NULL : text;
}

/* A backup that can be used was made. */
static int is_good(uint32_t kind)
{
    return kind == KIST_EVENT_SUCCESS || kind == KIST_EVENT_RECOVERY || kind == KIST_EVENT_DEGRADED;
}

/* The news may be late, or of an older backup that was proved: neither is what the last run did. */
static int is_of_the_last_run(const struct kist_event *event, int64_t when)
{
    return !event->late && (!event->backup || when < 0 || when * 1000 >= event->started_ms - SAME_RUN_MS);
}

static int add_backup(const struct pgn_config *config, const struct kist_event *event, int64_t when, int current,
                      struct pgn_entries *entries)
{
    int32_t format = config->value_format.index;
    return add(entries, config->success_key, show_time(when, format), !current) ||
           add(entries, config->full_key, show_time(when, format), !current) ||
           (current && add(entries, config->id_key, strdup(event->backup), 0)) ||
           (current && event->stored_size >= 0 &&
            add(entries, config->size_key, show_size(event->stored_size), 0));
}

static int add_outcome(const struct pgn_config *config, const struct kist_event *event,
                       struct pgn_entries *entries)
{
    const char *cause = event->cause ? event->cause : event->kind == KIST_EVENT_SUCCESS ? "" : event->summary;
    if (event->kind == KIST_EVENT_RECOVERY)
        cause = "";
    return add(entries, config->status_key, strdup(event->word ? event->word : ""), 0) ||
           add(entries, config->error_key, strdup(cause ? cause : ""), 0);
}

/* What a test would write if it were a good run that ends now. */
static int add_test(const struct pgn_config *config, const struct kist_event *event, struct pgn_entries *entries)
{
    struct kist_event sample = *event;
    sample.kind = KIST_EVENT_SUCCESS;
    sample.backup = "2026-11-21T02-00-00Z";
    sample.stored_size = 0;
    return add_backup(config, &sample, event->finished_ms / 1000, 1, entries) ||
           add_outcome(config, &sample, entries);
}

int pgn_entries_make(const struct pgn_config *config, const struct kist_event *event,
                     struct pgn_entries *ret_entries)
{
    int64_t when = pgn_id_time(event->backup);
    int current = is_of_the_last_run(event, when), failed = 0;
    *ret_entries = (struct pgn_entries){.count = 0};
    if (event->kind == KIST_EVENT_TEST) {
        failed = add_test(config, event, ret_entries);
    } else {
        if (is_good(event->kind) && when >= 0)
            failed = add_backup(config, event, when, current, ret_entries);
        if (!failed && current)
            failed = add_outcome(config, event, ret_entries);
    }
    if (failed)
        pgn_entries_done(ret_entries);
    return failed ? -1 : 0;
}

void pgn_entries_done(struct pgn_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->items[i].value);
    *entries = (struct pgn_entries){.count = 0};
}
