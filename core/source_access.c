#include "source_access.h"
#include "store_access.h"
#include "suggest.h"

#include <stdlib.h>
#include <string.h>

/* The section of that name, else NULL. Those without a file are no sections. */
static const struct kist_config_section *find_named(const struct kist_config_stores *sources, const char *name)
{
    for (size_t i = 0; sources && i < sources->count; i++)
        if (sources->items[i]->file && strcmp(sources->items[i]->name, name) == 0)
            return sources->items[i];
    return NULL;
}

static const char *suggest(const struct kist_config_stores *sources, const char *plugin, const char *name)
{
    const size_t count = sources ? sources->count : 0;
    const char **names = calloc(count + 1, sizeof *names);
    size_t found = 0;
    for (size_t i = 0; names && i < count; i++)
        if (sources->items[i]->file && sources->items[i]->plugin &&
            strcmp(sources->items[i]->plugin->name, plugin) == 0)
            names[found++] = sources->items[i]->name;
    const char *meant = names ? kist_suggest(name, names, found) : NULL;
    free(names);
    return meant;
}

static int no_section(const struct kist_config_stores *sources, const char *plugin, const char *name,
                      struct kist_error *err)
{
    const char *meant = suggest(sources, plugin, name);
    kist_fail(err, KIST_ERR_CONFIG, "there is no [source %s]", name);
    if (meant)
        kist_hint(err, "did you mean '%s'?", meant);
    else
        kist_hint(err, "add a section [source %s] with 'plugin = %s'", name, plugin);
    return err->code;
}

static int other_plugin(const struct kist_config_section *section, const char *plugin, struct kist_error *err)
{
    kist_fail(err, KIST_ERR_CONFIG, "[source %s] is of the plugin '%s', not of '%s'", section->name,
              section->plugin ? section->plugin->name : "?", plugin);
    kist_hint(err, "name a [source ...] that has 'plugin = %s'", plugin);
    return err->code;
}

/* The plugin as it comes; the configuration has loaded it for an option that names none. */
static int find_bare(const struct kist_config_stores *sources, const char *plugin,
                     const struct kist_config_section **ret_section, struct kist_error *err)
{
    const struct kist_config_section *bare = NULL;
    for (size_t i = 0; sources && i < sources->count; i++)
        if (!sources->items[i]->file && strcmp(sources->items[i]->name, plugin) == 0)
            bare = sources->items[i];
    if (!bare || !bare->plugin) {
        kist_fail(err, KIST_ERR_CONFIG, "the source plugin '%s' is not installed", plugin);
        kist_hint(err, "install it; 'kist plugin list' shows which ones are there, and why one cannot be used");
    } else if (!bare->config) {
        kist_fail(err, KIST_ERR_CONFIG, "the source plugin '%s' cannot be used without a section of its own",
                  plugin);
        kist_hint(err, "add a section [source NAME] with 'plugin = %s', and name it", plugin);
    } else {
        *ret_section = bare;
        return 0;
    }
    return err->code;
}

static int find(const struct kist_config_stores *sources, const char *plugin, const char *name,
                const struct kist_config_section **ret_section, struct kist_error *err)
{
    if (!name)
        return find_bare(sources, plugin, ret_section, err);
    const struct kist_config_section *section = find_named(sources, name);
    if (!section)
        return no_section(sources, plugin, name, err);
    if (!section->plugin || strcmp(section->plugin->name, plugin) != 0)
        return other_plugin(section, plugin, err);
    *ret_section = section;
    return 0;
}

static int no_further(const struct kist_host *host, const char *plugin, const char *name,
                      const struct kist_source **ret_calls, void **ret_self, struct kist_error *err)
{
    (void)host;
    (void)name;
    (void)ret_calls;
    (void)ret_self;
    return kist_fail(err, KIST_ERR_UNSUPPORTED,
                     "cannot open a source of '%s': a source that was opened by another one opens no further one",
                     plugin);
}

int kist_source_access(const struct kist_host *host, const char *plugin, const char *name,
                       const struct kist_source **ret_calls, void **ret_self, struct kist_error *err)
{
    static const struct kist_openers openers = {.store = kist_store_access, .source = no_further};
    struct kist_instance *instance = (struct kist_instance *)host;
    const struct kist_config_section *section = NULL;
    int code = find(instance->section->sources, plugin, name, &section, err);
    return code ? code : kist_instance_open_below(instance, section, &openers, ret_calls, ret_self, err);
}

int kist_source_open(const struct kist_config_section *section, const char *pipeline, struct kist_cancel *cancel,
                     struct kist_instance **ret_instance, struct kist_error *err)
{
    static const struct kist_openers openers = {.store = kist_store_access, .source = kist_source_access};
    return kist_instance_open_with(section, pipeline, cancel, &openers, ret_instance, err);
}
