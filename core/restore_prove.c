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
    return kist_selection_has(&job->selection, item) && !is_encrypted(job, item);
}

static int is_encrypted_and_meant(void *arg, const struct kist_manifest_item *item)
{
    const struct kist_restore_job *job = arg;
    return kist_selection_has(&job->selection, item) && is_encrypted(job, item);
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
