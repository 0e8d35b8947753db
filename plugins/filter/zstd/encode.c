/* encode.c - blocks to frames. A worker keeps its context, so that a block costs no allocation. */
#include "zstd_filter.h"

#include <stdlib.h>
#include <zstd.h>

/* From this level on zstd would take 7 to 66 MiB for the tables of one worker. With tables of 2^19 entries it
 * takes at most 6 MiB, which blocks this small hardly notice: the result grows by about 1 %. */
#define LARGE_TABLES_LEVEL 7
#define TABLE_LOG 19

struct worker {
    const struct kist_zstd *zstd;
    ZSTD_CCtx *context;
};

uint64_t kist_zstd_encoded_bound(void *self, uint64_t size)
{
    (void)self;
    /* libzstd has no answer for sizes that no block can have. */
    size_t bound = size > SIZE_MAX ? 0 : ZSTD_compressBound((size_t)size);
    return bound == 0 || ZSTD_isError(bound) ? UINT64_MAX : bound;
}

/* Sets what every frame of the worker is made with; returns a result of zstd. */
static size_t set_parameters(ZSTD_CCtx *context, int level)
{
    const struct {
        ZSTD_cParameter name;
        int value;
    } parameters[] = {
        {ZSTD_c_compressionLevel, level},
        {ZSTD_c_contentSizeFlag, 1},
        {ZSTD_c_checksumFlag, 1},
        {ZSTD_c_hashLog, level >= LARGE_TABLES_LEVEL ? TABLE_LOG : 0},
        {ZSTD_c_chainLog, level >= LARGE_TABLES_LEVEL ? TABLE_LOG : 0},
    };
    size_t result = 0;
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters && !ZSTD_isError(result); i++)
        result = ZSTD_CCtx_setParameter(context, parameters[i].name, parameters[i].value);
    return result;
}

int kist_zstd_worker_open(void *encoder, void **ret_worker, struct kist_error *err)
{
    const struct kist_zstd *zstd = encoder;
    const struct kist_host *host = zstd->host;
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    worker->zstd = zstd;
    worker->context = ZSTD_createCCtx();
    if (!worker->context) {
        kist_zstd_worker_close(worker);
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory for a zstd encoder");
    }
    size_t result = set_parameters(worker->context, zstd->level);
    if (ZSTD_isError(result)) {
        kist_zstd_worker_close(worker);
        return host->fail(host, err, KIST_ERR_CONFIG, "libzstd %s refuses level %d: %s", ZSTD_versionString(),
                          zstd->level, ZSTD_getErrorName(result));
    }
    *ret_worker = worker;
    return 0;
}

void kist_zstd_worker_close(void *worker)
{
    struct worker *closing = worker;
    if (!closing)
        return;
    ZSTD_freeCCtx(closing->context);
    free(closing);
}

int kist_zstd_encode(void *worker, const struct kist_block *block, void *out, size_t capacity, size_t *ret_size,
                     struct kist_error *err)
{
    const struct worker *working = worker;
    const struct kist_host *host = working->zstd->host;
    if (block->size > working->zstd->block_size)
        return host->fail(host, err, KIST_ERR_BUG, "block %llu has %llu bytes, more than a block of %llu",
                          (unsigned long long)block->index, (unsigned long long)block->size,
                          (unsigned long long)working->zstd->block_size);
    size_t size = ZSTD_compress2(working->context, out, capacity, block->data, (size_t)block->size);
    if (ZSTD_isError(size))
        return host->fail(host, err, KIST_ERR_FAILED, "zstd cannot compress block %llu: %s",
                          (unsigned long long)block->index, ZSTD_getErrorName(size));
    *ret_size = size;
    return 0;
}
