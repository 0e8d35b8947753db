#include "pg_dump_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

struct kist_test_host test;
static int fds_before;

static int count_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

int test_setup(void **state)
{
    (void)state;
    fds_before = count_fds();
    return kist_test_host_init(&test);
}

int test_teardown(void **state)
{
    (void)state;
    kist_test_host_done(&test);
    assert_int_equal(count_fds(), fds_before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    return 0;
}

struct pgd_config test_config(const char *url)
{
    return (struct pgd_config){.url = {url},
                               .sslmode = {-1},
                               .lock_timeout = {60000},
                               .connect_timeout = {10000},
                               .idle_timeout = {60000}};
}

int main(void)
{
    return restore_words_tests() + restore_tests() + restore_parts_tests() + restore_guard_tests() +
           restore_faults_tests() + words_tests() + stream_tests() + fake_tests() + counts_tests() +
           server_tests() + swap_tests() + scratch_tests();
}
