#include "provider.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

void kist_provider_init(struct kist_provider *provider, const struct kist_config_pipeline *pipeline, const char *owner,
                        struct kist_cancel *cancel)
{
    *provider = (struct kist_provider){.pipeline = pipeline, .owner = owner, .cancel = cancel};
    pthread_mutex_init(&provider->lock, NULL);
}

void kist_provider_done(struct kist_provider *provider)
{
    if (!provider->pipeline)
        return;
    kist_instance_close(provider->source);
    pthread_mutex_destroy(&provider->lock);
    *provider = (struct kist_provider){.pipeline = NULL};
}

/* With the lock held. */
static int need_source(struct kist_provider *provider, struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = provider->pipeline;
    return provider->source ? 0
                            : kist_source_open(pipeline->source, pipeline->name, provider->cancel,
                                               &provider->source, err);
}

static struct kist_backup backup_of(const struct kist_provider *provider, const char *id)
{
    return (struct kist_backup){.struct_size = sizeof(struct kist_backup),
                                .pipeline = provider->pipeline->name,
                                .id = id,
                                .owner = provider->owner ? provider->owner : ""};
}

/* Whatever a source is asked to look at or delete, another one has made. */
static int check_maker(const struct kist_provider *provider, const struct kist_manifest *manifest,
                       const struct kist_manifest_item *item, struct kist_error *err)
{
    const struct kist_config_section *section = provider->pipeline->source;
    if (strcmp(section->plugin->name, manifest->source_plugin) == 0 &&
        (section->plugin->features & KIST_SOURCE_REFERENCES))
        return 0;
    kist_fail(err, KIST_ERR_CONFIG, "'%s' is held by %s: only the source plugin '%s' can ask for it, [source %s] is '%s'",
              item->name, item->reference->as.provider, manifest->source_plugin, section->name,
              section->plugin->name);
    kist_hint(err, "give the pipeline a source of that plugin again, or look after it at the provider");
    return KIST_ERR_CONFIG;
}

static int ignore_reference(void *arg, const struct kist_reference *reference)
{
    (void)arg;
    (void)reference;
    return 0;
}

/* ---- asking ---- */

/* What the look came to, as a verdict on the backup. */
static int judge(const struct kist_reference *reference, int code, struct kist_error *err)
{
    if (code != KIST_ERR_NOT_FOUND)
        return code;
    int lapsed = reference->until_ms && reference->until_ms <= kist_time_now() * 1000;
    kist_error_clear(err);
    if (lapsed)
        return 0;
    char *text = kist_reference_text(reference);
    kist_fail(err, KIST_ERR_CORRUPT, "the %s is gone", text ? text : reference->id);
    kist_hint(err, "somebody removed it at the provider, or it expired there: run a new backup now");
    free(text);
    return KIST_ERR_CORRUPT;
}

int kist_provider_look(struct kist_provider *provider, const struct kist_manifest *manifest,
                       const struct kist_manifest_item *item, struct kist_error *err)
{
    const struct kist_reference *reference = &item->reference->as;
    const struct kist_backup backup = backup_of(provider, manifest->id);
    int code = check_maker(provider, manifest, item, err);
    if (code)
        return code;
    pthread_mutex_lock(&provider->lock);
    code = need_source(provider, err);
    if (!code)
        code = judge(reference,
                     kist_instance_result(provider->source,
                                          provider->source->plugin->as.source.reference_look(
                                              provider->source->self, reference, &backup, ignore_reference, NULL, err),
                                          err),
                     err);
    pthread_mutex_unlock(&provider->lock);
    return code;
}

/* ---- deleting ---- */

int kist_provider_discard(struct kist_provider *provider, const struct kist_manifest *manifest,
                          const struct kist_manifest_item *item, struct kist_error *err)
{
    const struct kist_backup backup = backup_of(provider, manifest->id);
    int code = check_maker(provider, manifest, item, err);
    if (code)
        return code;
    pthread_mutex_lock(&provider->lock);
    code = need_source(provider, err);
    if (!code)
        code = kist_instance_result(
            provider->source,
            provider->source->plugin->as.source.reference_discard(provider->source->self, &item->reference->as,
                                                                  &backup, err),
            err);
    pthread_mutex_unlock(&provider->lock);
    return code;
}

int kist_provider_sweep(struct kist_provider *provider, const char *id, struct kist_error *err)
{
    const struct kist_backup backup = backup_of(provider, id);
    pthread_mutex_lock(&provider->lock);
    int code = need_source(provider, err);
    if (!code)
        code = kist_instance_result(
            provider->source,
            provider->source->plugin->as.source.backup_sweep(provider->source->self, &backup, err), err);
    pthread_mutex_unlock(&provider->lock);
    return code;
}
