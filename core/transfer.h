/* transfer.h - saves one item: reads it once, filters it, and writes it to every destination at the same time. */
#ifndef KIST_CORE_TRANSFER_H
#define KIST_CORE_TRANSFER_H

#include "stream.h"

/* One destination of a transfer. The caller sets store and key; both stay the caller's. */
struct kist_transfer_target {
    struct kist_store *store;
    const char *key;
    int committed;         /* out: the object is there, durable and confirmed */
    struct kist_error err; /* out: why not; the caller frees it */
};

struct kist_transfer {
    struct kist_instance *source;
    const struct kist_item *item;
    struct kist_instance *const *filters;
    size_t filter_count;
    struct kist_transfer_target *targets;
    size_t target_count;
    size_t workers;             /* per filter; 0: one per core */
    int64_t filter_patience_ms; /* a filter that makes nothing of a block for so long has failed; 0: 10 minutes */
    size_t need;                /* fewer targets than that left: there is no point in going on */
    struct kist_cancel *cancel; /* set by a failure; the instances were opened with it */
    struct kist_progress *progress;
    struct kist_item_copy
        *told; /* out: the item as it was read, if the source tells more than `item`; may be NULL */
    /* out: */
    int source_failed; /* it was the source that failed, and not what comes behind it */
    uint64_t raw_size, stored_size;
    char raw_sha256[KIST_SHA256_HEX + 1], stored_sha256[KIST_SHA256_HEX + 1];
};

/* 0 when the item was read whole and at least `need` targets hold it. Objects that were committed before a failure are
 * the caller's to remove. */
int kist_transfer_run(struct kist_transfer *transfer, struct kist_error *err) KIST_CHECKED;

#endif
