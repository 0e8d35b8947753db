/* decode.c - any stream of zstd frames to bytes: several frames, skippable ones, with or without size and
 * checksum. */
#include "zstd_filter.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

/* As much memory as the stock tool spends on a frame before it wants to be asked: 128 MiB. Frames of this filter
 * need no more than their block. */
#define WINDOW_LOG_MAX 27

#define HEADER_MAX 18 /* the longest header of a frame */

struct decoder {
    const struct kist_zstd *zstd;
    ZSTD_DCtx *context;
    uint64_t position;                /* bytes of the stream taken so far */
    uint64_t frame_start;             /* where the current or next frame starts */
    uint64_t frames;                  /* frames that ended */
    uint64_t frame_given;             /* bytes that the current frame gave */
    unsigned char header[HEADER_MAX]; /* the first bytes of the current frame */
    size_t header_size;
    int inside; /* bytes of a frame were taken, and its end was not reached */
    int held;   /* the last call filled its output, so there may be more without further input */
    int broken; /* nothing can follow: the stream was found damaged */
};

int kist_zstd_decode_begin(void *self, void **ret_decoder, struct kist_error *err)
{
    const struct kist_zstd *zstd = self;
    const struct kist_host *host = zstd->host;
    struct decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    decoder->zstd = zstd;
    decoder->context = ZSTD_createDCtx();
    if (!decoder->context ||
        ZSTD_isError(ZSTD_DCtx_setParameter(decoder->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        kist_zstd_decode_end(decoder);
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory for a zstd decoder");
    }
    *ret_decoder = decoder;
    return 0;
}

void kist_zstd_decode_end(void *decoder)
{
    struct decoder *ending = decoder;
    if (!ending)
        return;
    ZSTD_freeDCtx(ending->context);
    free(ending);
}

/* Says in our words why libzstd refused the current frame. */
static int refuse(struct decoder *decoder, size_t result, struct kist_error *err)
{
    const struct kist_host *host = decoder->zstd->host;
    unsigned long long start = decoder->frame_start;
    decoder->broken = 1;
    switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_memory_allocation:
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory for the zstd frame at byte %llu", start);
    case ZSTD_error_prefix_unknown:
        if (decoder->frames == 0)
            return host->fail(host, err, KIST_ERR_CORRUPT,
                              "this is not a zstd stream: it does not start with a frame");
        return host->fail(host, err, KIST_ERR_CORRUPT,
                          "zstd stream goes on with something else at byte %llu, after %llu "
                          "frames",
                          start, (unsigned long long)decoder->frames);
    case ZSTD_error_frameParameter_windowTooLarge: {
        int code = host->fail(host, err, KIST_ERR_CORRUPT,
                              "zstd frame at byte %llu is damaged or wants a window of more than 128 MiB", start);
        host->hint(host, err, "a sound file made with --long or --ultra is decoded by: zstd -d --long=31");
        return code;
    }
    default:
        return host->fail(host, err, KIST_ERR_CORRUPT, "zstd frame at byte %llu is damaged: %s", start,
                          ZSTD_getErrorName(result));
    }
}

static void start_frame(struct decoder *decoder)
{
    decoder->frame_start = decoder->position;
    decoder->frame_given = 0;
    decoder->header_size = 0;
}

static void keep_header(struct decoder *decoder, const unsigned char *data, size_t size)
{
    size_t room = sizeof decoder->header - decoder->header_size;
    size_t kept = size < room ? size : room;
    if (kept > 0)
        memcpy(decoder->header + decoder->header_size, data, kept);
    decoder->header_size += kept;
}

/* libzstd does not hold a frame that ends with an empty block against the size in its header. */
static int end_frame(struct decoder *decoder, struct kist_error *err)
{
    const struct kist_host *host = decoder->zstd->host;
    unsigned long long size = ZSTD_getFrameContentSize(decoder->header, decoder->header_size);
    if (size != ZSTD_CONTENTSIZE_UNKNOWN && size != ZSTD_CONTENTSIZE_ERROR && size != decoder->frame_given) {
        decoder->broken = 1;
        return host->fail(
            host, err, KIST_ERR_CORRUPT, "zstd frame at byte %llu is damaged: it gave %llu of %llu bytes",
            (unsigned long long)decoder->frame_start, (unsigned long long)decoder->frame_given, size);
    }
    decoder->frames++;
    return 0;
}

/* One step of libzstd. `ret_more` is 0 once it neither took nor gave anything. */
static int step(struct decoder *decoder, ZSTD_inBuffer *in, ZSTD_outBuffer *out, int *ret_more,
                struct kist_error *err)
{
    size_t taken = in->pos, given = out->pos;
    if (!decoder->inside)
        start_frame(decoder);
    size_t result = ZSTD_decompressStream(decoder->context, out, in);
    if (ZSTD_isError(result))
        return refuse(decoder, result, err);
    taken = in->pos - taken;
    given = out->pos - given;
    if (taken > 0)
        keep_header(decoder, (const unsigned char *)in->src + in->pos - taken, taken);
    decoder->position += taken;
    decoder->frame_given += given;
    decoder->inside = result != 0;
    decoder->held = decoder->inside && out->pos == out->size;
    *ret_more = taken > 0 || given > 0;
    return decoder->inside ? 0 : end_frame(decoder, err);
}

int kist_zstd_decode(void *decoder, const void *data, size_t size, size_t *ret_taken, void *out, size_t capacity,
                     size_t *ret_given, struct kist_error *err)
{
    struct decoder *decoding = decoder;
    const struct kist_host *host = decoding->zstd->host;
    ZSTD_inBuffer input = {.src = data, .size = size};
    ZSTD_outBuffer output = {.dst = out, .size = capacity};
    if (decoding->broken)
        return host->fail(host, err, KIST_ERR_CORRUPT, "zstd stream was already found damaged before byte %llu",
                          (unsigned long long)decoding->position);
    /* libzstd is not called when there is nothing for it to do: it takes repeated calls without progress for an
     * error. At the end of a frame it would also start to wait for another one. */
    int more = 1;
    while (more && output.pos < output.size && (input.pos < input.size || decoding->held)) {
        int code = step(decoding, &input, &output, &more, err);
        if (code)
            return code;
    }
    *ret_taken = input.pos;
    *ret_given = output.pos;
    return 0;
}

int kist_zstd_decode_finish(void *decoder, struct kist_error *err)
{
    const struct decoder *decoding = decoder;
    const struct kist_host *host = decoding->zstd->host;
    unsigned long long position = decoding->position;
    if (decoding->broken)
        return host->fail(host, err, KIST_ERR_CORRUPT, "zstd stream is damaged before byte %llu", position);
    if (decoding->frames == 0 && !decoding->inside)
        return host->fail(host, err, KIST_ERR_CORRUPT, "zstd stream is empty: it has no frame at all");
    if (decoding->inside)
        return host->fail(host, err, KIST_ERR_CORRUPT,
                          "zstd stream is cut off after %llu bytes, inside the frame at byte %llu", position,
                          (unsigned long long)decoding->frame_start);
    return 0;
}
