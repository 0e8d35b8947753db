/* plugin_check.h - is a descriptor what it claims to be? Before and after its file is loaded. */
#ifndef KIST_CORE_PLUGIN_CHECK_H
#define KIST_CORE_PLUGIN_CHECK_H

#include "plugin.h"

/* Messages of this file do not name the plugin's file: the caller puts it in front. All errors are KIST_ERR_CONFIG. */

/* The head alone, `size` being that of the symbol (0: not known): magic, interface version, kind, sizes. */
int kist_plugin_check_head(const struct kist_plugin_head *head, uint64_t size, uint32_t kind,
                           struct kist_error *err) KIST_CHECKED;

/* Copies the loaded descriptor at `head`, which must be called `name`, completes it with defaults and checks its
 * option table. `path` is kept. */
int kist_plugin_read(const struct kist_plugin_head *head, uint32_t kind, const char *name, const char *path,
                     struct kist_plugin *ret_plugin, struct kist_error *err) KIST_CHECKED;

/* [a-z0-9_]+, and short enough for a file name. */
int kist_plugin_is_name(const char *name);

#endif
