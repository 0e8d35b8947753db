#include "event.h"
#include "backup_id.h"
#include "event_clean.h"
#include "event_text.h"
#include "log.h"
#include "state.h"
#include "uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MOST 300   /* bytes of a summary, a name */
#define CAUSE_MOST 3000 /* of what a server or a tool has said */
#define HINT_MOST 1000
#define TITLE_MOST 200
#define TAIL_MOST 8192

const char *kist_event_word(uint32_t kind)
{
    static const char *const words[] = {
        [KIST_EVENT_SUCCESS] = "success", [KIST_EVENT_DEGRADED] = "degraded", [KIST_EVENT_FAILURE] = "failure",
        [KIST_EVENT_TEST] = "test",       [KIST_EVENT_RECOVERY] = "recovery", [KIST_EVENT_OVERDUE] = "overdue",
        [KIST_EVENT_SUSPECT] = "suspect", [KIST_EVENT_START] = "start"};
    return kind < sizeof words / sizeof *words && words[kind] ? words[kind] : "event";
}

/* The members below: -1 without memory. NULL as a value: the member is left out. */
static int set_text(json_t *object, const char *name, const char *raw, size_t limit)
{
    char *clean = raw ? kist_event_clean(raw, limit) : NULL;
    int failed = raw && (!clean || json_object_set_new(object, name, json_string(clean)) != 0);
    free(clean);
    return failed ? -1 : 0;
}

static int set_time(json_t *object, const char *name, int64_t ms)
{
    char text[KIST_TIME_LENGTH + 1];
    if (ms <= 0)
        return 0;
    kist_time_text(ms / 1000, text);
    return json_object_set_new(object, name, json_string(text));
}

static int set_number(json_t *object, const char *name, int64_t number)
{
    return number < 0 ? 0 : json_object_set_new(object, name, json_integer((json_int_t)number));
}

static int set_places(json_t *event, const struct kist_news *news)
{
    if (news->place_count == 0)
        return 0;
    json_t *places = json_object();
    int failed = !places;
    for (size_t i = 0; i < news->place_count && !failed; i++)
        if (news->places[i].destination)
            failed = json_object_set_new(places, news->places[i].destination,
                                         json_boolean(news->places[i].complete)) != 0;
    if (failed) {
        json_decref(places);
        return -1;
    }
    return json_object_set_new(event, "destinations", places);
}

/* Lines stay lines; all else is on a line of its own as the log wrote it, which is clean. */
static int set_tail(json_t *event, const struct kist_news *news)
{
    if (!news->with_log)
        return 0;
    char *tail = kist_log_tail(TAIL_MOST);
    int failed = !tail || (*tail && json_object_set_new(event, "log_tail", json_string(tail)) != 0);
    free(tail);
    return failed ? -1 : 0;
}

static int set_run(json_t *event, const struct kist_news *news)
{
    char fresh[KIST_UUID_LENGTH + 1];
    if (!news->run)
        kist_uuid_make(fresh);
    return json_object_set_new(event, "run", json_string(news->run ? news->run : fresh));
}

static int set_last_good(json_t *event, const struct kist_news *news)
{
    int64_t began = 0;
    if (!news->last_good || !kist_id_parse(news->last_good, &began))
        return 0;
    return set_text(event, "last_good", news->last_good, LINE_MOST) ||
           set_time(event, "last_good_time", began * 1000);
}

static int set_subject(const struct kist_event_draft *draft)
{
    json_t *event = draft->event;
    return json_object_set_new(event, "kist_event", json_integer(1)) ||
           set_text(event, "event", kist_event_word(draft->kind), LINE_MOST) ||
           set_text(event, "pipeline", draft->pipeline->name, LINE_MOST) ||
           set_text(event, "backup", draft->news->backup, LINE_MOST) ||
           set_text(event, "host", kist_host_name(), LINE_MOST);
}

static int set_facts(const struct kist_event_draft *draft)
{
    const struct kist_news *news = draft->news;
    json_t *event = draft->event;
    int64_t took =
        news->started_ms > 0 && news->finished_ms >= news->started_ms ? news->finished_ms - news->started_ms : -1;
    return set_last_good(event, news) || set_time(event, "started", news->started_ms) ||
           set_time(event, "finished", news->finished_ms) || set_number(event, "duration_ms", took) ||
           set_number(event, "raw_size", news->raw_size) || set_number(event, "stored_size", news->stored_size) ||
           set_places(event, news) || json_object_set_new(event, "exit", json_integer(news->exit)) ||
           set_run(event, news) || json_object_set_new(event, "late", json_false()) || set_tail(event, news);
}

/* What it says for the kind when the news say nothing. */
static int set_words(const struct kist_event_draft *draft)
{
    static const char *const outcomes[] = {
        [KIST_EVENT_SUCCESS] = "ok",          [KIST_EVENT_DEGRADED] = "degraded", [KIST_EVENT_FAILURE] = "failed",
        [KIST_EVENT_TEST] = "a test message", [KIST_EVENT_RECOVERY] = "ok again", [KIST_EVENT_OVERDUE] = "overdue",
        [KIST_EVENT_SUSPECT] = "suspect",     [KIST_EVENT_START] = "started"};
    const char *outcome = draft->kind < sizeof outcomes / sizeof *outcomes ? outcomes[draft->kind] : NULL;
    char *summary = NULL, *headline = kist_event_headline(draft), *title = NULL,
         *advice = draft->news->next_step ? NULL : kist_event_advice(draft);
    int failed = !headline;
    if (!draft->news->summary &&
        asprintf(&summary, "backup of %s: %s", draft->pipeline->name, outcome ? outcome : "news") < 0)
        summary = NULL, failed = 1;
    if (!failed && asprintf(&title, "[kist] %s", headline) < 0)
        title = NULL, failed = 1;
    if (!failed)
        failed = set_text(draft->event, "title", title, TITLE_MOST) ||
                 set_text(draft->event, "summary", summary ? summary : draft->news->summary, LINE_MOST) ||
                 set_text(draft->event, "cause", draft->news->cause, CAUSE_MOST) ||
                 set_text(draft->event, "next_step", advice ? advice : draft->news->next_step, HINT_MOST);
    free(summary);
    free(headline);
    free(title);
    free(advice);
    return failed ? -1 : 0;
}

int kist_event_make(const struct kist_config_pipeline *pipeline, const struct kist_news *news, uint32_t kind,
                    json_t **ret_document, struct kist_error *err)
{
    struct kist_event_draft draft = {.pipeline = pipeline, .news = news, .kind = kind, .event = json_object()};
    json_t *rows = NULL, *text = NULL, *document = NULL;
    if (draft.event && !set_subject(&draft) && !set_words(&draft) && !set_facts(&draft)) {
        rows = kist_event_rows(&draft);
        text = rows ? kist_event_text(&draft, rows) : NULL;
    }
    if (text)
        document =
            json_pack("{s:i, s:O, s:O, s:O}", "kind", (int)kind, "text", text, "rows", rows, "event", draft.event);
    json_decref(rows);
    json_decref(text);
    json_decref(draft.event);
    if (!document)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for what is to be told");
    *ret_document = document;
    return 0;
}
