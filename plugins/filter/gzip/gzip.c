/* gzip.c - the gzip filter: one member of its own per block, so that `gunzip` reads what all cores wrote. */
#include "gzip_filter.h"

#include <stdlib.h>

static const struct kist_option options[] = {
    KIST_OPTION(struct kist_gzip_config, level, .def = "1", KIST_RANGE(1, 9),
                .help =
                    "how hard to compress: 1 (fastest) to 9 (smallest); 1 to 3 use ISA-L where it was built in"),
    KIST_OPTION(struct kist_gzip_config, block_size, .def = "1MiB", KIST_RANGE(64 * 1024, 4 * 1024 * 1024),
                .help = "bytes that are compressed on their own, as one gzip member: 64KiB to 4MiB"),
    KIST_OPTION_END,
};

static int gzip_open(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err)
{
    const struct kist_gzip_config *wanted = config;
    struct kist_gzip *self = calloc(1, sizeof *self);
    if (!self)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    *self = (struct kist_gzip){.host = host, .level = (int)wanted->level, .block_size = wanted->block_size.bytes};
    *ret_self = self;
    return 0;
}

static void gzip_close(void *self)
{
    free(self);
}

static uint64_t gzip_block_size(void *self)
{
    const struct kist_gzip *gzip = self;
    return gzip->block_size;
}

/* The magic and the one method that there is. */
static int gzip_recognizes(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    return size >= 3 && bytes[0] == 0x1f && bytes[1] == 0x8b && bytes[2] == 8;
}

/* Without encode_begin, the instance itself is the encoder that the workers read. */
KIST_FILTER(
        .about = {.name = "gzip",
                  .version = KIST_VERSION,
                  .summary = "compresses with gzip",
                  .details =
                      "Every block becomes a gzip member of its own, so all cores work on one stream and 'gunzip' "
                      "reads the result. Any file made by gzip, pigz or bgzip can be decoded.",
                  .options = options,
                  .config_size = sizeof(struct kist_gzip_config)},
        .features = KIST_FILTER_COMPRESSES, .suffix = ".gz", .stock_decoder = "gunzip -c", .open = gzip_open,
        .close = gzip_close, .block_size = gzip_block_size, .encoded_bound = kist_gzip_encoded_bound,
        .worker_open = kist_gzip_worker_open, .worker_close = kist_gzip_worker_close, .encode = kist_gzip_encode,
        .decode_begin = kist_gzip_decode_begin, .decode = kist_gzip_decode,
        .decode_finish = kist_gzip_decode_finish, .decode_end = kist_gzip_decode_end,
        .recognizes = gzip_recognizes);
