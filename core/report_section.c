#include "report_html.h"
#include "report_page.h"
#include "report_svg.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

void kist_report_draw_state(struct kist_text *html, const struct kist_status *status)
{
    static const struct {
        const char *word, *sign, *class;
    } states[] = {{"ok", "\xE2\x9C\x93", "ok"},
                  {"stale", "!", "bad"},
                  {"failed", "\xE2\x9C\x95", "bad"},
                  {"never", "\xE2\x80\x93", "wait"},
                  {"unknown", "?", "bad"}};
    const char *word = kist_status_word(status);
    size_t i = 0;
    while (i + 1 < sizeof states / sizeof *states && strcmp(states[i].word, word) != 0)
        i++;
    kist_text_printf(html, "<span class=\"state %s\"><span aria-hidden=\"true\">%s</span> ", states[i].class,
                     states[i].sign);
    kist_html_add(html, word);
    kist_text_add(html, "</span>");
}

void kist_report_draw_anchor(struct kist_text *html, const struct kist_status *status)
{
    kist_text_add(html, "p-");
    kist_html_add(html, status->pipeline->name);
}

static void draw_fact(struct kist_text *html, const char *name, const char *value, const char *more)
{
    kist_text_printf(html, "<div><dt>%s</dt><dd>", name);
    kist_html_add(html, value);
    if (more && *more) {
        kist_text_add(html, " <small>");
        kist_html_add(html, more);
        kist_text_add(html, "</small>");
    }
    kist_text_add(html, "</dd></div>\n");
}

static void draw_moment(struct kist_text *html, const struct kist_report_data *data, const char *name,
                        int64_t time, const char *otherwise)
{
    const struct kist_zone *zone = data->status->pipeline->schedule.zone;
    if (time > 0)
        draw_fact(html, name, kist_html_minute(zone, time).text, kist_html_ago(time, data->now).text);
    else
        draw_fact(html, name, otherwise, NULL);
}

static void draw_sizes(struct kist_text *html, const struct kist_status *status)
{
    struct kist_text stored KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    const struct kist_manifest *manifest = status->good ? &status->good->manifest : NULL;
    if (!manifest)
        return;
    const uint64_t raw = kist_manifest_raw_size(manifest), size = kist_manifest_stored_size(manifest);
    char *holders = kist_manifest_held_by(manifest);
    if (size > 0 || !holders)
        kist_text_printf(&stored, "stored as %s%s", kist_size_show(size).text, holders ? ", " : "");
    if (holders)
        kist_text_printf(&stored, "held by %s", holders);
    draw_fact(html, "Size", raw > 0 || !holders ? kist_size_show(raw).text : "not known", kist_text_get(&stored));
    free(holders);
}

static void draw_facts(struct kist_text *html, const struct kist_report_data *data)
{
    const struct kist_status *status = data->status;
    struct kist_text count KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    kist_text_add(html, "<dl>\n");
    draw_moment(html, data, "Last good backup", status->good_at, status->err.code ? "not known" : "none");
    draw_sizes(html, status);
    kist_text_printf(&count, "%s good of %s", kist_count_show(status->good_count).text,
                     kist_count_show(status->total_count).text);
    draw_fact(html, "Backups", status->err.code ? "not known" : kist_text_get(&count), NULL);
    draw_moment(html, data, "Next run", status->next, "no schedule");
    draw_moment(html, data, "Stale from", status->stale_at, "never: no schedule, no max_age");
    draw_moment(html, data, "Verified", status->verified, "never");
    draw_moment(html, data, "Drilled", status->drilled, "never");
    draw_fact(html, "Schedule",
              status->pipeline->schedule.text ? status->pipeline->schedule.text : "runs when it is told to",
              kist_zone_name(status->pipeline->schedule.zone));
    kist_text_add(html, "</dl>\n");
}

static const char *place_word(const struct kist_status *status, size_t index)
{
    if (status->err.code || !status->listing.stores || !status->listing.stores[index])
        return "cannot be asked";
    if (kist_store_discards(status->listing.stores[index]))
        return "keeps nothing, by its nature";
    if (!status->good)
        return "has no good backup";
    switch (status->good->places[index]) {
    case KIST_PLACE_GOOD: return "has the last good backup";
    case KIST_PLACE_DAMAGED: return "its copy is damaged";
    case KIST_PLACE_UNKNOWN: return "cannot be asked";
    default: return "lacks the last good backup";
    }
}

static void draw_destinations(struct kist_text *html, const struct kist_status *status)
{
    const struct kist_config_pipeline *pipeline = status->pipeline;
    kist_text_add(html, "<ul class=\"places\">\n");
    for (size_t i = 0; i < pipeline->destination_count; i++) {
        const char *word = place_word(status, i);
        int well = strncmp(word, "has the", 7) == 0 || strncmp(word, "keeps", 5) == 0;
        kist_text_printf(html, "<li class=\"%s\"><span aria-hidden=\"true\">%s</span> <b>",
                         well ? "well" : "unwell", well ? "\xE2\x9C\x93" : "\xE2\x9C\x95");
        kist_html_add(html, pipeline->destinations[i]->name);
        kist_text_printf(html, "</b> %s</li>\n", word);
    }
    kist_text_add(html, "</ul>\n");
}

static void draw_runs(struct kist_text *html, const struct kist_report_data *data)
{
    kist_text_add(html, "<h3>Runs</h3>\n");
    if (data->point_count == 0) {
        kist_text_add(html, "<p class=\"empty\">no backups yet</p>\n");
        return;
    }
    kist_report_draw_line(html, data);
    if (data->points[0].runs > 1)
        kist_text_printf(html,
                         "<p class=\"note\">%s runs: a mark stands for up to %zu, and shows the gravest</p>\n",
                         kist_count_show(data->run_count).text, data->points[0].runs);
    kist_text_add(html, "<div class=\"plots\">\n");
    kist_report_draw_plot(html, data, &kist_report_sizes);
    kist_report_draw_plot(html, data, &kist_report_durations);
    kist_text_add(html, "</div>\n");
}

static void draw_retention(struct kist_text *html, const struct kist_report_data *data)
{
    kist_text_add(html, "<h3>What stays</h3>\n");
    if (data->place_count == 0) {
        kist_text_add(html, "<p class=\"empty\">no destination can be asked</p>\n");
        return;
    }
    size_t backups = 0;
    for (size_t i = 0; i < data->place_count; i++) {
        backups += data->places[i].count;
        kist_report_draw_calendar(html, data, &data->places[i]);
    }
    if (backups == 0)
        return;
    kist_text_add(
        html, "<p class=\"legend\"><span><i class=\"box kept\"></i> stays</span> <span><i class=\"box held\"></i> "
              "held by a person</span> <span><i class=\"box odd\"></i> stays, but is not good</span> <span><i "
              "class=\"box goes\"></i> expired</span> <span><i class=\"box frozen\"></i> expired, but nothing is "
              "deleted now</span></p>\n");
}

void kist_report_draw_section(struct kist_text *html, const struct kist_report_data *data)
{
    kist_text_add(html, "<section id=\"");
    kist_report_draw_anchor(html, data->status);
    kist_text_add(html, "\">\n<h2>");
    kist_html_add(html, data->status->pipeline->name);
    kist_text_add(html, " ");
    kist_report_draw_state(html, data->status);
    kist_text_add(html, "</h2>\n");
    draw_facts(html, data);
    draw_destinations(html, data->status);
    draw_runs(html, data);
    draw_retention(html, data);
    kist_text_add(html, "<h3>Failures</h3>\n");
    kist_report_draw_failures(html, data);
    kist_text_add(html, "</section>\n");
}
