#include "backup_id.h"
#include "outbox.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct scene {
    char state[64];
    char folder[80];
};

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    if (!scene)
        return -1;
    snprintf(scene->state, sizeof scene->state, "/tmp/kist-outbox.XXXXXX");
    *state = scene;
    if (!mkdtemp(scene->state))
        return -1;
    snprintf(scene->folder, sizeof scene->folder, "%s/outbox", scene->state);
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    char command[160];
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_outbox outbox;
    int code = kist_outbox_open(scene->state, &outbox, &err);
    for (size_t i = 0; i < outbox.count && !code; i++)
        code = kist_outbox_remove(&outbox.entries[i], &err);
    kist_outbox_close(&outbox);
    snprintf(command, sizeof command, "%s/lock", scene->folder);
    (void)unlink(command);
    (void)rmdir(scene->folder);
    /* Nothing else may be left in it. */
    if (rmdir(scene->state) != 0)
        code = -1;
    free(scene);
    return code;
}

static void put(const struct scene *scene, const char *notifier, int number)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    json_t *document = json_pack("{s:i, s:{s:s, s:i}}", "kind", 3, "event", "pipeline", "p", "number", number);
    assert_int_equal(kist_outbox_put(scene->state, notifier, document, &err), 0);
    json_decref(document);
}

static void put_raw(const struct scene *scene, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", scene->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void open_outbox(const struct scene *scene, struct kist_outbox *outbox)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    assert_int_equal(kist_outbox_open(scene->state, outbox, &err), 0);
}

static void test_empty(void **state)
{
    struct kist_outbox outbox;
    open_outbox(*state, &outbox);
    assert_true(outbox.count == 0 && outbox.lock < 0);
    kist_outbox_close(&outbox);
}

static void test_in_the_order_of_time(void **state)
{
    const struct scene *scene = *state;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_outbox outbox;
    struct stat status;
    for (int i = 0; i < 5; i++) {
        put(scene, i % 2 ? "odd" : "even", i);
        usleep(2000);
    }
    open_outbox(scene, &outbox);
    assert_int_equal(outbox.count, 5);
    for (int i = 0; i < 5; i++) {
        const struct kist_outbox_entry *entry = &outbox.entries[i];
        json_t *document = kist_outbox_read(entry);
        assert_string_equal(entry->notifier, i % 2 ? "odd" : "even");
        assert_string_equal(entry->pipeline, "p");
        assert_int_equal(json_integer_value(json_object_get(json_object_get(document, "event"), "number")), i);
        assert_int_equal(stat(entry->path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_true(llabs(kist_time_now() - entry->written) < 60);
        json_decref(document);
    }
    assert_int_equal(stat(scene->folder, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(kist_outbox_remove(&outbox.entries[0], &err), 0);
    /* Twice is no mistake. */
    assert_int_equal(kist_outbox_remove(&outbox.entries[0], &err), 0);
    assert_null(kist_outbox_read(&outbox.entries[0]));
    kist_outbox_close(&outbox);
    open_outbox(scene, &outbox);
    assert_int_equal(outbox.count, 4);
    kist_outbox_close(&outbox);
}

static void test_one_at_a_time(void **state)
{
    struct kist_outbox first, second;
    put(*state, "n", 1);
    open_outbox(*state, &first);
    open_outbox(*state, &second);
    assert_int_equal(first.count, 1);
    assert_int_equal(second.count, 0);
    assert_true(second.lock < 0);
    kist_outbox_close(&second);
    /* Whoever sends keeps nobody from putting more into it. */
    put(*state, "n", 2);
    kist_outbox_close(&first);
    open_outbox(*state, &first);
    assert_int_equal(first.count, 2);
    kist_outbox_close(&first);
}

static void test_what_is_damaged_goes(void **state)
{
    const struct scene *scene = *state;
    struct kist_outbox outbox;
    char name[200];
    put(scene, "n", 1);
    put_raw(scene, "2026-01-01T00-00-00Z-000-1.json", "");
    put_raw(scene, "2026-01-01T00-00-00Z-000-2.json", "{\"kist_outbox\":1,\"notifier\":\"n\"");
    put_raw(scene, "2026-01-01T00-00-00Z-000-3.json", "{\"kist_outbox\":1,\"notifier\":\"n\",\"written\":1}");
    put_raw(scene, "2026-01-01T00-00-00Z-000-4.json", "[[[[");
    snprintf(name, sizeof name, "%s/link.json", scene->folder);
    assert_int_equal(symlink("/etc/passwd", name), 0);
    /* What a process left that was killed while it wrote; and what one may be writing just now. */
    char left[200], written[200];
    struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    put_raw(scene, "2026-01-01T00-00-00Z-000-5.json.AbCdEf", "{");
    put_raw(scene, "2026-01-01T00-00-00Z-000-6.json.AbCdEf", "{");
    snprintf(left, sizeof left, "%s/2026-01-01T00-00-00Z-000-5.json.AbCdEf", scene->folder);
    snprintf(written, sizeof written, "%s/2026-01-01T00-00-00Z-000-6.json.AbCdEf", scene->folder);
    assert_int_equal(utimensat(AT_FDCWD, left, long_ago, 0), 0);
    open_outbox(scene, &outbox);
    assert_int_equal(outbox.count, 1);
    kist_outbox_close(&outbox);
    assert_int_not_equal(access(left, F_OK), 0);
    assert_int_equal(unlink(written), 0);
    assert_int_not_equal(access(name, F_OK), 0);
    assert_int_equal(access("/etc/passwd", F_OK), 0);
}

static void test_what_is_too_old_goes(void **state)
{
    const struct scene *scene = *state;
    struct kist_outbox outbox;
    char text[300];
    put(scene, "n", 1);
    for (int days = 6; days <= 8; days++) {
        char name[80];
        snprintf(name, sizeof name, "2026-01-0%dT00-00-00Z-000-1.json", days);
        snprintf(text, sizeof text,
                 "{\"kist_outbox\":1,\"notifier\":\"n\",\"written\":%lld,\"document\":{\"event\":{}}}",
                 (long long)(kist_time_now() - days * 86400 + 60));
        put_raw(scene, name, text);
    }
    open_outbox(scene, &outbox);
    assert_int_equal(outbox.count, 3);
    kist_outbox_close(&outbox);
}

static void test_the_oldest_of_too_many_go(void **state)
{
    const struct scene *scene = *state;
    struct kist_outbox outbox;
    put(scene, "n", 1);
    for (int i = 0; i < KIST_OUTBOX_MOST + 4; i++) {
        char name[80], text[300];
        snprintf(name, sizeof name, "2026-01-01T00-00-00Z-%04d.json", i);
        snprintf(text, sizeof text,
                 "{\"kist_outbox\":1,\"notifier\":\"n\",\"written\":%lld,\"document\":{\"event\":{}}}",
                 (long long)kist_time_now());
        put_raw(scene, name, text);
    }
    put(scene, "last", 2);
    open_outbox(scene, &outbox);
    assert_int_equal(outbox.count, KIST_OUTBOX_MOST);
    assert_string_equal(outbox.entries[outbox.count - 1].notifier, "last");
    assert_non_null(strstr(outbox.entries[0].path, "-0006.json"));
    kist_outbox_close(&outbox);
}

static void test_where_nothing_can_be_written(void **state)
{
    const struct scene *scene = *state;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_outbox outbox;
    json_t *document = json_pack("{s:{}}", "event");
    assert_int_equal(kist_outbox_put("/nonexistent/state", "n", document, &err), KIST_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nonexistent/state/outbox"));
    json_decref(document);
    FILE *file = fopen(scene->folder, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_not_equal(kist_outbox_open(scene->state, &outbox, &err), 0);
    assert_int_equal(outbox.count, 0);
    assert_int_equal(unlink(scene->folder), 0);
}

static void test_those_who_only_ask_do_not_try_too_often(void **state)
{
    const struct scene *scene = *state;
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    struct kist_outbox outbox;
    int64_t now = kist_time_now();
    assert_int_equal(kist_outbox_is_due(scene->state, now), 0);
    assert_int_equal(kist_outbox_has_recent(scene->state, "ops", now), 0);
    put(scene, "ops", 1);
    assert_int_equal(kist_outbox_is_due(scene->state, now), 1);
    assert_int_equal(kist_outbox_has_recent(scene->state, "ops", now), 1);
    assert_int_equal(kist_outbox_has_recent(scene->state, "dev", now), 0);
    assert_int_equal(kist_outbox_has_recent(scene->state, "ops", now + 3700), 0);
    /* Just tried. */
    assert_int_equal(kist_outbox_open(scene->state, &outbox, &err), 0);
    kist_outbox_close(&outbox);
    assert_int_equal(kist_outbox_is_due(scene->state, now + 30), 0);
    assert_int_equal(kist_outbox_is_due(scene->state, now + 70), 1);
    /* The clock was set back. */
    assert_int_equal(kist_outbox_is_due(scene->state, now - 5000), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_empty),
        TEST(test_in_the_order_of_time),
        TEST(test_one_at_a_time),
        TEST(test_what_is_damaged_goes),
        TEST(test_what_is_too_old_goes),
        TEST(test_the_oldest_of_too_many_go),
        TEST(test_those_who_only_ask_do_not_try_too_often),
        TEST(test_where_nothing_can_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
