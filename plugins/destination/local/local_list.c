/* local_list.c - the objects of a store, or the one behind a key. */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int local_give(const char *key, const struct stat *st, kist_object_fn give, void *arg)
{
    char etag[80];
    int64_t seconds = st->st_mtim.tv_sec;
    snprintf(etag, sizeof etag, "%" PRId64 ".%09ld-%" PRId64 "-%" PRIu64, seconds, st->st_mtim.tv_nsec,
             (int64_t)st->st_size, (uint64_t)st->st_ino);
    const struct kist_object object = {
        .struct_size = sizeof object,
        .key = key,
        .size = st->st_size,
        .modified_ms = seconds * 1000 + st->st_mtim.tv_nsec / 1000000,
        .etag = etag,
    };
    return give(arg, &object);
}

struct listing {
    struct local_walk walk;
    kist_object_fn give;
    void *arg;
};

static int list_entry(void *arg, const struct local_entry *entry, struct kist_error *err)
{
    struct listing *listing = arg;
    struct stat st;
    if (local_is_temp(entry->name))
        return 0;
    if (!entry->is_file || !local_is_utf8(entry->name)) {
        local_walk_skip(&listing->walk, entry->folder, entry->name);
        return 0;
    }
    char *key = NULL;
    if (asprintf(&key, "%s%s%s", entry->folder, *entry->folder ? "/" : "", entry->name) < 0)
        return local_fail_memory(listing->walk.store, err);
    int rc = 0;
    if (fstatat(entry->dir, entry->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT)
            rc = local_fail(listing->walk.store, err, errno, "look at", key);
    } else if (S_ISREG(st.st_mode)) {
        rc = local_give(key, &st, listing->give, listing->arg);
    }
    free(key);
    return rc;
}

static void warn_of_skipped(const struct local_store *store, const struct local_walk *walk)
{
    if (walk->skipped > 0)
        store->host->log(store->host, KIST_LOG_WARNING,
                         "'%s' holds %" PRIu64 " %s that cannot be objects (links, devices, "
                         "names that are not UTF-8) and were passed over: '%s'%s",
                         store->path, walk->skipped, walk->skipped == 1 ? "entry" : "entries",
                         walk->example ? walk->example : "?", walk->skipped == 1 ? "" : " is the first");
}

/* The folder that a listing's prefix names (new): without its '/', checked like a key. */
static int folder_of_prefix(const struct local_store *store, const char *prefix, char **ret_folder,
                            struct kist_error *err)
{
    size_t length = strlen(prefix);
    if (length > 0 && prefix[length - 1] != '/')
        return store->host->fail(store->host, err, KIST_ERR_BUG, "'%s' does not end in '/' and names no folder",
                                 prefix);
    char *folder = strndup(prefix, length ? length - 1 : 0);
    if (!folder)
        return local_fail_memory(store, err);
    int rc = length ? local_key_check(store, folder, err) : 0;
    if (rc != 0)
        free(folder);
    else
        *ret_folder = folder;
    return rc;
}

int local_list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err)
{
    struct local_store *store = self;
    struct listing listing = {
        .walk = {.store = store, .give = list_entry, .arg = &listing}, .give = give, .arg = arg};
    char *folder = NULL;
    int rc = folder_of_prefix(store, prefix, &folder, err);
    if (rc != 0)
        return rc;
    rc = local_walk(&listing.walk, folder, err);
    warn_of_skipped(store, &listing.walk);
    free(listing.walk.example);
    free(folder);
    return rc;
}

static int fail_not_found(const struct local_store *store, const char *key, struct kist_error *err)
{
    return store->host->fail(store->host, err, KIST_ERR_NOT_FOUND, "there is no '%s/%s'", store->path, key);
}

int local_stat(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err)
{
    struct local_store *store = self;
    struct stat st;
    int rc = local_key_check(store, key, err);
    if (rc == 0)
        rc = local_root_open(store, err);
    if (rc != 0)
        return rc;
    if (store->root < 0)
        return fail_not_found(store, key, err);
    int fd = local_open(store, key, O_PATH);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? fail_not_found(store, key, err)
                                                   : local_fail(store, err, errno, "look at", key);
    rc = fstat(fd, &st);
    local_close(fd);
    if (rc != 0)
        return local_fail(store, err, errno, "look at", key);
    if (!S_ISREG(st.st_mode))
        return local_fail_not_a_file(store, err, st.st_mode, key);
    return local_give(key, &st, give, arg);
}
