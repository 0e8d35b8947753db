#include "private_dir.h"
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "work-"
#define TEMPLATE PREFIX "XXXXXX"
#define DEPTH_MOST 64 /* of directories in each other: each holds a descriptor */
#define TRIES 10

static int is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int remove_content(int fd, int depth);

/* A link is removed as what it is, whatever it leads to, and also where it took the place of a directory just now. */
static int remove_entry(int fd, const char *name, int depth)
{
    if (unlinkat(fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    int inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner < 0)
        return errno == ENOENT ? 0 : -1;
    if (remove_content(inner, depth + 1) != 0)
        return -1;
    return unlinkat(fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

/* Everything in a directory; closes `fd`. 0, or -1 and errno of the last thing that stayed. */
static int remove_content(int fd, int depth)
{
    int failure = depth > DEPTH_MOST ? ELOOP : 0;
    DIR *dir = failure ? NULL : fdopendir(fd);
    if (!dir) {
        failure = failure ? failure : errno;
        close(fd);
        errno = failure;
        return -1;
    }
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        if (!is_dots(entry->d_name) && remove_entry(dirfd(dir), entry->d_name, depth) != 0)
            failure = errno;
    closedir(dir);
    errno = failure;
    return failure ? -1 : 0;
}

/* Removes one whose lock is held by `fd`; closes that last, so that nobody else takes it for a dead one meanwhile. */
static void remove_locked(int fd, const char *path)
{
    int inner = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (inner < 0 || remove_content(inner, 0) != 0 || (rmdir(path) != 0 && errno != ENOENT))
        kist_log(KIST_LOG_WARNING, NULL, "cannot remove the directory '%s': %s", path, strerror(errno));
    close(fd);
}

/* 1 when `fd`, whose lock we hold, is still what lies at `path`. */
static int is_at(int fd, const char *path)
{
    struct stat here, there;
    return fstat(fd, &here) == 0 && lstat(path, &there) == 0 && here.st_dev == there.st_dev &&
           here.st_ino == there.st_ino;
}

/* The locked descriptor of a directory, or -1 when somebody else has it or it is gone. */
static int lock_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) != 0 || !is_at(fd, path))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* The lock goes with the process that took it: one that is free belongs to nobody. */
static void sweep(const char *state_dir)
{
    DIR *dir = opendir(state_dir);
    if (!dir)
        return;
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char *path = NULL;
        if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) != 0 ||
            strlen(entry->d_name) != sizeof TEMPLATE - 1 || asprintf(&path, "%s/%s", state_dir, entry->d_name) < 0)
            continue;
        int fd = lock_dir(path);
        if (fd >= 0) {
            remove_locked(fd, path);
            kist_log(KIST_LOG_INFO, NULL, "removed '%s', which a process that was killed had left", path);
        }
        free(path);
    }
    closedir(dir);
}

int kist_private_dir_share(const char *state_dir, struct kist_error *err)
{
    struct stat status;
    if (geteuid() != 0)
        return 0;
    if (stat(state_dir, &status) != 0)
        return kist_fail_errno(err, errno, "cannot look at the state directory '%s'", state_dir);
    if ((status.st_mode & S_IXOTH) || chmod(state_dir, (status.st_mode & 07777) | S_IXGRP | S_IXOTH) == 0)
        return 0;
    return kist_fail_errno(err, errno, "cannot let others pass through the state directory '%s'", state_dir);
}

/* Leaves `ret_dir` empty when another process has swept it before it was locked. */
static int make_one(const char *state_dir, struct kist_private_dir *ret_dir, struct kist_error *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/" TEMPLATE, state_dir) < 0)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    if (!mkdtemp(path)) {
        int code = kist_fail_errno(err, errno, "cannot make a directory in '%s'", state_dir);
        free(path);
        return code;
    }
    ret_dir->fd = lock_dir(path);
    if (ret_dir->fd < 0) {
        /* Somebody who sweeps had it first, and removes it. */
        (void)rmdir(path);
        free(path);
    } else
        ret_dir->path = path;
    return 0;
}

int kist_private_dir_make(const char *state_dir, struct kist_private_dir *ret_dir, struct kist_error *err)
{
    struct kist_private_dir dir = {.fd = -1};
    char *absolute = realpath(state_dir, NULL);
    if (!absolute)
        return kist_fail_errno(err, errno, "cannot find the state directory '%s'", state_dir);
    int code = 0;
    sweep(absolute);
    for (int i = 0; i < TRIES && !code && !dir.path; i++)
        code = make_one(absolute, &dir, err);
    if (!code && !dir.path)
        code = kist_fail(err, KIST_ERR_FAILED, "cannot lock a directory in '%s'", absolute);
    if (!code)
        *ret_dir = dir;
    free(absolute);
    return code;
}

void kist_private_dir_remove(struct kist_private_dir *dir)
{
    if (dir->path)
        remove_locked(dir->fd, dir->path);
    free(dir->path);
    *dir = (struct kist_private_dir){.fd = -1};
}
