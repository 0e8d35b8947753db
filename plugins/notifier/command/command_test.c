#include "command.h"
#include "test_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

extern const struct kist_notifier kist_plugin;

static struct kist_test_host test;

static int set_up(void **state)
{
    (void)state;
    return kist_test_host_init(&test);
}

static int tear_down(void **state)
{
    (void)state;
    kist_test_host_done(&test);
    /* No child of this process is left, running or not. */
    return waitpid(-1, NULL, WNOHANG) == -1 ? 0 : -1;
}

/* Runs sh -c SCRIPT with the event. */
static int tell(const char *script, const struct kist_event *event, int64_t deadline_ms)
{
    const char *args[] = {"-c", script, "sh", "a b", "$(id)", "*"};
    const struct command_config config = {.command = "/bin/sh", .args = {.items = args, .count = 6}};
    void *self = NULL;
    kist_test_host_clear(&test);
    int code = kist_plugin.open(&test.host, &config, &self, &test.err);
    if (code)
        return code;
    code = kist_plugin.notify(self, event, deadline_ms, &test.err);
    kist_plugin.close(self);
    return code;
}

static struct kist_event event_of(const char *json)
{
    return (struct kist_event){.struct_size = sizeof(struct kist_event),
                               .kind = KIST_EVENT_FAILURE,
                               .word = "failure",
                               .pipeline = "p",
                               .title = "`id` $(id) '\"",
                               .json = json};
}

static void test_exit_statuses(void **state)
{
    (void)state;
    struct kist_event event = event_of("{\"kist_event\":1}");
    assert_int_equal(tell("test \"$(cat)\" = '{\"kist_event\":1}'", &event, 10000), 0);
    assert_int_equal(tell("echo first >&2; echo 'the last line' >&2; exit 3", &event, 10000), KIST_ERR_FAILED);
    assert_non_null(strstr(test.err.message, "status 3"));
    assert_non_null(strstr(test.err.message, "the last line"));
    assert_false(test.err.retryable);
    assert_int_equal(tell("exit 75", &event, 10000), KIST_ERR_FAILED);
    assert_true(test.err.retryable);
    assert_int_equal(tell("kill -9 $$", &event, 10000), KIST_ERR_FAILED);
    assert_non_null(strstr(test.err.message, "signal 9"));
}

static void test_what_it_says_is_clean_and_short(void **state)
{
    (void)state;
    struct kist_event event = event_of("{}");
    assert_int_equal(tell("head -c 300000 /dev/zero | tr '\\0' x >&2; printf '\\033[31mred\\377\\n' >&2; exit 1",
                          &event, 10000),
                     KIST_ERR_FAILED);
    assert_true(strlen(test.err.message) < 2000);
    assert_non_null(strstr(test.err.message, "?[31mred?"));
}

static void test_argv_and_environment(void **state)
{
    (void)state;
    struct kist_event event = event_of("{}");
    setenv("C4NARY", "in the environment", 1);
    assert_int_equal(tell("test \"$1|$2|$3|$#\" = 'a b|$(id)|*|3'", &event, 10000), 0);
    assert_int_equal(tell("test -z \"$C4NARY\" && test \"$KIST_EVENT/$KIST_PIPELINE\" = failure/p", &event, 10000),
                     0);
    assert_int_equal(tell("test \"$KIST_TITLE\" = '`id` $(id) '\\''\"'", &event, 10000), 0);
}

static void test_input_that_nobody_reads(void **state)
{
    (void)state;
    size_t size = (size_t)4 << 20;
    char *json = malloc(size + 1);
    assert_non_null(json);
    memset(json, 'x', size);
    json[size] = '\0';
    struct kist_event event = event_of(json);
    assert_int_equal(tell("exit 0", &event, 10000), 0);
    assert_int_equal(tell("exec <&-; sleep 0.1; exit 0", &event, 10000), 0);
    assert_int_equal(tell("exec <&-; sleep 0.1; exit 4", &event, 10000), KIST_ERR_FAILED);
    assert_non_null(strstr(test.err.message, "status 4"));
    assert_int_equal(tell("sleep 60", &event, 400), KIST_ERR_TIMEOUT);
    free(json);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Not ended, or ended and not yet collected by whoever inherited it. */
static int is_running(int pid)
{
    char proc[64], status[512] = "";
    snprintf(proc, sizeof proc, "/proc/%d/stat", pid);
    FILE *in = fopen(proc, "r");
    if (!in)
        return 0;
    size_t size = fread(status, 1, sizeof status - 1, in);
    fclose(in);
    return size > 0 && !strstr(status, ") Z") && !strstr(status, ") X");
}

/* With everything that it has started, even what does not heed TERM. */
static void test_deadline(void **state)
{
    (void)state;
    struct kist_event event = event_of("{}");
    char path[] = "/tmp/kist-command.XXXXXX", script[200], line[32] = "";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    snprintf(script, sizeof script, "trap '' TERM; sleep 60 & echo $! >%s; sleep 60", path);
    double began = seconds();
    assert_int_equal(tell(script, &event, 1200), KIST_ERR_TIMEOUT);
    assert_true(test.err.retryable);
    double took = seconds() - began;
    assert_true(took > 0.7 && took < 2.2);
    assert_true(read(fd, line, sizeof line - 1) > 0);
    while (is_running(atoi(line))) {
        assert_true(seconds() - began < 10);
        usleep(1000);
    }
    close(fd);
    unlink(path);
}

static int open_with(const char *command, const char *name)
{
    const struct command_config config = {.command = command, .env = {.items = &name, .count = name ? 1 : 0}};
    void *self = NULL;
    kist_test_host_clear(&test);
    int code = kist_plugin.open(&test.host, &config, &self, &test.err);
    if (!code)
        kist_plugin.close(self);
    return code;
}

static void test_configuration(void **state)
{
    (void)state;
    assert_int_equal(open_with("/bin/sh", NULL), 0);
    assert_int_equal(open_with("/bin/sh", "HOME"), 0);
    static const char *const paths[] = {"sh", "./sh", "/nonexistent/program", "/etc/passwd"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(open_with(paths[i], NULL), KIST_ERR_CONFIG);
    static const char *const names[] = {"LD_PRELOAD", "BASH_ENV", "KIST_EVENT", "A=b", "1A", "A-B", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(open_with("/bin/sh", names[i]), KIST_ERR_CONFIG);
}

static void test_variables_that_are_handed_on(void **state)
{
    (void)state;
    const char *names[] = {"C4NARY", "PATH", "MISSING", "C4NARY"};
    const struct command_config config = {.env = {.items = names, .count = 4}};
    struct kist_event event = event_of("{}");
    setenv("C4NARY", "a b", 1);
    setenv("PATH", "/opt/bin:/bin", 1);
    unsetenv("MISSING");
    char **variables = command_environment(&config, &event);
    int given = 0, paths = 0;
    for (size_t i = 0; variables[i]; i++) {
        given += strcmp(variables[i], "C4NARY=a b") == 0;
        paths += strncmp(variables[i], "PATH=", 5) == 0;
        assert_true(strncmp(variables[i], "PATH=", 5) != 0 || strcmp(variables[i], "PATH=/opt/bin:/bin") == 0);
    }
    assert_int_equal(given, 1);
    assert_int_equal(paths, 1);
    command_environment_free(variables);
}

static void test_an_event_of_the_first_core(void **state)
{
    (void)state;
    struct kist_event event = event_of("{}");
    kist_test_first_event(&event);
    assert_int_equal(tell("exit 0", &event, 10000), KIST_ERR_UNSUPPORTED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_exit_statuses),
                                       TEST(test_what_it_says_is_clean_and_short),
                                       TEST(test_argv_and_environment),
                                       TEST(test_input_that_nobody_reads),
                                       TEST(test_deadline),
                                       TEST(test_configuration),
                                       TEST(test_variables_that_are_handed_on),
                                       TEST(test_an_event_of_the_first_core)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
