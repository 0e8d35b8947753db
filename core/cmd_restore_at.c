#include "cmd_restore.h"

#include <stdlib.h>
#include <string.h>

enum kist_exit kist_restore_read_moment(struct kist_restore_command *command)
{
    const struct kist_cli *cli = command->cli;
    struct kist_restore_options *options = &command->options;
    const char *typed = kist_cli_value(cli, "at");
    if (kist_cli_has(cli, "latest"))
        options->at = "latest";
    if (!typed)
        return KIST_EXIT_OK;
    if (!kist_moment_parse(typed, &options->at_ms) || !options->at_ms)
        return kist_cli_usage(cli,
                              "--at '%s' is no time with its zone, such as 2026-11-21T02:00:00Z or "
                              "2026-11-21T03:00:00+01:00",
                              typed);
    kist_moment_text(options->at_ms, command->moment);
    options->at = command->moment;
    return KIST_EXIT_OK;
}

/* A backup of no items stands for the moment: no destination holds it. */
static int make_manifest(const struct kist_restore_command *command, struct kist_manifest *manifest,
                         struct kist_error *err)
{
    const struct kist_plugin *plugin = command->pipeline->source->plugin;
    manifest->pipeline = strdup(command->pipeline->name);
    manifest->kist_version = strdup(KIST_VERSION);
    manifest->source_plugin = strdup(plugin->name);
    manifest->source_version = strdup(plugin->about.version ? plugin->about.version : "");
    return manifest->pipeline && manifest->kist_version && manifest->source_plugin && manifest->source_version
               ? 0
               : kist_fail(err, KIST_ERR_FAILED, "out of memory");
}

/* "p at 2026-11-21T02:00:00Z". New; NULL without memory. */
static char *describe(const struct kist_restore_command *command)
{
    KIST_CLEANUP_TEXT struct kist_text text = KIST_TEXT_INIT;
    kist_text_printf(&text, "%s at %s", command->pipeline->name,
                     command->options.at_ms ? command->options.at : "its latest moment");
    return kist_text_take(&text);
}

enum kist_exit kist_cmd_restore_at(struct kist_restore_command *command)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_found found = {0};
    int code = make_manifest(command, &found.manifest, &err);
    command->what = code ? NULL : describe(command);
    if (!code && !command->what)
        code = kist_fail(&err, KIST_ERR_FAILED, "out of memory");
    enum kist_exit status = code ? kist_cli_fail(&err) : kist_cmd_restore_found(command, &found);
    free(command->what);
    command->what = NULL;
    kist_found_done(&found);
    return status;
}
