#include "commands.h"
#include "daemon.h"
#include "log.h"

#include <stdlib.h>

static struct kist_config *load(void *arg)
{
    enum kist_exit ignored = KIST_EXIT_OK;
    return kist_cli_config(arg, &ignored);
}

/* One without anything to do would run for ever, and look as if all were well. */
static int has_schedule(const struct kist_config *config)
{
    for (size_t i = 0; i < config->pipeline_count; i++)
        if (config->pipelines[i].schedule.kind != KIST_SCHEDULE_NONE)
            return 1;
    return 0;
}

enum kist_exit kist_cmd_daemon(struct kist_cli *cli)
{
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_config *config = kist_cli_config(cli, &status);
    char *state = config ? kist_cli_state(cli, config, &status) : NULL;
    if (state) {
        if (!has_schedule(config))
            kist_log(KIST_LOG_WARNING, NULL, "no pipeline has a `schedule`: there is nothing to do");
        status = kist_daemon_run(config, state, load, cli);
    } else {
        kist_config_free(config);
    }
    free(state);
    return status;
}
