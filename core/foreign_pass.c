#include "foreign_pass.h"
#include "feed.h"
#include "source_access.h"

#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)1 << 20)

struct pass {
    struct kist_foreign *foreign;
    struct kist_manifest_item *item;
    struct kist_instance *source; /* NULL: nobody is asked what it is */
    struct kist_progress *progress;
};

/* To the end, for the hashes alone. */
static int drain(const struct pass *pass, struct kist_pull *pull, struct kist_error *err)
{
    const struct kist_cancel *cancel = pass->foreign->options->cancel;
    unsigned char *memory = malloc(PIECE);
    size_t size = 1;
    int code = memory ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    while (!code && size > 0) {
        code = kist_cancel_is_set(cancel) ? kist_fail(err, KIST_ERR_CANCELLED, "stopped by a signal")
                                          : kist_pull_read(pull, memory, PIECE, &size, err);
        if (!code)
            kist_progress_add_raw(pass->progress, size);
    }
    free(memory);
    return code;
}

static int feed(const struct pass *pass, struct kist_pull *pull, struct kist_error *err)
{
    struct kist_instance *source = pass->source;
    const struct kist_source *plugin = &source->plugin->as.source;
    const struct kist_restore request = {.struct_size = sizeof request,
                                         .mode = KIST_RESTORE_CHECK,
                                         .flags = pass->foreign->options->flags & KIST_RESTORE_FOREIGN};
    void *restore = NULL;
    int code = kist_instance_result(source, plugin->restore_begin(source->self, &request, &restore, err), err);
    if (code)
        return code;
    code = kist_feed_item(source, restore, pull, pass->item, pass->progress, err);
    plugin->restore_end(restore);
    return code;
}

/* Through all layers, and into the source's check if `checks`; gives what it came to. */
static int read_through(const struct pass *pass, int checks, struct kist_digest *ret_stored,
                        struct kist_digest *ret_raw, struct kist_error *err)
{
    struct kist_pull *pull = NULL;
    int code = kist_pull_measure(pass->foreign->store, pass->item, pass->foreign->filters, &pull, err);
    if (!code)
        code = checks ? feed(pass, pull, err) : drain(pass, pull, err);
    if (!code)
        kist_pull_measured(pull, ret_stored, ret_raw);
    kist_pull_close(pull);
    return code;
}

/* Whether a manifest of the pipeline names these very bytes: then they are what kist has saved. */
static int is_of_a_backup(const struct kist_foreign *foreign, const struct kist_digest *raw)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_listing listing = {.pipeline = NULL};
    int known = 0;
    /* Where nobody can be asked, nobody vouches for it, which is what is going to be said. */
    if (kist_listing_read(foreign->pipeline, NULL, KIST_LISTING_MANIFESTS, foreign->options->cancel, &listing,
                          &err))
        return 0;
    for (size_t i = 0; i < listing.row_count && !known; i++) {
        const struct kist_manifest *manifest = &listing.rows[i].manifest;
        for (size_t j = 0; j < manifest->item_count && !known; j++)
            known = manifest->items[j].raw.size == raw->size &&
                    strcmp(manifest->items[j].raw.sha256, raw->sha256) == 0;
    }
    kist_listing_done(&listing);
    return known;
}

/* What the source does not take from a stranger is hashed, and goes to it again if a manifest knows it. */
static int vouch(const struct pass *pass, struct kist_digest *ret_stored, struct kist_digest *ret_raw,
                 struct kist_error *err)
{
    KIST_CLEANUP_ERROR struct kist_error refusal = KIST_ERROR_INIT;
    struct kist_digest stored, raw;
    kist_error_move(&refusal, err);
    int code = read_through(pass, 0, &stored, &raw, err);
    if (code)
        return code;
    if (!is_of_a_backup(pass->foreign, &raw))
        return kist_error_move(err, &refusal);
    pass->foreign->options->flags &= ~KIST_RESTORE_FOREIGN;
    code = read_through(pass, 1, ret_stored, ret_raw, err);
    if (!code && strcmp(raw.sha256, ret_raw->sha256) != 0)
        code = kist_fail(err, KIST_ERR_CORRUPT, "%s: '%s' changed while it was read",
                         kist_store_name(pass->foreign->store), pass->item->key);
    return code;
}

static int read_and_settle(const struct pass *pass, struct kist_error *err)
{
    struct kist_digest stored, raw;
    int code = read_through(pass, pass->source != NULL, &stored, &raw, err);
    if (code == KIST_ERR_REFUSED && (pass->foreign->options->flags & KIST_RESTORE_FOREIGN))
        code = vouch(pass, &stored, &raw, err);
    if (code)
        return code;
    pass->item->stored = stored;
    pass->item->raw = raw;
    return 0;
}

int kist_foreign_prove(struct kist_foreign *foreign, struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = foreign->pipeline;
    const struct kist_restore_options *options = foreign->options;
    struct pass pass = {.foreign = foreign, .item = &foreign->found.manifest.items[0]};
    int64_t size = 0;
    int code = kist_store_size(foreign->store, pass.item->key, &size, err);
    if (!code && !options->output_dir)
        code = kist_source_open(pipeline->source, pipeline->name, options->cancel, &pass.source, err);
    if (code)
        return code;
    pass.progress = kist_progress_start(pipeline->name, options->quiet);
    /* Nobody knows how much a layer hides. */
    kist_progress_expect(pass.progress, pass.item->filter_count ? 0 : size);
    code = read_and_settle(&pass, err);
    kist_progress_stop(pass.progress);
    kist_instance_close(pass.source);
    return code;
}
