#include "commands.h"
#include "log.h"
#include "restore.h"
#include "signals.h"
#include "state.h"
#include "units.h"
#include "url.h"

#include <stdio.h>
#include <stdlib.h>

/* The words of the command line as options; says what is wrong with them. */
static enum kist_exit read_options(const struct kist_cli *cli, struct kist_restore_options *options,
                                   char **ret_target)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const char *to = kist_cli_value(cli, "to"), *output = kist_cli_value(cli, "output");
    if (to && output)
        return kist_cli_usage(cli, "--to and --output exclude each other");
    if (output && (kist_cli_has(cli, "create") || kist_cli_has(cli, "clean")))
        return kist_cli_usage(cli, "--create and --clean are of no use with --output");
    if (to && kist_url_has_password(to)) {
        kist_fail(&err, KIST_ERR_CONFIG,
                  "--to: a password on the command line can be read by every user of this machine");
        kist_hint(&err, "put the URL into the environment, say as TARGET, and use --to '${TARGET}'");
        return kist_cli_fail(&err);
    }
    if (to && kist_config_expand(to, ret_target, &err))
        return kist_cli_fail(&err);
    options->target = *ret_target;
    options->output_dir = output;
    options->flags = (kist_cli_has(cli, "create") ? KIST_RESTORE_CREATE : 0) |
                     (kist_cli_has(cli, "clean") ? KIST_RESTORE_CLEAN : 0);
    options->quiet = kist_log_level() < KIST_LOG_INFO;
    options->cancel = cli->cancel;
    return KIST_EXIT_OK;
}

static json_t *patterns_json(const struct kist_restore_options *options)
{
    json_t *patterns = json_array();
    for (size_t i = 0; i < options->include_count; i++)
        if (json_array_append_new(patterns, json_string(options->include[i])) != 0) {
            json_decref(patterns);
            return NULL;
        }
    return patterns;
}

/* Every restore leaves a line in the history, whatever came of it. A line that cannot be written is told, and is no
 * reason to call a restore failed. */
static int record(const char *state, const struct kist_manifest *manifest,
                  const struct kist_restore_options *options, const char *to, const char *cause,
                  int64_t duration_ms)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *entry = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s*}", "event", "restore", "pipeline",
                              manifest->pipeline, "id", manifest->id, "target", to, "outcome",
                              cause ? "failed" : "ok", "duration_ms", (json_int_t)duration_ms, "cause", cause);
    if (entry && options->include_count && json_object_set_new(entry, "include", patterns_json(options)) != 0) {
        json_decref(entry);
        entry = NULL;
    }
    int code = entry ? kist_history_add(state, entry, &err) : kist_fail(&err, KIST_ERR_FAILED, "out of memory");
    json_decref(entry);
    if (code)
        kist_log_at(KIST_LOG_WARNING, manifest->pipeline, &err);
    return code;
}

/* "p/2026-11-21T02-00-00Z: restored to files, 12 of 10,000 items, 3.4 MiB in 2 s" */
static void print_restored(const struct kist_manifest *manifest, const struct kist_restored *restored,
                           const char *to, int64_t duration_ms)
{
    printf("%s/%s: restored to %s, ", manifest->pipeline, manifest->id, to);
    if (restored->items < manifest->item_count)
        printf("%s of ", kist_count_show(restored->items).text);
    if (manifest->item_count > 1)
        printf("%s items, ", kist_count_show(manifest->item_count).text);
    printf("%s in %s\n", kist_size_show(restored->raw_size).text, kist_duration_show(duration_ms).text);
}

/* The patterns of the command line, borrowed, in a new array. */
static const char **read_patterns(const struct kist_cli *cli, size_t *ret_count)
{
    size_t count = 0;
    while (kist_cli_value_at(cli, "include", count))
        count++;
    const char **patterns = calloc(count + 1, sizeof *patterns);
    for (size_t i = 0; patterns && i < count; i++)
        patterns[i] = kist_cli_value_at(cli, "include", i);
    *ret_count = count;
    return patterns;
}

static enum kist_exit restore(const struct kist_cli *cli, const struct kist_config *config,
                              const struct kist_restore_options *options, const char *state)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_backup_name name;
    struct kist_found found = {0};
    int code = kist_backup_name_parse(config, cli->args[0], &name, &err);
    if (!code)
        code = kist_backup_find(&name, kist_cli_value(cli, "destination"), cli->cancel, &found, &err);
    if (code) {
        enum kist_exit status = kist_cli_fail(&err);
        return code == KIST_ERR_NOT_FOUND ? KIST_EXIT_NO_BACKUP : status;
    }
    /* As it was typed, so that what ${NAME} stood for is not written down. */
    const char *typed = kist_cli_value(cli, "to");
    const char *to = options->output_dir ? options->output_dir : typed ? typed : name.pipeline->source->name;
    struct kist_restored restored = {0};
    int64_t begun = kist_time_monotonic_ms();
    code = kist_restore_backup(config, name.pipeline, &found, options, &restored, &err);
    int64_t duration_ms = kist_time_monotonic_ms() - begun;
    int unrecorded = record(state, &found.manifest, options, to, code ? kist_error_text(&err) : NULL, duration_ms);
    enum kist_exit status = unrecorded ? KIST_EXIT_DEGRADED : KIST_EXIT_OK;
    if (code)
        status = kist_cli_fail(&err);
    else if (kist_log_level() >= KIST_LOG_INFO)
        print_restored(&found.manifest, &restored, to, duration_ms);
    kist_found_done(&found);
    if (code && kist_signals_seen())
        return KIST_EXIT_SIGNAL + (unsigned)kist_signals_seen();
    return status;
}

enum kist_exit kist_cmd_restore(struct kist_cli *cli)
{
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_restore_options options = {0};
    char *target = NULL;
    struct kist_config *config = kist_cli_config(cli, &status);
    if (!config)
        return status;
    const char **patterns = read_patterns(cli, &options.include_count);
    options.include = patterns;
    if (patterns) {
        status = read_options(cli, &options, &target);
    } else {
        KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
        kist_fail(&err, KIST_ERR_FAILED, "out of memory");
        status = kist_cli_fail(&err);
    }
    char *state = status ? NULL : kist_cli_state(cli, config, &status);
    if (state)
        status = restore(cli, config, &options, state);
    free(state);
    free(target);
    free(patterns);
    kist_config_free(config);
    return status;
}
