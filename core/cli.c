#include "cli.h"
#include "log.h"
#include "signals.h"
#include "state.h"
#include "suggest.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_OPTIONS 64
#define FIRST_LONG 1000 /* getopt's value for option number 0 of the table */

int kist_cli_has(const struct kist_cli *cli, const char *option)
{
    for (int i = 0; i < cli->option_count; i++)
        if (strcmp(cli->option_values[i].name, option) == 0)
            return 1;
    return 0;
}

const char *kist_cli_value_at(const struct kist_cli *cli, const char *option, size_t index)
{
    for (int i = 0; i < cli->option_count; i++)
        if (strcmp(cli->option_values[i].name, option) == 0 && index-- == 0)
            return cli->option_values[i].value;
    return NULL;
}

const char *kist_cli_value(const struct kist_cli *cli, const char *option)
{
    const char *value = NULL;
    for (int i = 0; i < cli->option_count; i++)
        if (strcmp(cli->option_values[i].name, option) == 0)
            value = cli->option_values[i].value;
    return value;
}

enum kist_exit kist_cli_fail(const struct kist_error *err)
{
    kist_log_error(NULL, err);
    return kist_error_exit(err->code);
}

enum kist_exit kist_cli_usage(const struct kist_cli *cli, const char *format, ...)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    va_list args;
    va_start(args, format);
    kist_fail_v(&err, KIST_ERR_CONFIG, format, args);
    va_end(args);
    if (cli->command)
        kist_hint(&err, "`kist %s --help` shows how it is used", cli->command->name);
    else
        kist_hint(&err, "`kist --help` lists the commands");
    return kist_cli_fail(&err);
}

/* The global options and the command's own in getopt's form. */
struct option_table {
    const struct kist_cli_option *rows[MAX_OPTIONS];
    struct option longs[MAX_OPTIONS + 1];
    char shorts[2 * MAX_OPTIONS + 3];
    int count;
};

static void add_options(struct option_table *table, const struct kist_cli_option *options)
{
    for (; options && options->name && table->count < MAX_OPTIONS; options++) {
        table->rows[table->count] = options;
        table->longs[table->count] = (struct option){.name = options->name,
                                                     .has_arg = options->arg ? required_argument : no_argument,
                                                     .val = FIRST_LONG + table->count};
        if (options->letter) {
            char letter[3] = {options->letter, options->arg ? ':' : '\0', '\0'};
            strcat(table->shorts, letter); /* two characters for each of at most MAX_OPTIONS rows */
        }
        table->count++;
    }
}

static const struct kist_cli_option *row_of(const struct option_table *table, int value)
{
    if (value >= FIRST_LONG)
        return table->rows[value - FIRST_LONG];
    for (int i = 0; i < table->count; i++)
        if (table->rows[i]->letter == value)
            return table->rows[i];
    return NULL;
}

/* What getopt could not understand. */
static enum kist_exit bad_option(const struct kist_cli *cli, const struct option_table *table, char **argv,
                                 int value)
{
    const char *names[MAX_OPTIONS];
    for (int i = 0; i < table->count; i++)
        names[i] = table->rows[i]->name;
    if (value == ':')
        return kist_cli_usage(cli, "option '%s' needs a value", argv[optind - 1]);
    if (optopt >= FIRST_LONG)
        return kist_cli_usage(cli, "option '--%s' takes no value", table->rows[optopt - FIRST_LONG]->name);
    if (optopt)
        return kist_cli_usage(cli, "there is no option '-%c'", optopt);
    const char *word = argv[optind - 1];
    const char *near = strncmp(word, "--", 2) == 0 ? kist_suggest(word + 2, names, (size_t)table->count) : NULL;
    return kist_cli_usage(cli, near ? "there is no option '%s'; did you mean '--%s'?" : "there is no option '%s'",
                          word, near);
}

/* Parses options from argv[optind] on; stops at the first word when `until_word`. Returns KIST_EXIT_OK to go on. */
static enum kist_exit parse_options(struct kist_cli *cli, const struct option_table *table, int argc, char **argv,
                                    int until_word)
{
    char shorts[sizeof table->shorts + 3];
    /* ':' first: tell a missing value from an unknown option; '+': stop at the first word. */
    snprintf(shorts, sizeof shorts, "%s:%s", until_word ? "+" : "", table->shorts);
    opterr = 0;
    for (int value; (value = getopt_long(argc, argv, shorts, table->longs, NULL)) != -1;) {
        const struct kist_cli_option *row = value == '?' || value == ':' ? NULL : row_of(table, value);
        if (!row)
            return bad_option(cli, table, argv, value);
        cli->option_values[cli->option_count++] = (struct kist_cli_value){.name = row->name, .value = optarg};
    }
    return KIST_EXIT_OK;
}

/* The command that the next one or two words name; `ret_words` says how many they were. */
static const struct kist_command *find_command(char **words, int count, int *ret_words)
{
    for (const struct kist_command *command = kist_commands; command->name; command++) {
        const char *space = strchr(command->name, ' ');
        size_t first = space ? (size_t)(space - command->name) : strlen(command->name);
        if (strlen(words[0]) != first || strncmp(words[0], command->name, first) != 0)
            continue;
        if (space && (count < 2 || strcmp(words[1], space + 1) != 0))
            continue;
        *ret_words = space ? 2 : 1;
        return command;
    }
    return NULL;
}

/* 1 when commands of two words begin with this one. */
static int is_family(const char *word)
{
    size_t length = strlen(word);
    for (const struct kist_command *command = kist_commands; command->name; command++)
        if (strncmp(command->name, word, length) == 0 && command->name[length] == ' ')
            return 1;
    return 0;
}

/* The first of two words alone: its help when that is asked for. */
static enum kist_exit family_alone(const char *word, const char *next)
{
    if (next && (strcmp(next, "--help") == 0 || strcmp(next, "-h") == 0)) {
        kist_cli_help_all(word, stdout);
        return kist_cli_flush(KIST_EXIT_OK, KIST_EXIT_FAILED);
    }
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    kist_fail(&err, KIST_ERR_CONFIG, "'%s' needs one more word", word);
    kist_hint(&err, "`kist help %s` shows which", word);
    return kist_cli_fail(&err);
}

static enum kist_exit unknown_command(const struct kist_cli *cli, char **words, int count)
{
    const char *names[64];
    size_t known = 0;
    char *both = NULL;
    int family = is_family(words[0]);
    if (family && (count < 2 || words[1][0] == '-'))
        return family_alone(words[0], count < 2 ? NULL : words[1]);
    for (const struct kist_command *command = kist_commands; command->name && known < 64; command++)
        names[known++] = command->name;
    if (asprintf(&both, "%s%s%s", words[0], family ? " " : "", family ? words[1] : "") < 0)
        return KIST_EXIT_FAILED;
    const char *near = kist_suggest(both, names, known);
    enum kist_exit status = kist_cli_usage(
        cli, near ? "there is no command '%s'; did you mean '%s'?" : "there is no command '%s'", both, near);
    free(both);
    return status;
}

/* What the options that every command has say of log and colour. */
static enum kist_exit setup_log(const struct kist_cli *cli)
{
    const char *format = kist_cli_value(cli, "log-format");
    enum kist_log_format form = KIST_LOG_PLAIN;
    int level = kist_cli_has(cli, "quiet")     ? KIST_LOG_WARNING
                : kist_cli_has(cli, "verbose") ? KIST_LOG_DEBUG
                                               : KIST_LOG_INFO;
    int color = isatty(STDERR_FILENO) && !kist_cli_has(cli, "no-color") && !getenv("NO_COLOR");
    if (format && strcmp(format, "json") == 0)
        form = KIST_LOG_JSON;
    else if (format && strcmp(format, "journald") == 0)
        form = KIST_LOG_JOURNALD;
    else if (format && strcmp(format, "plain") != 0)
        return kist_cli_usage(cli, "--log-format %s: use plain, json or journald", format);
    kist_log_setup(level, form, color);
    return KIST_EXIT_OK;
}

static enum kist_exit run_command(struct kist_cli *cli)
{
    enum kist_exit status = setup_log(cli);
    if (status)
        return status;
    if (kist_cli_has(cli, "help")) {
        kist_cli_help(cli->command, stdout);
        return kist_cli_flush(KIST_EXIT_OK, KIST_EXIT_FAILED);
    }
    if (cli->arg_count < cli->command->min_args)
        return kist_cli_usage(cli, "'%s' needs %s", cli->command->name, cli->command->args);
    if (cli->command->max_args >= 0 && cli->arg_count > cli->command->max_args)
        return kist_cli_usage(cli, "'%s' is one word too many", cli->args[cli->command->max_args]);
    status = cli->command->run(cli);
    /* What a signal cut short did not fail by itself. */
    if (status == KIST_EXIT_FAILED && kist_signals_seen())
        status = KIST_EXIT_SIGNAL + (unsigned)kist_signals_seen();
    return kist_cli_flush(status, cli->command->lost);
}

static enum kist_exit parse_and_run(struct kist_cli *cli, int argc, char **argv)
{
    struct option_table globals = {.shorts = ""};
    add_options(&globals, kist_global_options);
    enum kist_exit status = parse_options(cli, &globals, argc, argv, 1);
    if (status)
        return status;
    if (kist_cli_has(cli, "version")) {
        printf("kist %s\n", KIST_VERSION);
        return kist_cli_flush(KIST_EXIT_OK, KIST_EXIT_FAILED);
    }
    if (optind == argc) {
        int asked = kist_cli_has(cli, "help");
        kist_cli_overview(asked ? stdout : stderr);
        return kist_cli_flush(asked ? KIST_EXIT_OK : KIST_EXIT_USAGE, KIST_EXIT_FAILED);
    }
    int words = 0;
    const struct kist_command *command = find_command(argv + optind, argc - optind, &words);
    if (!command)
        return unknown_command(cli, argv + optind, argc - optind);
    cli->command = command;
    struct option_table table = {.shorts = ""};
    add_options(&table, kist_global_options);
    add_options(&table, command->options);
    /* The words of the command stand where getopt expects the program's name. */
    char **rest = argv + optind + words - 1;
    int rest_count = argc - optind - words + 1;
    optind = 0;
    status = parse_options(cli, &table, rest_count, rest, 0);
    if (status)
        return status;
    cli->args = rest + optind;
    cli->arg_count = rest_count - optind;
    return run_command(cli);
}

enum kist_exit kist_cli_main(int argc, char **argv, struct kist_cancel *cancel)
{
    /* Every letter of a word like -qqq is an option of its own. */
    size_t most = 1;
    for (int i = 0; i < argc; i++)
        most += strlen(argv[i]);
    struct kist_cli cli = {.cancel = cancel, .option_values = calloc(most, sizeof *cli.option_values)};
    if (!cli.option_values)
        return KIST_EXIT_FAILED;
    kist_log_setup(KIST_LOG_INFO, KIST_LOG_PLAIN, isatty(STDERR_FILENO) && !getenv("NO_COLOR"));
    enum kist_exit status = parse_and_run(&cli, argc, argv);
    free(cli.option_values);
    return status;
}
