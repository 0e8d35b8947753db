/* The zstd filter against itself and against the stock tools, and against every cut and flip of small files. */
#include "zstd_filter.h"
#include <test_filter.h>
#include <test_host.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include <cmocka.h>

extern const struct kist_filter kist_plugin;

#define BLOCK ((size_t)64 * 1024)

static struct kist_test_host test;
static void *config, *self;

/* Allocations of the plugin and its contexts fail once this many succeeded; -1: none does. */
static int allocations_left = -1;
void *__real_calloc(size_t count, size_t size);
ZSTD_CCtx *__real_ZSTD_createCCtx(void);
ZSTD_DCtx *__real_ZSTD_createDCtx(void);
void *__wrap_calloc(size_t count, size_t size);
ZSTD_CCtx *__wrap_ZSTD_createCCtx(void);
ZSTD_DCtx *__wrap_ZSTD_createDCtx(void);

static int may_allocate(void)
{
    if (allocations_left == 0)
        return 0;
    allocations_left -= allocations_left > 0;
    return 1;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

ZSTD_CCtx *__wrap_ZSTD_createCCtx(void)
{
    return may_allocate() ? __real_ZSTD_createCCtx() : NULL;
}

ZSTD_DCtx *__wrap_ZSTD_createDCtx(void)
{
    return may_allocate() ? __real_ZSTD_createDCtx() : NULL;
}

static void open_filter(int64_t level, size_t block_size)
{
    const struct kist_test_change changes[] = {{"level", level}, {"block_size", (int64_t)block_size}, {NULL, 0}};
    assert_int_equal(kist_test_filter_open(&kist_plugin, &test.host, changes, &config, &self, &test.err), 0);
}

static void close_filter(void)
{
    kist_plugin.close(self);
    free(config);
    self = config = NULL;
}

static int setup(void **state)
{
    (void)state;
    allocations_left = -1;
    if (kist_test_host_init(&test))
        return -1;
    open_filter(1, BLOCK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close_filter();
    kist_test_host_done(&test);
    return 0;
}

static void encode(const struct kist_test_bytes *raw, struct kist_test_bytes *encoded)
{
    assert_int_equal(kist_test_filter_encode(&kist_plugin, self, raw->data, raw->size, 0, encoded, &test.err), 0);
}

static int decode(const struct kist_test_bytes *encoded, size_t piece, size_t room,
                  struct kist_test_bytes *decoded)
{
    kist_test_host_clear(&test);
    int code =
        kist_test_filter_decode(&kist_plugin, self, encoded->data, encoded->size, piece, room, decoded, &test.err);
    assert_int_equal(code, test.err.code);
    return code;
}

static void assert_same(const struct kist_test_bytes *a, const struct kist_test_bytes *b)
{
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->data, b->data, a->size);
}

static void comes_back_at_every_size_and_level(void **state)
{
    (void)state;
    static const int64_t levels[] = {-7, -1, 0, 1, 2, 3, 6, 7, 12, 19};
    static const size_t sizes[] = {0, 1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 77};
    struct kist_test_bytes raw = {.data = NULL}, encoded = {.data = NULL}, backwards = {.data = NULL},
                           back = {.data = NULL};
    const char *const unzstd[] = {"zstd", "-dc", NULL}, *const check[] = {"zstd", "-tq", NULL};
    for (size_t level = 0; level < sizeof levels / sizeof *levels; level++) {
        close_filter();
        open_filter(levels[level], BLOCK);
        for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
            (i % 2 ? kist_test_noise : kist_test_text)(&raw, sizes[i / 2], (uint32_t)i);
            encode(&raw, &encoded);
            assert_int_equal(decode(&encoded, 4096, 10000, &back), 0);
            assert_same(&raw, &back);
            assert_int_equal(decode(&encoded, SIZE_MAX, (size_t)1 << 20, &back), 0);
            assert_same(&raw, &back);
            assert_int_equal(kist_test_run(unzstd, &encoded, &back), 0);
            assert_same(&raw, &back);
            assert_int_equal(kist_test_run(check, &encoded, &back), 0);
            assert_int_equal(
                kist_test_filter_encode(&kist_plugin, self, raw.data, raw.size, 1, &backwards, &test.err), 0);
            assert_same(&encoded, &backwards);
        }
    }
    kist_test_bytes_free(&raw);
    kist_test_bytes_free(&encoded);
    kist_test_bytes_free(&backwards);
    kist_test_bytes_free(&back);
}

/* Frames say their size and end with a checksum, whatever the level. */
static void frames_are_complete(void **state)
{
    (void)state;
    struct kist_test_bytes raw = {.data = NULL}, encoded = {.data = NULL};
    kist_test_text(&raw, 2 * BLOCK + 10, 1);
    encode(&raw, &encoded);
    assert_true(encoded.size * 2 < raw.size);
    size_t rest = encoded.size, count = 0;
    for (const unsigned char *frame = encoded.data; rest > 0; count++) {
        size_t size = ZSTD_findFrameCompressedSize(frame, rest);
        assert_false(ZSTD_isError(size));
        assert_int_equal(ZSTD_getFrameContentSize(frame, rest), count < 2 ? BLOCK : 10);
        assert_true(frame[4] & 4);
        frame += size;
        rest -= size;
    }
    assert_int_equal(count, 3);
    kist_test_noise(&raw, 4 * BLOCK, 1);
    encode(&raw, &encoded);
    assert_true(encoded.size < raw.size + raw.size / 1000 + 64);
    kist_test_bytes_free(&raw);
    kist_test_bytes_free(&encoded);
}

static void reads_what_stock_tools_write(void **state)
{
    (void)state;
    static const char *const tools[][5] = {
        {"zstd", "-1c"},
        {"zstd", "-3c"},
        {"zstd", "-9c"},
        {"zstd", "-19c"},
        {"zstd", "--fast=5", "-c"},
        {"zstd", "--no-check", "-c"},
        {"zstd", "-T0", "-c"},
        {"zstd", "--long=27", "-c"},
        {"zstd", "--rsyncable", "-c"},
        {"zstd", "--stream-size=300000", "-c"},
        {"pzstd", "-p2", "-c"},
    };
    struct kist_test_bytes raw = {.data = NULL}, part = {.data = NULL}, all = {.data = NULL},
                           file = {.data = NULL}, back = {.data = NULL};
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
        if (!kist_test_has_program(tools[i][0]))
            continue;
        (i % 4 == 3 ? kist_test_noise : kist_test_text)(&raw, 300000, (uint32_t)i);
        assert_int_equal(kist_test_run(tools[i], &raw, &part), 0);
        assert_int_equal(decode(&part, 1000, 777, &back), 0);
        assert_same(&raw, &back);
        /* A frame to skip between those of the tools changes nothing. */
        kist_test_append(&part, "\x5f\x2a\x4d\x18\5\0\0\0hello", 13);
        kist_test_append(&all, raw.data, raw.size);
        kist_test_append(&file, part.data, part.size);
    }
    assert_int_equal(decode(&file, 8192, 8192, &back), 0);
    assert_same(&all, &back);
    kist_test_bytes_free(&raw);
    kist_test_bytes_free(&part);
    kist_test_bytes_free(&all);
    kist_test_bytes_free(&file);
    kist_test_bytes_free(&back);
}

static void works_byte_by_byte(void **state)
{
    (void)state;
    struct kist_test_bytes raw = {.data = NULL}, encoded = {.data = NULL}, back = {.data = NULL};
    static const size_t shapes[][2] = {{1, 1}, {1, 1000}, {1000, 1}, {3, 7}, {70000, 32768}};
    for (int kind = 0; kind < 2; kind++) {
        (kind ? kist_test_noise : kist_test_text)(&raw, BLOCK + 500, 3);
        encode(&raw, &encoded);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            assert_int_equal(decode(&encoded, shapes[i][0], shapes[i][1], &back), 0);
            assert_same(&raw, &back);
        }
    }
    kist_test_bytes_free(&raw);
    kist_test_bytes_free(&encoded);
    kist_test_bytes_free(&back);
}

static void assert_refused(const struct kist_test_bytes *file, const char *because)
{
    struct kist_test_bytes back = {.data = NULL};
    assert_int_equal(decode(file, 7, 100, &back), KIST_ERR_CORRUPT);
    if (!strstr(test.err.message, because))
        fail_msg("'%s' does not say '%s'", test.err.message, because);
    kist_test_bytes_free(&back);
}

static void refuses_what_is_no_zstd(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t size;
        const char *because;
    } cases[] = {
        {"", 0, "zstd stream is empty"},
        {"\x28", 1, "cut off after 1 bytes"},
        {"\x28\xb5\x2f\xfd", 4, "cut off after 4 bytes"},
        {"PGDMP", 5, "not a zstd stream"},
        {"\x1f\x8b\x08\0", 4, "not a zstd stream"},
        {"\x28\xb5\x2f\xfd\x08\0", 6, "frame at byte 0 is damaged"},          /* a reserved bit of the header */
        {"\x28\xb5\x2f\xfd\0\0\7\0\0", 9, "frame at byte 0 is damaged"},      /* a block of no kind */
        {"\x28\xb5\x2f\xfd\x21\1\7\1\0\0", 10, "frame at byte 0 is damaged"}, /* wants a dictionary */
        {"\x28\xb5\x2f\xfd\0\xf8\1\0\0", 9, "wants a window of more than 128 MiB"},
        {"\x28\xb5\x2f\xfd\x20\5\x9\0\0x", 10, "frame at byte 0 is damaged"}, /* 1 byte where it says 5 */
        {"\x28\xb5\x2f\xfd\x20\5\1\0\0", 9, "it gave 0 of 5 bytes"},
        {"\x50\x2a\x4d\x18\5\0\0\0abc", 11, "cut off after 11 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kist_test_bytes file = {.data = NULL};
        kist_test_append(&file, cases[i].data, cases[i].size);
        assert_refused(&file, cases[i].because);
        kist_test_bytes_free(&file);
    }
}

static void hints_at_the_option_for_a_large_window(void **state)
{
    (void)state;
    struct kist_test_bytes file = {.data = NULL};
    kist_test_append(&file, "\x28\xb5\x2f\xfd\0\x90\1\0\0", 9); /* 2^28 bytes */
    assert_refused(&file, "wants a window of more than 128 MiB");
    assert_non_null(strstr(test.err.hint, "--long=31"));
    kist_test_bytes_free(&file);
}

static void refuses_what_follows_the_last_frame(void **state)
{
    (void)state;
    struct kist_test_bytes raw = {.data = NULL}, file = {.data = NULL};
    static const char *const tails[] = {"\0\0\0\0", "\0", "xyz", "\x28\xb5\x2f", "\x28\xb5\x2f\xfe", "garbage"};
    static const size_t sizes[] = {4, 1, 3, 3, 4, 7};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char place[64];
        kist_test_text(&raw, 100, 1);
        encode(&raw, &file);
        size_t good = file.size;
        kist_test_append(&file, tails[i], sizes[i]);
        snprintf(place, sizeof place, "at byte %zu", good);
        assert_refused(&file, place);
    }
    kist_test_bytes_free(&raw);
    kist_test_bytes_free(&file);
}

/* Every cut of a file of one frame is noticed; of several, every cut but those between two frames. */
static void notices_every_cut(void **state)
{
    (void)state;
    struct kist_test_bytes raw = {.data = NULL}, encoded = {.data = NULL}, back = {.data = NULL}, cut;
    for (int kind = 0; kind < 2; kind++) {
        (kind ? kist_test_noise : kist_test_text)(&raw, 1500, 9);
        encode(&raw, &encoded);
        for (cut = encoded, cut.size = 0; cut.size < encoded.size; cut.size++) {
            assert_int_equal(decode(&cut, 100, 1000, &back), KIST_ERR_CORRUPT);
            assert_non_null(strstr(test.err.message, cut.size ? "cut off after" : "empty"));
        }
    }
    kist_test_bytes_free(&raw);
    kist_test_bytes_free(&encoded);
    kist_test_bytes_free(&back);
}

/* A flip anywhere is noticed, or hits one of the bits that mean nothing and changes no data. */
static void notices_every_flip(void **state)
{
    (void)state;
    struct kist_test_bytes raw = {.data = NULL}, encoded = {.data = NULL}, back = {.data = NULL};
    for (int kind = 0; kind < 2; kind++) {
        (kind ? kist_test_noise : kist_test_text)(&raw, 700, 11);
        encode(&raw, &encoded);
        kist_test_append(&encoded, encoded.data, encoded.size);
        kist_test_append(&raw, raw.data, raw.size);
        for (size_t bit = 0; bit < 8 * encoded.size; bit++) {
            encoded.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
            if (decode(&encoded, 4096, 4096, &back) == 0)
                assert_same(&raw, &back);
            else
                assert_int_equal(test.err.code, KIST_ERR_CORRUPT);
            encoded.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
    }
    kist_test_bytes_free(&raw);
    kist_test_bytes_free(&encoded);
    kist_test_bytes_free(&back);
}

/* The core may ask for held-back output as often as it likes; libzstd takes repeated empty calls for an error. */
static void can_be_asked_for_nothing_again_and_again(void **state)
{
    (void)state;
    struct kist_test_bytes raw = {.data = NULL}, encoded = {.data = NULL};
    unsigned char out[4096];
    void *decoder = NULL;
    size_t taken = 0, given = 0, total = 0;
    kist_test_text(&raw, 1000, 5);
    encode(&raw, &encoded);
    assert_int_equal(kist_plugin.decode_begin(self, &decoder, &test.err), 0);
    for (size_t i = 0; i < encoded.size; i++) {
        for (int again = 0; again < 40; again++) {
            assert_int_equal(kist_plugin.decode(decoder, NULL, 0, &taken, out, sizeof out, &given, &test.err), 0);
            assert_true(taken == 0 && given == 0);
        }
        assert_int_equal(
            kist_plugin.decode(decoder, encoded.data + i, 1, &taken, out, sizeof out, &given, &test.err), 0);
        assert_int_equal(taken, 1);
        total += given;
        assert_int_equal(kist_plugin.decode_finish(decoder, &test.err),
                         i + 1 == encoded.size ? 0 : KIST_ERR_CORRUPT);
    }
    assert_int_equal(total, 1000);
    kist_plugin.decode_end(decoder);
    kist_test_bytes_free(&raw);
    kist_test_bytes_free(&encoded);
}

static void stays_broken(void **state)
{
    (void)state;
    void *decoder = NULL;
    size_t taken = 5, given = 5;
    unsigned char out[10];
    assert_int_equal(kist_plugin.decode_begin(self, &decoder, &test.err), 0);
    for (int again = 0; again < 2; again++)
        assert_int_equal(kist_plugin.decode(decoder, "nonono", 6, &taken, out, sizeof out, &given, &test.err),
                         KIST_ERR_CORRUPT);
    assert_true(taken == 5 && given == 5);
    assert_int_equal(kist_plugin.decode_finish(decoder, &test.err), KIST_ERR_CORRUPT);
    kist_plugin.decode_end(decoder);
    kist_plugin.decode_end(NULL);
    kist_plugin.worker_close(NULL);
}

static void refuses_a_block_or_room_of_the_wrong_size(void **state)
{
    (void)state;
    struct kist_test_bytes raw = {.data = NULL};
    struct kist_block block = {.struct_size = sizeof block, .last = 1, .size = BLOCK + 1};
    unsigned char out[64];
    void *worker = NULL;
    size_t size = 0;
    kist_test_noise(&raw, BLOCK + 1, 1);
    block.data = raw.data;
    assert_int_equal(kist_plugin.worker_open(self, &worker, &test.err), 0);
    assert_int_equal(kist_plugin.encode(worker, &block, out, sizeof out, &size, &test.err), KIST_ERR_BUG);
    block.size = BLOCK;
    assert_int_equal(kist_plugin.encode(worker, &block, out, sizeof out, &size, &test.err), KIST_ERR_FAILED);
    block.size = 10;
    assert_int_equal(kist_plugin.encode(worker, &block, out, sizeof out, &size, &test.err), 0);
    assert_true(size > 10 && size <= sizeof out);
    kist_plugin.worker_close(worker);
    assert_true(kist_plugin.encoded_bound(self, UINT64_MAX) == UINT64_MAX);
    kist_test_bytes_free(&raw);
}

static void survives_a_lack_of_memory(void **state)
{
    (void)state;
    void *opened = NULL;
    const struct kist_zstd_config wanted = {.level = 1, .block_size = {BLOCK}};
    allocations_left = 0;
    assert_int_equal(kist_plugin.open(&test.host, &wanted, &opened, &test.err), KIST_ERR_FAILED);
    for (int count = 0; count < 3; count++) {
        void *worker = NULL, *decoder = NULL;
        allocations_left = count;
        assert_int_equal(kist_plugin.worker_open(self, &worker, &test.err), count < 2 ? KIST_ERR_FAILED : 0);
        allocations_left = count;
        assert_int_equal(kist_plugin.decode_begin(self, &decoder, &test.err), count < 2 ? KIST_ERR_FAILED : 0);
        allocations_left = -1;
        kist_plugin.worker_close(worker);
        kist_plugin.decode_end(decoder);
    }
    assert_null(opened);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(comes_back_at_every_size_and_level),
        CASE(frames_are_complete),
        CASE(reads_what_stock_tools_write),
        CASE(works_byte_by_byte),
        CASE(refuses_what_is_no_zstd),
        CASE(hints_at_the_option_for_a_large_window),
        CASE(refuses_what_follows_the_last_frame),
        CASE(notices_every_cut),
        CASE(notices_every_flip),
        CASE(can_be_asked_for_nothing_again_and_again),
        CASE(stays_broken),
        CASE(refuses_a_block_or_room_of_the_wrong_size),
        CASE(survives_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
