/* item_name.h - what an item's file is called: the source's word for it, or the pipeline's `name =`. */
#ifndef KIST_CORE_ITEM_NAME_H
#define KIST_CORE_ITEM_NAME_H

#include "config.h"

/* `{pipeline} {id} {time} {date} {database} {item}` in the pattern are replaced; filter suffixes follow. Without a pattern the
 * source's name is used. For a source of objects the pattern names a folder, and each keeps its own key below it. New. */
int kist_item_name(const struct kist_config_pipeline *pipeline, const struct kist_item *item, const char *id,
                   char **ret_name, struct kist_error *err) KIST_CHECKED;

#endif
