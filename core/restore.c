#include "restore.h"
#include "feed.h"
#include "output_dir.h"
#include "verify.h"

#include <string.h>

/* What the steps of one restore share. */
struct job {
    const struct kist_config *config;
    const struct kist_config_pipeline *pipeline;
    const struct kist_found *found;
    const struct kist_restore_options *options;
    struct kist_instance *source;
    struct kist_progress *progress;
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
    return kist_instance_open(section->plugin, section->config, job->pipeline->name, section->name,
                              job->options->cancel, &job->source, err);
}

static int begin(struct job *job, uint32_t mode, void **ret_restore, struct kist_error *err)
{
    struct kist_restore request = {
        .struct_size = sizeof request, .mode = mode, .flags = job->options->flags, .target = job->options->target};
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

static int prove(const struct job *job, struct kist_error *err)
{
    struct kist_verify verify = {.config = job->config,
                                 .pipeline = job->pipeline,
                                 .store = job->found->store,
                                 .manifest = &job->found->manifest,
                                 .level = KIST_VERIFY_HASH,
                                 .items_only = 1,
                                 .cancel = job->options->cancel};
    int code = kist_verify_backup(&verify, err);
    if (code == KIST_ERR_CORRUPT) {
        kist_error_prefix(err, "nothing was restored");
        kist_hint(err, "try another destination with --destination, or an older backup");
    }
    return code;
}

/* Decodes one item to where it is wanted. */
static int restore_item(struct job *job, void *restore, const struct kist_manifest_item *item,
                        struct kist_error *err)
{
    struct kist_instance **filters = NULL;
    struct kist_pull *pull = NULL;
    int code = kist_pull_filters_open(job->config, job->pipeline, item, job->options->cancel, &filters, err);
    if (!code)
        code = kist_pull_open(job->found->store, item, filters, 1, &pull, err);
    if (!code && job->options->output_dir)
        code =
            kist_output_item(job->options->output_dir, item->name, pull, job->options->cancel, job->progress, err);
    else if (!code)
        code = kist_feed_item(job->source, restore, pull, item, job->progress, err);
    kist_pull_close(pull);
    kist_pull_filters_close(filters, item->filter_count);
    return code;
}

static int restore_all(struct job *job, struct kist_error *err)
{
    const struct kist_manifest *manifest = &job->found->manifest;
    void *restore = NULL;
    int code = job->source ? begin(job, KIST_RESTORE_APPLY, &restore, err) : 0;
    if (code)
        return code;
    for (size_t i = 0; i < manifest->item_count && !code; i++)
        code = restore_item(job, restore, &manifest->items[i], err);
    if (job->source)
        job->source->plugin->as.source.restore_end(restore);
    return code;
}

int kist_restore_backup(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                        const struct kist_found *found, const struct kist_restore_options *options,
                        struct kist_error *err)
{
    struct job job = {.config = config, .pipeline = pipeline, .found = found, .options = options};
    int code = 0;
    if (!options->output_dir) {
        code = open_source(&job, err);
        if (!code)
            code = look(&job, err);
    }
    if (!code)
        code = prove(&job, err);
    if (!code) {
        job.progress = kist_progress_start(pipeline->name, options->quiet);
        kist_progress_expect(job.progress, (int64_t)kist_manifest_raw_size(&found->manifest));
        code = restore_all(&job, err);
        kist_progress_stop(job.progress);
    }
    kist_instance_close(job.source);
    return code;
}
