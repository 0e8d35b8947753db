/* local.c - destination `local`: objects are files below a directory. */
#include "local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const struct kist_option options[] = {
    KIST_OPTION(struct local_config, path, .flags = KIST_OPTION_REQUIRED,
                .help = "absolute path of the directory that holds the objects; made when it is missing"),
    KIST_OPTION(struct local_config, require_mount, .def = "no",
                .help = "fail unless a file system is mounted on the path"),
    KIST_OPTION_END};

static void local_store_close(void *self)
{
    struct local_store *store = self;
    local_close(store->root);
    free(store->path);
    free(store);
}

/* The path without slashes at its end, which would hide the last name. */
static char *trimmed(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return strndup(path, length);
}

static int local_store_open(const struct kist_host *host, const void *config, void **ret_self,
                            struct kist_error *err)
{
    const struct local_config *given = config;
    if (given->path[0] != '/') {
        host->fail(host, err, KIST_ERR_CONFIG, "path '%s' is not absolute", given->path);
        host->hint(host, err, "begin it with '/'");
        return KIST_ERR_CONFIG;
    }
    struct local_store *store = calloc(1, sizeof *store);
    if (!store)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    *store = (struct local_store){
        .host = host, .path = trimmed(given->path), .root = -1, .require_mount = given->require_mount.on};
    int rc = store->path ? local_root_open(store, err) : local_fail_memory(store, err);
    if (rc != 0) {
        local_store_close(store);
        return rc;
    }
    *ret_self = store;
    return 0;
}

/* One byte, so that a disk that is full to the brim is noticed before the dump begins. */
static int probe(struct local_store *store, struct kist_error *err)
{
    struct local_temp temp;
    int rc = local_temp_make(store, store->root, "", &temp, err);
    if (rc != 0)
        return rc;
    if (write(temp.fd, "", 1) != 1 || fsync(temp.fd) != 0)
        rc = local_fail(store, err, errno, "write in", "");
    local_temp_drop(store, &temp, "");
    return rc;
}

static int local_check(void *self, struct kist_error *err)
{
    struct local_store *store = self;
    int rc = local_root_open(store, err);
    if (rc != 0)
        return rc;
    if (store->root < 0)
        return local_root_could_be_made(store, err);
    rc = probe(store, err);
    struct statvfs fs;
    if (rc == 0 && fstatvfs(store->root, &fs) == 0)
        store->host->log(store->host, KIST_LOG_DEBUG, "'%s' has %.1f GiB free", store->path,
                         (double)fs.f_bavail * (double)fs.f_frsize / (1024.0 * 1024.0 * 1024.0));
    return rc;
}

KIST_DESTINATION(
        .about = {.name = "local",
                  .version = KIST_VERSION,
                  .summary = "files below a directory of this machine or of a mounted file system",
                  .details = "An object is written to a temporary file, synced, and renamed to its name without "
                             "replacing anything; then its directory is synced. Files have mode 0600, directories "
                             "0700. No symbolic link below the path is followed.",
                  .options = options,
                  .config_size = sizeof(struct local_config)},
        .features = KIST_DESTINATION_REREAD, .open = local_store_open, .close = local_store_close,
        .check = local_check, .put_begin = local_put_begin, .put_write = local_put_write,
        .put_commit = local_put_commit, .put_abort = local_put_abort, .get_begin = local_get_begin,
        .get_read = local_get_read, .get_end = local_get_end, .get_about = local_get_about, .list = local_list,
        .stat = local_stat, .remove = local_remove, .sweep = local_sweep);
