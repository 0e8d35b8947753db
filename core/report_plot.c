#include "report_html.h"
#include "report_svg.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>

#define LEFT 800
#define RIGHT 4700
#define TOP 140
#define BOTTOM 1500
#define CIRCLES_MOST 60 /* above it, points are only found by the pointer */

static int64_t raw_of(const struct kist_report_point *point)
{
    return point->raw;
}

static int64_t stored_of(const struct kist_report_point *point)
{
    return point->stored;
}

static int64_t duration_of(const struct kist_report_point *point)
{
    return point->kind == KIST_REPORT_MISSED ? -1 : point->duration_ms;
}

/* The smallest of 1, 2, 5, 10, 20 ... units that makes four lines or fewer. */
static int64_t round_step(int64_t highest, int64_t unit)
{
    for (int64_t step = unit;; step *= 10) {
        for (int64_t factor = 1; factor <= 5; factor += factor == 1 ? 1 : 3)
            if (highest / factor / 4 < step)
                return step * factor;
        if (step > INT64_MAX / 100)
            return step;
    }
}

static int64_t size_step(int64_t highest)
{
    int64_t unit = 1;
    while (unit < INT64_C(1) << 50 && highest >= unit * 1024)
        unit *= 1024;
    return round_step(highest, unit);
}

static int64_t duration_step(int64_t highest)
{
    static const int64_t units[] = {86400000, 3600000, 60000, 1000};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (highest >= units[i])
            return round_step(highest, units[i]);
    return round_step(highest, 1);
}

static void show_size(int64_t value, char *ret_text, size_t capacity)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    for (; unit < 5 && value >= 1024 && value % 1024 == 0; unit++)
        value /= 1024;
    snprintf(ret_text, capacity, "%lld %s", (long long)value, units[unit]);
}

static void show_duration(int64_t value, char *ret_text, size_t capacity)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
    size_t unit = 0;
    while (unit < 4 && (value < units[unit].ms || value % units[unit].ms != 0))
        unit++;
    if (value == 0)
        unit = 3;
    snprintf(ret_text, capacity, "%lld %s", (long long)(value / units[unit].ms), units[unit].name);
}

const struct kist_report_series kist_report_sizes = {.title = "Size",
                                                     .value = raw_of,
                                                     .second = stored_of,
                                                     .value_name = "of the data",
                                                     .second_name = "as stored",
                                                     .show = show_size,
                                                     .step = size_step};
const struct kist_report_series kist_report_durations = {.title = "Duration",
                                                         .value = duration_of,
                                                         .value_name = "of a run",
                                                         .show = show_duration,
                                                         .step = duration_step};

static int64_t highest_of(const struct kist_report_data *data, const struct kist_report_series *series,
                          size_t *ret_count)
{
    int64_t highest = 0;
    size_t count = 0;
    for (size_t i = 0; i < data->point_count; i++) {
        int64_t values[2] = {series->value(&data->points[i]),
                             series->second ? series->second(&data->points[i]) : -1};
        count += values[0] >= 0;
        for (int k = 0; k < 2; k++)
            highest = values[k] > highest ? values[k] : highest;
    }
    *ret_count = count;
    /* What no clock and no disk can reach would overflow the grid. */
    return highest < INT64_C(1) << 60 ? highest : INT64_C(1) << 60;
}

static void draw_grid(struct kist_text *html, const struct kist_report_series *series,
                      const struct kist_report_scale *heights, int64_t step)
{
    for (int64_t value = 0; value <= heights->to; value += step) {
        char label[40];
        int y = kist_report_place_at(heights, value);
        series->show(value, label, sizeof label);
        kist_text_printf(html,
                         "<line class=\"grid\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>"
                         "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>",
                         LEFT, y, RIGHT, y, LEFT - 80, y + 38, label);
    }
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* From this many seconds on, two points are not joined: three times what usually lies between two. */
static int64_t gap_of(const struct kist_report_data *data, const struct kist_report_series *series)
{
    int64_t *gaps = calloc(data->point_count + 1, sizeof *gaps), last = -1, gap = INT64_MAX;
    size_t count = 0;
    for (size_t i = 0; gaps && i < data->point_count; i++) {
        if (series->value(&data->points[i]) < 0)
            continue;
        if (last >= 0)
            gaps[count++] = data->points[i].time - last;
        last = data->points[i].time;
    }
    if (count > 0) {
        qsort(gaps, count, sizeof *gaps, by_size);
        gap = gaps[count / 2] < INT64_MAX / 3 ? gaps[count / 2] * 3 : INT64_MAX;
    }
    free(gaps);
    return gap;
}

static void draw_curve(struct kist_text *html, const struct kist_report_data *data,
                       int64_t (*value)(const struct kist_report_point *), const char *class, int64_t gap,
                       const struct kist_report_scale *times, const struct kist_report_scale *heights)
{
    int64_t last = -1;
    kist_text_printf(html, "<path class=\"%s\" d=\"", class);
    for (size_t i = 0; i < data->point_count; i++) {
        const struct kist_report_point *point = &data->points[i];
        if (value(point) < 0)
            continue;
        int joined = last >= 0 && point->time - last <= gap;
        /* A lonely point is a line of no length, of which its round end is seen. */
        kist_text_printf(html, joined ? "L%d %d" : "M%d %dh1", kist_report_place_at(times, point->time),
                         kist_report_place_at(heights, value(point)));
        last = point->time;
    }
    kist_text_add(html, "\"/>\n");
}

static void draw_points(struct kist_text *html, const struct kist_report_data *data,
                        const struct kist_report_series *series, size_t count,
                        const struct kist_report_scale *times, const struct kist_report_scale *heights)
{
    const char *class = count > CIRCLES_MOST ? "spot" : "dot";
    for (size_t i = 0; i < data->point_count; i++) {
        const struct kist_report_point *point = &data->points[i];
        if (series->value(point) < 0)
            continue;
        kist_text_printf(html, "<circle class=\"%s\" cx=\"%d\" cy=\"%d\" r=\"%d\">", class,
                         kist_report_place_at(times, point->time),
                         kist_report_place_at(heights, series->value(point)), count > CIRCLES_MOST ? 45 : 32);
        kist_report_draw_title(html, data, point);
        kist_text_add(html, "</circle>\n");
    }
}

static void draw_legend(struct kist_text *html, const struct kist_report_series *series)
{
    kist_text_printf(html, "<figcaption><b>%s</b> <span class=\"key first\">%s</span>", series->title,
                     series->value_name);
    if (series->second)
        kist_text_printf(html, " <span class=\"key second\">%s</span>", series->second_name);
    kist_text_add(html, "</figcaption>");
}

void kist_report_draw_plot(struct kist_text *html, const struct kist_report_data *data,
                           const struct kist_report_series *series)
{
    size_t count = 0;
    int64_t highest = highest_of(data, series, &count), step = series->step(highest);
    kist_text_add(html, "<figure>");
    draw_legend(html, series);
    if (count == 0) {
        kist_text_add(html, "<p class=\"empty\">nothing was measured yet</p></figure>\n");
        return;
    }
    const struct kist_report_scale times = kist_report_time_scale(data, LEFT + 60, RIGHT - 60);
    const struct kist_report_scale heights = {.from = 0,
                                              .to =
                                                  (highest / step + (highest % step != 0 || highest == 0)) * step,
                                              .left = BOTTOM,
                                              .right = TOP};
    int64_t gap = gap_of(data, series);
    kist_text_printf(html, "<svg viewBox=\"0 0 4800 %d\" role=\"img\" aria-label=\"%s over time\">\n",
                     BOTTOM + 190, series->title);
    draw_grid(html, series, &heights, step);
    kist_report_draw_times(html, data, &times, 3, BOTTOM, BOTTOM + 30);
    if (series->second)
        draw_curve(html, data, series->second, "second", gap, &times, &heights);
    draw_curve(html, data, series->value, "first", gap, &times, &heights);
    draw_points(html, data, series, count, &times, &heights);
    kist_text_add(html, "</svg></figure>\n");
}
