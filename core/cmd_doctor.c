#include "commands.h"
#include "independent.h"
#include "log.h"
#include "run.h"
#include "signals.h"

#include <stdio.h>
#include <stdlib.h>

/* What a provider holds is no copy of its own: it goes with what it was made of. A run works all the same. */
static void warn_of_dependence(const struct kist_cli *cli, const struct kist_config *config,
                               const struct kist_config_pipeline *pipeline)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_config_pipeline *copy = NULL;
    const char *holder = pipeline->source->plugin->about.name;
    if (!kist_independent_matters(pipeline))
        return;
    int code = kist_independent_find(config, pipeline, cli->cancel, &copy, &err);
    if (code) {
        kist_error_prefix(&err, "cannot tell whether another pipeline copies what %s holds", holder);
    } else if (!copy) {
        kist_fail(&err, KIST_ERR_CONFIG,
                  "its database is held by %s alone: such a backup lies beside the database, and goes with the "
                  "project or "
                  "account that both are in",
                  holder);
        kist_hint(&err, "add a pipeline that copies the data: with a source that dumps the database");
    } else {
        kist_log(KIST_LOG_DEBUG, pipeline->name, "the data is copied by the pipeline '%s'", copy->name);
        return;
    }
    kist_log_at(KIST_LOG_WARNING, pipeline->name, &err);
}

static enum kist_exit examine(const struct kist_cli *cli, const struct kist_config *config,
                              const struct kist_config_pipeline *pipeline)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *facts = NULL;
    int code = kist_run_check(pipeline, cli->cancel, &facts, &err);
    printf("%s: %s\n", pipeline->name, code ? "a run would fail" : "a run would work");
    if (code)
        kist_cli_fail_in(pipeline->name, &err);
    else
        kist_cli_print_facts(facts);
    if (!code)
        warn_of_dependence(cli, config, pipeline);
    json_decref(facts);
    return !code ? KIST_EXIT_OK : code == KIST_ERR_CONFIG ? KIST_EXIT_USAGE : KIST_EXIT_FAILED;
}

static enum kist_exit examine_all(struct kist_cli *cli, const struct kist_config *config)
{
    enum kist_exit status = KIST_EXIT_OK;
    size_t count = cli->arg_count ? (size_t)cli->arg_count : config->pipeline_count;
    for (size_t i = 0; i < count && !kist_signals_seen(); i++) {
        const struct kist_config_pipeline *pipeline =
            cli->arg_count ? kist_config_pipeline(config, cli->args[i]) : &config->pipelines[i];
        enum kist_exit one = pipeline ? examine(cli, config, pipeline)
                                      : kist_cli_usage(cli, "there is no pipeline '%s'", cli->args[i]);
        if (one)
            status = status && status != one ? KIST_EXIT_FAILED : one;
    }
    return status;
}

enum kist_exit kist_cmd_doctor(struct kist_cli *cli)
{
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_config *config = kist_cli_config(cli, &status);
    if (!config)
        return status;
    char *state = kist_cli_state(cli, config, &status);
    if (state)
        status = examine_all(cli, config);
    free(state);
    kist_config_free(config);
    return status;
}
