/* queue.h - a bounded queue of buffers in stream order, filled by one or many threads and emptied by one or many. */
#ifndef KIST_CORE_QUEUE_H
#define KIST_CORE_QUEUE_H

#include "buffer.h"

struct kist_queue;

int kist_queue_new(size_t capacity, struct kist_queue **ret_queue, struct kist_error *err) KIST_CHECKED;
void kist_queue_free(struct kist_queue *queue); /* releases what is left; NULL is fine */

/* Puts `buffer` (its reference goes along, also on failure) at position `index` of the stream; waits while that is too
 * far ahead of the reader. Every index is put once, in any order. KIST_ERR_CANCELLED once stopped. */
int kist_queue_put(struct kist_queue *queue, uint64_t index, struct kist_buffer *buffer,
                   struct kist_error *err) KIST_CHECKED;

/* The same for at most `wait_ms`: KIST_ERR_TIMEOUT tells that there was no room, and the reference stays the caller's. */
int kist_queue_put_within(struct kist_queue *queue, int64_t wait_ms, uint64_t index, struct kist_buffer *buffer,
                          struct kist_error *err) KIST_CHECKED;

/* Takes the next buffer in order, with its index; waits for it. After the one marked `last`, NULL for ever. `wait_ms`
 * < 0 waits without limit, else KIST_ERR_TIMEOUT tells that nothing came. */
int kist_queue_get(struct kist_queue *queue, int64_t wait_ms, struct kist_buffer **ret_buffer, uint64_t *ret_index,
                   struct kist_error *err) KIST_CHECKED;

/* Wakes everyone; put and get fail from now on. */
void kist_queue_stop(struct kist_queue *queue);
/* The same, and releases what is in it: for a reader that takes nothing more, though others need the buffers. */
void kist_queue_abandon(struct kist_queue *queue);

#endif
