#include "backup_id.h"
#include "event.h"
#include "event_clean.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MOST 64

static void remember(const struct kist_event *event, const char *text)
{
    /* The event is the first member of its message, which is ours to write. */
    struct kist_message *message = (struct kist_message *)(uintptr_t)event;
    size_t size = text ? strnlen(text, KIST_EVENT_MEMORY + 1) : 0;
    if (size > KIST_EVENT_MEMORY)
        size = 0;
    memcpy(message->remembered, text ? text : "", size);
    message->remembered[size] = '\0';
}

static const char *text_of(json_t *event, const char *name)
{
    return json_string_value(json_object_get(event, name));
}

static int64_t time_of(json_t *event, const char *name)
{
    int64_t seconds = 0;
    const char *text = text_of(event, name);
    return text && kist_time_parse(text, &seconds) ? seconds * 1000 : 0;
}

static int64_t size_of(json_t *event, const char *name)
{
    json_t *number = json_object_get(event, name);
    return json_is_integer(number) ? json_integer_value(number) : -1;
}

static int read_rows(struct kist_message *message, json_t *rows)
{
    size_t count = json_array_size(rows);
    if (count > ROWS_MOST)
        return -1;
    message->rows = calloc(count + 1, sizeof *message->rows);
    if (!message->rows)
        return -1;
    for (size_t i = 0; i < count; i++) {
        json_t *row = json_array_get(rows, i);
        message->rows[i] = (struct kist_event_row){.name = json_string_value(json_array_get(row, 0)),
                                                   .value = json_string_value(json_array_get(row, 1))};
        if (!message->rows[i].name || !message->rows[i].value)
            return -1;
    }
    message->event.rows = message->rows;
    message->event.row_count = (uint32_t)count;
    return 0;
}

/* An event that waited says so, and when it happened, in its text and in its JSON. */
static int make_late(json_t *document, json_t *event)
{
    char *text = NULL, *title = NULL;
    const char *when = text_of(event, "finished") ? text_of(event, "finished") : text_of(event, "started");
    if (asprintf(&text, "This comes late: it happened at %s, and could not be told then.\n\n%s",
                 when ? when : "an earlier time", text_of(document, "text")) < 0)
        text = NULL;
    /* A title has at most 200 bytes, and was clean before: it is cut at the end of a character. */
    char *room = kist_event_clean(text_of(event, "title"), 200 - strlen(" (late)"));
    if (!room || asprintf(&title, "%s (late)", room) < 0)
        title = NULL;
    free(room);
    int failed = !text || !title || json_object_set_new(document, "text", json_string(text)) ||
                 json_object_set_new(event, "title", json_string(title)) ||
                 json_object_set_new(event, "late", json_true());
    free(text);
    free(title);
    return failed ? -1 : 0;
}

static int is_complete(json_t *document, json_t *event)
{
    static const char *const needed[] = {"event", "pipeline", "host", "summary", "title", "run"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!text_of(event, needed[i]))
            return 0;
    return json_is_integer(json_object_get(document, "kind")) && text_of(document, "text") != NULL;
}

static void fill(struct kist_message *message, json_t *event)
{
    message->event = (struct kist_event){.struct_size = sizeof message->event,
                                         .kind = (uint32_t)size_of(message->document, "kind"),
                                         .pipeline = text_of(event, "pipeline"),
                                         .backup = text_of(event, "backup"),
                                         .host = text_of(event, "host"),
                                         .summary = text_of(event, "summary"),
                                         .cause = text_of(event, "cause"),
                                         .next_step = text_of(event, "next_step"),
                                         .last_good = text_of(event, "last_good"),
                                         .started_ms = time_of(event, "started"),
                                         .finished_ms = time_of(event, "finished"),
                                         .raw_size = size_of(event, "raw_size"),
                                         .stored_size = size_of(event, "stored_size"),
                                         .word = text_of(event, "event"),
                                         .title = text_of(event, "title"),
                                         .text = text_of(message->document, "text"),
                                         .late = json_is_true(json_object_get(event, "late")),
                                         .json = message->json,
                                         .log_tail = text_of(event, "log_tail"),
                                         .run = text_of(event, "run"),
                                         .last_good_ms = time_of(event, "last_good_time"),
                                         .exit_status = (int32_t)size_of(event, "exit"),
                                         .remember = remember};
}

int kist_message_open(json_t *document, int late, struct kist_message *ret_message, struct kist_error *err)
{
    json_t *event = json_object_get(document, "event");
    *ret_message = (struct kist_message){.document = document};
    if (!is_complete(document, event)) {
        kist_message_done(ret_message);
        return kist_fail(err, KIST_ERR_CORRUPT, "it is no event");
    }
    int failed = late && make_late(document, event) != 0;
    ret_message->json = failed ? NULL : json_dumps(event, JSON_COMPACT);
    if (ret_message->json)
        fill(ret_message, event);
    if (!ret_message->json || read_rows(ret_message, json_object_get(document, "rows")) != 0) {
        kist_message_done(ret_message);
        return kist_fail(err, KIST_ERR_CORRUPT, "it is no whole event");
    }
    return 0;
}

void kist_message_done(struct kist_message *message)
{
    json_decref(message->document);
    free(message->rows);
    free(message->json);
    *message = (struct kist_message){0};
}
