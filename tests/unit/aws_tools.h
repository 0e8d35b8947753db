/* aws_tools.h - what the tests of the aws helper share: a clock that is set, an empty home and environment, and what was
 * named a secret. */
#ifndef KIST_TEST_AWS_TOOLS_H
#define KIST_TEST_AWS_TOOLS_H

#include "aws_private.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct kist_test_host test;
static int64_t now, monotonic;
static char home[64];
static char secrets[4096];

static inline int64_t fixed_now(const struct kist_host *host)
{
    (void)host;
    return now;
}

static inline int64_t fixed_monotonic(const struct kist_host *host)
{
    (void)host;
    return monotonic;
}

static inline int note_secret(const struct kist_host *host, const char *text)
{
    (void)host;
    size_t length = strlen(secrets);
    snprintf(secrets + length, sizeof secrets - length, "%.200s;", text);
    return 0;
}

static inline void set_env(const char *name, const char *value)
{
    assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static inline char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", home, name);
    return path;
}

static inline void write_bytes(const char *name, const char *data, size_t size)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void write_file(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

/* Nothing of the machine's own may be found: no variable but these. */
static inline void empty_environment(void)
{
    static char path[256];
    const char *old = getenv("PATH");
    snprintf(path, sizeof path, "%s", old ? old : "/usr/bin:/bin");
    assert_int_equal(clearenv(), 0);
    set_env("PATH", path);
    set_env("HOME", home);
    set_env("AWS_CONFIG_FILE", path_of("config"));
    set_env("AWS_SHARED_CREDENTIALS_FILE", path_of("credentials"));
    set_env("AWS_EC2_METADATA_DISABLED", "true");
}

static inline int setup(void **state)
{
    (void)state;
    snprintf(home, sizeof home, "/tmp/kist-aws-test-XXXXXX");
    assert_non_null(mkdtemp(home));
    empty_environment();
    now = INT64_C(1795245514000);
    monotonic = 1;
    secrets[0] = '\0';
    int code = kist_test_host_init(&test);
    test.host.now_ms = fixed_now;
    test.host.monotonic_ms = fixed_monotonic;
    test.host.add_secret = note_secret;
    return code;
}

static inline int teardown(void **state)
{
    (void)state;
    kist_test_host_done(&test);
    static const char *const names[] = {"config", "credentials", "token", "process", NULL};
    for (const char *const *name = names; *name; name++) {
        (void)unlink(path_of(*name));
        (void)rmdir(path_of(*name));
    }
    return rmdir(home);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
