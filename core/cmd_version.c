#include "commands.h"

#include <stdio.h>
#include <string.h>

enum kist_exit kist_cmd_version(struct kist_cli *cli)
{
    (void)cli;
    printf("kist %s (plugin interface %u)\n", KIST_VERSION, (unsigned)KIST_ABI_VERSION);
    return KIST_EXIT_OK;
}

enum kist_exit kist_cmd_help(struct kist_cli *cli)
{
    char name[64];
    int found = 0;
    if (cli->arg_count == 0) {
        kist_cli_overview(stdout);
        return KIST_EXIT_OK;
    }
    snprintf(name, sizeof name, "%s%s%s", cli->args[0], cli->arg_count > 1 ? " " : "",
             cli->arg_count > 1 ? cli->args[1] : "");
    for (const struct kist_command *command = kist_commands; command->name; command++) {
        size_t length = strlen(name);
        if (strncmp(command->name, name, length) != 0 || (command->name[length] && command->name[length] != ' '))
            continue;
        if (found++)
            putchar('\n');
        kist_cli_help(command, stdout);
    }
    return found ? KIST_EXIT_OK : kist_cli_usage(cli, "there is no command '%s'", name);
}
