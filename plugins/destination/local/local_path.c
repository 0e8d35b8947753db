/* local_path.c - the way from the root to a file, on which no symbolic link is followed. */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void local_close(int fd)
{
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
}

static int open_beneath(int root, const char *path, int flags)
{
    /* Without O_NOFOLLOW a link at the end counts as one to be resolved, and gives ELOOP like any other. */
    struct open_how how = {
        .flags = (unsigned)flags | (flags & O_PATH ? O_NOFOLLOW : 0) | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof how);
}

/* Kernels before 5.6 and seccomp filters that do not know openat2 answer with these. */
static int no_openat2(int errnum)
{
    return errnum == ENOSYS || errnum == EPERM || errnum == EINVAL || errnum == EAGAIN;
}

/* Opens `name` as a folder. A link gives ENOTDIR here; callers want to know that it is one. */
static int enter(int dir, const char *name)
{
    int fd = openat(dir, name, FOLDER_FLAGS);
    struct stat st;
    if (fd < 0 && errno == ENOTDIR) {
        int is_link = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
        errno = is_link ? ELOOP : ENOTDIR;
    }
    return fd;
}

/* A umask that takes our own read permission leaves a new folder that only O_PATH opens. */
static int enter_unreadable(int dir, const char *name)
{
    char link[64];
    int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int rc = chmod(link, LOCAL_FOLDER_MODE);
    local_close(fd);
    return rc == 0 ? enter(dir, name) : -1;
}

int local_make_folder(struct local_store *store, int dir, const char *name, int *ret_made)
{
    *ret_made = mkdirat(dir, name, LOCAL_FOLDER_MODE) == 0;
    if (!*ret_made && errno != EEXIST)
        return -1;
    int fd = enter(dir, name);
    if (*ret_made && fd < 0 && errno == EACCES)
        fd = enter_unreadable(dir, name);
    if (*ret_made && fd >= 0 && local_set_mode(store, fd, LOCAL_FOLDER_MODE) != 0) {
        local_close(fd);
        return -1;
    }
    return fd;
}

/* Goes to the folder `path` component by component. With `ret_kept`, makes what is missing. */
static int walk(struct local_store *store, int root, const char *path, size_t *ret_kept)
{
    size_t depth = 0, kept = SIZE_MAX;
    int fd = openat(root, ".", FOLDER_FLAGS);
    while (fd >= 0 && *path) {
        char name[NAME_MAX + 1];
        size_t length = strcspn(path, "/");
        int made = 0, next = -1;
        if (length <= NAME_MAX) {
            memcpy(name, path, length);
            name[length] = '\0';
            next = ret_kept ? local_make_folder(store, fd, name, &made) : enter(fd, name);
        } else {
            errno = ENAMETOOLONG;
        }
        local_close(fd);
        fd = next;
        if (made && kept == SIZE_MAX)
            kept = depth;
        depth++;
        path += length + (path[length] == '/');
    }
    if (ret_kept)
        *ret_kept = fd >= 0 && kept == SIZE_MAX ? depth : kept;
    return fd;
}

static int open_by_steps(int root, const char *path, int flags)
{
    if (flags & O_DIRECTORY)
        return walk(NULL, root, path, NULL);
    const char *name;
    char *folder = local_key_folder(path, &name);
    int dir = folder ? walk(NULL, root, folder, NULL) : -1;
    free(folder);
    int fd = dir >= 0 ? openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC) : -1;
    local_close(dir);
    return fd;
}

int local_open(struct local_store *store, const char *path, int flags)
{
    if (!store->no_openat2) {
        int fd = open_beneath(store->root, path, flags);
        if (fd >= 0 || !no_openat2(errno))
            return fd;
        store->no_openat2 = errno == ENOSYS;
    }
    return open_by_steps(store->root, path, flags);
}

int local_open_made(struct local_store *store, const char *path, size_t *ret_kept)
{
    return walk(store, store->root, path, ret_kept);
}

/* Cuts the last component off `path` and returns it. */
static const char *cut_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        return NULL;
    *slash = '\0';
    return slash + 1;
}

void local_prune(struct local_store *store, const char *path, size_t keep)
{
    size_t depth = *path ? 1 : 0;
    for (const char *at = path; *at; at++)
        depth += *at == '/';
    /* With a leading '/' the top component is cut off like any other. */
    char *left = malloc(strlen(path) + 2);
    if (!left)
        return;
    left[0] = '/';
    memcpy(left + 1, path, strlen(path) + 1);
    for (; depth > keep; depth--) {
        const char *name = cut_last(left);
        int parent = name ? local_open(store, *left ? left + 1 : "", FOLDER_FLAGS) : -1;
        int rc = parent >= 0 ? unlinkat(parent, name, AT_REMOVEDIR) : -1;
        local_close(parent);
        /* One that does not exist may still have an empty parent. */
        if (rc != 0 && errno != ENOENT)
            break;
    }
    free(left);
}

int local_set_mode(struct local_store *store, int fd, mode_t mode)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return -1;
    if ((st.st_mode & 07777) == mode || fchmod(fd, mode) == 0)
        return 0;
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
        return -1;
    if (!store->warned_no_modes)
        store->host->log(store->host, KIST_LOG_WARNING,
                         "the file system of '%s' keeps no modes: who can read the "
                         "backups is decided by how it is mounted",
                         store->path);
    store->warned_no_modes = 1;
    return 0;
}

int local_sync_folder(struct local_store *store, int fd)
{
    if (fsync(fd) == 0)
        return 0;
    if (errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
        return -1;
    if (!store->warned_no_sync)
        store->host->log(store->host, KIST_LOG_WARNING,
                         "the file system of '%s' cannot sync directories: a new object "
                         "may be lost when the power fails within the next seconds",
                         store->path);
    store->warned_no_sync = 1;
    return 0;
}
