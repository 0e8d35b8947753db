/* child_tools.h - what the tests of the child helper share: a host, a shell as the child, and a look at what is
 * left. */
#ifndef KIST_TEST_CHILD_TOOLS_H
#define KIST_TEST_CHILD_TOOLS_H

#include "child.h"
#include "descriptors.h"
#include "test_host.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct kist_test_host test;
static int fds_before;

static inline int setup(void **state)
{
    (void)state;
    fds_before = count_fds();
    return kist_test_host_init(&test);
}

/* After each test: no descriptor and no process of ours is left. */
static inline int teardown(void **state)
{
    (void)state;
    kist_test_host_done(&test);
    assert_int_equal(count_fds(), fds_before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    return 0;
}

static const char *const no_env[] = {"PATH=/usr/bin:/bin", NULL};

static inline struct kist_child *start(const char *script, struct kist_child_setup with)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    struct kist_child *child = NULL;
    with.argv = argv;
    with.envp = with.envp ? with.envp : no_env;
    assert_int_equal(kist_child_start(&test.host, &with, &child, &test.err), 0);
    return child;
}

static inline size_t read_all(struct kist_child *child, char *data, size_t size)
{
    size_t have = 0, got = 1;
    while (got > 0) {
        assert_int_equal(kist_child_read(child, data + have, size - have, &got, &test.err), 0);
        have += got;
    }
    return have;
}

static inline int process_is_gone(pid_t pid)
{
    for (int i = 0; i < 200; i++) {
        char path[64], text[256] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        int fd = open(path, O_RDONLY);
        if (fd < 0)
            return 1;
        ssize_t got = read(fd, text, sizeof text - 1);
        close(fd);
        const char *paren = got > 0 ? strrchr(text, ')') : NULL;
        if (!paren || paren[2] == 'Z')
            return 1;
        usleep(10000);
    }
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
