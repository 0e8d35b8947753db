#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keep.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define DAY INT64_C(86400)

static int same(const struct kist_keep *a, const struct kist_keep *b)
{
    return a->set == b->set && a->within == b->within && a->last == b->last && a->hourly == b->hourly &&
           a->daily == b->daily && a->weekly == b->weekly && a->monthly == b->monthly && a->yearly == b->yearly;
}

static void rules_are_parsed(void **state)
{
    static const struct {
        const char *text;
        struct kist_keep keep;
    } cases[] = {
        {"10 last", {.set = 1, .last = 10}},
        {"7 daily, 4 weekly, 12 monthly, 7 yearly", {1, 0, 0, 0, 7, 4, 12, 7}},
        {"24 hourly,7 daily", {.set = 1, .hourly = 24, .daily = 7}},
        {"\t2 yearly ,  1\tlast ", {.set = 1, .yearly = 2, .last = 1}},
        {"30 days", {.set = 1, .within = 30 * DAY}},
        {"1 day", {.set = 1, .within = DAY}},
        {"36 hours", {.set = 1, .within = 36 * 3600}},
        {"1 hour", {.set = 1, .within = 3600}},
        {"2 weeks, 6 monthly", {.set = 1, .within = 14 * DAY, .monthly = 6}},
        {"1 month, 12 monthly", {.set = 1, .within = 31 * DAY, .monthly = 12}},
        {"7years", {.set = 1, .within = 7 * 366 * DAY}},
        {"007 daily", {.set = 1, .daily = 7}},
        {"2147483647 last", {.set = 1, .last = INT32_MAX}},
        {"2147483647 years", {.set = 1, .within = INT32_MAX * (366 * DAY)}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
        struct kist_keep keep = {0}, again = {0};
        assert_int_equal(kist_keep_parse(cases[i].text, &keep, &err), 0);
        assert_true(same(&keep, &cases[i].keep));
        char *text = kist_keep_text(&keep);
        assert_non_null(text);
        assert_int_equal(kist_keep_parse(text, &again, &err), 0);
        assert_true(same(&keep, &again));
        free(text);
    }
}

static void other_rules_are_refused_with_a_reason(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "nothing between the commas"},
        {" ", "nothing between the commas"},
        {",", "nothing between the commas"},
        {"7 daily,", "nothing between the commas"},
        {"7 daily,, 4 weekly", "nothing between the commas"},
        {"0", "zero"},
        {"0 daily", "zero"},
        {"00 daily", "zero"},
        {"-1", "whole number"},
        {"-1 daily", "whole number"},
        {"+1 daily", "whole number"},
        {"1e3", "'1e3'"},
        {"1e3 daily", "its word is none of"},
        {"1.5 days", "its word is none of"},
        {"7", "not said of what"},
        {"7,4 weekly", "not said of what"},
        {"daily", "whole number"},
        {"99999999999999999999", "too large"},
        {"99999999999999999999 daily", "too large"},
        {"2147483648 last", "too large"},
        {"7 daily, 3 daily", "that word was there before"},
        {"30 days, 4 weeks", "a span of time before"},
        {"7 daily 4 weekly", "its word is none of"},
        {"7 Daily", "its word is none of"},
        {"7 fortnightly", "its word is none of"},
        {"7 daily; rm", "its word is none of"},
        {"7 daily\n", "its word is none of"},
        {"7 nobody-would-ever-write-such-a-long-word", "its word is none of"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
        struct kist_keep keep = {.last = 99};
        assert_int_equal(kist_keep_parse(cases[i].text, &keep, &err), KIST_ERR_CONFIG);
        if (!strstr(kist_error_text(&err), cases[i].why))
            fail_msg("'%s' gave: %s", cases[i].text, kist_error_text(&err));
        assert_non_null(err.hint);
        assert_int_equal(keep.last, 99);
    }
}

static void a_misspelt_word_is_suggested(void **state)
{
    static const struct {
        const char *text, *hint;
    } cases[] = {{"7 dayly", "did you mean '7 daily'?"},
                 {"7 Daily", "did you mean '7 daily'?"},
                 {"4 weakly", "did you mean '4 weekly'?"},
                 {"12 montly", "did you mean '12 monthly'?"},
                 {"30 dyas", "did you mean '30 days'?"}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
        struct kist_keep keep = {0};
        assert_int_equal(kist_keep_parse(cases[i].text, &keep, &err), KIST_ERR_CONFIG);
        assert_string_equal(err.hint, cases[i].hint);
    }
}

static void a_text_without_end_is_refused(void **state)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    struct kist_keep keep = {0};
    char text[5000];
    (void)state;
    memset(text, '7', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(kist_keep_parse(text, &keep, &err), KIST_ERR_CONFIG);
    assert_true(strlen(kist_error_text(&err)) < 200);
}

static void rules_are_written_for_people(void **state)
{
    static const struct {
        struct kist_keep keep;
        const char *text;
    } cases[] = {
        {{0}, ""},
        {{.set = 1, .yearly = 7, .daily = 7, .weekly = 4, .monthly = 12},
         "7 daily, 4 weekly, 12 monthly, 7 yearly"},
        {{.set = 1, .within = 30 * DAY, .last = 3}, "30 days, 3 last"},
        {{.set = 1, .within = 7 * DAY}, "1 week"},
        {{.set = 1, .within = 31 * DAY}, "1 month"},
        {{.set = 1, .within = 2 * 366 * DAY}, "2 years"},
        {{.set = 1, .within = 25 * 3600, .hourly = 1}, "25 hours, 1 hourly"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = kist_keep_text(&cases[i].keep);
        assert_non_null(text);
        assert_string_equal(text, cases[i].text);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_parsed),
        cmocka_unit_test(other_rules_are_refused_with_a_reason),
        cmocka_unit_test(a_misspelt_word_is_suggested),
        cmocka_unit_test(a_text_without_end_is_refused),
        cmocka_unit_test(rules_are_written_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
