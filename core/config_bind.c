#include "config_bind.h"
#include "config_parse.h"
#include "config_values.h"
#include "redact.h"
#include "suggest.h"
#include "text.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_SUFFIX "_file"
#define NAMES_MAX 256

/* One option on its way into the struct. */
struct binding {
    const struct kist_bind_scope *scope;
    const struct kist_option *option;
    struct kist_ini_entry *entry;      /* KEY = ..., or NULL */
    struct kist_ini_entry *file_entry; /* KEY_file = ..., or NULL */
    struct kist_config_place place;
    void *config;
};

struct kist_option_table kist_option_table_of(const struct kist_plugin *plugin, struct kist_vault *vault)
{
    struct kist_option row;
    size_t count = 0;
    while (kist_plugin_option(plugin, count, &row))
        count++;
    struct kist_option *rows = kist_vault_alloc(vault, count + 1, sizeof *rows);
    for (size_t i = 0; rows && i < count; i++)
        if (!kist_plugin_option(plugin, i, &rows[i]))
            break;
    return (struct kist_option_table){.rows = rows, .count = rows ? count : 0, .size = plugin->about.config_size};
}

static int ends_with_file(const char *key)
{
    size_t size = strlen(key), suffix = sizeof FILE_SUFFIX - 1;
    return size > suffix && strcmp(key + size - suffix, FILE_SUFFIX) == 0;
}

static int has_row(const struct kist_option_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].name, name) == 0)
            return 1;
    return 0;
}

/* KEY_file for a row, unless the table has a row of that very name: then it is that one's. */
static struct kist_ini_entry *find_file_entry(const struct kist_ini_section *section, const char *name,
                                              const struct kist_option_table *table)
{
    char key[KIST_INI_NAME_MAX + 1];
    size_t size = strlen(name), suffix = sizeof FILE_SUFFIX;
    if (size + suffix > sizeof key)
        return NULL;
    memcpy(key, name, size);
    memcpy(key + size, FILE_SUFFIX, suffix);
    return table && has_row(table, key) ? NULL : kist_ini_entry(section, key);
}

struct kist_config_place kist_bind_place(const struct kist_bind_scope *scope, const char *key)
{
    struct kist_config_place place = scope->place;
    if (!scope->section)
        return place;
    struct kist_ini_entry *entry = kist_ini_entry(scope->section, key);
    if (!entry)
        entry = find_file_entry(scope->section, key, NULL);
    return kist_ini_place(scope->section, entry);
}

/* ---- secrets ---- */

static int is_one_reference(const char *raw)
{
    return raw[0] == '$' && raw[1] == '{' && strchr(raw, '}') && strchr(raw, '}')[1] == '\0';
}

/* `raw` with every reference replaced by one byte that no file can hold. */
static char *mask_references(const char *raw)
{
    struct kist_text text = KIST_TEXT_INIT;
    while (*raw) {
        const char *end = raw[0] == '$' && raw[1] == '{' ? strchr(raw, '}') : NULL;
        kist_text_add_char(&text, end ? '\1' : *raw);
        raw = end ? end + 1 : raw + 1;
    }
    return kist_text_take(&text);
}

/* 1 when the secret part of the value is spelt out in the file. That of a URL is its password; an http URL without
 * one is a secret as a whole: those of chat hooks are. */
static int spells_secret(const char *raw, int is_literal)
{
    struct kist_span spans[8];
    char *masked = mask_references(raw);
    size_t count = masked ? kist_url_passwords(masked, spans, 8) : 0;
    int spelt = is_literal && *raw;
    if (masked && kist_url_is(masked) && strncmp(masked, "http", 4) != 0)
        spelt = 0;
    for (size_t i = 0; i < count && i < 8; i++)
        if (!memchr(spans[i].data, '\1', spans[i].size))
            spelt = 1;
    kist_secret_free(masked);
    return spelt;
}

static int check_secret(const struct binding *binding, const struct kist_value *value)
{
    struct kist_problem_list *problems = binding->scope->problems;
    const struct kist_config_file *file = binding->scope->section->file;
    const char *raw = binding->entry->value;
    if (binding->entry->commented && !is_one_reference(raw)) {
        kist_problem_add(problems, &binding->place,
                         "a ';' after a blank begins a comment, so this secret may be cut off");
        kist_problem_hint(problems,
                          "put a comment on a line of its own; a secret that holds ' ;' can come from "
                          "%s_file = PATH",
                          binding->option->name);
        return -1;
    }
    if (!(file->mode & (S_IRGRP | S_IROTH)) || !spells_secret(raw, value->is_literal))
        return 0;
    kist_problem_add(problems, &binding->place, "a secret in a file that others can read (mode %04o)", file->mode);
    kist_problem_hint(problems, "chmod 600 %s, or write %s = ${NAME}, ${cred:NAME}, or %s_file = PATH", file->path,
                      binding->option->name, binding->option->name);
    return -1;
}

/* ---- values ---- */

static void report(const struct binding *binding, struct kist_error *err)
{
    kist_problem_add_error(binding->scope->problems, &binding->place, err);
}

/* A value that did not stand in the file is not quoted: nobody knows what it is. */
static void report_value(const struct binding *binding, const struct kist_value *value, struct kist_error *err)
{
    if (!value->is_literal && err->code == KIST_ERR_CONFIG) {
        const char *type = kist_option_type_name(binding->option->type);
        char *hint = err->hint;
        err->hint = NULL;
        kist_fail(err, KIST_ERR_CONFIG, "what the reference stands for is not an allowed %s", type);
        err->hint = hint;
    }
    report(binding, err);
}

static int check_text(const struct binding *binding, const struct kist_value *value)
{
    struct kist_problem_list *problems = binding->scope->problems;
    uint32_t type = binding->option->type;
    if (!kist_utf8_valid(value->text, strlen(value->text))) {
        kist_problem_add(problems, &binding->place, "the value is not valid UTF-8");
        return -1;
    }
    if ((binding->option->flags & KIST_OPTION_REQUIRED) && value->text[strspn(value->text, " \t\r\n,")] == '\0') {
        kist_problem_add(problems, &binding->place, "the value is empty");
        return -1;
    }
    if ((type == KIST_TYPE_STRING || type == KIST_TYPE_LIST) && kist_url_is(value->text) &&
        kist_url_has_password(value->text)) {
        if (kist_redact_add(value->text))
            problems->failed = 1;
        kist_problem_add(problems, &binding->place, "a URL with a password, but this option is not kept secret");
        kist_problem_hint(problems, "leave the password out here and give it in an option that is a secret");
        return -1;
    }
    return 0;
}

/* An option that names a destination, or a source, names one that there is. */
static int check_named(const struct binding *binding, const struct kist_value *value)
{
    struct kist_problem_list *problems = binding->scope->problems;
    const struct kist_ini *ini = binding->scope->ini;
    const uint32_t type = binding->option->type;
    const char *kind = kist_option_type_name(type), *name = value->text;
    if ((type != KIST_TYPE_STORE && type != KIST_TYPE_SOURCE) || (ini && kist_ini_find(ini, kind, name)))
        return 0;
    const char *meant = ini ? kist_ini_suggest(ini, kind, name) : NULL;
    kist_problem_add(problems, &binding->place, "there is no [%s %s]", kind, name);
    if (meant)
        kist_problem_hint(problems, "did you mean '%s'?", meant);
    else if (type == KIST_TYPE_SOURCE)
        kist_problem_hint(problems, "add a section [source %s] with 'plugin = %s'", name,
                          binding->option->choices);
    else
        kist_problem_hint(problems,
                          "add a section [destination %s]: a store that is read is described like one that is "
                          "written",
                          name);
    return -1;
}

static void take_value(const struct binding *binding, const struct kist_value *value)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    int is_secret = binding->option->type == KIST_TYPE_SECRET;
    if (is_secret && kist_redact_add(value->text))
        binding->scope->problems->failed = 1;
    if (is_secret && binding->entry && check_secret(binding, value))
        return;
    if (check_text(binding, value) == 0 && check_named(binding, value) == 0 &&
        kist_option_parse(binding->option, value->text, binding->scope->vault, binding->config, &err))
        report_value(binding, value, &err);
}

static void take_entry(const struct binding *binding)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    struct kist_value value = {.text = NULL};
    int is_secret = binding->option->type == KIST_TYPE_SECRET;
    int failed = binding->entry ? kist_value_expand(binding->entry->value, &value, &err)
                                : kist_value_from_file(binding->file_entry->value, binding->place.file->path,
                                                       is_secret, &value, &err);
    if (failed)
        report(binding, &err);
    else
        take_value(binding, &value);
    kist_value_done(&value);
}

static void take_default(const struct binding *binding)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    struct kist_value value = {.text = NULL};
    struct kist_config_place place = binding->place;
    const struct kist_option *option = binding->option;
    int failed = kist_value_expand(option->def, &value, &err) ||
                 kist_option_parse(option, value.text, binding->scope->vault, binding->config, &err);
    if (failed) {
        place.key = option->name;
        kist_error_prefix(&err, "the default of the option does not fit");
        kist_problem_add_error(binding->scope->problems, &place, &err);
    }
    kist_value_done(&value);
}

static void report_missing(const struct binding *binding)
{
    const struct kist_option *option = binding->option;
    struct kist_problem_list *problems = binding->scope->problems;
    struct kist_config_place place = binding->place;
    if (!binding->scope->section) {
        kist_problem_add(problems, &place,
                         "the option '%s' of this plugin is required: it needs a section of its own",
                         option->name);
        return;
    }
    place.key = option->name;
    kist_problem_add(problems, &place, "required, but not given");
    if (option->help)
        kist_problem_hint(problems, "%s = ...: %s", option->name, option->help);
}

/* A row that cannot be filled: of a type that a newer version has, or broken. The first hurts only who uses it. */
static void report_unsound(const struct binding *binding)
{
    struct kist_config_place place = binding->place;
    int is_new = kist_option_type_size(binding->option->type) == 0;
    place.key = binding->option->name;
    if (!is_new)
        kist_problem_add(binding->scope->problems, &place,
                         "the plugin describes this option in a way that cannot be");
    else if (binding->entry || binding->file_entry)
        kist_problem_add(binding->scope->problems, &place,
                         "this version of kist does not know options of this type");
}

static void bind_option(struct binding *binding, const struct kist_option_table *table)
{
    const struct kist_bind_scope *scope = binding->scope;
    const struct kist_option *option = binding->option;
    if (scope->section) {
        binding->entry = kist_ini_entry(scope->section, option->name);
        binding->file_entry = find_file_entry(scope->section, option->name, table);
        binding->place = kist_ini_place(scope->section, binding->entry ? binding->entry : binding->file_entry);
    }
    if (binding->entry)
        binding->entry->used = 1;
    if (binding->file_entry)
        binding->file_entry->used = 1;
    if (!kist_option_is_sound(option, table->size)) {
        report_unsound(binding);
        return;
    }
    if (option->type == KIST_TYPE_CHOICE)
        ((kist_choice *)(void *)((char *)binding->config + option->offset))->index = -1;
    if (binding->entry && binding->file_entry) {
        struct kist_config_place place = kist_ini_place(scope->section, binding->file_entry);
        kist_problem_add(scope->problems, &place, "given together with '%s' (line %d)", option->name,
                         binding->entry->line);
        kist_problem_hint(scope->problems, "keep one of them");
    } else if (binding->entry || binding->file_entry) {
        take_entry(binding);
    } else if (option->def) {
        take_default(binding);
    } else if (option->flags & KIST_OPTION_REQUIRED) {
        report_missing(binding);
    }
}

void kist_bind(const struct kist_bind_scope *scope, const struct kist_option_table *table, void *config)
{
    for (size_t i = 0; i < table->count; i++) {
        struct binding binding = {
            .scope = scope, .option = &table->rows[i], .place = scope->place, .config = config};
        bind_option(&binding, table);
    }
}

/* ---- what nobody wanted ---- */

static size_t collect_names(const struct kist_option_table *tables, size_t count, const char **ret_names)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < tables[i].count && found < NAMES_MAX; j++)
            ret_names[found++] = tables[i].rows[j].name;
    return found;
}

static void hint_for(struct kist_problem_list *problems, const char *key, const char *const *names, size_t count)
{
    const char *meant = kist_suggest(key, names, count);
    char stem[KIST_INI_NAME_MAX + 1] = "";
    struct kist_text all KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    if (!meant && ends_with_file(key)) {
        memcpy(stem, key, strlen(key) - (sizeof FILE_SUFFIX - 1));
        meant = kist_suggest(stem, names, count);
    }
    if (meant) {
        kist_problem_hint(problems, "did you mean '%s%s'?", meant, *stem ? FILE_SUFFIX : "");
        return;
    }
    for (size_t i = 0; i < count; i++)
        kist_text_printf(&all, "%s%s", i > 0 ? ", " : "", names[i]);
    kist_problem_hint(problems, "the keys of this section are %s", kist_text_get(&all));
}

void kist_bind_report_unknown(const struct kist_bind_scope *scope, const struct kist_option_table *tables,
                              size_t count)
{
    const char *names[NAMES_MAX];
    size_t name_count = collect_names(tables, count, names);
    for (struct kist_ini_entry *entry = scope->section ? scope->section->entries : NULL; entry;
         entry = entry->next) {
        struct kist_config_place place = kist_ini_place(scope->section, entry);
        if (entry->used)
            continue;
        kist_problem_add(scope->problems, &place, "unknown key");
        hint_for(scope->problems, entry->key, names, name_count);
    }
}

int kist_bind_equal(const struct kist_option_table *table, const void *a, const void *b)
{
    for (size_t i = 0; i < table->count; i++)
        if (kist_option_is_sound(&table->rows[i], table->size) && !kist_option_equal(&table->rows[i], a, b))
            return 0;
    return 1;
}
