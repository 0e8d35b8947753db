#include "foreign_layers.h"
#include "pull.h"
#include "sniff.h"

#include <string.h>

/* What stays the same from layer to layer. */
struct unwrapping {
    const struct kist_config *config;
    const struct kist_config_pipeline *pipeline;
    struct kist_store *store;
    struct kist_cancel *cancel;
    struct kist_sniff sniff;
};

/* Reads the first bytes of the item as its filters, as far as they are known, decode it. */
static int read_head(struct kist_store *store, const struct kist_manifest_item *item,
                     struct kist_instance *const *filters, char head[KIST_SNIFF_SIZE], size_t *ret_size,
                     struct kist_error *err)
{
    struct kist_pull *pull = NULL;
    size_t size = 0, got = 1;
    int code = kist_pull_measure(store, item, filters, &pull, err);
    while (!code && got > 0 && size < KIST_SNIFF_SIZE) {
        code = kist_pull_read(pull, head + size, KIST_SNIFF_SIZE - size, &got, err);
        size += code ? 0 : got;
    }
    kist_pull_close(pull);
    if (!code && size == 0)
        code = kist_fail(err, KIST_ERR_CORRUPT,
                         item->filter_count ? "%s: '%s' has nothing in it" : "%s: '%s' is empty",
                         kist_store_name(store), item->key);
    if (!code)
        *ret_size = size;
    return code;
}

/* An encrypted layer needs a key: said before anything is read with it. */
static int check_decodes(const struct kist_store *store, const struct kist_manifest_item *item,
                         const struct kist_instance *outer, struct kist_error *err)
{
    int code = kist_instance_result(outer, outer->plugin->as.filter.can_decode(outer->self, err), err);
    return code ? kist_error_prefix(err, "%s: '%s' cannot be decoded", kist_store_name(store), item->key) : 0;
}

static int look_inside(const struct unwrapping *work, const struct kist_manifest_item *item,
                       char head[KIST_SNIFF_SIZE], size_t *ret_size, struct kist_error *err)
{
    struct kist_instance **filters = NULL;
    int code = kist_pull_filters_open(work->config, work->pipeline, item, work->cancel, &filters, err);
    /* The one that was found last. */
    if (!code && item->filter_count > 0)
        code = check_decodes(work->store, item, filters[0], err);
    if (!code)
        code = read_head(work->store, item, filters, head, ret_size, err);
    kist_pull_filters_close(filters, item->filter_count);
    return code;
}

/* Layers are found from the outside, and named from the inside. */
static int add_layer(struct kist_manifest_item *item, const struct kist_plugin *filter, struct kist_error *err)
{
    int code = kist_manifest_add_filter(item, filter->name, filter->about.version, NULL, err);
    if (code)
        return code;
    struct kist_manifest_filter innermost = item->filters[item->filter_count - 1];
    memmove(item->filters + 1, item->filters, (item->filter_count - 1) * sizeof *item->filters);
    item->filters[0] = innermost;
    return 0;
}

static void drop_suffix(char *name, const char *suffix)
{
    size_t length = strlen(name), tail = strlen(suffix);
    if (length > tail && strcmp(name + length - tail, suffix) == 0)
        name[length - tail] = '\0';
}

static int unwrap(const struct unwrapping *work, struct kist_manifest_item *item, struct kist_error *err)
{
    char head[KIST_SNIFF_SIZE];
    for (;;) {
        size_t size = 0;
        int code = look_inside(work, item, head, &size, err);
        const struct kist_plugin *filter = code ? NULL : kist_sniff_filter(&work->sniff, head, size);
        if (code || !filter)
            return code;
        if (item->filter_count == KIST_FOREIGN_LAYERS)
            return kist_fail(err, KIST_ERR_UNSUPPORTED, "%s: '%s' is wrapped in more than %d layers",
                             kist_store_name(work->store), item->key, KIST_FOREIGN_LAYERS);
        code = add_layer(item, filter, err);
        if (code)
            return code;
        drop_suffix(item->name, filter->as.filter.suffix);
    }
}

int kist_foreign_unwrap(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                        struct kist_store *store, struct kist_cancel *cancel, struct kist_manifest_item *item,
                        struct kist_error *err)
{
    struct unwrapping work = {.config = config, .pipeline = pipeline, .store = store, .cancel = cancel};
    int code = kist_sniff_load(config, pipeline, &work.sniff, err);
    if (!code)
        code = unwrap(&work, item, err);
    kist_sniff_done(&work.sniff);
    return code;
}
