#include "event_text.h"
#include "backup_id.h"
#include "event_clean.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE_MOST 300 /* bytes of why a destination lacks it */
#define TEXT_MOST 16384

static const char *get(const struct kist_event_draft *draft, const char *name)
{
    return json_string_value(json_object_get(draft->event, name));
}

char *kist_event_headline(const struct kist_event_draft *draft)
{
    static const char *const verbs[] = {
        [KIST_EVENT_SUCCESS] = "ok",         [KIST_EVENT_DEGRADED] = "is degraded",
        [KIST_EVENT_FAILURE] = "failed",     [KIST_EVENT_RECOVERY] = "is good again",
        [KIST_EVENT_OVERDUE] = "is overdue", [KIST_EVENT_SUSPECT] = "is suspect",
        [KIST_EVENT_START] = "started"};
    const char *verb = draft->kind < sizeof verbs / sizeof *verbs ? verbs[draft->kind] : NULL;
    const char *pipeline = get(draft, "pipeline"), *host = get(draft, "host");
    char *line = NULL;
    int size = draft->news->summary ? asprintf(&line, "%s (on %s)", draft->news->summary, host)
               : verb               ? asprintf(&line, "%s %s on %s", pipeline, verb, host)
                                    : asprintf(&line, "a test message from %s", host);
    return size < 0 ? NULL : line;
}

static size_t missing(const struct kist_news *news)
{
    size_t count = 0;
    for (size_t i = 0; i < news->place_count; i++)
        count += !news->places[i].complete;
    return count;
}

char *kist_event_advice(const struct kist_event_draft *draft)
{
    const char *name = draft->pipeline->name, *id = draft->news->backup;
    char *advice = NULL;
    int size = 0;
    switch (draft->kind) {
    case KIST_EVENT_FAILURE:
        size = draft->news->exit == KIST_EXIT_INTEGRITY
                   ? asprintf(&advice,
                              "`kist verify %s --all` tells which copies are good; `kist run %s` makes a "
                              "new backup",
                              name, name)
                   : asprintf(&advice, "`kist doctor %s` finds what is wrong; then `kist run %s`", name, name);
        break;
    case KIST_EVENT_DEGRADED:
        size = missing(draft->news)
                   ? asprintf(&advice,
                              "once every destination works again: `kist run --repair %s` copies "
                              "the backup to those that lack it",
                              name)
                   : asprintf(&advice, "`kist show %s%s%s` tells more", name, id ? "/" : "", id ? id : "");
        break;
    case KIST_EVENT_SUSPECT:
        size = asprintf(&advice, "look whether the data is what it should be; if it is: `kist accept %s%s%s`",
                        name, id ? "/" : "", id ? id : "");
        break;
    case KIST_EVENT_OVERDUE:
        size = asprintf(&advice, "`kist status %s` tells how it stands; `kist run %s` makes a backup now", name,
                        name);
        break;
    default: break;
    }
    return size < 0 ? NULL : advice;
}

/* -1 without memory; an empty value: no row. */
static int add_row(json_t *rows, const char *name, const char *value)
{
    return value && *value ? json_array_append_new(rows, json_pack("[s, s]", name, value)) : 0;
}

static int add_text_row(json_t *rows, const char *name, struct kist_text *value)
{
    int failed = kist_text_failed(value) || add_row(rows, name, kist_text_get(value));
    kist_text_done(value);
    return failed ? -1 : 0;
}

static int wants_good(uint32_t kind)
{
    return kind == KIST_EVENT_FAILURE || kind == KIST_EVENT_DEGRADED || kind == KIST_EVENT_OVERDUE ||
           kind == KIST_EVENT_SUSPECT;
}

static int add_good_row(const struct kist_event_draft *draft, json_t *rows)
{
    const char *good = get(draft, "last_good"), *backup = get(draft, "backup");
    struct kist_text value = KIST_TEXT_INIT;
    int64_t began = 0, now = draft->news->finished_ms > 0 ? draft->news->finished_ms / 1000 : kist_time_now();
    int this_one = good && backup && strcmp(good, backup) == 0;
    if (this_one && wants_good(draft->kind)) {
        kist_text_printf(&value, "this one, %s", good);
    } else if (good && !this_one && kist_id_parse(good, &began)) {
        kist_text_add(&value, good);
        if (now >= began)
            kist_text_printf(&value, ", %s old", kist_duration_show((now - began) * 1000).text);
    } else if (!good && wants_good(draft->kind))
        kist_text_printf(&value, "none is known; `kist list %s` shows what there is", draft->pipeline->name);
    return add_text_row(rows, "last good backup", &value);
}

static int add_size_row(const struct kist_event_draft *draft, json_t *rows)
{
    const struct kist_news *news = draft->news;
    struct kist_text value = KIST_TEXT_INIT;
    if (news->backup && news->raw_size > 0 && news->stored_size == 0)
        kist_text_printf(&value, "%s, held by the provider", kist_size_show((uint64_t)news->raw_size).text);
    else if (news->backup && news->raw_size == 0 && news->stored_size == 0)
        kist_text_add(&value, "not known, held by the provider");
    else if (news->backup && news->raw_size >= 0 && news->stored_size >= 0)
        kist_text_printf(&value, "%s, stored as %s", kist_size_show((uint64_t)news->raw_size).text,
                         kist_size_show((uint64_t)news->stored_size).text);
    return add_text_row(rows, "size", &value);
}

static int add_places_row(const struct kist_event_draft *draft, json_t *rows)
{
    const struct kist_news *news = draft->news;
    struct kist_text value = KIST_TEXT_INIT;
    for (size_t i = 0; i < news->place_count && value.size < 4 * (size_t)PLACE_MOST; i++) {
        const struct kist_run_place *place = &news->places[i];
        char *cause = place->cause ? kist_event_clean(place->cause, PLACE_MOST) : NULL;
        if (place->destination)
            kist_text_printf(&value, "%s%s %s%s%s%s", value.size ? ", " : "", place->destination,
                             place->complete ? "has it" : "lacks it", cause && !place->complete ? " (" : "",
                             cause && !place->complete ? cause : "", cause && !place->complete ? ")" : "");
        free(cause);
    }
    return add_text_row(rows, "destinations", &value);
}

static int add_time_row(const struct kist_event_draft *draft, json_t *rows, const char *name, int64_t ms)
{
    const struct kist_zone *zone = draft->pipeline->schedule.zone;
    const char *utc = get(draft, name);
    struct kist_text value = KIST_TEXT_INIT;
    if (utc) {
        kist_text_add(&value, utc);
        if (zone && strcmp(kist_zone_name(zone), "UTC") != 0) {
            struct kist_civil civil = {0};
            kist_zone_civil(zone, ms / 1000, &civil);
            kist_text_printf(&value, " (%04d-%02d-%02d %02d:%02d:%02d %s)", civil.year, civil.month, civil.day,
                             civil.hour, civil.minute, civil.second, kist_zone_name(zone));
        }
    }
    return add_text_row(rows, name, &value);
}

json_t *kist_event_rows(const struct kist_event_draft *draft)
{
    const struct kist_news *news = draft->news;
    json_t *rows = json_array();
    int64_t took = json_integer_value(json_object_get(draft->event, "duration_ms"));
    int failed = !rows || add_row(rows, "pipeline", get(draft, "pipeline")) ||
                 add_row(rows, "outcome", get(draft, "event")) || add_row(rows, "cause", get(draft, "cause")) ||
                 add_good_row(draft, rows) || add_row(rows, "next step", get(draft, "next_step")) ||
                 add_row(rows, "backup", get(draft, "backup")) || add_size_row(draft, rows) ||
                 add_places_row(draft, rows) ||
                 add_row(rows, "duration", took > 0 ? kist_duration_show(took).text : NULL) ||
                 add_row(rows, "host", get(draft, "host")) ||
                 add_time_row(draft, rows, "started", news->started_ms) ||
                 add_time_row(draft, rows, "finished", news->finished_ms);
    if (failed) {
        json_decref(rows);
        return NULL;
    }
    return rows;
}

/* What a person needs to know first: whether there is a backup of this run. */
static const char *verdict_of(const struct kist_event_draft *draft)
{
    switch (draft->kind) {
    case KIST_EVENT_SUCCESS: return "A backup was made, and all is well.";
    case KIST_EVENT_RECOVERY: return "A backup was made, and all is well again.";
    case KIST_EVENT_DEGRADED: return "A backup was made, but something is missing.";
    case KIST_EVENT_SUSPECT: return "A backup was made, but it may not be what it should be.";
    case KIST_EVENT_FAILURE:
        return draft->news->exit == KIST_EXIT_INTEGRITY ? "The backup cannot be relied on."
               : draft->news->backup                    ? "Whether the backup is good is not known."
                                                        : "No backup was made.";
    case KIST_EVENT_OVERDUE: return "No good backup was made when one was due.";
    case KIST_EVENT_START: return "A backup is being made.";
    case KIST_EVENT_TEST: return "This is a test: whoever reads it would be told of a failed backup, too.";
    default: return "";
    }
}

static const char *row_value(json_t *rows, const char *name)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        if (strcmp(json_string_value(json_array_get(row, 0)), name) == 0)
            return json_string_value(json_array_get(row, 1));
    }
    return NULL;
}

static void add_answer(struct kist_text *text, const char *question, const char *answer)
{
    if (answer)
        kist_text_printf(text, "%s\n  %s\n", question, answer);
}

json_t *kist_event_text(const struct kist_event_draft *draft, json_t *rows)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    static const char *const told[] = {"cause", "last good backup", "next step"};
    char *advice = draft->news->next_step ? kist_event_advice(draft) : NULL;
    kist_text_printf(&text, "%s. %s\n\n", get(draft, "title") + strlen("[kist] "), verdict_of(draft));
    add_answer(&text, "What happened:", row_value(rows, "cause"));
    add_answer(&text, "Still safe (the last good backup):", row_value(rows, "last good backup"));
    add_answer(&text, "What to do:", row_value(rows, "next step"));
    /* The hint tells what is special about it; the commands are what always helps. */
    if (advice)
        kist_text_printf(&text, "  %s\n", advice);
    free(advice);
    if (kist_text_failed(&text))
        return NULL;
    kist_text_add(&text, text.data[text.size - 2] == '\n' ? "" : "\n");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const char *name = json_string_value(json_array_get(json_array_get(rows, i), 0));
        int again = 0;
        for (size_t k = 0; k < sizeof told / sizeof *told; k++)
            again |= strcmp(told[k], name) == 0;
        if (!again)
            kist_text_printf(&text, "%s: %s\n", name,
                             json_string_value(json_array_get(json_array_get(rows, i), 1)));
    }
    kist_text_truncate(&text, TEXT_MOST - 512); /* leaves room for what one that is late says */
    return kist_text_failed(&text) ? NULL : json_string(kist_text_get(&text));
}
