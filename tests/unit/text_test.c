#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "suggest.h"
#include "text.h"
#include "url.h"

static void a_text_grows(void **state)
{
    struct kist_text text = KIST_TEXT_INIT;
    (void)state;
    assert_string_equal(kist_text_get(&text), "");
    for (int i = 0; i < 1000; i++)
        kist_text_printf(&text, "%03d", i);
    kist_text_add(&text, "ab");
    kist_text_add_char(&text, 'c');
    assert_int_equal(text.size, 3003);
    char *data = kist_text_take(&text);
    assert_non_null(data);
    assert_memory_equal(data, "000001002", 9);
    assert_string_equal(data + 3000, "abc");
    assert_null(text.data);
    free(data);
}

static void an_empty_text_can_be_taken(void **state)
{
    struct kist_text text = KIST_TEXT_INIT;
    (void)state;
    char *data = kist_text_take(&text);
    assert_string_equal(data, "");
    free(data);
}

static void a_failed_text_stays_failed(void **state)
{
    struct kist_text text = KIST_TEXT_INIT;
    (void)state;
    kist_text_add(&text, "abc");
    kist_text_add_bytes(&text, "", SIZE_MAX / 2);
    kist_text_add(&text, "def");
    assert_true(kist_text_failed(&text));
    assert_null(kist_text_take(&text));
}

static void printable_text_is_one_line(void **state)
{
    static const char raw[] = "a\nb\tc\033[31m\x7f\xc2\x9b \xff\xc3\xa9 \xe2\x82";
    struct kist_text text = KIST_TEXT_INIT;
    (void)state;
    kist_text_add_printable(&text, raw, sizeof raw);
    assert_string_equal(kist_text_get(&text),
                        "a\\nb\\tc\\x1b[31m\\x7f\\x9b \xef\xbf\xbd\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd\\x00");
    kist_text_done(&text);
}

/* "exe.jpg" must not read as "gpj.exe". Letters of scripts that go from right to left do no harm. */
static void printable_text_keeps_its_direction(void **state)
{
    static const char raw[] = "a\xe2\x80\xae.\xe2\x81\xa9\xd8\x9c\xe2\x80\xa8-\xe2\x80\x93\xd7\x90\xd8\xa7";
    struct kist_text text = KIST_TEXT_INIT;
    (void)state;
    kist_text_add_printable(&text, raw, sizeof raw - 1);
    assert_string_equal(kist_text_get(&text),
                        "a\xef\xbf\xbd.\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd-\xe2\x80\x93\xd7\x90\xd8\xa7");
    kist_text_done(&text);
}

static void truncating_never_cuts_a_character(void **state)
{
    struct kist_text text = KIST_TEXT_INIT;
    (void)state;
    kist_text_add(&text, "a\xf0\x9f\x92\xbe");
    kist_text_truncate(&text, 9);
    assert_int_equal(text.size, 5);
    for (size_t size = 4; size > 0; size--) {
        kist_text_truncate(&text, size);
        assert_string_equal(kist_text_get(&text), "a");
    }
    kist_text_done(&text);
}

static void utf8_is_strict(void **state)
{
    static const char *const good[] = {
        "", "a", "\xc2\x80", "\xed\x9f\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf", "\xc3\xa9x"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x80\x80",
                                      "\xed\xa0\x80",
                                      "\xf0\x80\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xc3",
                                      "\xe2\x82",
                                      "\xc3(",
                                      "a\xf0\x9f\x92"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(kist_utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(kist_utf8_valid(bad[i], strlen(bad[i])));
}

static void distances_count_changes(void **state)
{
    (void)state;
    assert_int_equal(kist_edit_distance("path", "path"), 0);
    assert_int_equal(kist_edit_distance("PATH", "path"), 0);
    assert_int_equal(kist_edit_distance("paht", "path"), 1);
    assert_int_equal(kist_edit_distance("pth", "path"), 1);
    assert_int_equal(kist_edit_distance("paths", "path"), 1);
    assert_int_equal(kist_edit_distance("pith", "path"), 1);
    assert_int_equal(kist_edit_distance("", "path"), 4);
    assert_int_equal(kist_edit_distance("kitten", "sitting"), 3);
    char name[65];
    memset(name, 'a', sizeof name - 1);
    name[64] = '\0';
    assert_true(kist_edit_distance(name, "a") == SIZE_MAX);
    name[63] = '\0';
    assert_int_equal(kist_edit_distance(name, "a"), 62);
}

static void a_near_name_is_suggested(void **state)
{
    static const char *const names[] = {"path", "require_mount", NULL, "url", "destinations"};
    (void)state;
    assert_string_equal(kist_suggest("paht", names, 5), "path");
    assert_string_equal(kist_suggest("URL", names, 5), "url");
    assert_string_equal(kist_suggest("destination", names, 5), "destinations");
    assert_string_equal(kist_suggest("require-mount", names, 5), "require_mount");
    assert_null(kist_suggest("bucket", names, 5));
    assert_null(kist_suggest("", names, 5));
    assert_null(kist_suggest("path", names, 0));
}

static void check_passwords(const char *text, const char *first, size_t count)
{
    struct kist_span spans[4];
    assert_int_equal(kist_url_passwords(text, spans, 4), count);
    if (count > 0) {
        char *decoded = kist_url_decode(spans[0]);
        assert_string_equal(decoded, first);
        free(decoded);
    }
}

static void passwords_are_found_in_urls(void **state)
{
    (void)state;
    check_passwords("postgres://u:hunter2@h/db", "hunter2", 1);
    check_passwords("postgres://u:p%40ss%2fw@h:5432/db?x=1", "p@ss/w", 1);
    check_passwords("postgres://u:a:b@c@h/db", "a:b@c", 1);
    check_passwords("postgres://u:pa/ss@h/db", "pa/ss", 1);
    check_passwords("postgres:///db?host=/tmp&password=hunter2&sslpassword=x", "hunter2", 2);
    check_passwords("postgres://u:one@h/db?password=two#x", "one", 2);
    check_passwords("postgres://u@h/db", NULL, 0);
    check_passwords("postgres://u:@h/db", NULL, 0);
    check_passwords("https://host:8080/a@b", NULL, 0);
    check_passwords("https://[::1]:8080/a@b", NULL, 0);
    check_passwords("https://host/a:b@c", NULL, 0);
    check_passwords("not a url", NULL, 0);
    assert_true(kist_url_is("postgresql+x://"));
    assert_false(kist_url_is("/a://b"));
    assert_false(kist_url_is(""));
}

static void passwords_are_found_in_connection_strings(void **state)
{
    (void)state;
    check_passwords("host=h password=hunter2 port=1", "hunter2", 1);
    check_passwords(" password = 'it\\'s \\\\ me' host = h", "it's \\ me", 1);
    check_passwords("PASSWORD=x", "x", 1);
    check_passwords("passfile=/x user=password", NULL, 0);
    check_passwords("password='open", "open", 1);
    check_passwords("password=", NULL, 0);
    check_passwords("password", NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_grows),
        cmocka_unit_test(an_empty_text_can_be_taken),
        cmocka_unit_test(a_failed_text_stays_failed),
        cmocka_unit_test(printable_text_is_one_line),
        cmocka_unit_test(printable_text_keeps_its_direction),
        cmocka_unit_test(truncating_never_cuts_a_character),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(distances_count_changes),
        cmocka_unit_test(a_near_name_is_suggested),
        cmocka_unit_test(passwords_are_found_in_urls),
        cmocka_unit_test(passwords_are_found_in_connection_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
