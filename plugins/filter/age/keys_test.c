/* keys_test.c - what the options say: good keys, bad ones, and that no message repeats a secret. */
#include "age_test_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "age_text.h"

static void says_what_is_wrong_with_a_recipient(void **state)
{
    struct age_test *test = *state;
    char mistyped[128], short_one[128], mixed[128], upper[128];
    snprintf(mistyped, sizeof mistyped, "%s", test->ours.recipient);
    mistyped[20] = mistyped[20] == 'q' ? 'p' : 'q';
    snprintf(short_one, sizeof short_one, "%.40s", test->ours.recipient);
    snprintf(mixed, sizeof mixed, "%s", test->ours.recipient);
    snprintf(upper, sizeof upper, "%s", test->ours.recipient);
    size_t letter = strlen("age1");
    while (mixed[letter] >= '0' && mixed[letter] <= '9')
        letter++;
    mixed[letter] = (char)(mixed[letter] - 'a' + 'A');
    for (char *c = upper; *c; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    const struct {
        const char *recipient, *because;
    } cases[] = {
        {mistyped, "its checksum does not match"},
        {short_one, "it is too short"},
        {mixed, "it mixes lower and upper case"},
        {upper, "it is in upper case"},
        {"age1", "it is too short"},
        {"age1qqqqqqqb", "it has a character that no key has"},
        {"age1pq1xyz", "post-quantum"},
        {"age1yubikey1qqqqqqqqqqqqq", "belongs to a plugin of age"},
        {"ssh-ed25519 AAAA", "number 1 is an SSH key"},
        {"somebody", "number 1 is not valid"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        age_name(test, cases[i].recipient, NULL);
        assert_true(age_open_refuses(test, cases[i].because));
    }
    age_name(test, test->theirs.recipient, mistyped);
    assert_true(age_open_refuses(test, mistyped));
}

/* A secret in the place of a public key is the likeliest mistake of all. */
static void never_repeats_a_secret(void **state)
{
    struct age_test *test = *state;
    char cut[100], lower[128];
    snprintf(cut, sizeof cut, "%.60s", test->ours.identity);
    snprintf(lower, sizeof lower, "%s", test->ours.identity);
    for (char *c = lower; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    const char *const secrets[] = {test->ours.identity, cut, lower};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        age_name(test, test->theirs.recipient, secrets[i]);
        assert_true(age_open_refuses(test, "number 2 is an identity"));
        assert_false(age_said(test, secrets[i] + 20));
        age_name(test, NULL, NULL);
        age_write(test, i == 0 ? test->theirs.recipient : secrets[i], 0600);
        test->config.identity_file = test->path;
        assert_true(age_open_refuses(test, "line 1, is not an identity"));
        assert_false(age_said(test, secrets[i] + 20));
        test->config.identity_file = NULL;
    }
    age_name(test, "hunter2", NULL);
    assert_true(age_open_refuses(test, "number 1"));
    assert_false(age_said(test, "hunter2"));
}

static void refuses_an_identity_file_that_others_can_read(void **state)
{
    struct age_test *test = *state;
    static const unsigned modes[] = {0644, 0640, 0604, 0620, 0601};
    test->config.identity_file = test->path;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        age_write(test, test->ours.identity, modes[i]);
        assert_true(age_open_refuses(test, "can be read or written by others"));
        assert_true(age_said(test, "chmod 600 ") && age_said(test, test->path));
    }
    age_write(test, test->ours.identity, 0400);
    assert_int_equal(age_open(test), 0);
}

static void says_what_is_wrong_with_an_identity_file(void **state)
{
    struct age_test *test = *state;
    char large[70000];
    memset(large, '#', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    const struct {
        const char *text, *because;
    } cases[] = {
        {"", "has no identity in it"},
        {"# a comment\n\n", "has no identity in it"},
        {"# a comment\nAGE-SECRET-KEY-1BBBB\n", "line 2, is not an identity: it has a character"},
        {"AGE-SECRET-KEY-PQ-1AAAA\n", "post-quantum"},
        {"age-encryption.org/v1\n", "the file is encrypted"},
        {"-----BEGIN OPENSSH PRIVATE KEY-----\n", "a key of another kind"},
        {large, "more than 64 KiB"},
    };
    test->config.identity_file = test->path;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        age_write(test, cases[i].text, 0600);
        assert_true(age_open_refuses(test, cases[i].because));
    }
    unlink(test->path);
    assert_true(age_open_refuses(test, "No such file or directory"));
    assert_int_equal(mkfifo(test->path, 0600), 0);
    assert_true(age_open_refuses(test, "is not a regular file"));
    test->config.identity_file = test->folder;
    assert_true(age_open_refuses(test, "is not a regular file"));
}

static void tries_every_identity_of_a_file(void **state)
{
    struct age_test *test = *state;
    struct kist_test_bytes encoded = {.data = NULL}, back = {.data = NULL};
    const struct kist_test_bytes raw = {.data = (unsigned char *)(uintptr_t) "hello", .size = 5};
    char text[500];
    snprintf(text, sizeof text, "# created: today\r\n# public key: %s\r\n%s\r\n\r\n%s", test->theirs.recipient,
             test->theirs.identity, test->ours.identity);
    age_write(test, text, 0600);
    age_open_ours(test);
    age_encode(test, &raw, &encoded);
    assert_int_equal(age_decode(test, &encoded, &back), 0);
    assert_int_equal(back.size, 5);
    kist_test_bytes_free(&encoded);
    kist_test_bytes_free(&back);
}

static void encrypts_without_any_identity(void **state)
{
    struct age_test *test = *state;
    struct kist_test_bytes encoded = {.data = NULL};
    const struct kist_test_bytes raw = {.data = (unsigned char *)(uintptr_t) "hello", .size = 5};
    void *decoder = NULL;
    age_name(test, test->ours.recipient, NULL);
    assert_int_equal(age_open(test), 0);
    age_encode(test, &raw, &encoded);
    assert_true(encoded.size > 100);
    assert_int_equal(kist_plugin.can_decode(test->self, &test->host.err), KIST_ERR_CONFIG);
    assert_true(age_said(test, "identity_file"));
    kist_test_host_clear(&test->host);
    assert_int_equal(kist_plugin.decode_begin(test->self, &decoder, &test->host.err), KIST_ERR_CONFIG);
    assert_true(age_said(test, "identity_file"));
    kist_test_bytes_free(&encoded);
}

static void needs_somebody_to_encrypt_to(void **state)
{
    struct age_test *test = *state;
    struct kist_test_bytes encoded = {.data = NULL};
    test->config.identity_file = test->path;
    assert_int_equal(age_open(test), 0);
    assert_int_equal(kist_plugin.can_decode(test->self, &test->host.err), 0);
    assert_int_equal(kist_test_filter_encode(&kist_plugin, test->self, "x", 1, &encoded, &test->host.err),
                     KIST_ERR_CONFIG);
    assert_true(age_said(test, "recipients is not set") && age_said(test, "age-keygen -y"));
    test->config.identity_file = NULL;
    assert_int_equal(age_open(test), 0);
    assert_int_equal(kist_test_filter_encode(&kist_plugin, test->self, "x", 1, &encoded, &test->host.err),
                     KIST_ERR_CONFIG);
    assert_true(age_said(test, "kist key new"));
    age_name(test, test->ours.recipient, NULL);
    test->config.passphrase.reveal = "secret words";
    assert_true(age_open_refuses(test, "recipients and passphrase are both set"));
    assert_false(age_said(test, "secret words"));
    age_name(test, NULL, NULL);
    test->config.passphrase.reveal = "";
    assert_true(age_open_refuses(test, "passphrase is empty"));
    kist_test_bytes_free(&encoded);
}

static void settings_name_the_recipients_in_order(void **state)
{
    struct age_test *test = *state;
    char first[300], second[300];
    age_name(test, test->ours.recipient, test->theirs.recipient);
    assert_int_equal(age_open(test), 0);
    snprintf(first, sizeof first, "%s", kist_plugin.settings(test->self));
    age_name(test, test->theirs.recipient, test->ours.recipient);
    test->recipients[2] = test->ours.recipient;
    test->config.recipients.count = 3;
    assert_int_equal(age_open(test), 0);
    snprintf(second, sizeof second, "%s", kist_plugin.settings(test->self));
    assert_string_equal(first, second);
    assert_int_equal(strncmp(first, "recipients=age1", 15), 0);
    assert_non_null(strstr(first, ",age1"));
    assert_string_equal(kist_plugin.decoder_command(test->self), "age -d -i identity.txt");
    age_name(test, NULL, NULL);
    assert_int_equal(age_open(test), 0);
    assert_null(kist_plugin.settings(test->self));
    test->config.passphrase.reveal = "p";
    assert_int_equal(age_open(test), 0);
    assert_string_equal(kist_plugin.settings(test->self), "passphrase");
    assert_string_equal(kist_plugin.decoder_command(test->self), "age -d");
}

static int take_recipient(void *arg, const struct kist_key *key)
{
    return snprintf(arg, 128, "%s", key->recipient) < 0 ? KIST_ERR_FAILED : 0;
}

static void takes_as_many_recipients_as_a_header_holds(void **state)
{
    struct age_test *test = *state;
    struct kist_test_bytes encoded = {.data = NULL}, back = {.data = NULL};
    const struct kist_test_bytes raw = {.data = (unsigned char *)(uintptr_t) "hello", .size = 5};
    static char texts[500][128];
    static const char *many[501];
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(kist_plugin.new_key(&test->host.host, take_recipient, texts[i], &test->host.err), 0);
        many[i] = texts[i];
    }
    many[250] = many[500] = test->ours.recipient;
    test->config.recipients = (kist_list){many, 501};
    assert_true(age_open_refuses(test, "501 are more than a file can have"));
    test->config.recipients.count = 500;
    test->config.identity_file = test->path;
    assert_int_equal(age_open(test), 0);
    age_encode(test, &raw, &encoded);
    assert_int_equal(age_decode(test, &encoded, &back), 0);
    assert_int_equal(back.size, raw.size);
    kist_test_bytes_free(&encoded);
    kist_test_bytes_free(&back);
}

static void recognizes_its_files(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int is;
    } cases[] = {
        {"age-encryption.org/v1\n-> ", 1},
        {"age-encryption.org/v1", 0},
        {"age-encryption.org/v2\n", 0},
        {"-----BEGIN AGE ENCRYPTED FILE-----\n", 1},
        {" \r\n\n-----BEGIN AGE ENCRYPTED FILE-----\r\n", 1},
        {"-----BEGIN PGP MESSAGE-----", 0},
        {"", 0},
        {"\n\n", 0},
        {"PGDMP", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(kist_plugin.recognizes(cases[i].text, strlen(cases[i].text)), cases[i].is);
}

static void base64_has_one_way_to_write_bytes(void **state)
{
    (void)state;
    unsigned char bytes[8];
    static const char *const wrong[] = {"A", "AB", "AAB", "AA==", "AA\n", "A-AA", "AAAAA"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(kist_age_base64_read(wrong[i], strlen(wrong[i]), bytes, sizeof bytes), -1);
    assert_int_equal(kist_age_base64_read("AAAA", 4, bytes, 2), -1);
    assert_int_equal(kist_age_base64_read("", 0, bytes, 0), 0);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        char text[AGE_BASE64_SIZE(sizeof bytes)];
        unsigned char back[sizeof bytes];
        for (size_t i = 0; i < size; i++)
            bytes[i] = (unsigned char)(0xf1 + 37 * i);
        kist_age_base64_write(bytes, size, text);
        assert_int_equal(kist_age_base64_read(text, AGE_BASE64_SIZE(size), back, sizeof back), (long)size);
        assert_memory_equal(back, bytes, size);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, age_setup, age_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(says_what_is_wrong_with_a_recipient),
        CASE(never_repeats_a_secret),
        CASE(refuses_an_identity_file_that_others_can_read),
        CASE(says_what_is_wrong_with_an_identity_file),
        CASE(tries_every_identity_of_a_file),
        CASE(encrypts_without_any_identity),
        CASE(needs_somebody_to_encrypt_to),
        CASE(settings_name_the_recipients_in_order),
        CASE(takes_as_many_recipients_as_a_header_holds),
        CASE(recognizes_its_files),
        cmocka_unit_test(base64_has_one_way_to_write_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
