#include "run_report.h"

#include <stdlib.h>

void kist_run_report_done(struct kist_run_report *report)
{
    for (size_t i = 0; i < report->place_count; i++) {
        free(report->places[i].destination);
        free(report->places[i].cause);
    }
    free(report->places);
    free(report->omission);
    free(report->suspicion);
    free(report->retention);
    kist_error_done(&report->err);
    *report = (struct kist_run_report){0};
}

int kist_run_is_safety(const struct kist_run_options *options)
{
    return options->aim || json_object_get(options->labels, KIST_SAFETY_LABEL);
}
