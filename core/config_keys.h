/* config_keys.h - the core's own keys: option tables like those of plugins. */
#ifndef KIST_CORE_CONFIG_KEYS_H
#define KIST_CORE_CONFIG_KEYS_H

#include "config_bind.h"

#define KIST_VERIFY_CHOICES "none|size|hash|decode|drill" /* in the order of enum kist_verify_level */

/* [kist] */
struct kist_global_keys {
    kist_list plugin_dirs;
    const char *state;
    kist_secret sign_key;
    int64_t max_parallel;
};

/* [pipeline NAME] */
struct kist_pipeline_keys {
    const char *source;
    kist_list filters;
    kist_list destinations;
    const char *require;
    kist_list notify;
    const char *name;
    const char *schedule;
    const char *timezone;
    kist_duration jitter;
    kist_duration max_age;
    kist_choice exclusive;
    const char *keep;
    int64_t min_keep;
    const char *max_delete;
    int64_t parallel;
    kist_switch reuse;
    kist_choice verify;
    const char *verify_every;
    kist_list critical_tables;
    kist_size min_size;
    const char *max_shrink;
    kist_secret sign_key;
};

/* [source NAME], [filter NAME], [destination NAME], [notifier NAME]; of the others, `on` in notifiers, all else in destinations only */
struct kist_section_keys {
    const char *plugin;
    const char *prefix;
    int64_t retries;
    kist_duration retry_delay;
    kist_duration deadline;
    const char *keep;
    kist_list on;
};

/* The keys that the core itself knows in sections of this type; the last row is followed by KIST_OPTION_END. */
struct kist_option_table kist_config_keys(const char *section_type);

#endif
