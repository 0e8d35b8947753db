/* local_walk.c - every entry of a tree, with one open directory at a time whatever its depth. */
#include "local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Folders still to be visited. */
struct pending {
    char **paths;
    size_t count, capacity;
};

static int push(struct pending *pending, const char *folder, const char *name)
{
    if (pending->count == pending->capacity) {
        size_t capacity = pending->capacity ? 2 * pending->capacity : 16;
        char **paths = realloc(pending->paths, capacity * sizeof *paths);
        if (!paths)
            return -1;
        pending->paths = paths;
        pending->capacity = capacity;
    }
    char *path = NULL;
    if (asprintf(&path, "%s%s%s", folder, *folder && *name ? "/" : "", name) < 0)
        return -1;
    pending->paths[pending->count++] = path;
    return 0;
}

void local_walk_skip(struct local_walk *walk, const char *folder, const char *name)
{
    if (walk->skipped++ == 0 && asprintf(&walk->example, "%s%s%s", folder, *folder ? "/" : "", name) < 0)
        walk->example = NULL;
}

/* The type of an entry as in stat's st_mode; 0 when it has gone meanwhile. Some file systems do not tell in
 * d_type. */
static mode_t type_of(int dir, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN)
        return (mode_t)DTTOIF(entry->d_type);
    return fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode & S_IFMT : 0;
}

static int visit(struct local_walk *walk, struct pending *pending, const char *folder, int dir,
                 const struct dirent *found, struct kist_error *err)
{
    const char *name = found->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    if (walk->store->host->cancelled(walk->store->host))
        return local_fail_cancelled(walk->store, err);
    mode_t type = type_of(dir, found);
    if (type == 0)
        return 0;
    if (S_ISDIR(type)) {
        if (!local_is_utf8(name))
            local_walk_skip(walk, folder, name);
        else if (push(pending, folder, name) != 0)
            return local_fail_memory(walk->store, err);
        return 0;
    }
    struct local_entry entry = {.folder = folder, .name = name, .dir = dir, .is_file = S_ISREG(type)};
    return walk->give(walk->arg, &entry, err);
}

static int read_folder(struct local_walk *walk, struct pending *pending, const char *folder, DIR *dir,
                       struct kist_error *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *found = readdir(dir);
        if (!found && errno == ENOENT)
            return 0; /* removed while it was read */
        if (!found)
            return errno ? local_fail(walk->store, err, errno, "list", folder) : 0;
        int rc = visit(walk, pending, folder, dirfd(dir), found, err);
        if (rc != 0)
            return rc;
    }
}

/* May a folder that cannot be opened be passed over? `top` is the one that the walk began with. */
static int may_skip(struct local_walk *walk, const char *folder, int top, int errnum)
{
    if (errnum == ENOENT || errnum == ENOTDIR)
        return 1; /* it never was there, or was removed or replaced meanwhile */
    if (top)
        return 0;
    /* fsck's own folder is part of every ext file system that is mounted on the root. */
    int is_foreign = errnum == EACCES && (walk->skip_unreadable || strcmp(folder, "lost+found") == 0);
    /* Our paths are shorter, and a folder that became a link is none of ours. */
    if (!is_foreign && errnum != ENAMETOOLONG && errnum != ELOOP)
        return 0;
    if (!is_foreign)
        local_walk_skip(walk, "", folder);
    return 1;
}

static int walk_folder(struct local_walk *walk, struct pending *pending, const char *folder, int top,
                       struct kist_error *err)
{
    int fd = local_open(walk->store, folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return may_skip(walk, folder, top, errno) ? 0 : local_fail(walk->store, err, errno, "list", folder);
    DIR *dir = fdopendir(fd);
    if (!dir) {
        local_close(fd);
        return local_fail(walk->store, err, errno, "list", folder);
    }
    int rc = read_folder(walk, pending, folder, dir, err);
    closedir(dir);
    return rc;
}

int local_walk(struct local_walk *walk, const char *folder, struct kist_error *err)
{
    struct pending pending = {0};
    int rc = local_root_open(walk->store, err);
    if (rc != 0 || walk->store->root < 0)
        return rc;
    if (push(&pending, folder, "") != 0)
        rc = local_fail_memory(walk->store, err);
    for (int top = 1; rc == 0 && pending.count > 0; top = 0) {
        char *next = pending.paths[--pending.count];
        rc = walk_folder(walk, &pending, next, top, err);
        free(next);
    }
    while (pending.count > 0)
        free(pending.paths[--pending.count]);
    free(pending.paths);
    return rc;
}
