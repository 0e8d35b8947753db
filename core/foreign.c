#include "foreign.h"
#include "foreign_layers.h"
#include "foreign_pass.h"
#include "key.h"

#include <stdlib.h>
#include <string.h>

/* ---- where it is ---- */

/* The [destination] that stands before the first ':', unless that belongs to a path. */
static const struct kist_config_section *destination_of(const struct kist_config_pipeline *pipeline,
                                                        const char *from)
{
    const struct kist_config_stores *stores = pipeline->source->stores;
    size_t length = strcspn(from, ":/");
    for (size_t i = 0; stores && from[length] == ':' && i < stores->count; i++)
        if (strlen(stores->items[i]->name) == length && strncmp(stores->items[i]->name, from, length) == 0)
            return stores->items[i];
    return NULL;
}

static int open_file(struct kist_foreign *foreign, const char *from, struct kist_error *err)
{
    if (strcmp(from, "-") == 0) {
        kist_fail(err, KIST_ERR_CONFIG,
                  "--from -: standard input comes only once, and what is restored is read twice");
        kist_hint(err, "write it into a file first; a file of that name is ./-");
        return KIST_ERR_CONFIG;
    }
    int code = kist_file_store_open(from, foreign->pipeline->name, foreign->options->cancel, &foreign->file,
                                    &foreign->store, err);
    size_t length = strcspn(from, ":/");
    if (code == KIST_ERR_NOT_FOUND && from[length] == ':')
        kist_hint(err, "it was taken for a file, since there is no [destination %.*s]", (int)length, from);
    return code;
}

/* Opens the store and names the object on it. */
static int open_store(struct kist_foreign *foreign, const char *from, const char **ret_key, struct kist_error *err)
{
    const struct kist_config_section *section = destination_of(foreign->pipeline, from);
    const char *key = section ? from + strlen(section->name) + 1 : NULL;
    if (section && kist_key_check(key, err)) {
        kist_error_prefix(err, "--from %s", from);
        err->code = KIST_ERR_CONFIG; /* what was typed, not what is stored */
        return err->code;
    }
    int code =
        section ? kist_store_open(section, foreign->pipeline->name, foreign->options->cancel, &foreign->store, err)
                : open_file(foreign, from, err);
    if (!code)
        *ret_key = section ? key : foreign->file.key;
    return code;
}

/* ---- the manifest that it has not ---- */

static int make_manifest(const struct kist_config_pipeline *pipeline, const char *key,
                         struct kist_manifest *manifest, struct kist_error *err)
{
    const struct kist_plugin *plugin = pipeline->source->plugin;
    const char *slash = strrchr(key, '/');
    struct kist_manifest_item *item = NULL;
    manifest->started = manifest->finished = kist_time_now();
    manifest->pipeline = strdup(pipeline->name);
    manifest->kist_version = strdup(KIST_VERSION);
    manifest->source_plugin = strdup(plugin->name);
    manifest->source_version = strdup(plugin->about.version ? plugin->about.version : "");
    int code = kist_manifest_add_item(manifest, &item, err);
    if (code)
        return code;
    item->key = strdup(key);
    item->name = kist_key_component(slash ? slash + 1 : key);
    if (!manifest->pipeline || !manifest->kist_version || !manifest->source_plugin || !manifest->source_version ||
        !item->key || !item->name)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    return 0;
}

/* ---- for the restore ---- */

static int prove(void *arg, struct kist_error *err)
{
    struct kist_foreign *foreign = arg;
    return kist_foreign_prove(foreign, err);
}

static int open_item(void *arg, const struct kist_manifest_item *item, struct kist_pull **ret_pull,
                     struct kist_error *err)
{
    const struct kist_foreign *foreign = arg;
    return kist_pull_open(foreign->store, item, foreign->filters, 1, ret_pull, err);
}

/* Before the work that reads it begins: a source that knows only what it made itself is said at once. */
static int check_source(const struct kist_foreign *foreign, struct kist_error *err)
{
    const struct kist_plugin *plugin = foreign->pipeline->source->plugin;
    const uint64_t features = kist_source_features(foreign->pipeline->source);
    if (foreign->options->output_dir || ((features & KIST_SOURCE_CHECKS) && !(features & KIST_SOURCE_OBJECTS)))
        return 0;
    kist_fail(err, KIST_ERR_UNSUPPORTED, "the source plugin '%s' takes back what it gave, and no other dump",
              plugin->name);
    kist_hint(err, "--output DIR writes it, decoded, as a file");
    return KIST_ERR_UNSUPPORTED;
}

int kist_foreign_open(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                      const char *from, int trusts_sql, struct kist_restore_options *options,
                      struct kist_foreign *ret_foreign, struct kist_error *err)
{
    const char *key = NULL;
    struct kist_foreign *foreign = ret_foreign;
    *foreign = (struct kist_foreign){.config = config, .pipeline = pipeline, .options = options};
    int code = check_source(foreign, err);
    if (!code)
        code = open_store(foreign, from, &key, err);
    if (!code)
        code = make_manifest(pipeline, key, &foreign->found.manifest, err);
    if (code)
        return code;
    struct kist_manifest_item *item = &foreign->found.manifest.items[0];
    code = kist_foreign_unwrap(config, pipeline, foreign->store, options->cancel, item, err);
    if (!code)
        code = kist_pull_filters_open(config, pipeline, item, options->cancel, &foreign->filters, err);
    if (code)
        return code;
    foreign->bytes = (struct kist_restore_bytes){.prove = prove, .open = open_item, .arg = foreign};
    options->bytes = &foreign->bytes;
    options->flags |= trusts_sql ? 0 : KIST_RESTORE_FOREIGN;
    return 0;
}

void kist_foreign_done(struct kist_foreign *foreign)
{
    if (foreign->filters)
        kist_pull_filters_close(foreign->filters, foreign->found.manifest.items[0].filter_count);
    foreign->filters = NULL;
    kist_found_done(&foreign->found);
    kist_store_close(foreign->store);
    foreign->store = NULL;
    kist_file_store_done(&foreign->file);
}
