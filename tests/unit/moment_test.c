/* The times of --at: what is one, which moment it is, and how it is handed on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "moment.h"

#define MOMENT INT64_C(1795226400000) /* 2026-11-21T02:00:00Z */

static void assert_moment(const char *text, int64_t wanted)
{
    int64_t ms = -1;
    if (!kist_moment_parse(text, &ms))
        fail_msg("'%s' was not read", text);
    if (ms != wanted)
        fail_msg("'%s' is %lld, not %lld", text, (long long)ms, (long long)wanted);
}

static void moments(void **state)
{
    (void)state;
    assert_moment("2026-11-21T02:00:00Z", MOMENT);
    assert_moment("2026-11-21t02:00:00z", MOMENT);
    assert_moment("2026-11-21 02:00:00Z", MOMENT);
    assert_moment("2026-11-21T02:00:00+00:00", MOMENT);
    assert_moment("2026-11-21T02:00:00-00:00", MOMENT);
    assert_moment("2026-11-21T04:00:00+02:00", MOMENT);
    assert_moment("2026-11-21T07:30:00+05:30", MOMENT);
    assert_moment("2026-11-20T18:00:00-08:00", MOMENT);
    assert_moment("2026-11-21 02:00:00.5Z", MOMENT + 500);
    assert_moment("2026-11-21T02:00:00.123999+00:00", MOMENT + 123);
    assert_moment("2026-11-21T02:00:00.0009999999999999Z", MOMENT);
    assert_moment("2024-02-29T12:00:00Z", INT64_C(1709208000000));
    assert_moment("2000-02-29T00:00:00Z", INT64_C(951782400000));
    assert_moment("1970-01-01T00:00:00Z", 0);
    assert_moment("1969-12-31T23:30:00-00:30", 0);
    assert_moment("9999-12-31T23:59:59.999Z", INT64_C(253402300799999));
}

static void no_moments(void **state)
{
    static const char *const texts[] = {
        "",
        "now",
        "latest",
        "2026-11-21",
        "2026-11-21T02:00:00", /* no zone: it could be any of 26 hours */
        "2026-11-21T02:00Z",
        "2026-11-21T02:00:00 Z",
        "2026-11-21T02:00:00Z ",
        " 2026-11-21T02:00:00Z",
        "2026-11-21  02:00:00Z",
        "2026-11-21_02:00:00Z",
        "2026-11-21T02-00-00Z", /* the id of a backup */
        "2026-11-21T2:00:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T02:60:00Z",
        "2026-11-21T02:00:60Z",
        "2026-13-21T02:00:00Z",
        "2026-00-21T02:00:00Z",
        "2026-11-31T02:00:00Z",
        "2026-11-00T02:00:00Z",
        "2026-02-29T02:00:00Z",
        "2100-02-29T02:00:00Z",
        "26-11-21T02:00:00Z",
        "+2026-11-21T02:00:00Z",
        "02026-11-21T02:00:00Z",
        "10000-01-01T00:00:00Z",
        "2026-11-21T02:00:00.Z",
        "2026-11-21T02:00:00,5Z",
        "2026-11-21T02:00:00+0200",
        "2026-11-21T02:00:00+02",
        "2026-11-21T02:00:00+24:00",
        "2026-11-21T02:00:00+02:60",
        "2026-11-21T02:00:00 02:00",
        "2026-11-21T02:00:00Z+02:00",
        "2026-11-21T02:00:00UTC",
        "2026/11/21T02:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-00:01",
        "1795226400",
        "2026-W47-6T02:00:00Z",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t ms = 7;
        if (kist_moment_parse(texts[i], &ms) || ms != 7)
            fail_msg("'%s' was taken for a time", texts[i]);
    }
}

/* A text that is cut off anywhere is no time, and is read no further than to its end. */
static void cut_off(void **state)
{
    static const char whole[] = "2026-11-21T02:00:00.123+02:00";
    char text[sizeof whole];
    (void)state;
    for (size_t length = 0; length + 1 < sizeof whole; length++) {
        int64_t ms = 0;
        memset(text, 'x', sizeof text);
        memcpy(text, whole, length);
        text[length] = '\0';
        assert_int_equal(kist_moment_parse(text, &ms), 0);
    }
    assert_moment(whole, MOMENT - INT64_C(7200000) + 123);
}

static void texts(void **state)
{
    char text[KIST_MOMENT_LENGTH + 1];
    (void)state;
    kist_moment_text(MOMENT, text);
    assert_string_equal(text, "2026-11-21T02:00:00Z");
    kist_moment_text(MOMENT + 7, text);
    assert_string_equal(text, "2026-11-21T02:00:00.007Z");
    assert_int_equal(strlen(text), KIST_MOMENT_LENGTH);
    kist_moment_text(INT64_C(253402300799999), text);
    assert_moment(text, INT64_C(253402300799999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments),
        cmocka_unit_test(no_moments),
        cmocka_unit_test(cut_off),
        cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
