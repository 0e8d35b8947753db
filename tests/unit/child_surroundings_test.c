/* child_surroundings_test.c - what a child gets to see of the process that started it, and what ties it to that.
 */
#include "child_tools.h"

#include <grp.h>

/* What `script` prints. */
static const char *output_of(const char *script, struct kist_child_setup with)
{
    static char data[65536 * 2];
    with.read_stdout = 1;
    struct kist_child *child = start(script, with);
    data[read_all(child, data, sizeof data - 1)] = '\0';
    assert_int_equal(kist_child_finish(child, &test.err), 0);
    kist_child_free(child);
    return data;
}

static void test_only_named_descriptors(void **state)
{
    (void)state;
    int stray = open("/dev/null", O_RDONLY), kept = memfd_create("kept", MFD_CLOEXEC);
    assert_int_equal(write(kept, "inherited\n", 10), 10);
    char script[100], expected[100];
    snprintf(script, sizeof script, "cat /proc/self/fd/%d; ls /proc/$$/fd | tr '\\n' ' '", kept);
    snprintf(expected, sizeof expected, "inherited\n0 1 2 %d ", kept);
    assert_string_equal(output_of(script, (struct kist_child_setup){.keep_fds = &kept, .keep_count = 1}),
                        expected);
    assert_int_equal(fcntl(kept, F_GETFD), FD_CLOEXEC); /* ours stays as it was */
    close(stray);
    close(kept);
}

static void test_clean_surroundings(void **state)
{
    (void)state;
    static const char *const envp[] = {"A=1", NULL};
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    signal(SIGHUP, SIG_IGN);
    setenv("KIST_CANARY", "secret", 1);
    const char *said =
        output_of("tr '\\0' '\\n' </proc/$$/environ; umask; grep -E 'Sig(Blk|Ign)' /proc/self/status;"
                  "cut -d' ' -f 1,5,6 /proc/$$/stat; echo $$",
                  (struct kist_child_setup){.envp = envp});
    signal(SIGHUP, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_null(strstr(said, "KIST_CANARY"));
    assert_non_null(strstr(said, "A=1\n0077\n"));
    assert_non_null(strstr(said, "SigBlk:\t0000000000000000"));
    assert_non_null(strstr(said, "SigIgn:\t0000000000000000"));
    long pid = 0, group = 0, session = 0;
    sscanf(strstr(said, "SigIgn:") + strlen("SigIgn:\t0000000000000000\n"), "%ld %ld %ld", &pid, &group, &session);
    assert_true(pid > 0 && pid == group && pid == session);
}

/* Another user, with one group and none of ours, who cannot come back. */
static void test_another_user(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    gid_t groups[] = {0, 4}, before[64];
    int count = getgroups(64, before);
    assert_true(count >= 0);
    assert_int_equal(setgroups(2, groups), 0);
    const char *said = output_of("grep -E '^(Uid|Gid|Groups):' /proc/self/status | tr '\\t' ' '",
                                 (struct kist_child_setup){.uid = 65534, .gid = 65533});
    assert_int_equal(setgroups((size_t)count, before), 0);
    assert_non_null(strstr(said, "Uid: 65534 65534 65534 65534\n"));
    assert_non_null(strstr(said, "Gid: 65533 65533 65533 65533\n"));
    assert_non_null(strstr(said, "Groups:  \n"));
}

static void test_another_user_dies_with_us(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t middle = fork();
    if (middle == 0) {
        struct kist_child *child =
            start("echo $$; sleep 100", (struct kist_child_setup){.read_stdout = 1, .uid = 65534, .gid = 65534});
        char data[100];
        size_t got = 0;
        if (kist_child_read(child, data, sizeof data, &got, &test.err) == 0 && write(ends[1], data, got) > 0)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    char data[100] = "";
    close(ends[1]);
    assert_true(read(ends[0], data, sizeof data - 1) > 0);
    close(ends[0]);
    assert_int_equal(waitpid(middle, NULL, 0), middle);
    assert_true(process_is_gone((pid_t)strtol(data, NULL, 10)));
}

static void test_stop_signal(void **state)
{
    (void)state;
    struct kist_child *child =
        start("trap '' TERM; trap 'echo quit >&2; exit 0' QUIT; echo up; while :; do sleep 0.01; done",
              (struct kist_child_setup){.read_stdout = 1, .stop_signal = SIGQUIT, .grace_ms = 20000});
    char data[10];
    size_t got = 0;
    assert_int_equal(kist_child_read(child, data, sizeof data, &got, &test.err), 0);
    int64_t began = test.host.monotonic_ms(&test.host);
    kist_child_free(child);
    assert_true(test.host.monotonic_ms(&test.host) - began < 10000);
}

/* The thread that started the child may end: its promise to the kernel is made by another. */
static void *start_in_thread(void *arg)
{
    *(struct kist_child **)arg = start("sleep 0.3; echo alive", (struct kist_child_setup){.read_stdout = 1});
    return NULL;
}

static void test_outlives_the_starting_thread(void **state)
{
    (void)state;
    struct kist_child *child = NULL;
    pthread_t thread;
    pthread_create(&thread, NULL, start_in_thread, &child);
    pthread_join(thread, NULL);
    char data[100];
    assert_int_equal(read_all(child, data, sizeof data), 6);
    assert_int_equal(kist_child_finish(child, &test.err), 0);
    kist_child_free(child);
}

static void test_dies_with_us(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t middle = fork();
    if (middle == 0) {
        struct kist_child *child = start("echo $$; sleep 100", (struct kist_child_setup){.read_stdout = 1});
        char data[100];
        size_t got = 0;
        if (kist_child_read(child, data, sizeof data, &got, &test.err) == 0 && write(ends[1], data, got) > 0)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    char data[100] = "";
    close(ends[1]);
    assert_true(read(ends[0], data, sizeof data - 1) > 0);
    close(ends[0]);
    assert_int_equal(waitpid(middle, NULL, 0), middle);
    assert_true(process_is_gone((pid_t)strtol(data, NULL, 10)));
}

static void test_closed_stdio(void **state)
{
    (void)state;
    int saved[3];
    for (int fd = 0; fd < 3; fd++)
        saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    char data[100] = "";
    size_t got = 0;
    const char *const argv[] = {"/bin/sh", "-c", "cat; echo err >&2; exit 2", NULL};
    struct kist_child_setup with = {.argv = argv, .envp = no_env, .write_stdin = 1, .read_stdout = 1};
    struct kist_child *child = NULL;
    int started = kist_child_start(&test.host, &with, &child, &test.err);
    int written = started ? -1 : kist_child_write(child, "in", 2, &test.err);
    int was_read = written ? -1 : kist_child_read(child, data, sizeof data, &got, &test.err);
    int finished = was_read ? -1 : kist_child_finish(child, &test.err);
    for (int fd = 0; fd < 3; fd++)
        if (saved[fd] >= 0) {
            dup2(saved[fd], fd);
            close(saved[fd]);
        }
    assert_int_equal(started | written | was_read, 0);
    assert_string_equal(data, "in");
    assert_int_equal(finished, KIST_ERR_FAILED);
    assert_string_equal(test.err.message, "sh exited with status 2: err");
    kist_child_free(child);
}

static void test_cleans_text(void **state)
{
    (void)state;
    char text[] = "a\x01\xc3\xa4\xc0\xaf\xed\xa0\x80\xf0\x9f\x98\x80\xf8\xc2\x9f\xe2\x82\x7f";
    kist_child_clean_text(text);
    assert_string_equal(text, "a?\xc3\xa4?????\xf0\x9f\x98\x80???"
                              "???");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_only_named_descriptors),
        TEST(test_clean_surroundings),
        TEST(test_outlives_the_starting_thread),
        TEST(test_dies_with_us),
        TEST(test_closed_stdio),
        TEST(test_cleans_text),
        TEST(test_another_user),
        TEST(test_another_user_dies_with_us),
        TEST(test_stop_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
