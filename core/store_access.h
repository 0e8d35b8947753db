/* store_access.h - sources, and the stores that they may open: host->open_store over what store.h offers. */
#ifndef KIST_CORE_STORE_ACCESS_H
#define KIST_CORE_STORE_ACCESS_H

#include "instance.h"

/* Opens a source, which may then open every [destination NAME] of its configuration. */
int kist_source_open(const struct kist_config_section *section, const char *pipeline, struct kist_cancel *cancel,
                     struct kist_instance **ret_instance, struct kist_error *err) KIST_CHECKED;

/* What such a source calls: see open_store in kist/abi.h. `host` is that of an instance. */
int kist_store_access(const struct kist_host *host, const char *name, const struct kist_destination **ret_calls,
                      void **ret_self, struct kist_error *err) KIST_CHECKED;

#endif
