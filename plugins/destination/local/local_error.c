/* local_error.c - the one place where an errno becomes a sentence. */
#include "local.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int code_of(int errnum)
{
    switch (errnum) {
    case ENOENT: return KIST_ERR_NOT_FOUND;
    case EEXIST: return KIST_ERR_EXISTS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return KIST_ERR_NO_SPACE;
    case ENAMETOOLONG: return KIST_ERR_UNSUPPORTED;
    default: return KIST_ERR_FAILED;
    }
}

static void add_hint(const struct local_store *store, struct kist_error *err, int errnum)
{
    const struct kist_host *host = store->host;
    switch (errnum) {
    case ENOSPC:
        host->hint(host, err, "free some space or inodes on the file system of '%s' (see 'df -h' and 'df -i')",
                   store->path);
        break;
    case EDQUOT:
        host->hint(host, err, "the quota of uid %u on the file system of '%s' is used up (see 'quota')",
                   (unsigned)geteuid(), store->path);
        break;
    case EFBIG:
        host->hint(host, err, "the file grew beyond a limit: see 'ulimit -f', or 4 GiB on a FAT file system");
        break;
    case EROFS:
        host->hint(host, err,
                   "remount '%s' read-write; a file system that became read-only by itself often has a "
                   "failing disk (see 'dmesg')",
                   store->path);
        break;
    case EACCES:
        host->hint(host, err, "uid %u needs read, write and search permission on '%s' and all below it",
                   (unsigned)geteuid(), store->path);
        break;
    case EPERM:
        host->hint(
            host, err,
            "uid %u needs read, write and search permission on '%s' and all below it, and nothing there may "
            "be immutable or append-only (see 'lsattr')",
            (unsigned)geteuid(), store->path);
        break;
    case ELOOP:
        host->hint(host, err, "no symbolic link below '%s' is followed; remove it after you know who made it",
                   store->path);
        break;
    case EIO: host->hint(host, err, "the disk or its connection fails: see 'dmesg'"); break;
    case ENAMETOOLONG: host->hint(host, err, "a name may have 255 bytes and a path 4095"); break;
    default: break;
    }
}

int local_fail(const struct local_store *store, struct kist_error *err, int errnum, const char *doing,
               const char *key)
{
    const char *reason = errnum == ELOOP ? "a symbolic link is in the way" : strerrordesc_np(errnum);
    int code = store->host->fail(store->host, err, code_of(errnum), "cannot %s '%s%s%s': %s", doing, store->path,
                                 *key ? "/" : "", key, reason ? reason : "unknown error");
    add_hint(store, err, errnum);
    return code;
}

int local_fail_memory(const struct local_store *store, struct kist_error *err)
{
    return store->host->fail(store->host, err, KIST_ERR_FAILED, "out of memory");
}

int local_fail_cancelled(const struct local_store *store, struct kist_error *err)
{
    return store->host->fail(store->host, err, KIST_ERR_CANCELLED, "cancelled");
}
