/* ping_message.c - which signal an event is, and what is sent with it. */
#include "ping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES ((size_t)100)
#define LINE_MAX_BYTES ((size_t)1000)
#define HEAD_MAX_BYTES 4000L /* before its last line; the rest is for the log */

const char *ping_signal(const struct ping_config *config, const struct kist_event *event)
{
    /* A signal is about now. What could not be told in time must not undo what the check has learnt since. */
    if (event->late)
        return "/log";
    switch (event->kind) {
    case KIST_EVENT_START: return "/start";
    case KIST_EVENT_SUCCESS:
    case KIST_EVENT_RECOVERY: return "";
    case KIST_EVENT_DEGRADED: return config->degraded.index == PING_DEGRADED_OK ? "" : "/fail";
    case KIST_EVENT_FAILURE:
    case KIST_EVENT_SUSPECT: return "/fail";
    default: return "/log"; /* a test, and an overdue backup, which the check itself is the first to see */
    }
}

/* Bytes of `text`, at most `limit`, that end with a whole character. */
static size_t head_size(const char *text, size_t limit)
{
    size_t size = strnlen(text, limit + 1);
    if (size <= limit)
        return size;
    for (size = limit; size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80; size--)
        ;
    return size;
}

static void add_line(FILE *out, const char *name, const char *text)
{
    size_t size = text ? head_size(text, LINE_MAX_BYTES) : 0, length = name ? head_size(name, NAME_MAX_BYTES) : 0;
    if (size > 0)
        fprintf(out, "%.*s%s%.*s\n", (int)length, name ? name : "", length > 0 ? ": " : "", (int)size, text);
}

/* The end of `text`, at most `room` bytes of it, from the start of a line on if there is one. */
static const char *tail(const char *text, size_t room)
{
    size_t size = strlen(text);
    if (size <= room)
        return text;
    const char *at = text + size - room, *line = at[-1] == '\n' ? at : strchr(at, '\n');
    if (line && line != at)
        line++;
    if (line && *line)
        return line;
    while (((unsigned char)*at & 0xc0) == 0x80)
        at++;
    return at;
}

/* The rows tell all there is to tell, the most important first; a core that knows of none has at least these two. */
static void write_facts(FILE *out, const struct kist_event *event)
{
    if (event->row_count == 0) {
        add_line(out, "cause", event->cause);
        add_line(out, "next step", event->next_step);
    }
    for (uint32_t i = 0; i < event->row_count && ftell(out) <= HEAD_MAX_BYTES; i++)
        add_line(out, event->rows[i].name, event->rows[i].value);
}

static void write_body(FILE *out, const struct kist_event *event)
{
    add_line(out, NULL, event->title ? event->title : event->summary);
    write_facts(out, event);
    long head = ftell(out);
    if (event->log_tail && *event->log_tail && head >= 0)
        fprintf(out, "\n%s", tail(event->log_tail, PING_BODY_MAX - (size_t)head - 1));
}

char *ping_body(const struct kist_event *event)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    write_body(out, event);
    int failed = ferror(out) != 0;
    if (fclose(out) == 0 && !failed)
        return text;
    free(text);
    return NULL;
}
