/* zstd.c - the zstd filter: one frame of its own per block, so that `zstd -d` reads what all cores wrote. */
#include "zstd_filter.h"

#include <stdlib.h>

static const struct kist_option options[] = {
    KIST_OPTION(struct kist_zstd_config, level, .def = "1", KIST_RANGE(-7, 19),
                .help = "how hard to compress: -7 (fastest) to 19 (smallest); 0 is zstd's own default"),
    KIST_OPTION(struct kist_zstd_config, block_size, .def = "1MiB", KIST_RANGE(64 * 1024, 4 * 1024 * 1024),
                .help = "bytes that are compressed on their own, as one frame: 64KiB to 4MiB"),
    KIST_OPTION_END,
};

static int zstd_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    const struct kist_zstd_config *wanted = config;
    struct kist_zstd *self = calloc(1, sizeof *self);
    if (!self)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    *self = (struct kist_zstd){.host = host, .level = (int)wanted->level, .block_size = wanted->block_size.bytes};
    *ret_self = self;
    return 0;
}

static void zstd_close(void *self)
{
    free(self);
}

static uint64_t zstd_block_size(void *self)
{
    const struct kist_zstd *zstd = self;
    return zstd->block_size;
}

/* The magic of a frame, or of a skippable one (16 of them, little-endian 0x184d2a5?), which may come first. */
static int zstd_recognizes(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    return size >= 4 && ((bytes[0] == 0x28 && bytes[1] == 0xb5 && bytes[2] == 0x2f && bytes[3] == 0xfd) ||
                         ((bytes[0] & 0xf0) == 0x50 && bytes[1] == 0x2a && bytes[2] == 0x4d && bytes[3] == 0x18));
}

/* Without encode_begin, the instance itself is the encoder that the workers read. */
KIST_FILTER(.about =
                {.name = "zstd",
                 .version = KIST_VERSION,
                 .summary = "compresses with Zstandard",
                 .details =
                     "Every block becomes a zstd frame of its own with its size and a checksum, so all cores work "
                     "on one stream and 'zstd -d' reads the result. Any file made by zstd can be decoded.",
                 .options = options,
                 .config_size = sizeof(struct kist_zstd_config)},
            .features = KIST_FILTER_COMPRESSES, .suffix = ".zst", .stock_decoder = "zstd -dc", .open = zstd_open,
            .close = zstd_close, .block_size = zstd_block_size, .encoded_bound = kist_zstd_encoded_bound,
            .worker_open = kist_zstd_worker_open, .worker_close = kist_zstd_worker_close,
            .encode = kist_zstd_encode, .decode_begin = kist_zstd_decode_begin, .decode = kist_zstd_decode,
            .decode_finish = kist_zstd_decode_finish, .decode_end = kist_zstd_decode_end,
            .recognizes = zstd_recognizes);
