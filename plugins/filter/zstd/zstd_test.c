/* zstd_test.c - the filter against the contract at many levels, and what is its own: what is in a frame, windows,
 * and how it says what is wrong. */
#include "zstd_filter.h"

#include <filter.h>
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

static const char *const stock_encoders[] = {"zstd -1c",
                                             "zstd -3c",
                                             "zstd -9c",
                                             "zstd -19c",
                                             "zstd --fast=5 -c",
                                             "zstd --no-check -c",
                                             "zstd -T0 -c",
                                             "zstd --long=27 -c",
                                             "zstd --rsyncable -c",
                                             "zstd --stream-size=$(stat -Lc %s /dev/stdin) -c",
                                             "pzstd -p2 -c",
                                             NULL};

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

static void open_filter(int64_t level)
{
    const struct kist_test_change changes[] = {{"level", level}, {"block_size", (int64_t)BLOCK}, {NULL, 0}};
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
    open_filter(1);
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
    assert_int_equal(kist_test_filter_encode(&kist_plugin, self, raw->data, raw->size, encoded, &test.err), 0);
}

static int refuses(const void *data, size_t size, const char *because)
{
    return kist_test_filter_refuses(&kist_plugin, self, data, size, because, &test.err);
}

/* A bit of the frame's header means nothing, nor do those of its tables that are about symbols it does not have.
 */
#define HARMLESS_BITS (1 + 31)

static void conforms_at_many_levels(void **state)
{
    (void)state;
    static const int levels[] = {-7, -1, 0, 1, 2, 3, 6, 7, 12, 19};
    char name[24];
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        close_filter();
        open_filter(levels[i]);
        const struct kist_filter_conformance suite = {.plugin = &kist_plugin,
                                                      .host = &test.host,
                                                      .config = config,
                                                      .stock_check = "zstd -tq",
                                                      .stock_encoders = stock_encoders,
                                                      .joins = 1,
                                                      .encoding_only = levels[i] != 1 && levels[i] != 19,
                                                      .harmless_bits = HARMLESS_BITS,
                                                      .cut_says = "cut off after",
                                                      .report = kist_conformance_print,
                                                      .arg = name};
        snprintf(name, sizeof name, "level %d", levels[i]);
        assert_int_equal(kist_conformance_filter(&suite), 0);
    }
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

/* Behind the frames of each tool stands one to skip, which changes nothing. */
static void skips_frames_to_skip(void **state)
{
    (void)state;
    struct kist_test_bytes raw = {.data = NULL}, part = {.data = NULL}, all = {.data = NULL},
                           file = {.data = NULL}, back = {.data = NULL};
    for (size_t i = 0; stock_encoders[i]; i++) {
        const char *const argv[] = {"sh", "-c", stock_encoders[i], NULL};
        (i % 4 == 3 ? kist_test_noise : kist_test_text)(&raw, 300000, (uint32_t)i);
        int status = kist_test_run(argv, &raw, &part);
        if (status == 127) /* not installed */
            continue;
        assert_int_equal(status, 0);
        kist_test_append(&part, "\x5f\x2a\x4d\x18\5\0\0\0hello", 13);
        kist_test_append(&all, raw.data, raw.size);
        kist_test_append(&file, part.data, part.size);
    }
    assert_int_equal(
        kist_test_filter_decode(&kist_plugin, self, file.data, file.size, 8192, 8192, &back, &test.err), 0);
    assert_true(all.size > 0);
    assert_int_equal(all.size, back.size);
    assert_memory_equal(all.data, back.data, all.size);
    kist_test_bytes_free(&raw);
    kist_test_bytes_free(&part);
    kist_test_bytes_free(&all);
    kist_test_bytes_free(&file);
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
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(refuses(cases[i].data, cases[i].size, cases[i].because));
}

static void hints_at_the_option_for_a_large_window(void **state)
{
    (void)state;
    static const char file[] = "\x28\xb5\x2f\xfd\0\x90\1\0"; /* 2^28 bytes */
    assert_true(refuses(file, sizeof file, "wants a window of more than 128 MiB"));
    assert_non_null(strstr(test.err.hint, "--long=31"));
}

static void refuses_what_follows_the_last_frame(void **state)
{
    (void)state;
    struct kist_test_bytes raw = {.data = NULL}, file = {.data = NULL};
    static const char *const tails[] = {"\0\0\0\0", "\0", "xyz", "\x28\xb5\x2f", "\x28\xb5\x2f\xfe", "garbage"};
    static const size_t sizes[] = {4, 1, 3, 3, 4, 7};
    kist_test_text(&raw, 100, 1);
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char place[64];
        encode(&raw, &file);
        snprintf(place, sizeof place, "at byte %zu", file.size);
        kist_test_append(&file, tails[i], sizes[i]);
        assert_true(refuses(file.data, file.size, place));
    }
    kist_test_bytes_free(&raw);
    kist_test_bytes_free(&file);
}

static void refuses_too_little_room(void **state)
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
    kist_plugin.decode_end(NULL);
    kist_plugin.worker_close(NULL);
}

static void recognizes_its_own(void **state)
{
    (void)state;
    struct kist_test_bytes encoded = {0};
    assert_int_equal(kist_test_filter_encode(&kist_plugin, self, "", 0, &encoded, &test.err), 0);
    assert_true(encoded.size > 4);
    for (size_t size = 0; size <= encoded.size; size++)
        assert_int_equal(kist_plugin.recognizes(encoded.data, size), size >= 4);
    /* Frames to skip may come first; there are 16 kinds of them. */
    assert_int_equal(kist_plugin.recognizes("\x50\x2a\x4d\x18", 4), 1);
    assert_int_equal(kist_plugin.recognizes("\x5f\x2a\x4d\x18", 4), 1);
    assert_int_equal(kist_plugin.recognizes("\x60\x2a\x4d\x18", 4), 0);
    assert_int_equal(kist_plugin.recognizes("PGDMP", 5), 0);
    kist_test_bytes_free(&encoded);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(conforms_at_many_levels),
        CASE(frames_are_complete),
        CASE(skips_frames_to_skip),
        CASE(refuses_what_is_no_zstd),
        CASE(hints_at_the_option_for_a_large_window),
        CASE(refuses_what_follows_the_last_frame),
        CASE(refuses_too_little_room),
        CASE(recognizes_its_own),
        CASE(survives_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
