#include "filter_tools.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_MIN ((uint64_t)64 << 10)
#define BLOCK_MAX ((uint64_t)4 << 20)

int filter_trial_begin(struct filter_trial *trial, const struct kist_filter_conformance *suite)
{
    *trial =
        (struct filter_trial){.suite = suite, .plugin = suite->plugin, .err = {.struct_size = sizeof trial->err}};
    int rc = trial->plugin->open(suite->host, suite->config, &trial->self, &trial->err);
    EXPECT(trial, rc == 0, "open failed with %d", rc);
    uint64_t size = trial->plugin->block_size(trial->self);
    EXPECT(trial, size >= BLOCK_MIN && size <= BLOCK_MAX, "a block has %llu bytes, not 64 KiB to 4 MiB",
           (unsigned long long)size);
    trial->block_size = (size_t)size;
    return 0;
}

static void end_stream(struct filter_trial *trial)
{
    for (size_t i = 0; i < FILTER_WORKERS; i++) {
        if (trial->workers[i])
            trial->plugin->worker_close(trial->workers[i]);
        trial->workers[i] = NULL;
    }
    kist_test_stream_end(&trial->stream);
}

void filter_trial_end(struct filter_trial *trial)
{
    end_stream(trial);
    if (trial->decoder)
        trial->plugin->decode_end(trial->decoder);
    if (trial->self)
        trial->plugin->close(trial->self);
    kist_test_bytes_free(&trial->raw);
    kist_test_bytes_free(&trial->encoded);
    kist_test_bytes_free(&trial->back);
    kist_test_bytes_free(&trial->all);
    kist_test_bytes_free(&trial->part);
    for (size_t i = 0; i < FILTER_BLOCKS; i++)
        kist_test_bytes_free(&trial->blocks[i]);
    free(trial->detail);
    case_clear(&trial->err);
}

void filter_trial_fill(struct filter_trial *trial, size_t number)
{
    const size_t block = trial->block_size,
                 sizes[FILTER_FILLS / 2] = {0, 1, 100, block - 1, block, block + 1, 5 * block + 77};
    (number % 2 ? kist_test_noise : kist_test_text)(&trial->raw, sizes[number / 2], (uint32_t)number);
}

/* Holds a result against the error that came with it. */
static int checked(struct filter_trial *trial, int rc)
{
    if (rc == trial->err.code && (rc == 0 || trial->err.message))
        return rc;
    case_clear(&trial->err);
    trial->err.message = strdup("the result is not that of the error, or the error has no message");
    return trial->err.code = KIST_ERR_BUG;
}

int filter_trial_encode(struct filter_trial *trial)
{
    case_clear(&trial->err);
    return checked(trial, kist_test_filter_encode(trial->plugin, trial->self, trial->raw.data, trial->raw.size,
                                                  &trial->encoded, &trial->err));
}

int filter_trial_decode(struct filter_trial *trial, const struct kist_test_bytes *encoded, size_t piece,
                        size_t room)
{
    case_clear(&trial->err);
    return checked(trial, kist_test_filter_decode(trial->plugin, trial->self, encoded->data, encoded->size, piece,
                                                  room, &trial->back, &trial->err));
}

int filter_trial_step(struct filter_trial *trial, const void *data, size_t size, size_t *ret_taken, void *out,
                      size_t capacity, size_t *ret_given)
{
    case_clear(&trial->err);
    return checked(trial, trial->plugin->decode(trial->decoder, data, size, ret_taken, out, capacity, ret_given,
                                                &trial->err));
}

int filter_same(const struct kist_test_bytes *a, const struct kist_test_bytes *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

int filter_trial_stream(struct filter_trial *trial)
{
    end_stream(trial);
    case_clear(&trial->err);
    int rc = kist_test_stream_begin(trial->plugin, trial->self, trial->raw.data, trial->raw.size, &trial->stream,
                                    &trial->err);
    for (size_t i = 0; i < FILTER_WORKERS && rc == 0; i++)
        rc = trial->plugin->worker_open(trial->stream.encoder, &trial->workers[i], &trial->err);
    return checked(trial, rc);
}

int filter_trial_blocks(struct filter_trial *trial)
{
    const struct kist_test_stream *stream = &trial->stream;
    int rc = 0;
    case_clear(&trial->err);
    kist_test_bytes_free(&trial->encoded);
    kist_test_append(&trial->encoded, stream->header.data, stream->header.size);
    for (size_t i = 0; i < stream->count && rc == 0; i++) {
        rc = kist_test_stream_encode(stream, trial->workers[0], i, &trial->blocks[i], &trial->err);
        kist_test_append(&trial->encoded, trial->blocks[i].data, trial->blocks[i].size);
    }
    return checked(trial, rc);
}

int filter_trial_shell(struct filter_trial *trial, const char *command, const struct kist_test_bytes *input)
{
    const char *const argv[] = {"sh", "-c", command, NULL};
    return kist_test_run(argv, input, &trial->back);
}
