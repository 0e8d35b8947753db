/* foreign_layers.h - what a foreign object is wrapped in: read from its first bytes, one layer after the other. */
#ifndef KIST_CORE_FOREIGN_LAYERS_H
#define KIST_CORE_FOREIGN_LAYERS_H

#include "manifest.h"
#include "store.h"

#define KIST_FOREIGN_LAYERS 8 /* more of them are no dump but a trick */

/* Adds the filters to `item`, whose key names the object, in the order in which they were applied, and takes their
 * suffixes off its name. Each of them can decode, with the configuration that `pipeline` has for it. KIST_ERR_CORRUPT for
 * an object that is empty, or turns out to hold nothing. Before any thread is started: it loads plugins. */
int kist_foreign_unwrap(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                        struct kist_store *store, struct kist_cancel *cancel, struct kist_manifest_item *item,
                        struct kist_error *err) KIST_CHECKED;

#endif
