#include "report_svg.h"
#include "report_html.h"
#include "units.h"

#include <string.h>

#define DAY INT64_C(86400)
#define HOUR INT64_C(3600)

/* Drawn in tenths of a unit, so that no fractions are written: what they look like depends on the locale. */
#define LANE 210
#define LEFT 960
#define RIGHT 9900
#define LINE_BOTTOM (LANE * KIST_REPORT_KINDS + 40)

const char *kist_report_kind_word(enum kist_report_kind kind)
{
    static const char *const words[] = {[KIST_REPORT_GOOD] = "good",
                                        [KIST_REPORT_DEGRADED] = "degraded",
                                        [KIST_REPORT_MISSED] = "missed",
                                        [KIST_REPORT_FAILED] = "failed"};
    return words[kind];
}

int kist_report_place_at(const struct kist_report_scale *scale, int64_t value)
{
    double span = (double)scale->to - (double)scale->from;
    double share = span > 0 ? ((double)value - (double)scale->from) / span : 0.5;
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return scale->left + (int)(share * (scale->right - scale->left));
}

struct kist_report_scale kist_report_time_scale(const struct kist_report_data *data, int left, int right)
{
    struct kist_report_scale scale = {.from = data->now, .to = data->now, .left = left, .right = right};
    for (size_t i = 0; i < data->point_count; i++) {
        int64_t time = data->points[i].time;
        scale.from = time < scale.from ? time : scale.from;
        scale.to = time > scale.to ? time : scale.to;
    }
    /* One lonely run stands in some surroundings. */
    if (scale.to - scale.from < HOUR)
        scale.from = scale.to - HOUR;
    return scale;
}

/* The beginning of the day (or hour) in which a time lies, as people count. */
static int64_t snap(const struct kist_zone *zone, int64_t time, int64_t unit)
{
    struct kist_civil civil;
    kist_zone_civil(zone, time, &civil);
    civil.minute = civil.second = 0;
    civil.hour = unit == DAY ? 0 : civil.hour;
    return kist_zone_time(zone, &civil, NULL);
}

void kist_report_draw_times(struct kist_text *html, const struct kist_report_data *data,
                            const struct kist_report_scale *scale, int count, int top, int bottom)
{
    const struct kist_zone *zone = data->status->pipeline->schedule.zone;
    int64_t span = scale->to - scale->from, unit = span > 3 * DAY ? DAY : HOUR, last = INT64_MIN;
    for (int i = 0; i <= count; i++) {
        int64_t time = snap(zone, scale->from + (span / count) * i + unit / 2, unit);
        if (time < scale->from || time > scale->to || time == last)
            continue;
        last = time;
        int x = kist_report_place_at(scale, time);
        const char *anchor = x > scale->right - 500 ? "end" : x < scale->left + 300 ? "start" : "middle";
        kist_text_printf(html,
                         "<line class=\"grid\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>"
                         "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>",
                         x, top, x, bottom, x, bottom + 150, anchor,
                         unit == DAY   ? kist_html_day(zone, time).text
                         : span <= DAY ? kist_html_hour(zone, time).text
                                       : kist_html_minute(zone, time).text + strlen("2026-"));
    }
}

void kist_report_draw_title(struct kist_text *html, const struct kist_report_data *data,
                            const struct kist_report_point *point)
{
    const struct kist_zone *zone = data->status->pipeline->schedule.zone;
    kist_text_printf(html, "<title>%s: ", kist_html_minute(zone, point->time).text);
    kist_text_add(html, point->kind == KIST_REPORT_MISSED ? "no run, though the schedule asked for one"
                                                          : kist_report_kind_word(point->kind));
    if (point->raw >= 0)
        kist_text_printf(html, ", %s", kist_size_show((uint64_t)point->raw).text);
    if (point->stored >= 0)
        kist_text_printf(html, ", stored as %s", kist_size_show((uint64_t)point->stored).text);
    if (point->duration_ms >= 0)
        kist_text_printf(html, ", took %s", kist_duration_show(point->duration_ms).text);
    if (point->cause) {
        kist_text_add(html, ", ");
        kist_html_add(html, point->cause);
    }
    if (point->runs > 1)
        kist_text_printf(html, " (the gravest of %zu)", point->runs);
    kist_text_add(html, "</title>");
}

/* A shape of its own for each kind, for those who see no colours. */
static void draw_mark(struct kist_text *html, enum kist_report_kind kind, int x, int y)
{
    switch (kind) {
    case KIST_REPORT_GOOD:
        kist_text_printf(html, "<circle class=\"good\" cx=\"%d\" cy=\"%d\" r=\"42\"/>", x, y);
        break;
    case KIST_REPORT_DEGRADED:
        kist_text_printf(html, "<path class=\"degraded\" d=\"M%d %dl62 108h-124z\"/>", x, y - 64);
        break;
    case KIST_REPORT_MISSED:
        kist_text_printf(html, "<rect class=\"missed\" x=\"%d\" y=\"%d\" width=\"84\" height=\"84\"/>", x - 42,
                         y - 42);
        break;
    case KIST_REPORT_FAILED:
        kist_text_printf(html, "<path class=\"failed\" d=\"M%d %dl96 96m0-96l-96 96\"/>", x - 48, y - 48);
        break;
    }
}

static int lane_at(enum kist_report_kind kind)
{
    static const int lanes[] = {
        [KIST_REPORT_GOOD] = 0, [KIST_REPORT_DEGRADED] = 1, [KIST_REPORT_FAILED] = 2, [KIST_REPORT_MISSED] = 3};
    return lanes[kind] * LANE + LANE / 2;
}

static void draw_lanes(struct kist_text *html)
{
    for (int kind = 0; kind < KIST_REPORT_KINDS; kind++) {
        int y = lane_at((enum kist_report_kind)kind);
        kist_text_printf(html,
                         "<text x=\"170\" y=\"%d\">%s</text><line class=\"lane\" x1=\"%d\" y1=\"%d\" x2=\"%d\" "
                         "y2=\"%d\"/>",
                         y + 38, kist_report_kind_word((enum kist_report_kind)kind), LEFT - 80, y, RIGHT + 60, y);
        draw_mark(html, (enum kist_report_kind)kind, 60, y);
    }
}

void kist_report_draw_line(struct kist_text *html, const struct kist_report_data *data)
{
    const struct kist_report_scale scale = kist_report_time_scale(data, LEFT, RIGHT);
    kist_text_printf(html,
                     "<div class=\"scroll\"><svg class=\"line\" viewBox=\"0 0 10000 %d\" role=\"img\" "
                     "aria-label=\"time line of runs\">\n",
                     LINE_BOTTOM + 190);
    kist_report_draw_times(html, data, &scale, 6, 20, LINE_BOTTOM);
    draw_lanes(html);
    for (size_t i = 0; i < data->point_count; i++) {
        const struct kist_report_point *point = &data->points[i];
        kist_text_add(html, "<g>");
        kist_report_draw_title(html, data, point);
        draw_mark(html, point->kind, kist_report_place_at(&scale, point->time), lane_at(point->kind));
        kist_text_add(html, "</g>\n");
    }
    kist_text_add(html, "</svg></div>\n");
    /* Where the line is scrolled, its left end with the words is out of sight. */
    kist_text_add(html,
                  "<p class=\"lanes legend\"><span>\xE2\x97\x8F good</span> <span>\xE2\x96\xB2 degraded</span> "
                  "<span>\xE2\x9C\x95 failed</span> <span>\xE2\x96\xA1 missed</span></p>\n");
}
