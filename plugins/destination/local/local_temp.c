/*
 * local_temp.c - temporary files and what dead writers left of them.
 *
 * A writer holds a lock on its temporary file for as long as it lives; the kernel drops it with the process. So a
 * temporary file that can be locked belongs to nobody, on whatever machine or in whatever pipeline it was made.
 */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int lock(int fd, int operation)
{
    int rc;
    do
        rc = flock(fd, operation);
    while (rc != 0 && errno == EINTR);
    return rc;
}

static int no_locks(int errnum)
{
    return errnum == ENOSYS || errnum == EOPNOTSUPP || errnum == ENOLCK || errnum == EINVAL;
}

static int random_name(const struct local_store *store, char name[LOCAL_TEMP_NAME_SIZE], struct kist_error *err)
{
    unsigned char bytes[16];
    char hex[2 * sizeof bytes + 1];
    int rc = store->host->random(store->host, bytes, sizeof bytes, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    snprintf(name, LOCAL_TEMP_NAME_SIZE, ".kist-%s.tmp", hex);
    return 0;
}

/* Returns 0, or -1 and errno; EEXIST: another name, please. */
static int make_locked(struct local_store *store, int dir, const char *name, int *ret_fd)
{
    struct stat st;
    int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, LOCAL_FILE_MODE);
    if (fd < 0)
        return -1;
    int rc = local_set_mode(store, fd, LOCAL_FILE_MODE);
    if (rc == 0 && lock(fd, LOCK_EX) != 0 && !no_locks(errno))
        rc = -1;
    if (rc == 0)
        rc = fstat(fd, &st);
    /* A sweep may have come between the making and the locking. */
    if (rc == 0 && st.st_nlink == 0) {
        errno = EEXIST;
        rc = -1;
    } else if (rc != 0) {
        int saved = errno;
        unlinkat(dir, name, 0);
        errno = saved;
    }
    if (rc == 0)
        *ret_fd = fd;
    else
        local_close(fd);
    return rc;
}

int local_temp_make(struct local_store *store, int dir, const char *folder, struct local_temp *ret_temp,
                    struct kist_error *err)
{
    struct local_temp temp = {.dir = dir, .fd = -1};
    for (int attempt = 0; attempt < 8; attempt++) {
        int rc = random_name(store, temp.name, err);
        if (rc != 0)
            return rc;
        if (make_locked(store, dir, temp.name, &temp.fd) == 0) {
            *ret_temp = temp;
            return 0;
        }
        if (errno != EEXIST)
            return local_fail(store, err, errno, "make a file in", folder);
    }
    store->host->fail(store->host, err, KIST_ERR_FAILED,
                      "cannot make a file in '%s%s%s': every name for a temporary file "
                      "is taken",
                      store->path, *folder ? "/" : "", folder);
    return KIST_ERR_FAILED;
}

void local_temp_drop(const struct local_store *store, struct local_temp *temp, const char *folder)
{
    if (unlinkat(temp->dir, temp->name, 0) != 0 && errno != ENOENT)
        store->host->log(store->host, KIST_LOG_WARNING, "left temporary file '%s%s%s/%s': %s", store->path,
                         *folder ? "/" : "", folder, temp->name, strerrordesc_np(errno));
    local_close(temp->fd);
    temp->fd = -1;
}

/* Removes `name` if its writer is dead. Returns 1 when it was removed. */
static int remove_dead(const struct local_store *store, const struct local_entry *entry)
{
    /* Writable, because file systems that map flock to other locks ask for that. */
    int fd = openat(entry->dir, entry->name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || lock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != ENOENT)
            store->host->log(store->host, KIST_LOG_DEBUG, "not swept: '%s%s%s/%s': %s", store->path,
                             *entry->folder ? "/" : "", entry->folder, entry->name,
                             errno == EWOULDBLOCK ? "its writer lives" : strerrordesc_np(errno));
        local_close(fd);
        return 0;
    }
    /* A file that was renamed to its object's name meanwhile no longer has this one. */
    int removed = unlinkat(entry->dir, entry->name, 0) == 0;
    if (!removed && errno != ENOENT)
        store->host->log(store->host, KIST_LOG_WARNING, "cannot remove '%s%s%s/%s', which a killed run left: %s",
                         store->path, *entry->folder ? "/" : "", entry->folder, entry->name,
                         strerrordesc_np(errno));
    local_close(fd);
    return removed;
}

struct sweep {
    struct local_store *store;
    uint64_t count;
};

static int sweep_entry(void *arg, const struct local_entry *entry, struct kist_error *err)
{
    struct sweep *sweep = arg;
    (void)err;
    if (!entry->is_file || !local_is_temp(entry->name) || !remove_dead(sweep->store, entry))
        return 0;
    sweep->count++;
    local_prune(sweep->store, entry->folder, 0);
    return 0;
}

int local_sweep(void *self, uint64_t *ret_count, struct kist_error *err)
{
    struct sweep sweep = {.store = self};
    struct local_walk walk = {.store = self, .give = sweep_entry, .arg = &sweep, .skip_unreadable = 1};
    int rc = local_walk(&walk, "", err);
    if (rc == 0)
        *ret_count = sweep.count;
    return rc;
}
