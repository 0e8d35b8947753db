/* config.h - the configuration as the rest of the program sees it: pipelines wired to opened-up sections. */
#ifndef KIST_CORE_CONFIG_H
#define KIST_CORE_CONFIG_H

#include "keep.h"
#include "registry.h"
#include "retry.h"
#include "schedule.h"

/* A section that configures a plugin: [source X], [filter X], [destination X], [notifier X]. */
struct kist_config_section {
    uint32_t kind;
    const char *name; /* X; for a filter used without a section, the plugin's name */
    const struct kist_plugin *plugin;
    void *config;                   /* the plugin's struct, filled; kept as long as the kist_config */
    const char *prefix;             /* destinations: normalised, without '/' at the ends; "" when none */
    struct kist_keep keep;          /* destinations: overrules that of the pipeline when set */
    uint32_t on;                    /* notifiers: 1u << KIST_EVENT_* for each kind it is told of */
    struct kist_retry_policy retry; /* destinations: of every call to the store; notifiers: deadline_ms alone */
    const struct kist_config_stores *stores;  /* that its plugin may open; NULL outside of a configuration */
    const struct kist_config_stores *sources; /* likewise */
    const char *file;                         /* where it stands, NULL for a filter without a section */
    int line;
};

/* Every [destination NAME], or every [source NAME], of a configuration. Among the sources are also those that one of them
 * may open without a section (`file` NULL): named like their plugin, which is NULL where it is not installed, as `config` is
 * where it does not go without a section. */
struct kist_config_stores {
    const struct kist_config_section **items;
    size_t count;
};

#define KIST_REQUIRE_ALL (-1)

/* How a backup is proved; each level includes those before it. */
enum kist_verify_level {
    KIST_VERIFY_NONE,
    KIST_VERIFY_SIZE,   /* every object exists with its size */
    KIST_VERIFY_HASH,   /* and every stored byte is right */
    KIST_VERIFY_DECODE, /* and it decodes to the bytes that were saved, which the source can read to their end */
    KIST_VERIFY_DRILL   /* and it can be restored, with all that was counted */
};

struct kist_config_pipeline {
    const char *name;
    const struct kist_config_section *source;
    const struct kist_config_section **filters;
    size_t filter_count;
    const struct kist_config_section **destinations;
    size_t destination_count;
    const struct kist_config_section **notifiers;
    size_t notifier_count;
    int require;                   /* how many destinations must hold the backup, or KIST_REQUIRE_ALL */
    const char *item_name;         /* `name =`, or NULL */
    struct kist_schedule schedule; /* kind KIST_SCHEDULE_NONE: runs when it is told to */
    int64_t max_age_ms;            /* of the last good backup, before it counts as stale; 0: from the schedule */
    int exclusive;                 /* no two hosts run it at a time: takes a lease on its destinations */
    struct kist_keep keep;         /* not set: everything stays */
    int min_keep;                  /* good backups that stay whatever `keep` says */
    int max_delete;                /* percent of the backups that one run may delete */
    size_t parallel;               /* items at a time; 0 counts as 1 */
    int reuse;                     /* what has not changed stays where the last good backup has it */
    enum kist_verify_level verify; /* of every new backup */
    enum kist_verify_level verify_every; /* of the newest one, when the last proof is older than this: */
    int64_t verify_every_ms;
    const kist_list *critical_tables; /* that must hold at least one row; NULL: none */
    uint64_t min_size;                /* bytes before filters, below which a backup is suspect; 0: none */
    int max_shrink;                   /* percent that it may be smaller than those before it; 0 and 100: any */
    const char *sign_key;             /* of the pipeline, else of [kist]; NULL: manifests are not signed */
    const char *file;
    int line;
};

struct kist_config {
    const struct kist_config_pipeline *pipelines; /* in the order of the files */
    size_t pipeline_count;
    const char *state_dir;           /* [kist] state, or NULL */
    int max_parallel;                /* pipelines that `run --due` and the daemon run at a time */
    struct kist_config_store *store; /* owns everything */
};

/* One mistake: "conf.d/shop.ini:12: [destination disk] paht: unknown key" with "did you mean 'path'?" as hint. */
struct kist_config_problem {
    char *message;
    char *hint; /* or NULL */
};

struct kist_config_problems {
    struct kist_config_problem *items;
    size_t count;
};

/* Reads all files, binds every section. With mistakes: KIST_ERR_CONFIG, all of them in `problems`, in file order, no
 * config. Without: 0. `extra_dirs` (from --plugin-dir) and [kist] plugin_dirs come before the own directory. */
int kist_config_load(const char *path, const char *const *extra_dirs, size_t extra_count,
                     struct kist_config **ret_config, struct kist_config_problems *problems,
                     struct kist_error *err) KIST_CHECKED;
/* For trying a plugin: the one section of the files at `path` that uses it, or its defaults where `path` is NULL. Other
 * sections and pipelines are not bound. `registry`, in which the plugin is loaded, is given. */
int kist_config_load_section(const char *path, struct kist_registry *registry, const struct kist_plugin *plugin,
                             struct kist_config **ret_config, const struct kist_config_section **ret_section,
                             struct kist_config_problems *problems, struct kist_error *err) KIST_CHECKED;
void kist_config_free(struct kist_config *config); /* overwrites secrets */
void kist_config_problems_done(struct kist_config_problems *problems);

struct kist_registry *kist_config_registry(const struct kist_config *config);

/* A filter plugin with its defaults, for an item that was made with one that its pipeline no longer names. Loads the
 * plugin if need be; the section lives as long as the config. */
int kist_config_default_filter(const struct kist_config *config, const char *plugin,
                               const struct kist_config_section **ret_section,
                               struct kist_error *err) KIST_CHECKED;

/* NULL when there is none. */
const struct kist_config_pipeline *kist_config_pipeline(const struct kist_config *config, const char *name);

/* The section [notifier NAME], whether a pipeline names it or not; NULL when there is none. */
const struct kist_config_section *kist_config_notifier(const struct kist_config *config, const char *name);

/* Expands ${NAME} and ${cred:NAME} as in a value of a file; for --to. Registers what came from them as secret. */
int kist_config_expand(const char *text, char **ret_text, struct kist_error *err) KIST_CHECKED;

/* For `config show`: the effective configuration with secrets as ***, in the form of a file. */
int kist_config_print(const struct kist_config *config, void *stream, struct kist_error *err) KIST_CHECKED;

#endif
