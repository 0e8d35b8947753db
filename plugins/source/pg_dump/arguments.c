#include "pg_dump.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pgd_strings_add(struct pgd_strings *strings, const char *format, ...)
{
    char *text = NULL, **items = realloc(strings->items, (strings->count + 2) * sizeof *items);
    if (items)
        strings->items = items;
    va_list args;
    va_start(args, format);
    if (!items || vasprintf(&text, format, args) < 0)
        strings->failed = 1;
    va_end(args);
    if (strings->failed)
        return;
    items[strings->count++] = text;
    items[strings->count] = NULL;
}

void pgd_strings_done(struct pgd_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
    *strings = (struct pgd_strings){0};
}

/* ---- what extra_args may not say ---- */

struct refused {
    const char *name; /* long option */
    char letter;      /* or 0 */
    const char *why;
};

static const char why_stream[] = "kist reads the dump from pg_dump's output";
static const char why_connection[] = "the connection is said by the options of this section";
static const char why_option[] = "it has an option of its own in this section";
static const char why_useless[] = "pg_dump would dump nothing";

static const struct refused refused[] = {
    {"file", 'f', why_stream},
    {"format", 'F', "use format = custom or plain"},
    {"compress", 'Z', "filters compress the dump"},
    {"jobs", 'j', "it needs the directory format"},
    {"no-sync", 0, why_stream},
    {"sync-method", 0, why_stream},
    {"snapshot", 0, "the dump takes its own snapshot"},
    {"enable-row-security", 0, "it leaves out the rows that the role may not see, and succeeds"},
    {"create", 'C', "a restore chooses its database; the dump must not"},
    {"dbname", 'd', why_connection},
    {"host", 'h', why_connection},
    {"port", 'p', why_connection},
    {"username", 'U', why_connection},
    {"no-password", 'w', why_connection},
    {"password", 'W', why_connection},
    {"table", 't', "use tables"},
    {"exclude-table", 'T', "use exclude_tables, which tells when nothing matches"},
    {"schema", 'n', "use schemas"},
    {"exclude-schema", 'N', "use exclude_schemas, which tells when nothing matches"},
    {"schema-only", 's', "use sections = schema"},
    {"data-only", 'a', "use sections = data"},
    {"lock-wait-timeout", 0, why_option},
    {"help", '?', why_useless},
    {"version", 'V', why_useless},
};

/* Short options that may stand in extra_args; those after the bar take a value. */
static const char short_options[] = "bBcOvxRX|eES";

static int refuse(const struct kist_host *host, const char *argument, const char *why, struct kist_error *err)
{
    return host->fail(host, err, KIST_ERR_CONFIG, "extra_args: '%s' is refused: %s", argument, why);
}

/* getopt takes any beginning of a long option for it, if it is the only one: so a beginning is refused with it,
 * but for those that are options themselves. */
static int check_long(const struct kist_host *host, const char *argument, struct kist_error *err)
{
    const char *name = argument + 2;
    size_t length = strcspn(name, "=");
    if (length == 0)
        return refuse(host, argument, "only options may follow", err);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strncmp(name, refused[i].name, length) == 0)
            return refuse(host, argument, refused[i].why, err);
    return 0;
}

/* A cluster of short options; *ret_wants says that the next item is the value of its last. */
static int check_short(const struct kist_host *host, const char *argument, int *ret_wants, struct kist_error *err)
{
    const char *bar = strchr(short_options, '|');
    for (const char *letter = argument + 1; *letter; letter++) {
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
            if (*letter == refused[i].letter)
                return refuse(host, argument, refused[i].why, err);
        const char *known = *letter == '|' ? NULL : strchr(short_options, *letter);
        if (!known)
            return refuse(host, argument, "kist does not know this short option; write the long one", err);
        if (known > bar) {
            *ret_wants = letter[1] == '\0';
            return 0;
        }
    }
    return 0;
}

int pgd_extra_args_check(const struct kist_host *host, const kist_list *extra_args, struct kist_error *err)
{
    int wants = 0;
    for (uint64_t i = 0; i < extra_args->count; i++) {
        const char *argument = extra_args->items[i];
        int code = 0;
        if (wants)
            wants = 0;
        else if (strncmp(argument, "--", 2) == 0)
            code = check_long(host, argument, err);
        else if (argument[0] == '-' && argument[1])
            code = check_short(host, argument, &wants, err);
        else {
            code = refuse(host, argument, "it is not an option", err);
            host->hint(host, err, "write a long option and its value as one item: --role=backup");
        }
        if (code)
            return code;
    }
    if (wants)
        return refuse(host, extra_args->items[extra_args->count - 1], "its value is missing", err);
    return 0;
}

/* ---- the command ---- */

static void add_list(struct pgd_strings *arguments, const char *option, const kist_list *list)
{
    for (uint64_t i = 0; i < list->count; i++)
        pgd_strings_add(arguments, "%s=%s", option, list->items[i]);
}

void pgd_dump_arguments(const struct pgd_config *config, const char *program, const char *conninfo,
                        const char *snapshot, struct pgd_strings *ret_arguments)
{
    pgd_strings_add(ret_arguments, "%s", program);
    if (config->format.index == PGD_PLAIN) {
        pgd_strings_add(ret_arguments, "--format=plain");
    } else {
        pgd_strings_add(ret_arguments, "--format=custom");
        pgd_strings_add(ret_arguments, "--compress=0");
    }
    pgd_strings_add(ret_arguments, "--no-password");
    if (config->lock_timeout.ms > 0)
        pgd_strings_add(ret_arguments, "--lock-wait-timeout=%lld", (long long)config->lock_timeout.ms);
    if (config->sections.index == PGD_SCHEMA)
        pgd_strings_add(ret_arguments, "--schema-only");
    if (config->sections.index == PGD_DATA)
        pgd_strings_add(ret_arguments, "--data-only");
    pgd_strings_add(ret_arguments, "--strict-names");
    if (snapshot)
        pgd_strings_add(ret_arguments, "--snapshot=%s", snapshot);
    add_list(ret_arguments, "--table", &config->tables);
    add_list(ret_arguments, "--exclude-table", &config->exclude_tables);
    add_list(ret_arguments, "--schema", &config->schemas);
    add_list(ret_arguments, "--exclude-schema", &config->exclude_schemas);
    pgd_strings_add(ret_arguments, "--dbname=%s", conninfo);
    /* Last, so that an option which lacks its value cannot take one of ours for it. */
    for (uint64_t i = 0; i < config->extra_args.count; i++)
        pgd_strings_add(ret_arguments, "%s", config->extra_args.items[i]);
}
