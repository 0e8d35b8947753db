/* cancel.h - a flag that stops the work of many threads, with a descriptor to wait on. */
#ifndef KIST_CORE_CANCEL_H
#define KIST_CORE_CANCEL_H

#include "error.h"

/* Once set it stays set. A cancel may have a parent: it counts as set when the parent is. */
struct kist_cancel;

int kist_cancel_new(struct kist_cancel *parent, struct kist_cancel **ret_cancel,
                    struct kist_error *err) KIST_CHECKED;
void kist_cancel_free(struct kist_cancel *cancel); /* NULL is fine; children must be gone */

/* Async-signal-safe; from any thread. */
void kist_cancel_set(struct kist_cancel *cancel);
int kist_cancel_is_set(const struct kist_cancel *cancel);
/* Readable once set (also when only the parent is); never read from it. */
int kist_cancel_fd(const struct kist_cancel *cancel);

#endif
