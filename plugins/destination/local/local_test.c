/* local_test.c - the plugin against the contract, and what is its own on a file system in good health. */
#include "destination.h"
#include "local_test_tools.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

static void cancel(void *arg, int on)
{
    ((struct box *)arg)->test.cancelled = on;
}

/* Metadata, checksums, copies, many removes at once: what a file system does not do. */
#define SKIPPED 15

static int skipped;

/* What takes long says the same of every prefix and kernel: once is enough. */
static int thorough = 1;

static int begin(void *arg, const char *name, const char *clause)
{
    (void)arg;
    (void)clause;
    return thorough ||
           !(strcmp(name, "big-object") == 0 || strcmp(name, "list-pages") == 0 || strncmp(name, "size-", 5) == 0);
}

static void report(void *arg, const char *name, const char *clause, int outcome, const char *detail)
{
    (void)arg;
    skipped += outcome == KIST_CONFORMANCE_SKIPPED;
    kist_conformance_print("local", name, clause, outcome, detail);
}

static int conformance(struct box *box, const char *prefix)
{
    const struct kist_conformance suite = {.plugin = &kist_plugin,
                                           .host = &box->test.host,
                                           .config = &box->config,
                                           .prefix = prefix,
                                           .cancel = cancel,
                                           .begin = begin,
                                           .report = report,
                                           .arg = box};
    skipped = 0;
    thorough = !*prefix;
    int failed = kist_conformance_destination(&suite);
    return failed ? failed : skipped - SKIPPED;
}

static void conforms(void **state)
{
    struct box *box = *state;
    int before = open_descriptors();
    assert_int_equal(conformance(box, ""), 0);
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(box_entries(box), 0);
    assert_int_equal(conformance(box, "some/prefix/"), 0);
    assert_int_equal(box_entries(box), 0);
}

/* From now on the system calls `first` and `second` fail with `error`, as on an old kernel or behind a filter. */
static int forbid(unsigned first, unsigned second, unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int plant_and_try_links(struct box *box)
{
    char data[8];
    CHECK(box_put(box, "real/object", "data", 4) == 0);
    CHECK(symlink("real", in_box(box, "store/link")) == 0);
    CHECK(symlink("object", in_box(box, "store/real/alias")) == 0);
    CHECK(box_get(box, "link/object", data, sizeof data) == KIST_ERR_FAILED);
    CHECK(box_get(box, "real/alias", data, sizeof data) == KIST_ERR_CORRUPT);
    CHECK(box_stat(box, "real/alias") == KIST_ERR_CORRUPT);
    CHECK(box_put(box, "link/other", "x", 1) == KIST_ERR_FAILED);
    CHECK(box_remove(box, "link/object") == KIST_ERR_FAILED);
    CHECK(box_get(box, "real/object", data, sizeof data) == 4);
    return 0;
}

static int without_openat2(struct box *box)
{
    if (!forbid(SYS_openat2, SYS_openat2, EPERM))
        return 77;
    return conformance(box, "p/") || plant_and_try_links(box);
}

static int without_renameat2(struct box *box)
{
    if (!forbid(SYS_renameat2, SYS_sync_file_range, EINVAL))
        return 77;
    return conformance(box, "p/") || plant_and_try_links(box);
}

static void works_without_new_system_calls(void **state)
{
    in_child(plant_and_try_links, *state);
    struct box *box = *state;
    nftw(box->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    kist_plugin.close(box->self);
    assert_int_equal(kist_plugin.open(&box->test.host, &box->config, &box->self, &box->test.err), 0);
    in_child(without_openat2, *state);
}

static void works_without_a_rename_that_keeps(void **state)
{
    in_child(without_renameat2, *state);
}

static void keeps_others_out(void **state)
{
    static const mode_t masks[] = {0, 0777, 077};
    struct box *box = *state;
    struct stat st;
    for (size_t i = 0; i < 3; i++) {
        char key[32], path[64];
        snprintf(key, sizeof key, "m%zu/sub/object", i);
        mode_t old = umask(masks[i]);
        int rc = box_put(box, key, "x", 1);
        umask(old);
        assert_int_equal(rc, 0);
        snprintf(path, sizeof path, "store/m%zu/sub/object", i);
        assert_int_equal(stat(in_box(box, path), &st), 0);
        assert_int_equal(st.st_mode, S_IFREG | 0600);
        for (char *slash; (slash = strrchr(path, '/')) != NULL;) {
            *slash = '\0';
            assert_int_equal(stat(in_box(box, path), &st), 0);
            assert_int_equal(st.st_mode, S_IFDIR | 0700);
        }
    }
}

static void refuses_keys_that_are_no_paths(void **state)
{
    static const char *const keys[] = {"",
                                       "/",
                                       "/a",
                                       "a/",
                                       "a//b",
                                       ".",
                                       "..",
                                       "../a",
                                       "a/../b",
                                       "a/..",
                                       "./a",
                                       "a/.",
                                       "bad\xff",
                                       "\xc0\xaf",
                                       "\xed\xa0\x80",
                                       ".kist-0.tmp",
                                       "a/.kist-00ff.tmp",
                                       ".kist-1.tmp/a"};
    struct box *box = *state;
    void *reader = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_int_equal(box_put(box, keys[i], "x", 1), KIST_ERR_UNSUPPORTED);
        assert_int_equal(box_stat(box, keys[i]), KIST_ERR_UNSUPPORTED);
        assert_int_equal(box_remove(box, keys[i]), KIST_ERR_UNSUPPORTED);
        assert_int_equal(kist_plugin.get_begin(box->self, keys[i], 0, &reader, &box->test.err),
                         KIST_ERR_UNSUPPORTED);
    }
    char name[300];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(box_put(box, name, "x", 1), KIST_ERR_UNSUPPORTED);
    name[255] = '\0';
    assert_int_equal(box_put(box, name, "x", 1), 0);
    assert_int_equal(box_count(box, "a"), KIST_ERR_BUG);
    assert_int_equal(box_count(box, "../"), KIST_ERR_UNSUPPORTED);
    assert_int_equal(box_entries(box), 1);
}

static void makes_its_root_late_and_private(void **state)
{
    struct box *box = *state;
    struct local_config config = {.path = in_box(box, "new/deep//store//")};
    struct stat st;
    void *self = NULL;
    assert_int_equal(kist_plugin.open(&box->test.host, &config, &self, &box->test.err), 0);
    assert_int_equal(kist_plugin.check(self, &box->test.err), 0);
    int count = 0;
    assert_int_equal(kist_plugin.list(self, "", count_object, &count, &box->test.err), 0);
    assert_int_equal(kist_plugin.stat(self, "a", count_object, &count, &box->test.err), KIST_ERR_NOT_FOUND);
    assert_int_equal(kist_plugin.remove(self, "a", &box->test.err), 0);
    assert_int_not_equal(access(in_box(box, "new"), F_OK), 0);
    const struct kist_put put = {.struct_size = sizeof put, .key = "a", .size = -1};
    void *writer = NULL;
    assert_int_equal(kist_plugin.put_begin(self, &put, &writer, &box->test.err), 0);
    kist_plugin.put_abort(writer);
    assert_int_equal(kist_plugin.check(self, &box->test.err), 0);
    kist_plugin.close(self);
    assert_int_equal(stat(in_box(box, "new"), &st), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 0700);
    assert_int_equal(stat(in_box(box, "new/deep/store"), &st), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 0700);
    assert_int_equal(rmdir(in_box(box, "new/deep/store")), 0);
}

static void refuses_a_path_that_cannot_be_a_root(void **state)
{
    struct box *box = *state;
    void *self = NULL;
    struct local_config config = {.path = "relative/path"};
    assert_int_equal(kist_plugin.open(&box->test.host, &config, &self, &box->test.err), KIST_ERR_CONFIG);
    write_file(in_box(box, "file"), "x");
    config.path = in_box(box, "file");
    assert_int_equal(kist_plugin.open(&box->test.host, &config, &self, &box->test.err), KIST_ERR_CONFIG);
    assert_non_null(strstr(box->test.err.message, config.path));
}

static void takes_a_link_as_root(void **state)
{
    struct box *box = *state;
    void *self = NULL;
    assert_int_equal(box_put(box, "a", "data", 4), 0);
    assert_int_equal(symlink("store", in_box(box, "link")), 0);
    struct local_config config = {.path = in_box(box, "link")};
    int count = 0;
    assert_int_equal(kist_plugin.open(&box->test.host, &config, &self, &box->test.err), 0);
    assert_int_equal(kist_plugin.list(self, "", count_object, &count, &box->test.err), 0);
    kist_plugin.close(self);
    assert_int_equal(count, 1);
}

static void check_leaves_nothing(void **state)
{
    struct box *box = *state;
    assert_int_equal(box_put(box, "a", "x", 1), 0);
    assert_int_equal(kist_plugin.check(box->self, &box->test.err), 0);
    assert_int_equal(box_entries(box), 1);
    assert_non_null(strstr(box->test.log, "GiB free"));
}

static void abort_removes_what_it_made(void **state)
{
    struct box *box = *state;
    void *writer = NULL;
    assert_int_equal(box_put(box, "old/object", "x", 1), 0);
    assert_int_equal(box_begin(box, "old/new/newer/object", &writer), 0);
    assert_int_equal(box_entries(box), 5);
    kist_plugin.put_abort(writer);
    assert_int_equal(box_entries(box), 2);
    /* A folder that was there stays, even when it is empty. */
    assert_int_equal(mkdir(in_box(box, "store/empty"), 0700), 0);
    assert_int_equal(box_begin(box, "empty/new/object", &writer), 0);
    kist_plugin.put_abort(writer);
    assert_int_equal(access(in_box(box, "store/empty"), F_OK), 0);
    assert_int_equal(box_entries(box), 3);
}

static void remove_cleans_up_to_the_root(void **state)
{
    struct box *box = *state;
    assert_int_equal(box_put(box, "a/b/c/object", "x", 1), 0);
    assert_int_equal(box_put(box, "a/other", "x", 1), 0);
    assert_int_equal(box_remove(box, "a/b/c/object"), 0);
    assert_int_equal(box_entries(box), 2);
    assert_int_equal(box_remove(box, "a/other"), 0);
    assert_int_equal(box_entries(box), 0);
    assert_int_equal(access(box->root, F_OK), 0);
    /* Folders that a killed run made before it could make a file. */
    assert_int_equal(mkdir(in_box(box, "store/a"), 0700), 0);
    assert_int_equal(mkdir(in_box(box, "store/a/b"), 0700), 0);
    assert_int_equal(box_remove(box, "a/b/c/object"), 0);
    assert_int_equal(box_entries(box), 0);
    assert_int_equal(box_put(box, "folder/object", "x", 1), 0);
    assert_int_equal(box_remove(box, "folder"), 0);
    assert_int_equal(box_stat(box, "folder/object"), 0);
}

static void list_passes_over_what_is_no_object(void **state)
{
    struct box *box = *state;
    assert_int_equal(box_put(box, "a/object", "x", 1), 0);
    write_file(in_box(box, "store/a/.kist-0123456789abcdef.tmp"), "half");
    assert_int_equal(symlink("object", in_box(box, "store/a/link")), 0);
    assert_int_equal(symlink("../a", in_box(box, "store/a/loop")), 0);
    assert_int_equal(mkfifo(in_box(box, "store/a/pipe"), 0600), 0);
    write_file(in_box(box, "store/a/bad\xff"), "x");
    assert_int_equal(mkdir(in_box(box, "store/bad\xff"), 0700), 0);
    assert_int_equal(box_count(box, ""), 1);
    assert_non_null(strstr(box->test.log, "5 entries"));
    assert_ptr_equal(strstr(box->test.log, "cannot be objects"),
                     strrchr(box->test.log, '(') - strlen("cannot be objects "));
    assert_int_equal(box_count(box, "a/object/"), 0);
    assert_int_equal(box_count(box, "a/loop/"), KIST_ERR_FAILED);
}

static void lists_thousands_in_no_time(void **state)
{
    struct box *box = *state;
    struct timespec from, to;
    assert_int_equal(box_put(box, "_kist/shop/first.json", "{}", 2), 0);
    for (int i = 1; i < 2000; i++) {
        char name[64];
        snprintf(name, sizeof name, "store/_kist/shop/%06d.json", i);
        write_file(in_box(box, name), "{}");
    }
    clock_gettime(CLOCK_MONOTONIC, &from);
    assert_int_equal(box_count(box, "_kist/shop/"), 2000);
    clock_gettime(CLOCK_MONOTONIC, &to);
    double ms = (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6;
    print_message("  2000 objects listed in %.1f ms\n", ms);
    assert_true(ms < 2000);
}

static int leave_temp(struct box *box)
{
    void *writer = NULL;
    CHECK(box_begin(box, "dead/run/object", &writer) == 0);
    CHECK(kist_plugin.put_write(writer, "half", 4, &box->test.err) == 0);
    return 0; /* and exits, as a killed run does */
}

static void sweep_removes_the_dead_only(void **state)
{
    struct box *box = *state;
    void *writer = NULL;
    int pipes[2][2];
    assert_int_equal(box_put(box, "kept/object", "x", 1), 0);
    in_child(leave_temp, box);
    assert_int_equal(box_entries(box), 5);
    assert_int_equal(pipe(pipes[0]) | pipe(pipes[1]), 0);
    pid_t child = fork();
    if (child == 0) {
        char go;
        int rc = box_begin(box, "live/object", &writer);
        rc |= write(pipes[0][1], "b", 1) != 1 || read(pipes[1][0], &go, 1) != 1;
        _exit(rc == 0 ? kist_plugin.put_commit(writer, 0, &box->test.err) != 0 : 1);
    }
    char begun;
    int status = 0;
    assert_int_equal(read(pipes[0][0], &begun, 1), 1);
    /* One of our own process is as alive as one of another. */
    assert_int_equal(box_begin(box, "own/object", &writer), 0);
    assert_int_equal(box_sweep(box), 1);
    assert_int_equal(access(in_box(box, "store/dead"), F_OK), -1);
    assert_int_equal(kist_plugin.put_commit(writer, 0, &box->test.err), 0);
    assert_int_equal(write(pipes[1][1], "g", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(box_sweep(box), 0);
    assert_int_equal(box_count(box, ""), 3);
    for (int i = 0; i < 4; i++)
        close(pipes[i / 2][i % 2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(conforms),
                                       TEST(works_without_new_system_calls),
                                       TEST(works_without_a_rename_that_keeps),
                                       TEST(keeps_others_out),
                                       TEST(refuses_keys_that_are_no_paths),
                                       TEST(makes_its_root_late_and_private),
                                       TEST(refuses_a_path_that_cannot_be_a_root),
                                       TEST(takes_a_link_as_root),
                                       TEST(check_leaves_nothing),
                                       TEST(abort_removes_what_it_made),
                                       TEST(remove_cleans_up_to_the_root),
                                       TEST(list_passes_over_what_is_no_object),
                                       TEST(lists_thousands_in_no_time),
                                       TEST(sweep_removes_the_dead_only)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
