#include "commands.h"

#include <stdio.h>

enum kist_exit kist_cmd_version(struct kist_cli *cli)
{
    (void)cli;
    printf("kist %s (plugin interface %u)\n", KIST_VERSION, (unsigned)KIST_ABI_VERSION);
    return KIST_EXIT_OK;
}

enum kist_exit kist_cmd_help(struct kist_cli *cli)
{
    char name[64];
    if (cli->arg_count == 0) {
        kist_cli_overview(stdout);
        return KIST_EXIT_OK;
    }
    snprintf(name, sizeof name, "%s%s%s", cli->args[0], cli->arg_count > 1 ? " " : "",
             cli->arg_count > 1 ? cli->args[1] : "");
    if (kist_cli_help_all(name, stdout))
        return KIST_EXIT_OK;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    kist_fail(&err, KIST_ERR_CONFIG, "there is no command '%s'", name);
    kist_hint(&err, "`kist --help` lists the commands");
    return kist_cli_fail(&err);
}
