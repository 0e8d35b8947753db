/* The text as HTML: its rows as a table, in the colours of how it went, with nothing that would be fetched or run. */
#include "email.h"

#include <stdlib.h>
#include <string.h>

#define CELL "padding:4px 12px 4px 0;text-align:left;vertical-align:top;border-bottom:1px solid #ddd"

static void put_escaped(FILE *out, const char *text, size_t size)
{
    for (const char *at = text; at < text + size; at++) {
        switch (*at) {
        case '&': fputs("&amp;", out); break;
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '"': fputs("&quot;", out); break;
        case '\'': fputs("&#39;", out); break;
        default: fputc(*at, out);
        }
    }
}

static const char *colour_of(uint32_t kind)
{
    switch (kind) {
    case KIST_EVENT_SUCCESS:
    case KIST_EVENT_RECOVERY: return "#1a7f37";
    case KIST_EVENT_FAILURE: return "#b3261e";
    case KIST_EVENT_DEGRADED:
    case KIST_EVENT_OVERDUE:
    case KIST_EVENT_SUSPECT: return "#9a6700";
    default: return "#333";
    }
}

/* The row that a line of the text is, or NULL. */
static const struct kist_event_row *row_of(const struct kist_event *event, const char *line, size_t size)
{
    for (uint32_t i = 0; i < event->row_count; i++) {
        const char *name = event->rows[i].name, *value = event->rows[i].value;
        size_t length = strlen(name);
        if (size == length + 2 + strlen(value) && memcmp(line, name, length) == 0 &&
            memcmp(line + length, ": ", 2) == 0 && memcmp(line + length + 2, value, size - length - 2) == 0)
            return &event->rows[i];
    }
    return NULL;
}

static void put_row(FILE *out, const struct kist_event_row *row)
{
    fputs("<tr><th style=\"" CELL "\">", out);
    put_escaped(out, row->name, strlen(row->name));
    fputs("</th><td style=\"" CELL "\">", out);
    put_escaped(out, row->value, strlen(row->value));
    fputs("</td></tr>\n", out);
}

enum block { NONE, LINES, TABLE };

static void change_block(FILE *out, enum block *block, enum block next)
{
    static const char *const starts[] = {"", "<div style=\"white-space:pre-wrap\">",
                                         "<table style=\"border-collapse:collapse\">\n"};
    static const char *const ends[] = {"", "</div>\n", "</table>\n"};
    if (*block == next)
        return;
    fputs(ends[*block], out);
    fputs(starts[next], out);
    *block = next;
}

/* Line by line, so that it says exactly what the text says. */
static void put_lines(FILE *out, const struct kist_event *event, const char *text)
{
    enum block block = NONE;
    for (const char *line = text; *line;) {
        size_t size = strcspn(line, "\n");
        const struct kist_event_row *row = row_of(event, line, size);
        change_block(out, &block, row ? TABLE : LINES);
        if (row) {
            put_row(out, row);
        } else {
            put_escaped(out, line, size);
            fputc('\n', out);
        }
        line += size + (line[size] == '\n');
    }
    change_block(out, &block, NONE);
}

static void put_page(FILE *out, const struct kist_event *event, const char *text)
{
    size_t first = strcspn(text, "\n");
    fputs("<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\"></head>\n"
          "<body style=\"font-family:sans-serif;font-size:14px;color:#222\">\n",
          out);
    fprintf(out, "<p style=\"font-size:16px;font-weight:bold;color:%s\">", colour_of(event->kind));
    put_escaped(out, text, first);
    fputs("</p>\n", out);
    put_lines(out, event, text + first + (text[first] == '\n'));
    fputs("</body>\n</html>\n", out);
}

char *email_html(const struct kist_event *event, const char *plain)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    put_page(out, event, plain);
    int failed = ferror(out);
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
