/* encode.c - blocks to gzip members: ISA-L for the fast levels where it is there, zlib for the others. Both write
 * a header without time and name. A worker keeps its state, so that a block costs no allocation. */
#include "gzip_filter.h"

#include <stdlib.h>
#include <zlib.h>

#ifdef KIST_HAVE_LIBISAL
#include <isa-l.h>
#endif

#define WINDOW_BITS_GZIP (15 + 16) /* zlib: the largest window, in a gzip wrapper */
#define MEMORY_LEVEL 8             /* zlib's default */

struct worker {
    const struct kist_gzip *gzip;
    z_stream zlib;
    int zlib_open;
#ifdef KIST_HAVE_LIBISAL
    struct isal_zstream *isal; /* NULL: zlib is used */
    unsigned char *tables;
    uint32_t tables_size;
#endif
};

/* A block that does not compress is stored, at 5 bytes per 16 KiB or more; an eighth leaves room for every
 * implementation of zlib. */
uint64_t kist_gzip_encoded_bound(void *self, uint64_t size)
{
    (void)self;
    return size > UINT64_MAX / 2 ? UINT64_MAX : size + size / 8 + 256;
}

static int without_memory(const struct kist_gzip *gzip, struct kist_error *err)
{
    return gzip->host->fail(gzip->host, err, KIST_ERR_FAILED, "out of memory for a gzip encoder");
}

static int open_zlib(struct worker *worker, struct kist_error *err)
{
    int result = deflateInit2(&worker->zlib, worker->gzip->level, Z_DEFLATED, WINDOW_BITS_GZIP, MEMORY_LEVEL,
                              Z_DEFAULT_STRATEGY);
    if (result == Z_MEM_ERROR)
        return without_memory(worker->gzip, err);
    if (result != Z_OK)
        return worker->gzip->host->fail(worker->gzip->host, err, KIST_ERR_FAILED,
                                        "zlib %s cannot start at level %d (result %d)", zlibVersion(),
                                        worker->gzip->level, result);
    worker->zlib_open = 1;
    return 0;
}

/* Returns 0 when zlib did not write the whole member. */
static size_t encode_zlib(struct worker *worker, const struct kist_block *block, void *out, size_t capacity)
{
    z_stream *zlib = &worker->zlib;
    if (deflateReset(zlib) != Z_OK)
        return 0;
    zlib->next_in = (unsigned char *)block->data;
    zlib->avail_in = (uInt)block->size;
    zlib->next_out = out;
    zlib->avail_out = capacity > UINT32_MAX ? UINT32_MAX : (uInt)capacity;
    if (deflate(zlib, Z_FINISH) != Z_STREAM_END)
        return 0;
    return (size_t)(zlib->next_out - (unsigned char *)out);
}

#ifdef KIST_HAVE_LIBISAL
/* Levels 1 to 3 are ISA-L's own. Its level 0 is no faster here and makes the result a third larger. */
static const uint32_t isal_table_sizes[] = {0, ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT,
                                            ISAL_DEF_LVL3_DEFAULT};
#define ISAL_LEVELS (sizeof isal_table_sizes / sizeof *isal_table_sizes)

static int open_isal(struct worker *worker, struct kist_error *err)
{
    worker->tables_size = isal_table_sizes[worker->gzip->level];
    worker->isal = calloc(1, sizeof *worker->isal);
    worker->tables = calloc(1, worker->tables_size);
    return worker->isal && worker->tables ? 0 : without_memory(worker->gzip, err);
}

/* Returns 0 when ISA-L did not write the whole member. */
static size_t encode_isal(struct worker *worker, const struct kist_block *block, void *out, size_t capacity)
{
    struct isal_zstream *isal = worker->isal;
    isal_deflate_stateless_init(isal);
    isal->level = (uint32_t)worker->gzip->level;
    isal->level_buf = worker->tables;
    isal->level_buf_size = worker->tables_size;
    isal->gzip_flag = IGZIP_GZIP;
    isal->end_of_stream = 1;
    isal->flush = NO_FLUSH;
    isal->next_in = (unsigned char *)block->data;
    isal->avail_in = (uint32_t)block->size;
    isal->next_out = out;
    isal->avail_out = capacity > UINT32_MAX ? UINT32_MAX : (uint32_t)capacity;
    if (isal_deflate_stateless(isal) != COMP_OK || isal->avail_in != 0)
        return 0;
    return (size_t)(isal->next_out - (unsigned char *)out);
}
#endif

static int open_coder(struct worker *worker, struct kist_error *err)
{
#ifdef KIST_HAVE_LIBISAL
    if ((size_t)worker->gzip->level < ISAL_LEVELS)
        return open_isal(worker, err);
#endif
    return open_zlib(worker, err);
}

static size_t encode(struct worker *worker, const struct kist_block *block, void *out, size_t capacity)
{
#ifdef KIST_HAVE_LIBISAL
    if (worker->isal)
        return encode_isal(worker, block, out, capacity);
#endif
    return encode_zlib(worker, block, out, capacity);
}

int kist_gzip_worker_open(void *encoder, void **ret_worker, struct kist_error *err)
{
    const struct kist_gzip *gzip = encoder;
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return without_memory(gzip, err);
    worker->gzip = gzip;
    int code = open_coder(worker, err);
    if (code) {
        kist_gzip_worker_close(worker);
        return code;
    }
    *ret_worker = worker;
    return 0;
}

void kist_gzip_worker_close(void *worker)
{
    struct worker *closing = worker;
    if (!closing)
        return;
    if (closing->zlib_open)
        deflateEnd(&closing->zlib);
#ifdef KIST_HAVE_LIBISAL
    free(closing->isal);
    free(closing->tables);
#endif
    free(closing);
}

int kist_gzip_encode(void *worker, const struct kist_block *block, void *out, size_t capacity, size_t *ret_size,
                     struct kist_error *err)
{
    struct worker *working = worker;
    const struct kist_host *host = working->gzip->host;
    /* Also keeps the size within what zlib and ISA-L can count. */
    if (block->size > working->gzip->block_size)
        return host->fail(host, err, KIST_ERR_BUG, "block %llu has %llu bytes, more than a block of %llu",
                          (unsigned long long)block->index, (unsigned long long)block->size,
                          (unsigned long long)working->gzip->block_size);
    size_t size = encode(working, block, out, capacity);
    if (size == 0)
        return host->fail(host, err, KIST_ERR_BUG,
                          "block %llu of %llu bytes does not fit into %zu bytes of output",
                          (unsigned long long)block->index, (unsigned long long)block->size, capacity);
    *ret_size = size;
    return 0;
}
