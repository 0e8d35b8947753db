/* config_sources.c - sources that open another one: what their options name, and plugins that they may use as they come. */
#include "config_parse.h"
#include "config_store.h"

#include <string.h>

typedef void (*source_option_fn)(struct kist_config_store *store, const struct kist_ini_section *section,
                                 const struct kist_option *option);

/* What became of a [source NAME]; NULL for other sections. */
static const struct kist_bound_section *source_of(const struct kist_ini_section *section)
{
    return strcmp(section->type, "source") == 0 ? section->bound : NULL;
}

static void each_option(struct kist_config_store *store, const struct kist_ini_section *section,
                        source_option_fn call)
{
    const struct kist_bound_section *bound = source_of(section);
    for (size_t i = 0; bound && i < bound->table.count; i++)
        if (bound->table.rows[i].type == KIST_TYPE_SOURCE &&
            kist_option_is_sound(&bound->table.rows[i], bound->table.size))
            call(store, section, &bound->table.rows[i]);
}

static void each(struct kist_config_store *store, source_option_fn call)
{
    for (const struct kist_ini_section *section = store->ini.sections; section; section = section->next)
        if (!store->vault.failed)
            each_option(store, section, call);
}

static const char *named_by(const struct kist_ini_section *section, const struct kist_option *option)
{
    const struct kist_bound_section *bound = section->bound;
    return ((const kist_source_ref *)(const void *)((const char *)bound->shown.config + option->offset))->name;
}

/* One without its plugin has been reported. */
static void check(struct kist_config_store *store, const struct kist_ini_section *section,
                  const struct kist_option *option)
{
    const char *name = named_by(section, option);
    const struct kist_ini_section *found = name ? kist_ini_find(&store->ini, "source", name) : NULL;
    const struct kist_bound_section *named = found ? found->bound : NULL;
    if (!named || !named->shown.plugin || strcmp(named->shown.plugin->name, option->choices) == 0)
        return;
    const struct kist_ini_entry *entry = kist_ini_entry(section, option->name);
    struct kist_config_place place = kist_ini_place(section, entry);
    place.key = option->name;
    kist_problem_add(&store->problems, &place, "[source %s] is of the plugin '%s', and it takes one of '%s'", name,
                     named->shown.plugin->name, option->choices);
    kist_problem_hint(&store->problems, "name a [source ...] that has 'plugin = %s'", option->choices);
}

static void count_option(struct kist_config_store *store, const struct kist_ini_section *section,
                         const struct kist_option *option)
{
    (void)section;
    (void)option;
    store->sources.count++;
}

/* Fills the plugin's struct with its defaults. What has no default is for the one who opens it to say. */
static void bind_defaults(struct kist_config_store *store, struct kist_bound_section *bound)
{
    struct kist_problem_list problems = {.items = NULL};
    const struct kist_bind_scope scope = {.vault = &store->vault, .problems = &problems};
    bound->table = kist_option_table_of(bound->shown.plugin, &store->vault);
    void *config = kist_vault_alloc(&store->vault, 1, (size_t)bound->table.size + 1);
    if (!store->vault.failed)
        kist_bind(&scope, &bound->table, config);
    bound->shown.config = problems.count > 0 ? NULL : config;
    store->problems.failed |= problems.failed;
    kist_problem_list_done(&problems);
}

/* Loads the plugin now, before there are threads, though it may never be used. */
static void add_bare(struct kist_config_store *store, const struct kist_ini_section *section,
                     const struct kist_option *option)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    const struct kist_config_stores *sources = &store->sources;
    int known = named_by(section, option) != NULL;
    for (size_t i = 0; i < sources->count; i++)
        known |= !sources->items[i]->file && strcmp(sources->items[i]->name, option->choices) == 0;
    struct kist_bound_section *bound = known ? NULL : kist_vault_alloc(&store->vault, 1, sizeof *bound);
    if (!bound)
        return;
    bound->shown = (struct kist_config_section){.kind = KIST_KIND_SOURCE,
                                                .name = option->choices,
                                                .prefix = "",
                                                .stores = &store->stores,
                                                .sources = sources};
    if (!kist_registry_find(store->registry, KIST_KIND_SOURCE, option->choices, &bound->shown.plugin, &err))
        bind_defaults(store, bound);
    store->sources.items[store->sources.count++] = &bound->shown;
}

/* Room for every section, and for every option. */
static void make_room(struct kist_config_store *store)
{
    struct kist_config_stores *sources = &store->sources;
    each(store, count_option);
    for (const struct kist_ini_section *section = store->ini.sections; section; section = section->next)
        sources->count += source_of(section) ? 1 : 0;
    sources->items = kist_vault_alloc(&store->vault, sources->count + 1, sizeof *sources->items);
    sources->count = 0;
}

void kist_sources_link(struct kist_config_store *store)
{
    struct kist_config_stores *sources = &store->sources;
    each(store, check);
    make_room(store);
    if (!sources->items)
        return;
    for (const struct kist_ini_section *section = store->ini.sections; section; section = section->next)
        if (source_of(section))
            sources->items[sources->count++] = &source_of(section)->shown;
    each(store, add_bare);
}
