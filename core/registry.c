#include "registry.h"
#include "log.h"
#include "module_loader.h"
#include "plugin_check.h"
#include "suggest.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As seen from the directory of the program; the build sets it. */
#ifndef KIST_PLUGIN_DIR
#define KIST_PLUGIN_DIR "../lib/kist/plugins"
#endif

struct loaded {
    struct loaded *next;
    struct kist_plugin plugin;
    char *path;
};

struct kist_registry {
    char **dirs;
    size_t dir_count;
    struct loaded *loaded;
};

/* A file of a directory of plugins, by what its name says. */
struct found {
    uint32_t kind;
    size_t dir; /* its place in the order of the search */
    char *name;
    char *path;
};

struct found_list {
    struct found *items;
    size_t count;
};

static void cut_last_component(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
}

int kist_registry_own_dir(char **ret_dir, struct kist_error *err)
{
    const char *rest = KIST_PLUGIN_DIR;
    char *base = realpath("/proc/self/exe", NULL);
    char *dir = NULL;
    if (!base)
        return kist_fail_errno(err, errno, "cannot find the directory of the program");
    cut_last_component(base);
    /* People will read this path, so it does not keep its "..". */
    for (; strncmp(rest, "../", 3) == 0; rest += 3)
        cut_last_component(base);
    int size = rest[0] == '/' ? asprintf(&dir, "%s", rest) : asprintf(&dir, "%s/%s", base, rest);
    free(base);
    if (size < 0)
        return kist_fail_errno(err, ENOMEM, "cannot find the directory of plugins");
    *ret_dir = dir;
    return 0;
}

static int copy_dirs(struct kist_registry *registry, const char *const *dirs, size_t dir_count,
                     struct kist_error *err)
{
    registry->dirs = calloc(dir_count + 1, sizeof *registry->dirs);
    if (!registry->dirs)
        return kist_fail_errno(err, ENOMEM, "cannot look for plugins");
    for (size_t i = 0; i < dir_count; i++) {
        if (dirs[i][0] != '/') {
            kist_fail(err, KIST_ERR_CONFIG, "the directory of plugins '%s' has no absolute path", dirs[i]);
            kist_hint(err, "write it from the root, like /usr/local/lib/kist/plugins");
            return err->code;
        }
        registry->dirs[i] = strdup(dirs[i]);
        if (!registry->dirs[i])
            return kist_fail_errno(err, ENOMEM, "cannot look for plugins");
        registry->dir_count++;
    }
    return 0;
}

int kist_registry_new(const char *const *dirs, size_t dir_count, struct kist_registry **ret_registry,
                      struct kist_error *err)
{
    struct kist_registry *registry = NULL;
    if (kist_module_loader_init(err) != 0)
        return err->code;
    registry = calloc(1, sizeof *registry);
    if (!registry) {
        kist_module_loader_exit();
        return kist_fail_errno(err, ENOMEM, "cannot look for plugins");
    }
    if (copy_dirs(registry, dirs, dir_count, err) != 0) {
        kist_registry_free(registry);
        return err->code;
    }
    *ret_registry = registry;
    return 0;
}

void kist_registry_free(struct kist_registry *registry)
{
    if (!registry)
        return;
    while (registry->loaded) {
        struct loaded *first = registry->loaded;
        registry->loaded = first->next;
        free(first->path);
        free(first);
    }
    for (size_t i = 0; i < registry->dir_count; i++)
        free(registry->dirs[i]);
    free(registry->dirs);
    free(registry);
    kist_module_loader_exit();
}

static const struct kist_plugin *find_loaded(const struct kist_registry *registry, uint32_t kind, const char *name)
{
    for (const struct loaded *each = registry->loaded; each; each = each->next)
        if (each->plugin.kind == kind && strcmp(each->plugin.name, name) == 0)
            return &each->plugin;
    return NULL;
}

static int load(struct kist_registry *registry, uint32_t kind, const char *name, const char *path,
                const struct kist_plugin **ret_plugin, struct kist_error *err)
{
    const struct kist_plugin_head *head = NULL;
    if (kist_module_load(path, kind, &head, err) != 0)
        return err->code;
    struct loaded *loaded = calloc(1, sizeof *loaded);
    char *copy = strdup(path);
    if (!loaded || !copy)
        kist_fail_errno(err, ENOMEM, "cannot use '%s'", path);
    else if (kist_plugin_read(head, kind, name, copy, &loaded->plugin, err) != 0)
        kist_error_prefix(err, "cannot use '%s'", path);
    else {
        loaded->path = copy;
        loaded->next = registry->loaded;
        registry->loaded = loaded;
        *ret_plugin = &loaded->plugin;
        kist_log(KIST_LOG_DEBUG, NULL, "loaded %s plugin '%s' %s from '%s'", kist_kind_name(kind), name,
                 loaded->plugin.about.version, path);
        return 0;
    }
    free(loaded);
    free(copy);
    return err->code;
}

static void found_list_done(struct found_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].name);
        free(list->items[i].path);
    }
    free(list->items);
}

/* Takes a file named <kind>-<name>.so into the list, and leaves others alone. Returns -1 without memory. */
static int add_file(struct found_list *list, const char *dir, size_t dir_index, const char *file)
{
    const char *dash = strchr(file, '-');
    const char *end = strrchr(file, '.');
    struct found found = {.dir = dir_index};
    if (!dash || !end || end <= dash || strcmp(end, ".so") != 0)
        return 0;
    char *kind = strndup(file, (size_t)(dash - file));
    found.name = strndup(dash + 1, (size_t)(end - dash - 1));
    found.kind = kind ? kist_kind_of(kind) : 0;
    free(kind);
    if (found.kind == 0 || !found.name || !kist_plugin_is_name(found.name)) {
        free(found.name);
        kist_log(KIST_LOG_DEBUG, NULL, "'%s/%s' is not named like a plugin and is ignored", dir, file);
        return 0;
    }
    struct found *items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (items)
        list->items = items;
    if (!items || asprintf(&found.path, "%s/%s", dir, file) < 0) {
        free(found.name);
        return -1;
    }
    items[list->count++] = found;
    return 0;
}

static int scan_dir(const struct kist_registry *registry, size_t index, struct found_list *list,
                    struct kist_error *err)
{
    const char *dir = registry->dirs[index];
    DIR *stream = opendir(dir);
    int code = 0;
    /* The program's own directory is missing where no plugin is installed. */
    if (!stream && errno == ENOENT)
        return 0;
    if (!stream)
        return kist_fail(err, KIST_ERR_CONFIG, "cannot look for plugins in '%s': %s", dir, strerror(errno));
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry && errno != 0)
            code = kist_fail(err, KIST_ERR_CONFIG, "cannot look for plugins in '%s': %s", dir, strerror(errno));
        if (entry && add_file(list, dir, index, entry->d_name) != 0)
            code = kist_fail_errno(err, ENOMEM, "cannot look for plugins in '%s'", dir);
        if (!entry || code != 0)
            break;
    }
    closedir(stream);
    return code;
}

static int compare_found(const void *a, const void *b)
{
    const struct found *left = a, *right = b;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    int names = strcmp(left->name, right->name);
    return names != 0 ? names : (left->dir > right->dir) - (left->dir < right->dir);
}

/* Every plugin file, by kind, name and order of the search. */
static int scan(const struct kist_registry *registry, struct found_list *list, struct kist_error *err)
{
    for (size_t i = 0; i < registry->dir_count; i++)
        if (scan_dir(registry, i, list, err) != 0)
            return err->code;
    if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, compare_found);
    return 0;
}

static const char *nearest_name(const struct found_list *list, uint32_t kind, const char *name)
{
    const char **names = calloc(list->count + 1, sizeof *names);
    const char *nearest = NULL;
    if (!names)
        return NULL;
    for (size_t i = 0; i < list->count; i++)
        names[i] = list->items[i].kind == kind ? list->items[i].name : NULL;
    nearest = kist_suggest(name, names, list->count);
    free(names);
    return nearest;
}

static int not_found(const struct kist_registry *registry, uint32_t kind, const char *name, struct kist_error *err)
{
    KIST_CLEANUP_TEXT struct kist_text hint = KIST_TEXT_INIT;
    KIST_CLEANUP_ERROR struct kist_error ignored = KIST_ERROR_INIT;
    struct found_list list = {0};
    struct stat st;
    /* What cannot be read is said below, so an error here only means fewer names to choose from. */
    int scanned = scan(registry, &list, &ignored);
    const char *nearest = nearest_name(&list, kind, name);
    (void)scanned;
    kist_fail(err, KIST_ERR_NOT_FOUND, "there is no %s plugin '%s'", kist_kind_name(kind), name);
    if (nearest)
        kist_text_printf(&hint, "did you mean '%s'? ", nearest);
    for (size_t i = 0; !nearest && i < list.count; i++)
        if (strcmp(list.items[i].name, name) == 0)
            kist_text_printf(&hint, "there is a %s plugin of that name; ", kist_kind_name(list.items[i].kind));
    kist_text_add(&hint, registry->dir_count > 0 ? "searched in " : "no directory to search in");
    for (size_t i = 0; i < registry->dir_count; i++)
        kist_text_printf(&hint, "%s'%s'%s", i > 0 ? ", " : "", registry->dirs[i],
                         stat(registry->dirs[i], &st) == 0 ? "" : " (missing)");
    kist_hint(err, "%s", kist_text_get(&hint));
    found_list_done(&list);
    return err->code;
}

int kist_registry_find(struct kist_registry *registry, uint32_t kind, const char *name,
                       const struct kist_plugin **ret_plugin, struct kist_error *err)
{
    const struct kist_plugin *plugin = NULL;
    struct stat st;
    if (!kist_kind_name(kind))
        return kist_fail(err, KIST_ERR_BUG, "there is no kind %u of plugins", kind);
    plugin = find_loaded(registry, kind, name);
    if (plugin) {
        *ret_plugin = plugin;
        return 0;
    }
    /* A name is not a path: one that could not be a plugin's is not looked for. */
    for (size_t i = 0; kist_plugin_is_name(name) && i < registry->dir_count; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s-%s.so", registry->dirs[i], kist_kind_name(kind), name) < 0)
            return kist_fail_errno(err, ENOMEM, "cannot look for the plugin '%s'", name);
        int there = lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
        int code = there ? load(registry, kind, name, path, ret_plugin, err) : 0;
        free(path);
        if (there)
            return code;
    }
    return not_found(registry, kind, name, err);
}

int kist_registry_add(struct kist_registry *registry, const char *path, const struct kist_plugin **ret_plugin,
                      struct kist_error *err)
{
    KIST_CLEANUP_TEXT struct kist_text dir = KIST_TEXT_INIT;
    struct found_list list = {0};
    const char *slash = strrchr(path, '/');
    char *here = path[0] == '/' ? NULL : realpath(".", NULL);
    if (here)
        kist_text_printf(&dir, "%s/", here);
    kist_text_add_bytes(&dir, path, slash ? (size_t)(slash - path) : 0);
    free(here);
    int code = 0;
    if (kist_text_failed(&dir) || add_file(&list, kist_text_get(&dir), 0, slash ? slash + 1 : path) != 0)
        code = kist_fail_errno(err, ENOMEM, "cannot use '%s'", path);
    else if (list.count == 0)
        code =
            kist_fail(err, KIST_ERR_CONFIG, "cannot use '%s': the file of a plugin is named KIND-NAME.so", path);
    else
        code = load(registry, list.items[0].kind, list.items[0].name, list.items[0].path, ret_plugin, err);
    found_list_done(&list);
    return code;
}

int kist_registry_each(struct kist_registry *registry, kist_registry_fn give, void *arg, struct kist_error *err)
{
    struct found_list list = {0};
    int code = scan(registry, &list, err);
    for (size_t i = 0; code == 0 && i < list.count; i++) {
        const struct found *found = &list.items[i];
        const struct found *last = i > 0 ? &list.items[i - 1] : NULL;
        KIST_CLEANUP_ERROR struct kist_error why = KIST_ERROR_INIT;
        const struct kist_plugin *plugin = find_loaded(registry, found->kind, found->name);
        if (last && last->kind == found->kind && strcmp(last->name, found->name) == 0) {
            kist_log(KIST_LOG_DEBUG, NULL, "'%s' is hidden by a plugin of that name found before", found->path);
            continue;
        }
        if (!plugin && load(registry, found->kind, found->name, found->path, &plugin, &why) != 0)
            plugin = NULL;
        give(arg, found->path, plugin, &why);
    }
    found_list_done(&list);
    return code;
}
