/* inflate.c - deflate data to bytes, with ISA-L or zlib. Knows nothing of gzip's headers and trailers, which
 * decode.c checks for both in the same way. */
#include "gzip_filter.h"

#include <stdlib.h>
#include <zlib.h>

#ifdef KIST_HAVE_LIBISAL
#include <isa-l.h>
#endif

/* Both libraries count in 32 bits; more than this in one go would gain nothing. */
#define STEP_MAX ((size_t)1 << 30)

static uint32_t step_size(size_t size)
{
    return (uint32_t)(size < STEP_MAX ? size : STEP_MAX);
}

#ifdef KIST_HAVE_LIBISAL

/* ISA-L compares distances with a count of the output that wraps after 4 GiB, so it is kept small: anything of at
 * least a window says "there is enough history". */
#define COUNT_MAX (UINT32_C(1) << 30)
#define COUNT_RESET (UINT32_C(1) << 20)

struct kist_gzip_inflate {
    struct inflate_state isal;
};

struct kist_gzip_inflate *kist_gzip_inflate_new(void)
{
    struct kist_gzip_inflate *inflate = calloc(1, sizeof *inflate);
    if (inflate)
        isal_inflate_init(&inflate->isal);
    return inflate;
}

void kist_gzip_inflate_free(struct kist_gzip_inflate *inflate)
{
    free(inflate);
}

void kist_gzip_inflate_reset(struct kist_gzip_inflate *inflate)
{
    isal_inflate_reset(&inflate->isal);
}

/* ISA-L reads ahead into a register; the whole bytes left there belong to what follows. */
static int give_back(const struct inflate_state *isal, unsigned char *held, size_t *ret_held)
{
    if (isal->read_in_length < 0 || isal->read_in_length > 64)
        return KIST_GZIP_INFLATE_DAMAGED;
    size_t count = (size_t)isal->read_in_length / 8;
    uint64_t bits = isal->read_in >> (isal->read_in_length % 8);
    for (size_t i = 0; i < count; i++)
        held[i] = (unsigned char)(bits >> (8 * i));
    *ret_held = count;
    return KIST_GZIP_INFLATE_END;
}

int kist_gzip_inflate_run(struct kist_gzip_inflate *self, struct kist_gzip_span *span, unsigned char *held,
                          size_t *ret_held)
{
    struct inflate_state *isal = &self->isal;
    uint32_t in_size = step_size(span->in_size), out_size = step_size(span->out_size);
    if (isal->total_out > COUNT_MAX)
        isal->total_out = COUNT_RESET;
    isal->next_in = (unsigned char *)span->in;
    isal->avail_in = in_size;
    isal->next_out = span->out;
    isal->avail_out = out_size;
    int result = isal_inflate(isal);
    span->in += in_size - isal->avail_in;
    span->in_size -= in_size - isal->avail_in;
    span->out += out_size - isal->avail_out;
    span->out_size -= out_size - isal->avail_out;
    if (result < 0)
        return KIST_GZIP_INFLATE_DAMAGED;
    return isal->block_state == ISAL_BLOCK_FINISH ? give_back(isal, held, ret_held) : KIST_GZIP_INFLATE_MORE;
}

uint32_t kist_gzip_crc32(uint32_t crc, const unsigned char *data, size_t size)
{
    return crc32_gzip_refl(crc, data, size);
}

#else

#define WINDOW_BITS_RAW (-15) /* zlib: the largest window, no wrapper */

struct kist_gzip_inflate {
    z_stream zlib;
};

struct kist_gzip_inflate *kist_gzip_inflate_new(void)
{
    struct kist_gzip_inflate *inflate = calloc(1, sizeof *inflate);
    if (inflate && inflateInit2(&inflate->zlib, WINDOW_BITS_RAW) != Z_OK) {
        free(inflate);
        return NULL;
    }
    return inflate;
}

void kist_gzip_inflate_free(struct kist_gzip_inflate *inflate)
{
    if (inflate)
        inflateEnd(&inflate->zlib);
    free(inflate);
}

void kist_gzip_inflate_reset(struct kist_gzip_inflate *inflate)
{
    inflateReset(&inflate->zlib);
}

int kist_gzip_inflate_run(struct kist_gzip_inflate *self, struct kist_gzip_span *span, unsigned char *held,
                          size_t *ret_held)
{
    z_stream *zlib = &self->zlib;
    uint32_t in_size = step_size(span->in_size), out_size = step_size(span->out_size);
    unsigned char nothing = 0;
    /* zlib refuses NULL, also where the size is 0. */
    zlib->next_in = in_size ? (unsigned char *)span->in : &nothing;
    zlib->avail_in = in_size;
    zlib->next_out = out_size ? span->out : &nothing;
    zlib->avail_out = out_size;
    int result = inflate(zlib, Z_NO_FLUSH);
    (void)held;
    span->in += in_size - zlib->avail_in;
    span->in_size -= in_size - zlib->avail_in;
    span->out += out_size - zlib->avail_out;
    span->out_size -= out_size - zlib->avail_out;
    if (result == Z_STREAM_END) {
        *ret_held = 0;
        return KIST_GZIP_INFLATE_END;
    }
    if (result == Z_MEM_ERROR)
        return KIST_GZIP_INFLATE_MEMORY;
    return result == Z_OK || result == Z_BUF_ERROR ? KIST_GZIP_INFLATE_MORE : KIST_GZIP_INFLATE_DAMAGED;
}

uint32_t kist_gzip_crc32(uint32_t crc, const unsigned char *data, size_t size)
{
    return (uint32_t)crc32_z(crc, data, size);
}

#endif
