#include "provider.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

#define SOUND_KEPT 100 /* backups have a few references; a long list of them is not worth the search */

void kist_provider_init(struct kist_provider *provider, const struct kist_config_pipeline *pipeline,
                        const char *owner, struct kist_cancel *cancel)
{
    *provider = (struct kist_provider){.pipeline = pipeline, .owner = owner, .cancel = cancel};
    pthread_mutex_init(&provider->lock, NULL);
}

void kist_provider_done(struct kist_provider *provider)
{
    if (!provider->pipeline)
        return;
    kist_instance_close(provider->source);
    json_decref(provider->sound);
    pthread_mutex_destroy(&provider->lock);
    *provider = (struct kist_provider){.pipeline = NULL};
}

/* With the lock held. */
static int need_source(struct kist_provider *provider, struct kist_error *err)
{
    const struct kist_config_pipeline *pipeline = provider->pipeline;
    return provider->source
               ? 0
               : kist_source_open(pipeline->source, pipeline->name, provider->cancel, &provider->source, err);
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
    kist_fail(err, KIST_ERR_CONFIG,
              "'%s' is held by %s: only the source plugin '%s' can ask for it, [source %s] is '%s'", item->name,
              item->reference->as.provider, manifest->source_plugin, section->name, section->plugin->name);
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

static int has_lapsed(const struct kist_reference *reference)
{
    return reference->until_ms && reference->until_ms <= kist_time_now() * 1000;
}

/* What is gone, in words for a person; KIST_ERR_NOT_FOUND where that was to be expected. */
static int gone(const struct kist_reference *reference, struct kist_error *err)
{
    char until[KIST_TIME_LENGTH + 1];
    char *text = kist_reference_text(reference);
    int code = has_lapsed(reference) ? KIST_ERR_NOT_FOUND : KIST_ERR_CORRUPT;
    kist_error_clear(err);
    kist_fail(err, code, "the %s is gone", text ? text : reference->id);
    if (code == KIST_ERR_NOT_FOUND) {
        kist_time_text(reference->until_ms / 1000, until);
        kist_error_suffix(err, ": it was kept until %s", until);
    } else {
        kist_hint(err, "somebody removed it at the provider, or it expired there: run a new backup now");
    }
    free(text);
    return code;
}

static int look(struct kist_provider *provider, const struct kist_manifest *manifest,
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
            provider->source->plugin->as.source.reference_look(provider->source->self, &item->reference->as,
                                                               &backup, ignore_reference, NULL, err),
            err);
    pthread_mutex_unlock(&provider->lock);
    return code;
}

/* Whether the very same reference of the same backup was found sound before. Manifests are compared, and not only their ids:
 * those of two destinations need not be the same. */
static int is_sound(struct kist_provider *provider, const struct kist_manifest *manifest, const json_t *reference)
{
    int found = 0;
    pthread_mutex_lock(&provider->lock);
    if (strcmp(provider->sound_id, manifest->id) == 0)
        for (size_t i = 0; i < json_array_size(provider->sound) && !found; i++)
            found = json_equal(json_array_get(provider->sound, i), reference);
    pthread_mutex_unlock(&provider->lock);
    return found;
}

static void note_sound(struct kist_provider *provider, const struct kist_manifest *manifest, json_t *reference)
{
    pthread_mutex_lock(&provider->lock);
    if (strcmp(provider->sound_id, manifest->id) != 0 || !provider->sound) {
        json_decref(provider->sound);
        provider->sound = json_array();
        memcpy(provider->sound_id, manifest->id, sizeof provider->sound_id);
    }
    if (json_array_size(provider->sound) < SOUND_KEPT)
        json_array_append(provider->sound, reference);
    pthread_mutex_unlock(&provider->lock);
}

int kist_provider_look(struct kist_provider *provider, const struct kist_manifest *manifest,
                       const struct kist_manifest_item *item, struct kist_error *err)
{
    json_t *reference = kist_reference_json(&item->reference->as);
    if (is_sound(provider, manifest, reference)) {
        json_decref(reference);
        return 0;
    }
    int code = look(provider, manifest, item, err);
    if (!code)
        note_sound(provider, manifest, reference);
    json_decref(reference);
    if (code == KIST_ERR_NOT_FOUND && has_lapsed(&item->reference->as)) {
        kist_error_clear(err);
        return 0;
    }
    return code == KIST_ERR_NOT_FOUND ? gone(&item->reference->as, err) : code;
}

int kist_provider_need(struct kist_provider *provider, const struct kist_manifest *manifest,
                       const struct kist_manifest_item *item, struct kist_error *err)
{
    int code = look(provider, manifest, item, err);
    return code == KIST_ERR_NOT_FOUND ? gone(&item->reference->as, err) : code;
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
        code = kist_instance_result(provider->source,
                                    provider->source->plugin->as.source.reference_discard(
                                        provider->source->self, &item->reference->as, &backup, err),
                                    err);
    pthread_mutex_unlock(&provider->lock);
    return code;
}

int kist_provider_sweep(struct kist_provider *provider, const char *id, const char *owner, struct kist_error *err)
{
    struct kist_backup backup = backup_of(provider, id);
    backup.owner = owner ? owner : backup.owner;
    pthread_mutex_lock(&provider->lock);
    int code = need_source(provider, err);
    if (!code)
        code = kist_instance_result(
            provider->source,
            provider->source->plugin->as.source.backup_sweep(provider->source->self, &backup, err), err);
    pthread_mutex_unlock(&provider->lock);
    return code;
}
