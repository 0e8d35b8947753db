#include "module_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_private_group(gid_t group)
{
    return geteuid() != 0 && group == getegid() && group == (gid_t)geteuid();
}

static int check_trust(const struct stat *st, const char *what, struct kist_error *err)
{
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        kist_fail(err, KIST_ERR_CONFIG, "'%s' belongs to user %u", what, st->st_uid);
        kist_hint(err, "plugins are loaded only from what belongs to root or to the user that runs kist");
        return err->code;
    }
    if (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX))
        return 0;
    if ((st->st_mode & S_IWOTH) || ((st->st_mode & S_IWGRP) && !is_private_group(st->st_gid))) {
        kist_fail(err, KIST_ERR_CONFIG, "'%s' can be written by other users (mode %04o)", what,
                  st->st_mode & 07777);
        kist_hint(err, "chmod go-w '%s'", what);
        return err->code;
    }
    return 0;
}

/* Steps from the directory `fd` into `name`; closes `fd` in any case. Returns the new descriptor or -1. `whole` is
 * the path up to and including `name`, for messages. */
static int step_into(int fd, const char *name, const char *whole, struct kist_error *err)
{
    int next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int errnum = errno;
    struct stat st;
    if (fd >= 0)
        close(fd);
    if (next < 0) {
        kist_fail(err, KIST_ERR_CONFIG, "cannot look into '%s': %s", whole, strerror(errnum));
        return -1;
    }
    if (fstat(next, &st) != 0)
        kist_fail(err, KIST_ERR_CONFIG, "cannot look at '%s': %s", whole, strerror(errno));
    else if (check_trust(&st, whole, err) == 0)
        return next;
    close(next);
    return -1;
}

/* Walks down the absolute `directory`, which realpath() made, and checks each step. Returns its descriptor or -1.
 */
static int walk(const char *directory, struct kist_error *err)
{
    char *path = strdup(directory);
    if (!path) {
        kist_fail_errno(err, ENOMEM, "cannot check '%s'", directory);
        return -1;
    }
    int fd = step_into(-1, "/", "/", err);
    char *name = path + 1;
    while (fd >= 0 && *name) {
        size_t length = strcspn(name, "/");
        char end = name[length];
        name[length] = '\0';
        fd = step_into(fd, name, path, err);
        name[length] = end;
        name += length + (end != '\0');
    }
    free(path);
    return fd;
}

static int open_in(int directory, const char *name, const char *path, struct kist_module_file *file,
                   struct kist_error *err)
{
    struct stat st;
    /* O_NONBLOCK: opening a FIFO would wait for a writer. */
    file->fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file->fd < 0 && errno == ELOOP) {
        kist_fail(err, KIST_ERR_CONFIG, "the file is a symbolic link");
        kist_hint(err, "put the file itself into the directory of plugins");
        return err->code;
    }
    if (file->fd < 0)
        return kist_fail(err, errno == ENOENT ? KIST_ERR_NOT_FOUND : KIST_ERR_CONFIG, "cannot open the file: %s",
                         strerror(errno));
    if (fstat(file->fd, &st) != 0)
        return kist_fail(err, KIST_ERR_CONFIG, "cannot look at the file: %s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return kist_fail(err, KIST_ERR_CONFIG, "it is %s, not a file",
                         S_ISDIR(st.st_mode) ? "a directory" : "a device");
    return check_trust(&st, path, err);
}

static int open_by_real_path(const char *directory, const char *name, struct kist_module_file *file,
                             struct kist_error *err)
{
    char *real = realpath(directory, NULL);
    if (!real)
        return kist_fail(err, errno == ENOENT ? KIST_ERR_NOT_FOUND : KIST_ERR_CONFIG,
                         "cannot find the directory '%s': %s", directory, strerror(errno));
    int code = KIST_ERR_FAILED;
    if (asprintf(&file->path, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name) < 0) {
        file->path = NULL;
        code = kist_fail_errno(err, ENOMEM, "cannot check '%s'", directory);
    } else {
        int fd = walk(real, err);
        code = fd < 0 ? err->code : open_in(fd, name, file->path, file, err);
        if (fd >= 0)
            close(fd);
    }
    free(real);
    return code;
}

int kist_module_file_open(const char *path, struct kist_module_file *ret_file, struct kist_error *err)
{
    struct kist_module_file file = KIST_MODULE_FILE_INIT;
    const char *slash = strrchr(path, '/');
    if (getauxval(AT_SECURE))
        return kist_fail(err, KIST_ERR_CONFIG,
                         "plugins are not loaded by a program that gained rights when it was "
                         "started (setuid, setgid or file capabilities)");
    if (path[0] != '/' || !slash[1])
        return kist_fail(err, KIST_ERR_CONFIG, "the path of a plugin has to be absolute");
    char *directory = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
    if (!directory)
        return kist_fail_errno(err, ENOMEM, "cannot open the file");
    int code = open_by_real_path(directory, slash + 1, &file, err);
    free(directory);
    if (code != 0) {
        kist_module_file_done(&file);
        return code;
    }
    *ret_file = file;
    return 0;
}

void kist_module_file_done(struct kist_module_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    free(file->path);
    *file = (struct kist_module_file)KIST_MODULE_FILE_INIT;
}
