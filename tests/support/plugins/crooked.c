/*
 * crooked.c - filter `crooked`, for tests alone: gives each byte back as it is, and breaks the contract of filters as the
 * configuration says.
 */
#include <kist/plugin.h>

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum fault {
    SOUND,
    BLOCK_NONE,   /* blocks of no bytes */
    BLOCK_HUGE,   /* blocks of all the memory there is */
    BOUND_HUGE,   /* no memory can hold an encoded block */
    HEADER_HUGE,  /* says it has written more header than there was room for */
    ENCODED_HUGE, /* the same of a block */
    SWALLOWS,     /* makes nothing of every block */
    HANGS,        /* does not come back from the first block before it is cancelled */
    STUCK,        /* decoding takes nothing and gives nothing */
    GIVEN_HUGE,   /* decoding says it has given more than there was room for */
    TAKEN_HUGE,   /* decoding says it has taken more than there was */
    ENDLESS       /* decoding gives and gives */
};

struct config {
    kist_choice fault;
};

static const struct kist_option options[] = {
    KIST_OPTION(struct config, fault, .def = "sound",
                .choices = "sound|block-none|block-huge|bound-huge|header-huge|encoded-huge|swallows|hangs|stuck|"
                           "given-huge|taken-huge|endless",
                .help = "what it does wrong"),
    KIST_OPTION_END};

struct crooked {
    const struct kist_host *host;
    int fault;
};

static int crooked_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    struct crooked *crooked = calloc(1, sizeof *crooked);
    if (!crooked)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    crooked->host = host;
    crooked->fault = ((const struct config *)config)->fault.index;
    *ret_self = crooked;
    return 0;
}

static int fault_of(const void *self)
{
    return ((const struct crooked *)self)->fault;
}

static uint64_t block_size(void *self)
{
    return fault_of(self) == BLOCK_NONE ? 0 : fault_of(self) == BLOCK_HUGE ? UINT64_MAX : 65536;
}

static uint64_t encoded_bound(void *self, uint64_t size)
{
    return fault_of(self) == BOUND_HUGE ? UINT64_MAX : size + 1;
}

static int encode_begin(void *self, void *out, size_t capacity, size_t *ret_size, void **ret_encoder,
                        struct kist_error *err)
{
    (void)out;
    (void)err;
    *ret_size = fault_of(self) == HEADER_HUGE ? capacity + 1 : 0;
    *ret_encoder = self;
    return 0;
}

static void encode_end(void *encoder)
{
    (void)encoder;
}

static int worker_open(void *encoder, void **ret_worker, struct kist_error *err)
{
    (void)err;
    *ret_worker = encoder;
    return 0;
}

static int hang(const struct crooked *crooked, struct kist_error *err)
{
    const struct kist_host *host = crooked->host;
    struct pollfd wait = {.fd = host->cancel_fd(host), .events = POLLIN};
    while (!host->cancelled(host))
        poll(&wait, 1, -1);
    return host->fail(host, err, KIST_ERR_CANCELLED, "told to stop");
}

static int encode(void *worker, const struct kist_block *block, void *out, size_t capacity, size_t *ret_size,
                  struct kist_error *err)
{
    const struct crooked *crooked = worker;
    *ret_size = block->size;
    switch (crooked->fault) {
    case ENCODED_HUGE: *ret_size = SIZE_MAX - capacity; return 0;
    case SWALLOWS: *ret_size = 0; return 0;
    case HANGS: return hang(crooked, err);
    default: break;
    }
    if (block->size)
        memcpy(out, block->data, block->size);
    return 0;
}

static int decode_begin(void *self, void **ret_decoder, struct kist_error *err)
{
    (void)err;
    *ret_decoder = self;
    return 0;
}

static int decode(void *decoder, const void *data, size_t size, size_t *ret_taken, void *out, size_t capacity,
                  size_t *ret_given, struct kist_error *err)
{
    size_t some = size < capacity ? size : capacity;
    (void)err;
    *ret_taken = *ret_given = some;
    switch (fault_of(decoder)) {
    case STUCK: *ret_taken = *ret_given = 0; return 0;
    case GIVEN_HUGE: *ret_given = SIZE_MAX - capacity; return 0;
    case TAKEN_HUGE: *ret_taken = SIZE_MAX - size; return 0;
    case ENDLESS:
        memset(out, 0, capacity);
        *ret_taken = 0;
        *ret_given = capacity;
        return 0;
    default: break;
    }
    if (some)
        memcpy(out, data, some);
    return 0;
}

static int decode_finish(void *decoder, struct kist_error *err)
{
    (void)decoder;
    (void)err;
    return 0;
}

KIST_FILTER(.about = {.name = "crooked",
                      .version = "1",
                      .summary = "breaks the contract of filters as it is told, for tests",
                      .options = options,
                      .config_size = sizeof(struct config)},
            .suffix = ".crooked", .stock_decoder = "cat", .open = crooked_open, .close = free,
            .block_size = block_size, .encoded_bound = encoded_bound, .encode_begin = encode_begin,
            .encode_end = encode_end, .worker_open = worker_open, .worker_close = encode_end, .encode = encode,
            .decode_begin = decode_begin, .decode = decode, .decode_finish = decode_finish,
            .decode_end = encode_end);
