/* The descriptor of the plugin: what it can be told, and its callbacks. */
#include "mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kist_option options[] = {
    KIST_OPTION(struct mirror_config, from, .flags = KIST_OPTION_REQUIRED,
                .help = "name of the [destination NAME] whose objects are saved"),
    KIST_OPTION(struct mirror_config, prefix, .help = "save only the objects below this folder of the store"),
    KIST_OPTION(struct mirror_config, include, .help = "save only keys that fit one of these patterns"),
    KIST_OPTION(struct mirror_config, exclude, .help = "leave out keys that fit one of these patterns"),
    KIST_OPTION(struct mirror_config, allow_empty, .def = "no",
                .help = "a store without any object that fits is saved as such, and is no error"),
    KIST_OPTION_END,
};

static void close_source(void *self)
{
    struct mirror *mirror = self;
    if (mirror->calls)
        mirror->calls->close(mirror->store);
    free(mirror->folder);
    free(mirror);
}

/* "a/b/" of "a/b", "/a/b/" and the like; "" of nothing. */
static char *folder_of(const char *prefix)
{
    char *folder = NULL;
    prefix += prefix ? strspn(prefix, "/") : 0;
    size_t size = prefix ? strlen(prefix) : 0;
    while (size > 0 && prefix[size - 1] == '/')
        size--;
    if (size == 0)
        return strdup("");
    return asprintf(&folder, "%.*s/", (int)size, prefix) < 0 ? NULL : folder;
}

static int open_source(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct mirror *mirror = calloc(1, sizeof *mirror);
    if (!mirror)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    mirror->host = host;
    mirror->config = config;
    mirror->folder = folder_of(mirror->config->prefix);
    if (!mirror->folder) {
        free(mirror);
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    }
    *ret_self = mirror;
    return 0;
}

int mirror_open_store(struct mirror *mirror, struct kist_error *err)
{
    if (mirror->calls)
        return 0;
    return mirror->host->open_store(mirror->host, mirror->config->from.name, &mirror->calls, &mirror->store, err);
}

KIST_SOURCE(
        .about = {.name = "mirror",
                  .version = KIST_VERSION,
                  .summary = "every object of a store, by its own key",
                  .details =
                      "Each object below the section that 'from' names is an item of the backup, with its content "
                      "type and metadata. In patterns '*' stands for any characters but '/', '**' for any, '?' "
                      "for one; a pattern has to fit the whole key.",
                  .options = options,
                  .config_size = sizeof(struct mirror_config)},
        .features = KIST_SOURCE_OBJECTS | KIST_SOURCE_RESTORES, .open = open_source, .close = close_source,
        .check = mirror_check, .items = mirror_items, .read_begin = mirror_read_begin, .read = mirror_read,
        .read_end = mirror_read_end, .facts = mirror_facts, .restore_begin = mirror_restore_begin,
        .write_begin = mirror_write_begin, .write = mirror_write, .write_commit = mirror_write_commit,
        .write_abort = mirror_write_abort, .restore_end = mirror_restore_end, .read_about = mirror_read_about);
