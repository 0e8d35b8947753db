#include "stream.h"

#include <stdatomic.h>

/* Writes until the end; what is left is then confirmed. */
static int write_stream(struct kist_stage_writer *stage, void *writer, uint64_t *ret_size, struct kist_error *err)
{
    for (;;) {
        struct kist_buffer *buffer = NULL;
        uint64_t index = 0;
        int code = kist_queue_get(stage->input, -1, &buffer, &index, err);
        if (code || !buffer)
            return code;
        if (buffer->size > 0)
            code = kist_store_put_write(stage->store, writer, buffer->data, buffer->size, err);
        *ret_size += buffer->size;
        kist_buffer_release(buffer);
        if (code)
            return code;
    }
}

static int store_object(struct kist_stage_writer *stage, struct kist_error *err)
{
    void *writer = NULL;
    uint64_t size = 0;
    int code = kist_store_put_begin(stage->store, stage->key, -1, NULL, &writer, err);
    if (code)
        return code;
    code = write_stream(stage, writer, &size, err);
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

void kist_stage_writer_join(struct kist_stage_writer *stage)
{
    if (stage->running)
        pthread_join(stage->thread, NULL);
    stage->running = 0;
}
