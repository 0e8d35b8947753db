/* fake_filter.c - the filter of fakes.h. */
#include "fakes.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAME_HEAD 4
#define MAGIC "KIST"

struct open_filter {
    const struct kist_host *host;
    struct fake_filter *filter;
};

struct decoder {
    struct open_filter *open;
    unsigned char head[FRAME_HEAD];
    size_t head_size;
    size_t left; /* of the frame */
    int started; /* the magic was read */
};

static int open_it(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct open_filter *open = calloc(1, sizeof *open);
    if (!open)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    *open = (struct open_filter){.host = host, .filter = (struct fake_filter *)(uintptr_t)config};
    *ret_self = open;
    return 0;
}

static uint64_t block_size(void *self)
{
    const struct open_filter *open = self;
    return open->filter->block_size;
}

static uint64_t encoded_bound(void *self, uint64_t size)
{
    const struct open_filter *open = self;
    return open->filter->bound ? open->filter->bound : size + FRAME_HEAD;
}

static int encode_begin(void *self, void *out, size_t capacity, size_t *ret_size, void **ret_encoder,
                        struct kist_error *err)
{
    struct open_filter *open = self;
    if (open->filter->delay_begin_us)
        usleep(open->filter->delay_begin_us);
    if (open->filter->fail_header)
        return open->host->fail(open->host, err, open->filter->fail_header, "no header today");
    if (capacity < 65536)
        atomic_fetch_add(&open->filter->broken, 1);
    *ret_size = 0;
    if (open->filter->header) {
        memcpy(out, MAGIC, 4);
        *ret_size = 4;
    }
    atomic_fetch_add(&open->filter->encoders, 1);
    *ret_encoder = open;
    return 0;
}

static void encode_end(void *encoder)
{
    const struct open_filter *open = encoder;
    atomic_fetch_sub(&open->filter->encoders, 1);
}

static int worker_open(void *encoder, void **ret_worker, struct kist_error *err)
{
    const struct open_filter *open = encoder;
    if (open->filter->fail_worker)
        return open->host->fail(open->host, err, open->filter->fail_worker, "no worker today");
    atomic_fetch_add(&open->filter->workers, 1);
    *ret_worker = encoder;
    return 0;
}

static void worker_close(void *worker)
{
    const struct open_filter *open = worker;
    atomic_fetch_sub(&open->filter->workers, 1);
}

static void put_frame(unsigned char *out, const unsigned char *data, size_t size, unsigned char key)
{
    for (size_t i = 0; i < FRAME_HEAD; i++)
        out[i] = (unsigned char)(size >> (8 * i));
    for (size_t i = 0; i < size; i++)
        out[FRAME_HEAD + i] = data[i] ^ key;
}

/* What struct kist_block promises. */
static int is_sound(const struct fake_filter *filter, const struct kist_block *block)
{
    if (block->size > filter->block_size || (!block->last && block->size != filter->block_size))
        return 0;
    return block->size > 0 || (block->last && block->index == 0);
}

static int encode(void *worker, const struct kist_block *block, void *out, size_t capacity, size_t *ret_size,
                  struct kist_error *err)
{
    const struct open_filter *open = worker;
    struct fake_filter *filter = open->filter;
    if (!is_sound(filter, block) || capacity < block->size + FRAME_HEAD)
        atomic_fetch_add(&filter->broken, 1);
    atomic_fetch_add(&filter->blocks, 1);
    if (filter->fail && block->index == filter->fail_at)
        return open->host->fail(open->host, err, filter->fail, "block %llu is too hard",
                                (unsigned long long)block->index);
    while (filter->hang && block->index == filter->fail_at && !open->host->cancelled(open->host))
        usleep(1000);
    /* Hashing the index rather than rand(): the same run every time, and no two blocks of the same speed in a row. */
    if (filter->delay_us)
        usleep((unsigned)(block->index * 2654435761U % filter->delay_us));
    if (capacity >= block->size + FRAME_HEAD)
        put_frame(out, block->data, block->size, filter->key);
    *ret_size = filter->huge ? capacity + 1 : filter->swallow ? 0 : block->size + FRAME_HEAD;
    return 0;
}

unsigned char *fake_encode(const struct fake_filter *filter, const unsigned char *data, size_t size,
                           size_t *ret_size)
{
    size_t blocks = size / filter->block_size + 1, done = 0, made = 0;
    unsigned char *out = malloc(size + blocks * FRAME_HEAD + 4);
    if (!out)
        abort();
    if (filter->header) {
        memcpy(out, MAGIC, 4);
        made = 4;
    }
    do {
        size_t block = size - done < filter->block_size ? size - done : filter->block_size;
        put_frame(out + made, data + done, block, filter->key);
        made += block + FRAME_HEAD;
        done += block;
    } while (done < size);
    *ret_size = made;
    return out;
}

static int decode_begin(void *self, void **ret_decoder, struct kist_error *err)
{
    struct open_filter *open = self;
    struct decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder)
        return open->host->fail(open->host, err, KIST_ERR_FAILED, "out of memory");
    *decoder = (struct decoder){.open = open, .started = !open->filter->header};
    atomic_fetch_add(&open->filter->decoders, 1);
    *ret_decoder = decoder;
    return 0;
}

static int take_head(struct decoder *decoder, struct kist_error *err)
{
    const struct open_filter *open = decoder->open;
    decoder->head_size = 0;
    if (!decoder->started) {
        decoder->started = 1;
        return memcmp(decoder->head, MAGIC, 4) == 0
                   ? 0
                   : open->host->fail(open->host, err, KIST_ERR_CORRUPT, "the magic is missing");
    }
    decoder->left = 0;
    for (size_t i = FRAME_HEAD; i-- > 0;)
        decoder->left = decoder->left << 8 | decoder->head[i];
    return decoder->left <= open->filter->block_size
               ? 0
               : open->host->fail(open->host, err, KIST_ERR_CORRUPT, "a frame is too long");
}

static int decode(void *self, const void *data, size_t size, size_t *ret_taken, void *out, size_t capacity,
                  size_t *ret_given, struct kist_error *err)
{
    struct decoder *decoder = self;
    const struct fake_filter *filter = decoder->open->filter;
    const unsigned char *from = data;
    unsigned char *to = out;
    *ret_taken = *ret_given = 0;
    if (filter->stall)
        return 0;
    if (filter->bomb) {
        memset(out, 0, capacity);
        *ret_given = capacity;
        return 0;
    }
    while (*ret_taken < size && (decoder->left == 0 || *ret_given < capacity)) {
        unsigned char byte = from[(*ret_taken)++];
        if (decoder->left > 0) {
            to[(*ret_given)++] = byte ^ filter->key;
            decoder->left--;
            continue;
        }
        decoder->head[decoder->head_size++] = byte;
        int code = decoder->head_size == FRAME_HEAD ? take_head(decoder, err) : 0;
        if (code)
            return code;
    }
    return 0;
}

static int decode_finish(void *self, struct kist_error *err)
{
    const struct decoder *decoder = self;
    const struct kist_host *host = decoder->open->host;
    if (decoder->left > 0 || decoder->head_size > 0 || !decoder->started)
        return host->fail(host, err, KIST_ERR_CORRUPT, "the stream is cut off");
    return 0;
}

static void decode_end(void *self)
{
    struct decoder *decoder = self;
    atomic_fetch_sub(&decoder->open->filter->decoders, 1);
    free(decoder);
}

static int recognizes(const void *data, size_t size)
{
    return size >= 4 && memcmp(data, "KIST", 4) == 0;
}

static const char *no_text(void *self)
{
    (void)self;
    return NULL;
}

static int can_decode(void *self, struct kist_error *err)
{
    (void)self;
    (void)err;
    return 0;
}

const struct kist_plugin fake_filter_plugin = {
    .kind = KIST_KIND_FILTER,
    .name = "fakefilter",
    .about = {.name = "fakefilter", .version = "1.0"},
    .as.filter = {.suffix = ".fk",
                  .stock_decoder = "unfake",
                  .open = open_it,
                  .close = free,
                  .block_size = block_size,
                  .encoded_bound = encoded_bound,
                  .encode_begin = encode_begin,
                  .encode_end = encode_end,
                  .worker_open = worker_open,
                  .worker_close = worker_close,
                  .encode = encode,
                  .decode_begin = decode_begin,
                  .decode = decode,
                  .decode_finish = decode_finish,
                  .decode_end = decode_end,
                  .recognizes = recognizes,
                  .decoder_command = no_text,
                  .settings = no_text,
                  .can_decode = can_decode},
};
