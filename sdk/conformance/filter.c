/* filter.c - the cases about sound streams, and the list of all cases. Each is one clause of kist/filter.h and
 * begins with a new instance. */
#include "filter_cases.h"

static int round_trip(struct filter_trial *t)
{
    static const size_t shapes[][2] = {{4096, 10000}, {SIZE_MAX, (size_t)1 << 20}};
    for (size_t i = 0; i < FILTER_FILLS; i++) {
        filter_trial_fill(t, i);
        EXPECT(t, filter_trial_encode(t) == 0, "%zu bytes cannot be encoded", t->raw.size);
        for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++) {
            int rc = filter_trial_decode(t, &t->encoded, shapes[shape][0], shapes[shape][1]);
            EXPECT(t, rc == 0, "%zu bytes cannot be decoded again", t->raw.size);
            EXPECT(t, filter_same(&t->raw, &t->back), "%zu bytes came back as others", t->raw.size);
        }
    }
    return 0;
}

static int empty_stream(struct filter_trial *t)
{
    static const size_t sizes[] = {1, 3, SIZE_MAX};
    kist_test_text(&t->raw, 0, 1);
    EXPECT(t, filter_trial_encode(t) == 0, "a stream of no bytes cannot be encoded");
    EXPECT(t, t->encoded.size > 0, "a stream of no bytes became no output, which cannot be told from a lost one");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int rc = filter_trial_decode(t, &t->encoded, sizes[i], 1);
        EXPECT(t, rc == 0 && t->back.size == 0, "a stream of no bytes came back with %d and %zu bytes", rc,
               t->back.size);
    }
    return 0;
}

static int comes_back(struct filter_trial *t, const size_t (*shapes)[2], size_t count)
{
    for (int kind = 0; kind < 2; kind++) {
        (kind ? kist_test_noise : kist_test_text)(&t->raw, t->block_size + 500, 3);
        EXPECT(t, filter_trial_encode(t) == 0, "encode failed");
        for (size_t i = 0; i < count; i++) {
            int rc = filter_trial_decode(t, &t->encoded, shapes[i][0], shapes[i][1]);
            EXPECT(t, rc == 0 && filter_same(&t->raw, &t->back),
                   "in pieces of %zu and room of %zu bytes the result is %d, or other bytes", shapes[i][0],
                   shapes[i][1], rc);
        }
    }
    return 0;
}

static int byte_by_byte(struct filter_trial *t)
{
    static const size_t shapes[][2] = {{1, 1}, {1, 1000}, {3, 7}};
    return comes_back(t, shapes, sizeof shapes / sizeof *shapes);
}

static int little_room(struct filter_trial *t)
{
    static const size_t shapes[][2] = {{1000, 1}, {SIZE_MAX, 4096}, {70000, 32768}};
    return comes_back(t, shapes, sizeof shapes / sizeof *shapes);
}

/* Takes what the decoder holds back; then it must say often that there is nothing. */
static int drain(struct filter_trial *t)
{
    unsigned char out[4096];
    size_t taken = 0, given = 1;
    for (int empty = 0; empty < 40; empty += given == 0) {
        int rc = filter_trial_step(t, NULL, 0, &taken, out, sizeof out, &given);
        EXPECT(t, rc == 0, "asking for nothing gave %d", rc);
        EXPECT(t, taken == 0 && given <= sizeof out, "took %zu of no bytes, gave %zu", taken, given);
        EXPECT(t, empty == 0 || given == 0, "gave %zu bytes after it had said that there are none", given);
        kist_test_append(&t->back, out, given);
    }
    return 0;
}

static int held_back(struct filter_trial *t)
{
    unsigned char out[4096];
    size_t taken = 0, given = 0, left = 0;
    kist_test_text(&t->raw, 1000, 5);
    EXPECT(t, filter_trial_encode(t) == 0, "encode failed");
    EXPECT(t, t->plugin->decode_begin(t->self, &t->decoder, &t->err) == 0, "decode_begin failed");
    kist_test_bytes_free(&t->back);
    if (drain(t) != 0)
        return -1;
    for (left = t->encoded.size; left > 0; left -= taken) {
        const unsigned char *next = t->encoded.data + t->encoded.size - left;
        int rc = filter_trial_step(t, next, 1, &taken, out, sizeof out, &given);
        EXPECT(t, rc == 0 && taken + given > 0, "a byte with %zu to follow gave %d, or no progress", left - 1, rc);
        kist_test_append(&t->back, out, given);
        if (drain(t) != 0)
            return -1;
        case_clear(&t->err);
        rc = t->plugin->decode_finish(t->decoder, &t->err);
        EXPECT(t, rc == (taken == left ? 0 : KIST_ERR_CORRUPT), "decode_finish with %zu bytes to follow gave %d",
               left - taken, rc);
    }
    EXPECT(t, filter_same(&t->raw, &t->back), "byte by byte, %zu bytes came back as %zu, or others", t->raw.size,
           t->back.size);
    return 0;
}

static int abandoned(struct filter_trial *t)
{
    unsigned char out[1000];
    size_t taken = 0, given = 0;
    filter_trial_fill(t, FILTER_FILLS - 1);
    EXPECT(t, filter_trial_stream(t) == 0, "no workers");
    EXPECT(t, filter_trial_encode(t) == 0, "encode failed");
    EXPECT(t, t->plugin->decode_begin(t->self, &t->decoder, &t->err) == 0, "decode_begin failed");
    int rc = filter_trial_step(t, t->encoded.data, t->encoded.size / 2, &taken, out, sizeof out, &given);
    EXPECT(t, rc == 0, "the first half of a sound stream gave %d", rc);
    return 0; /* filter_trial_end ends all three in the middle of their work. */
}

static int stock_decoder(struct filter_trial *t)
{
    const char *command = t->suite->stock_decoder ? t->suite->stock_decoder : t->plugin->stock_decoder;
    if (!command || !*command) {
        (void)case_broken(&t->detail, &t->err, "there is none");
        return FILTER_SKIPPED;
    }
    if (!t->suite->stock_decoder && t->plugin->features & KIST_FILTER_ENCRYPTS) {
        (void)case_broken(&t->detail, &t->err, "it would have to be told the key");
        return FILTER_SKIPPED;
    }
    for (size_t i = 0; i < FILTER_FILLS; i++) {
        filter_trial_fill(t, i);
        EXPECT(t, filter_trial_encode(t) == 0, "encode failed");
        int status = filter_trial_shell(t, command, &t->encoded);
        EXPECT(t, status == 0, "'%s' ended with %d", command, status);
        EXPECT(t, filter_same(&t->raw, &t->back), "'%s' gave other bytes", command);
        if (!t->suite->stock_check)
            continue;
        status = filter_trial_shell(t, t->suite->stock_check, &t->encoded);
        EXPECT(t, status == 0, "'%s' ended with %d", t->suite->stock_check, status);
    }
    return 0;
}

static int stock_encoders(struct filter_trial *t)
{
    const char *const *commands = t->suite->stock_encoders;
    size_t found = 0;
    kist_test_bytes_free(&t->encoded);
    for (size_t i = 0; commands && commands[i]; i++) {
        (i % 4 == 3 ? kist_test_noise : kist_test_text)(&t->raw, 300000 + 7 * i, (uint32_t)i);
        int status = filter_trial_shell(t, commands[i], &t->raw);
        if (status == FILTER_SHELL_NOT_FOUND)
            continue;
        EXPECT(t, status == 0, "'%s' ended with %d", commands[i], status);
        kist_test_bytes_free(&t->part);
        kist_test_append(&t->part, t->back.data, t->back.size);
        int rc = filter_trial_decode(t, &t->part, 1000, 777);
        EXPECT(t, rc == 0 && filter_same(&t->raw, &t->back), "what '%s' made gave %d, or other bytes", commands[i],
               rc);
        kist_test_append(&t->all, t->raw.data, t->raw.size);
        kist_test_append(&t->encoded, t->part.data, t->part.size);
        found++;
    }
    if (!commands || !*commands) {
        (void)case_broken(&t->detail, &t->err, "none is known");
        return FILTER_SKIPPED;
    }
    EXPECT(t, found > 0, "none of them is installed");
    if (!t->suite->joins)
        return 0;
    int rc = filter_trial_decode(t, &t->encoded, 8192, 8192);
    EXPECT(t, rc == 0 && filter_same(&t->all, &t->back),
           "what %zu tools made, put together, gave %d, or other bytes", found, rc);
    return 0;
}

static const struct {
    const char *name, *clause;
    int (*run)(struct filter_trial *trial);
    int decoding; /* leave it out when only encoding is asked for */
} cases[] = {
    {"block-size", "a block has 64 KiB to 4 MiB, the same for the life of the instance", filter_case_block_size,
     0},
    {"round-trip", "what was encoded is decoded to the same bytes, whatever their size", round_trip, 0},
    {"empty-stream", "a stream of no bytes is one empty block, and comes back", empty_stream, 0},
    {"bound", "an encoded block takes no more than encoded_bound", filter_case_bound, 0},
    {"misfits", "a block or room of the wrong size is refused, and harms nothing", filter_case_misfits, 0},
    {"order", "blocks reach workers in any order, and the results still decode to the stream", filter_case_order,
     0},
    {"workers", "workers of one encoder run at once", filter_case_workers, 0},
    {"compresses", "what says that it compresses does", filter_case_compresses, 0},
    {"byte-by-byte", "decode takes a stream in any pieces", byte_by_byte, 1},
    {"little-room", "decode gives into any room", little_room, 1},
    {"held-back", "without input, decode gives what it holds back, then 0; decode_finish ends nothing", held_back,
     1},
    {"abandoned", "workers and decoders can be ended in the middle", abandoned, 1},
    {"no-input", "nothing at all is no stream", filter_case_no_input, 1},
    {"foreign", "what is no stream of the format is KIST_ERR_CORRUPT", filter_case_foreign, 1},
    {"cuts", "decode_finish gives 0 only if the stream was whole", filter_case_cuts, 1},
    {"lacking-blocks", "a stream that ends between two blocks is noticed, unless streams join",
     filter_case_lacking_blocks, 1},
    {"flips", "a changed bit is KIST_ERR_CORRUPT, or changes nothing", filter_case_flips, 1},
    {"tails", "decode_finish gives 0 only if nothing followed the stream", filter_case_tails, 1},
    {"stays-broken", "a stream once found damaged stays so", filter_case_stays_broken, 1},
    {"stock-decoder", "the stock tool undoes it", stock_decoder, 0},
    {"stock-encoders", "any file of the format is decoded, also one made by the stock tool", stock_encoders, 1},
};

/* Do two streams, one behind the other, decode to the data of both? */
static int joins(const struct kist_filter_conformance *suite)
{
    struct filter_trial trial;
    int joined = 0;
    if (filter_trial_begin(&trial, suite) == 0) {
        kist_test_text(&trial.raw, 1000, 1);
        if (filter_trial_encode(&trial) == 0) {
            kist_test_append(&trial.encoded, trial.encoded.data, trial.encoded.size);
            joined = filter_trial_decode(&trial, &trial.encoded, SIZE_MAX, 4096) == 0 && trial.back.size == 2000;
        }
    }
    filter_trial_end(&trial);
    return joined;
}

static int run_cases(const struct kist_filter_conformance *suite)
{
    static const int outcomes[] = {[0] = KIST_CONFORMANCE_PASSED, [FILTER_SKIPPED] = KIST_CONFORMANCE_SKIPPED};
    int failed = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct filter_trial trial;
        if (suite->encoding_only && cases[i].decoding)
            continue;
        if (suite->begin && !suite->begin(suite->arg, cases[i].name, cases[i].clause))
            continue;
        int rc = filter_trial_begin(&trial, suite);
        if (rc == 0)
            rc = cases[i].run(&trial);
        suite->report(suite->arg, cases[i].name, cases[i].clause, rc < 0 ? KIST_CONFORMANCE_FAILED : outcomes[rc],
                      rc != 0 ? trial.detail : NULL);
        failed += rc < 0;
        filter_trial_end(&trial);
    }
    return failed;
}

int kist_conformance_filter(const struct kist_filter_conformance *suite)
{
    struct kist_filter_conformance known = *suite;
    if (known.joins == KIST_FILTER_JOINS_UNKNOWN)
        known.joins = joins(suite);
    return run_cases(&known);
}

const char *kist_conformance_filter_name(size_t index)
{
    return index < sizeof cases / sizeof *cases ? cases[index].name : NULL;
}
