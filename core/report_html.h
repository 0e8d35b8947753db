/* report_html.h - text and times in the report's page, so that nothing that a server or a configuration says is markup. */
#ifndef KIST_CORE_REPORT_HTML_H
#define KIST_CORE_REPORT_HTML_H

#include "text.h"
#include "zone.h"

/* Adds any text, for between tags and in quoted attributes: secrets as ***, control characters made visible, and nothing that
 * turns the direction of what follows; 2000 bytes of it at most. NULL is "-". */
void kist_html_add(struct kist_text *html, const char *text);
/* The same for a text of ours in which `commands` stand between backquotes: they become <code>. */
void kist_html_add_prose(struct kist_text *html, const char *text);
/* <tag class="class">text</tag>; `class` may be NULL, and is written as it is. */
void kist_html_element(struct kist_text *html, const char *tag, const char *class, const char *text);
/* printf, then as above. */
void kist_html_printf(struct kist_text *html, const char *format, ...) KIST_PRINTF(2, 3);

struct kist_html_time {
    char text[40];
};

/* "2026-11-21 02:00", "2026-11-21", "02:00" in the zone; "-" for a time below 0. */
struct kist_html_time kist_html_minute(const struct kist_zone *zone, int64_t time);
struct kist_html_time kist_html_day(const struct kist_zone *zone, int64_t time);
struct kist_html_time kist_html_hour(const struct kist_zone *zone, int64_t time);
/* "3 h ago", "in 2 d 03 h", "now". */
struct kist_html_time kist_html_ago(int64_t time, int64_t now);
/* "3 h 02 min", from the smaller to the larger second. */
struct kist_html_time kist_html_span(int64_t from, int64_t to);

#endif
