/* store_access.h - the stores that a source may open: host->open_store over what store.h offers. */
#ifndef KIST_CORE_STORE_ACCESS_H
#define KIST_CORE_STORE_ACCESS_H

#include "instance.h"

/* What a source calls: see open_store in kist/abi.h. `host` is that of an instance. */
int kist_store_access(const struct kist_host *host, const char *name, const struct kist_destination **ret_calls,
                      void **ret_self, struct kist_error *err) KIST_CHECKED;

#endif
