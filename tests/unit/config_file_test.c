#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "config_file.h"
#include "text.h"

struct parsed {
    struct kist_vault vault;
    struct kist_ini ini;
    struct kist_problem_list list;
    struct kist_config_problems problems;
    struct kist_config_file file;
};

static int begin(void **state)
{
    struct parsed *parsed = calloc(1, sizeof *parsed);
    assert_non_null(parsed);
    parsed->file = (struct kist_config_file){.path = "a.ini"};
    kist_ini_init(&parsed->ini, &parsed->vault);
    *state = parsed;
    return 0;
}

static int end(void **state)
{
    struct parsed *parsed = *state;
    kist_config_problems_done(&parsed->problems);
    kist_problem_list_done(&parsed->list);
    kist_ini_done(&parsed->ini);
    kist_vault_done(&parsed->vault);
    free(parsed);
    return 0;
}

static void parse_bytes(struct parsed *parsed, const char *data, size_t size)
{
    struct kist_error err KIST_CLEANUP_ERROR = KIST_ERROR_INIT;
    kist_ini_parse(&parsed->ini, &parsed->file, data, size, &parsed->list);
    assert_int_equal(parsed->vault.failed, 0);
    kist_config_problems_done(&parsed->problems);
    assert_int_equal(kist_problem_list_give(&parsed->list, &parsed->problems, &err), 0);
}

static void parse(struct parsed *parsed, const char *text)
{
    parse_bytes(parsed, text, strlen(text));
}

static void expect_problems(const struct parsed *parsed, const char *const *messages, size_t count)
{
    for (size_t i = 0; i < count && i < parsed->problems.count; i++)
        assert_string_equal(parsed->problems.items[i].message, messages[i]);
    assert_int_equal(parsed->problems.count, count);
}

static void expect_problem(const struct parsed *parsed, const char *message)
{
    expect_problems(parsed, &message, 1);
}

static const char *value(const struct parsed *parsed, const char *type, const char *name, const char *key)
{
    const struct kist_ini_section *section = kist_ini_find(&parsed->ini, type, name);
    assert_non_null(section);
    const struct kist_ini_entry *entry = kist_ini_entry(section, key);
    return entry ? entry->value : NULL;
}

static void a_file_is_taken_apart(void **state)
{
    struct parsed *parsed = *state;
    parse(parsed, "\xef\xbb\xbf; a comment\r\n"
                  "[source db]\r\n"
                  "  # another\r\n"
                  "plugin=pg_dump\r\n"
                  "url : postgres://h/db?a=b ; the main one\r\n"
                  "\r\n"
                  "empty =\r\n"
                  "hash = a#b # c\r\n"
                  "semicolon = a;b\r\n"
                  "list = one,\r\n"
                  "\ttwo ; the second\r\n"
                  "  ; a comment in between\r\n"
                  "  https://three\r\n"
                  "[ destination   disk-1.x_y ] ; here\r\n"
                  "[kist]\r\n"
                  "state = /var/lib/kist");
    expect_problems(parsed, NULL, 0);
    assert_string_equal(value(parsed, "source", "db", "plugin"), "pg_dump");
    assert_string_equal(value(parsed, "source", "db", "url"), "postgres://h/db?a=b");
    assert_string_equal(value(parsed, "source", "db", "empty"), "");
    assert_string_equal(value(parsed, "source", "db", "hash"), "a#b # c");
    assert_string_equal(value(parsed, "source", "db", "semicolon"), "a;b");
    assert_string_equal(value(parsed, "source", "db", "list"), "one,\ntwo\nhttps://three");
    assert_null(value(parsed, "destination", "disk-1.x_y", "plugin"));
    assert_string_equal(value(parsed, "kist", "", "state"), "/var/lib/kist");
    const struct kist_ini_section *source = kist_ini_find(&parsed->ini, "source", "db");
    assert_int_equal(source->line, 2);
    assert_string_equal(source->entries->key, "plugin");
    assert_int_equal(source->entries->line, 4);
    assert_int_equal(source->entries->commented, 0);
    assert_int_equal(source->entries->next->commented, 1);
    assert_null(kist_ini_find(&parsed->ini, "source", "other"));
}

static void every_mistake_of_form_is_reported(void **state)
{
    static const char *const messages[] = {
        "a.ini:1: a key outside of a section",
        "a.ini:3: [source db] neither a section nor 'key = value'",
        "a.ini:4: [source db] what stands before '=' is not a key",
        "a.ini:5: [source db] what stands before '=' is not a key",
        "a.ini:6: [source db] the key is 49 bytes long, at most 48 are allowed",
        "a.ini:8: [source db] an indented line continues the value above, but this one looks like a key or a "
        "section",
        "a.ini:9: [source db] an indented line continues the value above, but this one looks like a key or a "
        "section",
        "a.ini:11: [source db] one: the key is already at a.ini:7",
        "a.ini:13: ']' is missing at the end of the section's name",
        "a.ini:15: text after ']'",
        "a.ini:16: [sauce]: unknown kind of section",
        "a.ini:18: [source db] the section is already at a.ini:2",
        "a.ini:20: []: unknown kind of section",
        "a.ini:21: [destination] the section has no name",
        "a.ini:22: [destination] '../x' cannot be a name",
        "a.ini:23: [destination] '-x' cannot be a name",
        "a.ini:24: [destination] 'a b' cannot be a name",
        "a.ini:25: [destination] the name is 49 bytes long, at most 48 are allowed",
        "a.ini:26: [kist] this section takes no name",
    };
    struct parsed *parsed = *state;
    parse(parsed, "key = outside\n"
                  "[source db]\n"
                  "no pair\n"
                  "= nothing before\n"
                  "two words = x\n"
                  "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvw = x\n"
                  "one = 1\n"
                  "  two = 2\n"
                  "  [source x]\n"
                  "three = 3\n"
                  "one = 4\n"
                  "  continued\n"
                  "[source broken\n"
                  "unknown = but not reported\n"
                  "[source rest] plugin = x\n"
                  "[sauce x]\n"
                  "unknown = but not reported\n"
                  "[source db]\n"
                  "one = 5\n"
                  "[]\n"
                  "[destination]\n"
                  "[destination ../x]\n"
                  "[destination -x]\n"
                  "[destination a b]\n"
                  "[destination abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvw]\n"
                  "[kist x]\n");
    expect_problems(parsed, messages, sizeof messages / sizeof *messages);
    assert_string_equal(parsed->problems.items[10].hint, "did you mean 'source'?");
    assert_string_equal(value(parsed, "source", "db", "one"), "1");
    assert_string_equal(value(parsed, "source", "db", "three"), "3");
}

static void bytes_that_no_line_may_have_are_refused(void **state)
{
    static const char data[] = "[source db]\n"
                               "nul = a\0b\n"
                               "utf = \xc3(\n"
                               "esc = \033[2J\n"
                               "  continued\n"
                               "fine = yes\n"
                               "[source \x01]\n"
                               "key = belongs to nothing\n"
                               "; comment \xff\n";
    static const char *const messages[] = {
        "a.ini:2: [source db] a NUL byte in the line",
        "a.ini:3: [source db] the line is not valid UTF-8",
        "a.ini:4: [source db] a control character (0x1b) in the line",
        "a.ini:7: [source db] a control character (0x01) in the line",
        "a.ini:9: the line is not valid UTF-8",
    };
    struct parsed *parsed = *state;
    parse_bytes(parsed, data, sizeof data - 1);
    expect_problems(parsed, messages, sizeof messages / sizeof *messages);
    assert_string_equal(value(parsed, "source", "db", "fine"), "yes");
    assert_null(value(parsed, "source", "db", "key"));
}

static void utf16_is_named(void **state)
{
    struct parsed *parsed = *state;
    parse_bytes(parsed, "\xff\xfe[\0k\0", 6);
    expect_problem(parsed, "a.ini: the file is UTF-16; save it as UTF-8");
}

/* A value of `size` bytes in all in its line. */
static void parse_long_line(struct parsed *parsed, size_t size, const char *end_of_line)
{
    struct kist_text text = KIST_TEXT_INIT;
    kist_text_add(&text, "[source db]\nkey = ");
    for (size_t i = 6; i < size; i++)
        kist_text_add_char(&text, 'x');
    kist_text_add(&text, end_of_line);
    kist_text_add(&text, "  y\nnext = 1\n");
    parse(parsed, kist_text_get(&text));
    kist_text_done(&text);
}

static void the_longest_line_is_read_whole(void **state)
{
    struct parsed *parsed = *state;
    parse_long_line(parsed, 199, "\r\n");
    expect_problems(parsed, NULL, 0);
    assert_int_equal(strlen(value(parsed, "source", "db", "key")), 193 + 2);
}

static void a_longer_line_is_refused(void **state)
{
    struct parsed *parsed = *state;
    parse_long_line(parsed, 200, "\n");
    expect_problem(parsed, "a.ini:2: [source db] the line is 200 bytes long, at most 199 are allowed");
    assert_non_null(strstr(parsed->problems.items[0].hint, "KEY_file"));
    assert_null(value(parsed, "source", "db", "key"));
    assert_string_equal(value(parsed, "source", "db", "next"), "1");
}

static void a_line_of_a_megabyte_is_refused(void **state)
{
    struct parsed *parsed = *state;
    parse_long_line(parsed, 1 << 20, "\n");
    expect_problem(parsed, "a.ini:2: [source db] the line is 1048576 bytes long, at most 199 are allowed");
}

static void indented_keys_after_a_section_are_keys(void **state)
{
    struct parsed *parsed = *state;
    parse(parsed, "[source a]\nx = 1\n[source b]\n  y = 2\n");
    expect_problems(parsed, NULL, 0);
    assert_string_equal(value(parsed, "source", "b", "y"), "2");
    assert_string_equal(value(parsed, "source", "a", "x"), "1");
}

static void long_names_of_sections_are_whole(void **state)
{
    struct parsed *parsed = *state;
    parse(parsed, "[destination abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst_1]\nk = 1\n"
                  "[destination abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst_2]\nk = 2\n");
    expect_problems(parsed, NULL, 0);
    assert_string_equal(value(parsed, "destination", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst_2", "k"),
                        "2");
}

static void very_much_is_read_fast(void **state)
{
    struct parsed *parsed = *state;
    struct kist_text text = KIST_TEXT_INIT;
    for (int i = 0; i < 100000; i++)
        kist_text_printf(&text, "[destination d%d]\nplugin = local\n", i);
    for (int i = 0; i < 100000; i++)
        kist_text_printf(&text, "key%d = x\n", i);
    for (int i = 0; i < 100000; i++)
        kist_text_add(&text, " y\n");
    clock_t start = clock();
    parse_bytes(parsed, text.data, text.size);
    assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
    kist_text_done(&text);
    expect_problems(parsed, NULL, 0);
    assert_string_equal(value(parsed, "destination", "d99998", "plugin"), "local");
    assert_int_equal(strlen(value(parsed, "destination", "d99999", "key99999")), 200001);
}

static void an_empty_file_is_empty(void **state)
{
    struct parsed *parsed = *state;
    parse(parsed, "");
    parse(parsed, "\n\n ; nothing\n#\n");
    expect_problems(parsed, NULL, 0);
    assert_null(parsed->ini.sections);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_taken_apart, begin, end),
        cmocka_unit_test_setup_teardown(every_mistake_of_form_is_reported, begin, end),
        cmocka_unit_test_setup_teardown(bytes_that_no_line_may_have_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(utf16_is_named, begin, end),
        cmocka_unit_test_setup_teardown(the_longest_line_is_read_whole, begin, end),
        cmocka_unit_test_setup_teardown(a_longer_line_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_line_of_a_megabyte_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(indented_keys_after_a_section_are_keys, begin, end),
        cmocka_unit_test_setup_teardown(long_names_of_sections_are_whole, begin, end),
        cmocka_unit_test_setup_teardown(very_much_is_read_fast, begin, end),
        cmocka_unit_test_setup_teardown(an_empty_file_is_empty, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
