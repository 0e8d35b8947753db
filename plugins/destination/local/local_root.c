/* local_root.c - the directory of the store itself. Its path is configuration, so links on the way to it are
 * followed. */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail_not_mounted(const struct local_store *store, struct kist_error *err)
{
    store->host->fail(store->host, err, KIST_ERR_FAILED, "'%s' is not mounted", store->path);
    store->host->hint(store->host, err,
                      "mount it; or, when the store is a folder of a mounted file system, let 'path' name "
                      "the mount point and put the folder into 'prefix'");
    return KIST_ERR_FAILED;
}

static int is_mounted(int fd)
{
    struct statx sx;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx) == 0 &&
        sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
        return (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    /* Kernels before 5.8 do not say; there, another device than the parent's must do. */
    struct stat self, parent;
    return fstat(fd, &self) == 0 && fstatat(fd, "..", &parent, 0) == 0 && self.st_dev != parent.st_dev;
}

int local_root_open(struct local_store *store, struct kist_error *err)
{
    if (store->root >= 0)
        return 0;
    int fd = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return store->require_mount ? fail_not_mounted(store, err) : 0;
    if (fd < 0 && errno == ENOTDIR)
        return store->host->fail(store->host, err, KIST_ERR_CONFIG, "path '%s' is not a directory", store->path);
    if (fd < 0)
        return local_fail(store, err, errno, "open directory", "");
    if (store->require_mount && !is_mounted(fd)) {
        close(fd);
        return fail_not_mounted(store, err);
    }
    store->root = fd;
    return 0;
}

/* The parent of an absolute path (new). Returns NULL without memory. */
static char *parent_of(const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    size_t length = (size_t)(slash - path);
    *ret_name = slash + 1;
    while (length > 1 && path[length - 1] == '/')
        length--;
    return strndup(path, length ? length : 1);
}

/* A parent that may be entered but not read cannot be synced by us; its file system does that in its own time. */
static int sync_parent(struct local_store *store, int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? 0 : -1;
    int rc = local_sync_folder(store, fd);
    local_close(fd);
    return rc;
}

/* Opens `path`, making it and its parents when they are missing. Returns a descriptor, or -1 and errno. */
static int make_path(struct local_store *store, const char *path)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT || strcmp(path, "/") == 0)
        return fd;
    const char *name;
    char *parent = parent_of(path, &name);
    int made = 0;
    int dir = parent ? make_path(store, parent) : -1;
    free(parent);
    fd = dir >= 0 ? local_make_folder(store, dir, name, &made) : -1;
    if (fd >= 0 && made && sync_parent(store, dir) != 0) {
        local_close(fd);
        fd = -1;
    }
    local_close(dir);
    return fd;
}

int local_root_make(struct local_store *store, struct kist_error *err)
{
    int rc = local_root_open(store, err);
    if (rc != 0 || store->root >= 0)
        return rc;
    int fd = make_path(store, store->path);
    if (fd < 0)
        return local_fail(store, err, errno, "make directory", "");
    close(fd);
    rc = local_root_open(store, err);
    if (rc == 0 && store->root < 0)
        return local_fail(store, err, ENOENT, "open directory", "");
    return rc;
}

int local_root_could_be_made(const struct local_store *store, struct kist_error *err)
{
    char *path = strdup(store->path);
    int rc = -1;
    while (path) {
        rc = faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS);
        if (rc == 0 || errno != ENOENT || strcmp(path, "/") == 0)
            break;
        const char *name;
        char *parent = parent_of(path, &name);
        free(path);
        path = parent;
    }
    if (!path)
        return local_fail_memory(store, err);
    if (rc == 0)
        store->host->log(store->host, KIST_LOG_INFO, "'%s' does not exist yet; the first backup makes it",
                         store->path);
    else
        local_fail(store, err, errno, "make directory", "");
    free(path);
    return rc == 0 ? 0 : err->code;
}
