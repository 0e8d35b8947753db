#include "cmd_restore.h"
#include "commands.h"
#include "key.h"
#include "log.h"
#include "state.h"
#include "units.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>

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
    const char *branch = kist_cli_value(cli, "to-branch");
    const char *to = branch ? branch : kist_cli_value(cli, "to");
    if (branch && !*branch)
        return kist_cli_usage(cli, "--to-branch needs the name of the new branch");
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
    } flags[] = {{"create", KIST_RESTORE_CREATE},           {"clean", KIST_RESTORE_CLEAN},
                 {"in-place", KIST_RESTORE_CLEAN},          {"no-owner", KIST_RESTORE_NO_OWNER},
                 {"schema-only", KIST_RESTORE_SCHEMA_ONLY}, {"data-only", KIST_RESTORE_DATA_ONLY},
                 {"to-branch", KIST_RESTORE_BRANCH},        {"allow-old-client", KIST_RESTORE_OLD_CLIENT}};
    uint32_t all = 0;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        all |= kist_cli_has(cli, flags[i].option) ? flags[i].flag : 0;
    return all;
}

static enum kist_exit read_words(struct kist_restore_command *command, struct words *words)
{
    const struct kist_cli *cli = command->cli;
    struct kist_restore_options *options = &command->options;
    enum kist_exit status = kist_restore_check_pairs(cli);
    if (!status)
        status = kist_restore_read_moment(command);
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

static const char *typed_target(const struct kist_restore_command *command)
{
    const char *typed = kist_cli_value(command->cli, "to"), *branch = kist_cli_value(command->cli, "to-branch");
    if (command->options.output_dir)
        return command->options.output_dir;
    return typed ? typed : branch ? branch : command->pipeline->source->name;
}

/* Unless something else was asked for, nothing that lives is touched. Data without definitions has to go where these are, and
 * what gets a name of its own (--to-branch) is beside everything anyway. */
static int goes_beside(const struct kist_restore_command *command)
{
    return (kist_source_features(command->pipeline->source) & (KIST_SOURCE_SWAPS | KIST_SOURCE_REPLACES)) &&
           !command->in_place && !(command->options.flags & (KIST_RESTORE_DATA_ONLY | KIST_RESTORE_BRANCH));
}

static enum kist_exit restore(struct kist_restore_command *command)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_cli *cli = command->cli;
    struct kist_backup_name name;
    if (kist_backup_name_parse(command->config, cli->args[0], &name, &err))
        return kist_cli_fail(&err);
    command->pipeline = name.pipeline;
    enum kist_exit status = kist_restore_check_source(command);
    if (status)
        return status;
    command->typed = typed_target(command);
    int swap_only = command->undo || (command->swap && command->confirm);
    if ((swap_only || command->from || command->options.at) && name.id[0])
        return kist_cli_usage(cli, "%s: name the pipeline alone, no backup of it is restored", cli->args[0]);
    if (swap_only)
        return kist_cmd_restore_swap(command);
    if (goes_beside(command))
        command->options.flags |= KIST_RESTORE_BESIDE;
    if (command->options.at)
        return kist_cmd_restore_at(command);
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
