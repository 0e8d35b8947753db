/* child_test.c - the child helper: what goes in and out of a child, how it ends, and that nothing of it stays. */
#include "child_tools.h"

static int64_t now(void)
{
    return test.host.monotonic_ms(&test.host);
}

static void test_reads_and_writes(void **state)
{
    (void)state;
    struct kist_child *child = start("cat", (struct kist_child_setup){.write_stdin = 1, .read_stdout = 1});
    char data[64];
    size_t got = 0;
    assert_int_equal(kist_child_write(child, "hello", 5, &test.err), 0);
    assert_int_equal(kist_child_read(child, data, sizeof data, &got, &test.err), 0);
    assert_int_equal(got, 5);
    assert_memory_equal(data, "hello", 5);
    assert_int_equal(kist_child_exit_status(child), -1);
    assert_int_equal(kist_child_finish(child, &test.err), 0);
    assert_int_equal(kist_child_exit_status(child), 0);
    kist_child_free(child);
}

static void test_big_output(void **state)
{
    (void)state;
    struct kist_child *child = start("head -c 20000000 /dev/zero", (struct kist_child_setup){.read_stdout = 1});
    char *data = malloc(1 << 20);
    size_t total = 0, got = 1;
    while (got > 0) {
        assert_int_equal(kist_child_read(child, data, 1 << 20, &got, &test.err), 0);
        total += got;
    }
    free(data);
    assert_int_equal(total, 20000000);
    assert_int_equal(kist_child_finish(child, &test.err), 0);
    kist_child_free(child);
}

static void test_exit_status(void **state)
{
    (void)state;
    struct kist_child *child =
        start("echo first >&2; printf 'last \\033[31m\\377 line\\n' >&2; exit 3", (struct kist_child_setup){0});
    assert_int_equal(kist_child_finish(child, &test.err), KIST_ERR_FAILED);
    assert_string_equal(test.err.message, "sh exited with status 3: first; last ?[31m? line");
    assert_int_equal(kist_child_exit_status(child), 3);
    kist_child_free(child);
}

static void test_signal(void **state)
{
    (void)state;
    struct kist_child *child = start("kill -9 $$", (struct kist_child_setup){0});
    assert_int_equal(kist_child_finish(child, &test.err), KIST_ERR_FAILED);
    assert_string_equal(test.err.message, "sh was killed by signal 9 (Killed)");
    kist_child_free(child);
}

static void test_missing_program(void **state)
{
    (void)state;
    const char *const argv[] = {"/nowhere/pg_dump", NULL};
    struct kist_child_setup with = {.argv = argv, .envp = no_env};
    struct kist_child *child = NULL;
    assert_int_equal(kist_child_start(&test.host, &with, &child, &test.err), KIST_ERR_CONFIG);
    assert_string_equal(test.err.message, "cannot run '/nowhere/pg_dump': No such file or directory");
    assert_null(child);
}

static void test_stderr_never_blocks(void **state)
{
    (void)state;
    struct kist_child_setup with = {.read_stdout = 1, .idle_ms = 10000};
    struct kist_child *child =
        start("yes 'a long line of noise' | head -c 2000000 >&2; echo done; echo the end >&2", with);
    char data[100];
    assert_int_equal(read_all(child, data, sizeof data), 5);
    assert_int_equal(kist_child_finish(child, &test.err), 0);
    const char *said = kist_child_said(child);
    assert_true(strlen(said) <= 1300);
    assert_string_equal(said + strlen(said) - 7, "the end");
    kist_child_free(child);
}

static void test_idle_timeout(void **state)
{
    (void)state;
    struct kist_child_setup with = {.read_stdout = 1, .idle_ms = 200, .grace_ms = 300};
    struct kist_child *child = start("trap '' TERM; while :; do sleep 1; done", with);
    char data[100];
    size_t got;
    int64_t began = now();
    assert_int_equal(kist_child_read(child, data, sizeof data, &got, &test.err), KIST_ERR_TIMEOUT);
    kist_child_free(child); /* TERM is ignored: KILL */
    assert_in_range(now() - began, 450, 3000);
}

static void test_total_timeout(void **state)
{
    (void)state;
    struct kist_child_setup with = {.read_stdout = 1, .idle_ms = 5000, .total_ms = 500, .grace_ms = 300};
    struct kist_child *child = start("while :; do echo drip; sleep 0.05; done", with);
    char data[100];
    size_t got;
    int code = 0;
    while (!code)
        code = kist_child_read(child, data, sizeof data, &got, &test.err);
    assert_int_equal(code, KIST_ERR_TIMEOUT);
    assert_string_equal(test.err.message, "sh took longer than it may");
    kist_child_free(child);
}

static void *cancel_soon(void *arg)
{
    (void)arg;
    usleep(150000);
    kist_test_host_cancel(&test);
    return NULL;
}

static void test_cancel_ends_the_group(void **state)
{
    (void)state;
    struct kist_child *child = start("sleep 100 & echo $!; wait", (struct kist_child_setup){.read_stdout = 1});
    char data[100] = "";
    size_t got = 0;
    assert_int_equal(kist_child_read(child, data, sizeof data - 1, &got, &test.err), 0);
    pid_t grandchild = (pid_t)strtol(data, NULL, 10);
    assert_int_equal(kill(grandchild, 0), 0);
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_soon, NULL);
    int64_t began = now();
    assert_int_equal(kist_child_read(child, data, sizeof data, &got, &test.err), KIST_ERR_CANCELLED);
    kist_child_free(child);
    assert_in_range(now() - began, 100, 2000);
    pthread_join(thread, NULL);
    assert_true(process_is_gone(grandchild));
}

static void test_left_behind_holds_the_pipe(void **state)
{
    (void)state;
    struct kist_child *child = start("sleep 100 & echo $!; exit 0", (struct kist_child_setup){.read_stdout = 1});
    char data[100] = "";
    read_all(child, data, sizeof data - 1); /* ends although the pipe is still open */
    assert_int_equal(kist_child_finish(child, &test.err), 0);
    kist_child_free(child);
    assert_true(process_is_gone((pid_t)strtol(data, NULL, 10)));
}

static void test_stopped_process_is_killed(void **state)
{
    (void)state;
    struct kist_child *child =
        start("kill -STOP $$; sleep 100", (struct kist_child_setup){.read_stdout = 1, .idle_ms = 200});
    char data[100];
    size_t got;
    assert_int_equal(kist_child_read(child, data, sizeof data, &got, &test.err), KIST_ERR_TIMEOUT);
    int64_t began = now();
    kist_child_free(child);
    assert_in_range(now() - began, 0, 2000);
}

static void test_write_without_reader(void **state)
{
    (void)state;
    char *data = calloc(1, 4 << 20);
    struct kist_child *child =
        start("exec <&-; echo no more >&2; exit 4", (struct kist_child_setup){.write_stdin = 1});
    assert_int_equal(kist_child_write(child, data, 4 << 20, &test.err), KIST_ERR_FAILED);
    assert_string_equal(test.err.message, "sh exited with status 4: no more");
    kist_child_free(child);
    child = start("exit 0", (struct kist_child_setup){.write_stdin = 1});
    assert_int_equal(kist_child_write(child, data, 4 << 20, &test.err), KIST_ERR_FAILED);
    assert_string_equal(test.err.message, "sh ended before it took all its input");
    assert_int_equal(kist_child_exit_status(child), 0);
    kist_child_free(child);
    free(data);
}

static void test_stop_comes_before_the_end_of_input(void **state)
{
    (void)state;
    char path[] = "/tmp/kist-child-test-XXXXXX", script[200];
    close(mkstemp(path));
    unlink(path);
    snprintf(script, sizeof script, "cat >/dev/null; : >%s", path);
    struct kist_child *child = start(script, (struct kist_child_setup){.write_stdin = 1});
    assert_int_equal(kist_child_write(child, "cut", 3, &test.err), 0);
    kist_child_free(child);
    assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reads_and_writes),
        TEST(test_big_output),
        TEST(test_exit_status),
        TEST(test_signal),
        TEST(test_missing_program),
        TEST(test_stderr_never_blocks),
        TEST(test_idle_timeout),
        TEST(test_total_timeout),
        TEST(test_cancel_ends_the_group),
        TEST(test_left_behind_holds_the_pipe),
        TEST(test_stopped_process_is_killed),
        TEST(test_write_without_reader),
        TEST(test_stop_comes_before_the_end_of_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
