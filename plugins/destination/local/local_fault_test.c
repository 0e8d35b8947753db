/* local_fault_test.c - failing system calls, full and missing disks, races. */
#include "local_test_tools.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* The calls below stand in front of libc's: the one named `call` fails at its `at`-th time with `error`. */
static struct {
    const char *call;
    int at, error, seen;
    int stutter; /* write() takes little at a time, and is interrupted every other time */
} fault;

static int fails(const char *call)
{
    if (!fault.call || strcmp(fault.call, call) != 0 || ++fault.seen != fault.at)
        return 0;
    errno = fault.error;
    return 1;
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (fails("write"))
        return -1;
    if (fault.stutter && ++fault.seen % 2) {
        errno = EINTR;
        return -1;
    }
    size_t little = 1000 + (size_t)fault.seen;
    return (ssize_t)syscall(SYS_write, fd, data, fault.stutter && little < size ? little : size);
}

int fsync(int fd)
{
    return fails("fsync") ? -1 : (int)syscall(SYS_fsync, fd);
}

int sync_file_range(int fd, off64_t at, off64_t size, unsigned flags)
{
    return fails("sync_file_range") ? -1 : (int)syscall(SYS_sync_file_range, fd, at, size, flags);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    return fails("renameat2") ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    return fails("linkat") ? -1 : (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

int mkdirat(int dir, const char *name, mode_t mode)
{
    return fails("mkdirat") ? -1 : (int)syscall(SYS_mkdirat, dir, name, mode);
}

int flock(int fd, int operation)
{
    return fails("flock") ? -1 : (int)syscall(SYS_flock, fd, operation);
}

#define BIG ((size_t)20 << 20)

static char *big_data(void)
{
    char *data = calloc(1, BIG);
    assert_non_null(data);
    for (size_t i = 0; i < BIG; i += 64)
        data[i] = (char)(i >> 6);
    return data;
}

static void a_failing_call_leaves_nothing(void **state)
{
    static const struct {
        const char *call;
        int error, code;
    } faults[] = {{"write", ENOSPC, KIST_ERR_NO_SPACE},
                  {"write", EIO, KIST_ERR_FAILED},
                  {"fsync", EIO, KIST_ERR_FAILED},
                  {"fsync", EDQUOT, KIST_ERR_NO_SPACE},
                  {"sync_file_range", EIO, KIST_ERR_FAILED},
                  {"renameat2", EACCES, KIST_ERR_FAILED},
                  {"renameat2", EXDEV, KIST_ERR_FAILED},
                  {"mkdirat", ENOSPC, KIST_ERR_NO_SPACE},
                  {"flock", EIO, KIST_ERR_FAILED}};
    struct box *box = *state;
    char *data = big_data();
    assert_int_equal(box_put(box, "old/object", "old", 3), 0);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        int before = open_descriptors(), reached = 1, tries = 0;
        for (int at = 1; reached; at++) {
            fault.call = faults[i].call, fault.error = faults[i].error, fault.at = at, fault.seen = 0;
            int rc = box_put(box, "new/folder/object", data, BIG);
            fault.call = NULL;
            reached = fault.seen >= at;
            tries += reached;
            assert_int_equal(rc, reached ? faults[i].code : 0);
            if (reached) {
                assert_non_null(strstr(box->test.err.message, box->root));
                assert_int_equal(box_entries(box), 2);
            }
        }
        assert_true(tries > 0);
        assert_int_equal(box_remove(box, "new/folder/object"), 0);
        assert_int_equal(open_descriptors(), before);
        print_message("  %-16s failed at each of %d places\n", faults[i].call, tries);
    }
    free(data);
}

static void a_file_system_may_lack_some_calls(void **state)
{
    static const struct {
        const char *call;
        int error;
    } lacks[] = {{"sync_file_range", ENOSYS}, {"renameat2", EINVAL}, {"flock", EOPNOTSUPP}};
    struct box *box = *state;
    char *data = big_data(), *read = malloc(BIG);
    for (size_t i = 0; i < sizeof lacks / sizeof *lacks; i++) {
        fault.call = lacks[i].call, fault.error = lacks[i].error, fault.at = 1, fault.seen = 0;
        assert_int_equal(box_put(box, "object", data, BIG), 0);
        fault.call = NULL;
        assert_int_equal(box_get(box, "object", read, BIG), BIG);
        assert_memory_equal(data, read, BIG);
        assert_int_equal(box_entries(box), 1);
        assert_int_equal(box_remove(box, "object"), 0);
    }
    /* The file's own sync is the first; the others are those of folders. */
    fault.call = "fsync", fault.error = EINVAL, fault.at = 2, fault.seen = 0;
    assert_int_equal(box_put(box, "a/object", "x", 1), 0);
    fault.call = NULL;
    assert_non_null(strstr(box->test.log, "cannot sync directories"));
    free(data);
    free(read);
}

static void a_folder_that_cannot_be_synced_takes_the_object_back(void **state)
{
    struct box *box = *state;
    assert_int_equal(box_put(box, "old", "x", 1), 0);
    fault.call = "fsync", fault.error = EIO, fault.at = 3, fault.seen = 0; /* file, root, folder */
    assert_int_equal(box_put(box, "a/object", "x", 1), KIST_ERR_FAILED);
    fault.call = NULL;
    assert_int_equal(fault.seen, 3);
    assert_non_null(strstr(box->test.log, "again"));
    assert_int_equal(box_entries(box), 1);
}

static void interrupted_writes_are_whole(void **state)
{
    struct box *box = *state;
    char *data = big_data(), *read = malloc(BIG);
    fault.stutter = 1;
    int rc = box_put(box, "object", data, BIG);
    fault.stutter = 0;
    assert_int_equal(rc, 0);
    assert_int_equal(box_get(box, "object", read, BIG), BIG);
    assert_memory_equal(data, read, BIG);
    free(data);
    free(read);
}

static int write_map(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    int rc = fd >= 0 && write(fd, text, strlen(text)) > 0;
    close(fd);
    return rc;
}

/* A namespace in which this process may mount; nobody else sees it. */
static int enter_private_mounts(void)
{
    char users[64], groups[64];
    snprintf(users, sizeof users, "%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
    snprintf(groups, sizeof groups, "%u %u 1", (unsigned)getegid(), (unsigned)getegid());
    int entered = geteuid() == 0
                      ? unshare(CLONE_NEWNS) == 0
                      : unshare(CLONE_NEWNS | CLONE_NEWUSER) == 0 && write_map("/proc/self/setgroups", "deny") &&
                            write_map("/proc/self/uid_map", users) && write_map("/proc/self/gid_map", groups);
    return entered && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
}

static int fill_small_disk(struct box *box)
{
    static char data[1 << 20];
    if (!enter_private_mounts() || mkdir(box->root, 0700) != 0 ||
        mount("tmpfs", box->root, "tmpfs", 0, "size=2m") != 0)
        return 77;
    CHECK(box_put(box, "small", "x", 1) == 0);
    void *writer = NULL;
    CHECK(box_begin(box, "new/big", &writer) == 0);
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = kist_plugin.put_write(writer, data, sizeof data, &box->test.err);
    CHECK(rc == KIST_ERR_NO_SPACE && box->test.err.hint);
    kist_plugin.put_abort(writer);
    CHECK(box_entries(box) == 1 && box_count(box, "") == 1);
    CHECK(box_put(box, "new/fits", data, sizeof data) == 0);
    CHECK(mount("none", box->root, "none", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
    CHECK(box_put(box, "read-only", "x", 1) == KIST_ERR_FAILED && strstr(box->test.err.hint, "read-write"));
    CHECK(kist_plugin.check(box->self, &box->test.err) == KIST_ERR_FAILED);
    return 0;
}

static void a_full_disk_is_told(void **state)
{
    in_child(fill_small_disk, *state);
}

static int exceed_file_limit(struct box *box)
{
    static char data[1 << 16];
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 100000, .rlim_max = 100000}) == 0);
    CHECK(box_put(box, "small", data, sizeof data) == 0);
    static char more[1 << 18];
    CHECK(box_put(box, "new/big", more, sizeof more) == KIST_ERR_NO_SPACE && box->test.err.hint);
    CHECK(box_entries(box) == 1);
    return 0;
}

static void a_file_limit_is_told(void **state)
{
    in_child(exceed_file_limit, *state);
}

static int mount_and_try(struct box *box)
{
    struct local_config config = {.path = box->root, .require_mount = {1}};
    void *self = NULL, *writer = NULL;
    const struct kist_put put = {.struct_size = sizeof put, .key = "a", .size = -1};
    if (!enter_private_mounts() || mkdir(box->root, 0700) != 0 ||
        mount("tmpfs", box->root, "tmpfs", 0, "size=2m") != 0)
        return 77;
    CHECK(kist_plugin.open(&box->test.host, &config, &self, &box->test.err) == 0);
    CHECK(kist_plugin.check(self, &box->test.err) == 0);
    CHECK(kist_plugin.put_begin(self, &put, &writer, &box->test.err) == 0);
    CHECK(kist_plugin.put_commit(writer, 0, &box->test.err) == 0);
    kist_plugin.close(self);
    /* A bind mount has its parent's device and still is one. */
    CHECK(umount(box->root) == 0 && mkdir(in_box(box, "real"), 0700) == 0);
    CHECK(kist_plugin.open(&box->test.host, &config, &self, &box->test.err) == KIST_ERR_FAILED);
    CHECK(mount(in_box(box, "real"), box->root, "none", MS_BIND, NULL) == 0);
    CHECK(kist_plugin.open(&box->test.host, &config, &self, &box->test.err) == 0);
    kist_plugin.close(self);
    return 0;
}

static void a_required_mount_must_be_there(void **state)
{
    struct box *box = *state;
    struct local_config config = {.path = box->root, .require_mount = {1}};
    void *self = NULL;
    assert_int_equal(kist_plugin.open(&box->test.host, &config, &self, &box->test.err), KIST_ERR_FAILED);
    assert_non_null(strstr(box->test.err.message, "is not mounted"));
    assert_int_not_equal(access(box->root, F_OK), 0);
    in_child(mount_and_try, box);
}

#define WRITERS 8
#define ROUNDS 60

struct racer {
    pthread_t thread;
    struct box box; /* an instance and an error of its own */
    int number, wins, odd;
};

/* All race to the same keys in folders that others make and remove meanwhile. */
static void *race(void *arg)
{
    struct racer *racer = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char key[64], other[64];
        snprintf(key, sizeof key, "race/%d/object", i);
        snprintf(other, sizeof other, "race/%d/by/%d", i % 3, racer->number);
        int rc = box_put(&racer->box, key, "data", 4);
        racer->wins += rc == 0;
        racer->odd += rc != 0 && rc != KIST_ERR_EXISTS;
        racer->odd += box_put(&racer->box, other, "x", 1) != 0 || box_remove(&racer->box, other) != 0;
        racer->odd += box_sweep(&racer->box) < 0 || box_count(&racer->box, "race/") < 0;
    }
    return NULL;
}

static void concurrent_writers_do_not_disturb_each_other(void **state)
{
    static struct racer racers[WRITERS];
    struct box *box = *state;
    int wins = 0, odd = 0;
    for (int i = 0; i < WRITERS; i++) {
        racers[i] = (struct racer){.number = i};
        assert_int_equal(kist_test_host_init(&racers[i].box.test), 0);
        assert_int_equal(
            kist_plugin.open(&racers[i].box.test.host, &box->config, &racers[i].box.self, &box->test.err), 0);
    }
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(racers[i].thread, NULL);
        wins += racers[i].wins;
        odd += racers[i].odd;
        if (racers[i].odd)
            print_message("  %s\n",
                          racers[i].box.test.err.message ? racers[i].box.test.err.message : "no message");
        kist_plugin.close(racers[i].box.self);
        kist_test_host_done(&racers[i].box.test);
    }
    assert_int_equal(odd, 0);
    assert_int_equal(wins, ROUNDS);
    assert_int_equal(box_count(box, ""), ROUNDS);
    assert_int_equal(box_entries(box), 1 + 2 * ROUNDS);
}

static void cancelling_stops_long_work(void **state)
{
    struct box *box = *state;
    void *writer = NULL;
    char data[4];
    assert_int_equal(box_put(box, "a/object", "x", 1), 0);
    assert_int_equal(box_begin(box, "b/object", &writer), 0);
    kist_test_host_cancel(&box->test);
    assert_int_equal(kist_plugin.put_write(writer, "x", 1, &box->test.err), KIST_ERR_CANCELLED);
    kist_plugin.put_abort(writer);
    assert_int_equal(box_get(box, "a/object", data, sizeof data), KIST_ERR_CANCELLED);
    assert_int_equal(box_count(box, ""), KIST_ERR_CANCELLED);
    assert_int_equal(box_sweep(box), KIST_ERR_CANCELLED);
    assert_int_equal(box_remove(box, "a/object"), 0);
    assert_int_equal(box_entries(box), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(a_failing_call_leaves_nothing),
                                       TEST(a_file_system_may_lack_some_calls),
                                       TEST(a_folder_that_cannot_be_synced_takes_the_object_back),
                                       TEST(interrupted_writes_are_whole),
                                       TEST(a_full_disk_is_told),
                                       TEST(a_file_limit_is_told),
                                       TEST(a_required_mount_must_be_there),
                                       TEST(concurrent_writers_do_not_disturb_each_other),
                                       TEST(cancelling_stops_long_work)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
