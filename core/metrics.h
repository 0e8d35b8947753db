/* metrics.h - the status of pipelines in the text format of Prometheus, for the textfile collector of node_exporter. */
#ifndef KIST_CORE_METRICS_H
#define KIST_CORE_METRICS_H

#include "status.h"
#include "text.h"

#define KIST_METRICS_FAMILIES 24

/* The lines of each family, which have to stand together. What is not known has no line. */
struct kist_metrics {
    struct kist_text lines[KIST_METRICS_FAMILIES];
};

void kist_metrics_add(struct kist_metrics *metrics, const struct kist_status *status);
/* All of it, with the time at which it is written; NULL without memory. New. */
char *kist_metrics_text(const struct kist_metrics *metrics, int64_t now);
void kist_metrics_done(struct kist_metrics *metrics);

#endif
