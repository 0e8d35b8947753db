#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "units.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void sizes_are_parsed(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        {"0", 0},
        {"4096", 4096},
        {"16MiB", 16 << 20},
        {"1GB", 1000000000},
        {"1kB", 1000},
        {"2KB", 2000},
        {"1KiB", 1024},
        {"3TiB", UINT64_C(3) << 40},
        {"1TB", UINT64_C(1000000000000)},
        {" 16 MiB\t", 16 << 20},
        {"5B", 5},
        {"007", 7},
        {"9223372036854775807", INT64_MAX},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
        uint64_t bytes = 99;
        assert_int_equal(kist_size_parse(cases[i].text, &bytes, &err), 0);
        assert_true(bytes == cases[i].bytes);
    }
}

static void other_sizes_are_refused(void **state)
{
    static const char *const cases[] = {"",
                                        " ",
                                        "5GB5",
                                        "-1",
                                        "+1",
                                        "1e3",
                                        "1.5GiB",
                                        "MiB",
                                        "16mib",
                                        "16M",
                                        "0x10",
                                        "1 2",
                                        "99999999999999999999",
                                        "9223372036854775808",
                                        "16777216TiB",
                                        "1GiBs",
                                        "٣"};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
        uint64_t bytes = 99;
        assert_int_equal(kist_size_parse(cases[i], &bytes, &err), KIST_ERR_CONFIG);
        assert_int_equal(bytes, 99);
        assert_non_null(strstr(err.message, cases[i]));
    }
}

static void durations_are_parsed(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {{"250ms", 250},    {"30s", 30000},    {"5m", 300000}, {"2h", 7200000},
                 {"7d", 604800000}, {"1w", 604800000}, {"0s", 0}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
        int64_t ms = 99;
        assert_int_equal(kist_duration_parse(cases[i].text, &ms, &err), 0);
        assert_true(ms == cases[i].ms);
    }
}

static void other_durations_are_refused(void **state)
{
    static const char *const cases[] = {
        "", "7", "-7d", "7x", "1e3s", "1h30m", "d", "7D", "99999999999999999999d", "9223372036854775807s"};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
        int64_t ms = 99;
        assert_int_equal(kist_duration_parse(cases[i], &ms, &err), KIST_ERR_CONFIG);
        assert_int_equal(ms, 99);
    }
}

static void numbers_and_switches_are_parsed(void **state)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    static const char *const bad_numbers[] = {
        "", "-", "1e3", "1.0", "99999999999999999999", "9223372036854775808", "0x1", "+1", "1 1"};
    static const char *const bad_switches[] = {"", "2", "ja", "yesno", "ye"};
    static const char *const yes[] = {"yes", "true", "on", "1", "YES", " yes "};
    static const char *const no[] = {"no", "false", "off", "0", "No"};
    int64_t number = 99;
    uint32_t on = 99;
    (void)state;
    assert_int_equal(kist_integer_parse("-12", &number, &err), 0);
    assert_int_equal(number, -12);
    assert_int_equal(kist_integer_parse("9223372036854775807", &number, &err), 0);
    assert_true(number == INT64_MAX);
    for (size_t i = 0; i < COUNT(bad_numbers); i++)
        assert_int_equal(kist_integer_parse(bad_numbers[i], &number, &err), KIST_ERR_CONFIG);
    for (size_t i = 0; i < COUNT(bad_switches); i++)
        assert_int_equal(kist_switch_parse(bad_switches[i], &on, &err), KIST_ERR_CONFIG);
    assert_int_equal(on, 99);
    for (size_t i = 0; i < COUNT(yes); i++) {
        assert_int_equal(kist_switch_parse(yes[i], &on, &err), 0);
        assert_int_equal(on, 1);
    }
    for (size_t i = 0; i < COUNT(no); i++) {
        assert_int_equal(kist_switch_parse(no[i], &on, &err), 0);
        assert_int_equal(on, 0);
    }
}

static void what_is_written_can_be_parsed(void **state)
{
    static const uint64_t sizes[] = {0, 1, 1000, 1024, 4096, 4097, 1000000, 16 << 20, 1000000000, INT64_MAX};
    static const int64_t durations[] = {0,       1,        250,       1000,       90000,
                                        3600000, 86400000, 604800000, 1209600000, INT64_MAX};
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        uint64_t bytes = 99;
        assert_int_equal(kist_size_parse(kist_size_write(sizes[i]).text, &bytes, &err), 0);
        assert_true(bytes == sizes[i]);
    }
    for (size_t i = 0; i < COUNT(durations); i++) {
        int64_t ms = 99;
        assert_int_equal(kist_duration_parse(kist_duration_write(durations[i]).text, &ms, &err), 0);
        assert_true(ms == durations[i]);
    }
    assert_string_equal(kist_size_write(16 << 20).text, "16MiB");
    assert_string_equal(kist_size_write(1000000000).text, "1GB");
    assert_string_equal(kist_duration_write(5400000).text, "90m");
}

static void people_can_read_it(void **state)
{
    (void)state;
    assert_string_equal(kist_size_show(0).text, "0 B");
    assert_string_equal(kist_size_show(1023).text, "1023 B");
    assert_string_equal(kist_size_show(1024).text, "1.0 KiB");
    assert_string_equal(kist_size_show(12897485).text, "12.3 MiB");
    assert_string_equal(kist_size_show((1 << 20) - 1).text, "1.0 MiB");
    assert_string_equal(kist_size_show(UINT64_MAX).text, "16.0 EiB");
    assert_string_equal(kist_duration_show(-5).text, "0 ms");
    assert_string_equal(kist_duration_show(999).text, "999 ms");
    assert_string_equal(kist_duration_show(12345).text, "12 s");
    assert_string_equal(kist_duration_show(185000).text, "3 min 05 s");
    assert_string_equal(kist_duration_show(3720000).text, "1 h 02 min");
    assert_string_equal(kist_duration_show(INT64_C(183600000)).text, "2 d 03 h");
    assert_string_equal(kist_duration_show(INT64_MAX).text, "106751991167 d 07 h");
    assert_string_equal(kist_rate_show(12897485, 1000).text, "12.3 MiB/s");
    assert_string_equal(kist_rate_show(12897485, 0).text, "-");
    assert_string_equal(kist_count_show(0).text, "0");
    assert_string_equal(kist_count_show(999).text, "999");
    assert_string_equal(kist_count_show(1000).text, "1,000");
    assert_string_equal(kist_count_show(12345678).text, "12,345,678");
    assert_string_equal(kist_count_show(UINT64_MAX).text, "18,446,744,073,709,551,615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_parsed),
        cmocka_unit_test(other_sizes_are_refused),
        cmocka_unit_test(durations_are_parsed),
        cmocka_unit_test(other_durations_are_refused),
        cmocka_unit_test(numbers_and_switches_are_parsed),
        cmocka_unit_test(what_is_written_can_be_parsed),
        cmocka_unit_test(people_can_read_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
