/* again_test.c - which failures are tried again, after what wait, and what is said when it was no use. */
#include "again.h"
#include "test_host.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static struct kist_test_host test;

static int set_up(void **state)
{
    (void)state;
    return kist_test_host_init(&test);
}

static int tear_down(void **state)
{
    (void)state;
    kist_test_host_done(&test);
    return 0;
}

static int64_t now(void)
{
    return test.host.monotonic_ms(&test.host);
}

static void fail_for_now(int64_t after_ms)
{
    (test.host.fail)(&test.host, &test.err, KIST_ERR_UNAVAILABLE, "the service is busy");
    test.host.hint(&test.host, &test.err, "wait");
    test.host.retry(&test.host, &test.err, 1, after_ms);
}

static void test_only_what_may_pass(void **state)
{
    (void)state;
    struct kist_again again = kist_again_begin(&test.host, 0);
    (test.host.fail)(&test.host, &test.err, KIST_ERR_AUTH, "the key is refused");
    assert_int_equal(kist_again(&again, &test.err), 0);
    assert_string_equal(test.err.message, "the key is refused");
    assert_int_equal(test.err.code, KIST_ERR_AUTH);
}

static void test_waits_as_long_as_it_is_asked_to(void **state)
{
    (void)state;
    struct kist_again again = kist_again_begin(&test.host, 0);
    again.delay_ms = 1;
    int64_t begun = now();
    fail_for_now(120);
    assert_int_equal(kist_again(&again, &test.err), 1);
    assert_in_range(now() - begun, 120, 5000);
    assert_int_equal(again.tries, 1);
}

/* A wait that ends behind the deadline is not begun, and the message says how often it was tried. */
static void test_deadline(void **state)
{
    (void)state;
    struct kist_again again = kist_again_begin(&test.host, 5000);
    again.delay_ms = 1;
    fail_for_now(0);
    assert_int_equal(kist_again(&again, &test.err), 1);
    int64_t begun = now();
    fail_for_now(3600000);
    assert_int_equal(kist_again(&again, &test.err), 0);
    assert_in_range(now() - begun, 0, 2000);
    assert_int_equal(test.err.code, KIST_ERR_UNAVAILABLE);
    assert_int_equal(test.err.retryable, 1);
    assert_int_equal(strncmp(test.err.message, "the service is busy (tried 2 times in ", 38), 0);
    assert_string_equal(test.err.hint, "wait");
}

/* A failure at the first try has nothing to say about tries. */
static void test_first_failure_is_said_as_it_is(void **state)
{
    (void)state;
    struct kist_again again = kist_again_begin(&test.host, 10);
    fail_for_now(1000);
    assert_int_equal(kist_again(&again, &test.err), 0);
    assert_string_equal(test.err.message, "the service is busy");
}

static void test_cancelled(void **state)
{
    (void)state;
    struct kist_again again = kist_again_begin(&test.host, 0);
    kist_test_host_cancel(&test);
    int64_t begun = now();
    fail_for_now(60000);
    assert_int_equal(kist_again(&again, &test.err), 0);
    assert_in_range(now() - begun, 0, 5000);
    assert_int_equal(test.err.code, KIST_ERR_CANCELLED);
    assert_int_equal(kist_again_wait(&test.host, 60000, &test.err), KIST_ERR_CANCELLED);
}

/* News only once it lasts. */
static void test_what_it_logs(void **state)
{
    (void)state;
    struct kist_again again = kist_again_begin(&test.host, 0);
    again.delay_ms = 1;
    for (int i = 0; i < 4; i++) {
        fail_for_now(1);
        assert_int_equal(kist_again(&again, &test.err), 1);
    }
    assert_non_null(test.log);
    assert_non_null(strstr(test.log, "the service is busy"));
}

/* Without random numbers every wait is the longest. */
static void test_no_random_numbers(void **state)
{
    (void)state;
    struct kist_again again = kist_again_begin(&test.host, 0);
    again.delay_ms = 80;
    test.random_fails = 1;
    int64_t begun = now();
    fail_for_now(0);
    assert_int_equal(kist_again(&again, &test.err), 1);
    assert_in_range(now() - begun, 80, 5000);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_only_what_may_pass), TEST(test_waits_as_long_as_it_is_asked_to),
        TEST(test_deadline),           TEST(test_first_failure_is_said_as_it_is),
        TEST(test_cancelled),          TEST(test_what_it_logs),
        TEST(test_no_random_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
