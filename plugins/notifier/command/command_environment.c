/* command_environment.c - what the program finds in its environment: little, and nothing by accident. */
#include "command.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN 8

/* These decide what code runs. */
static int is_dangerous(const char *name)
{
    static const char *const names[] = {"BASHOPTS", "BASH_ENV", "ENV",        "IFS",        "NODE_OPTIONS",
                                        "PERL5LIB", "PERL5OPT", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP",
                                        "RUBYLIB",  "RUBYOPT",  "SHELLOPTS"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return 1;
    return strncmp(name, "LD_", 3) == 0 || strncmp(name, "KIST_", 5) == 0;
}

static int is_name(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_')
        return 0;
    while (isalnum((unsigned char)*text) || *text == '_')
        text++;
    return !*text;
}

/* By its name, as people give them. Of a URL, the core takes the password. */
static int is_secret(const char *name)
{
    static const char *const words[] = {"TOKEN", "SECRET", "PASS", "KEY", "AUTH", "CREDENTIAL", "URL", "DSN"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(name, words[i]))
            return 1;
    return 0;
}

/* The program may say what it was given when it fails, and that is told. */
static int hide(const struct kist_host *host, const char *name)
{
    const char *value = getenv(name);
    return value && *value && is_secret(name) ? host->add_secret(host, value) : 0;
}

int command_environment_check(const struct kist_host *host, const struct command_config *config,
                              struct kist_error *err)
{
    for (uint64_t i = 0; i < config->env.count; i++) {
        const char *name = config->env.items[i];
        if (!is_name(name)) {
            host->fail(host, err, KIST_ERR_CONFIG, "env: '%s' is not the name of a variable", name);
            host->hint(host, err, "names only: their values are those of kist's own environment");
            return KIST_ERR_CONFIG;
        }
        if (is_dangerous(name))
            return host->fail(host, err, KIST_ERR_CONFIG, "env: '%s' is not handed on", name);
        if (hide(host, name) != 0)
            return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    }
    return 0;
}

static int set(char **variables, size_t *count, const char *name, const char *value)
{
    if (!value)
        return 0;
    for (size_t i = 0; i < *count; i++) {
        size_t size = strlen(name);
        if (strncmp(variables[i], name, size) != 0 || variables[i][size] != '=')
            continue;
        free(variables[i]);
        variables[i] = variables[--*count];
        variables[*count] = NULL;
    }
    char *text = NULL;
    if (asprintf(&text, "%s=%s", name, value) < 0)
        return -1;
    variables[(*count)++] = text;
    return 0;
}

char **command_environment(const struct command_config *config, const struct kist_event *event)
{
    const char *const own[][2] = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                                  {"LC_ALL", "C.UTF-8"},
                                  {"TZ", "UTC"},
                                  {"KIST_EVENT", event->word},
                                  {"KIST_PIPELINE", event->pipeline},
                                  {"KIST_TITLE", event->title},
                                  {"KIST_RUN", event->run}};
    size_t count = 0;
    int failed = 0;
    char **variables = calloc(OWN + (size_t)config->env.count, sizeof *variables);
    if (!variables)
        return NULL;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        failed |= set(variables, &count, own[i][0], own[i][1]);
    for (uint64_t i = 0; i < config->env.count; i++)
        failed |= set(variables, &count, config->env.items[i], getenv(config->env.items[i]));
    if (!failed)
        return variables;
    command_environment_free(variables);
    return NULL;
}

void command_environment_free(char **variables)
{
    for (size_t i = 0; variables && variables[i]; i++)
        free(variables[i]);
    free(variables);
}
