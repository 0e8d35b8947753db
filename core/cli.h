/* cli.h - commands, their options, and what they share: one table for parsing, --help and the manual page. */
#ifndef KIST_CORE_CLI_H
#define KIST_CORE_CLI_H

#include "config.h"
#include "error.h"

#include <jansson.h>

/* One option. Rows end with a NULL name. */
struct kist_cli_option {
    const char *name; /* long name, without the dashes */
    char letter;      /* short form, or 0 */
    const char *arg;  /* name of its value, or NULL for none */
    const char *help;
};

struct kist_cli;

struct kist_command {
    const char *name;                      /* "config check": one or two words */
    const char *args;                      /* "[PIPELINE...]" */
    const char *summary;                   /* one line */
    const char *details;                   /* paragraphs below the options, or NULL */
    const struct kist_cli_option *options; /* its own, or NULL */
    int min_args, max_args;                /* of words behind it; max -1: any number */
    enum kist_exit lost; /* the exit status when what it printed is lost, and nothing else is wrong */
    enum kist_exit (*run)(struct kist_cli *cli);
};

/* All commands, in the order of the help; ends with a NULL name. */
extern const struct kist_command kist_commands[];
extern const struct kist_cli_option kist_global_options[];

/* What was said on the command line, for the command that runs. */
struct kist_cli {
    const struct kist_command *command;
    int arg_count;
    char **args;
    struct kist_cancel *cancel; /* of the process */
    int option_count;
    struct kist_cli_value {
        const char *name, *value;
    } * option_values; /* in the order given */
};

/* Parses, and runs the command. */
enum kist_exit kist_cli_main(int argc, char **argv, struct kist_cancel *cancel);

int kist_cli_has(const struct kist_cli *cli, const char *option);
/* The last value given, or NULL. */
const char *kist_cli_value(const struct kist_cli *cli, const char *option);
/* Value number `index` of an option that may be repeated, or NULL. */
const char *kist_cli_value_at(const struct kist_cli *cli, const char *option, size_t index);

/* Logs an error and gives the exit status that it leads to. */
enum kist_exit kist_cli_fail(const struct kist_error *err);
/* The same for an error of a pipeline, which is named in front unless the message begins with it. */
enum kist_exit kist_cli_fail_in(const char *pipeline, const struct kist_error *err);
/* A mistake on the command line: says it, points to --help, exit 2. */
enum kist_exit kist_cli_usage(const struct kist_cli *cli, const char *format, ...) KIST_PRINTF(2, 3);

/* Where it is: --config, $KIST_CONFIG, or the usual place. */
const char *kist_cli_config_path(const struct kist_cli *cli);
/* The configuration, with every mistake in it told; NULL and the exit status when there are any. */
struct kist_config *kist_cli_config(const struct kist_cli *cli, enum kist_exit *ret_exit);
/* The state directory, made; NULL and the exit status when that fails. New. */
char *kist_cli_state(const struct kist_cli *cli, const struct kist_config *config, enum kist_exit *ret_exit);

/* The plugins of --plugin-dir and the program's own; NULL and the exit status when that fails. */
struct kist_registry *kist_cli_registry(const struct kist_cli *cli, enum kist_exit *ret_exit);
/* The plugin that the words name: KIND NAME, a NAME that only one kind has, or the PATH of a file. */
int kist_cli_plugin(const struct kist_cli *cli, struct kist_registry *registry,
                    const struct kist_plugin **ret_plugin, struct kist_error *err) KIST_CHECKED;
/* Logs every mistake of a configuration. */
void kist_cli_problems(const struct kist_config_problems *problems);

/* 0 when --destination names one that the pipeline does not have. */
int kist_cli_wants(const struct kist_cli *cli, const struct kist_config_pipeline *pipeline);

/* For commands whose words are pipelines, with none for all: a mistake on the command line where one of them is unknown. */
enum kist_exit kist_cli_check_pipelines(const struct kist_cli *cli, const struct kist_config *config);
/* 1 for a pipeline that is named, or when none is. */
int kist_cli_chooses(const struct kist_cli *cli, const struct kist_config_pipeline *pipeline);

/* Writes JSON (its reference is taken) to standard output. */
enum kist_exit kist_cli_print_json(json_t *json);
/* Prints what a document on a destination says, so that nothing in it can steer a terminal. */
void kist_cli_print_text(const char *text);
/* Facts of a source for people: those that are one value as they are, of lists and objects how much they hold. */
void kist_cli_print_facts(json_t *facts);
/* After the last output: a full disk or closed pipe is a failure, or as bad as `lost` where the work itself is done. */
enum kist_exit kist_cli_flush(enum kist_exit status, enum kist_exit lost);

void kist_cli_help(const struct kist_command *command, void *stream);
/* Of every command whose name is `word` or begins with it; returns how many there are. */
int kist_cli_help_all(const char *word, void *stream);
void kist_cli_overview(void *stream);

#endif
