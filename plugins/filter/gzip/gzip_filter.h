/* gzip_filter.h - what the files of the gzip filter share. */
#ifndef KIST_GZIP_FILTER_H
#define KIST_GZIP_FILTER_H

#include <kist/plugin.h>

struct kist_gzip_config {
    int64_t level;
    kist_size block_size;
};

/* The instance; only read once it is open. */
struct kist_gzip {
    const struct kist_host *host;
    int level;
    uint64_t block_size;
};

/* The callbacks of struct kist_filter; their contracts stand there. */
uint64_t kist_gzip_encoded_bound(void *self, uint64_t size);
int kist_gzip_worker_open(void *encoder, void **ret_worker, struct kist_error *err);
void kist_gzip_worker_close(void *worker);
int kist_gzip_encode(void *worker, const struct kist_block *block, void *out, size_t capacity, size_t *ret_size,
                     struct kist_error *err);
int kist_gzip_decode_begin(void *self, void **ret_decoder, struct kist_error *err);
int kist_gzip_decode(void *decoder, const void *data, size_t size, size_t *ret_taken, void *out, size_t capacity,
                     size_t *ret_given, struct kist_error *err);
int kist_gzip_decode_finish(void *decoder, struct kist_error *err);
void kist_gzip_decode_end(void *decoder);

/* The deflate decoder below gzip: ISA-L's where it is there (about three times as fast), else zlib's. */
struct kist_gzip_inflate;

#define KIST_GZIP_INFLATE_MORE 0 /* all input taken, or the output is full */
#define KIST_GZIP_INFLATE_END 1  /* the last deflate block ended; `held` is set */
#define KIST_GZIP_INFLATE_DAMAGED (-1)
#define KIST_GZIP_INFLATE_MEMORY (-2)

/* What is left of the caller's input and output; advanced by what was used. */
struct kist_gzip_span {
    const unsigned char *in;
    size_t in_size;
    unsigned char *out;
    size_t out_size;
};

/* New; NULL without memory. */
struct kist_gzip_inflate *kist_gzip_inflate_new(void);
void kist_gzip_inflate_free(struct kist_gzip_inflate *inflate);
/* Makes it ready for the deflate data of another member. */
void kist_gzip_inflate_reset(struct kist_gzip_inflate *inflate);
/* At the end, `held` (room for 8 bytes) gets the `ret_held` bytes that were taken but stand behind the deflate
 * data. */
int kist_gzip_inflate_run(struct kist_gzip_inflate *inflate, struct kist_gzip_span *span, unsigned char *held,
                          size_t *ret_held);
/* The CRC-32 of gzip; `crc` is 0 or that of the bytes before. */
uint32_t kist_gzip_crc32(uint32_t crc, const unsigned char *data, size_t size);

#endif
