#include "queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct kist_queue {
    pthread_mutex_t lock;
    pthread_cond_t moved; /* something was put, taken or stopped */
    struct kist_buffer **slots;
    size_t capacity;
    uint64_t next; /* index that get() gives next */
    int ended;     /* the last buffer was taken */
    int stopped;
};

int kist_queue_new(size_t capacity, struct kist_queue **ret_queue, struct kist_error *err)
{
    struct kist_queue *queue = calloc(1, sizeof *queue);
    struct kist_buffer **slots = calloc(capacity, sizeof(struct kist_buffer *));
    if (!queue || !slots) {
        free(queue);
        free(slots);
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for a queue");
    }
    *queue = (struct kist_queue){.slots = slots, .capacity = capacity};
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->moved, &attributes);
    pthread_condattr_destroy(&attributes);
    *ret_queue = queue;
    return 0;
}

void kist_queue_free(struct kist_queue *queue)
{
    if (!queue)
        return;
    for (size_t i = 0; i < queue->capacity; i++)
        kist_buffer_release(queue->slots[i]);
    pthread_cond_destroy(&queue->moved);
    pthread_mutex_destroy(&queue->lock);
    free(queue->slots);
    free(queue);
}

static struct timespec deadline_after(int64_t wait_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += wait_ms / 1000;
    at.tv_nsec += (long)(wait_ms % 1000) * 1000000L;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000L;
    }
    return at;
}

/* Called with the lock held. 0 when there is room or nobody wants any more, else ETIMEDOUT. */
static int wait_for_room(struct kist_queue *queue, uint64_t index, int64_t wait_ms)
{
    struct timespec deadline = deadline_after(wait_ms < 0 ? 0 : wait_ms);
    while (!queue->stopped && index >= queue->next + queue->capacity) {
        if (wait_ms < 0)
            pthread_cond_wait(&queue->moved, &queue->lock);
        else if (pthread_cond_timedwait(&queue->moved, &queue->lock, &deadline) == ETIMEDOUT)
            return ETIMEDOUT;
    }
    return 0;
}

int kist_queue_put_within(struct kist_queue *queue, int64_t wait_ms, uint64_t index, struct kist_buffer *buffer,
                          struct kist_error *err)
{
    pthread_mutex_lock(&queue->lock);
    int timed_out = wait_for_room(queue, index, wait_ms);
    int stopped = queue->stopped;
    if (!stopped && !timed_out) {
        queue->slots[index % queue->capacity] = buffer;
        /* Only the buffer that the reader waits for can wake anyone up. */
        if (index == queue->next)
            pthread_cond_broadcast(&queue->moved);
    }
    pthread_mutex_unlock(&queue->lock);
    if (stopped) {
        kist_buffer_release(buffer);
        return kist_fail(err, KIST_ERR_CANCELLED, "stopped");
    }
    return timed_out ? kist_fail(err, KIST_ERR_TIMEOUT, "there was no room") : 0;
}

int kist_queue_put(struct kist_queue *queue, uint64_t index, struct kist_buffer *buffer, struct kist_error *err)
{
    return kist_queue_put_within(queue, -1, index, buffer, err);
}

/* Called with the lock held. 0 when a buffer or the end is there, else ETIMEDOUT. */
static int wait_for_next(struct kist_queue *queue, int64_t wait_ms)
{
    struct timespec deadline = deadline_after(wait_ms < 0 ? 0 : wait_ms);
    while (!queue->stopped && !queue->ended && !queue->slots[queue->next % queue->capacity]) {
        if (wait_ms < 0)
            pthread_cond_wait(&queue->moved, &queue->lock);
        else if (pthread_cond_timedwait(&queue->moved, &queue->lock, &deadline) == ETIMEDOUT)
            return ETIMEDOUT;
    }
    return 0;
}

int kist_queue_get(struct kist_queue *queue, int64_t wait_ms, struct kist_buffer **ret_buffer, uint64_t *ret_index,
                   struct kist_error *err)
{
    struct kist_buffer *buffer = NULL;
    pthread_mutex_lock(&queue->lock);
    int timed_out = wait_for_next(queue, wait_ms);
    int stopped = queue->stopped;
    if (!timed_out && !stopped && !queue->ended) {
        struct kist_buffer **slot = &queue->slots[queue->next % queue->capacity];
        buffer = *slot;
        *slot = NULL;
        *ret_index = queue->next++;
        queue->ended = buffer->last != 0;
        pthread_cond_broadcast(&queue->moved);
    }
    pthread_mutex_unlock(&queue->lock);
    if (stopped)
        return kist_fail(err, KIST_ERR_CANCELLED, "stopped");
    if (timed_out)
        return kist_fail(err, KIST_ERR_TIMEOUT, "nothing came");
    *ret_buffer = buffer;
    return 0;
}

void kist_queue_stop(struct kist_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->stopped = 1;
    pthread_cond_broadcast(&queue->moved);
    pthread_mutex_unlock(&queue->lock);
}

void kist_queue_abandon(struct kist_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->stopped = 1;
    for (size_t i = 0; i < queue->capacity; i++) {
        kist_buffer_release(queue->slots[i]);
        queue->slots[i] = NULL;
    }
    pthread_cond_broadcast(&queue->moved);
    pthread_mutex_unlock(&queue->lock);
}
