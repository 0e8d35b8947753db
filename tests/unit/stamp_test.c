/* stamp_test.c - times and numbers of replies, sound and otherwise. */
#include "stamp.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static void test_times(void **state)
{
    (void)state;
    int64_t ms = 0;
    assert_int_equal(kist_stamp_utc("2026-11-21T02:00:00Z"), INT64_C(1795226400000));
    assert_int_equal(kist_stamp_utc("2026-11-21T02:00:00.5Z"), INT64_C(1795226400500));
    assert_int_equal(kist_stamp_utc("2026-11-21T02:00:00.120999Z"), INT64_C(1795226400120));
    assert_string_equal(kist_stamp_read("2026-11-21T02:00:00.5+01:00", &ms), "+01:00");
    assert_int_equal(ms, INT64_C(1795226400500));
}

static void test_what_is_no_time(void **state)
{
    (void)state;
    int64_t ms = 7;
    const char *const odd[] = {"",
                               "yesterday",
                               "2026-11-21",
                               "2026-11-21T02:00:00",
                               "2026-11-21T02:00:00.Z",
                               "2026-11-21T02:00:00Z ",
                               "2026-11-21T02:00:00+00:00",
                               "1969-12-31T23:59:59Z",
                               "1970-01-01T00:00:00.999Z"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(kist_stamp_utc(odd[i]), 0);
    assert_int_equal(kist_stamp_utc(NULL), 0);
    assert_null(kist_stamp_read("2026-13-21T02:00:00Z", &ms));
    assert_int_equal(ms, 7);
}

static int64_t number(const char *text)
{
    return kist_stamp_number(text, strlen(text));
}

static void test_numbers(void **state)
{
    (void)state;
    assert_int_equal(number("0"), 0);
    assert_int_equal(number("1099511627776"), INT64_C(1) << 40);
    assert_int_equal(kist_stamp_number("12/34", 2), 12);
    const char *const odd[] = {"", "-1", "1e3", " 1", "1x", "9223372036854775807", "99999999999999999999"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(number(odd[i]), -1);
    assert_int_equal(kist_stamp_number(NULL, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_what_is_no_time),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
