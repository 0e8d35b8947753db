#include "read_file.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_LINE_LIMIT ((size_t)1 << 20)

static const char *kind_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR: return "a directory";
    case S_IFIFO: return "a named pipe";
    case S_IFSOCK: return "a socket";
    case S_IFCHR:
    case S_IFBLK: return "a device";
    default: return "of an unknown kind";
    }
}

static int fail_open(const char *path, int errnum, struct kist_error *err)
{
    struct stat link;
    if (errnum == ENOENT && lstat(path, &link) == 0 && S_ISLNK(link.st_mode))
        return kist_fail(err, KIST_ERR_CONFIG, "is a symbolic link to nothing");
    return kist_fail(err, KIST_ERR_CONFIG, "cannot be read: %s", strerrordesc_np(errnum));
}

static int check_regular(const struct stat *status, struct kist_error *err)
{
    if (S_ISREG(status->st_mode))
        return 0;
    return kist_fail(err, KIST_ERR_CONFIG, "is %s, not a file", kind_of(status->st_mode));
}

int kist_file_open(const char *path, int *ret_fd, struct stat *ret_status, struct kist_error *err)
{
    struct stat status;
    /* Looked at first: opening a device can do things. O_NONBLOCK: the file may have been swapped for a pipe
     * since. */
    if (stat(path, &status))
        return fail_open(path, errno, err);
    if (check_regular(&status, err))
        return err->code;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fail_open(path, errno, err);
    int failed = fstat(fd, &status) ? kist_fail_errno(err, errno, "cannot be read") : check_regular(&status, err);
    if (failed) {
        close(fd);
        return failed;
    }
    *ret_fd = fd;
    *ret_status = status;
    return 0;
}

/* Reads until the end of the file or until `capacity` is full. */
static int read_full(int fd, char *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    size_t size = 0;
    while (size < capacity) {
        ssize_t got = read(fd, data + size, capacity - size);
        if (got == 0)
            break;
        if (got > 0)
            size += (size_t)got;
        else if (errno != EINTR)
            return kist_fail_errno(err, errno, "cannot be read");
    }
    *ret_size = size;
    return 0;
}

int kist_file_read(int fd, size_t limit, char **ret_data, size_t *ret_size, struct kist_error *err)
{
    struct stat status;
    if (fstat(fd, &status))
        return kist_fail_errno(err, errno, "cannot be read");
    /* Files of /proc and /sys say 0. A file that grows while it is read is caught by the byte beyond its size. */
    size_t capacity =
        status.st_size > 0 && (uint64_t)status.st_size <= limit ? (size_t)status.st_size + 1 : limit + 1;
    char *data = calloc(1, capacity + 1);
    size_t size = 0;
    if (!data)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    int failed = read_full(fd, data, capacity, &size, err);
    if (!failed && size == capacity)
        failed = size > limit ? kist_fail(err, KIST_ERR_CONFIG, "is larger than %zu KiB", limit / 1024)
                              : kist_fail(err, KIST_ERR_FAILED, "changed while it was read");
    if (failed) {
        explicit_bzero(data, capacity);
        free(data);
        return failed;
    }
    *ret_data = data;
    *ret_size = size;
    return 0;
}

int kist_file_check_control(const char *path, const struct stat *status, struct kist_error *err)
{
    if (status->st_uid != 0 && status->st_uid != geteuid()) {
        kist_fail(err, KIST_ERR_CONFIG, "belongs to another user (uid %u)", (unsigned)status->st_uid);
        kist_hint(err, "it must belong to root%s: chown root %s",
                  geteuid() ? " or to the user that runs kist" : "", path);
        return KIST_ERR_CONFIG;
    }
    int by_others = (status->st_mode & S_IWOTH) != 0;
    int by_group = (status->st_mode & S_IWGRP) && status->st_gid != getegid();
    if (!by_others && !by_group)
        return 0;
    kist_fail(err, KIST_ERR_CONFIG, "can be written by %s (mode %04o)", by_others ? "everybody" : "another group",
              (unsigned)status->st_mode & 07777);
    kist_hint(err, "chmod %s %s", by_others ? "go-w" : "g-w", path);
    return KIST_ERR_CONFIG;
}

int kist_file_first_line(const char *path, char **ret_line, struct stat *ret_status, struct kist_error *err)
{
    struct stat status;
    char *data = NULL;
    size_t size = 0;
    int fd = -1;
    if (kist_file_open(path, &fd, &status, err))
        return err->code;
    int failed = kist_file_read(fd, FIRST_LINE_LIMIT, &data, &size, err);
    close(fd);
    if (failed)
        return failed;
    char *end = memchr(data, '\n', size);
    size_t line = end ? (size_t)(end - data) : size;
    if (line > 0 && data[line - 1] == '\r')
        line--;
    if (memchr(data, '\0', line)) {
        explicit_bzero(data, size);
        free(data);
        return kist_fail(err, KIST_ERR_CONFIG, "holds a NUL byte in its first line");
    }
    explicit_bzero(data + line, size - line);
    if (ret_status)
        *ret_status = status;
    *ret_line = data;
    return 0;
}
