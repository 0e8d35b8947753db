#include "plugin.h"

#include <string.h>

static const char *const kind_names[] = {
    [KIST_KIND_SOURCE] = "source",
    [KIST_KIND_FILTER] = "filter",
    [KIST_KIND_DESTINATION] = "destination",
    [KIST_KIND_NOTIFIER] = "notifier",
};
enum { KINDS = sizeof kind_names / sizeof *kind_names };

const char *kist_kind_name(uint32_t kind)
{
    return kind < KINDS ? kind_names[kind] : NULL;
}

uint32_t kist_kind_of(const char *name)
{
    for (uint32_t kind = 1; kind < KINDS; kind++)
        if (strcmp(name, kind_names[kind]) == 0)
            return kind;
    return 0;
}

int kist_plugin_option(const struct kist_plugin *plugin, size_t index, struct kist_option *ret_option)
{
    const char *row = (const char *)plugin->about.options;
    size_t size = plugin->option_size < sizeof *ret_option ? plugin->option_size : sizeof *ret_option;
    struct kist_option option = {0};
    for (size_t i = 0; row; i++, row += plugin->option_size) {
        memcpy(&option, row, size);
        if (!option.name)
            return 0;
        if (i == index) {
            option.help = option.help ? option.help : "";
            *ret_option = option;
            return 1;
        }
    }
    return 0;
}
