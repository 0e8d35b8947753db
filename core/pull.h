/*
 * pull.h - reads a stored item back: object -> sha256 -> filters reversed -> sha256, a piece at a time in the caller's
 * thread. The other direction, stream.h, pushes; here the one who wants the bytes asks for them.
 */
#ifndef KIST_CORE_PULL_H
#define KIST_CORE_PULL_H

#include "manifest.h"
#include "store.h"

struct kist_pull;

/* Opens `item` on `store`. With `decode`, `filters` (as many as the item names, same order, borrowed) turn it into raw
 * bytes; else the stored bytes are given. */
int kist_pull_open(struct kist_store *store, const struct kist_manifest_item *item,
                   struct kist_instance *const *filters, int decode, struct kist_pull **ret_pull,
                   struct kist_error *err) KIST_CHECKED;
/* The same, decoding, for an object of which nothing is known yet: there is nothing to compare it with. */
int kist_pull_measure(struct kist_store *store, const struct kist_manifest_item *item,
                      struct kist_instance *const *filters, struct kist_pull **ret_pull,
                      struct kist_error *err) KIST_CHECKED;
/* Once such a pull has said the end: what it came to. */
void kist_pull_measured(const struct kist_pull *pull, struct kist_digest *ret_stored, struct kist_digest *ret_raw);
/* How many bytes to ask for at a time: `most`, or fewer when there are fewer in all, so that many small items cost little
 * memory each. */
size_t kist_pull_piece(const struct kist_pull *pull, size_t most);
/* Gives up to `capacity` bytes, 0 at the end. The end is said only when sizes and hashes are those of the manifest; more
 * bytes than it names are KIST_ERR_CORRUPT at once. */
int kist_pull_read(struct kist_pull *pull, void *data, size_t capacity, size_t *ret_size,
                   struct kist_error *err) KIST_CHECKED;
void kist_pull_close(struct kist_pull *pull); /* NULL is fine */

/* Opens the filters of an item: with the section of `pipeline` that uses the same plugin, else with the plugin's
 * defaults. `ret_filters` has filter_count places. */
int kist_pull_filters_open(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                           const struct kist_manifest_item *item, struct kist_cancel *cancel,
                           struct kist_instance ***ret_filters, struct kist_error *err) KIST_CHECKED;
void kist_pull_filters_close(struct kist_instance **filters, size_t count);

#endif
