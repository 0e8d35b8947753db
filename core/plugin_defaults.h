/* plugin_defaults.h - the callbacks of each kind: which ones a plugin must have, and what stands in for the others. */
#ifndef KIST_CORE_PLUGIN_DEFAULTS_H
#define KIST_CORE_PLUGIN_DEFAULTS_H

#include "plugin.h"

/* The smallest descriptor of a kind that can work: up to its last required callback. 0: no such kind. */
size_t kist_plugin_least_size(uint32_t kind);
/* The size of a descriptor of that kind in this core. */
size_t kist_plugin_own_size(uint32_t kind);

/* Puts a default where `plugin`, whose descriptor was copied, has no callback. KIST_ERR_CONFIG when required ones are
 * missing: the message names them all. */
int kist_plugin_complete(struct kist_plugin *plugin, struct kist_error *err) KIST_CHECKED;

#endif
