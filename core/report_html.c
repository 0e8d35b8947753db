#include "report_html.h"
#include "redact.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of one text. What a server says has no end by itself, and comes several times in a page. */
#define TEXT_MOST 2000

static void add_escaped(struct kist_text *html, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&': kist_text_add(html, "&amp;"); break;
        case '<': kist_text_add(html, "&lt;"); break;
        case '>': kist_text_add(html, "&gt;"); break;
        case '"': kist_text_add(html, "&quot;"); break;
        case '\'': kist_text_add(html, "&#39;"); break;
        default: kist_text_add_char(html, *text);
        }
}

void kist_html_add(struct kist_text *html, const char *text)
{
    struct kist_text printable KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    char *clean = kist_redact(text ? text : "-");
    if (clean)
        kist_text_add_printable(&printable, clean, strlen(clean));
    if (printable.size > TEXT_MOST) {
        kist_text_truncate(&printable, TEXT_MOST);
        kist_text_add(&printable, "...");
    }
    if (!clean || kist_text_failed(&printable))
        html->failed = 1;
    else
        add_escaped(html, kist_text_get(&printable));
    free(clean);
}

void kist_html_add_prose(struct kist_text *html, const char *text)
{
    for (int code = 0; *text; code = !code) {
        size_t size = strcspn(text, "`");
        int closed = strchr(text + size, '`') != NULL;
        char *part = strndup(text, size);
        if (!part) {
            html->failed = 1;
            return;
        }
        /* One without its partner is a letter like others. */
        if (code && closed)
            kist_html_element(html, "code", NULL, part);
        else {
            kist_text_add(html, code ? "`" : "");
            kist_html_add(html, part);
        }
        free(part);
        text += size + (text[size] == '`');
    }
}

void kist_html_element(struct kist_text *html, const char *tag, const char *class, const char *text)
{
    kist_text_printf(html, class ? "<%s class=\"%s\">" : "<%s>", tag, class);
    kist_html_add(html, text);
    kist_text_printf(html, "</%s>", tag);
}

void kist_html_printf(struct kist_text *html, const char *format, ...)
{
    struct kist_text text KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    va_list args;
    va_start(args, format);
    kist_text_vprintf(&text, format, args);
    va_end(args);
    if (kist_text_failed(&text))
        html->failed = 1;
    else
        kist_html_add(html, kist_text_get(&text));
}

struct kist_html_time kist_html_minute(const struct kist_zone *zone, int64_t time)
{
    struct kist_html_time shown = {"-"};
    struct kist_civil civil;
    if (time < 0)
        return shown;
    kist_zone_civil(zone, time, &civil);
    snprintf(shown.text, sizeof shown.text, "%04d-%02d-%02d %02d:%02d", civil.year, civil.month, civil.day,
             civil.hour, civil.minute);
    return shown;
}

struct kist_html_time kist_html_day(const struct kist_zone *zone, int64_t time)
{
    struct kist_html_time shown = kist_html_minute(zone, time);
    if (time >= 0)
        shown.text[strcspn(shown.text, " ")] = '\0';
    return shown;
}

struct kist_html_time kist_html_hour(const struct kist_zone *zone, int64_t time)
{
    struct kist_html_time shown = kist_html_minute(zone, time), hour = {"-"};
    const char *space = strchr(shown.text, ' ');
    if (space)
        snprintf(hour.text, sizeof hour.text, "%s", space + 1);
    return hour;
}

struct kist_html_time kist_html_span(int64_t from, int64_t to)
{
    struct kist_html_time shown;
    int64_t seconds = 0, ms = 0;
    if (__builtin_sub_overflow(to, from, &seconds) || __builtin_mul_overflow(seconds, 1000, &ms))
        ms = INT64_MAX;
    snprintf(shown.text, sizeof shown.text, "%s", kist_duration_show(ms).text);
    return shown;
}

struct kist_html_time kist_html_ago(int64_t time, int64_t now)
{
    struct kist_html_time shown;
    if (time == now)
        snprintf(shown.text, sizeof shown.text, "now");
    else if (time < now)
        snprintf(shown.text, sizeof shown.text, "%.30s ago", kist_html_span(time, now).text);
    else
        snprintf(shown.text, sizeof shown.text, "in %.30s", kist_html_span(now, time).text);
    return shown;
}
