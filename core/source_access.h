/* source_access.h - sources, and those that they may open: host->open_source. */
#ifndef KIST_CORE_SOURCE_ACCESS_H
#define KIST_CORE_SOURCE_ACCESS_H

#include "instance.h"

/* Opens a source, which may then open every [destination NAME] of its configuration, and other sources. */
int kist_source_open(const struct kist_config_section *section, const char *pipeline, struct kist_cancel *cancel,
                     struct kist_instance **ret_instance, struct kist_error *err) KIST_CHECKED;

/* What a source calls: see open_source in kist/abi.h. `host` is that of an instance. */
int kist_source_access(const struct kist_host *host, const char *plugin, const char *name,
                       const struct kist_source **ret_calls, void **ret_self, struct kist_error *err) KIST_CHECKED;

#endif
