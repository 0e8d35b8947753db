#include "feed.h"
#include "log.h"
#include "output_dir.h"
#include "restore_job.h"
#include "source_access.h"

#include <stdlib.h>
#include <string.h>

/* The first of the items that are meant that a provider holds (`held`), or that is stored; NULL: there is none. */
static const struct kist_manifest_item *first_item(const struct kist_restore_job *job, int held)
{
    for (size_t i = 0; i < job->selection.count; i++)
        if (!job->selection.items[i]->reference == !held)
            return job->selection.items[i];
    return NULL;
}

static int check_maker(const struct kist_restore_job *job, struct kist_error *err)
{
    const struct kist_config_section *section = job->pipeline->source;
    const char *maker = job->found->manifest.source_plugin;
    if (strcmp(section->plugin->name, maker) == 0)
        return 0;
    kist_fail(err, KIST_ERR_CONFIG, "the backup was made by the source plugin '%s', [source %s] is now '%s'",
              maker, section->name, section->plugin->name);
    if (first_item(job, 1))
        kist_hint(err, "give the pipeline a source of that plugin again, or restore it at the provider");
    else
        kist_hint(err, "--output DIR writes its items as files");
    return KIST_ERR_CONFIG;
}

/* What a source can depends on how it is configured, and that may have changed since the backup. */
static int check_features(const struct kist_restore_job *job, struct kist_error *err)
{
    const struct kist_config_section *section = job->pipeline->source;
    const uint64_t features = kist_source_features(section);
    const struct kist_manifest_item *held = first_item(job, 1);
    if (held && !(features & KIST_SOURCE_REFERENCES)) {
        kist_fail(err, KIST_ERR_UNSUPPORTED, "'%s' is held by %s, and [source %s] restores nothing of that",
                  held->name, held->reference->as.provider, section->name);
        kist_hint(err,
                  "configure it as it was at the backup, or restore it at the provider: `kist show %s/%s` "
                  "tells how",
                  job->pipeline->name, job->found->manifest.id);
        return KIST_ERR_UNSUPPORTED;
    }
    const struct kist_manifest_item *stored = first_item(job, 0);
    if (!stored || (features & KIST_SOURCE_RESTORES))
        return 0;
    if (section->plugin->features & KIST_SOURCE_RESTORES) {
        kist_fail(err, KIST_ERR_UNSUPPORTED,
                  "'%s' is stored with the backup, and [source %s] takes nothing back as "
                  "it is configured",
                  stored->name, section->name);
        kist_hint(err, "configure it as it was at the backup; --output DIR writes what is stored as files");
        return KIST_ERR_UNSUPPORTED;
    }
    kist_fail(err, KIST_ERR_UNSUPPORTED, "the source plugin '%s' takes nothing back", section->plugin->name);
    kist_hint(err, "--output DIR writes the items as files");
    return KIST_ERR_UNSUPPORTED;
}

static int open_source(struct kist_restore_job *job, struct kist_error *err)
{
    int code = check_maker(job, err);
    if (!code)
        code = check_features(job, err);
    return code ? code
                : kist_source_open(job->pipeline->source, job->pipeline->name, job->options->cancel, &job->source,
                                   err);
}

/* There are no bytes of what a provider holds. */
static int check_output(const struct kist_restore_job *job, struct kist_error *err)
{
    const struct kist_manifest_item *held = first_item(job, 1);
    if (!held)
        return 0;
    kist_fail(err, KIST_ERR_UNSUPPORTED, "'%s' is held by %s: there are no bytes to write into files", held->name,
              held->reference->as.provider);
    kist_hint(err, "without --output it is restored at its provider%s",
              first_item(job, 0) ? "; --include chooses what is stored as files" : "");
    return KIST_ERR_UNSUPPORTED;
}

static int begin(struct kist_restore_job *job, uint32_t mode, void **ret_restore, struct kist_error *err)
{
    const struct kist_restore_options *options = job->options;
    struct kist_restore request = {.struct_size = sizeof request,
                                   .mode = mode,
                                   .flags = options->flags,
                                   .target = options->target,
                                   .items = job->given,
                                   .item_count = job->selection.count,
                                   .tables = options->tables,
                                   .schemas = options->schemas,
                                   .role = options->role,
                                   .jobs = options->jobs,
                                   .work_dir = options->work_dir,
                                   .at = options->at,
                                   .at_ms = options->at_ms};
    return kist_instance_result(
        job->source, job->source->plugin->as.source.restore_begin(job->source->self, &request, ret_restore, err),
        err);
}

/* Refuses a target that would be refused later, before hours are spent on reading. */
static int look(struct kist_restore_job *job, struct kist_error *err)
{
    void *restore = NULL;
    int code = begin(job, KIST_RESTORE_LOOK, &restore, err);
    if (!code) {
        code = kist_restore_place_ask(job->source, restore, &job->restored->place, err);
        job->source->plugin->as.source.restore_end(restore);
    }
    return code;
}

void kist_restore_filters_done(struct kist_restore_job *job)
{
    if (job->filters_of)
        kist_pull_filters_close(job->filters, job->filters_of->filter_count);
    job->filters = NULL;
    job->filters_of = NULL;
}

int kist_restore_filters(struct kist_restore_job *job, const struct kist_manifest_item *item,
                         struct kist_error *err)
{
    if (job->filters_of && kist_manifest_same_filters(job->filters_of, item))
        return 0;
    kist_restore_filters_done(job);
    int code = kist_pull_filters_open(job->config, job->pipeline, item, job->options->cancel, &job->filters, err);
    if (!code)
        job->filters_of = item;
    return code;
}

static int open_item(struct kist_restore_job *job, const struct kist_manifest_item *item,
                     struct kist_pull **ret_pull, struct kist_error *err)
{
    if (job->options->bytes)
        return job->options->bytes->open(job->options->bytes->arg, item, ret_pull, err);
    int code = kist_restore_filters(job, item, err);
    return code ? code : kist_pull_open(job->found->store, item, job->filters, 1, ret_pull, err);
}

/* Decodes one item to where it is wanted. */
static int restore_item(struct kist_restore_job *job, void *restore, const struct kist_manifest_item *item,
                        struct kist_error *err)
{
    struct kist_pull *pull = NULL;
    int code = open_item(job, item, &pull, err);
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

/* What the provider holds, or (`item` NULL) a moment of its history. */
static int restore_held(struct kist_restore_job *job, void *restore, const struct kist_item *item,
                        struct kist_error *err)
{
    const struct kist_source *calls = &job->source->plugin->as.source;
    int code = kist_instance_result(job->source, calls->reference_restore(restore, item, err), err);
    if (!code)
        kist_progress_add_object(job->progress);
    return code;
}

static int restore_items(struct kist_restore_job *job, void *restore, struct kist_error *err)
{
    int code = job->options->at ? restore_held(job, restore, NULL, err) : 0;
    for (size_t i = 0; i < job->selection.count && !code; i++)
        code = job->selection.items[i]->reference ? restore_held(job, restore, &job->given[i], err)
                                                  : restore_item(job, restore, job->selection.items[i], err);
    kist_restore_filters_done(job);
    return code;
}

/* Only now the provider can tell how to get at what it made. That it does not is no failure of the restore. */
static void ask_again(struct kist_restore_job *job, void *restore)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    if ((job->options->at || first_item(job, 1)) &&
        kist_restore_place_ask(job->source, restore, &job->restored->place, &err))
        kist_log_at(KIST_LOG_WARNING, job->pipeline->name, &err);
}

static int apply(struct kist_restore_job *job, struct kist_error *err)
{
    void *restore = NULL;
    int code = begin(job, KIST_RESTORE_APPLY, &restore, err);
    if (code)
        return code;
    code = kist_restore_place_ask(job->source, restore, &job->restored->place, err);
    if (!code)
        code = restore_items(job, restore, err);
    if (!code)
        code = kist_restore_compare(job, restore, err);
    if (!code)
        ask_again(job, restore);
    job->source->plugin->as.source.restore_end(restore);
    return code;
}

static void forget_items(struct kist_restore_job *job)
{
    for (size_t i = 0; job->given && i < job->selection.count; i++)
        kist_feed_forget(&job->given[i]);
}

static int describe_items(struct kist_restore_job *job, struct kist_error *err)
{
    int code = 0;
    for (size_t i = 0; i < job->selection.count && !code; i++)
        code = kist_feed_describe(job->selection.items[i], &job->given[i], err);
    return code;
}

static int select_items(struct kist_restore_job *job, struct kist_error *err)
{
    int code = kist_selection_make(&job->found->manifest, job->options->include, job->options->include_count,
                                   &job->selection, err);
    if (code)
        return code;
    job->given = calloc(job->selection.count + 1, sizeof *job->given);
    return job->given ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
}

static int carry_out(struct kist_restore_job *job, struct kist_error *err)
{
    uint64_t expected = 0;
    for (size_t i = 0; i < job->selection.count; i++)
        expected += job->selection.items[i]->reference ? 0 : job->selection.items[i]->raw.size;
    /* What a provider holds does not pass through here: the source tells how far that is. */
    job->progress = first_item(job, 0) ? kist_progress_start(job->pipeline->name, job->options->quiet) : NULL;
    kist_progress_expect(job->progress, (int64_t)expected);
    kist_progress_expect_objects(job->progress, job->selection.count);
    int code = job->source ? apply(job, err) : restore_items(job, NULL, err);
    kist_progress_stop(job->progress);
    return code;
}

/* All that can be told without reading the backup or changing anything. */
static int plan(struct kist_restore_job *job, struct kist_error *err)
{
    int code = select_items(job, err);
    if (!code)
        code = job->options->output_dir ? check_output(job, err) : open_source(job, err);
    if (!code)
        code = kist_restore_can_decode(job, err);
    if (!code)
        code = kist_restore_ask_providers(job, err);
    if (!code)
        code = describe_items(job, err);
    if (!code && job->source)
        code = look(job, err);
    if (!code && job->options->planned)
        code = job->options->planned(job->options->arg, &job->restored->place, err);
    return code;
}

static int prove(struct kist_restore_job *job, struct kist_error *err)
{
    int code = kist_restore_prove(job, err);
    if (code || !job->options->bytes)
        return code;
    forget_items(job); /* more is known of them now */
    job->selection.raw_size = 0;
    for (size_t i = 0; i < job->selection.count; i++)
        job->selection.raw_size += job->selection.items[i]->raw.size;
    return describe_items(job, err);
}

int kist_restore_backup(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                        const struct kist_found *found, const struct kist_restore_options *options,
                        struct kist_restored *ret_restored, struct kist_error *err)
{
    *ret_restored = (struct kist_restored){0};
    struct kist_restore_job job = {
        .config = config, .pipeline = pipeline, .found = found, .options = options, .restored = ret_restored};
    int code = plan(&job, err);
    if (!code && !options->dry_run) {
        code = prove(&job, err);
        if (!code && options->ready)
            code = options->ready(options->arg, &ret_restored->place, err);
        if (!code)
            code = carry_out(&job, err);
    }
    if (!code) {
        ret_restored->items = job.selection.count;
        ret_restored->raw_size = job.selection.raw_size;
    }
    kist_instance_close(job.source);
    forget_items(&job);
    free(job.given);
    kist_selection_done(&job.selection);
    return code;
}

void kist_restored_done(struct kist_restored *restored)
{
    kist_comparison_done(&restored->counts);
    kist_restore_place_done(&restored->place);
    *restored = (struct kist_restored){0};
}
