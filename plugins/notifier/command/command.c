/* command.c - notifier `command`: runs a program that reads the event as JSON. */
#include "command.h"

#include "child.h"
#include "fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GRACE_MS 2000
#define TRY_AGAIN 75 /* EX_TEMPFAIL of sysexits.h */

static const struct kist_option options[] = {
    KIST_OPTION(struct command_config, command, .flags = KIST_OPTION_REQUIRED,
                .help = "path of the program, which gets the event as JSON on its standard input"),
    KIST_OPTION(struct command_config, args, .help = "its arguments, each handed on as it stands"),
    KIST_OPTION(struct command_config, env,
                .help = "names of variables of kist's environment that it gets as well"),
    KIST_OPTION_END,
};

struct command {
    const struct kist_host *host;
    const struct command_config *config;
    const char **argv;
};

static void close_command(void *self)
{
    struct command *command = self;
    free(command->argv);
    free(command);
}

static int check(const struct command *command, struct kist_error *err)
{
    const struct kist_host *host = command->host;
    const char *path = command->config->command;
    if (path[0] != '/') {
        host->fail(host, err, KIST_ERR_CONFIG, "command: '%s' is not an absolute path", path);
        host->hint(host, err, "a program of your own is not looked for in PATH; arguments are for 'args'");
        return KIST_ERR_CONFIG;
    }
    if (access(path, X_OK) != 0)
        return host->fail(host, err, KIST_ERR_CONFIG, "command: '%s' cannot be run: %s", path,
                          strerrordesc_np(errno));
    return command_environment_check(host, command->config, err);
}

static int open_command(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct command *command = calloc(1, sizeof *command);
    if (!command)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    command->host = host;
    command->config = config;
    const kist_list *args = &command->config->args;
    command->argv = calloc((size_t)args->count + 2, sizeof *command->argv);
    int code = command->argv ? check(command, err) : host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (code) {
        close_command(command);
        return code;
    }
    command->argv[0] = command->config->command;
    for (uint64_t i = 0; i < args->count; i++)
        command->argv[i + 1] = args->items[i];
    *ret_self = command;
    return 0;
}

/* A program that needs nothing of its input may end without having read it: its exit status says what came of it. */
static int feed(const struct command *command, struct kist_child *child, const char *json, struct kist_error *err)
{
    int code = kist_child_write(child, json, strlen(json), err);
    if (!code)
        code = kist_child_finish(child, err);
    int status = kist_child_exit_status(child);
    if (status == 0)
        return 0;
    if (status == TRY_AGAIN)
        command->host->retry(command->host, err, 1, 0);
    return code;
}

static int notify(void *self, const struct kist_event *told, int64_t deadline_ms, struct kist_error *err)
{
    const struct kist_event known = kist_event_known(told), *event = &known;
    const struct command *command = self;
    const struct kist_host *host = command->host;
    if (!event->json)
        return host->fail(host, err, KIST_ERR_UNSUPPORTED, "this kist gives no JSON of its events: it is too old");
    char **variables = command_environment(command->config, event);
    if (!variables)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    /* To stop it has to fit into the deadline as well: whoever is killed with us does not end what it started itself. */
    const int64_t grace = deadline_ms / 4 < GRACE_MS ? deadline_ms / 4 + 1 : GRACE_MS;
    const struct kist_child_setup setup = {.argv = command->argv,
                                           .envp = (const char *const *)variables,
                                           .write_stdin = 1,
                                           .total_ms = deadline_ms > grace ? deadline_ms - grace : 1,
                                           .grace_ms = grace};
    struct kist_child *child = NULL;
    struct kist_error own = KIST_FAULT_INIT;
    int code = kist_child_start(host, &setup, &child, &own);
    if (!code)
        code = feed(command, child, event->json, &own);
    if (code)
        kist_fault_repeat(host, &own, err);
    kist_fault_clear(&own);
    kist_child_free(child);
    command_environment_free(variables);
    return code;
}

KIST_NOTIFIER(.about = {.name = "command",
                        .version = KIST_VERSION,
                        .summary = "a program of your own, with the event as JSON on its standard input",
                        .details = "It is run without a shell, in an environment that holds next to nothing, and "
                                   "stopped with all that it started when its time is over. Exit status 0 means "
                                   "that it has told; 75 that it may be asked again.",
                        .options = options,
                        .config_size = sizeof(struct command_config)},
              .open = open_command, .close = close_command, .notify = notify);
