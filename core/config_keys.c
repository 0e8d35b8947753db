#include "config_keys.h"

#include <string.h>

static const struct kist_option global_keys[] = {
    KIST_OPTION(struct kist_global_keys, plugin_dirs,
                .help = "directories searched for plugins before kist's own, as absolute paths"),
    KIST_OPTION(
        struct kist_global_keys, state,
        .help = "directory of locks and run history; the default is /var/lib/kist, or below the home directory"),
    KIST_OPTION(struct kist_global_keys, sign_key,
                .help = "signs the manifests of all pipelines; one without this signature is refused"),
    KIST_OPTION(struct kist_global_keys, max_parallel, .def = "2", KIST_RANGE(1, 64),
                .help = "how many pipelines `kist run --due` and `kist daemon` run at a time"),
    KIST_OPTION_END,
};

static const struct kist_option pipeline_keys[] = {
    KIST_OPTION(struct kist_pipeline_keys, source, .flags = KIST_OPTION_REQUIRED,
                .help = "name of the [source NAME] that is backed up"),
    KIST_OPTION(
        struct kist_pipeline_keys, filters,
        .help = "what the data goes through, in this order: names of [filter NAME] sections, or filter plugins "
                "with their defaults"),
    KIST_OPTION(struct kist_pipeline_keys, destinations, .flags = KIST_OPTION_REQUIRED,
                .help = "names of the [destination NAME] sections that each get a copy"),
    KIST_OPTION(struct kist_pipeline_keys, require, .def = "all",
                .help = "how many destinations must hold the backup for it to count: all, any, or a number"),
    KIST_OPTION(struct kist_pipeline_keys, notify,
                .help = "names of the [notifier NAME] sections that are told about the outcome"),
    KIST_OPTION(struct kist_pipeline_keys, name,
                .help =
                    "file name of an item; {pipeline}, {id}, {time}, {date}, {database} and {item} are replaced"),
    KIST_OPTION(struct kist_pipeline_keys, schedule,
                .help = "when it runs: five fields as in cron, @daily and the like, or 'every 6h'"),
    KIST_OPTION(struct kist_pipeline_keys, timezone, .def = "UTC",
                .help = "the clock that schedule and keep go by: a name such as Europe/Berlin"),
    KIST_OPTION(struct kist_pipeline_keys, jitter, .def = "0s", KIST_RANGE(0, 7 * 86400000LL),
                .help = "starts up to this much later, always by the same share for one pipeline"),
    KIST_OPTION(struct kist_pipeline_keys, max_age,
                .help = "a last good backup that is older makes the pipeline stale; the default comes from schedule"),
    KIST_OPTION(struct kist_pipeline_keys, exclusive, .def = "auto", .choices = "auto|no|yes",
                .help = "one host at a time: each run takes a lease on the destinations; auto: where there is a "
                        "schedule"),
    KIST_OPTION(struct kist_pipeline_keys, parallel, .def = "4", KIST_RANGE(1, 64),
                .help = "how many items are copied at a time, when the source has more than one"),
    KIST_OPTION(
        struct kist_pipeline_keys, reuse, .def = "yes",
        .help = "what has not changed since the last good backup is not copied again, where the source can tell"),
    KIST_OPTION(struct kist_pipeline_keys, verify, .def = "none", .choices = KIST_VERIFY_CHOICES,
                .help = "how each new backup is proved before the run counts as good"),
    KIST_OPTION(struct kist_pipeline_keys, verify_every,
                .help = "how often the newest backup is proved after a run, and how: '7d drill'"),
    KIST_OPTION(struct kist_pipeline_keys, critical_tables,
                .help = "tables that a good backup has, with at least one row: 'public.orders'"),
    KIST_OPTION(struct kist_pipeline_keys, min_size,
                .help = "a backup with fewer bytes, before filters, is suspect"),
    KIST_OPTION(
        struct kist_pipeline_keys, max_shrink, .def = "50%",
        .help = "a backup that is smaller than the median of the last five by more than this is suspect, in bytes "
                "or rows; 100% turns it off"),
    KIST_OPTION(struct kist_pipeline_keys, sign_key,
                .help = "signs the manifests; one without this signature is refused (that of [kist])"),
    KIST_OPTION(struct kist_pipeline_keys, keep,
                .help = "which backups stay: '7 daily, 4 weekly, 12 monthly', '30 days', '10 last'; without it, all"),
    KIST_OPTION(struct kist_pipeline_keys, min_keep, .def = "2", KIST_RANGE(1, 1000000),
                .help = "this many good backups stay whatever keep says"),
    KIST_OPTION(struct kist_pipeline_keys, max_delete, .def = "50%",
                .help = "a run that would delete more of the backups of a destination than this deletes none"),
    KIST_OPTION_END,
};

#define PLUGIN_KEY                                                                                                \
    KIST_OPTION(struct kist_section_keys, plugin, .flags = KIST_OPTION_REQUIRED,                                  \
                .help = "name of the plugin; 'kist plugin list' shows them")

static const struct kist_option section_keys[] = {
    PLUGIN_KEY,
    KIST_OPTION_END,
};

static const struct kist_option notifier_keys[] = {
    PLUGIN_KEY,
    KIST_OPTION(struct kist_section_keys, on,
                .def = "start, success, degraded, failure, recovery, overdue, suspect",
                .help = "the events it is told of; start is for plugins that pair it with the end of a run"),
    KIST_OPTION(struct kist_section_keys, deadline, .def = "30s", KIST_RANGE(1000, 120000),
                .help = "how long it may take to tell it, over all tries, before it is given up"),
    KIST_OPTION_END,
};

static const struct kist_option destination_keys[] = {
    PLUGIN_KEY,
    KIST_OPTION(struct kist_section_keys, prefix, .def = "",
                .help = "folder in the store below which everything lies"),
    KIST_OPTION(struct kist_section_keys, retries, .def = "5", KIST_RANGE(0, 20),
                .help = "how often a call to the store that fails in passing is made again"),
    KIST_OPTION(struct kist_section_keys, retry_delay, .def = "500ms", KIST_RANGE(1, 3600000),
                .help = "the longest wait before the first of them; it doubles with each, up to 20s"),
    KIST_OPTION(struct kist_section_keys, deadline, .def = "5m", KIST_RANGE(1000, 7 * 86400000LL),
                .help =
                    "how long a call may be tried, and how long the store may take no data, before it is given "
                    "up"),
    KIST_OPTION(struct kist_section_keys, keep,
                .help = "which backups stay on this destination, instead of the pipeline's keep"),
    KIST_OPTION_END,
};

#define TABLE(keys, type)                                                                                         \
    ((struct kist_option_table){.rows = (keys), .count = sizeof(keys) / sizeof *(keys)-1, .size = sizeof(type)})

struct kist_option_table kist_config_keys(const char *section_type)
{
    if (strcmp(section_type, "kist") == 0)
        return TABLE(global_keys, struct kist_global_keys);
    if (strcmp(section_type, "pipeline") == 0)
        return TABLE(pipeline_keys, struct kist_pipeline_keys);
    if (strcmp(section_type, "destination") == 0)
        return TABLE(destination_keys, struct kist_section_keys);
    if (strcmp(section_type, "notifier") == 0)
        return TABLE(notifier_keys, struct kist_section_keys);
    return TABLE(section_keys, struct kist_section_keys);
}
