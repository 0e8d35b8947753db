/* local_remove.c - removing an object for good. */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int is_missing(int errnum)
{
    /* A folder of that name is no object. */
    return errnum == ENOENT || errnum == ENOTDIR || errnum == EISDIR;
}

int local_remove(void *self, const char *key, struct kist_error *err)
{
    struct local_store *store = self;
    const char *name;
    int rc = local_key_check(store, key, err);
    if (rc == 0)
        rc = local_root_open(store, err);
    if (rc != 0 || store->root < 0)
        return rc;
    char *folder = local_key_folder(key, &name);
    if (!folder)
        return local_fail_memory(store, err);
    int dir = local_open(store, folder, O_RDONLY | O_DIRECTORY);
    /* Also a name that has gone is synced: whoever took it away may have died before that. */
    if (dir >= 0 && ((unlinkat(dir, name, 0) != 0 && !is_missing(errno)) || local_sync_folder(store, dir) != 0))
        rc = local_fail(store, err, errno, "remove", key);
    else if (dir < 0 && !is_missing(errno))
        rc = local_fail(store, err, errno, "remove", key);
    local_close(dir);
    /* Empty folders are removed also for a missing key: a run that was killed may have left nothing else. */
    if (rc == 0)
        local_prune(store, folder, 0);
    free(folder);
    return rc;
}
