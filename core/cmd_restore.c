#include "cmd_restore.h"
#include "commands.h"
#include "key.h"
#include "log.h"
#include "state.h"
#include "units.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>

/* ---- words that exclude each other ---- */

/* The first of `names` that was given, or NULL. */
static const char *first_given(const struct kist_cli *cli, const char *const *names)
{
    for (; *names; names++)
        if (kist_cli_has(cli, *names))
            return *names;
    return NULL;
}

/* What only a source of databases knows. */
static const char *const of_databases[] = {"swap",
                                           "undo",
                                           "in-place",
                                           "confirm",
                                           "table",
                                           "schema",
                                           "schema-only",
                                           "data-only",
                                           "jobs",
                                           "no-owner",
                                           "role",
                                           "skip-safety-backup",
                                           "allow-old-client",
                                           NULL};
/* And what any source with a target does. */
static const char *const of_targets[] = {"to", "create", "clean", NULL};
/* What makes no sense where nothing is restored, but only swapped. */
static const char *const of_restores[] = {
    "output", "include",     "create",    "in-place", "skip-safety-backup", "clean", "table",
    "schema", "schema-only", "data-only", "jobs",     "no-owner",           "role",  "allow-old-client",
    "from",   "destination", NULL};

static enum kist_exit check_pairs(const struct kist_cli *cli)
{
    static const char *const pairs[][2] = {
        {"swap", "undo"},      {"swap", "in-place"},    {"swap", "table"},
        {"swap", "schema"},    {"swap", "schema-only"}, {"swap", "include"},
        {"swap", "data-only"}, {"clean", "in-place"},   {"schema-only", "data-only"},
        {"from", "include"},   {"from", "destination"}};
    const char *output = kist_cli_value(cli, "output"), *other = output ? first_given(cli, of_targets) : NULL;
    if (output && !other)
        other = first_given(cli, of_databases);
    if (other)
        return kist_cli_usage(cli, "--output and --%s exclude each other", other);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (kist_cli_has(cli, pairs[i][0]) && kist_cli_has(cli, pairs[i][1]))
            return kist_cli_usage(cli, "--%s and --%s exclude each other", pairs[i][0], pairs[i][1]);
    int swap_only = kist_cli_has(cli, "undo") || (kist_cli_has(cli, "swap") && kist_cli_has(cli, "confirm"));
    if (swap_only && (other = first_given(cli, of_restores)))
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

/* Once the source is known. */
static enum kist_exit check_source(const struct kist_restore_command *command)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_plugin *plugin = command->pipeline->source->plugin;
    const char *option = first_given(command->cli, of_databases);
    if (!(kist_source_features(command->pipeline->source) & KIST_SOURCE_SWAPS))
        return option ? kist_cli_usage(command->cli, "the source plugin '%s' knows no --%s", plugin->name, option)
                      : KIST_EXIT_OK;
    if (!kist_cli_has(command->cli, "clean"))
        return KIST_EXIT_OK;
    kist_fail(&err, KIST_ERR_REFUSED, "the source plugin '%s' does not replace piece by piece (--clean)",
              plugin->name);
    kist_hint(&err, "without it, what is restored goes beside what is there; --in-place replaces it as a whole");
    return kist_cli_fail(&err);
}

/* ---- words ---- */

/* The values of an option that may be repeated, borrowed, in a new array that ends with NULL. */
static const char **read_list(const struct kist_cli *cli, const char *option, size_t *ret_count)
{
    size_t count = 0;
    while (kist_cli_value_at(cli, option, count))
        count++;
    const char **values = calloc(count + 1, sizeof *values);
    for (size_t i = 0; values && i < count; i++)
        values[i] = kist_cli_value_at(cli, option, i);
    *ret_count = count;
    return values;
}

/* The lists and texts that belong to the options. */
struct words {
    char *target;
    const char **include, **tables, **schemas;
};

static enum kist_exit read_lists(const struct kist_cli *cli, struct kist_restore_options *options,
                                 struct words *words)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    size_t tables = 0, schemas = 0;
    options->include = words->include = read_list(cli, "include", &options->include_count);
    words->tables = read_list(cli, "table", &tables);
    words->schemas = read_list(cli, "schema", &schemas);
    options->tables = tables ? words->tables : NULL;
    options->schemas = schemas ? words->schemas : NULL;
    if (words->include && words->tables && words->schemas)
        return KIST_EXIT_OK;
    kist_fail(&err, KIST_ERR_FAILED, "out of memory");
    return kist_cli_fail(&err);
}

static enum kist_exit read_target(const struct kist_cli *cli, struct words *words)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const char *to = kist_cli_value(cli, "to");
    if (to && kist_url_has_password(to)) {
        kist_fail(&err, KIST_ERR_CONFIG,
                  "--to: a password on the command line can be read by every user of this machine");
        kist_hint(&err, "put the URL into the environment, say as TARGET, and use --to '${TARGET}'");
        return kist_cli_fail(&err);
    }
    if (to && kist_config_expand(to, &words->target, &err))
        return kist_cli_fail(&err);
    return KIST_EXIT_OK;
}

static enum kist_exit read_jobs(const struct kist_cli *cli, int64_t *ret_jobs)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const char *jobs = kist_cli_value(cli, "jobs");
    if (jobs && kist_integer_parse(jobs, ret_jobs, &err)) {
        kist_error_prefix(&err, "--jobs");
        return kist_cli_fail(&err);
    }
    return jobs && (*ret_jobs < 1 || *ret_jobs > 1024) ? kist_cli_usage(cli, "--jobs %s: use 1 to 1024", jobs)
                                                       : KIST_EXIT_OK;
}

static uint32_t read_flags(const struct kist_cli *cli)
{
    static const struct {
        const char *option;
        uint32_t flag;
    } flags[] = {{"create", KIST_RESTORE_CREATE},
                 {"clean", KIST_RESTORE_CLEAN},
                 {"in-place", KIST_RESTORE_CLEAN},
                 {"no-owner", KIST_RESTORE_NO_OWNER},
                 {"schema-only", KIST_RESTORE_SCHEMA_ONLY},
                 {"data-only", KIST_RESTORE_DATA_ONLY},
                 {"allow-old-client", KIST_RESTORE_OLD_CLIENT}};
    uint32_t all = 0;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        all |= kist_cli_has(cli, flags[i].option) ? flags[i].flag : 0;
    return all;
}

static enum kist_exit read_words(struct kist_restore_command *command, struct words *words)
{
    const struct kist_cli *cli = command->cli;
    struct kist_restore_options *options = &command->options;
    enum kist_exit status = check_pairs(cli);
    if (!status)
        status = read_lists(cli, options, words);
    if (!status)
        status = read_target(cli, words);
    if (!status)
        status = read_jobs(cli, &options->jobs);
    options->target = words->target;
    options->output_dir = kist_cli_value(cli, "output");
    options->role = kist_cli_value(cli, "role");
    options->flags = read_flags(cli);
    options->dry_run = kist_cli_has(cli, "dry-run");
    options->quiet = kist_log_level() < KIST_LOG_INFO;
    options->cancel = cli->cancel;
    command->from = kist_cli_value(cli, "from");
    command->swap = kist_cli_has(cli, "swap");
    command->undo = kist_cli_has(cli, "undo");
    command->in_place = kist_cli_has(cli, "in-place");
    command->confirm = kist_cli_value(cli, "confirm");
    return status;
}

/* ---- the backup ---- */

static enum kist_exit restore_backup(struct kist_restore_command *command, const struct kist_backup_name *name)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_found found = {0};
    int code =
        kist_backup_find(name, kist_cli_value(command->cli, "destination"), command->options.cancel, &found, &err);
    if (code) {
        enum kist_exit status = kist_restore_failed(&err);
        return code == KIST_ERR_NOT_FOUND && status < KIST_EXIT_SIGNAL ? KIST_EXIT_NO_BACKUP : status;
    }
    command->what = kist_key_join(command->pipeline->name, found.manifest.id, NULL, NULL);
    enum kist_exit status = KIST_EXIT_OK;
    if (command->what) {
        status = kist_cmd_restore_found(command, &found);
    } else {
        kist_fail(&err, KIST_ERR_FAILED, "out of memory");
        status = kist_cli_fail(&err);
    }
    free(command->what);
    command->what = NULL;
    kist_found_done(&found);
    return status;
}

static enum kist_exit restore(struct kist_restore_command *command)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_cli *cli = command->cli;
    struct kist_backup_name name;
    if (kist_backup_name_parse(command->config, cli->args[0], &name, &err))
        return kist_cli_fail(&err);
    command->pipeline = name.pipeline;
    enum kist_exit status = check_source(command);
    if (status)
        return status;
    const char *typed = kist_cli_value(cli, "to");
    command->typed = command->options.output_dir ? command->options.output_dir
                     : typed                     ? typed
                                                 : name.pipeline->source->name;
    int swap_only = command->undo || (command->swap && command->confirm);
    if ((swap_only || command->from) && name.id[0])
        return kist_cli_usage(cli, "%s: name the pipeline alone, no backup of it is restored", cli->args[0]);
    if (swap_only)
        return kist_cmd_restore_swap(command);
    /* Data without definitions has to go where these are. */
    if ((kist_source_features(name.pipeline->source) & KIST_SOURCE_SWAPS) && !command->in_place &&
        !(command->options.flags & KIST_RESTORE_DATA_ONLY))
        command->options.flags |= KIST_RESTORE_BESIDE;
    return command->from ? kist_cmd_restore_from(command) : restore_backup(command, &name);
}

enum kist_exit kist_cmd_restore(struct kist_cli *cli)
{
    enum kist_exit status = KIST_EXIT_OK;
    struct words words = {0};
    struct kist_config *config = kist_cli_config(cli, &status);
    if (!config)
        return status;
    struct kist_restore_command command = {.cli = cli, .config = config};
    status = read_words(&command, &words);
    char *state = status ? NULL : kist_cli_state(cli, config, &status);
    command.state = state;
    if (state)
        status = restore(&command);
    free(state);
    kist_secret_free(words.target);
    free(words.include);
    free(words.tables);
    free(words.schemas);
    kist_config_free(config);
    return status;
}
