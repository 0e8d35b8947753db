/* filter_damage.c - streams that are empty, foreign, cut, changed or continued must be noticed. */
#include "filter_cases.h"

#include <string.h>

/* Damage must be noticed in small pieces, and in one. */
static const size_t shapes[][2] = {{7, 100}, {SIZE_MAX, (size_t)1 << 20}};
#define SHAPES (sizeof shapes / sizeof *shapes)

/* KIST_ERR_CORRUPT if that is the result in both shapes, else one that it is not. */
static int decode_damaged(struct filter_trial *t, const struct kist_test_bytes *file)
{
    int rc = KIST_ERR_CORRUPT;
    for (size_t i = 0; i < SHAPES && rc == KIST_ERR_CORRUPT; i++)
        rc = filter_trial_decode(t, file, shapes[i][0], shapes[i][1]);
    return rc;
}

int filter_case_no_input(struct filter_trial *t)
{
    const struct kist_test_bytes nothing = {.data = NULL};
    int rc = decode_damaged(t, &nothing);
    EXPECT(t, rc == KIST_ERR_CORRUPT, "no input at all gave %d, not KIST_ERR_CORRUPT", rc);
    EXPECT(t, t->plugin->decode_begin(t->self, &t->decoder, &t->err) == 0, "decode_begin failed");
    case_clear(&t->err);
    rc = t->plugin->decode_finish(t->decoder, &t->err);
    EXPECT(t, rc == KIST_ERR_CORRUPT, "decode_finish without any decode gave %d, not KIST_ERR_CORRUPT", rc);
    return 0;
}

int filter_case_foreign(struct filter_trial *t)
{
    static const char *const starts[] = {"PGDMP",  "nonono", "\x1f\x8b\x07", "\x28\xb5\x2f\xff",
                                         "PK\3\4", "BZh9",   "\3757zXZ",     "\n\n\n\n"};
    const size_t count = sizeof starts / sizeof *starts;
    for (size_t i = 0; i < count + 2; i++) {
        kist_test_noise(&t->part, 64, (uint32_t)i + 1);
        if (i < count)
            memcpy(t->part.data, starts[i], strlen(starts[i]));
        else if (i == count)
            memset(t->part.data, 0, t->part.size);
        for (struct kist_test_bytes file = t->part; file.size > 0; file.size--) {
            int rc = decode_damaged(t, &file);
            EXPECT(t, rc == KIST_ERR_CORRUPT, "%zu bytes of nothing known (number %zu) gave %d", file.size, i, rc);
        }
    }
    return 0;
}

int filter_case_cuts(struct filter_trial *t)
{
    for (int kind = 0; kind < 2; kind++) {
        (kind ? kist_test_noise : kist_test_text)(&t->raw, 1500, 9);
        EXPECT(t, filter_trial_encode(t) == 0, "encode failed");
        struct kist_test_bytes cut = t->encoded;
        for (cut.size = 0; cut.size < t->encoded.size; cut.size++) {
            int rc = filter_trial_decode(t, &cut, 100, 1000);
            EXPECT(t, rc == KIST_ERR_CORRUPT, "%zu of %zu bytes gave %d, not KIST_ERR_CORRUPT", cut.size,
                   t->encoded.size, rc);
            EXPECT(t, cut.size == 0 || !t->suite->cut_says || strstr(t->err.message, t->suite->cut_says),
                   "the error about %zu of %zu bytes does not say '%s'", cut.size, t->encoded.size,
                   t->suite->cut_says);
        }
    }
    return 0;
}

/* Cuts at and around the places where a block ends. */
int filter_case_lacking_blocks(struct filter_trial *t)
{
    const size_t around = 8;
    kist_test_text(&t->raw, 2 * t->block_size + 100, 4);
    EXPECT(t, filter_trial_stream(t) == 0 && filter_trial_blocks(t) == 0, "encode failed");
    size_t end = t->stream.header.size;
    for (size_t i = 0; i + 1 < t->stream.count; i++) {
        struct kist_test_bytes cut = t->encoded, whole = t->raw;
        end += t->blocks[i].size;
        whole.size = (i + 1) * t->block_size;
        for (cut.size = end - around; cut.size <= end + around; cut.size++) {
            int rc = filter_trial_decode(t, &cut, SIZE_MAX, (size_t)1 << 20);
            if (t->suite->joins && cut.size == end)
                EXPECT(t, rc == 0 && filter_same(&t->back, &whole), "%zu whole blocks gave %d, or other bytes",
                       i + 1, rc);
            else
                EXPECT(t, rc == KIST_ERR_CORRUPT, "%zu of %zu bytes gave %d, not KIST_ERR_CORRUPT", cut.size,
                       t->encoded.size, rc);
        }
    }
    return 0;
}

int filter_case_flips(struct filter_trial *t)
{
    const size_t copies = t->suite->joins ? 2 : 1;
    for (int kind = 0; kind < 2; kind++) {
        size_t harmless = 0;
        (kind ? kist_test_noise : kist_test_text)(&t->raw, 700, 11);
        EXPECT(t, filter_trial_encode(t) == 0, "encode failed");
        if (copies == 2) {
            kist_test_append(&t->encoded, t->encoded.data, t->encoded.size);
            kist_test_append(&t->raw, t->raw.data, t->raw.size);
        }
        for (size_t bit = 0; bit < 8 * t->encoded.size; bit++) {
            t->encoded.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
            int rc = filter_trial_decode(t, &t->encoded, 4096, 4096);
            t->encoded.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
            EXPECT(t, rc == 0 || rc == KIST_ERR_CORRUPT, "bit %zu of byte %zu flipped gave %d", bit % 8, bit / 8,
                   rc);
            EXPECT(t, rc != 0 || filter_same(&t->back, &t->raw), "bit %zu of byte %zu flipped gave other bytes",
                   bit % 8, bit / 8);
            harmless += rc == 0;
        }
        EXPECT(t, harmless <= copies * t->suite->harmless_bits,
               "%zu bits could be flipped without any effect, more than %zu", harmless,
               copies * t->suite->harmless_bits);
    }
    return 0;
}

/* What follows the stream is `size` bytes at `tail`. */
static int refuses_tail(struct filter_trial *t, const void *tail, size_t size)
{
    kist_test_bytes_free(&t->part);
    kist_test_append(&t->part, t->encoded.data, t->encoded.size);
    kist_test_append(&t->part, tail, size);
    int rc = decode_damaged(t, &t->part);
    EXPECT(t, rc == KIST_ERR_CORRUPT, "%zu bytes behind the stream's end gave %d, not KIST_ERR_CORRUPT", size, rc);
    return 0;
}

int filter_case_tails(struct filter_trial *t)
{
    static const char *const tails[] = {"\0\0\0\0\0\0\0",  "x", "xyz", "garbage", "\n", "\x1f\x42",
                                        "\x28\xb5\x2f\xfe"};
    static const size_t sizes[] = {8, 1, 3, 7, 1, 2, 4};
    kist_test_text(&t->raw, 100, 1);
    EXPECT(t, filter_trial_encode(t) == 0, "encode failed");
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        if (refuses_tail(t, tails[i], sizes[i]) != 0)
            return -1;
    for (size_t zeros = 1; zeros < 8; zeros++)
        if (refuses_tail(t, tails[0], zeros) != 0)
            return -1;
    /* The start of a second stream is no more welcome than garbage, and all of it only where streams join. */
    for (size_t size = 1; size < t->encoded.size + !t->suite->joins; size++)
        if (refuses_tail(t, t->encoded.data, size) != 0)
            return -1;
    if (!t->suite->joins)
        return 0;
    kist_test_append(&t->encoded, t->encoded.data, t->encoded.size);
    kist_test_append(&t->raw, t->raw.data, t->raw.size);
    int rc = filter_trial_decode(t, &t->encoded, 7, 100);
    EXPECT(t, rc == 0 && filter_same(&t->back, &t->raw), "two streams together gave %d, or other bytes", rc);
    return 0;
}

int filter_case_stays_broken(struct filter_trial *t)
{
    unsigned char out[1000];
    size_t taken = 5, given = 5;
    kist_test_text(&t->raw, 100, 2);
    kist_test_noise(&t->part, 1000, 2);
    memset(t->part.data, 'n', 64);
    EXPECT(t, filter_trial_encode(t) == 0, "encode failed");
    EXPECT(t, t->plugin->decode_begin(t->self, &t->decoder, &t->err) == 0, "decode_begin failed");
    for (int i = 0; i < 3; i++) {
        const struct kist_test_bytes *in = i == 0 ? &t->part : &t->encoded;
        int rc =
            filter_trial_step(t, i == 2 ? NULL : in->data, i == 2 ? 0 : in->size, &taken, out, sizeof out, &given);
        EXPECT(t, rc == KIST_ERR_CORRUPT, "call %d on a broken stream gave %d, not KIST_ERR_CORRUPT", i + 1, rc);
        EXPECT(t, taken == 5 && given == 5, "a call that failed set its results");
    }
    case_clear(&t->err);
    int rc = t->plugin->decode_finish(t->decoder, &t->err);
    EXPECT(t, rc == KIST_ERR_CORRUPT, "decode_finish of a broken stream gave %d, not KIST_ERR_CORRUPT", rc);
    return 0;
}
