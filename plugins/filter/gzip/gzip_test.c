/* gzip_test.c - the filter against the contract at every level, and what is its own: header fields, and how it
 * says what is wrong. */
#include "gzip_filter.h"

#include <filter.h>
#include <test_filter.h>
#include <test_host.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

extern const struct kist_filter kist_plugin;

#define BLOCK ((size_t)64 * 1024)

static struct kist_test_host test;
static void *config, *self;

/* Allocations of the plugin itself fail once this many succeeded; -1: none does. */
static int allocations_left = -1;
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    if (allocations_left == 0)
        return NULL;
    allocations_left -= allocations_left > 0;
    return __real_calloc(count, size);
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

/* Time, level and system in the header mean nothing, nor does a flag; up to 7 bits of padding end the data. */
#define HARMLESS_BITS (6 * 8 + 1 + 7)

static void conforms_at_every_level(void **state)
{
    (void)state;
    static const char *const encoders[] = {"gzip -1c",  "gzip -5c",  "gzip -9c", "gzip --rsyncable -c",
                                           "pigz -c",   "pigz -11c", "pigz -ic", "bgzip -c",
                                           "igzip -0c", "igzip -3c", NULL};
    char name[24];
    for (int level = 1; level <= 9; level++) {
        close_filter();
        open_filter(level);
        const struct kist_filter_conformance suite = {.plugin = &kist_plugin,
                                                      .host = &test.host,
                                                      .config = config,
                                                      .stock_check = "gzip -t",
                                                      .stock_encoders = encoders,
                                                      .joins = 1,
                                                      /* ISA-L makes level 1, zlib level 6. */
                                                      .encoding_only = level != 1 && level != 6,
                                                      .harmless_bits = HARMLESS_BITS,
                                                      .cut_says = "cut off after",
                                                      .report = kist_conformance_print,
                                                      .arg = name};
        snprintf(name, sizeof name, "level %d", level);
        assert_int_equal(kist_conformance_filter(&suite), 0);
    }
}

/* A member as written by hand: flags and header fields as given, `payload` in one stored deflate block. */
static void build_member(struct kist_test_bytes *out, unsigned flags, const char *fields, size_t fields_size,
                         const char *payload)
{
    struct kist_test_bytes member = {.data = NULL};
    uint32_t size = (uint32_t)strlen(payload), crc = (uint32_t)crc32(0, (const unsigned char *)payload, size);
    const unsigned char header[] = {0x1f, 0x8b, 8, (unsigned char)flags, 1, 2, 3, 4, 0, 3};
    const unsigned char stored[] = {1, (unsigned char)size, 0, (unsigned char)~size, 0xff};
    const uint32_t trailer[] = {crc, size};
    kist_test_append(&member, header, sizeof header);
    kist_test_append(&member, fields, fields_size);
    if (flags & 2) {
        uint32_t header_crc = (uint32_t)crc32(0, member.data, (uInt)member.size);
        kist_test_append(&member, &header_crc, 2);
    }
    kist_test_append(&member, stored, sizeof stored);
    kist_test_append(&member, payload, size);
    kist_test_append(&member, trailer, sizeof trailer);
    kist_test_append(out, member.data, member.size);
    kist_test_bytes_free(&member);
}

static void compresses_text_and_hardly_grows_noise(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 77};
    struct kist_test_bytes raw = {.data = NULL}, encoded = {.data = NULL};
    kist_test_text(&raw, 4 * BLOCK, 1);
    encode(&raw, &encoded);
    assert_true(encoded.size * 2 < raw.size);
    kist_test_noise(&raw, 4 * BLOCK, 1);
    encode(&raw, &encoded);
    assert_true(encoded.size < raw.size + raw.size / 1000 + 256);
    for (int64_t level = 1; level <= 9; level++) {
        close_filter();
        open_filter(level);
        for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
            (i % 2 ? kist_test_noise : kist_test_text)(&raw, sizes[i / 2], (uint32_t)i);
            encode(&raw, &encoded);
            assert_true(encoded.size <= kist_plugin.encoded_bound(self, raw.size) + 64);
        }
    }
    kist_test_bytes_free(&raw);
    kist_test_bytes_free(&encoded);
}

static void header_tells_nothing(void **state)
{
    (void)state;
    static const unsigned char start[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0};
    struct kist_test_bytes raw = {.data = NULL}, encoded = {.data = NULL};
    kist_test_text(&raw, 1000, 1);
    for (int64_t level = 1; level <= 9; level++) {
        close_filter();
        open_filter(level);
        encode(&raw, &encoded);
        assert_memory_equal(encoded.data, start, sizeof start);
    }
    kist_test_bytes_free(&raw);
    kist_test_bytes_free(&encoded);
}

static int decode(const struct kist_test_bytes *encoded, size_t piece, size_t room,
                  struct kist_test_bytes *decoded)
{
    return kist_test_filter_decode(&kist_plugin, self, encoded->data, encoded->size, piece, room, decoded,
                                   &test.err);
}

/* Every optional header field, alone and together, whole and cut at every byte. */
static void reads_every_header_field(void **state)
{
    (void)state;
    struct kist_test_bytes file = {.data = NULL}, back = {.data = NULL}, cut;
    build_member(&file, 0, "", 0, "a");
    build_member(&file, 4, "\5\0extra", 7, "b");
    build_member(&file, 4, "\0\0", 2, "c");
    build_member(&file, 8, "name", 5, "d");
    build_member(&file, 16, "comment", 8, "e");
    build_member(&file, 2, "", 0, "f");
    build_member(&file, 1, "", 0, "g"); /* "probably text" means nothing */
    build_member(&file, 8 | 16, "\0\0", 2, "h");
    size_t last = file.size;
    build_member(&file, 2 | 4 | 8 | 16, "\3\0xyzname\0comment", 18, "ij");
    for (size_t piece = 1; piece < 20; piece++) {
        assert_int_equal(decode(&file, piece, 3, &back), 0);
        assert_int_equal(back.size, 10);
        assert_memory_equal(back.data, "abcdefghij", 10);
    }
    for (cut = file, cut.size = last + 1; cut.size < file.size; cut.size++)
        assert_int_equal(decode(&cut, 5, 5, &back), KIST_ERR_CORRUPT);
    /* A header with a checksum has no byte that may change. Behind it stand 5 bytes of deflate, 2 of data, the
     * trailer. */
    for (size_t i = last; i < file.size - 15; i++) {
        file.data[i] ^= 0x10;
        assert_int_equal(decode(&file, 100, 100, &back), KIST_ERR_CORRUPT);
        file.data[i] ^= 0x10;
    }
    kist_test_bytes_free(&file);
    kist_test_bytes_free(&back);
}

static void refuses_what_is_no_gzip(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t size;
        const char *because;
    } cases[] = {
        {"", 0, "gzip stream is empty"},
        {"\x1f", 1, "cut off after 1 bytes"},
        {"\x1f\x8b\x08\0\0\0\0\0\0\3", 10, "cut off after 10 bytes"},
        {"\x1f\x8c", 2, "not a gzip stream"},
        {"PGDMP", 5, "not a gzip stream"},
        {"\x28\xb5\x2f\xfd", 4, "not a gzip stream"},
        {"\x1f\x8b\x07\0", 4, "unknown compression method"},
        {"\x1f\x8b\x08\x20", 4, "unknown flags"},
        {"\x1f\x8b\x08\x80", 4, "unknown flags"},
        {"\x1f\x8b\x08\0\0\0\0\0\0\3\7", 11, "damaged data"},         /* a deflate block of no kind */
        {"\x1f\x8b\x08\0\0\0\0\0\0\3\1\5\0\5\0", 15, "damaged data"}, /* a stored block whose sizes differ */
        {"\x1f\x8b\x08\0\0\0\0\0\0\3\3\2\1\0", 14, "damaged data"},   /* reaches back before its start */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(refuses(cases[i].data, cases[i].size, cases[i].because));
}

/* Fault 31: another member is part of the stream, and nothing else is. */
static void refuses_what_follows_the_last_member(void **state)
{
    (void)state;
    struct kist_test_bytes good = {.data = NULL}, file = {.data = NULL};
    static const char *const tails[] = {"\0", "\0\0\0\0\0\0\0\0", "x", "\x1f\x8b\x09", "\x1f\x42", "\x1f"};
    static const size_t sizes[] = {1, 8, 1, 3, 2, 1};
    build_member(&good, 0, "", 0, "payload");
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        kist_test_bytes_free(&file);
        kist_test_append(&file, good.data, good.size);
        kist_test_append(&file, tails[i], sizes[i]);
        assert_true(refuses(file.data, file.size,
                            i == 3   ? "at byte 30 has an unknown compression method"
                            : i == 5 ? "cut off after 31 bytes, inside the member at byte 30"
                                     : "goes on with something else at byte 30, after 1 members"));
    }
    kist_test_bytes_free(&good);
    kist_test_bytes_free(&file);
}

static void takes_too_little_room_for_a_bug(void **state)
{
    (void)state;
    struct kist_test_bytes raw = {.data = NULL};
    unsigned char out[64];
    size_t size = 0;
    kist_test_noise(&raw, BLOCK + 1, 1);
    for (int64_t level = 1; level <= 6; level += 5) {
        void *worker = NULL;
        struct kist_block block = {.struct_size = sizeof block, .last = 1, .data = raw.data, .size = raw.size};
        close_filter();
        open_filter(level);
        assert_int_equal(kist_plugin.worker_open(self, &worker, &test.err), 0);
        assert_int_equal(kist_plugin.encode(worker, &block, out, sizeof out, &size, &test.err), KIST_ERR_BUG);
        block.size = BLOCK;
        assert_int_equal(kist_plugin.encode(worker, &block, out, sizeof out, &size, &test.err), KIST_ERR_BUG);
        block.size = 10;
        assert_int_equal(kist_plugin.encode(worker, &block, out, sizeof out, &size, &test.err), 0);
        assert_true(size > 20 && size <= sizeof out);
        kist_plugin.worker_close(worker);
    }
    kist_test_bytes_free(&raw);
}

static void survives_a_lack_of_memory(void **state)
{
    (void)state;
    void *opened = NULL;
    const struct kist_gzip_config wanted = {.level = 1, .block_size = {BLOCK}};
    allocations_left = 0;
    assert_int_equal(kist_plugin.open(&test.host, &wanted, &opened, &test.err), KIST_ERR_FAILED);
    for (int count = 0;; count++) {
        void *worker = NULL, *decoder = NULL;
        allocations_left = count;
        int opens = kist_plugin.worker_open(self, &worker, &test.err);
        allocations_left = count;
        int begins = kist_plugin.decode_begin(self, &decoder, &test.err);
        allocations_left = -1;
        assert_true(opens == 0 || opens == KIST_ERR_FAILED);
        assert_true(begins == 0 || begins == KIST_ERR_FAILED);
        kist_plugin.worker_close(worker);
        kist_plugin.decode_end(decoder);
        if (opens == 0 && begins == 0)
            break;
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
    assert_true(encoded.size > 3);
    for (size_t size = 0; size <= encoded.size; size++)
        assert_int_equal(kist_plugin.recognizes(encoded.data, size), size >= 3);
    assert_int_equal(kist_plugin.recognizes("\x1f\x8b\x07\x00", 4), 0);
    assert_int_equal(kist_plugin.recognizes("PGDMP", 5), 0);
    kist_test_bytes_free(&encoded);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(conforms_at_every_level),
        CASE(compresses_text_and_hardly_grows_noise),
        CASE(header_tells_nothing),
        CASE(reads_every_header_field),
        CASE(refuses_what_is_no_gzip),
        CASE(refuses_what_follows_the_last_member),
        CASE(takes_too_little_room_for_a_bug),
        CASE(recognizes_its_own),
        CASE(survives_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
