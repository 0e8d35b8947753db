#include "restore.h"
#include "feed.h"
#include "output_dir.h"
#include "selection.h"
#include "store_access.h"
#include "verify.h"

#include <stdlib.h>
#include <string.h>

/* What the steps of one restore share. */
struct job {
    const struct kist_config *config;
    const struct kist_config_pipeline *pipeline;
    const struct kist_found *found;
    const struct kist_restore_options *options;
    struct kist_selection selection;
    struct kist_item *given; /* what the source is told of them */
    struct kist_instance *source;
    struct kist_progress *progress;
    /* Of the item before: the next one mostly has the same. */
    struct kist_instance **filters;
    const struct kist_manifest_item *filters_of;
};

static int open_source(struct job *job, struct kist_error *err)
{
    const struct kist_config_section *section = job->pipeline->source;
    const char *maker = job->found->manifest.source_plugin;
    if (strcmp(section->plugin->name, maker) != 0) {
        kist_fail(err, KIST_ERR_CONFIG, "the backup was made by the source plugin '%s', [source %s] is now '%s'",
                  maker, section->name, section->plugin->name);
        kist_hint(err, "--output DIR writes its items as files");
        return KIST_ERR_CONFIG;
    }
    if (!(section->plugin->features & KIST_SOURCE_RESTORES)) {
        kist_fail(err, KIST_ERR_UNSUPPORTED, "the source plugin '%s' takes nothing back", maker);
        kist_hint(err, "--output DIR writes the items as files");
        return KIST_ERR_UNSUPPORTED;
    }
    return kist_source_open(section, job->pipeline->name, job->options->cancel, &job->source, err);
}

static int begin(struct job *job, uint32_t mode, void **ret_restore, struct kist_error *err)
{
    struct kist_restore request = {.struct_size = sizeof request,
                                   .mode = mode,
                                   .flags = job->options->flags,
                                   .target = job->options->target,
                                   .items = job->given,
                                   .item_count = job->selection.count};
    return kist_instance_result(
        job->source, job->source->plugin->as.source.restore_begin(job->source->self, &request, ret_restore, err),
        err);
}

/* Refuses a target that would be refused later, before hours are spent on reading. */
static int look(struct job *job, struct kist_error *err)
{
    void *restore = NULL;
    int code = begin(job, KIST_RESTORE_LOOK, &restore, err);
    if (!code)
        job->source->plugin->as.source.restore_end(restore);
    return code;
}

static int wants(void *arg, const struct kist_manifest_item *item)
{
    const struct job *job = arg;
    return kist_selection_has(&job->selection, item);
}

static int prove(struct job *job, struct kist_error *err)
{
    struct kist_verify verify = {.config = job->config,
                                 .pipeline = job->pipeline,
                                 .store = job->found->store,
                                 .manifest = &job->found->manifest,
                                 .level = KIST_VERIFY_HASH,
                                 .items_only = 1,
                                 .wants = wants,
                                 .arg = job,
                                 .cancel = job->options->cancel};
    int code = kist_verify_backup(&verify, err);
    if (code == KIST_ERR_CORRUPT) {
        kist_error_prefix(err, "nothing was restored");
        kist_hint(err, "try another destination with --destination, or an older backup");
    }
    return code;
}

static void close_filters(struct job *job)
{
    if (job->filters_of)
        kist_pull_filters_close(job->filters, job->filters_of->filter_count);
    job->filters = NULL;
    job->filters_of = NULL;
}

static int same_filters(const struct kist_manifest_item *a, const struct kist_manifest_item *b)
{
    int same = a && a->filter_count == b->filter_count;
    for (size_t i = 0; same && i < a->filter_count; i++)
        same = strcmp(a->filters[i].plugin, b->filters[i].plugin) == 0;
    return same;
}

static int open_filters(struct job *job, const struct kist_manifest_item *item, struct kist_error *err)
{
    if (same_filters(job->filters_of, item))
        return 0;
    close_filters(job);
    int code = kist_pull_filters_open(job->config, job->pipeline, item, job->options->cancel, &job->filters, err);
    if (!code)
        job->filters_of = item;
    return code;
}

/* Decodes one item to where it is wanted. */
static int restore_item(struct job *job, void *restore, const struct kist_manifest_item *item,
                        struct kist_error *err)
{
    struct kist_pull *pull = NULL;
    int code = open_filters(job, item, err);
    if (!code)
        code = kist_pull_open(job->found->store, item, job->filters, 1, &pull, err);
    if (!code && job->options->output_dir)
        code =
            kist_output_item(job->options->output_dir, item->name, pull, job->options->cancel, job->progress, err);
    else if (!code)
        code = kist_feed_item(job->source, restore, pull, item, job->progress, err);
    kist_pull_close(pull);
    if (!code)
        kist_progress_add_object(job->progress);
    return code;
}

static int restore_all(struct job *job, struct kist_error *err)
{
    void *restore = NULL;
    int code = job->source ? begin(job, KIST_RESTORE_APPLY, &restore, err) : 0;
    if (code)
        return code;
    for (size_t i = 0; i < job->selection.count && !code; i++)
        code = restore_item(job, restore, job->selection.items[i], err);
    close_filters(job);
    if (job->source)
        job->source->plugin->as.source.restore_end(restore);
    return code;
}

static int select_items(struct job *job, struct kist_error *err)
{
    int code = kist_selection_make(&job->found->manifest, job->options->include, job->options->include_count,
                                   &job->selection, err);
    if (code)
        return code;
    job->given = calloc(job->selection.count + 1, sizeof *job->given);
    if (!job->given)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    for (size_t i = 0; i < job->selection.count && !code; i++)
        code = kist_feed_describe(job->selection.items[i], &job->given[i], err);
    return code;
}

static int carry_out(struct job *job, struct kist_error *err)
{
    job->progress = kist_progress_start(job->pipeline->name, job->options->quiet);
    kist_progress_expect(job->progress, (int64_t)job->selection.raw_size);
    kist_progress_expect_objects(job->progress, job->selection.count);
    int code = restore_all(job, err);
    kist_progress_stop(job->progress);
    return code;
}

int kist_restore_backup(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                        const struct kist_found *found, const struct kist_restore_options *options,
                        struct kist_restored *ret_restored, struct kist_error *err)
{
    struct job job = {.config = config, .pipeline = pipeline, .found = found, .options = options};
    int code = select_items(&job, err);
    if (!code && !options->output_dir) {
        code = open_source(&job, err);
        if (!code)
            code = look(&job, err);
    }
    if (!code)
        code = prove(&job, err);
    if (!code)
        code = carry_out(&job, err);
    if (!code)
        *ret_restored = (struct kist_restored){.items = job.selection.count, .raw_size = job.selection.raw_size};
    kist_instance_close(job.source);
    for (size_t i = 0; job.given && i < job.selection.count; i++)
        kist_feed_forget(&job.given[i]);
    free(job.given);
    kist_selection_done(&job.selection);
    return code;
}
