/* A rolling share: all of the parts together are everything, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sample.h"

static struct kist_error err = KIST_ERROR_INIT;

static void every_key_is_in_exactly_one_part(void **state)
{
    (void)state;
    static const uint32_t totals[] = {1, 2, 3, 7, 30, 365, KIST_SAMPLE_MOST};
    char key[100];
    for (size_t t = 0; t < sizeof totals / sizeof *totals; t++)
        for (int k = 0; k < 200; k++) {
            uint32_t in = 0;
            snprintf(key, sizeof key, "shop/2026-11-21T02-00-00Z/photos/%d.jpg", k);
            for (uint32_t part = 1; part <= totals[t]; part++)
                in += (uint32_t)kist_sample_has(&(struct kist_sample){part, totals[t]}, key);
            assert_int_equal(in, 1);
        }
}

/* Ids that follow each other, names that hardly differ. */
static void parts_are_about_equal(void **state)
{
    (void)state;
    size_t sizes[7] = {0};
    char key[100];
    for (int k = 0; k < 7000; k++) {
        snprintf(key, sizeof key, "shop/2026-11-%02dT02-00-00Z/%d", k % 28 + 1, k);
        for (uint32_t part = 1; part <= 7; part++)
            sizes[part - 1] += (size_t)kist_sample_has(&(struct kist_sample){part, 7}, key);
    }
    for (size_t i = 0; i < 7; i++)
        assert_in_range(sizes[i], 850, 1150);
}

static void none_is_everything(void **state)
{
    (void)state;
    assert_int_equal(kist_sample_has(&(struct kist_sample){0}, "any"), 1);
}

static void what_is_a_part(void **state)
{
    (void)state;
    struct kist_sample sample = {0};
    assert_int_equal(kist_sample_parse("3/7", &sample, &err), 0);
    assert_int_equal(sample.part, 3);
    assert_int_equal(sample.total, 7);
    assert_int_equal(kist_sample_parse("10000/10000", &sample, &err), 0);
    static const char *const wrong[] = {"",        "3",
                                        "/",       "3/",
                                        "/7",      "0/7",
                                        "8/7",     "3/0",
                                        "-1/7",    "3/-7",
                                        "3/7/1",   " 3/7",
                                        "3/7 ",    "3 /7",
                                        "3/10001", "03/7",
                                        "3/7x",    "x/7",
                                        "3.0/7",   "+3/+7",
                                        "1/99999", "1/1000000000000000000000"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct kist_sample untouched = {5, 6};
        assert_int_equal(kist_sample_parse(wrong[i], &untouched, &err), KIST_ERR_CONFIG);
        assert_int_equal(untouched.part, 5);
        kist_error_clear(&err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_in_exactly_one_part),
        cmocka_unit_test(parts_are_about_equal),
        cmocka_unit_test(none_is_everything),
        cmocka_unit_test(what_is_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
