/* feed.h - hands the raw bytes of an item to the source that takes it back, or proves that it could. */
#ifndef KIST_CORE_FEED_H
#define KIST_CORE_FEED_H

#include "progress.h"
#include "pull.h"

/* What a source is told of an item when it gets it back. Borrows the texts of the manifest, and is given back to
 * kist_feed_forget. */
int kist_feed_describe(const struct kist_manifest_item *item, struct kist_item *ret_item,
                       struct kist_error *err) KIST_CHECKED;
void kist_feed_forget(struct kist_item *item);

/* Feeds one item to a restore that the source has begun. The last piece is held back until every byte of the item has been
 * proved against the manifest, so that a target never completes with bytes that were not those that were saved. */
int kist_feed_item(struct kist_instance *source, void *restore, struct kist_pull *pull,
                   const struct kist_manifest_item *item, struct kist_progress *progress,
                   struct kist_error *err) KIST_CHECKED;

#endif
