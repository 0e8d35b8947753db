/* config_single.c - one plugin with its section, without the pipelines around it. */
#include "config_dir.h"
#include "config_store.h"

#include <stdlib.h>
#include <string.h>

/* What kist_config_free takes, in one piece. */
struct single {
    struct kist_config config;
    struct kist_config_store store;
};

static int uses(const struct kist_ini_section *section, const struct kist_plugin *plugin)
{
    const struct kist_ini_entry *entry = kist_ini_entry(section, "plugin");
    return kist_kind_of(section->type) == plugin->kind && entry && strcmp(entry->value, plugin->name) == 0;
}

/* The one section that uses the plugin. Other mistakes are reported in front of its absence. */
static struct kist_ini_section *find_section(struct kist_config_store *store, const char *path,
                                             const struct kist_plugin *plugin)
{
    const struct kist_config_file file = {.path = path, .rank = -1};
    const struct kist_config_place place = {.file = &file};
    const char *kind = kist_kind_name(plugin->kind);
    struct kist_ini_section *found = NULL;
    size_t count = 0;
    for (struct kist_ini_section *each = store->ini.sections; each; each = each->next) {
        if (!uses(each, plugin))
            continue;
        found = count++ == 0 ? each : found;
    }
    if (count == 1)
        return found;
    if (count == 0 && store->problems.count > 0)
        return NULL;
    kist_problem_add(&store->problems, &place, "%s [%s ...] has 'plugin = %s'",
                     count ? "more than one section" : "no section", kind, plugin->name);
    kist_problem_hint(&store->problems, "it takes a file with exactly one such section");
    return NULL;
}

/* The plugin with its defaults. */
static struct kist_bound_section *bind_defaults(struct kist_config_store *store, const struct kist_plugin *plugin)
{
    struct kist_bound_section *bound = kist_vault_alloc(&store->vault, 1, sizeof *bound);
    if (!bound)
        return NULL;
    const struct kist_config_place place = {.type = kist_kind_name(plugin->kind), .name = plugin->name};
    const struct kist_bind_scope scope = {.vault = &store->vault, .problems = &store->problems, .place = place};
    bound->shown =
        (struct kist_config_section){.kind = plugin->kind, .name = plugin->name, .plugin = plugin, .prefix = ""};
    bound->table = kist_option_table_of(plugin, &store->vault);
    bound->shown.config = kist_vault_alloc(&store->vault, 1, (size_t)bound->table.size + 1);
    if (!store->vault.failed)
        kist_bind(&scope, &bound->table, bound->shown.config);
    return bound;
}

static int load(struct kist_config_store *store, const char *path, const struct kist_plugin *plugin,
                struct kist_bound_section **ret_bound, struct kist_error *err)
{
    if (!path) {
        *ret_bound = bind_defaults(store, plugin);
    } else {
        if (kist_config_dir_read(path, &store->ini, &store->problems, err))
            return err->code;
        struct kist_ini_section *section = find_section(store, path, plugin);
        if (section)
            kist_section_bind(store, section);
        *ret_bound = section ? section->bound : NULL;
    }
    if (store->vault.failed || store->problems.failed)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    return 0;
}

int kist_config_load_section(const char *path, struct kist_registry *registry, const struct kist_plugin *plugin,
                             struct kist_config **ret_config, const struct kist_config_section **ret_section,
                             struct kist_config_problems *problems, struct kist_error *err)
{
    struct single *single = calloc(1, sizeof *single);
    struct kist_bound_section *bound = NULL;
    *problems = (struct kist_config_problems){.items = NULL};
    if (!single) {
        kist_registry_free(registry);
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    }
    single->config.store = &single->store;
    single->store.registry = registry;
    kist_ini_init(&single->store.ini, &single->store.vault);
    int failed = load(&single->store, path, plugin, &bound, err);
    if (!failed && single->store.problems.count > 0 &&
        kist_problem_list_give(&single->store.problems, problems, err) == 0)
        kist_fail(err, KIST_ERR_CONFIG, "%zu mistake%s in the configuration", problems->count,
                  problems->count == 1 ? "" : "s");
    if (err->code) {
        kist_config_free(&single->config);
        return err->code;
    }
    *ret_config = &single->config;
    *ret_section = &bound->shown;
    return 0;
}
