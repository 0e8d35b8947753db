/* Buffers and queues between threads: order, bounds, the end, stopping, and that nobody sleeps through a wake-up. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backup_id.h"
#include "queue.h"

#define ROUNDS 3000
#define THREADS 4

static struct kist_error err = KIST_ERROR_INIT;

static int teardown(void **state)
{
    (void)state;
    kist_error_clear(&err);
    return 0;
}

static struct kist_buffer_pool *new_pool(size_t count, size_t capacity)
{
    struct kist_buffer_pool *pool = NULL;
    assert_int_equal(kist_buffer_pool_new(count, capacity, &pool, &err), 0);
    return pool;
}

static struct kist_queue *new_queue(size_t capacity)
{
    struct kist_queue *queue = NULL;
    assert_int_equal(kist_queue_new(capacity, &queue, &err), 0);
    return queue;
}

static struct kist_buffer *take(struct kist_buffer_pool *pool)
{
    struct kist_buffer *buffer = NULL;
    assert_int_equal(kist_buffer_take(pool, &buffer, &err), 0);
    return buffer;
}

static void put(struct kist_queue *queue, struct kist_buffer_pool *pool, uint64_t index, uint32_t last)
{
    struct kist_buffer *buffer = take(pool);
    buffer->size = 1;
    buffer->data[0] = (unsigned char)index;
    buffer->last = last;
    assert_int_equal(kist_queue_put(queue, index, buffer, &err), 0);
}

static void a_pool_lends_what_it_has(void **state)
{
    (void)state;
    struct kist_buffer_pool *pool = new_pool(3, 1000);
    struct kist_buffer *buffers[3];
    for (int i = 0; i < 3; i++) {
        buffers[i] = take(pool);
        assert_int_equal(buffers[i]->size, 0);
        assert_int_equal(buffers[i]->last, 0);
        assert_int_equal(buffers[i]->capacity, 1000);
        memset(buffers[i]->data, i, 1000);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(buffers[i]->data[999], i);
    /* One that two hold comes back with the second release. */
    kist_buffer_hold(buffers[1]);
    kist_buffer_release(buffers[1]);
    kist_buffer_release(buffers[0]);
    struct kist_buffer *again = take(pool);
    assert_ptr_equal(again, buffers[0]);
    kist_buffer_release(buffers[1]);
    again->size = 7;
    again->last = 1;
    kist_buffer_release(again);
    again = take(pool);
    assert_int_equal(again->size, 0);
    assert_int_equal(again->last, 0);
    kist_buffer_release(again);
    kist_buffer_release(buffers[2]);
    kist_buffer_release(NULL);
    kist_buffer_pool_free(pool);
    kist_buffer_pool_free(NULL);
}

static void impossible_pools(void **state)
{
    (void)state;
    struct kist_buffer_pool *pool = NULL;
    assert_int_equal(kist_buffer_pool_new(0, 10, &pool, &err), KIST_ERR_BUG);
    assert_int_equal(kist_buffer_pool_new(10, 0, &pool, &err), KIST_ERR_BUG);
    assert_int_equal(kist_buffer_pool_new(16, SIZE_MAX / 2, &pool, &err), KIST_ERR_BUG);
    assert_int_equal(kist_buffer_pool_new(4, SIZE_MAX / 8, &pool, &err), KIST_ERR_FAILED);
    assert_null(pool);
}

struct waiter {
    struct kist_buffer_pool *pool;
    struct kist_queue *queue;
    int code;
    struct kist_error err;
};

static void *wait_for_buffer(void *arg)
{
    struct waiter *waiter = arg;
    struct kist_buffer *buffer = NULL;
    waiter->code = kist_buffer_take(waiter->pool, &buffer, &waiter->err);
    kist_buffer_release(buffer);
    return NULL;
}

static void *wait_to_get(void *arg)
{
    struct waiter *waiter = arg;
    struct kist_buffer *buffer = NULL;
    uint64_t index = 0;
    waiter->code = kist_queue_get(waiter->queue, -1, &buffer, &index, &waiter->err);
    kist_buffer_release(buffer);
    return NULL;
}

static void *wait_to_put(void *arg)
{
    struct waiter *waiter = arg;
    struct kist_buffer *buffer = NULL;
    waiter->code = kist_buffer_take(waiter->pool, &buffer, &waiter->err);
    if (!waiter->code)
        waiter->code = kist_queue_put(waiter->queue, 2, buffer, &waiter->err);
    return NULL;
}

static void stop_pool(const struct waiter *waiter)
{
    kist_buffer_pool_stop(waiter->pool);
}

static void stop_queue(const struct waiter *waiter)
{
    kist_queue_stop(waiter->queue);
}

/* Several threads wait for what never comes; `stop` ends all of them. */
static void assert_stops(struct waiter *model, void *(*wait)(void *), void (*stop)(const struct waiter *))
{
    pthread_t threads[THREADS];
    struct waiter waiters[THREADS];
    for (int i = 0; i < THREADS; i++) {
        waiters[i] = *model;
        waiters[i].err = (struct kist_error)KIST_ERROR_INIT;
        assert_int_equal(pthread_create(&threads[i], NULL, wait, &waiters[i]), 0);
    }
    usleep(20000);
    stop(model);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(waiters[i].code, KIST_ERR_CANCELLED);
        kist_error_done(&waiters[i].err);
    }
}

static void stopping_wakes_everyone(void **state)
{
    (void)state;
    struct waiter model = {.pool = new_pool(1, 16)};
    struct kist_buffer *only = take(model.pool), *none = NULL;
    assert_stops(&model, wait_for_buffer, stop_pool);
    kist_buffer_release(only);
    assert_int_equal(kist_buffer_take(model.pool, &none, &err), KIST_ERR_CANCELLED);
    kist_buffer_pool_free(model.pool);

    uint64_t index = 0;
    model = (struct waiter){.queue = new_queue(2)};
    assert_stops(&model, wait_to_get, stop_queue);
    assert_int_equal(kist_queue_get(model.queue, -1, &none, &index, &err), KIST_ERR_CANCELLED);
    kist_queue_free(model.queue);

    model = (struct waiter){.pool = new_pool(THREADS, 16), .queue = new_queue(2)};
    assert_stops(&model, wait_to_put, stop_queue);
    /* A buffer that could not be put went back to its pool. */
    struct kist_buffer *all[THREADS];
    for (int i = 0; i < THREADS; i++)
        all[i] = take(model.pool);
    assert_int_equal(kist_queue_put(model.queue, 0, all[0], &err), KIST_ERR_CANCELLED);
    for (int i = 1; i < THREADS; i++)
        kist_buffer_release(all[i]);
    kist_queue_free(model.queue);
    kist_buffer_pool_free(model.pool);
}

static void order_and_end(void **state)
{
    (void)state;
    struct kist_buffer_pool *pool = new_pool(4, 16);
    struct kist_queue *queue = new_queue(4);
    struct kist_buffer *buffer = NULL;
    uint64_t index = 99;
    put(queue, pool, 2, 0);
    put(queue, pool, 3, 1);
    put(queue, pool, 1, 0);
    /* The first one is missing, so nothing can be had. */
    int64_t before = kist_time_monotonic_ms();
    assert_int_equal(kist_queue_get(queue, 30, &buffer, &index, &err), KIST_ERR_TIMEOUT);
    assert_in_range(kist_time_monotonic_ms() - before, 25, 5000);
    assert_int_equal(kist_queue_get(queue, 0, &buffer, &index, &err), KIST_ERR_TIMEOUT);
    assert_null(buffer);
    put(queue, pool, 0, 0);
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(kist_queue_get(queue, -1, &buffer, &index, &err), 0);
        assert_int_equal(index, i);
        assert_int_equal(buffer->data[0], i);
        kist_buffer_release(buffer);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kist_queue_get(queue, i ? -1 : 0, &buffer, &index, &err), 0);
        assert_null(buffer);
    }
    kist_queue_free(queue);
    kist_buffer_pool_free(pool);
}

static void what_is_left_goes_back(void **state)
{
    (void)state;
    struct kist_buffer_pool *pool = new_pool(3, 16);
    struct kist_queue *queue = new_queue(3);
    put(queue, pool, 0, 0);
    put(queue, pool, 2, 0);
    kist_queue_free(queue);
    kist_queue_free(NULL);
    for (int i = 0; i < 3; i++)
        take(pool);
    kist_buffer_pool_free(pool);
}

/* Many writers, each with every THREADSth index, and many readers; the pool and the queue are as small as they may be. */
struct crowd {
    struct kist_buffer_pool *pool;
    struct kist_queue *queue;
    _Atomic uint64_t next_writer, sum, got, wrong;
};

static void *write_some(void *arg)
{
    struct crowd *crowd = arg;
    struct kist_error mine = KIST_ERROR_INIT;
    for (;;) {
        struct kist_buffer *buffer = NULL;
        /* Room first, then a place in the order, as the workers do. */
        if (kist_buffer_take(crowd->pool, &buffer, &mine))
            break;
        uint64_t index = atomic_fetch_add(&crowd->next_writer, 1);
        if (index >= ROUNDS) {
            kist_buffer_release(buffer);
            break;
        }
        memcpy(buffer->data, &index, sizeof index);
        buffer->size = sizeof index;
        buffer->last = index == ROUNDS - 1;
        if (index % 7 == 0)
            sched_yield();
        if (kist_queue_put(crowd->queue, index, buffer, &mine))
            atomic_fetch_add(&crowd->wrong, 1);
    }
    kist_error_done(&mine);
    return NULL;
}

static void *read_some(void *arg)
{
    struct crowd *crowd = arg;
    struct kist_error mine = KIST_ERROR_INIT;
    for (;;) {
        struct kist_buffer *buffer = NULL;
        uint64_t index = 0, written = 0;
        if (kist_queue_get(crowd->queue, -1, &buffer, &index, &mine) || !buffer)
            break;
        memcpy(&written, buffer->data, sizeof written);
        if (written != index)
            atomic_fetch_add(&crowd->wrong, 1);
        atomic_fetch_add(&crowd->sum, written);
        atomic_fetch_add(&crowd->got, 1);
        kist_buffer_release(buffer);
    }
    kist_error_done(&mine);
    return NULL;
}

static void a_crowd_loses_nothing(void **state)
{
    (void)state;
    for (size_t capacity = 1; capacity <= 4; capacity++)
        for (size_t readers = 1; readers <= THREADS; readers++) {
            pthread_t writers[THREADS], threads[THREADS];
            struct crowd crowd = {.pool = new_pool(THREADS, 64), .queue = new_queue(capacity)};
            for (size_t i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&writers[i], NULL, write_some, &crowd), 0);
            for (size_t i = 0; i < readers; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, read_some, &crowd), 0);
            for (size_t i = 0; i < THREADS; i++)
                pthread_join(writers[i], NULL);
            for (size_t i = 0; i < readers; i++)
                pthread_join(threads[i], NULL);
            assert_int_equal(crowd.got, ROUNDS);
            assert_int_equal(crowd.sum, (uint64_t)ROUNDS * (ROUNDS - 1) / 2);
            assert_int_equal(crowd.wrong, 0);
            kist_queue_free(crowd.queue);
            kist_buffer_pool_free(crowd.pool);
        }
}

/* A full queue: the reference stays with who could not put it. */
static void a_put_that_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct kist_buffer_pool *pool = new_pool(3, 8);
    struct kist_queue *queue = new_queue(2);
    put(queue, pool, 0, 0);
    put(queue, pool, 1, 0);
    struct kist_buffer *third = take(pool), *first = NULL;
    uint64_t index = 9;
    int64_t begun = kist_time_monotonic_ms();
    assert_int_equal(kist_queue_put_within(queue, 50, 2, third, &err), KIST_ERR_TIMEOUT);
    assert_true(kist_time_monotonic_ms() - begun >= 49);
    kist_error_clear(&err);
    assert_int_equal(kist_queue_get(queue, -1, &first, &index, &err), 0);
    kist_buffer_release(first);
    assert_int_equal(kist_queue_put_within(queue, 50, 2, third, &err), 0);
    kist_queue_free(queue);
    kist_buffer_pool_free(pool);
}

/* Nobody takes them any more: they go back at once, and so does what comes later. */
static void an_abandoned_queue_holds_nothing(void **state)
{
    (void)state;
    struct kist_buffer_pool *pool = new_pool(2, 8);
    struct kist_queue *queue = new_queue(4);
    struct kist_buffer *buffer = NULL;
    uint64_t index = 0;
    put(queue, pool, 0, 0);
    put(queue, pool, 1, 0);
    kist_queue_abandon(queue);
    assert_int_equal(kist_queue_get(queue, -1, &buffer, &index, &err), KIST_ERR_CANCELLED);
    struct kist_buffer *one = take(pool), *two = take(pool);
    assert_int_equal(kist_queue_put_within(queue, 1000, 2, one, &err), KIST_ERR_CANCELLED);
    one = take(pool);
    kist_buffer_release(one);
    kist_buffer_release(two);
    kist_queue_free(queue);
    kist_buffer_pool_free(pool);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_pool_lends_what_it_has),
        TEST(impossible_pools),
        TEST(stopping_wakes_everyone),
        TEST(order_and_end),
        TEST(what_is_left_goes_back),
        TEST(a_crowd_loses_nothing),
        TEST(a_put_that_does_not_wait_for_ever),
        TEST(an_abandoned_queue_holds_nothing),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
