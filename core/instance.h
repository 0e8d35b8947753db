/* instance.h - a plugin opened with one configuration, and the host table it got. */
#ifndef KIST_CORE_INSTANCE_H
#define KIST_CORE_INSTANCE_H

#include "cancel.h"
#include "config.h"

struct kist_instance {
    struct kist_host host; /* what the plugin got; first, so that a service finds the instance by it */
    const struct kist_plugin *plugin;
    const struct kist_config_section *section;
    const char *pipeline;       /* or NULL */
    void *self;                 /* the plugin's own */
    char *where;                /* "shop-daily/disk(local)", for log and errors */
    struct kist_cancel *cancel; /* borrowed; may be NULL */
    struct kist_kept *kept;     /* strings of host->keep_string */
};

/* `section` (kept) says which plugin and how, `pipeline` (kept) may be NULL. A failure of `open` is prefixed with where it
 * came from. */
int kist_instance_open(const struct kist_config_section *section, const char *pipeline, struct kist_cancel *cancel,
                       struct kist_instance **ret_instance, struct kist_error *err) KIST_CHECKED;

/* The service host->open_store. */
typedef int (*kist_store_opener)(const struct kist_host *host, const char *name,
                                 const struct kist_destination **ret_calls, void **ret_self,
                                 struct kist_error *err);
/* The same for a plugin that may open stores. */
int kist_instance_open_with(const struct kist_config_section *section, const char *pipeline,
                            struct kist_cancel *cancel, kist_store_opener open_store,
                            struct kist_instance **ret_instance, struct kist_error *err) KIST_CHECKED;
void kist_instance_close(struct kist_instance *instance); /* NULL is fine */

/* To be wrapped around every call of a callback: makes sure that a failure has a code of the closed list and a message
 * (a plugin may return -1 and say nothing), clears `err` after a success, and prefixes it with where(plugin).
 *     code = kist_instance_result(instance, plugin->as.source.read(...), &err); */
int kist_instance_result(const struct kist_instance *instance, int code, struct kist_error *err);

/* KIST_SOURCE_*: what the source of a section can do, as it is configured. */
uint64_t kist_source_features(const struct kist_config_section *section);

#endif
