/* registry.h - names of plugins -> their descriptors. Everything is loaded before the first thread starts. */
#ifndef KIST_CORE_REGISTRY_H
#define KIST_CORE_REGISTRY_H

#include "plugin.h"

struct kist_registry;

/* `dirs` are searched in order (absolute paths). Nothing is loaded yet. */
int kist_registry_new(const char *const *dirs, size_t dir_count, struct kist_registry **ret_registry,
                      struct kist_error *err) KIST_CHECKED;
void kist_registry_free(struct kist_registry *registry);

/* Loads on first use. The plugin lives as long as the registry. Errors: KIST_ERR_NOT_FOUND (with "did you mean" and the
 * directories searched as hint), KIST_ERR_CONFIG (file found but unusable: the file and the real reason). */
int kist_registry_find(struct kist_registry *registry, uint32_t kind, const char *name,
                       const struct kist_plugin **ret_plugin, struct kist_error *err) KIST_CHECKED;

/* Loads the file at `path`, which is named KIND-NAME.so; from now on it is what that name finds. Errors: those of
 * kist_registry_find. */
int kist_registry_add(struct kist_registry *registry, const char *path, const struct kist_plugin **ret_plugin,
                      struct kist_error *err) KIST_CHECKED;

/* Every plugin file in the directories, loaded or with the reason why not, sorted by kind and name. `plugin` is NULL
 * when it cannot be used; then `err` says why. */
typedef void (*kist_registry_fn)(void *arg, const char *path, const struct kist_plugin *plugin,
                                 const struct kist_error *err);
int kist_registry_each(struct kist_registry *registry, kist_registry_fn give, void *arg,
                       struct kist_error *err) KIST_CHECKED;

/* The directory of the installation's or build tree's own plugins, from where the running program lies. */
int kist_registry_own_dir(char **ret_dir, struct kist_error *err) KIST_CHECKED;

#endif
