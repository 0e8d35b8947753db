#include "report_page.h"
#include "report_html.h"
#include "state.h"
#include "units.h"

#include <string.h>

static void draw_attention(struct kist_report_page *page, const struct kist_report_data *data)
{
    json_t *problems = kist_status_problems(data->status, data->now), *problem = NULL;
    size_t index = 0;
    page->attention.failed |= !problems;
    json_array_foreach(problems, index, problem) {
        struct kist_text *html = &page->attention;
        const char *text = kist_report_text_of(problem, "text"), *step = kist_report_text_of(problem, "next_step");
        kist_text_add(html, "<li><a href=\"#");
        kist_report_draw_anchor(html, data->status);
        kist_text_add(html, "\">");
        kist_html_add(html, data->status->pipeline->name);
        kist_text_add(html, "</a>: ");
        kist_html_add_prose(html, text ? text : "-");
        kist_text_add(html, "<br><span class=\"next\">next: ");
        kist_html_add_prose(html, step ? step : "-");
        kist_text_add(html, "</span></li>\n");
    }
    json_decref(problems);
}

/* A cell that has its column's name with it, for where the table becomes a list. */
static void open_cell(struct kist_text *html, const char *name)
{
    kist_text_printf(html, "<td data-name=\"%s\">", name);
}

static void draw_moment(struct kist_text *html, const char *name, const struct kist_report_data *data,
                        int64_t time, const char *otherwise)
{
    const struct kist_zone *zone = data->status->pipeline->schedule.zone;
    open_cell(html, name);
    if (time > 0)
        kist_text_printf(html, "<span title=\"%s\">%s</span>", kist_html_minute(zone, time).text,
                         kist_html_ago(time, data->now).text);
    else
        kist_text_add(html, otherwise);
    kist_text_add(html, "</td>");
}

static void draw_row(struct kist_text *html, const struct kist_report_data *data)
{
    const struct kist_status *status = data->status;
    kist_text_add(html, "<tr><th scope=\"row\"><a href=\"#");
    kist_report_draw_anchor(html, status);
    kist_text_add(html, "\">");
    kist_html_add(html, status->pipeline->name);
    kist_text_add(html, "</a></th>");
    open_cell(html, "State");
    kist_report_draw_state(html, status);
    kist_text_add(html, "</td>");
    draw_moment(html, "Last good", data, status->good_at, status->err.code ? "not known" : "none yet");
    open_cell(html, "Size");
    kist_text_add(html, status->good ? kist_size_show(kist_manifest_raw_size(&status->good->manifest)).text : "-");
    kist_text_add(html, "</td>");
    draw_moment(html, "Verified", data, status->verified, "never");
    draw_moment(html, "Drilled", data, status->drilled, "never");
    open_cell(html, "Destinations");
    if (status->err.code)
        kist_text_add(html, "cannot be asked");
    else if (status->good)
        kist_text_printf(html, "%zu of %zu", status->complete, status->expected);
    else
        kist_text_add(html, "-");
    kist_text_add(html, "</td>");
    draw_moment(html, "Next run", data, status->next, "no schedule");
    kist_text_add(html, "</tr>\n");
}

void kist_report_page_add(struct kist_report_page *page, const struct kist_report_data *data)
{
    int well = strcmp(kist_status_word(data->status), "ok") == 0;
    page->pipelines++;
    page->well += (size_t)well;
    page->unwell += (size_t)!well;
    draw_attention(page, data);
    draw_row(&page->rows, data);
    kist_report_draw_section(&page->sections, data);
}

static void draw_head(struct kist_text *html)
{
    kist_text_add(
        html, KIST_REPORT_MARK
        "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n"
        "<meta name=\"robots\" content=\"noindex\">\n"
        "<title>Backups of ");
    kist_html_add(html, kist_host_name());
    kist_text_add(html, "</title>\n<style>\n");
    for (size_t i = 0; kist_report_style[i]; i++)
        kist_text_add(html, kist_report_style[i]);
    kist_text_add(html, "</style>\n</head>\n<body>\n");
}

static void draw_verdict(struct kist_text *html, const struct kist_report_page *page)
{
    int one = page->pipelines == 1;
    if (page->pipelines == 0)
        kist_text_add(html, "<p class=\"verdict wait\">There is no pipeline.</p>\n");
    else if (page->unwell == 0)
        kist_text_printf(html,
                         "<p class=\"verdict ok\"><span aria-hidden=\"true\">\xE2\x9C\x93</span> %s well.</p>\n",
                         one ? "The pipeline is" : "All pipelines are");
    else {
        kist_text_add(html, "<p class=\"verdict bad\"><span aria-hidden=\"true\">!</span> ");
        if (one)
            kist_text_add(html, "The pipeline needs attention.</p>\n");
        else
            kist_text_printf(html, "%zu of %zu pipelines %s attention.</p>\n", page->unwell, page->pipelines,
                             page->unwell == 1 ? "needs" : "need");
    }
}

char *kist_report_page_text(const struct kist_report_page *page, int64_t now)
{
    struct kist_text html KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    char time[KIST_TIME_LENGTH + 1];
    kist_time_text(now, time);
    draw_head(&html);
    kist_text_add(&html, "<header><h1>Backups</h1>\n<p>as <b>");
    kist_html_add(&html, kist_host_name());
    kist_text_printf(&html, "</b> saw them at <time datetime=\"%s\">%s</time></p>\n", time, time);
    draw_verdict(&html, page);
    kist_text_add(&html, "</header>\n<main>\n");
    if (page->attention.size)
        kist_text_printf(&html, "<section class=\"attention\"><h2>To be looked at</h2>\n<ul>\n%s</ul></section>\n",
                         kist_text_get(&page->attention));
    kist_text_printf(
        &html,
        "<section><h2>Pipelines</h2>\n<table class=\"overview\"><thead><tr><th>Pipeline</th><th>State</th>"
        "<th>Last good</th><th>Size</th><th>Verified</th><th>Drilled</th><th>Destinations</th><th>Next "
        "run</th></tr></thead><tbody>\n%s</tbody></table></section>\n%s</main>\n",
        kist_text_get(&page->rows), kist_text_get(&page->sections));
    kist_text_add(&html,
                  "<footer>Made by kist " KIST_VERSION ". Times are those of each pipeline's time zone; names of "
                  "backups are in UTC. What failed is known from this host's history, what is there from the "
                  "destinations.</footer>\n</body>\n</html>\n");
    html.failed |=
        kist_text_failed(&page->attention) || kist_text_failed(&page->rows) || kist_text_failed(&page->sections);
    return kist_text_take(&html);
}

void kist_report_page_done(struct kist_report_page *page)
{
    kist_text_done(&page->attention);
    kist_text_done(&page->rows);
    kist_text_done(&page->sections);
}
