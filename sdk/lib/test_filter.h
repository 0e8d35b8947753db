/* test_filter.h - for unit tests of filters: drives one as the core does, makes data, and runs the stock tools. */
#ifndef KIST_SDK_TEST_FILTER_H
#define KIST_SDK_TEST_FILTER_H

#include <kist/plugin.h>

/* Bytes on the heap. All functions below that fill one replace what it held. */
struct kist_test_bytes {
    unsigned char *data;
    size_t size;
    size_t capacity; /* more than `size` only after kist_test_append, so that a sanitizer sees the end elsewhere */
};

void kist_test_bytes_free(struct kist_test_bytes *bytes);
/* `size` bytes that are the same for the same `seed`: noise, or lines of text as a dump has them. */
void kist_test_noise(struct kist_test_bytes *bytes, size_t size, uint32_t seed);
void kist_test_text(struct kist_test_bytes *bytes, size_t size, uint32_t seed);
/* Puts a copy of `data` (which may be all that `bytes` holds) behind what `bytes` holds. */
void kist_test_append(struct kist_test_bytes *bytes, const void *data, size_t size);

/* Opens an instance with every option at its default, but for the numbers and sizes named in `changes`, which ends
 * with a NULL name (or is NULL). `config` is heap memory to free after `close`. */
struct kist_test_change {
    const char *name;
    int64_t value;
};
int kist_test_filter_open(const struct kist_filter *filter, const struct kist_host *host,
                          const struct kist_test_change *changes, void **ret_config, void **ret_self,
                          struct kist_error *err) KIST_CHECKED;

/* One stream on its way through a filter, for tests that hand out its blocks themselves. */
struct kist_test_stream {
    const struct kist_filter *filter;
    void *self, *encoder;
    struct kist_test_bytes header;
    const unsigned char *data;      /* must stay as long as the stream */
    size_t size, block_size, count; /* of all bytes, of a block but the last, of blocks */
};
/* Calls encode_begin where there is one. To be ended with kist_test_stream_end also when it fails. */
int kist_test_stream_begin(const struct kist_filter *filter, void *self, const void *data, size_t size,
                           struct kist_test_stream *ret_stream, struct kist_error *err) KIST_CHECKED;
/* Encodes the block of that number in the worker. May be called from several threads, each with its own worker,
 * result and error. A filter that breaks its contract here or in the functions below gives KIST_ERR_BUG. */
int kist_test_stream_encode(const struct kist_test_stream *stream, void *worker, size_t index,
                            struct kist_test_bytes *ret_encoded, struct kist_error *err) KIST_CHECKED;
void kist_test_stream_end(struct kist_test_stream *stream);

/* Encodes `data` block by block, in one worker. */
int kist_test_filter_encode(const struct kist_filter *filter, void *self, const void *data, size_t size,
                            struct kist_test_bytes *ret_encoded, struct kist_error *err) KIST_CHECKED;

/* Decodes `data`, handing in at most `piece` bytes at a time and taking at most `room`. What was given before a
 * failure is kept. */
int kist_test_filter_decode(const struct kist_filter *filter, void *self, const void *data, size_t size,
                            size_t piece, size_t room, struct kist_test_bytes *ret_decoded,
                            struct kist_error *err) KIST_CHECKED;

/* Whether this is refused with KIST_ERR_CORRUPT and a message that says `because`; if not, what happened instead
 * is on stderr. */
int kist_test_filter_refuses(const struct kist_filter *filter, void *self, const void *data, size_t size,
                             const char *because, struct kist_error *err) KIST_CHECKED;

/* Runs a program with `input` on stdin. Returns its exit status, or -1 when it could not be run (or died of a
 * signal). What it wrote to stdout goes to `ret_output`; stderr goes nowhere. */
int kist_test_run(const char *const *argv, const struct kist_test_bytes *input,
                  struct kist_test_bytes *ret_output) KIST_CHECKED;

#endif
