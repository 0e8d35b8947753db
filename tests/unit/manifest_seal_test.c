/* The seal of a manifest: no flipped bit goes unseen, and no change by somebody without the key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest_fixture.h"
#include "manifest_seal.h"

#define KEY_A "0123456789abcdef0123456789abcdef"

static void flip_and_cut(void)
{
    struct kist_manifest manifest;
    size_t size = 0;
    fill(&manifest);
    char *text = format(&manifest, &size);
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ (1 << bit));
            assert_int_equal(parse(text, size), KIST_ERR_CORRUPT);
            text[i] = (char)(text[i] ^ (1 << bit));
        }
    assert_int_equal(parse(text, size), 0);
    for (size_t cut = 0; cut < size; cut++) {
        /* In memory of its own, so that a reader that goes too far is seen. */
        char *part = malloc(cut + 1);
        assert_non_null(part);
        memcpy(part, text, cut);
        part[cut] = '\0';
        assert_int_equal(parse(part, cut), KIST_ERR_CORRUPT);
        free(part);
    }
    char *longer = NULL;
    assert_true(asprintf(&longer, "%s\n", text) > 0);
    assert_int_equal(parse(longer, size + 1), KIST_ERR_CORRUPT);
    free(longer);
    assert_true(asprintf(&longer, " %s", text) > 0);
    assert_int_equal(parse(longer, size + 1), KIST_ERR_CORRUPT);
    free(longer);
    free(text);
    kist_manifest_done(&manifest);
}

static void every_flip_and_every_cut_is_refused(void **state)
{
    (void)state;
    flip_and_cut();
}

static void every_flip_of_a_signed_one_is_refused(void **state)
{
    (void)state;
    sign_key = KEY_A;
    flip_and_cut();
}

/* The document up to and without its line that begins with `field`, under a new and right checksum. */
static char *resealed_before(const char *text, const char *field, const char *more, size_t *ret_size)
{
    struct kist_text made = KIST_TEXT_INIT;
    const char *line = strstr(text, field);
    assert_non_null(line);
    kist_text_add_bytes(&made, text, (size_t)(line - text));
    kist_text_add(&made, more);
    assert_int_equal(kist_seal_add(&made, NULL, &err), 0);
    *ret_size = made.size;
    char *taken = kist_text_take(&made);
    assert_non_null(taken);
    return taken;
}

static void assert_refused(const char *text, size_t size)
{
    assert_int_equal(parse(text, size), KIST_ERR_CORRUPT);
}

static void signatures(void **state)
{
    (void)state;
    struct kist_manifest manifest;
    size_t size = 0, other_size = 0;
    fill(&manifest);
    char *plain = format(&manifest, &size);
    assert_null(strstr(plain, "\"signature\""));
    sign_key = KEY_A;
    assert_refused(plain, size);
    assert_non_null(strstr(err.message, "sign"));
    char *text = format(&manifest, &size);
    assert_non_null(strstr(text, "\n  \"signature\": \"hmac-sha256:"));
    assert_int_equal(parse(text, size), 0);
    /* Without a key, a signed one is read like any other. */
    sign_key = NULL;
    assert_int_equal(parse(text, size), 0);
    /* Another key, also one that only differs at its end. */
    static const char *const others[] = {"1123456789abcdef0123456789abcdef", KEY_A "0",
                                         "0123456789abcdef0123456789abcdeg"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        sign_key = others[i];
        assert_refused(text, size);
        assert_null(strstr(err.message, others[i]));
        assert_null(strstr(err.message, KEY_A));
    }
    /* Whoever has no key can make a right checksum, and nothing else. */
    sign_key = KEY_A;
    char *stripped = resealed_before(text, "  \"signature\"", "", &other_size);
    assert_refused(stripped, other_size);
    char *signature = strndup(strstr(text, "  \"signature\""), strcspn(strstr(text, "  \"signature\""), "\n") + 1);
    assert_non_null(signature);
    char *changed = copy(text);
    memcpy(strstr(changed, "\"number\": 1005"), "\"number\": 1004", 14);
    char *forged = resealed_before(changed, "  \"signature\"", signature, &other_size);
    assert_refused(forged, other_size);
    free(forged);
    /* A signature that is right for less than is there. */
    struct kist_text more = KIST_TEXT_INIT;
    kist_text_printf(&more, "%s  \"later\": 1,\n", signature);
    forged = resealed_before(text, "  \"signature\"", kist_text_get(&more), &other_size);
    assert_refused(forged, other_size);
    kist_text_done(&more);
    free(signature);
    free(changed);
    free(forged);
    free(stripped);
    free(plain);
    free(text);
    kist_manifest_done(&manifest);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_flip_and_every_cut_is_refused),
        TEST(every_flip_of_a_signed_one_is_refused),
        TEST(signatures),
    };
    return cmocka_run_group_tests_name("manifest_seal", tests, NULL, NULL);
}
