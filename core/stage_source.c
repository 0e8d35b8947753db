#include "stream.h"

/* Fills a buffer to the brim, or up to the end of the item (`ret_end`). */
static int fill(struct kist_stage_source *stage, void *reader, struct kist_buffer *buffer, int *ret_end,
                struct kist_error *err)
{
    const struct kist_source *source = &stage->instance->plugin->as.source;
    while (buffer->size < buffer->capacity) {
        size_t got = 0, room = buffer->capacity - buffer->size;
        int code = kist_instance_result(stage->instance,
                                        source->read(reader, buffer->data + buffer->size, room, &got, err), err);
        if (code)
            return code;
        if (got > room)
            return kist_fail(err, KIST_ERR_BUG, "%s: read %zu bytes into room for %zu", stage->instance->where,
                             got, room);
        if (got == 0) {
            *ret_end = 1;
            return 0;
        }
        buffer->size += got;
        kist_progress_add_raw(stage->stream->progress, got);
    }
    return 0;
}

/* One buffer is held back, since only the end of the item shows which one is the last. */
static int read_item(struct kist_stage_source *stage, void *reader, struct kist_hash *hash, struct kist_error *err)
{
    struct kist_buffer *held = NULL;
    uint64_t index = 0;
    int end = 0, code = 0;
    while (!end && !code) {
        struct kist_buffer *buffer = NULL;
        code = kist_buffer_take(stage->pool, &buffer, err);
        if (code)
            break;
        code = fill(stage, reader, buffer, &end, err);
        if (!code && buffer->size > 0)
            code = kist_hash_update(hash, buffer->data, buffer->size, err);
        if (!code && held && buffer->size > 0) {
            code = kist_queue_put(stage->output, index++, held, err);
            held = NULL;
        }
        if (!code && !held) {
            stage->size += buffer->size;
            held = buffer;
        } else {
            kist_buffer_release(buffer);
        }
    }
    if (!code)
        code = kist_hash_finish(hash, stage->sha256, err);
    if (!code) {
        held->last = 1;
        code = kist_queue_put(stage->output, index, held, err);
        held = NULL;
    }
    kist_buffer_release(held);
    return code;
}

int kist_stage_source_ask(struct kist_instance *source, void *reader, struct kist_item_copy *told,
                          const struct kist_item **ret_about, struct kist_error *err)
{
    if (!told)
        return 0;
    kist_item_copy_done(told);
    int code = kist_instance_result(
        source, source->plugin->as.source.read_about(reader, kist_item_copy_take, told, err), err);
    if (!code && told->texts)
        *ret_about = &told->item;
    return code;
}

static void *run(void *arg)
{
    struct kist_stage_source *stage = arg;
    const struct kist_source *source = &stage->instance->plugin->as.source;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_hash *hash = NULL;
    void *reader = NULL;
    int code = kist_hash_new(&hash, &err);
    if (!code)
        code = kist_instance_result(stage->instance,
                                    source->read_begin(stage->instance->self, stage->item, &reader, &err), &err);
    int opened = !code;
    stage->about = stage->item;
    if (opened)
        code = kist_stage_source_ask(stage->instance, reader, stage->told, &stage->about, &err);
    if (!code)
        code = read_item(stage, reader, hash, &err);
    if (opened)
        source->read_end(reader);
    kist_hash_free(hash);
    if (code) {
        stage->failed = !kist_stream_failed(stage->stream);
        kist_stream_fail(stage->stream, &err);
    }
    return NULL;
}

int kist_stage_source_start(struct kist_stage_source *stage, struct kist_error *err)
{
    int errnum = pthread_create(&stage->thread, NULL, run, stage);
    if (errnum)
        return kist_fail_errno(err, errnum, "cannot start a thread");
    stage->running = 1;
    return 0;
}

void kist_stage_source_join(struct kist_stage_source *stage)
{
    if (stage->running)
        pthread_join(stage->thread, NULL);
    stage->running = 0;
}
