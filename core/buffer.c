#include "buffer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

struct kist_buffer_pool {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct kist_buffer *free;
    struct kist_buffer *buffers;
    unsigned char *memory;
    size_t memory_size;
    int stopped;
};

int kist_buffer_pool_new(size_t count, size_t capacity, struct kist_buffer_pool **ret_pool, struct kist_error *err)
{
    size_t memory_size = 0;
    if (__builtin_mul_overflow(count, capacity, &memory_size) || memory_size == 0)
        return kist_fail(err, KIST_ERR_BUG, "a pool of %zu buffers of %zu bytes makes no sense", count, capacity);
    struct kist_buffer_pool *pool = calloc(1, sizeof *pool);
    struct kist_buffer *buffers = calloc(count, sizeof *buffers);
    /* Mapped rather than allocated, so that pages never used cost nothing and all go back at the end. */
    unsigned char *memory = mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!pool || !buffers || memory == MAP_FAILED) {
        if (memory != MAP_FAILED)
            munmap(memory, memory_size);
        free(pool);
        free(buffers);
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for %zu buffers of %zu bytes", count, capacity);
    }
    *pool = (struct kist_buffer_pool){.buffers = buffers, .memory = memory, .memory_size = memory_size};
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->freed, NULL);
    for (size_t i = count; i-- > 0;) {
        buffers[i].data = memory + i * capacity;
        buffers[i].capacity = capacity;
        buffers[i].pool = pool;
        buffers[i].next_free = pool->free;
        pool->free = &buffers[i];
    }
    *ret_pool = pool;
    return 0;
}

void kist_buffer_pool_free(struct kist_buffer_pool *pool)
{
    if (!pool)
        return;
    munmap(pool->memory, pool->memory_size);
    pthread_cond_destroy(&pool->freed);
    pthread_mutex_destroy(&pool->lock);
    free(pool->buffers);
    free(pool);
}

int kist_buffer_take(struct kist_buffer_pool *pool, struct kist_buffer **ret_buffer, struct kist_error *err)
{
    pthread_mutex_lock(&pool->lock);
    while (!pool->free && !pool->stopped)
        pthread_cond_wait(&pool->freed, &pool->lock);
    struct kist_buffer *buffer = pool->stopped ? NULL : pool->free;
    if (buffer)
        pool->free = buffer->next_free;
    pthread_mutex_unlock(&pool->lock);
    if (!buffer)
        return kist_fail(err, KIST_ERR_CANCELLED, "stopped");
    buffer->size = 0;
    buffer->last = 0;
    atomic_store(&buffer->references, 1);
    *ret_buffer = buffer;
    return 0;
}

void kist_buffer_hold(struct kist_buffer *buffer)
{
    atomic_fetch_add(&buffer->references, 1);
}

void kist_buffer_release(struct kist_buffer *buffer)
{
    if (!buffer || atomic_fetch_sub(&buffer->references, 1) != 1)
        return;
    struct kist_buffer_pool *pool = buffer->pool;
    pthread_mutex_lock(&pool->lock);
    buffer->next_free = pool->free;
    pool->free = buffer;
    pthread_cond_signal(&pool->freed);
    pthread_mutex_unlock(&pool->lock);
}

void kist_buffer_pool_stop(struct kist_buffer_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stopped = 1;
    pthread_cond_broadcast(&pool->freed);
    pthread_mutex_unlock(&pool->lock);
}
