/* buffer.h - reference-counted blocks of memory from a pool of fixed size: what flows between the stages. */
#ifndef KIST_CORE_BUFFER_H
#define KIST_CORE_BUFFER_H

#include "cancel.h"

struct kist_buffer_pool;

/* Written by the one that took it from the pool, read-only once handed on. */
struct kist_buffer {
    unsigned char *data;
    size_t capacity;
    size_t size;
    uint32_t last; /* 1: nothing follows in this stream */
    struct kist_buffer_pool *pool;
    struct kist_buffer *next_free;
    _Atomic uint32_t references;
};

/* `count` buffers of `capacity` bytes; their memory is touched only when they are first used. */
int kist_buffer_pool_new(size_t count, size_t capacity, struct kist_buffer_pool **ret_pool,
                         struct kist_error *err) KIST_CHECKED;
void kist_buffer_pool_free(struct kist_buffer_pool *pool); /* all buffers are back; NULL is fine */

/* Waits for a free buffer; KIST_ERR_CANCELLED once the pool is stopped. The caller holds one reference. */
int kist_buffer_take(struct kist_buffer_pool *pool, struct kist_buffer **ret_buffer,
                     struct kist_error *err) KIST_CHECKED;
void kist_buffer_hold(struct kist_buffer *buffer);
void kist_buffer_release(struct kist_buffer *buffer); /* NULL is fine */

/* Wakes everyone who waits; from now on take() fails. */
void kist_buffer_pool_stop(struct kist_buffer_pool *pool);

#endif
