#include "replace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* To be replaced is a file, never a device, a pipe or a directory. */
static int look_at(const char *path, mode_t *mode, struct kist_error *err)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return errno == ENOENT ? 0 : kist_fail_errno(err, errno, "cannot look at it");
    *mode = status.st_mode & 0777;
    return S_ISREG(status.st_mode) ? 0 : kist_fail(err, KIST_ERR_CONFIG, "it is not a regular file");
}

static int write_all(int fd, const char *data, size_t size, struct kist_error *err)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return kist_fail_errno(err, errno, "cannot write");
        data += written;
        size -= (size_t)written;
    }
    return 0;
}

static int fill(int fd, const void *data, size_t size, mode_t mode, struct kist_error *err)
{
    int code = write_all(fd, data, size, err);
    if (!code && fchmod(fd, mode) != 0)
        code = kist_fail_errno(err, errno, "cannot set its mode");
    if (!code && fsync(fd) != 0)
        code = kist_fail_errno(err, errno, "cannot write");
    return code;
}

static int fill_fresh(const char *path, char *fresh, const void *data, size_t size, mode_t mode,
                      struct kist_error *err)
{
    int fd = mkostemp(fresh, O_CLOEXEC);
    if (fd < 0)
        return kist_fail_errno(err, errno, "cannot make a file beside it");
    int code = fill(fd, data, size, mode, err);
    if (close(fd) != 0 && !code)
        code = kist_fail_errno(err, errno, "cannot close");
    if (!code && rename(fresh, path) != 0)
        code = kist_fail_errno(err, errno, "cannot put the new one in its place");
    if (code)
        unlink(fresh);
    return code;
}

/* With `mode` 0 that of the file that is there stays. */
static int replace(const char *path, const void *data, size_t size, mode_t mode, struct kist_error *err)
{
    mode_t before = 0600;
    char *fresh = NULL;
    int code = look_at(path, &before, err);
    if (!code && asprintf(&fresh, "%s.XXXXXX", path) < 0) {
        fresh = NULL;
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory");
    }
    if (!code)
        code = fill_fresh(path, fresh, data, size, mode ? mode : before, err);
    free(fresh);
    return code ? kist_error_prefix(err, "cannot write '%s'", path) : 0;
}

int kist_file_replace(const char *path, const void *data, size_t size, struct kist_error *err)
{
    return replace(path, data, size, 0, err);
}

int kist_file_publish(const char *path, const void *data, size_t size, struct kist_error *err)
{
    return replace(path, data, size, 0644, err);
}
