/* filter_decode_fuzz.h - any bytes through a filter's decoder, twice: in one piece, and in small pieces of input
 * and output. Where both take them for a good stream, they must give the same. */
#ifndef KIST_FILTER_DECODE_FUZZ_H
#define KIST_FILTER_DECODE_FUZZ_H

#include <kist/plugin.h>
#include <test_filter.h>
#include <test_host.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* More output than this says nothing new, and a small input can make gigabytes. */
#define OUTPUT_MAX ((size_t)1 << 20)

struct result {
    int code;
    int stopped; /* at OUTPUT_MAX */
    struct kist_test_bytes bytes;
};

static void stop_if(int broken)
{
    if (broken)
        abort();
}

static void decode(const struct kist_filter *filter, struct kist_test_host *test, void *self, const uint8_t *data,
                   size_t size, size_t piece, size_t room, struct result *result)
{
    void *decoder = NULL;
    unsigned char *out = malloc(room);
    result->bytes.data = malloc(OUTPUT_MAX + room);
    stop_if(!out || !result->bytes.data || filter->decode_begin(self, &decoder, &test->err));
    for (;;) {
        size_t offered = piece < size ? piece : size, taken = 0, given = 0;
        result->code = filter->decode(decoder, data, offered, &taken, out, room, &given, &test->err);
        if (result->code)
            break;
        stop_if(taken > offered || given > room || (offered > 0 && taken == 0 && given == 0));
        if (given > 0)
            memcpy(result->bytes.data + result->bytes.size, out, given);
        result->bytes.size += given;
        data += taken;
        size -= taken;
        result->stopped = result->bytes.size >= OUTPUT_MAX;
        if (result->stopped || (offered == 0 && given == 0))
            break;
    }
    if (!result->code && !result->stopped)
        result->code = filter->decode_finish(decoder, &test->err);
    stop_if(result->code && (test->err.code != result->code || !test->err.message));
    filter->decode_end(decoder);
    free(out);
}

/* The first byte says how small the pieces are. With `same_end`, both ways must also fail alike. */
static void fuzz_filter_decode(const struct kist_filter *filter, const uint8_t *data, size_t size, int same_end)
{
    struct kist_test_host test;
    struct result whole = {.code = 0}, pieces = {.code = 0};
    void *config = NULL, *self = NULL;
    if (size == 0)
        return;
    stop_if(kist_test_host_init(&test));
    stop_if(kist_test_filter_open(filter, &test.host, NULL, &config, &self, &test.err));
    decode(filter, &test, self, data + 1, size - 1, SIZE_MAX, OUTPUT_MAX + 1, &whole);
    decode(filter, &test, self, data + 1, size - 1, (size_t)(data[0] & 15) + 1, (size_t)(data[0] >> 4) * 100 + 1,
           &pieces);
    if (!whole.stopped && !pieces.stopped) {
        stop_if(same_end && whole.code != pieces.code);
        stop_if(!whole.code && !pieces.code &&
                (whole.bytes.size != pieces.bytes.size ||
                 memcmp(whole.bytes.data, pieces.bytes.data, whole.bytes.size) != 0));
    }
    kist_test_bytes_free(&whole.bytes);
    kist_test_bytes_free(&pieces.bytes);
    filter->close(self);
    free(config);
    kist_test_host_done(&test);
}

#endif
