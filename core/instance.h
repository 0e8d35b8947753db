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
    struct kist_opened *opened; /* sources that it opened, newest first */
};

/* A source that another one opened. That one ends it; its memory goes with the one that opened it. */
struct kist_opened {
    struct kist_opened *next;
    struct kist_instance *instance;
    struct kist_source calls; /* that were handed out */
};

/* `section` (kept) says which plugin and how, `pipeline` (kept) may be NULL. A failure of `open` is prefixed with where it
 * came from. */
int kist_instance_open(const struct kist_config_section *section, const char *pipeline, struct kist_cancel *cancel,
                       struct kist_instance **ret_instance, struct kist_error *err) KIST_CHECKED;

/* The services host->open_store and host->open_source; NULL: there is none. */
struct kist_openers {
    int (*store)(const struct kist_host *host, const char *name, const struct kist_destination **ret_calls,
                 void **ret_self, struct kist_error *err);
    int (*source)(const struct kist_host *host, const char *plugin, const char *name,
                  const struct kist_source **ret_calls, void **ret_self, struct kist_error *err);
};
/* The same for a plugin that may open others. */
int kist_instance_open_with(const struct kist_config_section *section, const char *pipeline,
                            struct kist_cancel *cancel, const struct kist_openers *openers,
                            struct kist_instance **ret_instance, struct kist_error *err) KIST_CHECKED;
/* The same for an instance that `opener` opens, whose failures are told by that one: they get no prefix of their own. Call
 * its callbacks without kist_instance_result. It is freed with `opener`, and closed before. */
int kist_instance_open_below(struct kist_instance *opener, const struct kist_config_section *section,
                             const struct kist_openers *openers, const struct kist_source **ret_calls,
                             void **ret_self, struct kist_error *err) KIST_CHECKED;
void kist_instance_close(struct kist_instance *instance); /* NULL is fine */

/* To be wrapped around every call of a callback: makes sure that a failure has a code of the closed list and a message
 * (a plugin may return -1 and say nothing), clears `err` after a success, and prefixes it with where(plugin).
 *     code = kist_instance_result(instance, plugin->as.source.read(...), &err); */
int kist_instance_result(const struct kist_instance *instance, int code, struct kist_error *err);

/* KIST_SOURCE_*: what the source of a section can do, as it is configured. */
uint64_t kist_source_features(const struct kist_config_section *section);

#endif
