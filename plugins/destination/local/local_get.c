/* local_get.c - reading an object. */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reader {
    struct local_store *store;
    char *key;
    int fd;
    uint64_t size; /* when it was opened */
    uint64_t at;
};

int local_fail_not_a_file(const struct local_store *store, struct kist_error *err, mode_t mode, const char *key)
{
    const struct kist_host *host = store->host;
    if (S_ISDIR(mode))
        return host->fail(host, err, KIST_ERR_NOT_FOUND, "'%s/%s' is a folder, not an object", store->path, key);
    const char *kind = S_ISLNK(mode)    ? "a symbolic link"
                       : S_ISFIFO(mode) ? "a pipe"
                       : S_ISSOCK(mode) ? "a socket"
                                        : "a device";
    host->fail(host, err, KIST_ERR_CORRUPT, "'%s/%s' is %s where a file should be", store->path, key, kind);
    host->hint(host, err, "kist makes plain files only: find out who put it there");
    return KIST_ERR_CORRUPT;
}

static int fail_changed(const struct reader *reader, uint64_t now, struct kist_error *err)
{
    const struct kist_host *host = reader->store->host;
    return host->fail(host, err, KIST_ERR_CORRUPT,
                      "'%s/%s' changed while it was read: %" PRIu64 " bytes became %" PRIu64, reader->store->path,
                      reader->key, reader->size, now);
}

/* Opens `key` when it is a regular file. O_NONBLOCK, because a pipe in its place must not hang us. */
static int open_file(struct local_store *store, const char *key, int *ret_fd, struct stat *ret_st,
                     struct kist_error *err)
{
    int fd = local_open(store, key, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        int saved = errno;
        int link = saved == ELOOP ? local_open(store, key, O_PATH) : -1;
        int is_last = link >= 0 && fstat(link, ret_st) == 0 && S_ISLNK(ret_st->st_mode);
        local_close(link);
        if (is_last)
            return local_fail_not_a_file(store, err, ret_st->st_mode, key);
        if (saved == ENXIO) /* a socket */
            return local_fail_not_a_file(store, err, S_IFSOCK, key);
        return local_fail(store, err, saved == ENOTDIR ? ENOENT : saved, "read", key);
    }
    if (fstat(fd, ret_st) != 0) {
        int saved = errno;
        close(fd);
        return local_fail(store, err, saved, "read", key);
    }
    if (!S_ISREG(ret_st->st_mode)) {
        close(fd);
        return local_fail_not_a_file(store, err, ret_st->st_mode, key);
    }
    *ret_fd = fd;
    return 0;
}

static int seek_to(struct reader *reader, uint64_t offset, struct kist_error *err)
{
    const struct kist_host *host = reader->store->host;
    if (offset > reader->size)
        return host->fail(host, err, KIST_ERR_CORRUPT,
                          "'%s/%s' has %" PRIu64 " bytes, reading was to begin at %" PRIu64, reader->store->path,
                          reader->key, reader->size, offset);
    if (lseek(reader->fd, (off_t)offset, SEEK_SET) < 0)
        return local_fail(reader->store, err, errno, "read", reader->key);
    reader->at = offset;
    return 0;
}

int local_get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err)
{
    struct local_store *store = self;
    struct stat st;
    int rc = local_key_check(store, key, err);
    if (rc == 0)
        rc = local_root_open(store, err);
    if (rc != 0)
        return rc;
    if (store->root < 0)
        return local_fail(store, err, ENOENT, "read", key);
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return local_fail_memory(store, err);
    *reader = (struct reader){.store = store, .key = strdup(key), .fd = -1};
    rc = reader->key ? open_file(store, key, &reader->fd, &st, err) : local_fail_memory(store, err);
    if (rc == 0) {
        reader->size = (uint64_t)st.st_size;
        (void)posix_fadvise(reader->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
        rc = seek_to(reader, offset, err);
    }
    if (rc == 0)
        *ret_reader = reader;
    else
        local_get_end(reader);
    return rc;
}

/* At the end: was the object whole? */
static int finish(struct reader *reader, size_t *ret_size, struct kist_error *err)
{
    struct stat st;
    if (fstat(reader->fd, &st) != 0)
        return local_fail(reader->store, err, errno, "read", reader->key);
    if ((uint64_t)st.st_size != reader->size)
        return fail_changed(reader, (uint64_t)st.st_size, err);
    *ret_size = 0;
    return 0;
}

int local_get_read(void *arg, void *data, size_t capacity, size_t *ret_size, struct kist_error *err)
{
    struct reader *reader = arg;
    if (reader->store->host->cancelled(reader->store->host))
        return local_fail_cancelled(reader->store, err);
    uint64_t left = reader->size - reader->at;
    if (left == 0)
        return finish(reader, ret_size, err);
    ssize_t n;
    do
        n = read(reader->fd, data, capacity < left ? capacity : (size_t)left);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return local_fail(reader->store, err, errno, "read", reader->key);
    if (n == 0)
        return fail_changed(reader, reader->at, err);
    reader->at += (uint64_t)n;
    *ret_size = (size_t)n;
    return 0;
}

/* Of the open file, whatever has its name by now. */
int local_get_about(void *arg, kist_object_fn give, void *give_arg, struct kist_error *err)
{
    struct reader *reader = arg;
    struct stat st;
    if (fstat(reader->fd, &st) != 0)
        return local_fail(reader->store, err, errno, "look at", reader->key);
    return local_give(reader->key, &st, give, give_arg);
}

void local_get_end(void *arg)
{
    struct reader *reader = arg;
    local_close(reader->fd);
    free(reader->key);
    free(reader);
}
