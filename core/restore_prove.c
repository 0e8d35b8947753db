#include "log.h"
#include "provider.h"
#include "restore_job.h"
#include "verify.h"

#include <string.h>

/* What was encrypted is decrypted to its end before a target is touched: only that proves the key, and that no byte was
 * put there by somebody without it. What is plain is proved by its hash. */
static int is_encrypted(const struct kist_restore_job *job, const struct kist_manifest_item *item)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    for (size_t i = 0; i < item->filter_count; i++) {
        const struct kist_plugin *plugin = NULL;
        /* One that cannot be loaded is told of by whoever decodes. */
        if (kist_registry_find(kist_config_registry(job->config), KIST_KIND_FILTER, item->filters[i].plugin,
                               &plugin, &err) ||
            (plugin->features & KIST_FILTER_ENCRYPTS))
            return 1;
    }
    return 0;
}

static int is_plain_and_meant(void *arg, const struct kist_manifest_item *item)
{
    const struct kist_restore_job *job = arg;
    return !item->reference && kist_selection_has(&job->selection, item) && !is_encrypted(job, item);
}

static int is_encrypted_and_meant(void *arg, const struct kist_manifest_item *item)
{
    const struct kist_restore_job *job = arg;
    return !item->reference && kist_selection_has(&job->selection, item) && is_encrypted(job, item);
}

static int can_decode_item(struct kist_restore_job *job, const struct kist_manifest_item *item,
                           struct kist_error *err)
{
    const struct kist_manifest_item *before = job->filters_of;
    int code = kist_restore_filters(job, item, err);
    if (code || job->filters_of == before)
        return code; /* these were asked */
    for (size_t i = 0; i < item->filter_count && !code; i++) {
        const struct kist_instance *filter = job->filters[i];
        code = kist_instance_result(filter, filter->plugin->as.filter.can_decode(filter->self, err), err);
    }
    return code;
}

int kist_restore_can_decode(struct kist_restore_job *job, struct kist_error *err)
{
    int code = 0;
    for (size_t i = 0; i < job->selection.count && !code; i++)
        if (!job->selection.items[i]->reference)
            code = can_decode_item(job, job->selection.items[i], err);
    kist_restore_filters_done(job);
    return code;
}

static int prove_with(struct kist_restore_job *job, enum kist_verify_level level,
                      int (*wants)(void *arg, const struct kist_manifest_item *item), struct kist_error *err)
{
    struct kist_verify verify = {.config = job->config,
                                 .pipeline = job->pipeline,
                                 .store = job->found->store,
                                 .manifest = &job->found->manifest,
                                 .level = level,
                                 .items_only = 1,
                                 .wants = wants,
                                 .arg = job,
                                 .cancel = job->options->cancel};
    return kist_verify_backup(&verify, err);
}

int kist_restore_prove(struct kist_restore_job *job, struct kist_error *err)
{
    const struct kist_restore_bytes *bytes = job->options->bytes;
    int code = bytes ? bytes->prove(bytes->arg, err) : prove_with(job, KIST_VERIFY_HASH, is_plain_and_meant, err);
    if (!code && !bytes)
        code = prove_with(job, KIST_VERIFY_DECODE, is_encrypted_and_meant, err);
    if (code == KIST_ERR_CORRUPT) {
        kist_error_prefix(err, "nothing was restored");
        if (!bytes)
            kist_hint(err, "try another destination with --destination, or an older backup");
    }
    return code;
}

/* ---- what a provider holds ---- */

static void leave_out(struct kist_restore_job *job, size_t at)
{
    struct kist_selection *selection = &job->selection;
    selection->raw_size -= selection->items[at]->raw.size;
    selection->count--;
    memmove(&selection->items[at], &selection->items[at + 1], (selection->count - at) * sizeof *selection->items);
}

/* One that was kept for a shorter time than its backup, and is gone, is no reason not to restore the others. */
static int ask_for(struct kist_restore_job *job, struct kist_provider *provider, size_t *at,
                   struct kist_error *err)
{
    const struct kist_manifest_item *item = job->selection.items[*at];
    int code = item->reference ? kist_provider_need(provider, &job->found->manifest, item, err) : 0;
    if (code == KIST_ERR_NOT_FOUND && job->selection.count > 1) {
        kist_log(KIST_LOG_WARNING, job->pipeline->name, "'%s' is left out: %s", item->name, kist_error_text(err));
        kist_error_clear(err);
        leave_out(job, *at);
        return 0;
    }
    (*at)++;
    return code;
}

int kist_restore_ask_providers(struct kist_restore_job *job, struct kist_error *err)
{
    struct kist_provider provider;
    int code = 0;
    if (!kist_manifest_has_references(&job->found->manifest))
        return 0;
    kist_provider_init(&provider, job->pipeline, NULL, job->options->cancel);
    for (size_t i = 0; i < job->selection.count && !code;)
        code = ask_for(job, &provider, &i, err);
    kist_provider_done(&provider);
    if (code != KIST_ERR_CORRUPT && code != KIST_ERR_NOT_FOUND)
        return code;
    kist_error_prefix(err, "nothing was restored");
    if (job->selection.count > 1)
        kist_hint(err, "--include restores another one of its items: `kist show %s/%s` lists them",
                  job->pipeline->name, job->found->manifest.id);
    else
        kist_hint(err, "`kist list %s` shows whether there is another backup%s", job->pipeline->name,
                  kist_source_features(job->pipeline->source) & KIST_SOURCE_HISTORY
                      ? "; --at TIME restores a moment of the provider's own history"
                      : "");
    return code;
}
