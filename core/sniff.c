#include "sniff.h"

#include <stdlib.h>

static void add(struct kist_sniff *sniff, const struct kist_plugin *filter)
{
    if (sniff->count == sniff->capacity) {
        size_t capacity = sniff->capacity ? 2 * sniff->capacity : 8;
        const struct kist_plugin **larger = reallocarray(sniff->filters, capacity, sizeof(struct kist_plugin *));
        if (!larger) {
            sniff->failed = 1;
            return;
        }
        sniff->filters = larger;
        sniff->capacity = capacity;
    }
    sniff->filters[sniff->count++] = filter;
}

/* What cannot be loaded knows nothing; `kist plugin list` says why. */
static void take(void *arg, const char *path, const struct kist_plugin *plugin, const struct kist_error *err)
{
    (void)path;
    (void)err;
    if (plugin && plugin->kind == KIST_KIND_FILTER)
        add(arg, plugin);
}

int kist_sniff_load(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                    struct kist_sniff *ret_sniff, struct kist_error *err)
{
    struct kist_sniff sniff = {.filters = NULL};
    for (size_t i = 0; i < pipeline->filter_count; i++)
        add(&sniff, pipeline->filters[i]->plugin);
    int code = kist_registry_each(kist_config_registry(config), take, &sniff, err);
    if (!code && sniff.failed)
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (code)
        kist_sniff_done(&sniff);
    else
        *ret_sniff = sniff;
    return code;
}

void kist_sniff_done(struct kist_sniff *sniff)
{
    free(sniff->filters);
    *sniff = (struct kist_sniff){.filters = NULL};
}

const struct kist_plugin *kist_sniff_filter(const struct kist_sniff *sniff, const void *data, size_t size)
{
    for (size_t i = 0; i < sniff->count; i++)
        if (sniff->filters[i]->as.filter.recognizes(data, size))
            return sniff->filters[i];
    return NULL;
}
