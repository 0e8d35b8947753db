#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "redact.h"

static int forget(void **state)
{
    (void)state;
    kist_redact_forget();
    return 0;
}

static void check(const char *text, const char *expected)
{
    char *clean = kist_redact(text);
    assert_string_equal(clean, expected);
    free(clean);
}

static void add(const char *secret)
{
    assert_int_equal(kist_redact_add(secret), 0);
}

static void unknown_text_stays(void **state)
{
    (void)state;
    check("nothing here", "nothing here");
    check("", "");
    add("hunter2-canary");
    check("hunter2", "hunter2");
    check("", "");
}

static void a_secret_is_found_everywhere(void **state)
{
    (void)state;
    add("hunter2-canary");
    check("hunter2-canary", "***");
    check("x hunter2-canary y hunter2-canary", "x *** y ***");
    check("hunter2-canaryhunter2-canary", "******");
}

static void short_values_are_not_remembered(void **state)
{
    (void)state;
    add("abc");
    add("");
    check("abc abc", "abc abc");
    add("abcd");
    check("abcd", "***");
}

static void encoded_forms_are_found(void **state)
{
    (void)state;
    add("p@ss w\xc3\xb6rd/+?>");
    check("u=p%40ss%20w%C3%B6rd%2F%2B%3F%3E;", "u=***;");
    check("u=p%40ss%20w%c3%b6rd%2f%2b%3f%3e;", "u=***;");
    check("u=p%40ss+w%C3%B6rd%2F%2B%3F%3E;", "u=***;");
    check("%70%40%73%73%20%77%C3%B6%72%64%2F%2B%3F%3E", "***");
    /* base64, base64url, and in the middle of "user:secret" for every length of "user:" modulo 3 */
    check("cEBzcyB3w7ZyZC8rPz4=", "***");
    check("cEBzcyB3w7ZyZC8rPz4", "***");
    check("cEBzcyB3w7ZyZC8rPz4mbW9yZQ==", "***mbW9yZQ==");
    check("Authorization: Basic dTpwQHNzIHfDtnJkLys/Pg==", "Authorization: Basic dTp***");
    add("hunter2-canary");
    check("YTpodW50ZXIyLWNhbmFyeQ==", "YTp***");
    check("YWI6aHVudGVyMi1jYW5hcnk=", "YWI6***");
    check("YWJjOmh1bnRlcjItY2FuYXJ5", "YWJjOm***");
}

static void the_password_of_a_url_is_a_secret(void **state)
{
    (void)state;
    add("postgres://me:s3cr%40t-x@h/db");
    check("connecting to postgres://me:s3cr%40t-x@h/db", "connecting to ***");
    check("password s3cr%40t-x or s3cr@t-x, of h/db", "password *** or ***, of h/db");
    add("host=h password='it\\'s me' user=x");
    check("it's me", "***");
}

static void the_longest_secret_wins(void **state)
{
    (void)state;
    add("abcd");
    add("abcdefgh");
    check("abcdefgh abcd", "*** ***");
    add("fghijk");
    check("abcdefghijk!", "***!");
}

static void forgotten_secrets_are_unknown(void **state)
{
    (void)state;
    add("hunter2-canary");
    kist_redact_forget();
    check("hunter2-canary", "hunter2-canary");
}

static void *add_many(void *arg)
{
    for (int i = 0; i < 200; i++) {
        char secret[64];
        snprintf(secret, sizeof secret, "secret-%s-%d", (const char *)arg, i);
        if (kist_redact_add(secret))
            return arg;
        char *clean = kist_redact(secret);
        int same = clean && strcmp(clean, "***") == 0;
        free(clean);
        if (!same)
            return arg;
    }
    return NULL;
}

static void threads_may_add(void **state)
{
    static char names[4][2] = {"a", "b", "c", "d"};
    pthread_t threads[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, names[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *result = names;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(unknown_text_stays, forget),
        cmocka_unit_test_teardown(a_secret_is_found_everywhere, forget),
        cmocka_unit_test_teardown(short_values_are_not_remembered, forget),
        cmocka_unit_test_teardown(encoded_forms_are_found, forget),
        cmocka_unit_test_teardown(the_password_of_a_url_is_a_secret, forget),
        cmocka_unit_test_teardown(the_longest_secret_wins, forget),
        cmocka_unit_test_teardown(forgotten_secrets_are_unknown, forget),
        cmocka_unit_test_teardown(threads_may_add, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
