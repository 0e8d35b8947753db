/* plugin.h - a loaded plugin as the core sees it, whatever version of the interface it was made for. */
#ifndef KIST_CORE_PLUGIN_H
#define KIST_CORE_PLUGIN_H

#include "error.h"
#include <kist/plugin.h>

/* A loaded plugin: its descriptor copied into the core's own layout, missing callbacks replaced by defaults. */
struct kist_plugin {
    uint32_t kind;    /* KIST_KIND_* */
    const char *name; /* as in `plugin = NAME` */
    const char *path; /* absolute path of its file */
    uint32_t abi_version;
    uint32_t option_size; /* stride of about.options as the plugin was compiled: see kist_plugin_option() */
    struct kist_plugin_about about;
    uint64_t features;
    union {
        struct kist_source source;
        struct kist_filter filter;
        struct kist_destination destination;
        struct kist_notifier notifier;
    } as;
};

/* Row `index` of the option table in the core's layout (newer fields of an older plugin are zero). 0 when past the end. */
int kist_plugin_option(const struct kist_plugin *plugin, size_t index, struct kist_option *ret_option);

/* "source", "filter", "destination", "notifier"; and back (0: no such kind). */
const char *kist_kind_name(uint32_t kind);
uint32_t kist_kind_of(const char *name);

#endif
