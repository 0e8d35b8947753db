#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "error.h"
#include "log.h"
#include "redact.h"

static char captured[32768];
static int saved_stderr;
static FILE *capture;

/* From here to captured_lines() standard error goes to a file. */
static void begin_capture(void)
{
    capture = tmpfile();
    assert_non_null(capture);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(dup2(fileno(capture), STDERR_FILENO) >= 0);
}

static const char *end_capture(void)
{
    assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
    close(saved_stderr);
    ssize_t size = pread(fileno(capture), captured, sizeof captured - 1, 0);
    assert_true(size >= 0);
    captured[size] = '\0';
    fclose(capture);
    return captured;
}

static void plain_lines(void **state)
{
    struct kist_error err = KIST_ERROR_INIT;
    (void)state;
    kist_log_setup(KIST_LOG_INFO, KIST_LOG_PLAIN, 0);
    begin_capture();
    kist_log(KIST_LOG_INFO, NULL, "%d items", 3);
    kist_log(KIST_LOG_WARNING, "shop/disk(local)", "slow");
    kist_log(KIST_LOG_DEBUG, NULL, "not shown");
    kist_fail(&err, KIST_ERR_NO_SPACE, "no space");
    kist_hint(&err, "make room");
    kist_log_error("shop", &err);
    kist_log_at(KIST_LOG_DEBUG, "shop", &err);
    kist_error_done(&err);
    assert_string_equal(end_capture(), "kist: 3 items\n"
                                       "kist: warning: shop/disk(local): slow\n"
                                       "kist: error: shop: no space\n"
                                       "  hint: make room\n");
    assert_int_equal(kist_log_level(), KIST_LOG_INFO);
}

static void colors_mark_the_level_only(void **state)
{
    (void)state;
    kist_log_setup(KIST_LOG_DEBUG, KIST_LOG_PLAIN, 1);
    begin_capture();
    kist_log(KIST_LOG_ERROR, NULL, "bad");
    kist_log(KIST_LOG_DEBUG, NULL, "x");
    assert_string_equal(end_capture(), "kist: \033[1;31merror:\033[0m bad\nkist: debug: x\n");
}

static void one_event_is_one_line(void **state)
{
    (void)state;
    kist_log_setup(KIST_LOG_INFO, KIST_LOG_PLAIN, 0);
    begin_capture();
    errno = 77;
    kist_log(KIST_LOG_INFO, "a\nb", "x\ny\033[2J\xff");
    assert_int_equal(errno, 77);
    assert_string_equal(end_capture(), "kist: a\\nb: x\\ny\\x1b[2J\xef\xbf\xbd\n");
}

static void secrets_are_removed(void **state)
{
    struct kist_error err = KIST_ERROR_INIT;
    (void)state;
    assert_int_equal(kist_redact_add("hunter2\ncanary"), 0);
    kist_log_setup(KIST_LOG_INFO, KIST_LOG_PLAIN, 0);
    begin_capture();
    kist_log(KIST_LOG_INFO, "hunter2\ncanary", "is hunter2\ncanary!");
    kist_fail(&err, KIST_ERR_AUTH, "hunter2\ncanary");
    kist_hint(&err, "hunter2\ncanary");
    kist_log_error(NULL, &err);
    kist_error_done(&err);
    assert_string_equal(end_capture(), "kist: ***: is ***!\nkist: error: ***\n  hint: ***\n");
    kist_redact_forget();
}

static void long_lines_are_cut(void **state)
{
    char text[20001];
    (void)state;
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = (char)(i % 2 ? 0xa9 : 0xc3);
    text[sizeof text - 1] = '\0';
    for (int format = KIST_LOG_PLAIN; format <= KIST_LOG_JOURNALD; format++) {
        kist_log_setup(KIST_LOG_INFO, (enum kist_log_format)format, 0);
        begin_capture();
        kist_log(KIST_LOG_ERROR, text, "%s", text);
        const char *line = end_capture();
        assert_true(strlen(line) <= 4096);
        assert_true(strlen(line) > 1500);
        assert_true(strchr(line, '\n') == line + strlen(line) - 1);
    }
    memset(text, '\\', sizeof text - 1);
    kist_log_setup(KIST_LOG_INFO, KIST_LOG_JSON, 0);
    begin_capture();
    kist_log(KIST_LOG_ERROR, NULL, "%s", text);
    assert_true(strlen(end_capture()) <= 4096);
}

static void json_lines(void **state)
{
    struct kist_error err = KIST_ERROR_INIT;
    (void)state;
    kist_log_setup(KIST_LOG_INFO, KIST_LOG_JSON, 1);
    begin_capture();
    kist_fail(&err, KIST_ERR_AUTH, "a \"quoted\" thing\xff");
    kist_hint(&err, "try");
    kist_log_error("shop", &err);
    kist_error_done(&err);
    json_t *event = json_loads(end_capture(), 0, NULL);
    assert_non_null(event);
    assert_string_equal(json_string_value(json_object_get(event, "level")), "error");
    assert_string_equal(json_string_value(json_object_get(event, "where")), "shop");
    assert_string_equal(json_string_value(json_object_get(event, "message")), "a \"quoted\" thing\xef\xbf\xbd");
    assert_string_equal(json_string_value(json_object_get(event, "hint")), "try");
    const char *time = json_string_value(json_object_get(event, "time"));
    assert_int_equal(strlen(time), strlen("2026-11-21T02:00:00.000Z"));
    assert_int_equal(time[10], 'T');
    json_decref(event);
}

static void the_journal_is_recognised(void **state)
{
    struct stat status;
    char stream[64];
    (void)state;
    begin_capture();
    assert_int_equal(fstat(STDERR_FILENO, &status), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    kist_log_setup(KIST_LOG_INFO, KIST_LOG_PLAIN, 1);
    kist_log(KIST_LOG_ERROR, NULL, "bad");
    kist_log(KIST_LOG_WARNING, NULL, "hm");
    kist_log(KIST_LOG_INFO, NULL, "good");
    setenv("JOURNAL_STREAM", "1:2", 1);
    kist_log_setup(KIST_LOG_INFO, KIST_LOG_PLAIN, 0);
    kist_log(KIST_LOG_ERROR, NULL, "elsewhere");
    setenv("JOURNAL_STREAM", "x", 1);
    kist_log_setup(KIST_LOG_INFO, KIST_LOG_PLAIN, 0);
    kist_log(KIST_LOG_ERROR, NULL, "nowhere");
    unsetenv("JOURNAL_STREAM");
    assert_string_equal(end_capture(), "<3>kist: error: bad\n<4>kist: warning: hm\n<6>kist: good\n"
                                       "kist: error: elsewhere\nkist: error: nowhere\n");
}

/* The last test: the failure is remembered for good. */
static void a_lost_line_is_remembered(void **state)
{
    (void)state;
    kist_log_setup(KIST_LOG_INFO, KIST_LOG_PLAIN, 0);
    assert_int_equal(kist_log_failed(), 0);
    begin_capture();
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    assert_true(dup2(full, STDERR_FILENO) >= 0);
    close(full);
    kist_log(KIST_LOG_INFO, NULL, "lost");
    end_capture();
    assert_int_equal(kist_log_failed(), 1);
}

static void the_tail(void **state)
{
    (void)state;
    kist_log_setup(KIST_LOG_INFO, KIST_LOG_PLAIN, 1);
    begin_capture();
    kist_log(KIST_LOG_ERROR, "p", "in \033[31mred\033[0m");
    end_capture();
    char *tail = kist_log_tail(100);
    assert_non_null(tail);
    /* Of what was logged before, whole lines. */
    const char *line = strstr(tail, "kist: error: p: in \\x1b[31mred\\x1b[0m\n");
    assert_non_null(line);
    assert_true(strlen(tail) <= 100 && strchr(tail, '\033') == NULL);
    free(tail);
    begin_capture();
    for (int i = 0; i < 1000; i++)
        kist_log(KIST_LOG_INFO, NULL, "line %03d of many that are all of one length", i);
    end_capture();
    tail = kist_log_tail(SIZE_MAX);
    assert_non_null(tail);
    size_t size = strlen(tail), length = strlen("kist: line 000 of many that are all of one length\n");
    assert_true(size <= 8192 && size > 8192 - length && size % length == 0);
    assert_string_equal(tail + size - length, "kist: line 999 of many that are all of one length\n");
    assert_memory_equal(tail, "kist: line ", strlen("kist: line "));
    free(tail);
    for (size_t more = 0; more < 6; more += 5) {
        tail = kist_log_tail(length * 2 + more);
        assert_int_equal(strlen(tail), length * 2);
        free(tail);
    }
    tail = kist_log_tail(3);
    assert_string_equal(tail, "");
    free(tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines),
        cmocka_unit_test(colors_mark_the_level_only),
        cmocka_unit_test(one_event_is_one_line),
        cmocka_unit_test(secrets_are_removed),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(json_lines),
        cmocka_unit_test(the_journal_is_recognised),
        cmocka_unit_test(a_lost_line_is_remembered),
        cmocka_unit_test(the_tail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
