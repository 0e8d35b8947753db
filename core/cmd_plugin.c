#include "commands.h"
#include "config_parse.h"
#include "log.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_WIDTH 79

/* What `plugin list` collects. */
struct rows {
    json_t *json; /* NULL when a table is printed */
    int count, bad;
};

static void add_row(void *arg, const char *path, const struct kist_plugin *plugin, const struct kist_error *err)
{
    struct rows *rows = arg;
    if (rows->json)
        json_array_append_new(rows->json,
                              plugin ? json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", kist_kind_name(plugin->kind),
                                                 "name", plugin->name, "version", plugin->about.version, "summary",
                                                 plugin->about.summary, "path", path)
                                     : json_pack("{s:s, s:s}", "path", path, "error", kist_error_text(err)));
    else if (plugin) {
        if (rows->count == 0)
            printf("%-12s %-14s %-8s %s\n", "KIND", "NAME", "VERSION", "SUMMARY");
        printf("%-12s %-14s %-8s %s\n", kist_kind_name(plugin->kind), plugin->name, plugin->about.version,
               plugin->about.summary);
    }
    if (!plugin) {
        kist_log_error(NULL, err);
        rows->bad = 1;
    }
    rows->count++;
}

enum kist_exit kist_cmd_plugin_list(struct kist_cli *cli)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_registry *registry = kist_cli_registry(cli, &status);
    if (!registry)
        return status;
    struct rows rows = {.json = kist_cli_has(cli, "json") ? json_array() : NULL};
    int code = kist_registry_each(registry, add_row, &rows, &err);
    if (code) {
        json_decref(rows.json);
        status = kist_cli_fail(&err);
    } else if (rows.json) {
        status = kist_cli_print_json(rows.json);
    }
    kist_registry_free(registry);
    return status ? status : rows.bad ? KIST_EXIT_USAGE : KIST_EXIT_OK;
}

/* Paragraphs, broken at blanks for a terminal of the usual width. */
static void print_wrapped(const char *text, size_t indent)
{
    size_t column = 0;
    while (*text) {
        size_t word = strcspn(text, " \n");
        if (column > 0 && column + 1 + word > LINE_WIDTH) {
            putchar('\n');
            column = 0;
        }
        column += (size_t)printf("%*s%.*s", column ? 1 : (int)indent, "", (int)word, text);
        text += word;
        if (*text == '\n') {
            putchar('\n');
            column = 0;
        }
        text += *text != '\0';
    }
    putchar('\n');
}

static void print_range(const struct kist_option *option)
{
    if (!(option->flags & KIST_OPTION_RANGE))
        return;
    if (option->type == KIST_TYPE_SIZE)
        printf(", %s to %s", kist_size_write((uint64_t)option->min).text,
               kist_size_write((uint64_t)option->max).text);
    else if (option->type == KIST_TYPE_DURATION)
        printf(", %s to %s", kist_duration_write(option->min).text, kist_duration_write(option->max).text);
    else
        printf(", %lld to %lld", (long long)option->min, (long long)option->max);
}

static void print_options(const struct kist_plugin *plugin)
{
    struct kist_option option;
    for (size_t i = 0; kist_plugin_option(plugin, i, &option); i++) {
        const char *type = option.type == KIST_TYPE_CHOICE && option.choices ? option.choices
                                                                             : kist_option_type_name(option.type);
        const char *of = option.type == KIST_TYPE_SOURCE ? option.choices : NULL;
        printf("\n  %s (%s%s%s%s%s%s", option.name, type, of ? " of plugin " : "", of ? of : "",
               option.flags & KIST_OPTION_REQUIRED ? ", required" : "", option.def ? ", default " : "",
               option.def ? option.def : "");
        print_range(&option);
        puts(")");
        if (option.help)
            print_wrapped(option.help, 6);
    }
}

static json_t *plugin_json(const struct kist_plugin *plugin)
{
    struct kist_option option;
    json_t *options = json_array();
    for (size_t i = 0; kist_plugin_option(plugin, i, &option); i++)
        json_array_append_new(options, json_pack("{s:s, s:s, s:b, s:s*, s:s*, s:s*}", "name", option.name, "type",
                                                 kist_option_type_name(option.type), "required",
                                                 (option.flags & KIST_OPTION_REQUIRED) != 0, "default", option.def,
                                                 "choices", option.choices, "help", option.help));
    return json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s, s:i, s:o}", "kind", kist_kind_name(plugin->kind), "name",
                     plugin->name, "version", plugin->about.version, "summary", plugin->about.summary, "details",
                     plugin->about.details, "path", plugin->path, "interface", (int)plugin->abi_version, "options",
                     options);
}

static void print_plugin(const struct kist_plugin *plugin)
{
    printf("%s %s %s: %s\n", kist_kind_name(plugin->kind), plugin->name, plugin->about.version,
           plugin->about.summary);
    printf("  file: %s (plugin interface %u)\n", plugin->path, (unsigned)plugin->abi_version);
    if (plugin->about.details) {
        putchar('\n');
        print_wrapped(plugin->about.details, 0);
    }
    print_options(plugin);
}

enum kist_exit kist_cmd_plugin_inspect(struct kist_cli *cli)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    enum kist_exit status = KIST_EXIT_OK;
    struct kist_registry *registry = kist_cli_registry(cli, &status);
    if (!registry)
        return status;
    const struct kist_plugin *plugin = NULL;
    int code = kist_cli_plugin(cli, registry, &plugin, &err);
    if (code) {
        kist_log_error(NULL, &err);
        status = KIST_EXIT_USAGE;
    } else if (kist_cli_has(cli, "json")) {
        status = kist_cli_print_json(plugin_json(plugin));
    } else {
        print_plugin(plugin);
    }
    kist_registry_free(registry);
    return status;
}
