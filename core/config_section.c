#include "config_store.h"
#include "config_time.h"
#include "key.h"

#include <string.h>

static int is_plugin_name(const char *name)
{
    return *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static int find_plugin(struct kist_config_store *store, uint32_t kind, const char *name,
                       const struct kist_plugin **ret_plugin, struct kist_error *err)
{
    if (!is_plugin_name(name)) {
        kist_fail(err, KIST_ERR_CONFIG, "'%s' cannot be a plugin", name);
        kist_hint(err, "plugins are named with a-z, 0-9 and '_'; 'kist plugin list' shows them");
        return KIST_ERR_CONFIG;
    }
    return kist_registry_find(store->registry, kind, name, ret_plugin, err);
}

/* Takes the '/' at both ends away and checks the rest. */
static const char *normalise_prefix(struct kist_config_store *store, const struct kist_bind_scope *scope,
                                    const char *prefix)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    prefix += strspn(prefix, "/");
    size_t size = strlen(prefix);
    while (size > 0 && prefix[size - 1] == '/')
        size--;
    const char *copy = kist_vault_copy(&store->vault, prefix, size);
    if (copy && *copy && kist_key_check(copy, &err)) {
        struct kist_config_place place = kist_bind_place(scope, "prefix");
        kist_problem_add(&store->problems, &place, "'%s' is not a plain path of folders", prefix);
    }
    return copy;
}

/* Allocates the plugin's struct and fills it. */
static void bind_plugin(struct kist_config_store *store, const struct kist_bind_scope *scope,
                        struct kist_bound_section *bound)
{
    bound->table = kist_option_table_of(bound->shown.plugin, &store->vault);
    bound->shown.config = kist_vault_alloc(&store->vault, 1, (size_t)bound->table.size + 1);
    if (!store->vault.failed)
        kist_bind(scope, &bound->table, bound->shown.config);
}

void kist_section_bind(struct kist_config_store *store, struct kist_ini_section *section)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    struct kist_bound_section *bound = kist_vault_alloc(&store->vault, 1, sizeof *bound);
    if (!bound)
        return;
    const struct kist_bind_scope scope = {.vault = &store->vault,
                                          .problems = &store->problems,
                                          .section = section,
                                          .place = kist_ini_place(section, NULL),
                                          .ini = &store->ini};
    struct kist_option_table tables[2] = {kist_config_keys(section->type)};
    bound->shown = (struct kist_config_section){.kind = kist_kind_of(section->type),
                                                .name = section->name,
                                                .prefix = "",
                                                .stores = &store->stores,
                                                .sources = &store->sources,
                                                .file = section->file->path,
                                                .line = section->line};
    section->bound = bound;
    kist_bind(&scope, &tables[0], &bound->keys);
    if (bound->keys.prefix)
        bound->shown.prefix = normalise_prefix(store, &scope, bound->keys.prefix);
    kist_config_wire_keep(&scope, bound->keys.keep, &bound->shown.keep);
    bound->shown.on = kist_config_events(&scope, &bound->keys.on);
    bound->shown.retry = (struct kist_retry_policy){.retries = bound->keys.retries,
                                                    .delay_ms = bound->keys.retry_delay.ms,
                                                    .deadline_ms = bound->keys.deadline.ms};
    /* Which other keys are right only the plugin knows: without it, nothing is said about them. */
    if (!bound->keys.plugin || !*bound->keys.plugin)
        return;
    if (find_plugin(store, bound->shown.kind, bound->keys.plugin, &bound->shown.plugin, &err)) {
        struct kist_config_place place = kist_bind_place(&scope, "plugin");
        kist_problem_add_error(&store->problems, &place, &err);
        return;
    }
    bind_plugin(store, &scope, bound);
    tables[1] = bound->table;
    kist_bind_report_unknown(&scope, tables, 2);
}

struct kist_bound_section *kist_section_bare_filter(struct kist_config_store *store, const char *name,
                                                    const struct kist_config_place *place)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    const struct kist_plugin *plugin = NULL;
    for (struct kist_bound_section *bound = store->bare_filters; bound; bound = bound->next)
        if (strcmp(bound->shown.name, name) == 0)
            return bound;
    if (find_plugin(store, KIST_KIND_FILTER, name, &plugin, &err)) {
        const char *meant = kist_ini_suggest(&store->ini, "filter", name);
        if (err.code == KIST_ERR_NOT_FOUND) {
            kist_problem_add(&store->problems, place, "there is no [filter %s] and no filter plugin '%s'", name,
                             name);
            kist_problem_hint(&store->problems, "%s", err.hint ? err.hint : "'kist plugin list' shows them");
        } else {
            kist_problem_add_error(&store->problems, place, &err);
        }
        if (meant)
            kist_problem_hint(&store->problems, "did you mean '%s'?", meant);
        return NULL;
    }
    struct kist_bound_section *bound = kist_vault_alloc(&store->vault, 1, sizeof *bound);
    if (!bound)
        return NULL;
    const struct kist_bind_scope scope = {.vault = &store->vault, .problems = &store->problems, .place = *place};
    bound->shown = (struct kist_config_section){
        .kind = KIST_KIND_FILTER, .name = plugin->name, .plugin = plugin, .prefix = "", .stores = &store->stores};
    bound->keys.plugin = plugin->name;
    bind_plugin(store, &scope, bound);
    bound->next = store->bare_filters;
    store->bare_filters = bound;
    return bound;
}

int kist_config_default_filter(const struct kist_config *config, const char *plugin,
                               const struct kist_config_section **ret_section, struct kist_error *err)
{
    const struct kist_config_place nowhere = {.file = NULL};
    struct kist_config_problems problems = {.items = NULL};
    struct kist_config_store *store = config->store;
    struct kist_bound_section *bound = kist_section_bare_filter(store, plugin, &nowhere);
    int code = kist_problem_list_give(&store->problems, &problems, err);
    if (!code && problems.count > 0) {
        code = kist_fail(err, KIST_ERR_CONFIG, "the backup needs the filter '%s': %s", plugin,
                         problems.items[0].message);
        if (problems.items[0].hint)
            kist_hint(err, "%s", problems.items[0].hint);
    } else if (!code && (!bound || store->vault.failed)) {
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory");
    }
    kist_config_problems_done(&problems);
    if (!code)
        *ret_section = &bound->shown;
    return code;
}
