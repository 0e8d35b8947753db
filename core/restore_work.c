#include "restore_work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "restore-"

/* Removes all that the directory `fd` (taken) holds; links are removed, not followed. */
static void empty(int fd)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, entry->d_name, 0) == 0)
            continue;
        int below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0) {
            empty(below);
            (void)unlinkat(fd, entry->d_name, AT_REMOVEDIR);
        }
    }
    closedir(dir);
}

/* One of ours that nobody holds is left by a process that was killed. */
static void sweep_one(int state, const char *name)
{
    int fd = openat(state, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return;
    }
    int kept = dup(fd); /* so that the lock stays until the name is gone */
    empty(fd);
    (void)unlinkat(state, name, AT_REMOVEDIR);
    if (kept >= 0)
        close(kept);
}

static void sweep(const char *state_dir)
{
    DIR *dir = opendir(state_dir);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) == 0)
            sweep_one(dirfd(dir), entry->d_name);
    if (dir)
        closedir(dir);
}

int kist_work_dir_make(const char *state_dir, struct kist_work_dir *ret_dir, struct kist_error *err)
{
    struct kist_work_dir dir = {.fd = -1};
    if (asprintf(&dir.path, "%s/" PREFIX "XXXXXX", state_dir) < 0)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    sweep(state_dir);
    int code = mkdtemp(dir.path) ? 0 : kist_fail_errno(err, errno, "cannot make a directory '%s'", dir.path);
    if (!code && (dir.fd = open(dir.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
        code = kist_fail_errno(err, errno, "cannot open '%s'", dir.path);
    /* Whoever sweeps just now may hold it: it is let go at once, and gone then. */
    struct stat status = {0};
    if (!code && (flock(dir.fd, LOCK_EX) != 0 || fstat(dir.fd, &status) != 0))
        code = kist_fail_errno(err, errno, "cannot lock '%s'", dir.path);
    if (!code && status.st_nlink == 0)
        code =
            kist_fail(err, KIST_ERR_UNAVAILABLE, "another restore took '%s' for a dead one: try again", dir.path);
    if (code)
        kist_work_dir_remove(&dir);
    else
        *ret_dir = dir;
    return code;
}

void kist_work_dir_remove(struct kist_work_dir *dir)
{
    if (!dir->path)
        return;
    if (dir->fd >= 0)
        empty(dup(dir->fd));
    (void)rmdir(dir->path);
    if (dir->fd >= 0)
        close(dir->fd);
    free(dir->path);
    *dir = (struct kist_work_dir){.fd = -1};
}
