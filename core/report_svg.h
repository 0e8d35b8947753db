/* report_svg.h - the drawings of the report: a time line of runs, and plots of what they measured. */
#ifndef KIST_CORE_REPORT_SVG_H
#define KIST_CORE_REPORT_SVG_H

#include "report_data.h"
#include "text.h"

/* Each run by the lane, the shape and the colour of how it ended. */
void kist_report_draw_line(struct kist_text *html, const struct kist_report_data *data);

/* What is drawn over time. */
struct kist_report_series {
    const char *title;                                        /* "Size" */
    int64_t (*value)(const struct kist_report_point *point);  /* -1: none */
    int64_t (*second)(const struct kist_report_point *point); /* a dashed line below it; or NULL */
    const char *value_name, *second_name;
    void (*show)(int64_t value, char *ret_text, size_t capacity);
    int64_t (*step)(int64_t highest); /* between two lines of the grid */
};

void kist_report_draw_plot(struct kist_text *html, const struct kist_report_data *data,
                           const struct kist_report_series *series);
extern const struct kist_report_series kist_report_sizes, kist_report_durations;

/* A scale from `from` to `to`, drawn from `left` to `right`. */
struct kist_report_scale {
    int64_t from, to;
    int left, right;
};

int kist_report_place_at(const struct kist_report_scale *scale, int64_t value);
/* From the first point to now. */
struct kist_report_scale kist_report_time_scale(const struct kist_report_data *data, int left, int right);
/* Lines and labels of the time axis; they go from `top` to `bottom`. */
void kist_report_draw_times(struct kist_text *html, const struct kist_report_data *data,
                            const struct kist_report_scale *scale, int count, int top, int bottom);
/* "2026-11-21 02:00: good, 12.3 MiB, 12 s" as the <title> of a mark. */
void kist_report_draw_title(struct kist_text *html, const struct kist_report_data *data,
                            const struct kist_report_point *point);
const char *kist_report_kind_word(enum kist_report_kind kind);

#endif
