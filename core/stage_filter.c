#include "stream.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORKER_NICENESS 5               /* on Linux it is the calling thread's own */
#define HEADER_ROOM ((size_t)64 * 1024) /* what the contract promises to encode_begin */
#define BLOCK_MOST ((uint64_t)4 << 20)  /* what it allows for */
#define BOUND_MOST (4 * BLOCK_MOST)     /* no encoding makes that much of a block */

static const struct kist_filter *filter_of(const struct kist_stage_filter *stage)
{
    return &stage->instance->plugin->as.filter;
}

int kist_stage_filter_check(const struct kist_instance *instance, struct kist_error *err)
{
    const struct kist_filter *filter = &instance->plugin->as.filter;
    uint64_t block = filter->block_size(instance->self);
    if (block == 0 || block > BLOCK_MOST)
        return kist_fail(err, KIST_ERR_BUG, "%s: wants blocks of %llu bytes", instance->where,
                         (unsigned long long)block);
    uint64_t bound = filter->encoded_bound(instance->self, block);
    if (bound == 0 || bound > BOUND_MOST)
        return kist_fail(err, KIST_ERR_BUG, "%s: wants room of %llu bytes for a block of %llu", instance->where,
                         (unsigned long long)bound, (unsigned long long)block);
    return 0;
}

int kist_stage_filter_made(const struct kist_instance *instance, const struct kist_block *block, size_t size,
                           size_t room, struct kist_error *err)
{
    if (size > room)
        return kist_fail(err, KIST_ERR_BUG, "%s: wrote %zu bytes into room for %zu", instance->where, size, room);
    if (size == 0 && block->size > 0)
        return kist_fail(err, KIST_ERR_BUG, "%s: made nothing of a block of %llu bytes", instance->where,
                         (unsigned long long)block->size);
    return 0;
}

/* Encodes one block into `output`. */
static int encode_block(struct kist_stage_filter *stage, void *worker, const struct kist_buffer *input,
                        uint64_t index, struct kist_buffer *output, struct kist_error *err)
{
    struct kist_block block = {.struct_size = sizeof block,
                               .last = input->last,
                               .index = index,
                               .data = input->data,
                               .size = input->size};
    size_t size = 0;
    atomic_fetch_add(&stage->working, 1);
    int code = kist_instance_result(
        stage->instance, filter_of(stage)->encode(worker, &block, output->data, output->capacity, &size, err),
        err);
    atomic_fetch_add(&stage->worked, 1);
    atomic_fetch_sub(&stage->working, 1);
    if (!code)
        code = kist_stage_filter_made(stage->instance, &block, size, output->capacity, err);
    output->size = size;
    output->last = input->last;
    return code;
}

/* The room for the result is taken before the block: a worker that holds a place in the order can then always fill it,
 * and no later block can keep it waiting. */
static int work(struct kist_stage_filter *stage, void *worker, struct kist_error *err)
{
    for (;;) {
        struct kist_buffer *output = NULL, *input = NULL;
        uint64_t index = 0;
        int code = kist_buffer_take(stage->pool, &output, err);
        if (!code)
            code = kist_queue_get(stage->input, -1, &input, &index, err);
        if (code || !input) {
            kist_buffer_release(output);
            return code;
        }
        code = encode_block(stage, worker, input, index, output, err);
        kist_buffer_release(input);
        if (code) {
            kist_buffer_release(output);
            return code;
        }
        code = kist_queue_put(stage->output, stage->first_index + index, output, err);
        if (code)
            return code;
    }
}

/* The source sets the pace of a run: where cores are few, its server and its tool must not wait for a filter. */
static void step_back(void)
{
    (void)!nice(WORKER_NICENESS);
}

static void *run_worker(void *arg)
{
    struct kist_stage_filter *stage = arg;
    step_back();
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    void *worker = NULL;
    int code =
        kist_instance_result(stage->instance, filter_of(stage)->worker_open(stage->encoder, &worker, &err), &err);
    if (!code) {
        code = work(stage, worker, &err);
        filter_of(stage)->worker_close(worker);
    }
    if (code)
        kist_stream_fail(stage->stream, &err);
    return NULL;
}

/* Copies the stream into buffers of the filter's block size. */
static int cut(struct kist_stage_filter *stage, struct kist_error *err)
{
    struct kist_buffer *block = NULL, *input = NULL;
    uint64_t index = 0, ignored = 0;
    int last = 0;
    int code = kist_buffer_take(stage->cut_pool, &block, err);
    while (!code && !last) {
        code = kist_queue_get(stage->uncut, -1, &input, &ignored, err);
        if (code)
            break;
        last = input->last != 0;
        for (size_t done = 0; done < input->size && !code;) {
            if (block->size == block->capacity) {
                code = kist_queue_put(stage->input, index++, block, err);
                block = NULL;
                if (!code)
                    code = kist_buffer_take(stage->cut_pool, &block, err);
                if (code)
                    break;
            }
            size_t room = block->capacity - block->size, left = input->size - done;
            size_t size = room < left ? room : left;
            memcpy(block->data + block->size, input->data + done, size);
            block->size += size;
            done += size;
        }
        kist_buffer_release(input);
    }
    if (code) {
        kist_buffer_release(block);
        return code;
    }
    block->last = 1;
    return kist_queue_put(stage->input, index, block, err);
}

static void *run_cutter(void *arg)
{
    struct kist_stage_filter *stage = arg;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    if (cut(stage, &err))
        kist_stream_fail(stage->stream, &err);
    return NULL;
}

/* Makes the encoder; a header of the format becomes the first buffer of the output. */
static int begin(struct kist_stage_filter *stage, struct kist_error *err)
{
    struct kist_buffer *header = NULL;
    int code = kist_buffer_take(stage->pool, &header, err);
    if (code)
        return code;
    size_t size = 0;
    code = kist_instance_result(stage->instance,
                                filter_of(stage)->encode_begin(stage->instance->self, header->data,
                                                               header->capacity, &size, &stage->encoder, err),
                                err);
    stage->encoder_open = !code;
    if (!code && size > header->capacity)
        code =
            kist_fail(err, KIST_ERR_BUG, "%s: its header is larger than the room for it", stage->instance->where);
    if (code || size == 0) {
        kist_buffer_release(header);
        return code;
    }
    header->size = size;
    stage->first_index = 1;
    return kist_queue_put(stage->output, 0, header, err);
}

int kist_stage_filter_start(struct kist_stage_filter *stage, size_t workers, struct kist_error *err)
{
    const struct kist_filter *filter = filter_of(stage);
    size_t bound = (size_t)filter->encoded_bound(stage->instance->self, stage->block_size);
    int code = kist_stream_queue(stage->stream, workers + 2, &stage->output, err);
    if (!code)
        code = kist_stream_pool(stage->stream, 2 * workers + 4, bound > HEADER_ROOM ? bound : HEADER_ROOM,
                                &stage->pool, err);
    if (!code && stage->uncut) {
        code = kist_stream_queue(stage->stream, workers + 1, &stage->input, err);
        if (!code)
            code = kist_stream_pool(stage->stream, 2 * workers + 1, stage->block_size, &stage->cut_pool, err);
    }
    if (!code)
        code = begin(stage, err);
    if (!code && stage->uncut) {
        int errnum = pthread_create(&stage->cutter, NULL, run_cutter, stage);
        code = errnum ? kist_fail_errno(err, errnum, "cannot start a thread") : 0;
        stage->cutting = !errnum;
    }
    if (!code && !(stage->threads = calloc(workers, sizeof *stage->threads)))
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory");
    while (!code && stage->running < workers) {
        int errnum = pthread_create(&stage->threads[stage->running], NULL, run_worker, stage);
        if (errnum)
            code = kist_fail_errno(err, errnum, "cannot start a thread");
        else
            stage->running++;
    }
    return code;
}

void kist_stage_filter_join(struct kist_stage_filter *stage)
{
    if (stage->cutting)
        pthread_join(stage->cutter, NULL);
    for (size_t i = 0; i < stage->running; i++)
        pthread_join(stage->threads[i], NULL);
    free(stage->threads);
    if (stage->encoder_open)
        filter_of(stage)->encode_end(stage->encoder);
    stage->cutting = stage->encoder_open = 0;
    stage->running = 0;
    stage->threads = NULL;
}
