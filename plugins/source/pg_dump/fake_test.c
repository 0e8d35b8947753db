/* fake_test.c - programs in pg_dump's place that do everything wrong that a program can. */
#include "pg_dump_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

static char folder[64], program[128];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/kist-pg-fake-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(program, sizeof program, "%s/pg_dump", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(program);
    return rmdir(folder);
}

/* A pg_dump that says `version` when asked, and else does `script`. */
static void fake(const char *version, const char *script)
{
    FILE *file = fopen(program, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n[ \"$1\" = --version ] && { echo 'pg_dump (PostgreSQL) %s'; exit 0; }\n%s\n",
            version, script);
    assert_int_equal(fchmod(fileno(file), 0700), 0);
    assert_int_equal(fclose(file), 0);
}

/* A source that has looked at a server already, so that none is needed. */
static struct pgd_source *looked(struct pgd_config *config, const char *password)
{
    void *self = NULL;
    assert_int_equal(kist_plugin.open(&test.host, config, &self, &test.err), 0);
    struct pgd_source *source = self;
    source->looked = 1;
    config->counts.index = PGD_COUNTS_OFF; /* there is no server to count at */
    source->server.database = strdup("shop");
    source->server.conninfo = strdup("host='localhost' dbname='shop'");
    source->server.password = password ? strdup(password) : NULL;
    source->tool.path = strdup(program);
    return source;
}

/* Reads the whole item; what read() said last. */
static int read_item(struct pgd_config *config, const char *password, char *data, size_t capacity)
{
    struct pgd_source *source = looked(config, password);
    struct kist_item item = {.struct_size = sizeof item, .name = "shop.dump"};
    void *reader = NULL;
    size_t got = 1, have = 0;
    char *waste = malloc(65536);
    assert_int_equal(kist_plugin.read_begin(source, &item, &reader, &test.err), 0);
    int code = 0;
    while (!code && got > 0) {
        code = kist_plugin.read(reader, waste, 65536, &got, &test.err);
        if (!code && have + got < capacity) {
            memcpy(data + have, waste, got);
            have += got;
        }
    }
    free(waste);
    if (capacity > 0)
        data[have] = '\0';
    kist_plugin.read_end(reader);
    kist_plugin.close(source);
    return code;
}

static int run(const char *script)
{
    struct pgd_config config = test_config("postgresql://u@localhost/shop");
    config.idle_timeout.ms = 500;
    fake("15.18", script);
    return read_item(&config, NULL, NULL, 0);
}

static void test_half_a_dump(void **state)
{
    (void)state;
    assert_int_equal(run("printf PGDMP; echo 'pg_dump: error: it broke' >&2; exit 1"), KIST_ERR_FAILED);
    assert_string_equal(test.err.message, "pg_dump exited with status 1: pg_dump: error: it broke");
}

static void test_nothing(void **state)
{
    (void)state;
    assert_int_equal(run("exit 0"), KIST_ERR_CORRUPT);
    assert_non_null(strstr(test.err.message, "not a single byte"));
}

static void test_cut_with_status_0(void **state)
{
    (void)state;
    assert_int_equal(run("printf 'PGDMP\\001\\016\\000\\004\\010\\001\\000\\000\\000'; exit 0"), KIST_ERR_CORRUPT);
    assert_non_null(strstr(test.err.message, "the archive is cut off"));
}

static void test_not_a_dump(void **state)
{
    (void)state;
    assert_int_equal(run("echo hello; exit 0"), KIST_ERR_CORRUPT);
    assert_int_equal(run("echo hello; echo no >&2; exit 1"), KIST_ERR_FAILED);
    assert_string_equal(test.err.message, "pg_dump exited with status 1: no");
}

static void test_plain_without_trailer(void **state)
{
    (void)state;
    struct pgd_config config = test_config("postgresql://u@localhost/shop");
    config.format.index = PGD_PLAIN;
    fake("15.18", "echo 'SELECT 1;'; exit 0");
    assert_int_equal(read_item(&config, NULL, NULL, 0), KIST_ERR_CORRUPT);
    fake("15.18", "printf -- '--\\n-- PostgreSQL database dump complete\\n--\\n\\n'; exit 0");
    assert_int_equal(read_item(&config, NULL, NULL, 0), 0);
}

static void test_killed(void **state)
{
    (void)state;
    assert_int_equal(run("printf PGDMP; kill -9 $$"), KIST_ERR_FAILED);
    assert_string_equal(test.err.message, "pg_dump was killed by signal 9 (Killed)");
}

static void test_hangs(void **state)
{
    (void)state;
    assert_int_equal(run("printf PGDMP; sleep 100"), KIST_ERR_TIMEOUT);
    assert_int_equal(test.err.retryable, 1);
}

static void *cancel_soon(void *arg)
{
    (void)arg;
    usleep(200000);
    kist_test_host_cancel(&test);
    return NULL;
}

static void test_cancelled_with_a_grandchild(void **state)
{
    (void)state;
    struct pgd_config config = test_config("postgresql://u@localhost/shop");
    pthread_t thread;
    char script[300];
    snprintf(script, sizeof script, "sleep 100 & echo $! >%s/pid; printf PGDMP; wait", folder);
    fake("15.18", script);
    pthread_create(&thread, NULL, cancel_soon, NULL);
    assert_int_equal(read_item(&config, NULL, NULL, 0), KIST_ERR_CANCELLED);
    pthread_join(thread, NULL);
    snprintf(script, sizeof script, "%s/pid", folder);
    FILE *file = fopen(script, "r");
    int pid = 0;
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    unlink(script);
    usleep(100000);
    snprintf(script, sizeof script, "/proc/%d/status", pid);
    file = fopen(script, "r"); /* gone, or waiting for init to reap it */
    for (char line[200]; file && fgets(line, sizeof line, file);)
        if (strncmp(line, "State:", 6) == 0)
            assert_non_null(strchr("ZX", line[7]));
    if (file)
        fclose(file);
}

static void test_loud(void **state)
{
    (void)state;
    assert_int_equal(run("yes 'a warning of many' | head -c 1000000 >&2; echo 'last words' >&2; exit 7"),
                     KIST_ERR_FAILED);
    assert_true(strlen(test.err.message) < 1500);
    assert_non_null(strstr(test.err.message, "last words"));
}

static void test_words_get_codes(void **state)
{
    (void)state;
    assert_int_equal(run("echo 'ERROR: canceling statement due to lock timeout' >&2; exit 1"), KIST_ERR_TIMEOUT);
    assert_non_null(strstr(test.err.hint, "lock_timeout"));
    assert_int_equal(run("echo 'ERROR:  permission denied for table x' >&2; exit 1"), KIST_ERR_AUTH);
    assert_int_equal(run("echo 'query would be affected by row-level security policy' >&2; exit 1"),
                     KIST_ERR_AUTH);
    assert_int_equal(run("echo 'server closed the connection unexpectedly' >&2; exit 1"), KIST_ERR_UNAVAILABLE);
}

/* The program finds its password in the file, and nobody finds it anywhere else. */
static void test_canary(void **state)
{
    (void)state;
    struct pgd_config config = test_config("postgresql://u@localhost/shop");
    char *data = malloc(65536);
    config.format.index = PGD_PLAIN;
    setenv("KIST_SECRET_VALUE", "canary-in-environment", 1);
    setenv("PGOPTIONS", "-c row_security=on", 1);
    setenv("LD_LIBRARY_PATH", "/nowhere", 1);
    fake("15.18",
         "tr '\\0' '\\n' </proc/$$/cmdline; tr '\\0' '\\n' </proc/$$/environ; echo \"file $(cat $PGPASSFILE)\";"
         "printf -- '\\n-- PostgreSQL database dump complete\\n'");
    assert_int_equal(read_item(&config, "canary-pw", data, 65536), 0);
    unsetenv("KIST_SECRET_VALUE");
    unsetenv("PGOPTIONS");
    unsetenv("LD_LIBRARY_PATH");
    const char *found = strstr(data, "canary-pw");
    assert_non_null(found);
    assert_memory_equal(found - strlen("file *:*:*:*:"), "file *:*:*:*:", strlen("file *:*:*:*:"));
    assert_null(strstr(found + 1, "canary"));
    assert_null(strstr(data, "canary-in-environment"));
    assert_null(strstr(data, "PGOPTIONS"));
    assert_null(strstr(data, "LD_LIBRARY_PATH"));
    assert_non_null(strstr(data, "LC_ALL=C\n"));
    free(data);
}

static void test_versions(void **state)
{
    (void)state;
    struct pgd_tool tool = {0};
    fake("14.2 (Debian 14.2-1)", "exit 0");
    assert_int_equal(pgd_tool_find(&test.host, "pg_dump", program, 15, &tool, &test.err), KIST_ERR_CONFIG);
    assert_non_null(strstr(test.err.message, "is version 14.2, and the server is 15"));
    assert_non_null(strstr(test.err.hint, "postgresql-client-15"));
    assert_int_equal(pgd_tool_find(&test.host, "pg_dump", program, 14, &tool, &test.err), 0);
    assert_int_equal(tool.version_num, 140002);
    assert_string_equal(tool.version, "14.2");
    pgd_tool_done(&tool);
    assert_int_equal(pgd_tool_find(&test.host, "pg_dump", folder, 14, &tool, &test.err), 0);
    pgd_tool_done(&tool);
    fake("17beta1", "exit 0");
    assert_int_equal(pgd_tool_find(&test.host, "pg_dump", program, 17, &tool, &test.err), 0);
    assert_int_equal(tool.version_num, 170000);
    pgd_tool_done(&tool);
}

static void test_unusable_programs(void **state)
{
    (void)state;
    struct pgd_tool tool = {0};
    assert_int_equal(pgd_tool_find(&test.host, "pg_dump", "/nowhere/pg_dump", 15, &tool, &test.err),
                     KIST_ERR_CONFIG);
    assert_non_null(strstr(test.err.message, "/nowhere/pg_dump"));
    FILE *file = fopen(program, "w");
    fputs("\x7f"
          "ELF of another machine",
          file);
    fchmod(fileno(file), 0700);
    fclose(file);
    assert_int_equal(pgd_tool_find(&test.host, "pg_dump", program, 15, &tool, &test.err), KIST_ERR_CONFIG);
    assert_non_null(strstr(test.err.message, "Exec format error"));
    assert_int_equal(pgd_tool_find(&test.host, "pg_dump", NULL, 99, &tool, &test.err), KIST_ERR_CONFIG);
    assert_non_null(strstr(test.err.hint, "postgresql-client-99"));
}

int fake_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_half_a_dump),
        TEST(test_nothing),
        TEST(test_cut_with_status_0),
        TEST(test_not_a_dump),
        TEST(test_plain_without_trailer),
        TEST(test_killed),
        TEST(test_hangs),
        TEST(test_cancelled_with_a_grandchild),
        TEST(test_loud),
        TEST(test_words_get_codes),
        TEST(test_canary),
        TEST(test_versions),
        TEST(test_unusable_programs),
    };
    return cmocka_run_group_tests_name("fake", tests, make_folder, remove_folder);
}
