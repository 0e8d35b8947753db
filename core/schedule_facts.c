#include "schedule_facts.h"
#include "config_dir.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Adds a text once. */
static int add(struct kist_schedule_list *list, const char *data, size_t size)
{
    for (size_t i = 0; i < list->count; i++)
        if (strlen(list->items[i]) == size && memcmp(list->items[i], data, size) == 0)
            return 0;
    char **items = reallocarray(list->items, list->count + 1, sizeof *items);
    char *copy = strndup(data, size);
    if (items)
        list->items = items;
    if (!items || !copy) {
        free(copy);
        return -1;
    }
    list->items[list->count++] = copy;
    return 0;
}

/* Finds each ${NAME} and ${cred:NAME}. What is not well-formed is for `kist config check` to tell. */
static int add_references(struct kist_schedule_facts *facts, const char *value)
{
    for (const char *at = strchr(value, '$'); at; at = strchr(at, '$')) {
        const char *name = at + 2, *end = at[1] == '{' ? strchr(at, '}') : NULL;
        at += at[1] == '$' ? 2 : 1;
        if (!end)
            continue;
        int credential = strncmp(name, "cred:", 5) == 0;
        name += credential ? 5 : 0;
        size_t size = (size_t)(end - name);
        if (size == 0 || size > 200 || strcspn(name, " \t\n\"'\\/${}&<>%,;:") != size)
            continue;
        if (add(credential ? &facts->credentials : &facts->variables, name, size))
            return -1;
    }
    return 0;
}

static int is_home(const char *value)
{
    return strstr(value, "/home/") || strstr(value, "/root/") || strstr(value, "/run/user/");
}

static int read_section(struct kist_schedule_facts *facts, const struct kist_ini_section *section)
{
    int failed = add(&facts->files, section->file->path, strlen(section->file->path));
    int is_destination = strcmp(section->type, "destination") == 0;
    facts->private_files |= (section->file->mode & S_IROTH) == 0;
    for (const struct kist_ini_entry *entry = section->entries; entry && !failed; entry = entry->next) {
        struct stat status;
        failed = add_references(facts, entry->value);
        facts->uses_home |= is_home(entry->value);
        /* Which options are the place of a store only plugins know: a directory is what a destination would write to. */
        if (!failed && is_destination && entry->value[0] == '/' && stat(entry->value, &status) == 0 &&
            S_ISDIR(status.st_mode))
            failed = add(&facts->folders, entry->value, strlen(entry->value));
    }
    return failed;
}

static const char *value_of(const struct kist_ini_section *section, const char *key)
{
    const struct kist_ini_entry *entry = kist_ini_entry(section, key);
    return entry && *entry->value ? entry->value : NULL;
}

/* A schedule that a variable holds is not known here. */
static void parse_schedule(struct kist_schedule_pipeline *pipeline, const struct kist_ini_section *section,
                           struct kist_problem_list *problems)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const char *jitter = value_of(section, "jitter");
    if (!pipeline->schedule || strchr(pipeline->schedule, '$') || strchr(pipeline->zone, '$'))
        return;
    if (kist_schedule_parse(pipeline->schedule, pipeline->zone, 0, pipeline->name, &pipeline->parsed, &err)) {
        const struct kist_config_place place = kist_ini_place(section, kist_ini_entry(section, "schedule"));
        kist_problem_add_error(problems, &place, &err);
    }
    /* How large the share is does not matter: that there is one does. */
    pipeline->parsed.offset = jitter != NULL;
}

static int read_pipelines(struct kist_schedule_facts *facts, struct kist_problem_list *problems)
{
    size_t count = 0;
    for (const struct kist_ini_section *section = facts->ini.sections; section; section = section->next)
        count += strcmp(section->type, "pipeline") == 0;
    facts->pipelines = calloc(count + 1, sizeof *facts->pipelines);
    if (!facts->pipelines)
        return -1;
    for (const struct kist_ini_section *section = facts->ini.sections; section; section = section->next) {
        if (strcmp(section->type, "pipeline") != 0)
            continue;
        struct kist_schedule_pipeline *pipeline = &facts->pipelines[facts->pipeline_count++];
        const char *zone = value_of(section, "timezone");
        pipeline->name = section->name;
        pipeline->schedule = value_of(section, "schedule");
        pipeline->zone = zone ? zone : "UTC";
        parse_schedule(pipeline, section, problems);
    }
    return 0;
}

static int read_state(struct kist_schedule_facts *facts)
{
    const struct kist_ini_section *global = kist_ini_find(&facts->ini, "kist", "");
    const char *state = global ? value_of(global, "state") : NULL;
    if (!state || strchr(state, '$'))
        return 0;
    facts->state = strdup(state);
    return facts->state ? 0 : -1;
}

static int read_all(struct kist_schedule_facts *facts, const char *config, struct kist_problem_list *problems)
{
    int failed = 0;
    for (const struct kist_ini_section *section = facts->ini.sections; section && !failed; section = section->next)
        failed = read_section(facts, section);
    failed = failed || read_pipelines(facts, problems) || read_state(facts);
    facts->config = realpath(config, NULL);
    facts->program = realpath("/proc/self/exe", NULL);
    if (failed || !facts->config || !facts->program)
        return -1;
    facts->uses_home |= is_home(facts->config) || is_home(facts->program);
    return 0;
}

/* No form of quotes can carry these through every format. */
static int check_word(const char *word, struct kist_error *err)
{
    struct kist_text shown KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    int plain = !word || kist_utf8_valid(word, strlen(word));
    for (const char *at = word; at && *at && plain; at++)
        plain = (unsigned char)*at >= 0x20 && *at != 0x7f;
    if (plain)
        return 0;
    kist_text_add_printable(&shown, word, strlen(word));
    kist_fail(err, KIST_ERR_CONFIG, "'%s' has characters that cannot stand in such a file", kist_text_get(&shown));
    kist_hint(err, "rename it");
    return KIST_ERR_CONFIG;
}

static int check_words(const struct kist_schedule_facts *facts, struct kist_error *err)
{
    int code = check_word(facts->program, err);
    if (!code)
        code = check_word(facts->config, err);
    if (!code)
        code = check_word(facts->state, err);
    for (size_t i = 0; i < facts->files.count && !code; i++)
        code = check_word(facts->files.items[i], err);
    for (size_t i = 0; i < facts->folders.count && !code; i++)
        code = check_word(facts->folders.items[i], err);
    for (size_t i = 0; i < facts->variables.count && !code; i++)
        code = check_word(facts->variables.items[i], err);
    for (size_t i = 0; i < facts->credentials.count && !code; i++)
        code = check_word(facts->credentials.items[i], err);
    return code;
}

int kist_schedule_facts_read(const char *config, struct kist_schedule_facts *facts,
                             struct kist_problem_list *problems, struct kist_error *err)
{
    *facts = (struct kist_schedule_facts){0};
    kist_ini_init(&facts->ini, &facts->vault);
    int code = kist_config_dir_read(config, &facts->ini, problems, err);
    if (code || problems->count)
        return code;
    if (read_all(facts, config, problems) || facts->vault.failed)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory, or '%s' is gone", config);
    return check_words(facts, err);
}

static int add_option(struct kist_schedule_facts *facts, const char *name, const char *path)
{
    char *word = NULL;
    int length = asprintf(&word, "--%s=%s", name, path);
    int failed = length < 0 || add(&facts->options, word, (size_t)length);
    facts->uses_home |= is_home(path);
    if (length >= 0)
        free(word);
    if (!failed && strcmp(name, "state") == 0) {
        free(facts->state);
        facts->state = strdup(path);
        failed = !facts->state;
    }
    return failed;
}

int kist_schedule_facts_option(struct kist_schedule_facts *facts, const char *name, const char *path,
                               struct kist_error *err)
{
    char *found = realpath(path, NULL);
    int code = 0;
    if (!found && path[0] != '/')
        code = kist_fail_errno(err, errno, "--%s '%s'", name, path);
    if (!code)
        code = check_word(found ? found : path, err);
    if (!code && add_option(facts, name, found ? found : path))
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory");
    free(found);
    return code;
}

static void list_done(struct kist_schedule_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

void kist_schedule_facts_done(struct kist_schedule_facts *facts)
{
    free(facts->program);
    free(facts->config);
    free(facts->state);
    free(facts->pipelines);
    list_done(&facts->files);
    list_done(&facts->credentials);
    list_done(&facts->variables);
    list_done(&facts->folders);
    list_done(&facts->options);
    kist_ini_done(&facts->ini);
    kist_vault_done(&facts->vault);
}
