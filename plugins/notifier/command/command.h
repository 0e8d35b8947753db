/* command.h - what the files of this plugin share. */
#ifndef KIST_COMMAND_H
#define KIST_COMMAND_H

#include <kist/plugin.h>

struct command_config {
    const char *command;
    kist_list args;
    kist_list env;
};

/* CONFIG for a name in `env` that is none, or that would change what runs. Values that are secrets by their name are made known
 * to the host. */
int command_environment_check(const struct kist_host *host, const struct command_config *config,
                              struct kist_error *err) KIST_CHECKED;

/* The whole environment of the program, ended by NULL. New, as are its strings; NULL without memory. */
char **command_environment(const struct command_config *config, const struct kist_event *event) KIST_CHECKED;
void command_environment_free(char **variables); /* NULL is fine */

#endif
