/* item_copy.h - an item as a source gave it, kept for longer than the call. */
#ifndef KIST_CORE_ITEM_COPY_H
#define KIST_CORE_ITEM_COPY_H

#include "error.h"

#include <kist/source.h>

struct kist_item_copy {
    struct kist_item item;
    char *texts; /* all strings that it points to */
    const char **metadata;
};

/* Copies `given`, which may be of another version of the interface. Content type, version and metadata that are no UTF-8
 * are left out: nothing in the manifest may be anything else. KIST_ERR_FAILED without memory; then nothing is to be freed. */
int kist_item_copy(const struct kist_item *given, struct kist_item_copy *ret_copy) KIST_CHECKED;
void kist_item_copy_done(struct kist_item_copy *copy);

/* A kist_item_fn for read_about; `arg` is a struct kist_item_copy that is replaced. */
int kist_item_copy_take(void *arg, const struct kist_item *given);

#endif
