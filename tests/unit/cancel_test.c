#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "cancel.h"

static int readable(const struct kist_cancel *cancel)
{
    struct pollfd fd = {.fd = kist_cancel_fd(cancel), .events = POLLIN};
    return poll(&fd, 1, 0);
}

static struct kist_cancel *new_cancel(struct kist_cancel *parent)
{
    struct kist_error err = KIST_ERROR_INIT;
    struct kist_cancel *cancel = NULL;
    assert_int_equal(kist_cancel_new(parent, &cancel, &err), 0);
    return cancel;
}

static void it_stays_set(void **state)
{
    (void)state;
    struct kist_cancel *cancel = new_cancel(NULL);
    assert_int_equal(kist_cancel_is_set(cancel), 0);
    assert_int_equal(readable(cancel), 0);
    for (int i = 0; i < 1000; i++)
        kist_cancel_set(cancel);
    assert_int_equal(kist_cancel_is_set(cancel), 1);
    assert_int_equal(readable(cancel), 1);
    assert_int_equal(readable(cancel), 1);
    kist_cancel_free(cancel);
    kist_cancel_free(NULL);
}

static void a_parent_reaches_its_children_only(void **state)
{
    (void)state;
    struct kist_cancel *parent = new_cancel(NULL);
    struct kist_cancel *one = new_cancel(parent), *two = new_cancel(parent);
    kist_cancel_set(one);
    assert_int_equal(kist_cancel_is_set(one), 1);
    assert_int_equal(readable(one), 1);
    assert_int_equal(kist_cancel_is_set(two), 0);
    assert_int_equal(readable(two), 0);
    assert_int_equal(kist_cancel_is_set(parent), 0);
    kist_cancel_set(parent);
    assert_int_equal(kist_cancel_is_set(two), 1);
    assert_int_equal(readable(two), 1);
    kist_cancel_free(two);
    kist_cancel_free(one);
    kist_cancel_free(parent);
}

/* Deeper than the kernel nests epoll descriptors. */
static void the_line_may_be_long(void **state)
{
    (void)state;
    struct kist_cancel *line[12];
    for (size_t i = 0; i < 12; i++)
        line[i] = new_cancel(i > 0 ? line[i - 1] : NULL);
    kist_cancel_set(line[3]);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(kist_cancel_is_set(line[i]), i >= 3);
        assert_int_equal(readable(line[i]), i >= 3);
    }
    for (size_t i = 12; i-- > 0;)
        kist_cancel_free(line[i]);
}

static struct kist_cancel *in_handler;

static void on_alarm(int number)
{
    (void)number;
    kist_cancel_set(in_handler);
}

static void a_signal_handler_may_set_it(void **state)
{
    (void)state;
    struct kist_cancel *parent = new_cancel(NULL), *child = new_cancel(parent);
    struct sigaction action = {.sa_handler = on_alarm};
    struct pollfd fd = {.fd = kist_cancel_fd(child), .events = POLLIN};
    in_handler = parent;
    sigaction(SIGALRM, &action, NULL);
    ualarm(20000, 0);
    int ready = -1;
    while (ready < 0)
        ready = poll(&fd, 1, 5000);
    assert_int_equal(ready, 1);
    assert_int_equal(kist_cancel_is_set(child), 1);
    kist_cancel_free(child);
    kist_cancel_free(parent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stays_set),
        cmocka_unit_test(a_parent_reaches_its_children_only),
        cmocka_unit_test(the_line_may_be_long),
        cmocka_unit_test(a_signal_handler_may_set_it),
    };
    return cmocka_run_group_tests_name("cancel", tests, NULL, NULL);
}
