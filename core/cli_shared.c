#include "cli.h"
#include "log.h"
#include "state.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CONFIG "/etc/kist/conf.d"

void kist_cli_problems(const struct kist_config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        struct kist_error err = {.struct_size = sizeof err,
                                 .code = KIST_ERR_CONFIG,
                                 .message = problems->items[i].message,
                                 .hint = problems->items[i].hint};
        kist_log_error(NULL, &err);
    }
}

const char *kist_cli_config_path(const struct kist_cli *cli)
{
    const char *path = kist_cli_value(cli, "config"), *from_env = getenv("KIST_CONFIG");
    return path ? path : from_env && *from_env ? from_env : DEFAULT_CONFIG;
}

struct kist_config *kist_cli_config(const struct kist_cli *cli, enum kist_exit *ret_exit)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_config_problems problems = {0};
    struct kist_config *config = NULL;
    const char *dirs[64];
    size_t count = 0;
    while (count < sizeof dirs / sizeof *dirs && (dirs[count] = kist_cli_value_at(cli, "plugin-dir", count)))
        count++;
    int code = kist_config_load(kist_cli_config_path(cli), dirs, count, &config, &problems, &err);
    kist_cli_problems(&problems);
    if (code && !problems.count)
        kist_log_error(NULL, &err);
    kist_config_problems_done(&problems);
    if (!code)
        return config;
    *ret_exit = kist_error_exit(code);
    return NULL;
}

enum kist_exit kist_cli_fail_in(const char *pipeline, const struct kist_error *err)
{
    const char *text = kist_error_text(err);
    size_t length = strlen(pipeline);
    int named = strncmp(text, pipeline, length) == 0 && (text[length] == '/' || text[length] == ':');
    kist_log_error(named ? NULL : pipeline, err);
    return kist_error_exit(err->code);
}

char *kist_cli_state(const struct kist_cli *cli, const struct kist_config *config, enum kist_exit *ret_exit)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    char *dir = NULL;
    int code = kist_state_find(kist_cli_value(cli, "state"), config->state_dir, &dir, &err);
    if (!code)
        code = kist_state_prepare(dir, &err);
    if (!code)
        return dir;
    free(dir);
    *ret_exit = kist_cli_fail(&err);
    return NULL;
}

int kist_cli_wants(const struct kist_cli *cli, const struct kist_config_pipeline *pipeline)
{
    const char *destination = kist_cli_value(cli, "destination");
    int has = !destination;
    for (size_t i = 0; i < pipeline->destination_count && !has; i++)
        has = strcmp(pipeline->destinations[i]->name, destination) == 0;
    return has;
}

enum kist_exit kist_cli_check_pipelines(const struct kist_cli *cli, const struct kist_config *config)
{
    for (int i = 0; i < cli->arg_count; i++)
        if (!kist_config_pipeline(config, cli->args[i]))
            return kist_cli_usage(cli, "there is no pipeline '%s'", cli->args[i]);
    return KIST_EXIT_OK;
}

int kist_cli_chooses(const struct kist_cli *cli, const struct kist_config_pipeline *pipeline)
{
    for (int i = 0; i < cli->arg_count; i++)
        if (strcmp(cli->args[i], pipeline->name) == 0)
            return 1;
    return cli->arg_count == 0;
}

enum kist_exit kist_cli_print_json(json_t *json)
{
    int failed = !json || json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) != 0 || putchar('\n') == EOF;
    json_decref(json);
    if (!failed)
        return KIST_EXIT_OK;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    kist_fail(&err, KIST_ERR_FAILED, "cannot print JSON: out of memory, or nobody reads it");
    return kist_cli_fail(&err);
}

enum kist_exit kist_cli_flush(enum kist_exit status, enum kist_exit lost)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    kist_fail_errno(&err, errno, "cannot write to standard output");
    kist_log_error(NULL, &err);
    return status == KIST_EXIT_OK ? lost : status;
}

static void print_count(size_t count)
{
    printf("%zu %s (see --json)\n", count, count == 1 ? "entry" : "entries");
}

void kist_cli_print_text(const char *text)
{
    KIST_CLEANUP_TEXT struct kist_text clean = KIST_TEXT_INIT;
    kist_text_add_printable(&clean, text, strlen(text));
    fputs(kist_text_get(&clean), stdout);
}

static void print_name(const char *name)
{
    int width = 20 - (int)strnlen(name, 20);
    fputs("  ", stdout);
    kist_cli_print_text(name);
    printf("%*s ", width, "");
}

void kist_cli_print_facts(json_t *facts)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(facts, key, value) {
        print_name(key);
        if (json_is_string(value)) {
            kist_cli_print_text(json_string_value(value));
            putchar('\n');
        } else if (json_is_integer(value))
            printf("%lld\n", (long long)json_integer_value(value));
        else
            print_count(json_is_array(value) ? json_array_size(value) : json_object_size(value));
    }
}

static void print_options(const struct kist_cli_option *options, FILE *stream)
{
    for (; options && options->name; options++) {
        char left[64];
        snprintf(left, sizeof left, "%c%c%c --%s%s%s", options->letter ? '-' : ' ',
                 options->letter ? options->letter : ' ', options->letter ? ',' : ' ', options->name,
                 options->arg ? " " : "", options->arg ? options->arg : "");
        fprintf(stream, "  %-28s %s\n", left, options->help);
    }
}

void kist_cli_help(const struct kist_command *command, void *stream)
{
    fprintf(stream, "usage: kist %s%s%s%s\n\n%s\n", command->name, command->options ? " [options]" : "",
            *command->args ? " " : "", command->args, command->summary);
    if (command->options) {
        fputs("\noptions:\n", stream);
        print_options(command->options, stream);
    }
    fputs("\noptions of every command:\n", stream);
    print_options(kist_global_options, stream);
    if (command->details)
        fprintf(stream, "\n%s\n", command->details);
}

int kist_cli_help_all(const char *word, void *stream)
{
    int found = 0;
    size_t length = strlen(word);
    for (const struct kist_command *command = kist_commands; command->name; command++) {
        if (strncmp(command->name, word, length) != 0 || (command->name[length] && command->name[length] != ' '))
            continue;
        if (found++)
            fputc('\n', stream);
        kist_cli_help(command, stream);
    }
    return found;
}

void kist_cli_overview(void *stream)
{
    fputs("usage: kist [options] COMMAND ...\n\nBackups through plugins, proved to restore.\n\ncommands:\n",
          stream);
    for (const struct kist_command *command = kist_commands; command->name; command++)
        fprintf(stream, "  %-16s %s\n", command->name, command->summary);
    fputs("\noptions:\n", stream);
    print_options(kist_global_options, stream);
    fputs("\n`kist COMMAND --help` tells more of each.\n", stream);
}
