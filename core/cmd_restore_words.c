#include "cmd_restore.h"

/* The first of `names` that was given, or NULL. */
static const char *first_given(const struct kist_cli *cli, const char *const *names)
{
    for (; *names; names++)
        if (kist_cli_has(cli, *names))
            return *names;
    return NULL;
}

/* ---- words that exclude each other ---- */

/* What only a source knows that restores beside what lives, or in its place. */
static const char *const of_places[] = {"in-place", "confirm", "skip-safety-backup", NULL};
/* And what only one of databases does. */
static const char *const of_databases[] = {"swap",      "undo", "table",    "schema", "schema-only",
                                           "data-only", "jobs", "no-owner", "role",   "allow-old-client",
                                           NULL};
/* And what any source with a target does. */
static const char *const of_targets[] = {"to", "to-branch", "create", "clean", "at", "latest", NULL};
/* What makes no sense where nothing is restored, but only swapped. */
static const char *const of_restores[] = {
    "output", "include",     "create",    "in-place", "skip-safety-backup", "clean", "table",
    "schema", "schema-only", "data-only", "jobs",     "no-owner",           "role",  "allow-old-client",
    "from",   "destination", "at",        "latest",   "to-branch",          NULL};
/* What is said of a backup, and of no moment of a history. */
static const char *const of_backups[] = {"from", "include", "destination", "clean", NULL};
/* What a new branch is not. */
static const char *const of_old_targets[] = {"to",      "in-place",           "swap",   "undo", "clean",
                                             "confirm", "skip-safety-backup", "create", "from", NULL};

static enum kist_exit exclude(const struct kist_cli *cli, const char *option, const char *const *others)
{
    const char *other = kist_cli_has(cli, option) ? first_given(cli, others) : NULL;
    return other ? kist_cli_usage(cli, "--%s and --%s exclude each other", option, other) : KIST_EXIT_OK;
}

static enum kist_exit check_rows(const struct kist_cli *cli)
{
    static const struct {
        const char *option;
        const char *const *others;
    } rows[] = {{"output", of_targets},   {"output", of_places},        {"output", of_databases},
                {"at", of_backups},       {"at", of_databases},         {"latest", of_backups},
                {"latest", of_databases}, {"to-branch", of_old_targets}};
    enum kist_exit status = KIST_EXIT_OK;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && !status; i++)
        status = exclude(cli, rows[i].option, rows[i].others);
    return status;
}

enum kist_exit kist_restore_check_pairs(const struct kist_cli *cli)
{
    static const char *const pairs[][2] = {
        {"swap", "undo"},      {"swap", "in-place"},    {"swap", "table"},
        {"swap", "schema"},    {"swap", "schema-only"}, {"swap", "include"},
        {"swap", "data-only"}, {"clean", "in-place"},   {"schema-only", "data-only"},
        {"from", "include"},   {"from", "destination"}, {"at", "latest"}};
    enum kist_exit status = check_rows(cli);
    if (status)
        return status;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (kist_cli_has(cli, pairs[i][0]) && kist_cli_has(cli, pairs[i][1]))
            return kist_cli_usage(cli, "--%s and --%s exclude each other", pairs[i][0], pairs[i][1]);
    int swap_only = kist_cli_has(cli, "undo") || (kist_cli_has(cli, "swap") && kist_cli_has(cli, "confirm"));
    const char *other = swap_only ? first_given(cli, of_restores) : NULL;
    if (other)
        return kist_cli_usage(cli, "--%s restores nothing: no --%s with it",
                              kist_cli_has(cli, "undo") ? "undo" : "swap --confirm", other);
    if (kist_cli_has(cli, "undo") && kist_cli_has(cli, "confirm"))
        return kist_cli_usage(cli, "--undo and --confirm exclude each other");
    if (kist_cli_has(cli, "trust-sql") && !kist_cli_has(cli, "from"))
        return kist_cli_usage(cli, "--trust-sql belongs to --from");
    if (!swap_only && !kist_cli_has(cli, "in-place") &&
        (kist_cli_has(cli, "confirm") || kist_cli_has(cli, "skip-safety-backup")))
        return kist_cli_usage(cli, "--confirm and --skip-safety-backup belong to --in-place");
    return KIST_EXIT_OK;
}

/* ---- once the source is known ---- */

/* The first option that was given and that a source with these features does not know, or NULL. */
static const char *first_unknown(const struct kist_cli *cli, uint64_t features)
{
    static const char *const of_histories[] = {"at", "latest", NULL};
    static const char *const of_branches[] = {"to-branch", NULL};
    const char *option = NULL;
    if (!(features & KIST_SOURCE_HISTORY))
        option = first_given(cli, of_histories);
    /* A moment of the history becomes a branch, whatever backups are. */
    if (!option && !(features & KIST_SOURCE_REPLACES) && !first_given(cli, of_histories))
        option = first_given(cli, of_branches);
    if (!option && !(features & (KIST_SOURCE_SWAPS | KIST_SOURCE_REPLACES)))
        option = first_given(cli, of_places);
    if (!option && !(features & KIST_SOURCE_SWAPS))
        option = first_given(cli, of_databases);
    return option;
}

enum kist_exit kist_restore_check_source(const struct kist_restore_command *command)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_config_section *section = command->pipeline->source;
    const uint64_t features = kist_source_features(section);
    const char *option = first_unknown(command->cli, features);
    if (option && section->plugin->features == features)
        return kist_cli_usage(command->cli, "the source plugin '%s' knows no --%s", section->plugin->name, option);
    if (option) {
        kist_fail(&err, KIST_ERR_CONFIG, "the source plugin '%s' knows no --%s as it is configured",
                  section->plugin->name, option);
        kist_hint(&err, "`man kist-%s` tells what the settings of [source %s] have to do with it",
                  section->plugin->name, section->name);
        return kist_cli_fail(&err);
    }
    if (!kist_cli_has(command->cli, "clean") || !(features & (KIST_SOURCE_SWAPS | KIST_SOURCE_REPLACES)))
        return KIST_EXIT_OK;
    kist_fail(&err, KIST_ERR_REFUSED, "the source plugin '%s' does not replace piece by piece (--clean)",
              section->plugin->name);
    kist_hint(&err, "without it, what is restored goes beside what is there; --in-place replaces it as a whole");
    return kist_cli_fail(&err);
}
