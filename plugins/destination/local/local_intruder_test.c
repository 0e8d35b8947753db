/* local_intruder_test.c - what somebody else may put into the store: links, pipes, shorter files. */
#include "local_test_tools.h"

static void links_are_never_followed(void **state)
{
    static const char *const places[] = {"store/l", "store/a/l", "store/a/b/l"};
    static const char *const below[] = {"l/x", "a/l/x", "a/b/l/x", "l/d/x", "a/b/l/d/x"};
    struct box *box = *state;
    char data[16];
    assert_int_equal(box_put(box, "a/b/object", "data", 4), 0);
    assert_int_equal(mkdir(in_box(box, "outside"), 0700), 0);
    write_file(in_box(box, "outside/x"), "victim");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(symlink(in_box(box, "outside"), in_box(box, places[i])), 0);
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        assert_int_equal(box_put(box, below[i], "new", 3), KIST_ERR_FAILED);
        assert_non_null(strstr(box->test.err.message, "symbolic link"));
        assert_int_equal(box_get(box, below[i], data, sizeof data), KIST_ERR_FAILED);
        assert_int_equal(box_stat(box, below[i]), KIST_ERR_FAILED);
        assert_int_equal(box_remove(box, below[i]), KIST_ERR_FAILED);
    }
    assert_int_equal(symlink("../outside/x", in_box(box, "store/final")), 0);
    assert_int_equal(symlink("../outside/none", in_box(box, "store/dangling")), 0);
    assert_int_equal(box_put(box, "final", "new", 3), KIST_ERR_EXISTS);
    assert_int_equal(box_put(box, "dangling", "new", 3), KIST_ERR_EXISTS);
    assert_int_equal(box_get(box, "final", data, sizeof data), KIST_ERR_CORRUPT);
    assert_int_equal(box_remove(box, "final"), 0);
    assert_int_equal(box_count(box, ""), 1);
    assert_int_equal(box_sweep(box), 0);
    expect_file(in_box(box, "outside/x"), "victim");
    assert_int_not_equal(access(in_box(box, "outside/none"), F_OK), 0);
}

static void a_link_planted_during_a_put_is_not_overwritten(void **state)
{
    struct box *box = *state;
    void *writer = NULL;
    write_file(in_box(box, "victim"), "victim");
    assert_int_equal(box_begin(box, "object", &writer), 0);
    assert_int_equal(symlink("../victim", in_box(box, "store/object")), 0);
    assert_int_equal(kist_plugin.put_commit(writer, 0, &box->test.err), KIST_ERR_EXISTS);
    expect_file(in_box(box, "victim"), "victim");
    assert_int_equal(box_entries(box), 1);
}

static int predictable(const struct kist_host *host, void *data, size_t size, struct kist_error *err)
{
    (void)host, (void)err;
    memset(data, 0xab, size);
    return 0;
}

static void a_temporary_name_that_is_taken_is_not_opened(void **state)
{
    struct box *box = *state;
    assert_int_equal(box_put(box, "other", "x", 1), 0);
    write_file(in_box(box, "victim"), "victim");
    assert_int_equal(symlink("../victim", in_box(box, "store/.kist-abababababababababababababababab.tmp")), 0);
    box->test.host.random = predictable;
    assert_int_equal(box_put(box, "object", "x", 1), KIST_ERR_FAILED);
    expect_file(in_box(box, "victim"), "victim");
    assert_int_equal(box_sweep(box), 0);
    box->test.random_fails = 1;
}

static void what_is_no_file_does_not_hang(void **state)
{
    struct box *box = *state;
    char data[4];
    assert_int_equal(box_put(box, "a/object", "x", 1), 0);
    assert_int_equal(mkfifo(in_box(box, "store/a/pipe"), 0600), 0);
    assert_int_equal(mkfifo(in_box(box, "store/a/.kist-0.tmp"), 0600), 0);
    alarm(20);
    assert_int_equal(box_get(box, "a/pipe", data, sizeof data), KIST_ERR_CORRUPT);
    assert_int_equal(box_stat(box, "a/pipe"), KIST_ERR_CORRUPT);
    assert_int_equal(box_put(box, "a/pipe", "x", 1), KIST_ERR_EXISTS);
    assert_int_equal(box_put(box, "a/pipe/x", "x", 1), KIST_ERR_FAILED);
    assert_int_equal(box_get(box, "a", data, sizeof data), KIST_ERR_NOT_FOUND);
    assert_int_equal(box_sweep(box), 0);
    alarm(0);
}

static void a_file_that_changes_while_read_is_corrupt(void **state)
{
    static const off_t sizes[] = {2, 10, 0};
    struct box *box = *state;
    for (size_t i = 0; i < 3; i++) {
        void *reader = NULL;
        size_t size = 0;
        char data[16];
        assert_int_equal(box_put(box, "object", "123456", 6), 0);
        assert_int_equal(kist_plugin.get_begin(box->self, "object", 0, &reader, &box->test.err), 0);
        assert_int_equal(kist_plugin.get_read(reader, data, 4, &size, &box->test.err), 0);
        assert_int_equal(truncate(in_box(box, "store/object"), sizes[i]), 0);
        int rc = 0;
        while (rc == 0 && size > 0)
            rc = kist_plugin.get_read(reader, data, sizeof data, &size, &box->test.err);
        assert_int_equal(rc, KIST_ERR_CORRUPT);
        kist_plugin.get_end(reader);
        assert_int_equal(box_remove(box, "object"), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(links_are_never_followed), TEST(a_link_planted_during_a_put_is_not_overwritten),
        TEST(a_temporary_name_that_is_taken_is_not_opened), TEST(what_is_no_file_does_not_hang),
        TEST(a_file_that_changes_while_read_is_corrupt)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
