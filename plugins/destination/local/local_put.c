/*
 * local_put.c - writing an object.
 *
 * The bytes go into a locked temporary file beside their final name. Commit syncs the file, then the folders on
 * the way to it, renames it without replacing anything, and syncs the folder: a name that a listing shows stands
 * for bytes that a power loss cannot take away.
 */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Write-back is started a window at a time and waited for some windows later. So the disk works while the dump
 * runs, the sync of a commit is short, and a large backup does not fill the machine's memory with dirty pages. */
#define WINDOW (UINT64_C(8) << 20)
#define WINDOWS_IN_FLIGHT UINT64_C(8)

struct writer {
    struct local_store *store;
    char *key;
    char *folder;
    const char *name; /* in `key` */
    int dir;
    struct local_temp temp;
    size_t kept; /* components of the folder that were there before */
    uint64_t written;
    uint64_t windows;       /* whose write-back has been started */
    uint32_t no_write_back; /* this file system cannot start it early */
    uint32_t failed;
};

static void writer_free(struct writer *writer)
{
    local_close(writer->temp.fd);
    local_close(writer->dir);
    free(writer->folder);
    free(writer->key);
    free(writer);
}

static int writer_fail(struct writer *writer, struct kist_error *err, int errnum, const char *doing)
{
    writer->failed = 1;
    return local_fail(writer->store, err, errnum, doing, writer->key);
}

static int fail_exists(const struct writer *writer, struct kist_error *err)
{
    struct stat st;
    const char *kind = "";
    if (fstatat(writer->dir, writer->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
        kind = S_ISDIR(st.st_mode)   ? " (a folder)"
               : S_ISLNK(st.st_mode) ? " (a symbolic link)"
                                     : " (a special file)";
    return writer->store->host->fail(writer->store->host, err, KIST_ERR_EXISTS,
                                     "'%s/%s' exists%s and is not overwritten", writer->store->path, writer->key,
                                     kind);
}

/* Makes the folder and the temporary file in it. Another writer that gives up, or a sweep, may remove the folder
 * between the two when it is still empty; then it is made again. */
static int make_temp(struct writer *writer, struct kist_error *err)
{
    int rc = 0;
    for (int attempt = 0; attempt < 100; attempt++) {
        local_close(writer->dir);
        writer->dir = local_open_made(writer->store, writer->folder, &writer->kept);
        if (writer->dir < 0 && errno == ENOENT) {
            rc = local_fail(writer->store, err, ENOENT, "make folder", writer->folder);
            continue;
        }
        if (writer->dir < 0)
            return local_fail(writer->store, err, errno, "make folder", writer->folder);
        rc = local_temp_make(writer->store, writer->dir, writer->folder, &writer->temp, err);
        if (rc != KIST_ERR_NOT_FOUND)
            break;
    }
    return rc;
}

static int begin(struct writer *writer, const char *key, struct kist_error *err)
{
    struct stat st;
    writer->key = strdup(key);
    writer->folder = writer->key ? local_key_folder(writer->key, &writer->name) : NULL;
    if (!writer->folder)
        return local_fail_memory(writer->store, err);
    int rc = make_temp(writer, err);
    if (rc == 0 && fstatat(writer->dir, writer->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        local_temp_drop(writer->store, &writer->temp, writer->folder);
        rc = fail_exists(writer, err);
    }
    if (rc != 0)
        local_prune(writer->store, writer->folder, writer->kept);
    return rc;
}

int local_put_begin(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err)
{
    struct local_store *store = self;
    int rc = local_key_check(store, put->key, err);
    if (rc == 0)
        rc = local_root_make(store, err);
    if (rc != 0)
        return rc;
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return local_fail_memory(store, err);
    *writer = (struct writer){.store = store, .dir = -1, .temp = {.fd = -1}};
    rc = begin(writer, put->key, err);
    if (rc == 0)
        *ret_writer = writer;
    else
        writer_free(writer);
    return rc;
}

/* A write-back error that is reported here is not reported again by fsync, so it ends the writer. */
static int write_back(struct writer *writer, uint64_t window, unsigned flags, struct kist_error *err)
{
    if (sync_file_range(writer->temp.fd, (off_t)(window * WINDOW), (off_t)WINDOW, flags) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS && errno != ESPIPE && errno != EOPNOTSUPP && errno != EPERM)
        return writer_fail(writer, err, errno, "write");
    writer->no_write_back = 1;
    return 0;
}

static int flow(struct writer *writer, struct kist_error *err)
{
    int rc = 0;
    while (rc == 0 && !writer->no_write_back && writer->written >= (writer->windows + 1) * WINDOW) {
        rc = write_back(writer, writer->windows++, SYNC_FILE_RANGE_WRITE, err);
        if (rc == 0 && writer->windows > WINDOWS_IN_FLIGHT)
            rc = write_back(writer, writer->windows - 1 - WINDOWS_IN_FLIGHT, SYNC_FILE_RANGE_WAIT_BEFORE, err);
    }
    return rc;
}

int local_put_write(void *arg, const void *data, size_t size, struct kist_error *err)
{
    struct writer *writer = arg;
    const char *at = data;
    if (writer->store->host->cancelled(writer->store->host))
        return local_fail_cancelled(writer->store, err);
    while (size > 0) {
        ssize_t n = write(writer->temp.fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return writer_fail(writer, err, n < 0 ? errno : ENOSPC, "write");
        at += n;
        size -= (size_t)n;
        writer->written += (uint64_t)n;
    }
    return flow(writer, err);
}

/* Syncs the folders above the object's own. All of them, since a folder that was there may have been made a moment
 * ago by a writer that has not synced it yet; syncing one that is clean costs next to nothing. */
static int sync_parents(struct writer *writer)
{
    char *path = strdup(writer->folder);
    int rc = path ? 0 : -1;
    int more = path && *path;
    while (rc == 0 && more) {
        char *slash = strrchr(path, '/');
        more = slash != NULL;
        *(slash ? slash : path) = '\0';
        int fd = local_open(writer->store, path, O_RDONLY | O_DIRECTORY);
        rc = fd >= 0 ? local_sync_folder(writer->store, fd) : -1;
        local_close(fd);
    }
    int saved = errno;
    free(path);
    errno = saved;
    return rc;
}

/* Does the object's name stand for our file, in full size? */
static int is_ours(const struct writer *writer, uint64_t size)
{
    struct stat file, named;
    return fstat(writer->temp.fd, &file) == 0 &&
           fstatat(writer->dir, writer->name, &named, AT_SYMLINK_NOFOLLOW) == 0 && file.st_dev == named.st_dev &&
           file.st_ino == named.st_ino && (uint64_t)named.st_size == size;
}

/* Gives the file its name unless that is taken. Returns 0, or -1 and errno. */
static int publish(struct writer *writer)
{
    const char *temp = writer->temp.name;
    int dir = writer->dir;
    if (renameat2(dir, temp, dir, writer->name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS && errno != EPERM)
        return -1;
    /* A file system without such a rename (NFS) can link. */
    if (linkat(dir, temp, dir, writer->name, 0) != 0) {
        /* A server whose first answer was lost refuses the second try of what it has done. */
        int saved = errno;
        if (saved != EEXIST || !is_ours(writer, writer->written)) {
            errno = saved;
            return -1;
        }
    }
    if (unlinkat(dir, temp, 0) != 0)
        writer->store->host->log(writer->store->host, KIST_LOG_WARNING, "left temporary file '%s/%s%s%s': %s",
                                 writer->store->path, writer->folder, *writer->folder ? "/" : "", temp,
                                 strerrordesc_np(errno));
    return 0;
}

/* An object that cannot be proved durable must not stay visible. */
static int take_back(struct writer *writer, struct kist_error *err, int errnum, const char *doing)
{
    const struct kist_host *host = writer->store->host;
    int rc = local_fail(writer->store, err, errnum, doing, writer->key);
    struct stat st;
    if (unlinkat(writer->dir, writer->name, 0) == 0 ||
        (fstatat(writer->dir, writer->name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT))
        host->log(host, KIST_LOG_WARNING, "removed '%s/%s' again", writer->store->path, writer->key);
    else
        host->hint(host, err, "'%s/%s' could not be removed again (%s): it may be incomplete, remove it by hand",
                   writer->store->path, writer->key, strerrordesc_np(errno));
    return rc;
}

static int check_size(struct writer *writer, uint64_t size, struct kist_error *err)
{
    const struct kist_host *host = writer->store->host;
    struct stat st;
    if (writer->failed)
        return host->fail(host, err, KIST_ERR_BUG, "'%s/%s' was to be kept after a failed write",
                          writer->store->path, writer->key);
    if (fstat(writer->temp.fd, &st) != 0)
        return writer_fail(writer, err, errno, "look at");
    if (writer->written == size && (uint64_t)st.st_size == size)
        return 0;
    return host->fail(host, err, KIST_ERR_CORRUPT,
                      "'%s/%s' should have %" PRIu64 " bytes; %" PRIu64 " were written, the file has %" PRIu64,
                      writer->store->path, writer->key, size, writer->written, (uint64_t)st.st_size);
}

static int commit(struct writer *writer, uint64_t size, struct kist_error *err)
{
    int rc = check_size(writer, size, err);
    if (rc != 0)
        return rc;
    /* Never tried twice: after a failure the kernel has dropped the pages and the next call would succeed. */
    if (fsync(writer->temp.fd) != 0)
        return writer_fail(writer, err, errno, "sync");
    if (sync_parents(writer) != 0)
        return writer_fail(writer, err, errno, "sync the folders of");
    if (publish(writer) != 0)
        return errno == EEXIST ? fail_exists(writer, err)
                               : writer_fail(writer, err, errno, "rename a temporary file to");
    if (local_sync_folder(writer->store, writer->dir) != 0)
        return take_back(writer, err, errno, "sync the folder of");
    if (!is_ours(writer, size))
        return take_back(writer, err, EIO, "find all of");
    /* The lock has to last until here; network file systems may report a late error now. */
    int fd = writer->temp.fd;
    writer->temp.fd = -1;
    if (close(fd) != 0 && errno != EINTR)
        return take_back(writer, err, errno, "close");
    return 0;
}

int local_put_commit(void *arg, uint64_t size, struct kist_error *err)
{
    struct writer *writer = arg;
    int rc = commit(writer, size, err);
    if (rc != 0)
        local_put_abort(writer);
    else
        writer_free(writer);
    return rc;
}

void local_put_abort(void *arg)
{
    struct writer *writer = arg;
    local_temp_drop(writer->store, &writer->temp, writer->folder);
    local_prune(writer->store, writer->folder, writer->kept);
    writer_free(writer);
}
