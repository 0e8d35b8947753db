#include "report_html.h"
#include "report_page.h"

#include <string.h>

#define FAILURES_MOST 15

static int is_event(json_t *entry, const char *event)
{
    const char *text = kist_report_text_of(entry, "event");
    return text && strcmp(text, event) == 0;
}

/* 1 for what a person should have looked into. */
static int went_wrong(json_t *entry)
{
    const char *outcome = kist_report_text_of(entry, "outcome");
    if (outcome)
        return strcmp(outcome, "ok") != 0;
    return kist_report_number_of(entry, "exit") > 0;
}

/* What can be done about it, where the program knows no better. */
static void draw_step(struct kist_text *html, const struct kist_report_data *data, json_t *entry)
{
    const char *name = data->status->pipeline->name, *id = kist_report_text_of(entry, "id");
    const char *outcome = kist_report_text_of(entry, "outcome");
    if (is_event(entry, "run"))
        kist_html_printf(html, outcome && strcmp(outcome, "failed") == 0 ? "kist doctor %s" : "kist status %s",
                         name);
    else if (is_event(entry, "prune"))
        kist_html_printf(html, "kist prune --dry-run %s", name);
    else if (is_event(entry, "drill"))
        kist_html_printf(html, "kist drill %s", name);
    else if (id)
        kist_html_printf(html, "kist verify %s/%s", name, id);
    else
        kist_html_printf(html, "kist history %s", name);
}

static void draw_failure(struct kist_text *html, const struct kist_report_data *data, json_t *entry)
{
    const struct kist_status *status = data->status;
    int64_t time = kist_report_time_of(entry);
    const char *cause = kist_report_text_of(entry, "cause"), *outcome = kist_report_text_of(entry, "outcome");
    kist_text_printf(html, "<li><div class=\"when\">%s<br><small>%s</small></div><div><b>",
                     kist_html_minute(status->pipeline->schedule.zone, time).text,
                     kist_html_ago(time, data->now).text);
    kist_html_add(html, kist_report_text_of(entry, "event"));
    kist_text_add(html, " ");
    kist_html_add(html, outcome ? outcome : "incomplete");
    kist_text_add(html, "</b>: ");
    kist_html_add(html, cause ? cause : "its cause was not noted");
    kist_text_add(html, "<br><span class=\"next\">");
    if (is_event(entry, "run") && status->good && status->good_at > time)
        kist_text_printf(html, "over: a good backup was made since, the newest %s",
                         kist_html_ago(status->good_at, data->now).text);
    else {
        kist_text_add(html, "next: <code>");
        draw_step(html, data, entry);
        kist_text_add(html, "</code>");
    }
    kist_text_add(html, "</span></div></li>\n");
}

void kist_report_draw_failures(struct kist_text *html, const struct kist_report_data *data)
{
    size_t found = 0;
    for (size_t i = json_array_size(data->history); i-- > 0;) {
        json_t *entry = json_array_get(data->history, i);
        if (!went_wrong(entry))
            continue;
        if (found++ == 0)
            kist_text_add(html, "<ul class=\"failures\">\n");
        if (found <= FAILURES_MOST)
            draw_failure(html, data, entry);
    }
    if (found)
        kist_text_add(html, "</ul>\n");
    else
        kist_text_add(html, "<p class=\"empty\">none that this host knows of</p>\n");
    if (found > FAILURES_MOST)
        kist_text_printf(html, "<p class=\"note\">and %zu older ones: <code>kist history</code></p>\n",
                         found - FAILURES_MOST);
    if (data->damaged)
        kist_text_printf(html, "<p class=\"note\">%zu damaged lines of this host's history were passed over</p>\n",
                         data->damaged);
}
