/* age_test.c - the filter against the contract and against the stock tool, and what is its own: chunks that do not
 * follow each other, keys that do not fit, headers that ask for too much. */
#include "age_test_tools.h"

#include <filter.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Allocations of the plugin fail once this many succeeded; -1: none does. */
static int allocations_left = -1;
void *__real_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);

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

void *__wrap_malloc(size_t size)
{
    return may_allocate() ? __real_malloc(size) : NULL;
}

/* Bytes of a test, freed at its end. */
struct bytes {
    struct kist_test_bytes raw, file, back;
};

static void free_bytes(struct bytes *bytes)
{
    kist_test_bytes_free(&bytes->raw);
    kist_test_bytes_free(&bytes->file);
    kist_test_bytes_free(&bytes->back);
}

static int comes_back(struct age_test *test, struct bytes *bytes)
{
    return age_decode(test, &bytes->file, &bytes->back) == 0 && bytes->back.size == bytes->raw.size &&
           memcmp(bytes->back.data, bytes->raw.data, bytes->raw.size) == 0;
}

static void conforms_for_recipients(void **state)
{
    struct age_test *test = *state;
    char opens[200], one[200], armored[200], two[400];
    snprintf(opens, sizeof opens, "age -d -i %s", test->path);
    snprintf(one, sizeof one, "age -r %s", test->ours.recipient);
    snprintf(armored, sizeof armored, "age -a -r %s", test->ours.recipient);
    snprintf(two, sizeof two, "age -r %s -r %s", test->theirs.recipient, test->ours.recipient);
    const char *const stock_encoders[] = {one, armored, two, one, NULL};
    age_name(test, test->ours.recipient, NULL);
    test->config.identity_file = test->path;
    const struct kist_filter_conformance suite = {.plugin = &kist_plugin,
                                                  .host = &test->host.host,
                                                  .config = &test->config,
                                                  .stock_decoder = opens,
                                                  .stock_encoders = stock_encoders,
                                                  .cut_says = "cut off after",
                                                  .report = kist_conformance_print,
                                                  .arg = (void *)(uintptr_t) "recipients"};
    assert_int_equal(kist_conformance_filter(&suite), 0);
}

/* The stock tool wants a terminal to be told a passphrase. */
static void conforms_for_a_passphrase(void **state)
{
    struct age_test *test = *state;
    test->config.passphrase.reveal = "correct horse";
    const struct kist_filter_conformance suite = {.plugin = &kist_plugin,
                                                  .host = &test->host.host,
                                                  .config = &test->config,
                                                  .stock_decoder = "",
                                                  .encoding_only = 1,
                                                  .report = kist_conformance_print,
                                                  .arg = (void *)(uintptr_t) "passphrase"};
    assert_int_equal(kist_conformance_filter(&suite), 0);
}

/* The same bytes for the same recipients are nothing alike: keys and nonces are new each time. */
static void repeats_nothing(void **state)
{
    struct age_test *test = *state;
    struct bytes bytes = {.raw = {.data = NULL}};
    struct kist_test_bytes other = {.data = NULL};
    age_open_ours(test);
    kist_test_text(&bytes.raw, 300000, 1);
    age_encode(test, &bytes.raw, &bytes.file);
    age_encode(test, &bytes.raw, &other);
    assert_int_equal(bytes.file.size, other.size);
    size_t start = 0, same = 0;
    while (bytes.file.data[start] == other.data[start])
        start++;
    assert_in_range(start, strlen(AGE_INTRO "-> X25519 "), strlen(AGE_INTRO "-> X25519 ") + 3);
    for (size_t i = 300; i < other.size; i++)
        same += bytes.file.data[i] == other.data[i];
    assert_true(same < other.size / 200);
    assert_true(comes_back(test, &bytes));
    kist_test_bytes_free(&other);
    free_bytes(&bytes);
}

/* Fault 30: the size of a file says how many chunks it has, and each says its place. */
static void notices_where_chunks_are_not_in_order(void **state)
{
    struct age_test *test = *state;
    struct bytes bytes = {.raw = {.data = NULL}};
    age_open_ours(test);
    kist_test_noise(&bytes.raw, 3 * AGE_CHUNK + 100, 1);
    age_encode(test, &bytes.raw, &bytes.file);
    const size_t header = bytes.file.size - bytes.raw.size - 4 * AGE_TAG_SIZE;
    unsigned char *first = bytes.file.data + header, *second = first + AGE_SEALED, *third = second + AGE_SEALED;
    unsigned char *kept = malloc(bytes.file.size);
    assert_non_null(kept);
    memcpy(kept, bytes.file.data, bytes.file.size);

    memcpy(first, kept + header + AGE_SEALED, AGE_SEALED);
    memcpy(second, kept + header, AGE_SEALED);
    assert_true(kist_test_filter_refuses(&kist_plugin, test->self, bytes.file.data, bytes.file.size,
                                         "damaged in chunk 1", &test->host.err));
    memcpy(bytes.file.data, kept, bytes.file.size);
    memmove(second, third, AGE_SEALED + 100 + AGE_TAG_SIZE); /* the second is missing */
    assert_true(kist_test_filter_refuses(&kist_plugin, test->self, bytes.file.data, bytes.file.size - AGE_SEALED,
                                         "damaged in chunk 2, or lacks chunks", &test->host.err));
    memcpy(bytes.file.data, kept, bytes.file.size);
    for (size_t whole = 0; whole < 4; whole++)
        assert_true(kist_test_filter_refuses(&kist_plugin, test->self, kept, header + whole * AGE_SEALED,
                                             "cut off after", &test->host.err));
    kist_test_append(&bytes.file, "x", 1);
    assert_true(kist_test_filter_refuses(&kist_plugin, test->self, bytes.file.data, bytes.file.size,
                                         "in chunk 4, or that chunk is damaged", &test->host.err));
    free(kept);
    free_bytes(&bytes);
}

static void says_what_follows_a_full_last_chunk(void **state)
{
    struct age_test *test = *state;
    struct bytes bytes = {.raw = {.data = NULL}};
    age_open_ours(test);
    kist_test_noise(&bytes.raw, 2 * AGE_CHUNK, 1);
    age_encode(test, &bytes.raw, &bytes.file);
    assert_true(comes_back(test, &bytes));
    kist_test_append(&bytes.file, "x", 1);
    assert_int_equal(age_decode(test, &bytes.file, &bytes.back), KIST_ERR_CORRUPT);
    assert_true(age_said(test, "goes on behind its last chunk, number 2"));
    free_bytes(&bytes);
}

static void opens_nothing_with_the_wrong_key(void **state)
{
    struct age_test *test = *state;
    struct bytes bytes = {.raw = {.data = NULL}};
    age_open_ours(test);
    kist_test_text(&bytes.raw, 1000, 1);
    age_encode(test, &bytes.raw, &bytes.file);
    age_write(test, test->theirs.identity, 0600);
    assert_int_equal(age_open(test), 0);
    assert_int_equal(age_decode(test, &bytes.file, &bytes.back), KIST_ERR_CORRUPT);
    assert_true(age_said(test, "no identity of") && age_said(test, test->path));
    assert_int_equal(bytes.back.size, 0);

    age_name(test, NULL, NULL);
    test->config.passphrase.reveal = "one";
    assert_int_equal(age_open(test), 0);
    age_encode(test, &bytes.raw, &bytes.file);
    assert_true(comes_back(test, &bytes));
    test->config.passphrase.reveal = "other";
    assert_int_equal(age_open(test), 0);
    assert_int_equal(age_decode(test, &bytes.file, &bytes.back), KIST_ERR_CORRUPT);
    assert_true(age_said(test, "the passphrase does not open this file") && !age_said(test, "other'"));
    test->config.passphrase.reveal = NULL;
    assert_int_equal(age_open(test), 0);
    assert_int_equal(age_decode(test, &bytes.file, &bytes.back), KIST_ERR_CORRUPT);
    assert_true(age_said(test, "encrypted with a passphrase") && age_said(test, "passphrase_file"));
    assert_int_equal(bytes.back.size, 0);
    free_bytes(&bytes);
}

static void refuses_what_is_no_age_file(void **state)
{
    struct age_test *test = *state;
    static const struct {
        const char *text, *because;
    } cases[] = {
        {"", "there is nothing at all"},
        {"PGDMP", "not an age file"},
        {" age-encryption.org/v1\n", "age armor is damaged in line 1"},
        {"another", "line 1: it is not version 1"},
        {"age-encryption.org/v2\n", "line 1: it is not version 1"},
        {"age-encryption.org/v1\r\n", "line 1: it is not version 1"},
        {"age-encryption.org/v1\n", "header is cut off after 22 bytes"},
        {"age-encryption.org/v1\n--- AAAA\n", "line 2: the header has no stanza"},
        {"age-encryption.org/v1\n-> X25519\nAAAA\n", "line 2: a stanza for X25519 has one argument"},
        {"age-encryption.org/v1\n-> other \n", "line 2: an argument is empty"},
        {"age-encryption.org/v1\n-> \xc3\xa4\n", "line 2: it has a character"},
        {"age-encryption.org/v1\n-> other\nAAA=\n", "line 3: a body is not Base64"},
        {"age-encryption.org/v1\n-> other\nAAB\n", "line 3: a body is not Base64"},
        {"age-encryption.org/v1\n-> other\n\nhello\n", "line 4: it starts neither a stanza nor the MAC"},
        {"-----BEGIN AGE ENCRYPTED FILE-----\n", "age armor is cut off"},
        {"-----BEGIN PGP MESSAGE-----\n", "armor is damaged in line 1"},
    };
    age_open_ours(test);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(kist_test_filter_refuses(&kist_plugin, test->self, cases[i].text, strlen(cases[i].text),
                                             cases[i].because, &test->host.err));
}

/* Whoever writes to a store could let a restore run out of memory, or of time. */
static void bounds_what_a_header_asks_for(void **state)
{
    struct age_test *test = *state;
    struct kist_test_bytes file = {.data = NULL}, back = {.data = NULL};
    static const char costly[] = "age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 21\n"
                                 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
                                 "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n0123456789abcdef";
    test->config.passphrase.reveal = "p";
    assert_int_equal(age_open(test), 0);
    kist_test_append(&file, costly, sizeof costly - 1);
    assert_int_equal(age_decode(test, &file, &back), KIST_ERR_REFUSED);
    assert_true(age_said(test, "takes 2048 MiB") && age_said(test, "work_factor = 21"));
    kist_test_bytes_free(&file);
    kist_test_append(&file, AGE_INTRO, strlen(AGE_INTRO));
    while (file.size < 70000)
        kist_test_append(&file, "-> a\n\n", 6);
    assert_true(kist_test_filter_refuses(&kist_plugin, test->self, file.data, file.size, "more than 64 KiB",
                                         &test->host.err));
    kist_test_bytes_free(&file);
    for (size_t i = 0; i < 2000; i++)
        kist_test_append(&file, "\n", 1);
    assert_true(kist_test_filter_refuses(&kist_plugin, test->self, file.data, file.size, "too much white space",
                                         &test->host.err));
    kist_test_bytes_free(&file);
    kist_test_bytes_free(&back);
}

/* Fault 28: without random bytes there is no file, and no key: nothing weaker takes their place. */
static void makes_nothing_without_randomness(void **state)
{
    struct age_test *test = *state;
    struct kist_test_bytes encoded = {.data = NULL};
    age_open_ours(test);
    test->host.random_fails = 1;
    assert_true(kist_test_filter_encode(&kist_plugin, test->self, "x", 1, &encoded, &test->host.err) != 0);
    assert_int_equal(encoded.size, 0);
    assert_true(kist_plugin.new_key(&test->host.host, NULL, NULL, &test->host.err) != 0);
    kist_test_bytes_free(&encoded);
}

static void survives_a_lack_of_memory(void **state)
{
    struct age_test *test = *state;
    struct kist_test_bytes encoded = {.data = NULL};
    void *self = NULL, *decoder = NULL, *worker = NULL;
    struct kist_test_stream stream;
    age_open_ours(test);
    for (int count = 0, code = -1; code; count++) {
        allocations_left = count;
        code = kist_plugin.open(&test->host.host, &test->config, &self, &test->host.err);
        allocations_left = -1;
        assert_true(count < 20 && (!code || code == KIST_ERR_FAILED));
    }
    kist_plugin.close(self);
    for (int count = 0; count < 3; count++) {
        allocations_left = count;
        assert_int_equal(kist_plugin.decode_begin(test->self, &decoder, &test->host.err), KIST_ERR_FAILED);
        allocations_left = -1;
    }
    unsigned char header[2000];
    size_t size = 0;
    allocations_left = 0;
    assert_int_equal(kist_plugin.encode_begin(test->self, header, sizeof header, &size, &decoder, &test->host.err),
                     KIST_ERR_FAILED);
    allocations_left = -1;
    assert_int_equal(kist_test_stream_begin(&kist_plugin, test->self, "x", 1, &stream, &test->host.err), 0);
    allocations_left = 0;
    assert_int_equal(kist_plugin.worker_open(stream.encoder, &worker, &test->host.err), KIST_ERR_FAILED);
    allocations_left = -1;
    kist_test_stream_end(&stream);
    assert_int_equal(kist_plugin.encode_begin(test->self, header, 100, &size, &decoder, &test->host.err),
                     KIST_ERR_BUG);
    kist_plugin.decode_end(NULL);
    kist_plugin.worker_close(NULL);
    kist_test_bytes_free(&encoded);
}

static int teardown(void **state)
{
    allocations_left = -1;
    return age_teardown(state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, age_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(conforms_for_recipients),
        CASE(conforms_for_a_passphrase),
        CASE(repeats_nothing),
        CASE(notices_where_chunks_are_not_in_order),
        CASE(says_what_follows_a_full_last_chunk),
        CASE(opens_nothing_with_the_wrong_key),
        CASE(refuses_what_is_no_age_file),
        CASE(bounds_what_a_header_asks_for),
        CASE(makes_nothing_without_randomness),
        CASE(survives_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
