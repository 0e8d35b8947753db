/* slack_message.c - an event as blocks of Slack. */
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Everything foreign is escaped. What is mrkdwn is verbatim as well, or "@here" in an error would call everybody. */
static json_t *text_object(const char *type, const char *before, const char *text, size_t limit)
{
    char *escaped = slack_escape(before, text, limit);
    json_t *object = escaped ? json_pack("{s:s, s:s}", "type", type, "text", escaped) : NULL;
    int plain = strcmp(type, "plain_text") == 0;
    free(escaped);
    if (object && json_object_set_new(object, plain ? "emoji" : "verbatim", json_boolean(!plain)) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static const char *sign_of(uint32_t kind)
{
    switch (kind) {
    case KIST_EVENT_SUCCESS:
    case KIST_EVENT_RECOVERY: return "\xe2\x9c\x85 ";
    case KIST_EVENT_FAILURE:
    case KIST_EVENT_OVERDUE: return "\xe2\x9d\x8c ";
    case KIST_EVENT_DEGRADED:
    case KIST_EVENT_SUSPECT: return "\xe2\x9a\xa0\xef\xb8\x8f ";
    default: return "";
    }
}

static int calls_people(uint32_t kind)
{
    return kind == KIST_EVENT_FAILURE || kind == KIST_EVENT_OVERDUE || kind == KIST_EVENT_SUSPECT;
}

static const char *title_of(const struct kist_event *event)
{
    return event->title && *event->title       ? event->title
           : event->summary && *event->summary ? event->summary
           : event->word && *event->word       ? event->word
                                               : "kist";
}

static int add_header(json_t *blocks, const struct kist_event *event)
{
    return json_array_append_new(
        blocks, json_pack("{s:s, s:o}", "type", "header", "text",
                          text_object("plain_text", sign_of(event->kind), title_of(event), SLACK_HEADER_MAX)));
}

static int is(const struct kist_event_row *row, const char *name, const char *value)
{
    return value && strcmp(row->name, name) == 0 && strcmp(row->value, value) == 0;
}

static int is_told_elsewhere(const struct kist_event *event, const struct kist_event_row *row)
{
    return !*row->value || is(row, "cause", event->cause) || is(row, "next step", event->next_step) ||
           is(row, "host", event->host);
}

static json_t *field(const struct kist_event_row *row, size_t cap)
{
    char *name = slack_escape("", row->name, 60), *before = NULL;
    json_t *object = NULL;
    if (name && asprintf(&before, "*%s*\n", name) >= 0) {
        object = text_object("mrkdwn", before, row->value, least(SLACK_FIELD_MAX, strlen(before) + cap));
        free(before);
    }
    free(name);
    return object;
}

static int add_fields(json_t *blocks, const struct kist_event *event, size_t cap)
{
    json_t *fields = json_array();
    for (uint32_t i = 0; i < event->row_count && json_array_size(fields) < SLACK_FIELDS_MAX; i++)
        if (!is_told_elsewhere(event, &event->rows[i]) &&
            json_array_append_new(fields, field(&event->rows[i], cap)) != 0) {
            json_decref(fields);
            return -1;
        }
    if (json_array_size(fields) == 0) {
        json_decref(fields);
        return 0;
    }
    return json_array_append_new(blocks, json_pack("{s:s, s:o}", "type", "section", "fields", fields));
}

static int add_section(json_t *blocks, const char *before, const char *text, size_t cap)
{
    if (!text || !*text)
        return 0;
    return json_array_append_new(blocks, json_pack("{s:s, s:o}", "type", "section", "text",
                                                   text_object("plain_text", before, text,
                                                               least(SLACK_SECTION_MAX, strlen(before) + cap))));
}

static int add_mentions(json_t *blocks, const struct slack_config *config, const struct kist_event *event)
{
    if (config->mention.count == 0 || !calls_people(event->kind))
        return 0;
    char *text = slack_mentions(&config->mention);
    json_t *block = text ? json_pack("{s:s, s:{s:s, s:s, s:b}}", "type", "section", "text", "type", "mrkdwn",
                                     "text", text, "verbatim", 1)
                         : NULL;
    free(text);
    return json_array_append_new(blocks, block);
}

static void write_time(FILE *out, const char *before, int64_t ms)
{
    char text[40];
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    if (ms > 0 && gmtime_r(&seconds, &tm) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm) > 0)
        fprintf(out, "%s%s", before, text);
}

/* Where and when: small print. */
static int add_context(json_t *blocks, const struct kist_event *event)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return -1;
    fprintf(out, "%s", event->host && *event->host ? event->host : "kist");
    write_time(out, ", ", event->started_ms);
    if (event->kind != KIST_EVENT_START)
        write_time(out, event->started_ms > 0 ? " to " : ", ", event->finished_ms);
    if (event->late)
        fprintf(out, ", told late");
    int failed = ferror(out) != 0;
    failed |= fclose(out) != 0;
    json_t *element = failed ? NULL : text_object("mrkdwn", "", text, 500);
    free(text);
    return json_array_append_new(blocks, json_pack("{s:s, s:[o]}", "type", "context", "elements", element));
}

/* `cap`: the most characters of any one text. */
static json_t *make_blocks(const struct slack_config *config, const struct kist_event *event, size_t cap)
{
    json_t *blocks = json_array();
    if (add_header(blocks, event) == 0 && add_mentions(blocks, config, event) == 0 &&
        add_section(blocks, "Cause: ", event->cause, cap) == 0 &&
        add_section(blocks, "Next step: ", event->next_step, cap) == 0 && add_fields(blocks, event, cap) == 0 &&
        add_context(blocks, event) == 0)
        return blocks;
    json_decref(blocks);
    return NULL;
}

/* Whoever counts less than we do, takes it, too. */
static json_t *fitting_blocks(const struct slack_config *config, const struct kist_event *event)
{
    for (size_t cap = SLACK_SECTION_MAX;; cap /= 2) {
        json_t *blocks = make_blocks(config, event, cap);
        if (!blocks || cap < 20 ||
            json_dumpb(blocks, NULL, 0, JSON_COMPACT | JSON_ENSURE_ASCII) <= SLACK_BLOCKS_MAX)
            return blocks;
        json_decref(blocks);
    }
}

/* What a notification shows, and who cannot see blocks. */
static char *fallback(const struct kist_event *event)
{
    char *plain = NULL;
    int has_cause = event->cause && *event->cause;
    int length = asprintf(&plain, "%s%s%s%s", sign_of(event->kind), title_of(event), has_cause ? ": " : "",
                          has_cause ? event->cause : "");
    if (length < 0)
        return NULL;
    char *text = slack_escape("", plain, SLACK_TEXT_MAX);
    free(plain);
    return text;
}

json_t *slack_message(const struct slack_config *config, const struct kist_event *event)
{
    char *text = fallback(event);
    json_t *blocks = text ? fitting_blocks(config, event) : NULL;
    json_t *message = blocks ? json_pack("{s:s, s:o, s:b, s:b}", "text", text, "blocks", blocks, "unfurl_links", 0,
                                         "unfurl_media", 0)
                             : NULL;
    free(text);
    return message;
}
