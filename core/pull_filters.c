#include "pull.h"

#include <stdlib.h>
#include <string.h>

/* The section of the pipeline that uses `plugin` as a filter, or NULL. */
static const struct kist_config_section *section_of(const struct kist_config_pipeline *pipeline,
                                                    const char *plugin)
{
    for (size_t i = 0; i < pipeline->filter_count; i++)
        if (strcmp(pipeline->filters[i]->plugin->name, plugin) == 0)
            return pipeline->filters[i];
    return NULL;
}

static int open_one(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                    const char *plugin, struct kist_cancel *cancel, struct kist_instance **ret_filter,
                    struct kist_error *err)
{
    const struct kist_config_section *section = section_of(pipeline, plugin);
    /* The pipeline may have changed since: any filter can be opened with its defaults. */
    int code = section ? 0 : kist_config_default_filter(config, plugin, &section, err);
    if (!code)
        code = kist_instance_open(section, pipeline->name, cancel, ret_filter, err);
    return code;
}

int kist_pull_filters_open(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                           const struct kist_manifest_item *item, struct kist_cancel *cancel,
                           struct kist_instance ***ret_filters, struct kist_error *err)
{
    struct kist_instance **filters = calloc(item->filter_count + 1, sizeof(struct kist_instance *));
    int code = filters ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < item->filter_count && !code; i++)
        code = open_one(config, pipeline, item->filters[i].plugin, cancel, &filters[i], err);
    if (code)
        kist_pull_filters_close(filters, item->filter_count);
    else
        *ret_filters = filters;
    return code;
}

void kist_pull_filters_close(struct kist_instance **filters, size_t count)
{
    for (size_t i = 0; filters && i < count; i++)
        kist_instance_close(filters[i]);
    free(filters);
}
