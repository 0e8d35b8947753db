/* fake_registry.h - plugins that are no files, in the place of core/registry.c; to be included by one file of a
 * test. */
#ifndef FAKE_REGISTRY_H
#define FAKE_REGISTRY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry.h"

/* source "db" */
struct fake_source_config {
    kist_secret url;
    const char *host;
    int64_t port;
    kist_choice format;
    kist_list tables;
    kist_duration lock_timeout;
    kist_choice never;
};

/* source "wrap" (`project` is required) opens others; the plugin that `lost` would name is not there */
struct fake_wrap_config {
    const char *project;
    kist_source_ref dump, again, lost;
};

/* destination "disk" */
struct fake_destination_config {
    const char *path;
    kist_switch require_mount;
    kist_size part_size;
    kist_secret key;
    const char *key_file;
};

/* filters "squeeze" (compresses) and "seal" (encrypts; `recipient` is required) */
struct fake_filter_config {
    int64_t level;
    const char *recipient;
};

struct kist_registry {
    int unused;
};

/* The directories of the last kist_registry_new, joined with ':'. */
static char fake_registry_dirs[1024];

static const struct kist_option source_options[] = {
    KIST_OPTION(struct fake_source_config, url, .help = "where the database is"),
    KIST_OPTION(struct fake_source_config, host, .help = "host name"),
    KIST_OPTION(struct fake_source_config, port, .def = "5432", KIST_RANGE(1, 65535), .help = "port"),
    KIST_OPTION(struct fake_source_config, format, .def = "custom", .choices = "custom|plain", .help = "form"),
    KIST_OPTION(struct fake_source_config, tables, .help = "tables"),
    KIST_OPTION(struct fake_source_config, lock_timeout, .def = "30s", KIST_RANGE(1000, 3600000),
                .help = "patience"),
    KIST_OPTION(struct fake_source_config, never, .choices = "a|b", .help = "not given in any test"),
    KIST_OPTION_END,
};

static const struct kist_option wrap_options[] = {
    KIST_OPTION(struct fake_wrap_config, project, .flags = KIST_OPTION_REQUIRED, .help = "project"),
    KIST_OPTION(struct fake_wrap_config, dump, .choices = "db", .help = "how to dump"),
    KIST_OPTION(struct fake_wrap_config, again, .choices = "wrap", .help = "one that has required options"),
    KIST_OPTION(struct fake_wrap_config, lost, .choices = "absent", .help = "one that is not installed"),
    KIST_OPTION_END,
};

static const struct kist_option destination_options[] = {
    KIST_OPTION(struct fake_destination_config, path, .flags = KIST_OPTION_REQUIRED,
                .help = "directory of the store"),
    KIST_OPTION(struct fake_destination_config, require_mount, .def = "no", .help = "refuse an unmounted path"),
    KIST_OPTION(struct fake_destination_config, part_size, .def = "16MiB", KIST_RANGE(5 << 20, INT64_C(5) << 30),
                .help = "size of a part"),
    KIST_OPTION(struct fake_destination_config, key, .help = "key"),
    KIST_OPTION(struct fake_destination_config, key_file, .help = "an option of its own, in spite of its name"),
    KIST_OPTION_END,
};

static const struct kist_option squeeze_options[] = {
    KIST_OPTION(struct fake_filter_config, level, .def = "3", KIST_RANGE(1, 19), .help = "level"),
    KIST_OPTION_END,
};

static const struct kist_option seal_options[] = {
    KIST_OPTION(struct fake_filter_config, recipient, .flags = KIST_OPTION_REQUIRED, .help = "who can read it"),
    KIST_OPTION_END,
};

#define PLUGIN(its_kind, its_name, its_options, config, bits)                                                     \
    {                                                                                                             \
        .kind = (its_kind), .name = (its_name), .path = "/fake/" its_name ".so", .abi_version = KIST_ABI_VERSION, \
        .option_size = sizeof(struct kist_option), .features = (bits), .about = {                                 \
            .name = (its_name),                                                                                   \
            .version = "1",                                                                                       \
            .options = (its_options),                                                                             \
            .config_size = (config)                                                                               \
        }                                                                                                         \
    }

static const struct kist_plugin fake_source =
    PLUGIN(KIST_KIND_SOURCE, "db", source_options, sizeof(struct fake_source_config), 0);
static const struct kist_plugin fake_wrap =
    PLUGIN(KIST_KIND_SOURCE, "wrap", wrap_options, sizeof(struct fake_wrap_config), 0);
static const struct kist_plugin fake_destination =
    PLUGIN(KIST_KIND_DESTINATION, "disk", destination_options, sizeof(struct fake_destination_config), 0);
static const struct kist_plugin fake_null =
    PLUGIN(KIST_KIND_DESTINATION, "nothing", NULL, 0, KIST_DESTINATION_DISCARDS);
static const struct kist_plugin fake_squeeze = PLUGIN(KIST_KIND_FILTER, "squeeze", squeeze_options,
                                                      sizeof(struct fake_filter_config), KIST_FILTER_COMPRESSES);
static const struct kist_plugin fake_seal =
    PLUGIN(KIST_KIND_FILTER, "seal", seal_options, sizeof(struct fake_filter_config), KIST_FILTER_ENCRYPTS);
static const struct kist_plugin fake_notifier = PLUGIN(KIST_KIND_NOTIFIER, "bell", NULL, 0, 0);

int kist_registry_new(const char *const *dirs, size_t dir_count, struct kist_registry **ret_registry,
                      struct kist_error *err)
{
    size_t size = 0;
    fake_registry_dirs[0] = '\0';
    for (size_t i = 0; i < dir_count; i++)
        size += (size_t)snprintf(fake_registry_dirs + size, sizeof fake_registry_dirs - size, "%s%s", i ? ":" : "",
                                 dirs[i]);
    *ret_registry = calloc(1, sizeof **ret_registry);
    return *ret_registry ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
}

void kist_registry_free(struct kist_registry *registry)
{
    free(registry);
}

int kist_registry_find(struct kist_registry *registry, uint32_t kind, const char *name,
                       const struct kist_plugin **ret_plugin, struct kist_error *err)
{
    static const struct kist_plugin *const all[] = {&fake_source,  &fake_wrap, &fake_destination, &fake_null,
                                                    &fake_squeeze, &fake_seal, &fake_notifier};
    (void)registry;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i]->kind == kind && strcmp(all[i]->name, name) == 0) {
            *ret_plugin = all[i];
            return 0;
        }
    }
    kist_fail(err, KIST_ERR_NOT_FOUND, "there is no %s plugin '%s'", kist_kind_name(kind), name);
    kist_hint(err, "searched in nothing");
    return err->code;
}

int kist_registry_own_dir(char **ret_dir, struct kist_error *err)
{
    *ret_dir = strdup("/own");
    return *ret_dir ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
}

int kist_registry_each(struct kist_registry *registry, kist_registry_fn give, void *arg, struct kist_error *err)
{
    (void)registry;
    (void)give;
    (void)arg;
    (void)err;
    return 0;
}

#endif
