/* sniff.h - which filter a stream has gone through, told from its first bytes. */
#ifndef KIST_CORE_SNIFF_H
#define KIST_CORE_SNIFF_H

#include "config.h"

#define KIST_SNIFF_SIZE ((size_t)512) /* bytes that a filter wants to see */

struct kist_sniff {
    const struct kist_plugin **filters; /* in the order in which they are asked */
    size_t count, capacity;
    int failed; /* there was no memory */
};

/* Those of the pipeline first, then every filter that can be loaded. Before any thread is started. */
int kist_sniff_load(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                    struct kist_sniff *ret_sniff, struct kist_error *err) KIST_CHECKED;
void kist_sniff_done(struct kist_sniff *sniff);
/* The filter that knows the beginning of a stream as its own, or NULL. */
const struct kist_plugin *kist_sniff_filter(const struct kist_sniff *sniff, const void *data, size_t size);

#endif
