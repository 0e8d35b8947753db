/* Patterns for keys: sdk/include/kist/glob.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <kist/glob.h>

static const struct {
    const char *pattern, *text;
    int fits;
} cases[] = {
    {"", "", 1},
    {"", "a", 0},
    {"a", "", 0},
    {"a/b", "a/b", 1},
    {"a/b", "a/bc", 0},
    {"*", "", 1},
    {"*", "abc", 1},
    {"*", "a/b", 0},
    {"*.jpg", "a.jpg", 1},
    {"*.jpg", "a.jpg.jpg", 1},
    {"*.jpg", "a.jpgx", 0},
    {"*.jpg", "x/a.jpg", 0},
    {"x/*", "x/a", 1},
    {"x/*", "x/a/b", 0},
    {"x/*/b", "x/a/b", 1},
    {"x/*/b", "x/a/a/b", 0},
    {"*a*b*", "xxaxxbxx", 1},
    {"*a*b", "ab/ab", 0},
    {"*/x*b", "a/xcbb", 1},
    {"**", "", 1},
    {"**", "a/b/c", 1},
    {"**.jpg", "a/b/c.jpg", 1},
    {"**.jpg", "c.jpg", 1},
    {"x/**", "x/a/b", 1},
    {"x/**", "xa", 0},
    {"**/c.jpg", "c.jpg", 1},
    {"**/c.jpg", "a/b/c.jpg", 1},
    {"**/c.jpg", "a/bc.jpg", 0},
    {"a/**/z", "a/z", 1},
    {"a/**/z", "a/b/c/z", 1},
    {"a/**/z", "ab/z", 0},
    {"a**/z", "axx/y/z", 1},
    {"a**/z", "az", 0},
    {"**/a*/b", "x/ay/z/aa/b", 1},
    {"**/a*/b", "x/ay/z/aa/c", 0},
    {"**a*b", "a/b/ab", 1},
    {"**a**b**c", "xaxbxaxc", 1},
    {"?", "a", 1},
    {"?", "/", 0},
    {"?", "", 0},
    {"?", "ü", 1},
    {"??", "ü", 0},
    {"a?c",
     "a\xe2\x82\xac"
     "c",
     1},
    {"[id].html", "[id].html", 1},
    {"[id].html", "i.html", 0},
    {"\\*", "*", 1},
    {"\\*", "a", 0},
    {"\\?", "?", 1},
    {"a\\\\b", "a\\b", 1},
    {"a\\", "a\\", 1},
    {"?", "?", 1},
};

static void what_fits_and_what_does_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (kist_glob_match(cases[i].pattern, cases[i].text) != cases[i].fits)
            fail_msg("'%s' against '%s'", cases[i].pattern, cases[i].text);
}

/* A pattern of a stranger must not keep the program busy for ever. */
static void no_pattern_takes_long(void **state)
{
    (void)state;
    char text[5001], pattern[2001] = "";
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (size_t i = 0; i < 1000; i++)
        memcpy(pattern + 2 * i, "*a", 2);
    pattern[2000] = '\0';
    pattern[1999] = 'b';
    clock_t begun = clock();
    assert_int_equal(kist_glob_match(pattern, text), 0);
    pattern[1] = '*';
    assert_int_equal(kist_glob_match(pattern, text), 0);
    assert_true(clock() - begun < 5 * CLOCKS_PER_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_and_what_does_not),
        cmocka_unit_test(no_pattern_takes_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
