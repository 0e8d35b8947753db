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

int kist_stream_queue(struct kist_stream *stream, size_t capacity, struct kist_queue **ret_queue, struct kist_error *err)
{
    if (stream->queue_count == KIST_STREAM_PARTS)
        return kist_fail(err, KIST_ERR_CONFIG, "too many filters and destinations in one pipeline");
    int code = kist_queue_new(capacity, ret_queue, err);
    if (!code)
        stream->queues[stream->queue_count++] = *ret_queue;
    return code;
}

int kist_stream_pool(struct kist_stream *stream, size_t count, size_t capacity, struct kist_buffer_pool **ret_pool,
                     struct kist_error *err)
{
    if (stream->pool_count == KIST_STREAM_PARTS)
        return kist_fail(err, KIST_ERR_CONFIG, "too many filters in one pipeline");
    int code = kist_buffer_pool_new(count, capacity, ret_pool, err);
    if (!code)
        stream->pools[stream->pool_count++] = *ret_pool;
    return code;
}

void kist_stream_fail(struct kist_stream *stream, struct kist_error *err)
{
    pthread_mutex_lock(&stream->lock);
    int first = !stream->err.code;
    if (first)
        kist_error_move(&stream->err, err);
    pthread_mutex_unlock(&stream->lock);
    if (!first)
        return;
    kist_cancel_set(stream->cancel);
    for (size_t i = 0; i < stream->queue_count; i++)
        kist_queue_stop(stream->queues[i]);
    for (size_t i = 0; i < stream->pool_count; i++)
        kist_buffer_pool_stop(stream->pools[i]);
}

int kist_stream_failed(struct kist_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    int failed = stream->err.code != 0;
    pthread_mutex_unlock(&stream->lock);
    return failed;
}
