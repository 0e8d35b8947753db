/* The history of runs: what is read of it, whatever happened to its files, and how a large one is put aside. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "history.h"
#include "history_lines.h"
#include "state.h"

#define WRITERS 4
#define LINES_EACH 100

static struct kist_error err = KIST_ERROR_INIT;
static char dir[64], path[128], older[128];

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/kist-history-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/history.jsonl", dir);
    snprintf(older, sizeof older, "%s/history.1.jsonl", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kist_error_clear(&err);
    remove(path);
    remove(older);
    return rmdir(dir);
}

static void append(const char *file, const char *text, size_t size)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), (ssize_t)size);
    close(fd);
}

static void append_text(const char *file, const char *text)
{
    append(file, text, strlen(text));
}

static void put(const char *file, const char *pipeline, const char *event, const char *time, int number)
{
    char line[300];
    int size =
        snprintf(line, sizeof line, "{\"event\":\"%s\",\"pipeline\":\"%s\",\"number\":%d,\"time\":\"%s\"}\n",
                 event, pipeline, number, time);
    append(file, line, (size_t)size);
}

static void put_day(const char *file, const char *pipeline, int day)
{
    char time[32];
    snprintf(time, sizeof time, "2026-11-%02dT02:00:00Z", day);
    put(file, pipeline, "run", time, day);
}

/* Compares the numbers of the entries with "1 2 3". */
static void assert_read(const char *pipeline, int64_t since, size_t limit, const char *expected, size_t damaged)
{
    json_t *entries = NULL, *entry = NULL;
    char found[4000] = "";
    size_t index = 0, seen = 999;
    assert_int_equal(kist_history_read(dir, pipeline, since, limit, &entries, &seen, &err), 0);
    json_array_foreach(entries, index, entry) {
        size_t at = strlen(found);
        snprintf(found + at, sizeof found - at, "%s%lld", at ? " " : "",
                 (long long)json_integer_value(json_object_get(entry, "number")));
    }
    json_decref(entries);
    assert_string_equal(found, expected);
    assert_int_equal(seen, damaged);
}

static void nothing_is_no_error(void **state)
{
    (void)state;
    assert_read(NULL, 0, 0, "", 0);
    append_text(path, "");
    assert_read("shop", 0, 5, "", 0);
}

static void which_entries(void **state)
{
    (void)state;
    for (int day = 1; day <= 4; day++)
        put_day(older, day % 2 ? "shop" : "crm", day);
    for (int day = 5; day <= 9; day++)
        put_day(path, day % 2 ? "shop" : "crm", day);
    assert_read(NULL, 0, 0, "1 2 3 4 5 6 7 8 9", 0);
    assert_read("shop", 0, 0, "1 3 5 7 9", 0);
    assert_read("crm", 0, 3, "4 6 8", 0);
    assert_read("sho", 0, 0, "", 0);
    /* 2026-11-07T02:00:00Z and the second after it */
    assert_read(NULL, 1794016800, 0, "7 8 9", 0);
    assert_read(NULL, 1794016801, 0, "8 9", 0);
    assert_read(NULL, 1794016801, 1, "9", 0);
}

static void texts_that_look_like_keys(void **state)
{
    (void)state;
    static const char line[] = "{\"event\":\"run\",\"number\":1,\"pipeline\":\"crm\",\"cause\":\"\\\"pipeline\\\":"
                               "\\\"shop\\\"\",\"in\":{\"pipeline\":\"shop\",\"time\":\"1999-01-01T00:00:00Z\"},"
                               "\"time\":\"2026-11-08T02:00:00Z\"}\n";
    append_text(path, line);
    assert_read("shop", 0, 0, "", 0);
    assert_read("crm", 1794016800, 0, "1", 0);
}

/* Another program may have written it anew, with blanks. */
static void with_blanks(void **state)
{
    (void)state;
    append_text(
        path,
        "{ \"number\" : 1, \"time\" : \"2026-11-08T02:00:00Z\", \"pipeline\": \"shop\", \"event\": \"run\" } \n");
    append_text(
        path,
        "{ \"number\" : 2, \"time\" : \"2026-11-01T02:00:00Z\", \"pipeline\": \"shop\", \"event\": \"run\" }\n");
    assert_read("shop", 1794016800, 0, "1", 0);
    assert_read("shop", 0, 0, "1 2", 0);
}

static void what_is_damaged_is_passed_over(void **state)
{
    (void)state;
    static const char zeros[5000];
    put_day(path, "shop", 1);
    append_text(path, "{\"event\":\"run\",\"pipel");
    append_text(path, "\n");
    put_day(path, "shop", 2);
    append(path, zeros, sizeof zeros);
    append_text(path, "\n[]\nnull\n{}\n{\"event\":\"run\"}\n\xff\xfe\n\n");
    put_day(path, "shop", 3);
    append_text(path, "{\"event\":\"run\",\"pipeline\":\"shop\",\"time\":\"yesterday, say\"}\n");
    append_text(path, "{\"event\":\"run\",\"number\":4,\"pipeline\":\"shop\",\"ti");
    assert_read(NULL, 0, 0, "1 2 3", 10);
    /* What is whole, but of another pipeline or too old, is not read that closely. */
    assert_read(NULL, 0, 1, "3", 2);
}

static void a_line_of_any_length(void **state)
{
    (void)state;
    size_t size = 3 * KIST_HISTORY_LINE_MAX;
    char *filler = malloc(size);
    assert_non_null(filler);
    memset(filler, 'x', size);
    /* Lines of all lengths around the size of a piece that is read at a time. */
    for (int day = 1; day <= 9; day++) {
        size_t length = ((size_t)256 << 10) - 200 + (size_t)day * 40;
        append_text(path, "{\"event\":\"run\",\"pipeline\":\"shop\",\"cause\":\"");
        append(path, filler, length);
        append_text(path, "\",");
        char tail[80];
        snprintf(tail, sizeof tail, "\"number\":%d,\"time\":\"2026-11-0%dT02:00:00Z\"}\n", day, day);
        append_text(path, tail);
    }
    assert_read("shop", 0, 0, "1 2 3 4 5 6 7 8 9", 0);
    append(path, filler, size);
    append_text(path, "\n");
    put_day(path, "shop", 10);
    append(path, filler, size);
    assert_read("shop", 0, 0, "1 2 3 4 5 6 7 8 9 10", 2);
    free(filler);
}

static void the_last_of_its_kind(void **state)
{
    (void)state;
    json_t *entry = NULL;
    assert_int_equal(kist_history_last(dir, "shop", "run", &entry, &err), 0);
    assert_null(entry);
    put_day(older, "shop", 1);
    put(path, "shop", "verify", "2026-11-02T02:00:00Z", 2);
    put_day(path, "crm", 3);
    assert_int_equal(kist_history_last(dir, "shop", "run", &entry, &err), 0);
    assert_int_equal(json_integer_value(json_object_get(entry, "number")), 1);
    json_decref(entry);
    assert_int_equal(kist_history_last(dir, "shop", NULL, &entry, &err), 0);
    assert_int_equal(json_integer_value(json_object_get(entry, "number")), 2);
    json_decref(entry);
}

static void what_cannot_be_opened(void **state)
{
    (void)state;
    json_t *entries = NULL;
    assert_int_equal(symlink("/etc/hostname", path), 0);
    assert_int_not_equal(kist_history_read(dir, NULL, 0, 0, &entries, NULL, &err), 0);
    assert_null(entries);
    assert_non_null(strstr(err.message, "history.jsonl"));
}

static int add(int number)
{
    json_t *entry = json_pack("{s:s, s:s, s:i}", "event", "run", "pipeline", "shop", "number", number);
    int code = kist_history_add(dir, entry, &err);
    json_decref(entry);
    return code;
}

static int64_t size_of(const char *file)
{
    struct stat status;
    return stat(file, &status) == 0 ? (int64_t)status.st_size : -1;
}

/* A line after one that was cut is a line of its own. */
/* What is written to a pipe is gone when nobody reads it. */
static void what_is_no_file(void **state)
{
    (void)state;
    json_t *entry = json_pack("{s:s}", "event", "run"), *entries = NULL;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(kist_history_add(dir, entry, &err), KIST_ERR_FAILED);
    assert_non_null(strstr(err.message, "not a regular file"));
    kist_error_clear(&err);
    assert_int_equal(kist_history_read(dir, NULL, 0, 0, &entries, NULL, &err), KIST_ERR_FAILED);
    assert_non_null(strstr(err.message, path));
    assert_null(entries);
    json_decref(entry);
}

static void after_a_cut(void **state)
{
    (void)state;
    assert_int_equal(add(1), 0);
    append_text(path, "{\"event\":\"ru");
    assert_int_equal(add(2), 0);
    assert_int_equal(add(3), 0);
    assert_read("shop", 0, 0, "1 2 3", 1);
}

static void fill_to(const char *file, int64_t size)
{
    char *filler = malloc(1 << 20);
    assert_non_null(filler);
    memset(filler, ' ', 1 << 20);
    for (int64_t i = (1 << 20) - 200; i < 1 << 20; i += 200)
        filler[i] = '\n';
    while (size_of(file) < size) {
        int64_t missing = size - (size_of(file) < 0 ? 0 : size_of(file));
        append(file, filler, (size_t)(missing < 1 << 20 ? missing : 1 << 20));
    }
    free(filler);
}

static void a_large_one_is_put_aside(void **state)
{
    (void)state;
    put_day(older, "shop", 1);
    put_day(path, "shop", 2);
    fill_to(path, KIST_HISTORY_MAX - 1);
    append_text(path, "\n");
    assert_int_equal(add(3), 0);
    assert_int_equal(size_of(older), KIST_HISTORY_MAX);
    assert_true(size_of(path) < 1000);
    json_t *entries = NULL;
    assert_int_equal(kist_history_read(dir, "shop", 0, 2, &entries, NULL, &err), 0);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(entries, 0), "number")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(entries, 1), "number")), 3);
    json_decref(entries);
}

/* Several processes come to the limit together: each of their lines is there once. */
static void many_writers(void **state)
{
    (void)state;
    fill_to(path, KIST_HISTORY_MAX - 50 * 120);
    append_text(path, "\n");
    for (int i = 0; i < WRITERS; i++)
        if (fork() == 0) {
            int failed = 0;
            for (int k = 0; k < LINES_EACH; k++)
                failed |= add(i * LINES_EACH + k) != 0;
            _exit(failed);
        }
    for (int i = 0; i < WRITERS; i++) {
        int status = -1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_true(size_of(older) >= KIST_HISTORY_MAX && size_of(older) < KIST_HISTORY_MAX + 1000);
    int seen[WRITERS * LINES_EACH] = {0};
    json_t *entries = NULL, *entry = NULL;
    size_t index = 0;
    assert_int_equal(kist_history_read(dir, "shop", 0, WRITERS * LINES_EACH, &entries, NULL, &err), 0);
    assert_int_equal(json_array_size(entries), WRITERS * LINES_EACH);
    json_array_foreach(entries, index, entry)
        seen[json_integer_value(json_object_get(entry, "number"))]++;
    json_decref(entries);
    for (int i = 0; i < WRITERS * LINES_EACH; i++)
        assert_int_equal(seen[i], 1);
}

/* Somebody who holds the lock for good delays a line, and does not lose it. */
static void a_lock_that_is_never_freed(void **state)
{
    (void)state;
    assert_int_equal(add(1), 0);
    int fd = open(path, O_RDONLY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(add(2), 0);
    close(fd);
    assert_read("shop", 0, 0, "1 2", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_no_error, setup, teardown),
        cmocka_unit_test_setup_teardown(which_entries, setup, teardown),
        cmocka_unit_test_setup_teardown(texts_that_look_like_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(with_blanks, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_damaged_is_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_of_any_length, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_of_its_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(after_a_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_one_is_put_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(many_writers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lock_that_is_never_freed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
