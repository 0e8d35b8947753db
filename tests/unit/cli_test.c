/* The command line: what is understood, what is refused and with which words, and the help of every command. */
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"
#include "commands.h"

#define MAX_WORDS 64

/* What a command line led to. */
static struct {
    int status;
    char out[32768], err[8192];
} result;

static void read_back(FILE *file, char *text, size_t size)
{
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* `line`: words between single spaces. In a process of its own, since commands print and options are remembered. */
static void say(const char *line)
{
    char *copy = strdup(line), *argv[MAX_WORDS] = {(char *)(uintptr_t) "kist"}, *rest = copy, *word = NULL;
    int argc = 1;
    while (*line && (word = strsep(&rest, " ")))
        argv[argc++] = word;
    FILE *out = tmpfile(), *err = tmpfile();
    assert_true(copy && out && err);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        optind = 1;
        int status = (int)kist_cli_main(argc, argv, NULL);
        fflush(NULL);
        free(copy);
        _exit(status);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    result.status = WEXITSTATUS(status);
    read_back(out, result.out, sizeof result.out);
    read_back(err, result.err, sizeof result.err);
    free(copy);
}

static void assert_refused(const char *line, const char *message)
{
    say(line);
    if (result.status != KIST_EXIT_USAGE || !strstr(result.err, message))
        fail_msg("kist %s: exit %d, said: %s", line, result.status, result.err);
    assert_string_equal(result.out, "");
}

static void assert_said(const char *line, const char *output)
{
    say(line);
    if (result.status != KIST_EXIT_OK || !strstr(result.out, output))
        fail_msg("kist %s: exit %d, printed: %s %s", line, result.status, result.out, result.err);
}

static void unknown_options(void **state)
{
    (void)state;
    assert_refused("list --jsno", "there is no option '--jsno'; did you mean '--json'?");
    assert_refused("list shop --jsno", "there is no option '--jsno'; did you mean '--json'?");
    assert_refused("--verbos-e list", "did you mean '--verbose'?");
    assert_refused("run --xyzzy", "there is no option '--xyzzy'\n");
    assert_refused("run -x", "there is no option '-x'");
    assert_refused("run -qx", "there is no option '-x'");
    assert_refused("list --all", "there is no option '--all'");
    assert_refused("version --json=x", "there is no option '--json=x'");
    assert_refused("list --json=x", "option '--json' takes no value");
    assert_refused("--quiet=yes list", "option '--quiet' takes no value");
    assert_refused("list --jsno", "hint: `kist list --help` shows how it is used");
    assert_refused("--xyzzy", "hint: `kist --help` lists the commands");
}

static void missing_values(void **state)
{
    (void)state;
    assert_refused("list --destination", "option '--destination' needs a value");
    assert_refused("restore shop --to", "option '--to' needs a value");
    assert_refused("restore shop -t", "option '-t' needs a value");
    assert_refused("version -c", "option '-c' needs a value");
    assert_refused("-c", "option '-c' needs a value");
    assert_refused("--state", "option '--state' needs a value");
}

static void unknown_commands(void **state)
{
    (void)state;
    assert_refused("lst", "there is no command 'lst'; did you mean 'list'?");
    assert_refused("resotre shop", "did you mean 'restore'?");
    assert_refused("config chekc", "did you mean 'config check'?");
    assert_refused("frobnicate", "there is no command 'frobnicate'\n");
    assert_refused("config", "'config' needs one more word");
    assert_refused("plugin", "'plugin' needs one more word");
    assert_refused("config xyzzy", "there is no command 'config xyzzy'\n");
    assert_refused("help frobnicate", "there is no command 'frobnicate'");
    say("run ''");
    assert_int_equal(result.status, KIST_EXIT_USAGE);
    say("");
    assert_int_equal(result.status, KIST_EXIT_USAGE);
    assert_non_null(strstr(result.err, "usage: kist"));
}

static void too_few_and_too_many_words(void **state)
{
    (void)state;
    assert_refused("show", "'show' needs BACKUP");
    assert_refused("restore", "'restore' needs BACKUP");
    assert_refused("show a b", "'b' is one word too many");
    assert_refused("list a b c", "'b' is one word too many");
    assert_refused("config check now", "'now' is one word too many");
    assert_refused("version x", "'x' is one word too many");
    assert_refused("version -- --help", "'--help' is one word too many");
}

static void globals_anywhere(void **state)
{
    (void)state;
    assert_said("version", "kist ");
    assert_said("--version", "kist ");
    assert_said("-q version", "kist ");
    assert_said("version -q", "kist ");
    assert_said("--log-format json version --no-color", "kist ");
    assert_said("--log-f=plain version", "kist ");
    assert_refused("--log-format xml version", "--log-format xml: use ");
    assert_refused("-c /nonexistent/conf.d config check", "/nonexistent/conf.d");
    assert_refused("config check -c /nonexistent/conf.d", "/nonexistent/conf.d");
    /* The last one given applies. */
    assert_refused("-c /nonexistent/a config check -c /nonexistent/b", "/nonexistent/b");
}

/* Every letter is an option of its own. */
static void many_letters_in_a_word(void **state)
{
    (void)state;
    char line[600] = "version -";
    memset(line + 9, 'q', 500);
    assert_said(line, "kist ");
    memcpy(line, "-", 1);
    memset(line + 1, 'v', 500);
    memcpy(line + 501, " version", sizeof " version");
    assert_said(line, "kist ");
}

static void assert_tells_options(const struct kist_cli_option *options)
{
    char option[64];
    for (; options && options->name; options++) {
        snprintf(option, sizeof option, "--%s%s%s ", options->name, options->arg ? " " : "",
                 options->arg ? options->arg : "");
        assert_non_null(strstr(result.out, option));
        assert_non_null(strstr(result.out, options->help));
        if (options->letter) {
            snprintf(option, sizeof option, "-%c, --%s", options->letter, options->name);
            assert_non_null(strstr(result.out, option));
        }
    }
}

static void help_of_every_command(void **state)
{
    (void)state;
    char line[100];
    static const char *const forms[] = {"%s --help", "%s -h", "help %s", "-h %s", "%s a b c d --help"};
    assert_said("--help", "commands:");
    for (const struct kist_command *command = kist_commands; command->name; command++)
        assert_non_null(strstr(result.out, command->name));
    assert_tells_options(kist_global_options);
    for (const struct kist_command *command = kist_commands; command->name; command++)
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
            snprintf(line, sizeof line, forms[i], command->name);
            assert_said(line, command->summary);
            assert_non_null(strstr(result.out, "usage: kist "));
            assert_tells_options(command->options);
            assert_tells_options(kist_global_options);
            if (command->details)
                assert_non_null(strstr(result.out, command->details));
        }
    /* The first word of several commands stands for all of them. */
    static const char *const families[] = {"help config", "config --help", "config -h"};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        assert_said(families[i], "usage: kist config check");
        assert_non_null(strstr(result.out, "usage: kist config show"));
    }
}

/* No two options of a command may share a letter or a name, also with the global ones. */
static void options_are_unique(void **state)
{
    (void)state;
    for (const struct kist_command *command = kist_commands; command->name; command++)
        for (const struct kist_cli_option *one = command->options; one && one->name; one++) {
            const struct kist_cli_option *lists[] = {kist_global_options, one + 1};
            for (size_t i = 0; i < 2; i++)
                for (const struct kist_cli_option *two = lists[i]; two->name; two++) {
                    assert_string_not_equal(one->name, two->name);
                    assert_true(!one->letter || one->letter != two->letter);
                }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_options),       cmocka_unit_test(missing_values),
        cmocka_unit_test(unknown_commands),      cmocka_unit_test(too_few_and_too_many_words),
        cmocka_unit_test(globals_anywhere),      cmocka_unit_test(many_letters_in_a_word),
        cmocka_unit_test(help_of_every_command), cmocka_unit_test(options_are_unique),
    };
    return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
