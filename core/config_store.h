/* config_store.h - what a configuration owns; shared by the files that build and print it, nobody else. */
#ifndef KIST_CORE_CONFIG_STORE_H
#define KIST_CORE_CONFIG_STORE_H

#include "config_keys.h"

/* A section that configures a plugin, with what its tables filled. `shown` is what the rest of the program sees.
 */
struct kist_bound_section {
    struct kist_config_section shown;
    struct kist_section_keys keys;
    struct kist_option_table table;  /* of the plugin; empty while the plugin is unknown */
    struct kist_bound_section *next; /* of the filters without a section */
};

struct kist_bound_pipeline {
    struct kist_config_pipeline shown;
    struct kist_pipeline_keys keys;
};

struct kist_config_store {
    struct kist_vault vault; /* everything but the registry lives here */
    struct kist_ini ini;
    struct kist_registry *registry;
    struct kist_global_keys keys;
    struct kist_config_stores stores;
    struct kist_config_stores
        sources; /* then those that a source may open without a section, see config_sources.c */
    struct kist_bound_section *bare_filters; /* used by name of their plugin, newest first */
    struct kist_problem_list problems;       /* while it is built */
};

/* Binds a section that configures a plugin; sets section->bound. */
void kist_section_bind(struct kist_config_store *store, struct kist_ini_section *section);

/* The filter plugin `name` with its defaults, bound once. NULL when it cannot be used that way: the reason is
 * reported at `place`. */
struct kist_bound_section *kist_section_bare_filter(struct kist_config_store *store, const char *name,
                                                    const struct kist_config_place *place);

/* What sources may open of each other: collects them, and checks what their options name. All of them are bound by then. */
void kist_sources_link(struct kist_config_store *store);

/* Binds a pipeline and resolves its references. All other sections are bound by then. */
void kist_pipeline_bind(struct kist_config_store *store, struct kist_ini_section *section,
                        struct kist_bound_pipeline *pipeline);

#endif
