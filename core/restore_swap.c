#include "restore_swap.h"
#include "source_access.h"

#include <stdlib.h>
#include <string.h>

void kist_swap_report_done(struct kist_swap_report *report)
{
    free(report->name);
    free(report->from);
    free(report->kept);
    *report = (struct kist_swap_report){0};
}

/* A kist_swapped_fn. What a look leaves open (the name of what is not there yet) is NULL. */
static int keep_report(void *arg, const struct kist_swapped *given)
{
    struct kist_swap_report *report = arg;
    kist_swap_report_done(report);
    report->interrupted_ms = given->interrupted_ms;
    report->ended_sessions = given->ended_sessions;
    report->name = strdup(given->name ? given->name : "");
    report->from = strdup(given->from ? given->from : "");
    report->kept = strdup(given->kept ? given->kept : "");
    return report->name && report->from && report->kept ? 0 : KIST_ERR_FAILED;
}

int kist_restore_swap(const struct kist_config_pipeline *pipeline, const struct kist_swap *swap,
                      struct kist_cancel *cancel, struct kist_swap_report *ret_report, struct kist_error *err)
{
    struct kist_swap_report report = {0};
    struct kist_instance *source = NULL;
    int code = kist_source_open(pipeline->source, pipeline->name, cancel, &source, err);
    if (!code)
        code = kist_instance_result(
            source, source->plugin->as.source.swap(source->self, swap, keep_report, &report, err), err);
    if (!code && !report.name)
        code = kist_fail(err, KIST_ERR_BUG, "%s: the plugin did not say what it swapped", source->where);
    kist_instance_close(source);
    if (code)
        kist_swap_report_done(&report);
    else
        *ret_report = report;
    return code;
}
