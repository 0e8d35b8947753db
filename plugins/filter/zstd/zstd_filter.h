/* zstd_filter.h - what the files of the zstd filter share. */
#ifndef KIST_ZSTD_FILTER_H
#define KIST_ZSTD_FILTER_H

#include <kist/plugin.h>

struct kist_zstd_config {
    int64_t level;
    kist_size block_size;
};

/* The instance; only read once it is open. */
struct kist_zstd {
    const struct kist_host *host;
    int level;
    uint64_t block_size;
};

/* The callbacks of struct kist_filter; their contracts stand there. */
uint64_t kist_zstd_encoded_bound(void *self, uint64_t size);
int kist_zstd_worker_open(void *encoder, void **ret_worker, struct kist_error *err);
void kist_zstd_worker_close(void *worker);
int kist_zstd_encode(void *worker, const struct kist_block *block, void *out, size_t capacity, size_t *ret_size,
                     struct kist_error *err);
int kist_zstd_decode_begin(void *self, void **ret_decoder, struct kist_error *err);
int kist_zstd_decode(void *decoder, const void *data, size_t size, size_t *ret_taken, void *out, size_t capacity,
                     size_t *ret_given, struct kist_error *err);
int kist_zstd_decode_finish(void *decoder, struct kist_error *err);
void kist_zstd_decode_end(void *decoder);

#endif
