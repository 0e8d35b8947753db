#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern const struct kist_notifier kist_plugin;

struct logfile_config {
    const char *path;
};

static int notify_with(const char *path, const struct kist_event *event, struct kist_test_host *test)
{
    struct logfile_config config = {.path = path};
    void *self = NULL;
    assert_int_equal(kist_plugin.open(&test->host, &config, &self, &test->err), 0);
    int code = kist_plugin.notify(self, event, 1000, &test->err);
    kist_plugin.close(self);
    return code;
}

static void test_lines(void **state)
{
    (void)state;
    struct kist_test_host test;
    char path[] = "/tmp/kist-logfile.XXXXXX", text[512] = "";
    assert_int_equal(kist_test_host_init(&test), 0);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct kist_event good = {.struct_size = sizeof good,
                              .kind = KIST_EVENT_SUCCESS,
                              .word = "success",
                              .pipeline = "p",
                              .backup = "2026-11-21T02-00-00Z",
                              .summary = "backup of p: ok"};
    struct kist_event bad = {.struct_size = sizeof bad,
                             .kind = KIST_EVENT_FAILURE,
                             .word = "failure",
                             .pipeline = "p",
                             .summary = "backup of p: failed",
                             .cause = "two\nlines"};
    assert_int_equal(notify_with(path, &good, &test), 0);
    assert_int_equal(notify_with(path, &bad, &test), 0);
    ssize_t size = read(fd, text, sizeof text - 1);
    assert_true(size > 0);
    assert_string_equal(text, "success p/2026-11-21T02-00-00Z: backup of p: ok\n"
                              "failure p/-: backup of p: failed: two lines\n");
    kist_test_first_event(&bad); /* of a core that knew no words */
    assert_int_equal(notify_with(path, &bad, &test), 0);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, "event p/-: backup of p: failed: two lines\n"));
    close(fd);
    unlink(path);
    kist_test_host_done(&test);
}

static void test_what_cannot_be_written(void **state)
{
    (void)state;
    struct kist_test_host test;
    struct kist_event event = {
        .struct_size = sizeof event, .kind = KIST_EVENT_TEST, .word = "test", .pipeline = "p", .summary = "s"};
    assert_int_equal(kist_test_host_init(&test), 0);
    assert_int_equal(notify_with("/nonexistent/file", &event, &test), KIST_ERR_FAILED);
    assert_non_null(strstr(test.err.message, "/nonexistent/file"));
    kist_test_host_clear(&test);
    assert_int_equal(notify_with("/dev/full", &event, &test), KIST_ERR_FAILED);
    assert_non_null(strstr(test.err.message, "/dev/full"));
    kist_test_host_done(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_what_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
