/* What stands between a plugin and the core: the host table and the results of callbacks. Fault 82. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* the host has a callback of that name */

#include "instance.h"
#include "log.h"
#include "redact.h"

static struct kist_error err = KIST_ERROR_INIT;
static int open_result, open_speaks, closed;

static int open_notifier(const struct kist_host *host, const void *config, void **ret_self,
                         struct kist_error *error)
{
    *ret_self = (void *)(uintptr_t)config;
    if (open_speaks)
        host->fail(host, error, KIST_ERR_AUTH, "the token was refused");
    return open_result;
}

static void close_notifier(void *self)
{
    closed += self != NULL;
}

static const struct kist_plugin plugin = {
    .kind = KIST_KIND_NOTIFIER,
    .name = "email",
    .as.notifier = {.open = open_notifier, .close = close_notifier},
};

static struct kist_config_section section = {.name = "ops", .plugin = &plugin};

static struct kist_instance *open_with(struct kist_cancel *cancel)
{
    static int config;
    struct kist_instance *instance = NULL;
    open_result = open_speaks = closed = 0;
    section.config = &config;
    assert_int_equal(kist_instance_open(&section, "shop-daily", cancel, &instance, &err), 0);
    assert_ptr_equal(instance->self, &config);
    return instance;
}

static int teardown(void **state)
{
    (void)state;
    kist_error_clear(&err);
    return 0;
}

static void it_knows_where_it_is(void **state)
{
    (void)state;
    struct kist_instance *instance = open_with(NULL);
    assert_string_equal(instance->where, "shop-daily/ops(email)");
    kist_instance_close(instance);
    assert_int_equal(closed, 1);
    kist_instance_close(NULL);
    assert_int_equal(kist_instance_open(&section, NULL, NULL, &instance, &err), 0);
    assert_string_equal(instance->where, "ops(email)");
    kist_instance_close(instance);
}

static void a_failed_open_says_where(void **state)
{
    (void)state;
    struct kist_instance *instance = NULL;
    closed = 0;
    open_result = KIST_ERR_AUTH;
    open_speaks = 1;
    assert_int_equal(kist_instance_open(&section, "shop", NULL, &instance, &err), KIST_ERR_AUTH);
    assert_string_equal(err.message, "shop/ops(email): the token was refused");
    assert_null(instance);
    assert_int_equal(closed, 0);
    open_result = -1;
    open_speaks = 0;
    kist_error_clear(&err);
    assert_int_equal(kist_instance_open(&section, "shop", NULL, &instance, &err), KIST_ERR_BUG);
    assert_string_equal(err.message, "shop/ops(email): the plugin returned -1 without saying why");
}

static void assert_result(const struct kist_instance *instance, int code, int expected, const char *message)
{
    assert_int_equal(kist_instance_result(instance, code, &err), expected);
    assert_int_equal(err.code, expected);
    assert_string_equal(err.message, message);
    /* A second time changes nothing. */
    assert_int_equal(kist_instance_result(instance, err.code, &err), expected);
    assert_string_equal(err.message, message);
    kist_error_clear(&err);
}

static void results_of_careless_plugins(void **state)
{
    (void)state;
    struct kist_instance *instance = open_with(NULL);
    const struct kist_host *host = &instance->host;
    /* An error of a call that succeeded in the end. */
    host->fail(host, &err, KIST_ERR_UNAVAILABLE, "try again");
    assert_int_equal(kist_instance_result(instance, 0, &err), 0);
    assert_null(err.message);
    assert_int_equal(err.code, 0);
    /* Nothing said. */
    assert_result(instance, -1, KIST_ERR_BUG, "shop-daily/ops(email): the plugin returned -1 without saying why");
    assert_result(
        instance, 5, KIST_ERR_BUG,
        "shop-daily/ops(email): the plugin returned 5 without saying why, which is no result that it may "
        "return");
    assert_result(
        instance, -99, KIST_ERR_BUG,
        "shop-daily/ops(email): the plugin returned -99 without saying why, which is no result that it may "
        "return");
    assert_result(instance, KIST_ERR_NOT_FOUND, KIST_ERR_NOT_FOUND,
                  "shop-daily/ops(email): not found (the plugin did not say more)");
    assert_result(instance, KIST_ERR_CANCELLED, KIST_ERR_CANCELLED, "shop-daily/ops(email): cancelled");
    /* Said one thing, returned another. */
    host->fail(host, &err, KIST_ERR_NO_SPACE, "disk full");
    assert_result(instance, -1, KIST_ERR_NO_SPACE, "shop-daily/ops(email): disk full");
    host->fail(host, &err, KIST_ERR_NO_SPACE, "disk full");
    assert_result(instance, 1, KIST_ERR_NO_SPACE, "shop-daily/ops(email): disk full");
    host->fail(host, &err, KIST_ERR_UNAVAILABLE, "gone");
    assert_int_equal(err.retryable, 1);
    assert_int_equal(kist_instance_result(instance, KIST_ERR_CORRUPT, &err), KIST_ERR_CORRUPT);
    assert_int_equal(err.retryable, 0);
    kist_error_clear(&err);
    assert_int_equal(host->fail(host, &err, 42, "what %s", "now"), KIST_ERR_BUG);
    assert_result(instance, KIST_ERR_BUG, KIST_ERR_BUG, "shop-daily/ops(email): what now");
    kist_instance_close(instance);
}

static void errors_of_the_host(void **state)
{
    (void)state;
    struct kist_instance *instance = open_with(NULL);
    const struct kist_host *host = &instance->host;
    assert_int_equal(host->fail(host, &err, KIST_ERR_TIMEOUT, "first %d", 1), KIST_ERR_TIMEOUT);
    assert_int_equal(err.retryable, 1);
    host->hint(host, &err, "wait %s", "a bit");
    host->retry(host, &err, 0, -5);
    assert_int_equal(err.retryable, 0);
    assert_int_equal(err.retry_after_ms, 0);
    host->retry(host, &err, 7, 1500);
    assert_int_equal(err.retryable, 1);
    assert_int_equal(err.retry_after_ms, 1500);
    assert_int_equal(kist_instance_result(instance, KIST_ERR_TIMEOUT, &err), KIST_ERR_TIMEOUT);
    assert_string_equal(err.message, "shop-daily/ops(email): first 1");
    assert_string_equal(err.hint, "wait a bit");
    assert_int_equal(err.retry_after_ms, 1500);
    assert_int_equal(host->fail(host, &err, KIST_ERR_AUTH, "second"), KIST_ERR_AUTH);
    assert_null(err.hint);
    kist_instance_close(instance);
}

static void services(void **state)
{
    (void)state;
    struct kist_instance *instance = open_with(NULL);
    const struct kist_host *host = &instance->host;
    unsigned char data[1000] = {0}, other[1000] = {0};
    assert_int_equal(host->struct_size, sizeof *host);
    assert_int_equal(host->random(host, data, sizeof data, &err), 0);
    assert_int_equal(host->random(host, other, sizeof other, &err), 0);
    assert_memory_not_equal(data, other, sizeof data);
    assert_true(host->now_ms(host) > INT64_C(1700000000000));
    int64_t before = host->monotonic_ms(host);
    assert_true(host->monotonic_ms(host) >= before);
    char text[] = "kept";
    const char *kept = host->keep_string(host, text);
    text[0] = 'w';
    for (int i = 0; i < 500; i++)
        assert_non_null(host->keep_string(host, "another"));
    assert_string_equal(kept, "kept");
    assert_int_equal(host->add_secret(host, "correct-horse-battery"), 0);
    char *clean = kist_redact("token correct-horse-battery refused");
    assert_string_equal(clean, "token *** refused");
    free(clean);
    kist_redact_forget();
    kist_log_setup(KIST_LOG_ERROR, KIST_LOG_PLAIN, 0);
    host->log(host, KIST_LOG_DEBUG, "not shown %d", 1);
    kist_instance_close(instance);
}

static void cancelling(void **state)
{
    (void)state;
    struct kist_cancel *cancel = NULL;
    struct kist_instance *never = open_with(NULL);
    assert_int_equal(never->host.cancelled(&never->host), 0);
    struct pollfd fd = {.fd = never->host.cancel_fd(&never->host), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 0), 0);
    kist_instance_close(never);
    assert_int_equal(kist_cancel_new(NULL, &cancel, &err), 0);
    struct kist_instance *instance = open_with(cancel);
    fd.fd = instance->host.cancel_fd(&instance->host);
    assert_int_equal(instance->host.cancelled(&instance->host), 0);
    assert_int_equal(poll(&fd, 1, 0), 0);
    kist_cancel_set(cancel);
    assert_int_equal(instance->host.cancelled(&instance->host), 1);
    assert_int_equal(poll(&fd, 1, 0), 1);
    kist_instance_close(instance);
    kist_cancel_free(cancel);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_knows_where_it_is),
        TEST(a_failed_open_says_where),
        TEST(results_of_careless_plugins),
        TEST(errors_of_the_host),
        TEST(services),
        TEST(cancelling),
    };
    return cmocka_run_group_tests_name("instance", tests, NULL, NULL);
}
