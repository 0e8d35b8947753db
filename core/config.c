#include "config.h"
#include "config_dir.h"
#include "config_store.h"

#include <stdlib.h>
#include <string.h>

/* What kist_config_load gives away, in one piece. */
struct loaded {
    struct kist_config config;
    struct kist_config_store store;
};

static int is_type(const struct kist_ini_section *section, const char *type)
{
    return strcmp(section->type, type) == 0;
}

static void check_absolute(struct kist_config_store *store, const struct kist_bind_scope *scope, const char *key,
                           const char *path)
{
    if (path[0] == '/')
        return;
    struct kist_config_place place = kist_bind_place(scope, key);
    kist_problem_add(&store->problems, &place, "'%s' is not an absolute path", path);
}

static void bind_global(struct kist_config_store *store, struct kist_ini_section *section)
{
    const struct kist_option_table table = kist_config_keys(section->type);
    const struct kist_bind_scope scope = {.vault = &store->vault,
                                          .problems = &store->problems,
                                          .section = section,
                                          .place = kist_ini_place(section, NULL)};
    kist_bind(&scope, &table, &store->keys);
    kist_bind_report_unknown(&scope, &table, 1);
    section->bound = &store->keys;
    for (uint64_t i = 0; i < store->keys.plugin_dirs.count; i++)
        check_absolute(store, &scope, "plugin_dirs", store->keys.plugin_dirs.items[i]);
    if (store->keys.state)
        check_absolute(store, &scope, "state", store->keys.state);
}

/* Without such a section its defaults hold all the same. */
static void bind_globals(struct kist_config_store *store)
{
    const struct kist_option_table table = kist_config_keys("kist");
    const struct kist_bind_scope scope = {
        .vault = &store->vault, .problems = &store->problems, .place = {.type = "kist"}};
    kist_bind(&scope, &table, &store->keys);
    for (struct kist_ini_section *section = store->ini.sections; section; section = section->next)
        if (is_type(section, "kist"))
            bind_global(store, section);
}

/* The directories of plugins, in the order in which they are searched. */
static int open_registry(struct kist_config_store *store, const char *const *extra_dirs, size_t extra_count,
                         struct kist_error *err)
{
    const kist_list *configured = &store->keys.plugin_dirs;
    const char **dirs = kist_vault_alloc(&store->vault, extra_count + (size_t)configured->count + 1, sizeof *dirs);
    char *own = NULL;
    size_t count = 0;
    if (!dirs)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (kist_registry_own_dir(&own, err))
        return err->code;
    for (size_t i = 0; i < extra_count; i++) {
        char *path = realpath(extra_dirs[i], NULL);
        dirs[count++] = kist_vault_string(&store->vault, path ? path : extra_dirs[i]);
        free(path);
    }
    for (uint64_t i = 0; i < configured->count; i++)
        if (configured->items[i][0] == '/')
            dirs[count++] = configured->items[i];
    dirs[count++] = own;
    int failed = store->vault.failed ? kist_fail(err, KIST_ERR_FAILED, "out of memory")
                                     : kist_registry_new(dirs, count, &store->registry, err);
    free(own);
    return failed;
}

static size_t count_pipelines(const struct kist_ini *ini)
{
    size_t count = 0;
    for (const struct kist_ini_section *section = ini->sections; section; section = section->next)
        count += is_type(section, "pipeline") ? 1 : 0;
    return count;
}

/* Without a mistake so far, a configuration without a pipeline is one: `run --all` would be a success. */
static void check_pipelines(struct kist_config_store *store, const char *path, size_t count)
{
    const struct kist_config_file file = {.path = path, .rank = -1};
    const struct kist_config_place place = {.file = &file};
    if (count > 0 || store->problems.count > 0)
        return;
    kist_problem_add(&store->problems, &place, "there is no pipeline in this configuration");
    kist_problem_hint(&store->problems, "a pipeline is a section [pipeline NAME] with a source and destinations");
}

static void bind_sections(struct kist_config_store *store)
{
    for (struct kist_ini_section *section = store->ini.sections; section; section = section->next)
        if (kist_kind_of(section->type) && !store->vault.failed)
            kist_section_bind(store, section);
}

/* What the sections know of each other: sources may open stores. */
static void collect_stores(struct kist_config_store *store)
{
    size_t count = 0;
    for (const struct kist_ini_section *section = store->ini.sections; section; section = section->next)
        count += is_type(section, "destination") ? 1 : 0;
    store->stores.items = kist_vault_alloc(&store->vault, count + 1, sizeof *store->stores.items);
    for (const struct kist_ini_section *section = store->ini.sections; section; section = section->next) {
        const struct kist_bound_section *bound = is_type(section, "destination") ? section->bound : NULL;
        if (bound && store->stores.items)
            store->stores.items[store->stores.count++] = &bound->shown;
    }
}

static void bind_pipelines(struct loaded *loaded, size_t count)
{
    struct kist_config_store *store = &loaded->store;
    struct kist_bound_pipeline *bound = kist_vault_alloc(&store->vault, count + 1, sizeof *bound);
    struct kist_config_pipeline *shown = kist_vault_alloc(&store->vault, count + 1, sizeof *shown);
    size_t i = 0;
    for (struct kist_ini_section *section = store->ini.sections; section; section = section->next) {
        if (!is_type(section, "pipeline") || store->vault.failed)
            continue;
        kist_pipeline_bind(store, section, &bound[i]);
        shown[i] = bound[i].shown;
        i++;
    }
    loaded->config.pipelines = shown;
    loaded->config.pipeline_count = i;
}

static int load(struct loaded *loaded, const char *path, const char *const *extra_dirs, size_t extra_count,
                struct kist_error *err)
{
    struct kist_config_store *store = &loaded->store;
    if (kist_config_dir_read(path, &store->ini, &store->problems, err))
        return err->code;
    bind_globals(store);
    if (open_registry(store, extra_dirs, extra_count, err)) {
        const struct kist_config_place place = {.file = NULL};
        if (err->code != KIST_ERR_CONFIG && err->code != KIST_ERR_NOT_FOUND)
            return err->code;
        kist_problem_add_error(&store->problems, &place, err);
    } else {
        size_t count = count_pipelines(&store->ini);
        bind_sections(store);
        collect_stores(store);
        kist_sources_link(store);
        bind_pipelines(loaded, count);
        check_pipelines(store, path, count);
    }
    loaded->config.state_dir = store->keys.state;
    loaded->config.max_parallel = (int)store->keys.max_parallel;
    if (store->vault.failed || store->problems.failed)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    return 0;
}

int kist_config_load(const char *path, const char *const *extra_dirs, size_t extra_count,
                     struct kist_config **ret_config, struct kist_config_problems *problems,
                     struct kist_error *err)
{
    struct loaded *loaded = calloc(1, sizeof *loaded);
    *problems = (struct kist_config_problems){.items = NULL};
    if (!loaded)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    loaded->config.store = &loaded->store;
    kist_ini_init(&loaded->store.ini, &loaded->store.vault);
    int failed = load(loaded, path, extra_dirs, extra_count, err);
    if (!failed && loaded->store.problems.count > 0 &&
        kist_problem_list_give(&loaded->store.problems, problems, err) == 0)
        kist_fail(err, KIST_ERR_CONFIG, "%zu mistake%s in the configuration", problems->count,
                  problems->count == 1 ? "" : "s");
    if (err->code) {
        kist_config_free(&loaded->config);
        return err->code;
    }
    *ret_config = &loaded->config;
    return 0;
}

void kist_config_free(struct kist_config *config)
{
    if (!config)
        return;
    struct kist_config_store *store = config->store;
    kist_problem_list_done(&store->problems);
    if (store->registry)
        kist_registry_free(store->registry);
    kist_ini_done(&store->ini);
    kist_vault_done(&store->vault);
    /* The store and the configuration are one piece of memory, of which the configuration is the first part. */
    free(config);
}

struct kist_registry *kist_config_registry(const struct kist_config *config)
{
    return config->store->registry;
}

const struct kist_config_pipeline *kist_config_pipeline(const struct kist_config *config, const char *name)
{
    for (size_t i = 0; i < config->pipeline_count; i++)
        if (strcmp(config->pipelines[i].name, name) == 0)
            return &config->pipelines[i];
    return NULL;
}

const struct kist_config_section *kist_config_notifier(const struct kist_config *config, const char *name)
{
    const struct kist_ini_section *section = kist_ini_find(&config->store->ini, "notifier", name);
    const struct kist_bound_section *bound = section ? section->bound : NULL;
    return bound ? &bound->shown : NULL;
}
