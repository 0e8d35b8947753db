/*
 * kist/filter.h - transforms a stream both ways: compression, encryption.
 *
 * Encoding works on blocks that do not depend on each other, so that the core can run it on all cores while the
 * filter knows nothing of threads: one encoder per stream, one worker per thread. The outputs, put together in
 * order, form one stream of a standard format. Decoding is sequential and takes any file of the format, also one
 * made by the stock tool.
 */
#ifndef KIST_FILTER_H
#define KIST_FILTER_H

#include <kist/abi.h>
#include <kist/option.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KIST_FILTER_COMPRESSES UINT64_C(1)
#define KIST_FILTER_ENCRYPTS UINT64_C(2)

/* One block of a stream to encode; borrowed. A stream has at least one block, and exactly one (the last) has `last`
 * set; every block but the last holds exactly block_size bytes, and only that of an empty stream is empty. */
struct kist_block {
    uint32_t struct_size;
    uint32_t last;
    uint64_t index; /* 0, 1, 2, ... */
    const void *data;
    uint64_t size;
};

/* A pair of keys as texts in the filter's own notation; borrowed. */
struct kist_key {
    uint32_t struct_size;
    uint32_t reserved;
    const char *identity;  /* secret: opens what was encrypted to the recipient */
    const char *recipient; /* public: all that a machine that only encrypts has to know */
};

typedef int (*kist_key_fn)(void *arg, const struct kist_key *key);

struct kist_filter {
    struct kist_plugin_head head;
    struct kist_plugin_about about;
    uint64_t features;         /* KIST_FILTER_* */
    const char *suffix;        /* added to the object's name: ".gz" */
    const char *stock_decoder; /* how a person undoes it in a shell pipe, for RESTORE.txt: "gunzip -c" */

    /* Required. Once per instance. `config` (kept) is the struct that the options filled. */
    int (*open)(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err);
    /* Required. Once, after all encoders, workers and decoders are gone. */
    void (*close)(void *self);

    /* Required. Raw bytes per block, the same for the life of the instance; 64 KiB to 4 MiB. */
    uint64_t (*block_size)(void *self);
    /* Required. The most bytes that one encoded block of `size` raw bytes can take. */
    uint64_t (*encoded_bound)(void *self, uint64_t size);

    /* Optional. Once per stream, before its workers: makes what they share (a file key, say) and writes the format's
     * header, if any, into `out` (room for 64 KiB). `ret_encoder` is only read by the workers. Default: no header,
     * and the instance itself is the encoder. */
    int (*encode_begin)(void *self, void *out, size_t capacity, size_t *ret_size, void **ret_encoder,
                        struct kist_error *err);
    /* Optional. After all workers of the encoder are closed; also after a failure. */
    void (*encode_end)(void *encoder);

    /* Required. Once per thread that works on the stream. A worker is used by one thread; workers of one encoder
     * run at once. */
    int (*worker_open)(void *encoder, void **ret_worker, struct kist_error *err);
    void (*worker_close)(void *worker);
    /* Required. Encodes one block into `out`, which has room for encoded_bound(block->size); gives at least one byte for a
     * block that is not empty. Blocks reach workers in any order; put together in theirs, the results decode to the
     * stream, whichever worker made which. Minutes without a result are taken for a failure: the run is cancelled. */
    int (*encode)(void *worker, const struct kist_block *block, void *out, size_t capacity, size_t *ret_size,
                  struct kist_error *err);

    /* Required. Once per stream to decode. */
    int (*decode_begin)(void *self, void **ret_decoder, struct kist_error *err);
    /* Required. Takes up to `size` bytes, gives up to `capacity`. Must make progress: take or give at least one byte,
     * unless it needs more input than it got (then it takes it all). `size` is 0 only to ask for output that is still
     * held back; gives 0 when there is none. Damage is KIST_ERR_CORRUPT, as soon as it is seen. */
    int (*decode)(void *decoder, const void *data, size_t size, size_t *ret_taken, void *out, size_t capacity,
                  size_t *ret_given, struct kist_error *err);
    /* Required. After the last input: 0 only if the stream was whole and nothing followed it. Ends nothing. */
    int (*decode_finish)(void *decoder, struct kist_error *err);
    /* Required. Ends the decoder, also after a failure. */
    void (*decode_end)(void *decoder);

    /* Optional. Whether a stream that begins with these bytes (the first 512, or all of a shorter one) is of this format: 1
     * or 0. Needs no instance. Default: no. */
    int (*recognizes)(const void *data, size_t size);
    /* Optional. Once per instance: the command that takes the place of `stock_decoder` with this configuration (an
     * option that the stock tool needs, say). Kept. Default: stock_decoder. */
    const char *(*decoder_command)(void *self);
    /* Optional. Once per instance: a text that differs whenever the configuration is such that streams written with one
     * cannot stand in for those of the other (other recipients, say). Never a secret. Kept; NULL: nothing of that kind. */
    const char *(*settings)(void *self);
    /* Optional. Makes a new pair of keys and gives it once, for `kist key new`. Needs no instance; the result of `give` is
     * returned. Default: the filter has no keys. */
    int (*new_key)(const struct kist_host *host, kist_key_fn give, void *arg, struct kist_error *err);
    /* Optional. Before the first decode_begin, where decoding is going to be wanted: 0 if this configuration can decode,
     * else KIST_ERR_CONFIG (no identity is configured, say). Default: it can. */
    int (*can_decode)(void *self, struct kist_error *err);
};

#if !defined(__cplusplus)
/* Defines the plugin: KIST_FILTER(.about = {.name = "gzip", ...}, .suffix = ".gz", ...); */
#define KIST_FILTER(...)                                                                                          \
    extern const struct kist_filter kist_plugin;                                                                  \
    KIST_PUBLIC const struct kist_filter kist_plugin = {.head = {KIST_ABI_MAGIC, KIST_ABI_VERSION,                \
                                                                 KIST_KIND_FILTER, sizeof(struct kist_filter),    \
                                                                 sizeof(struct kist_option), 0},                  \
                                                        __VA_ARGS__}
#endif

#ifdef __cplusplus
}
#endif
#endif
