#include "plugin_check.h"
#include "plugin_defaults.h"

#include <inttypes.h>
#include <stdalign.h>
#include <string.h>

enum {
    MOST_OPTIONS = 256, /* a table without an end must not be followed through memory */
    LONGEST_NAME = 48,  /* what the configuration's reader takes as a key */
    LARGEST_ROW = 4096,
    LARGEST_DESCRIPTOR = 65536,
    LARGEST_CONFIG = 1 << 20,
};

/* The end of the last field that version 1 of the interface has in a row. */
#define LEAST_ROW (offsetof(struct kist_option, max) + sizeof(int64_t))

int kist_plugin_is_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && length <= LONGEST_NAME && name[length] == '\0';
}

static int check_version(uint32_t version, struct kist_error *err)
{
    if (version >= 1 && version <= KIST_ABI_VERSION)
        return 0;
    kist_fail(err, KIST_ERR_CONFIG, "it is made for plugin interface %" PRIu32 ", and this kist speaks %" PRIu32,
              version, KIST_ABI_VERSION);
    if (version > KIST_ABI_VERSION)
        kist_hint(err, "install a newer kist, or the plugin as it was made for this one");
    else
        kist_hint(err, "build the plugin again with the headers of this kist");
    return err->code;
}

int kist_plugin_check_head(const struct kist_plugin_head *head, uint64_t size, uint32_t kind,
                           struct kist_error *err)
{
    if (head->magic != KIST_ABI_MAGIC)
        return kist_fail(err, KIST_ERR_CONFIG,
                         "it is not a kist plugin (its descriptor starts with %#010" PRIx32 ")", head->magic);
    if (check_version(head->abi_version, err) != 0)
        return err->code;
    if (!kist_kind_name(head->kind))
        return kist_fail(err, KIST_ERR_CONFIG, "it is of a kind that this kist does not know (%" PRIu32 ")",
                         head->kind);
    if (head->kind != kind)
        return kist_fail(err, KIST_ERR_CONFIG, "it is a %s, but its file name says %s", kist_kind_name(head->kind),
                         kist_kind_name(kind));
    if (head->struct_size < kist_plugin_least_size(kind) || head->struct_size > LARGEST_DESCRIPTOR ||
        (size > 0 && head->struct_size > size))
        return kist_fail(err, KIST_ERR_CONFIG, "its descriptor has an impossible size (%" PRIu32 ")",
                         head->struct_size);
    if (head->option_size < LEAST_ROW || head->option_size > LARGEST_ROW ||
        head->option_size % alignof(struct kist_option) != 0)
        return kist_fail(err, KIST_ERR_CONFIG, "its options have an impossible size (%" PRIu32 ")",
                         head->option_size);
    return 0;
}

/* What a field of a type takes in the configuration struct. The unit types hold one of these each. */
static size_t type_size(uint32_t type, size_t *ret_alignment)
{
    switch (type) {
    case KIST_TYPE_STRING: *ret_alignment = alignof(const char *); return sizeof(const char *);
    case KIST_TYPE_SECRET: *ret_alignment = alignof(kist_secret); return sizeof(kist_secret);
    case KIST_TYPE_SIZE: *ret_alignment = alignof(kist_size); return sizeof(kist_size);
    case KIST_TYPE_DURATION: *ret_alignment = alignof(kist_duration); return sizeof(kist_duration);
    case KIST_TYPE_SWITCH: *ret_alignment = alignof(kist_switch); return sizeof(kist_switch);
    case KIST_TYPE_CHOICE: *ret_alignment = alignof(kist_choice); return sizeof(kist_choice);
    case KIST_TYPE_LIST: *ret_alignment = alignof(kist_list); return sizeof(kist_list);
    case KIST_TYPE_STORE: *ret_alignment = alignof(kist_store_ref); return sizeof(kist_store_ref);
    case KIST_TYPE_SOURCE: *ret_alignment = alignof(kist_source_ref); return sizeof(kist_source_ref);
    case KIST_TYPE_INTEGER: *ret_alignment = alignof(int64_t); return sizeof(int64_t);
    default: return 0;
    }
}

static int check_field(const struct kist_plugin *plugin, const struct kist_option *option, struct kist_error *err)
{
    size_t alignment = 1;
    size_t size = type_size(option->type, &alignment);
    if (size == 0)
        return kist_fail(err, KIST_ERR_CONFIG,
                         "its option '%s' is of a type that this kist does not know (%" PRIu32 ")", option->name,
                         option->type);
    if (option->size != size || option->offset > plugin->about.config_size ||
        option->size > plugin->about.config_size - option->offset || option->offset % alignment != 0)
        return kist_fail(err, KIST_ERR_CONFIG, "its option '%s' does not fit into its configuration",
                         option->name);
    if (option->type == KIST_TYPE_CHOICE && (!option->choices || !option->choices[0]))
        return kist_fail(err, KIST_ERR_CONFIG, "its option '%s' is a choice of nothing", option->name);
    if (option->type == KIST_TYPE_SOURCE && (!option->choices || !kist_plugin_is_name(option->choices)))
        return kist_fail(err, KIST_ERR_CONFIG, "its option '%s' names a source, but not of which plugin",
                         option->name);
    if ((option->flags & KIST_OPTION_RANGE) && option->min > option->max)
        return kist_fail(err, KIST_ERR_CONFIG, "no value is in the range of its option '%s'", option->name);
    return 0;
}

/* `KEY_file` is how the configuration reads the value of KEY from a file: an option must not look like that. */
static int is_file_form(const char *name, const char *of)
{
    size_t length = strlen(of);
    return strncmp(name, of, length) == 0 && strcmp(name + length, "_file") == 0;
}

static int check_name(const struct kist_plugin *plugin, size_t index, const char *name, struct kist_error *err)
{
    struct kist_option other;
    if (!kist_plugin_is_name(name))
        return kist_fail(err, KIST_ERR_CONFIG, "its option '%.60s' has a name that is not of the form [a-z0-9_]+",
                         name);
    if (strcmp(name, "plugin") == 0 || (plugin->kind == KIST_KIND_DESTINATION && strcmp(name, "prefix") == 0))
        return kist_fail(err, KIST_ERR_CONFIG, "its option '%s' has a name that kist itself uses", name);
    for (size_t i = 0; kist_plugin_option(plugin, i, &other); i++) {
        if (i < index && strcmp(name, other.name) == 0)
            return kist_fail(err, KIST_ERR_CONFIG, "it has two options called '%s'", name);
        if (is_file_form(name, other.name))
            return kist_fail(err, KIST_ERR_CONFIG, "its option '%s' is also how '%s' is read from a file", name,
                             other.name);
    }
    return 0;
}

static int check_options(const struct kist_plugin *plugin, struct kist_error *err)
{
    struct kist_option option;
    size_t count = 0;
    if (plugin->about.config_size > LARGEST_CONFIG)
        return kist_fail(err, KIST_ERR_CONFIG, "its configuration has an impossible size (%" PRIu64 ")",
                         plugin->about.config_size);
    while (kist_plugin_option(plugin, count, &option))
        if (++count > MOST_OPTIONS)
            return kist_fail(err, KIST_ERR_CONFIG, "its table of options has no end");
    for (size_t i = 0; kist_plugin_option(plugin, i, &option); i++)
        if (check_name(plugin, i, option.name, err) != 0 || check_field(plugin, &option, err) != 0)
            return err->code;
    return 0;
}

static int check_suffix(const struct kist_plugin *plugin, struct kist_error *err)
{
    const char *suffix = plugin->kind == KIST_KIND_FILTER ? plugin->as.filter.suffix : ".x";
    size_t length = strspn(suffix, ".-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (suffix[0] == '.' && length >= 2 && length <= 16 && suffix[length] == '\0')
        return 0;
    return kist_fail(err, KIST_ERR_CONFIG, "its suffix '%.20s' is not of the form '.gz'", suffix);
}

int kist_plugin_read(const struct kist_plugin_head *head, uint32_t kind, const char *name, const char *path,
                     struct kist_plugin *ret_plugin, struct kist_error *err)
{
    if (kist_plugin_check_head(head, 0, kind, err) != 0)
        return err->code;
    struct kist_plugin plugin = {
        .kind = kind, .path = path, .abi_version = head->abi_version, .option_size = head->option_size};
    size_t own = kist_plugin_own_size(kind);
    memcpy(&plugin.as, head, head->struct_size < own ? head->struct_size : own);
    /* Every kind starts with the same three members. */
    plugin.about = plugin.as.source.about;
    plugin.features = plugin.as.source.features;
    plugin.name = plugin.about.name;
    if (kist_plugin_complete(&plugin, err) != 0)
        return err->code;
    if (!kist_plugin_is_name(plugin.name))
        return kist_fail(err, KIST_ERR_CONFIG, "it calls itself '%.60s', which is not of the form [a-z0-9_]+",
                         plugin.name);
    if (strcmp(plugin.name, name) != 0)
        return kist_fail(err, KIST_ERR_CONFIG, "it calls itself '%s', but its file name says '%s'", plugin.name,
                         name);
    if (check_suffix(&plugin, err) != 0 || check_options(&plugin, err) != 0)
        return err->code;
    *ret_plugin = plugin;
    return 0;
}
