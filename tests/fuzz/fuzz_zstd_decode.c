/* fuzz_zstd_decode.c - any bytes through the zstd filter's decoder, twice: in one piece, and in small pieces of
 * input and output. Where both take the file for a good one, it must be the same bytes. (libzstd checks less of
 * odd frames that it gets in one piece, so one may fail where the other does not.) */
#include <kist/plugin.h>
#include <test_filter.h>
#include <test_host.h>

#include <stdlib.h>
#include <string.h>

extern const struct kist_filter kist_plugin;

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

static void decode(struct kist_test_host *test, void *self, const uint8_t *data, size_t size, size_t piece,
                   size_t room, struct result *result)
{
    void *decoder = NULL;
    unsigned char *out = malloc(room);
    result->bytes.data = malloc(OUTPUT_MAX + room);
    stop_if(!out || !result->bytes.data || kist_plugin.decode_begin(self, &decoder, &test->err));
    for (;;) {
        size_t offered = piece < size ? piece : size, taken = 0, given = 0;
        result->code = kist_plugin.decode(decoder, data, offered, &taken, out, room, &given, &test->err);
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
        result->code = kist_plugin.decode_finish(decoder, &test->err);
    stop_if(result->code && (test->err.code != result->code || !test->err.message));
    kist_plugin.decode_end(decoder);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kist_test_host test;
    struct result whole = {.code = 0}, pieces = {.code = 0};
    void *config = NULL, *self = NULL;
    if (size == 0)
        return 0;
    stop_if(kist_test_host_init(&test));
    stop_if(kist_test_filter_open(&kist_plugin, &test.host, NULL, &config, &self, &test.err));
    decode(&test, self, data + 1, size - 1, SIZE_MAX, OUTPUT_MAX + 1, &whole);
    decode(&test, self, data + 1, size - 1, (size_t)(data[0] & 15) + 1, (size_t)(data[0] >> 4) * 100 + 1, &pieces);
    if (!whole.stopped && !pieces.stopped && !whole.code && !pieces.code)
        stop_if(whole.bytes.size != pieces.bytes.size ||
                memcmp(whole.bytes.data, pieces.bytes.data, whole.bytes.size) != 0);
    kist_test_bytes_free(&whole.bytes);
    kist_test_bytes_free(&pieces.bytes);
    kist_plugin.close(self);
    free(config);
    kist_test_host_done(&test);
    return 0;
}
