/*
 * report_page.h - one HTML page about all pipelines: no script, nothing from elsewhere, light and dark, narrow and wide.
 */
#ifndef KIST_CORE_REPORT_PAGE_H
#define KIST_CORE_REPORT_PAGE_H

#include "report_data.h"
#include "text.h"

/* What each page begins with: by this it is known that a page is one of ours. */
#define KIST_REPORT_MARK "<!doctype html>\n<!-- kist report 1 -->\n"

/* Grows with each pipeline. All zero is an empty one. */
struct kist_report_page {
    struct kist_text attention, rows, sections;
    size_t pipelines, well, unwell;
};

void kist_report_page_add(struct kist_report_page *page, const struct kist_report_data *data);
/* All of it; NULL without memory. New. */
char *kist_report_page_text(const struct kist_report_page *page, int64_t now);
void kist_report_page_done(struct kist_report_page *page);

/* Parts of it, in files of their own. */
extern const char *const kist_report_style[]; /* ends with NULL */
void kist_report_draw_section(struct kist_text *html, const struct kist_report_data *data);
void kist_report_draw_calendar(struct kist_text *html, const struct kist_report_data *data,
                               const struct kist_report_place *place);
void kist_report_draw_failures(struct kist_text *html, const struct kist_report_data *data);
/* <span class="state ...">: its word with a sign of its own. */
void kist_report_draw_state(struct kist_text *html, const struct kist_status *status);
/* The fragment by which a pipeline's section is linked: "p-" and its name, which is a sound one. */
void kist_report_draw_anchor(struct kist_text *html, const struct kist_status *status);

#endif
