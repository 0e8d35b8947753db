#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DEEPEST 32        /* a data directory is nowhere near */
#define LONGEST_SOCKET 88 /* of the 107 bytes of a socket's path, what is left for the directory */
#define LOCK_NAME "kist-drill"
#define LEFT_AFTER_S 3600

/* ---- removing ---- */

/* Never follows a link: whoever ran in there may have left one that leads elsewhere. */
static int remove_below(int folder, int depth)
{
    DIR *stream = fdopendir(folder);
    int failed = 0;
    if (!stream) {
        close(folder);
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            unlinkat(dirfd(stream), entry->d_name, 0) == 0)
            continue;
        int below = depth < DEEPEST
                        ? openat(dirfd(stream), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                        : -1;
        if (below < 0 || remove_below(below, depth + 1) != 0 ||
            unlinkat(dirfd(stream), entry->d_name, AT_REMOVEDIR) != 0)
            failed = -1;
    }
    closedir(stream);
    return failed;
}

static int empty(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return folder < 0 ? -1 : remove_below(folder, 0);
}

static void remove_tree(const struct kist_host *host, const char *path)
{
    if (empty(path) != 0 || rmdir(path) != 0)
        host->log(host, KIST_LOG_WARNING, "'%s', made for a drill, stays behind: %s", path, strerror(errno));
}

void pgd_folder_remove(struct pgd_folder *folder)
{
    const struct kist_host *host = folder->host;
    if (folder->socket && strcmp(folder->socket, folder->path) != 0)
        remove_tree(host, folder->socket);
    if (folder->path && folder->made) {
        remove_tree(host, folder->path);
    } else if (folder->path) {
        if (empty(folder->path) != 0)
            host->log(host, KIST_LOG_WARNING, "something of a drill stays behind in '%s': %s", folder->path,
                      strerror(errno));
        /* The core's again. */
        if (folder->uid && lchown(folder->path, geteuid(), getegid()) != 0)
            host->log(host, KIST_LOG_WARNING, "'%s' stays with the user of the drill: %s", folder->path,
                      strerror(errno));
    }
    if (folder->lock >= 0)
        close(folder->lock);
    free(folder->path);
    free(folder->socket);
    *folder = (struct pgd_folder){.host = host, .lock = -1};
}

/* ---- what killed drills left ---- */

/* One that is in use is locked, and only we write the file that is locked. */
static int is_left(const char *path, uid_t uid)
{
    struct stat info, file = {0};
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), lock = -1, left = 0;
    if (folder >= 0 && fstat(folder, &info) == 0 && (info.st_uid == geteuid() || info.st_uid == uid) &&
        (info.st_mode & 077) == 0 && info.st_mtime + LEFT_AFTER_S < time(NULL))
        lock = openat(folder, LOCK_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (lock >= 0)
        left = fstat(lock, &file) == 0 && S_ISREG(file.st_mode) && file.st_uid == geteuid() &&
               flock(lock, LOCK_EX | LOCK_NB) == 0;
    if (lock >= 0)
        close(lock);
    if (folder >= 0)
        close(folder);
    return left;
}

static void sweep(const struct kist_host *host, const char *parent, uid_t uid)
{
    glob_t found = {0};
    char *pattern = NULL;
    if (asprintf(&pattern, "%s/kist-drill-??????", parent) < 0)
        return;
    if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            if (is_left(found.gl_pathv[i], uid)) {
                host->log(host, KIST_LOG_INFO, "removing '%s', which an earlier drill left", found.gl_pathv[i]);
                remove_tree(host, found.gl_pathv[i]);
            }
    globfree(&found);
    free(pattern);
}

/* ---- making ---- */

static int failed(const struct kist_host *host, const char *path, struct kist_error *err)
{
    int error = errno;
    int code = host->fail(host, err, error == ENOSPC ? KIST_ERR_NO_SPACE : KIST_ERR_FAILED,
                          "cannot make a place for the drill in '%s': %s", path, strerror(error));
    host->hint(host, err, "name another place with TMPDIR");
    return code;
}

/* Letters that need no quoting in a setting of the server, nor in a connection string. */
static int is_plain(const char *path)
{
    return path[0] == '/' &&
           path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")] == '\0';
}

/* Can another user come as far as `path`? Asks every directory above it. */
static int is_reachable(const char *path, uid_t uid, gid_t gid)
{
    char *above = strdup(path);
    int reachable = above != NULL;
    for (char *slash; reachable && (slash = strrchr(above, '/')) != NULL;) {
        struct stat info;
        slash[slash == above] = '\0';
        mode_t wanted = stat(above, &info) != 0 ? 0
                        : info.st_uid == uid    ? S_IXUSR
                        : info.st_gid == gid    ? S_IXGRP
                                                : S_IXOTH;
        reachable = (info.st_mode & wanted) != 0;
        if (slash == above)
            break;
    }
    free(above);
    return reachable;
}

static int make_below(const struct kist_host *host, const char *parent, uid_t uid, gid_t gid, char **ret_path,
                      struct kist_error *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/kist-drill-XXXXXX", parent) < 0)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (mkdtemp(path) && (uid == 0 || lchown(path, uid, gid) == 0)) {
        *ret_path = path;
        return 0;
    }
    int code = failed(host, parent, err);
    (void)rmdir(path);
    free(path);
    return code;
}

static int lock_it(struct pgd_folder *folder, struct kist_error *err)
{
    int within = open(folder->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    folder->lock =
        within < 0 ? -1 : openat(within, LOCK_NAME, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
    int code = folder->lock < 0 || flock(folder->lock, LOCK_EX | LOCK_NB) != 0
                   ? failed(folder->host, folder->path, err)
                   : 0;
    if (within >= 0)
        close(within);
    return code;
}

/* The first of TMPDIR, /var/tmp (on a disk, where /tmp may be in memory) and /tmp that will do. */
static int make_elsewhere(struct pgd_folder *folder, gid_t gid, struct kist_error *err)
{
    const char *named = getenv("TMPDIR"), *parents[] = {named ? named : "", "/var/tmp", "/tmp"};
    const struct kist_host *host = folder->host;
    int code = host->fail(host, err, KIST_ERR_FAILED, "there is no place for the drill");
    for (size_t i = 0; code && i < 3; i++) {
        char *below = NULL;
        if (!is_plain(parents[i]) || asprintf(&below, "%s/x", parents[i]) < 0)
            continue;
        if (is_reachable(below, folder->uid ? folder->uid : geteuid(), gid)) {
            sweep(host, parents[i], folder->uid);
            code = make_below(host, parents[i], folder->uid, gid, &folder->path, err);
        }
        free(below);
    }
    folder->made = !code;
    return code ? code : lock_it(folder, err);
}

static int take(struct pgd_folder *folder, const char *work_dir, gid_t gid, struct kist_error *err)
{
    const struct kist_host *host = folder->host;
    if (!work_dir || !is_plain(work_dir) || (folder->uid && !is_reachable(work_dir, folder->uid, gid)))
        return make_elsewhere(folder, gid, err);
    folder->path = strdup(work_dir);
    if (!folder->path)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    return folder->uid && lchown(work_dir, folder->uid, gid) != 0 ? failed(host, work_dir, err) : 0;
}

int pgd_folder_make(const struct kist_host *host, const char *work_dir, uid_t uid, gid_t gid,
                    struct pgd_folder *ret_folder, struct kist_error *err)
{
    struct pgd_folder folder = {.host = host, .lock = -1, .uid = uid};
    int code = take(&folder, work_dir, gid, err);
    if (!code && strlen(folder.path) > LONGEST_SOCKET)
        code = make_below(host, "/tmp", uid, gid, &folder.socket, err);
    else if (!code && !(folder.socket = strdup(folder.path)))
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (code)
        pgd_folder_remove(&folder);
    else
        *ret_folder = folder;
    return code;
}
