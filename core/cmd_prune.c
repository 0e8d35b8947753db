#include "commands.h"
#include "job.h"
#include "log.h"
#include "prune.h"
#include "state.h"

#include <stdio.h>
#include <stdlib.h>

static enum kist_exit prune_all(const struct kist_cli *cli, const struct kist_config *config, const char *state)
{
    const struct kist_prune_options options = {.state_dir = state,
                                               .destination = kist_cli_value(cli, "destination"),
                                               .dry_run = kist_cli_has(cli, "dry-run"),
                                               .quiet = kist_log_level() < KIST_LOG_INFO,
                                               .json = kist_cli_has(cli, "json") ? json_array() : NULL,
                                               .cancel = cli->cancel};
    enum kist_exit status = KIST_EXIT_OK;
    size_t meant = 0;
    for (size_t i = 0; i < config->pipeline_count && status < KIST_EXIT_SIGNAL; i++) {
        struct kist_prune_result result = {0};
        if (!kist_cli_chooses(cli, &config->pipelines[i]) || !kist_cli_wants(cli, &config->pipelines[i]))
            continue;
        if (meant++ && !options.json && !options.quiet)
            putchar('\n');
        status = kist_exit_combine(status, kist_prune_run(&config->pipelines[i], &options, &result));
        free(result.trouble);
    }
    if (options.json) {
        enum kist_exit printed = kist_cli_print_json(options.json);
        status = status ? status : printed;
    }
    if (!meant)
        return kist_cli_usage(cli, "no pipeline has a destination '%s'",
                              options.destination ? options.destination : "");
    return status;
}

/* What changes nothing makes no directory either. */
static char *find_state(const struct kist_cli *cli, const struct kist_config *config, enum kist_exit *ret_exit)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    char *state = NULL;
    if (!kist_cli_has(cli, "dry-run"))
        return kist_cli_state(cli, config, ret_exit);
    if (kist_state_find(kist_cli_value(cli, "state"), config->state_dir, &state, &err))
        *ret_exit = kist_cli_fail(&err);
    return state;
}

enum kist_exit kist_cmd_prune(struct kist_cli *cli)
{
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_config *config = kist_cli_config(cli, &status);
    /* All of the words, before anything is deleted. */
    if (config)
        status = kist_cli_check_pipelines(cli, config);
    char *state = config && !status ? find_state(cli, config, &status) : NULL;
    if (state)
        status = prune_all(cli, config, state);
    free(state);
    kist_config_free(config);
    return status;
}
