#include "run_worker.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_ROOM ((size_t)64 * 1024) /* what the contract promises to encode_begin */

/* Bytes in one piece. */
struct bytes {
    unsigned char *data;
    size_t size;
};

static int no_memory(struct kist_error *err)
{
    return kist_fail(err, KIST_ERR_FAILED, "out of memory");
}

/* ---- reading ---- */

/* One byte more than is expected, so that the end shows at once. */
static int make_room(struct kist_worker *worker, size_t size, struct kist_error *err)
{
    if (size <= worker->capacity)
        return 0;
    size_t capacity = worker->capacity ? worker->capacity : 16384;
    while (capacity < size)
        capacity *= 2;
    unsigned char *larger = realloc(worker->memory, capacity);
    if (!larger)
        return no_memory(err);
    worker->memory = larger;
    worker->capacity = capacity;
    return 0;
}

static int read_all(struct kist_worker *worker, void *reader, size_t *ret_size, struct kist_error *err)
{
    const struct kist_source *source = &worker->source->plugin->as.source;
    size_t size = 0, got = 1;
    int code = 0;
    while (!code && got > 0 && size <= KIST_SMALL_ITEM) {
        code = make_room(worker, size + 1, err);
        size_t room = worker->capacity - size;
        if (!code)
            code = kist_instance_result(worker->source,
                                        source->read(reader, worker->memory + size, room, &got, err), err);
        if (!code && got > room)
            code = kist_fail(err, KIST_ERR_BUG, "%s: read %zu bytes into room for %zu", worker->source->where, got,
                             room);
        size += code ? 0 : got;
    }
    *ret_size = size;
    return code;
}

static int read_item(struct kist_worker *worker, const struct kist_item **ret_about, size_t *ret_size,
                     struct kist_error *err)
{
    struct kist_transfer *transfer = &worker->transfer;
    const struct kist_source *source = &worker->source->plugin->as.source;
    void *reader = NULL;
    size_t estimate = transfer->item->size_estimate > 0 ? (size_t)transfer->item->size_estimate : 0;
    int code = make_room(worker, estimate + 1, err);
    if (code)
        return code;
    code = kist_instance_result(worker->source,
                                source->read_begin(worker->source->self, transfer->item, &reader, err), err);
    *ret_about = transfer->item;
    if (!code) {
        code = kist_stage_source_ask(worker->source, reader, transfer->told, ret_about, err);
        if (!code)
            code = read_all(worker, reader, ret_size, err);
        source->read_end(reader);
    }
    transfer->source_failed = code != 0;
    return code;
}

/* ---- encoding ---- */

/* All blocks of `raw`; an empty stream has an empty one. */
static int encode_blocks(struct kist_instance *filter, void *worker, const struct bytes *raw, struct bytes *out,
                         size_t capacity, struct kist_error *err)
{
    const struct kist_filter *plugin = &filter->plugin->as.filter;
    size_t block_size = (size_t)plugin->block_size(filter->self), done = 0;
    struct kist_block block = {.struct_size = sizeof block};
    int code = 0;
    do {
        size_t left = raw->size - done, size = 0, room = capacity - out->size;
        block.data = raw->data + done;
        block.size = left < block_size ? left : block_size;
        block.last = block.size == left;
        code = kist_instance_result(filter,
                                    plugin->encode(worker, &block, out->data + out->size, room, &size, err), err);
        if (!code)
            code = kist_stage_filter_made(filter, &block, size, room, err);
        done += block.size;
        out->size += size;
        block.index++;
    } while (!code && !block.last);
    return code;
}

/* The most that all blocks can take. */
static size_t bound_of(struct kist_instance *filter, size_t size)
{
    const struct kist_filter *plugin = &filter->plugin->as.filter;
    size_t block = (size_t)plugin->block_size(filter->self), whole = size / block;
    uint64_t most = plugin->encoded_bound(filter->self, block);
    uint64_t rest = plugin->encoded_bound(filter->self, size % block);
    return HEADER_ROOM + whole * (size_t)most + (size_t)(rest < most ? rest : most);
}

static int encode(struct kist_instance *filter, const struct bytes *raw, struct bytes *ret_out,
                  struct kist_error *err)
{
    const struct kist_filter *plugin = &filter->plugin->as.filter;
    size_t capacity = bound_of(filter, raw->size);
    struct bytes out = {.data = malloc(capacity)};
    void *encoder = NULL, *worker = NULL;
    if (!out.data)
        return no_memory(err);
    int code = kist_instance_result(
        filter, plugin->encode_begin(filter->self, out.data, HEADER_ROOM, &out.size, &encoder, err), err);
    if (!code) {
        code = out.size > HEADER_ROOM
                   ? kist_fail(err, KIST_ERR_BUG, "%s: its header is larger than the room for it", filter->where)
                   : kist_instance_result(filter, plugin->worker_open(encoder, &worker, err), err);
        if (!code) {
            code = encode_blocks(filter, worker, raw, &out, capacity, err);
            plugin->worker_close(worker);
        }
        plugin->encode_end(encoder);
    }
    if (code)
        free(out.data);
    else
        *ret_out = out;
    return code;
}

/* Through all filters. `ret_made` is to be freed: what the last one gave, or NULL without any. */
static int encode_all(const struct kist_worker *worker, struct bytes *bytes, unsigned char **ret_made,
                      struct kist_error *err)
{
    int code = 0;
    for (size_t i = 0; i < worker->filter_count && !code; i++) {
        struct bytes out = {0};
        code = encode(worker->filters[i], bytes, &out, err);
        if (code)
            break;
        free(*ret_made);
        *bytes = out;
        *ret_made = out.data;
    }
    return code;
}

/* ---- writing ---- */

/* To one destination after the other; each may fail on its own. */
static void write_all(struct kist_worker *worker, const struct kist_item *about, const struct bytes *bytes)
{
    struct kist_transfer *transfer = &worker->transfer;
    int plain = worker->filter_count == 0;
    for (size_t i = 0; i < transfer->target_count; i++) {
        struct kist_transfer_target *target = &transfer->targets[i];
        const struct kist_put put = {.struct_size = sizeof put,
                                     .key = target->key,
                                     .content_type = plain ? about->content_type : NULL,
                                     .metadata = plain ? about->metadata : NULL};
        if (kist_store_put_object(target->store, &put, bytes->data, bytes->size, &target->err))
            kist_store_explain(target->store, &target->err);
        else
            target->committed = 1;
    }
}

static int enough(const struct kist_transfer *transfer, struct kist_error *err)
{
    size_t committed = 0;
    const struct kist_transfer_target *culprit = NULL;
    for (size_t i = 0; i < transfer->target_count; i++) {
        committed += (size_t)transfer->targets[i].committed;
        if (!transfer->targets[i].committed && !culprit)
            culprit = &transfer->targets[i];
    }
    return committed < transfer->need && culprit ? kist_error_copy(err, &culprit->err) : 0;
}

int kist_worker_save_small(struct kist_worker *worker, int *ret_larger, struct kist_error *err)
{
    struct kist_transfer *transfer = &worker->transfer;
    const struct kist_item *about = NULL;
    unsigned char *made = NULL;
    size_t size = 0;
    int code = read_item(worker, &about, &size, err);
    if (code || size > KIST_SMALL_ITEM) {
        *ret_larger = !code;
        return code;
    }
    struct bytes bytes = {.data = worker->memory, .size = size};
    code = kist_hash_bytes(bytes.data, bytes.size, transfer->raw_sha256, err);
    if (!code)
        code = encode_all(worker, &bytes, &made, err);
    memcpy(transfer->stored_sha256, transfer->raw_sha256, sizeof transfer->stored_sha256);
    if (!code && made)
        code = kist_hash_bytes(bytes.data, bytes.size, transfer->stored_sha256, err);
    transfer->raw_size = size;
    transfer->stored_size = bytes.size;
    if (!code) {
        write_all(worker, about, &bytes);
        code = enough(transfer, err);
    }
    free(made);
    if (!code) {
        kist_progress_add_raw(transfer->progress, transfer->raw_size);
        kist_progress_add_stored(transfer->progress, transfer->stored_size);
    }
    return code;
}
