#include "calendar.h"
#include "report_html.h"
#include "report_page.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MONTHS_MOST 24
#define ROWS_MOST 200
#define TITLES_MOST 8

/* Days of one month with the backups `first` up to `end`. */
struct month {
    const struct kist_report_place *place;
    const struct kist_zone *zone;
    int year, month;
    size_t first, end;
};

static struct kist_civil civil_of(const struct month *month, size_t index)
{
    struct kist_civil civil;
    kist_zone_civil(month->zone, month->place->kept[index].time, &civil);
    return civil;
}

static const char *word_of(const struct kist_report_place *place, size_t index)
{
    switch (place->plan.entries[index].fate) {
    case KIST_FATE_REMOVE: return "goes";
    case KIST_FATE_FROZEN: return "frozen";
    case KIST_FATE_HELD: return "held";
    default: return place->kept[index].good ? "kept" : "odd";
    }
}

/* What a day shows is what speaks most for it. */
static const char *word_of_day(const struct month *month, size_t first, size_t end)
{
    static const char *const words[] = {"held", "kept", "odd", "frozen", "goes"};
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        for (size_t i = first; i < end; i++)
            if (strcmp(word_of(month->place, i), words[k]) == 0)
                return words[k];
    return "goes";
}

static void draw_title(struct kist_text *html, const struct month *month, size_t first, size_t end)
{
    kist_text_add(html, " title=\"");
    for (size_t i = first; i < end && i < first + TITLES_MOST; i++) {
        kist_text_printf(html, "%s%s ", i > first ? "; " : "",
                         kist_html_hour(month->zone, month->place->kept[i].time).text);
        kist_html_add(html, month->place->plan.entries[i].text);
    }
    if (end > first + TITLES_MOST)
        kist_text_printf(html, "; and %zu more", end - first - TITLES_MOST);
    kist_text_add(html, "\"");
}

static void draw_day(struct kist_text *html, const struct month *month, int day, size_t first, size_t end)
{
    if (first == end) {
        kist_text_printf(html, "<td>%d", day);
        return;
    }
    kist_text_printf(html, "<td class=\"%s\"", word_of_day(month, first, end));
    draw_title(html, month, first, end);
    kist_text_printf(html, "><b>%d</b>", day);
    if (end - first > 1)
        kist_text_printf(html, "<sup>%zu</sup>", end - first);
}

static void draw_month(struct kist_text *html, const struct month *month)
{
    static const char *const names[] = {"January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December"};
    int64_t start = kist_calendar_days(month->year, month->month, 1);
    int days = (int)(kist_calendar_days(month->year + month->month / 12, month->month % 12 + 1, 1) - start);
    int column = (kist_calendar_weekday(start) + 6) % 7;
    size_t at = month->first;
    kist_text_printf(html, "<table class=\"month\"><caption>%s %d</caption><thead><tr>", names[month->month - 1],
                     month->year);
    kist_text_add(
        html,
        "<th>Mo</th><th>Tu</th><th>We</th><th>Th</th><th>Fr</th><th>Sa</th><th>Su</th></tr></thead><tbody><tr>");
    for (int i = 0; i < column; i++)
        kist_text_add(html, "<td></td>");
    for (int day = 1; day <= days; day++, column++) {
        size_t first = at;
        /* After a clock that was wrong, days may go back: none is left out. */
        while (at < month->end && civil_of(month, at).day <= day)
            at++;
        if (day > 1 && column % 7 == 0)
            kist_text_add(html, "</tr><tr>");
        draw_day(html, month, day, first, at);
        kist_text_add(html, "</td>");
    }
    for (; column % 7 != 0; column++)
        kist_text_add(html, "<td></td>");
    kist_text_add(html, "</tr></tbody></table>\n");
}

static void draw_months(struct kist_text *html, const struct kist_report_data *data,
                        const struct kist_report_place *place)
{
    struct month month = {.place = place, .zone = data->status->pipeline->schedule.zone, .end = place->count};
    kist_text_add(html, "<div class=\"months\">\n");
    for (int drawn = 0; month.end > 0 && drawn < MONTHS_MOST; drawn++) {
        struct kist_civil last = civil_of(&month, month.end - 1);
        month.year = last.year;
        month.month = last.month;
        month.first = month.end - 1;
        while (month.first > 0 && civil_of(&month, month.first - 1).month == last.month &&
               civil_of(&month, month.first - 1).year == last.year)
            month.first--;
        draw_month(html, &month);
        month.end = month.first;
    }
    kist_text_add(html, "</div>\n");
    if (month.end > 0)
        kist_text_printf(html, "<p class=\"note\">and %s older ones, down to %s</p>\n",
                         kist_count_show(month.end).text, kist_html_day(month.zone, place->kept[0].time).text);
}

static void draw_rows(struct kist_text *html, const struct kist_report_data *data,
                      const struct kist_report_place *place)
{
    size_t shown = place->count < ROWS_MOST ? place->count : ROWS_MOST;
    kist_text_add(
        html,
        "<details><summary>each backup and why it stays</summary><table class=\"list\">\n<thead><tr><th>Backup"
        "</th><th>Size</th><th>State</th><th>Why</th></tr></thead><tbody>\n");
    for (size_t i = place->count; i-- > place->count - shown;) {
        const struct kist_listing_row *row = place->rows[i];
        const struct kist_manifest *manifest = row->manifest.pipeline ? &row->manifest : NULL;
        const char *word = word_of(place, i);
        kist_text_printf(html, "<tr><td class=\"id\">%s</td><td>%s</td><td>%s</td><td><i class=\"box %s\"></i> ",
                         row->id, manifest ? kist_size_show(kist_manifest_raw_size(manifest)).text : "-",
                         kist_listing_state(&data->status->listing, row), word);
        kist_html_add(html, place->plan.entries[i].text);
        kist_text_add(html, "</td></tr>\n");
    }
    kist_text_add(html, "</tbody></table>");
    if (shown < place->count)
        kist_text_printf(html, "<p class=\"note\">and %zu older ones</p>", place->count - shown);
    kist_text_add(html, "</details>\n");
}

static void draw_summary(struct kist_text *html, const struct kist_report_data *data,
                         const struct kist_report_place *place)
{
    const struct kist_keep *keep =
        place->section->keep.set ? &place->section->keep : &data->status->pipeline->keep;
    char *text = keep->set ? kist_keep_text(keep) : NULL;
    kist_text_add(html, "<p>");
    if (text) {
        kist_html_element(html, "code", NULL, text);
        kist_text_printf(html, ": %zu of %s %s", place->count - place->plan.wanted,
                         kist_count_show(place->count).text, place->count == 1 ? "backup stays" : "backups stay");
        if (place->plan.removed)
            kist_text_printf(html, ", %zu %s after the next good run", place->plan.removed,
                             place->plan.removed == 1 ? "goes" : "go");
    } else
        kist_text_printf(html, "No <code>keep</code> is set: %s.",
                         place->count == 1 ? "the one backup stays" : "all backups stay");
    if (place->plan.frozen) {
        kist_text_printf(
            html, ".</p>\n<p class=\"warn\">%zu would go, but nothing is deleted now: ", place->plan.wanted);
        kist_html_add(html, place->plan.frozen);
        if (place->plan.hint) {
            kist_text_add(html, "<br><span class=\"next\">");
            kist_html_add_prose(html, place->plan.hint);
            kist_text_add(html, "</span>");
        }
    }
    kist_text_add(html, "</p>\n");
    free(text);
}

void kist_report_draw_calendar(struct kist_text *html, const struct kist_report_data *data,
                               const struct kist_report_place *place)
{
    kist_text_add(html, "<h4>on ");
    kist_html_add(html, place->names);
    kist_text_add(html, "</h4>\n");
    if (place->count == 0) {
        kist_text_add(html, "<p class=\"empty\">no backups yet</p>\n");
        return;
    }
    draw_summary(html, data, place);
    draw_months(html, data, place);
    draw_rows(html, data, place);
}
