/* filter_encode.c - blocks, their bounds, and the workers that they are handed to. */
#include "filter_cases.h"

#include <pthread.h>
#include <string.h>

int filter_case_block_size(struct filter_trial *t)
{
    for (size_t i = 0; i < 4; i++) {
        uint64_t size = t->plugin->block_size(t->self);
        EXPECT(t, size == t->block_size, "a block of %zu bytes became one of %llu", t->block_size,
               (unsigned long long)size);
        filter_trial_fill(t, 2 * i);
        EXPECT(t, filter_trial_encode(t) == 0, "encode failed");
    }
    return 0;
}

/* Encodes one block into `room` bytes with others behind them, which must stay as they are. */
static int encode_guarded(struct filter_trial *t, size_t size, size_t room, size_t *ret_size, int *ret_rc)
{
    unsigned char guard[64];
    const struct kist_block block = {.struct_size = sizeof block, .last = 1, .data = t->raw.data, .size = size};
    memset(guard, 0xa5, sizeof guard);
    kist_test_noise(&t->encoded, room, 1);
    kist_test_append(&t->encoded, guard, sizeof guard);
    *ret_size = SIZE_MAX;
    case_clear(&t->err);
    *ret_rc = t->plugin->encode(t->workers[0], &block, t->encoded.data, room, ret_size, &t->err);
    EXPECT(t, memcmp(t->encoded.data + room, guard, sizeof guard) == 0, "%zu bytes were encoded beyond their room",
           size);
    EXPECT(t, *ret_rc == t->err.code, "encode gave %d, but the error has %d", *ret_rc, t->err.code);
    return 0;
}

int filter_case_bound(struct filter_trial *t)
{
    size_t size = 0;
    int rc = 0;
    EXPECT(t, t->plugin->encoded_bound(t->self, UINT64_MAX) == UINT64_MAX,
           "encoded_bound overflows: it is less than the raw size");
    for (size_t i = 0; i < FILTER_FILLS; i++) {
        filter_trial_fill(t, i);
        if (t->raw.size > t->block_size)
            continue;
        uint64_t most = t->plugin->encoded_bound(t->self, t->raw.size);
        EXPECT(t, filter_trial_stream(t) == 0, "no workers");
        EXPECT(t, most >= t->raw.size, "no format can put any %zu bytes into %llu", t->raw.size,
               (unsigned long long)most);
        if (encode_guarded(t, t->raw.size, (size_t)most, &size, &rc) != 0)
            return -1;
        EXPECT(t, rc == 0 && size <= most, "%zu bytes do not fit into their bound of %llu", t->raw.size,
               (unsigned long long)most);
    }
    return 0;
}

int filter_case_misfits(struct filter_trial *t)
{
    size_t size = 0, room = (size_t)t->plugin->encoded_bound(t->self, t->block_size + 1);
    int rc = 0;
    kist_test_noise(&t->raw, t->block_size + 1, 1);
    EXPECT(t, filter_trial_stream(t) == 0, "no workers");
    if (encode_guarded(t, t->block_size, 64, &size, &rc) != 0)
        return -1;
    EXPECT(t, rc != 0 && size == SIZE_MAX, "a block was encoded to 64 bytes, which cannot hold it");
    if (encode_guarded(t, t->block_size + 1, room, &size, &rc) != 0)
        return -1;
    EXPECT(t, rc != 0 && size == SIZE_MAX, "more than a block was taken for one");
    /* The worker is none the worse for it. */
    if (encode_guarded(t, 10, room, &size, &rc) != 0)
        return -1;
    EXPECT(t, rc == 0 && size <= room, "a worker is of no use after a block or room that did not fit");
    kist_test_append(&t->part, t->stream.header.data, t->stream.header.size);
    kist_test_append(&t->part, t->encoded.data, size);
    t->raw.size = 10;
    EXPECT(t, filter_trial_decode(t, &t->part, 100, 100) == 0 && filter_same(&t->raw, &t->back),
           "what a worker made after a block or room that did not fit cannot be decoded");
    return 0;
}

/* Encodes every `stride`-th block of the stream from `first` on to its place in `made`. */
struct share {
    const struct filter_trial *trial;
    void *worker;
    size_t first, stride;
    struct kist_test_bytes made[FILTER_BLOCKS];
    struct kist_error err;
    int rc;
};

static void *encode_share(void *arg)
{
    struct share *share = arg;
    const struct filter_trial *t = share->trial;
    for (size_t i = share->first; i < t->stream.count && share->rc == 0; i += share->stride)
        share->rc = kist_test_stream_encode(&t->stream, share->worker, i, &share->made[i], &share->err);
    return NULL;
}

static void share_done(struct share *share)
{
    for (size_t i = 0; i < FILTER_BLOCKS; i++)
        kist_test_bytes_free(&share->made[i]);
    case_clear(&share->err);
}

/* 1 when the share's blocks, with those of `blocks` where it has none, are the stream. They need not be the same bytes:
 * a compressor may well choose another way to say the same. */
static int share_decodes(struct filter_trial *t, const struct share *share)
{
    kist_test_bytes_free(&t->part);
    kist_test_append(&t->part, t->stream.header.data, t->stream.header.size);
    for (size_t i = 0; i < t->stream.count; i++) {
        const struct kist_test_bytes *block = share->made[i].size > 0 ? &share->made[i] : &t->blocks[i];
        kist_test_append(&t->part, block->data, block->size);
    }
    return filter_trial_decode(t, &t->part, 5000, 5000) == 0 && filter_same(&t->raw, &t->back);
}

int filter_case_order(struct filter_trial *t)
{
    for (size_t i = 0; i < FILTER_FILLS; i++) {
        filter_trial_fill(t, i);
        EXPECT(t, filter_trial_stream(t) == 0 && filter_trial_blocks(t) == 0, "encode failed");
        for (size_t turn = 0, count = t->stream.count; turn < 2 * count; turn++) {
            /* Backwards in a fresh worker, then from the middle in the one that made them all. */
            struct share share = {.trial = t,
                                  .worker = t->workers[turn < count],
                                  .first = turn < count ? count - 1 - turn : (turn + count / 2) % count,
                                  .stride = count,
                                  .err = {.struct_size = sizeof share.err}};
            (void)encode_share(&share);
            int same = share.rc == 0 && share_decodes(t, &share), failed = share.rc;
            size_t number = share.first;
            share_done(&share);
            EXPECT(t, failed == 0, "block %zu of %zu fails out of order", number, count);
            EXPECT(t, same, "block %zu of %zu decodes to something else when it comes out of order", number,
                   count);
        }
    }
    return 0;
}

/* Runs the shares of all workers at once. Returns how many were started. */
static size_t encode_at_once(const struct filter_trial *t, struct share *shares)
{
    pthread_t threads[FILTER_WORKERS];
    size_t started = 0;
    for (; started < FILTER_WORKERS; started++) {
        shares[started] = (struct share){.trial = t,
                                         .worker = t->workers[started],
                                         .first = started % 2,
                                         .stride = 1 + started / 2,
                                         .err = {.struct_size = sizeof(struct kist_error)}};
        if (pthread_create(&threads[started], NULL, encode_share, &shares[started]) != 0)
            break;
    }
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return started;
}

int filter_case_workers(struct filter_trial *t)
{
    struct share shares[FILTER_WORKERS];
    for (size_t fill = FILTER_FILLS - 2; fill < FILTER_FILLS; fill++) {
        filter_trial_fill(t, fill);
        EXPECT(t, filter_trial_stream(t) == 0 && filter_trial_blocks(t) == 0, "encode failed");
        size_t started = encode_at_once(t, shares), failed = 0, differ = 0;
        for (size_t i = 0; i < started; i++) {
            failed += shares[i].rc != 0;
            differ += shares[i].rc == 0 && !share_decodes(t, &shares[i]);
            share_done(&shares[i]);
        }
        EXPECT(t, started == FILTER_WORKERS, "no thread could be started");
        EXPECT(t, failed == 0, "%zu of %zu workers fail when they run at once", failed, started);
        EXPECT(t, differ == 0, "what %zu of %zu workers make at once decodes to something else", differ, started);
    }
    return 0;
}

int filter_case_compresses(struct filter_trial *t)
{
    if (!(t->plugin->features & KIST_FILTER_COMPRESSES)) {
        (void)case_broken(&t->detail, &t->err, "the plugin does not claim to");
        return FILTER_SKIPPED;
    }
    kist_test_text(&t->raw, 4 * t->block_size, 1);
    EXPECT(t, filter_trial_encode(t) == 0, "encode failed");
    EXPECT(t, t->encoded.size < t->raw.size, "%zu bytes of text became %zu", t->raw.size, t->encoded.size);
    return 0;
}
