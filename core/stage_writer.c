#include "stream.h"
#include "thread.h"

#include <stdatomic.h>

/* The next buffer of the stream; NULL behind the last one. */
static int next_buffer(struct kist_stage_writer *stage, struct kist_buffer **ret_buffer, struct kist_error *err)
{
    uint64_t index = 0;
    return kist_queue_get(stage->input, -1, ret_buffer, &index, err);
}

/* Writes `buffer` and all that follow. */
static int write_stream(struct kist_stage_writer *stage, void *writer, struct kist_buffer *buffer,
                        uint64_t *ret_size, struct kist_error *err)
{
    int code = 0;
    while (buffer && !code) {
        if (buffer->size > 0)
            code = kist_store_put_write(stage->store, writer, buffer->data, buffer->size, err);
        *ret_size += buffer->size;
        kist_buffer_release(buffer);
        buffer = NULL;
        if (!code)
            code = next_buffer(stage, &buffer, err);
    }
    return code;
}

/* What the source tells of an object goes along with its own bytes, and was told before the first of them; what a filter
 * makes of them is something else. */
static int begin_object(struct kist_stage_writer *stage, void **ret_writer, struct kist_error *err)
{
    const struct kist_item *about = stage->filtered ? stage->source->item : stage->source->about;
    const struct kist_put put = {.struct_size = sizeof put,
                                 .key = stage->key,
                                 .size = -1,
                                 .size_estimate = about->size_estimate,
                                 .content_type = stage->filtered ? NULL : about->content_type,
                                 .metadata = stage->filtered ? NULL : about->metadata};
    return kist_store_put_begin(stage->store, &put, ret_writer, err);
}

static int store_object(struct kist_stage_writer *stage, struct kist_error *err)
{
    struct kist_buffer *first = NULL;
    void *writer = NULL;
    uint64_t size = 0;
    int code = next_buffer(stage, &first, err);
    if (!code)
        code = begin_object(stage, &writer, err);
    if (code) {
        kist_buffer_release(first);
        return code;
    }
    code = write_stream(stage, writer, first, &size, err);
    if (code) {
        kist_store_put_abort(stage->store, writer);
        return code;
    }
    return kist_store_put_commit(stage->store, writer, size, err);
}

/* Takes buffers off the queue of a writer that has failed, so that the other destinations go on. */
static void drain(struct kist_stage_writer *stage)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_buffer *buffer = NULL;
    uint64_t index = 0;
    while (!kist_queue_get(stage->input, -1, &buffer, &index, &err) && buffer)
        kist_buffer_release(buffer);
}

static void *run(void *arg)
{
    struct kist_stage_writer *stage = arg;
    if (store_object(stage, &stage->err)) {
        kist_store_explain(stage->store, &stage->err);
        atomic_store(&stage->failed, 1);
        drain(stage);
    } else {
        stage->committed = 1;
    }
    return NULL;
}

int kist_stage_writer_start(struct kist_stage_writer *stage, struct kist_error *err)
{
    int errnum = pthread_create(&stage->thread, NULL, run, stage);
    if (errnum)
        return kist_fail_errno(err, errnum, "cannot start a thread");
    stage->running = 1;
    return 0;
}

int kist_stage_writer_join(struct kist_stage_writer *stage, int64_t wait_ms)
{
    if (stage->running && !kist_thread_join_within(stage->thread, wait_ms))
        return 0;
    stage->running = 0;
    return 1;
}
