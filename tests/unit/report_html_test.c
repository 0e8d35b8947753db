#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "redact.h"
#include "report_html.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef void (*add_fn)(struct kist_text *html, const char *text);

static void assert_becomes(add_fn add, const char *text, const char *expected)
{
    struct kist_text html KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    add(&html, text);
    assert_false(kist_text_failed(&html));
    assert_string_equal(kist_text_get(&html), expected);
}

static void no_text_is_markup(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {NULL, "-"},
        {"shop-daily", "shop-daily"},
        {"<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"},
        {"\" onload=\"x", "&quot; onload=&quot;x"},
        {"&lt;", "&amp;lt;"},
        {"-->]]>", "--&gt;]]&gt;"},
        {"Stra\xC3\x9F"
         "e \xE2\x82\xAC \xF0\x9F\x98\x80",
         "Stra\xC3\x9F"
         "e \xE2\x82\xAC \xF0\x9F\x98\x80"},
        {"a\nb\x1b[2J", "a\\nb\\x1b[2J"},
        {"\xff\xfe<", "\xEF\xBF\xBD\xEF\xBF\xBD&lt;"},
        {"\xE2\x80\xAE"
         "gpj.exe\xE2\x81\xA9\xE2\x80\x8F\xD8\x9C",
         "\xEF\xBF\xBDgpj.exe\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xE2\x80\x93\xE2\x81\xA0", "\xE2\x80\x93\xE2\x81\xA0"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_becomes(kist_html_add, cases[i][0], cases[i][1]);
}

static void a_text_without_end_is_cut(void **state)
{
    struct kist_text html KIST_CLEANUP_TEXT = KIST_TEXT_INIT;
    char text[9001];
    (void)state;
    for (size_t i = 0; i < 9000; i += 3)
        memcpy(text + i, "\xE2\x82\xAC", 3);
    text[9000] = '\0';
    kist_html_add(&html, text);
    assert_true(html.size <= 2003 && html.size > 1900);
    assert_true(kist_utf8_valid(kist_text_get(&html), html.size));
    assert_string_equal(kist_text_get(&html) + html.size - 3, "...");
}

static void secrets_are_taken_out(void **state)
{
    (void)state;
    assert_int_equal(kist_redact_add("pass<word"), 0);
    assert_becomes(kist_html_add, "user:pass<word@host", "user:***@host");
    kist_redact_forget();
}

static void commands_are_set_apart(void **state)
{
    static const char *const cases[][2] = {
        {"`kist run <p>`", "<code>kist run &lt;p&gt;</code>"},
        {"see `a` and `b`.", "see <code>a</code> and <code>b</code>."},
        {"one ` alone", "one ` alone"},
        {"``", "<code></code>"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_becomes(kist_html_add_prose, cases[i][0], cases[i][1]);
}

static void times_are_those_of_the_zone(void **state)
{
    struct kist_error err = {.struct_size = sizeof err};
    const struct kist_zone *berlin = NULL;
    int64_t time = INT64_C(1782943200); /* 2026-07-01T22:00:00Z */
    (void)state;
    assert_int_equal(kist_zone_find("Europe/Berlin", &berlin, &err), 0);
    assert_string_equal(kist_html_minute(berlin, time).text, "2026-07-02 00:00");
    assert_string_equal(kist_html_day(berlin, time).text, "2026-07-02");
    assert_string_equal(kist_html_hour(berlin, time).text, "00:00");
    assert_string_equal(kist_html_minute(berlin, -1).text, "-");
    assert_string_equal(kist_html_hour(berlin, -1).text, "-");
    assert_string_equal(kist_html_minute(berlin, INT64_MAX).text, kist_html_minute(berlin, INT64_MAX - 1).text);
    assert_string_equal(kist_html_ago(time, time).text, "now");
    assert_string_equal(kist_html_ago(time, time + 3720).text, "1 h 02 min ago");
    assert_string_equal(kist_html_ago(time, time - 12).text, "in 12 s");
    assert_non_null(strstr(kist_html_ago(INT64_MIN, INT64_MAX).text, " d "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_text_is_markup),           cmocka_unit_test(a_text_without_end_is_cut),
        cmocka_unit_test(secrets_are_taken_out),       cmocka_unit_test(commands_are_set_apart),
        cmocka_unit_test(times_are_those_of_the_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
