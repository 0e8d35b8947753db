#include "transfer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_WORKERS 8
#define WRITER_QUEUE 4 /* buffers that a destination may lag behind */
#define FILTER_PATIENCE_MS (10 * 60 * 1000)
#define TICK_MS 200 /* how often a waiting transfer looks around: was it cancelled, is a destination overdue */

/* All stages of one transfer. */
struct plumbing {
    struct kist_transfer *transfer;
    struct kist_stream stream;
    struct kist_stage_source source;
    struct kist_stage_filter *filters;
    struct kist_stage_writer *writers;
    struct kist_queue *end; /* what comes out of the last filter */
    size_t worked;          /* blocks that the filters had made when it was last looked */
    int64_t idle_ms;        /* since when that is so, while they have work */
};

static size_t worker_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > MAX_WORKERS ? MAX_WORKERS : (size_t)cores;
}

static size_t block_size_of(struct kist_instance *filter)
{
    return (size_t)filter->plugin->as.filter.block_size(filter->self);
}

static int start_writers(struct plumbing *plumbing, struct kist_error *err)
{
    struct kist_transfer *transfer = plumbing->transfer;
    int code = 0;
    for (size_t i = 0; i < transfer->target_count && !code; i++) {
        struct kist_stage_writer *writer = &plumbing->writers[i];
        *writer = (struct kist_stage_writer){.stream = &plumbing->stream,
                                             .store = transfer->targets[i].store,
                                             .key = transfer->targets[i].key,
                                             .source = &plumbing->source,
                                             .filtered = transfer->filter_count > 0,
                                             .err = KIST_ERROR_INIT};
        code = kist_stream_queue(&plumbing->stream, WRITER_QUEUE, &writer->input, err);
    }
    for (size_t i = 0; i < transfer->target_count && !code; i++)
        code = kist_stage_writer_start(&plumbing->writers[i], err);
    return code;
}

/* The source's buffers are as large as the first filter's blocks, so that it need not copy them. */
static int start_stages(struct plumbing *plumbing, struct kist_error *err)
{
    struct kist_transfer *transfer = plumbing->transfer;
    size_t workers = transfer->workers ? transfer->workers : worker_count();
    size_t block = transfer->filter_count ? block_size_of(transfer->filters[0]) : KIST_STREAM_BLOCK;
    plumbing->source = (struct kist_stage_source){
        .stream = &plumbing->stream, .instance = transfer->source, .item = transfer->item, .told = transfer->told};
    /* Without a filter no more is under way than the destinations lag behind, and hold. */
    size_t buffers = transfer->filter_count ? 2 * workers + 2 : WRITER_QUEUE + 4 + transfer->target_count;
    int code = kist_stream_pool(&plumbing->stream, buffers, block, &plumbing->source.pool, err);
    if (!code)
        code = kist_stream_queue(&plumbing->stream, workers + 1, &plumbing->source.output, err);
    plumbing->end = plumbing->source.output;
    for (size_t i = 0; i < transfer->filter_count && !code; i++) {
        struct kist_stage_filter *filter = &plumbing->filters[i];
        *filter = (struct kist_stage_filter){.stream = &plumbing->stream,
                                             .instance = transfer->filters[i],
                                             .block_size = block_size_of(transfer->filters[i])};
        *(i == 0 ? &filter->input : &filter->uncut) = plumbing->end;
        code = kist_stage_filter_start(filter, workers, err);
        plumbing->end = filter->output;
    }
    if (!code)
        code = start_writers(plumbing, err);
    if (!code)
        code = kist_stage_source_start(&plumbing->source, err);
    return code;
}

/* Targets that can still make it; the first failure of the others is told by `ret_failed`. */
static size_t targets_left(struct plumbing *plumbing, struct kist_stage_writer **ret_failed)
{
    size_t left = 0;
    *ret_failed = NULL;
    for (size_t i = 0; i < plumbing->transfer->target_count; i++) {
        struct kist_stage_writer *writer = &plumbing->writers[i];
        if (!atomic_load(&writer->failed))
            left++;
        else if (!*ret_failed)
            *ret_failed = writer;
    }
    return left;
}

/* Too few destinations left, or the person at the keyboard: the reason to stop, if there is one. */
static int reason_to_stop(struct plumbing *plumbing, struct kist_error *err)
{
    struct kist_stage_writer *failed = NULL;
    if (kist_stream_failed(&plumbing->stream))
        return kist_fail(err, KIST_ERR_CANCELLED, "stopped");
    if (kist_cancel_is_set(plumbing->transfer->cancel))
        return kist_fail(err, KIST_ERR_CANCELLED, "stopped by a signal");
    if (targets_left(plumbing, &failed) >= plumbing->transfer->need || !failed)
        return 0;
    return kist_error_copy(err, &failed->err);
}

/* Gives up the destinations that have shown no sign of life for longer than they may. Their writers fail, and are fed no
 * more. */
static void give_up_overdue(struct plumbing *plumbing)
{
    for (size_t i = 0; i < plumbing->transfer->target_count; i++) {
        struct kist_stage_writer *writer = &plumbing->writers[i];
        if (writer->given_up || !kist_store_is_overdue(writer->store))
            continue;
        kist_store_give_up(writer->store);
        kist_queue_abandon(writer->input);
        writer->given_up = 1;
    }
}

/* Hands a buffer to one destination. A full queue is waited for, but no longer than for any other sign of life. */
static int feed_writer(struct plumbing *plumbing, struct kist_stage_writer *writer, uint64_t index,
                       struct kist_buffer *buffer, struct kist_error *err)
{
    while (!writer->given_up) {
        kist_buffer_hold(buffer);
        int code = kist_queue_put_within(writer->input, TICK_MS, index, buffer, err);
        if (code != KIST_ERR_TIMEOUT)
            return code;
        kist_buffer_release(buffer);
        kist_error_clear(err);
        give_up_overdue(plumbing);
        code = reason_to_stop(plumbing, err);
        if (code)
            return code;
    }
    return 0;
}

/* Fails once a filter has sat over a block for too long. Counted in looks and not by a clock: the whole program may have been
 * stopped meanwhile. */
static int filters_move(struct plumbing *plumbing, struct kist_error *err)
{
    const struct kist_transfer *transfer = plumbing->transfer;
    int64_t patience = transfer->filter_patience_ms ? transfer->filter_patience_ms : FILTER_PATIENCE_MS;
    const struct kist_stage_filter *busy = NULL;
    size_t worked = 0;
    for (size_t i = 0; i < transfer->filter_count; i++) {
        worked += atomic_load(&plumbing->filters[i].worked);
        if (atomic_load(&plumbing->filters[i].working) > 0)
            busy = &plumbing->filters[i];
    }
    plumbing->idle_ms = busy && worked == plumbing->worked ? plumbing->idle_ms + TICK_MS : 0;
    plumbing->worked = worked;
    if (plumbing->idle_ms < patience)
        return 0;
    return kist_fail(err, KIST_ERR_TIMEOUT, "%s: made nothing of a block for %lld s", busy->instance->where,
                     (long long)plumbing->idle_ms / 1000);
}

/* Takes the next buffer of the finished stream, looking around while there is none. */
static int next_buffer(struct plumbing *plumbing, struct kist_buffer **ret_buffer, uint64_t *ret_index,
                       struct kist_error *err)
{
    for (;;) {
        int code = reason_to_stop(plumbing, err);
        if (code)
            return code;
        code = kist_queue_get(plumbing->end, TICK_MS, ret_buffer, ret_index, err);
        if (code != KIST_ERR_TIMEOUT)
            return code;
        kist_error_clear(err);
        give_up_overdue(plumbing);
        code = filters_move(plumbing, err);
        if (code)
            return code;
    }
}

/* Hands every buffer of the finished stream to all destinations, hashing it on the way where a filter has changed it. */
static int distribute(struct plumbing *plumbing, struct kist_hash *hash, struct kist_error *err)
{
    struct kist_transfer *transfer = plumbing->transfer;
    for (int last = 0; !last;) {
        struct kist_buffer *buffer = NULL;
        uint64_t index = 0;
        int code = next_buffer(plumbing, &buffer, &index, err);
        if (code)
            return code;
        if (transfer->filter_count > 0)
            code = kist_hash_update(hash, buffer->data, buffer->size, err);
        last = buffer->last != 0;
        transfer->stored_size += buffer->size;
        kist_progress_add_stored(transfer->progress, buffer->size);
        for (size_t i = 0; i < transfer->target_count && !code; i++)
            code = feed_writer(plumbing, &plumbing->writers[i], index, buffer, err);
        kist_buffer_release(buffer);
        if (code)
            return code;
    }
    return transfer->filter_count > 0 ? kist_hash_finish(hash, transfer->stored_sha256, err) : 0;
}

static void join_all(struct plumbing *plumbing)
{
    kist_stage_source_join(&plumbing->source);
    for (size_t i = 0; i < plumbing->transfer->filter_count; i++)
        kist_stage_filter_join(&plumbing->filters[i]);
    for (size_t i = 0; i < plumbing->transfer->target_count; i++) {
        struct kist_stage_writer *writer = &plumbing->writers[i];
        struct kist_transfer_target *target = &plumbing->transfer->targets[i];
        while (!kist_stage_writer_join(writer, TICK_MS))
            give_up_overdue(plumbing);
        target->committed = writer->committed;
        kist_error_move(&target->err, &writer->err);
    }
}

static int run_stages(struct plumbing *plumbing, struct kist_error *err)
{
    struct kist_transfer *transfer = plumbing->transfer;
    struct kist_hash *hash = NULL;
    int code = transfer->filter_count > 0 ? kist_hash_new(&hash, err) : 0;
    if (!code)
        code = start_stages(plumbing, err);
    if (!code)
        code = distribute(plumbing, hash, err);
    if (code)
        kist_stream_fail(&plumbing->stream, err);
    join_all(plumbing);
    kist_hash_free(hash);
    transfer->source_failed = plumbing->source.failed;
    /* The error that came first is the cause; what this thread saw may only be its echo. */
    if (plumbing->stream.err.code)
        return kist_error_move(err, &plumbing->stream.err);
    transfer->raw_size = plumbing->source.size;
    memcpy(transfer->raw_sha256, plumbing->source.sha256, sizeof transfer->raw_sha256);
    if (transfer->filter_count == 0)
        memcpy(transfer->stored_sha256, transfer->raw_sha256, sizeof transfer->stored_sha256);
    return 0;
}

int kist_transfer_run(struct kist_transfer *transfer, struct kist_error *err)
{
    struct plumbing plumbing = {.transfer = transfer};
    plumbing.filters = calloc(transfer->filter_count + 1, sizeof *plumbing.filters);
    plumbing.writers = calloc(transfer->target_count + 1, sizeof *plumbing.writers);
    kist_stream_init(&plumbing.stream, transfer->cancel, transfer->progress);
    int code = plumbing.filters && plumbing.writers ? run_stages(&plumbing, err)
                                                    : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    kist_stream_done(&plumbing.stream);
    free(plumbing.filters);
    free(plumbing.writers);
    struct kist_transfer_target *culprit = NULL;
    size_t committed = 0;
    for (size_t i = 0; i < transfer->target_count; i++) {
        committed += (size_t)transfer->targets[i].committed;
        if (!transfer->targets[i].committed && !culprit)
            culprit = &transfer->targets[i];
    }
    if (!code && committed < transfer->need && culprit)
        code = kist_error_copy(err, &culprit->err);
    return code;
}
