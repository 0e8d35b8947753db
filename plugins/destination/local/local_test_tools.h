/* local_test_tools.h - a store in a directory of the test's own, and ways to look at what is really there. */
#ifndef KIST_LOCAL_TEST_TOOLS_H
#define KIST_LOCAL_TEST_TOOLS_H

#include "local.h"
#include "test_host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka.h wants the headers above in front of it. */
#include <cmocka.h>

extern const struct kist_destination kist_plugin;

struct box {
    struct kist_test_host test;
    char dir[512];  /* removed at the end */
    char root[600]; /* the store: dir/store */
    struct local_config config;
    void *self;
};

/* The absolute path of `name` in the test's directory; good until the third call after this one. */
static inline const char *in_box(const struct box *box, const char *name)
{
    static char paths[3][5000];
    static unsigned next;
    char *path = paths[next++ % 3];
    snprintf(path, sizeof paths[0], "%s/%s", box->dir, name);
    return path;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static inline int box_setup(void **state)
{
    struct box *box = calloc(1, sizeof *box);
    const char *base = getenv("TMPDIR");
    if (!box || kist_test_host_init(&box->test) != 0)
        return -1;
    snprintf(box->dir, sizeof box->dir, "%.400s/kist-local-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(box->dir))
        return -1;
    snprintf(box->root, sizeof box->root, "%s/store", box->dir);
    box->config.path = box->root;
    *state = box;
    return kist_plugin.open(&box->test.host, &box->config, &box->self, &box->test.err);
}

static inline int box_teardown(void **state)
{
    struct box *box = *state;
    kist_plugin.close(box->self);
    nftw(box->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    kist_test_host_done(&box->test);
    free(box);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, box_setup, box_teardown)

static inline int box_begin(struct box *box, const char *key, void **ret_writer)
{
    const struct kist_put put = {.struct_size = sizeof put, .key = key, .size = -1};
    kist_test_host_clear(&box->test);
    return kist_plugin.put_begin(box->self, &put, ret_writer, &box->test.err);
}

static inline int box_put(struct box *box, const char *key, const void *data, size_t size)
{
    void *writer = NULL;
    int rc = box_begin(box, key, &writer);
    const char *at = data;
    for (size_t done = 0; rc == 0 && done < size;) {
        size_t piece = size - done < (1U << 20) ? size - done : 1U << 20;
        rc = kist_plugin.put_write(writer, at + done, piece, &box->test.err);
        done += piece;
        if (rc != 0)
            kist_plugin.put_abort(writer);
    }
    return rc == 0 ? kist_plugin.put_commit(writer, size, &box->test.err) : rc;
}

/* Reads up to `capacity` bytes of an object; returns their number or a KIST_ERR_*. */
static inline int box_get(struct box *box, const char *key, void *data, size_t capacity)
{
    void *reader = NULL;
    size_t size = 0, n = 1;
    kist_test_host_clear(&box->test);
    int rc = kist_plugin.get_begin(box->self, key, 0, &reader, &box->test.err);
    if (rc != 0)
        return rc;
    while (rc == 0 && n > 0 && size < capacity) {
        rc = kist_plugin.get_read(reader, (char *)data + size, capacity - size, &n, &box->test.err);
        size += rc == 0 ? n : 0;
    }
    kist_plugin.get_end(reader);
    return rc == 0 ? (int)size : rc;
}

static inline int count_object(void *arg, const struct kist_object *object)
{
    (void)object;
    ++*(int *)arg;
    return 0;
}

/* The number of objects, or a KIST_ERR_*. */
static inline int box_count(struct box *box, const char *prefix)
{
    int count = 0;
    kist_test_host_clear(&box->test);
    int rc = kist_plugin.list(box->self, prefix, count_object, &count, &box->test.err);
    return rc == 0 ? count : rc;
}

static inline int box_stat(struct box *box, const char *key)
{
    int count = 0;
    kist_test_host_clear(&box->test);
    return kist_plugin.stat(box->self, key, count_object, &count, &box->test.err);
}

static inline int box_remove(struct box *box, const char *key)
{
    kist_test_host_clear(&box->test);
    return kist_plugin.remove(box->self, key, &box->test.err);
}

static inline int box_sweep(struct box *box)
{
    uint64_t count = 0;
    kist_test_host_clear(&box->test);
    int rc = kist_plugin.sweep(box->self, &count, &box->test.err);
    return rc == 0 ? (int)count : rc;
}

static int entries;

static inline int count_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)path, (void)st, (void)type;
    entries += at->level > 0;
    return 0;
}

/* Everything that is really below the root, of whatever kind. */
static inline int box_entries(const struct box *box)
{
    entries = 0;
    nftw(box->root, count_entry, 16, FTW_PHYS);
    return entries;
}

static inline void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static inline void expect_file(const char *path, const char *text)
{
    char data[256];
    int fd = open(path, O_RDONLY);
    ssize_t size = fd >= 0 ? read(fd, data, sizeof data) : -1;
    close(fd);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(data, text, strlen(text));
}

static inline int open_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* Runs `body` in a child; it returns 0, or 77 when the machine does not allow what it needs. */
static inline void in_child(int (*body)(struct box *), struct box *box)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(body(box));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Inside in_child, where cmocka's asserts cannot be used. */
#define CHECK(condition)                                                                                          \
    do {                                                                                                          \
        if (!(condition)) {                                                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                       \
            return 1;                                                                                             \
        }                                                                                                         \
    } while (0)

#endif
