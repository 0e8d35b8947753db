#include "backup_id.h"
#include "commands.h"
#include "log.h"
#include "signals.h"
#include "tell.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A pipeline that has this notifier, so that the message looks like one of its own; NULL when there is none. */
static const struct kist_config_pipeline *user_of(const struct kist_config *config,
                                                  const struct kist_config_section *notifier)
{
    for (size_t i = 0; i < config->pipeline_count; i++)
        for (size_t k = 0; k < config->pipelines[i].notifier_count; k++)
            if (config->pipelines[i].notifiers[k] == notifier)
                return &config->pipelines[i];
    return NULL;
}

static enum kist_exit send_test(const struct kist_cli *cli, const struct kist_config *config,
                                const struct kist_config_section *notifier)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_config_pipeline *user = user_of(config, notifier), nobody = {.name = "test"};
    char *summary = NULL;
    int64_t begun = kist_time_monotonic_ms(), now = kist_time_now() * 1000;
    if (asprintf(&summary, "test of the notifier '%s'", notifier->name) < 0)
        summary = NULL;
    const struct kist_news news = {.kind = KIST_EVENT_TEST,
                                   .summary = summary,
                                   .started_ms = now,
                                   .finished_ms = now,
                                   .raw_size = -1,
                                   .stored_size = -1};
    int code = kist_tell_begin(config, NULL, &err);
    if (!code)
        code = kist_tell_one(notifier, user ? user : &nobody, &news, cli->cancel, &err);
    kist_tell_end();
    free(summary);
    if (code) {
        kist_cli_fail(&err);
        return kist_signals_seen() ? KIST_EXIT_SIGNAL + (unsigned)kist_signals_seen() : KIST_EXIT_FAILED;
    }
    if (kist_log_level() >= KIST_LOG_INFO)
        printf("%s (%s): ok, it took the message in %s\n", notifier->name, notifier->plugin->name,
               kist_duration_show(kist_time_monotonic_ms() - begun).text);
    return KIST_EXIT_OK;
}

enum kist_exit kist_cmd_notify_test(struct kist_cli *cli)
{
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_config *config = kist_cli_config(cli, &status);
    if (!config)
        return status;
    const struct kist_config_section *notifier = kist_config_notifier(config, cli->args[0]);
    status = notifier ? send_test(cli, config, notifier)
                      : kist_cli_usage(cli, "there is no [notifier %s]", cli->args[0]);
    kist_config_free(config);
    return status;
}
