#include "stream.h"

void kist_stream_init(struct kist_stream *stream, struct kist_cancel *cancel, struct kist_progress *progress)
{
    *stream = (struct kist_stream){.cancel = cancel, .progress = progress, .err = KIST_ERROR_INIT};
    pthread_mutex_init(&stream->lock, NULL);
}

void kist_stream_done(struct kist_stream *stream)
{
    for (size_t i = 0; i < stream->queue_count; i++)
        kist_queue_free(stream->queues[i]);
    for (size_t i = 0; i < stream->pool_count; i++)
        kist_buffer_pool_free(stream->pools[i]);
    pthread_mutex_destroy(&stream->lock);
    kist_error_done(&stream->err);
}

int kist_stream_queue(struct kist_stream *stream, size_t capacity, struct kist_queue **ret_queue,
                      struct kist_error *err)
{
    if (stream->queue_count == KIST_STREAM_PARTS)
        return kist_fail(err, KIST_ERR_CONFIG, "too many filters and destinations in one pipeline");
    struct kist_queue *queue = NULL;
    int code = kist_queue_new(capacity, &queue, err);
    if (code)
        return code;
    pthread_mutex_lock(&stream->lock);
    stream->queues[stream->queue_count++] = queue;
    /* An earlier stage may have failed while this one was made. */
    if (stream->err.code)
        kist_queue_stop(queue);
    pthread_mutex_unlock(&stream->lock);
    *ret_queue = queue;
    return 0;
}

int kist_stream_pool(struct kist_stream *stream, size_t count, size_t capacity, struct kist_buffer_pool **ret_pool,
                     struct kist_error *err)
{
    if (stream->pool_count == KIST_STREAM_PARTS)
        return kist_fail(err, KIST_ERR_CONFIG, "too many filters in one pipeline");
    struct kist_buffer_pool *pool = NULL;
    int code = kist_buffer_pool_new(count, capacity, &pool, err);
    if (code)
        return code;
    pthread_mutex_lock(&stream->lock);
    stream->pools[stream->pool_count++] = pool;
    if (stream->err.code)
        kist_buffer_pool_stop(pool);
    pthread_mutex_unlock(&stream->lock);
    *ret_pool = pool;
    return 0;
}

void kist_stream_fail(struct kist_stream *stream, struct kist_error *err)
{
    pthread_mutex_lock(&stream->lock);
    if (!stream->err.code) {
        kist_error_move(&stream->err, err);
        kist_cancel_set(stream->cancel);
        for (size_t i = 0; i < stream->queue_count; i++)
            kist_queue_stop(stream->queues[i]);
        for (size_t i = 0; i < stream->pool_count; i++)
            kist_buffer_pool_stop(stream->pools[i]);
    }
    pthread_mutex_unlock(&stream->lock);
}

int kist_stream_failed(struct kist_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    int failed = stream->err.code != 0;
    pthread_mutex_unlock(&stream->lock);
    return failed;
}
