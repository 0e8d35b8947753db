/* The state directory: which one applies, its lock between processes, its history. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "state.h"

static struct kist_error err = KIST_ERROR_INIT;
static char dir[64];

static int setup(void **state)
{
    (void)state;
    static const char *const names[] = {"KIST_STATE", "STATE_DIRECTORY", "XDG_STATE_HOME"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    setenv("HOME", "/home/somebody", 1);
    strcpy(dir, "/tmp/kist-state-XXXXXX");
    return mkdtemp(dir) == NULL;
}

/* Removes what a test may have made. */
static int teardown(void **state)
{
    static const char *const names[] = {
        "a/b/locks/shop.lock", "a/b/locks", "a/b",           "a",      "locks/shop.lock",
        "locks/other.lock",    "locks",     "history.jsonl", "target", ""};
    char path[200];
    (void)state;
    kist_error_clear(&err);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        remove(path);
    }
    return access(dir, F_OK) == 0;
}

static void assert_found(const char *option, const char *configured, const char *expected)
{
    char *found = NULL;
    assert_int_equal(kist_state_find(option, configured, &found, &err), 0);
    assert_string_equal(found, expected);
    free(found);
}

static void which_directory(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        assert_found(NULL, NULL, "/var/lib/kist");
    } else {
        assert_found(NULL, NULL, "/home/somebody/.local/state/kist");
        setenv("XDG_STATE_HOME", "/xdg", 1);
        assert_found(NULL, NULL, "/xdg/kist");
    }
    setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two", 1);
    assert_found(NULL, NULL, "/var/lib/one");
    setenv("STATE_DIRECTORY", "/unit", 1);
    assert_found(NULL, NULL, "/unit");
    assert_found(NULL, "/configured:with:colons", "/configured:with:colons");
    setenv("KIST_STATE", "/env:colon", 1);
    assert_found(NULL, "/configured", "/env:colon");
    assert_found("/option:colon", "/configured", "/option:colon");
    setenv("KIST_STATE", "", 1);
    assert_found(NULL, "/configured", "/configured");
}

static void a_homeless_user(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        char *found = NULL;
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(9);
        unsetenv("HOME");
        int code = kist_state_find(NULL, NULL, &found, &err);
        _exit(code == KIST_ERR_CONFIG && err.hint && !found ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void made_for_this_user_alone(void **state)
{
    (void)state;
    char path[200];
    struct stat status;
    snprintf(path, sizeof path, "%s/a/b", dir);
    umask(0);
    assert_int_equal(kist_state_prepare(path, &err), 0);
    assert_int_equal(kist_state_prepare(path, &err), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    snprintf(path, sizeof path, "%s/history.jsonl", dir);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_not_equal(kist_state_prepare(path, &err), 0);
    assert_non_null(err.hint);
}

static void two_processes_and_one_lock(void **state)
{
    (void)state;
    struct kist_lock lock = KIST_LOCK_INIT, other = KIST_LOCK_INIT;
    int ready[2];
    char byte = 0;
    assert_int_equal(kist_state_prepare(dir, &err), 0);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (kist_lock_take(dir, "shop", &lock, &err) || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(kist_lock_take(dir, "shop", &lock, &err), KIST_ERR_EXISTS);
    assert_int_equal(lock.fd, -1);
    assert_null(lock.owner);
    assert_non_null(strstr(err.message, "'shop'"));
    /* Another pipeline is another matter. */
    kist_error_clear(&err);
    assert_int_equal(kist_lock_take(dir, "other", &other, &err), 0);
    /* The kernel frees the lock of a process that is killed. */
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(kist_lock_take(dir, "shop", &lock, &err), 0);
    assert_string_not_equal(lock.owner, other.owner);
    char *owner = strdup(lock.owner);
    kist_lock_release(&lock);
    kist_lock_release(&lock);
    kist_lock_release(&other);
    assert_int_equal(kist_lock_take(dir, "shop", &lock, &err), 0);
    assert_string_equal(lock.owner, owner);
    free(owner);
    kist_lock_release(&lock);
    close(ready[0]);
    close(ready[1]);
}

static void a_lock_that_is_a_link(void **state)
{
    (void)state;
    char path[200], target[200];
    struct kist_lock lock = KIST_LOCK_INIT;
    assert_int_equal(kist_state_prepare(dir, &err), 0);
    snprintf(path, sizeof path, "%s/locks/shop.lock", dir);
    snprintf(target, sizeof target, "%s/target", dir);
    assert_int_equal(symlink(target, path), 0);
    assert_int_not_equal(kist_lock_take(dir, "shop", &lock, &err), 0);
    assert_int_not_equal(access(target, F_OK), 0);
}

static void history_is_lines(void **state)
{
    (void)state;
    char path[200], line[1000];
    snprintf(path, sizeof path, "%s/history.jsonl", dir);
    for (int i = 0; i < 2; i++) {
        json_t *entry = json_pack("{s:s, s:i}", "cause", "two\nlines \xe2\x82\xac", "exit", i);
        assert_int_equal(kist_history_add(dir, entry, &err), 0);
        json_decref(entry);
    }
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (int i = 0; i < 2; i++) {
        assert_non_null(fgets(line, sizeof line, file));
        json_t *entry = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_string_equal(json_string_value(json_object_get(entry, "cause")), "two\nlines \xe2\x82\xac");
        assert_int_equal(json_integer_value(json_object_get(entry, "exit")), i);
        assert_string_equal(json_string_value(json_object_get(entry, "host")), kist_host_name());
        assert_non_null(json_object_get(entry, "time"));
        json_decref(entry);
    }
    assert_null(fgets(line, sizeof line, file));
    fclose(file);
    json_t *entry = json_object();
    assert_int_not_equal(kist_history_add("/nonexistent", entry, &err), 0);
    json_decref(entry);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(which_directory),          TEST(a_homeless_user),
        TEST(made_for_this_user_alone), TEST(two_processes_and_one_lock),
        TEST(a_lock_that_is_a_link),    TEST(history_is_lines),
    };
    return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
