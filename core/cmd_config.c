#include "commands.h"

#include <stdio.h>

enum kist_exit kist_cmd_config_check(struct kist_cli *cli)
{
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_config *config = kist_cli_config(cli, &status);
    if (!config)
        return status;
    printf("the configuration is sound: %zu pipeline%s\n", config->pipeline_count,
           config->pipeline_count == 1 ? "" : "s");
    kist_config_free(config);
    return KIST_EXIT_OK;
}

enum kist_exit kist_cmd_config_show(struct kist_cli *cli)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_config *config = kist_cli_config(cli, &status);
    if (!config)
        return status;
    if (kist_config_print(config, stdout, &err))
        status = kist_cli_fail(&err);
    kist_config_free(config);
    return status;
}
