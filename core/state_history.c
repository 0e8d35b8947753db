#include "backup_id.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Nobody holds the lock for longer than a line takes to write. One who does must not hold up a backup. */
#define LOCK_TRIES 200
#define LOCK_WAIT_NS 10000000L

/* 1 when it is held. Without it a line is written all the same, since one write does not mix with another. */
static int lock(int fd)
{
    const struct timespec wait = {.tv_nsec = LOCK_WAIT_NS};
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return 1;
        if (errno == EWOULDBLOCK)
            nanosleep(&wait, NULL);
        else if (errno != EINTR)
            return 0;
    }
    return 0;
}

/* 1 when the file is still the one of that name: another process may have put it aside while this one waited. */
static int is_current(int fd, const char *path)
{
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

/* What is written to a pipe or a device is gone. */
static int is_file(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

static int is_large(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && status.st_size >= KIST_HISTORY_MAX;
}

/* Opens the file for one more line, with its lock where that can be had; one that is large is put aside first. */
static int open_file(const char *path, const char *older, int *ret_fd, struct kist_error *err)
{
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (fd < 0)
            return kist_fail_errno(err, errno, "cannot open '%s'", path);
        if (!is_file(fd)) {
            close(fd);
            return kist_fail(err, KIST_ERR_FAILED, "cannot write to '%s': it is not a regular file", path);
        }
        int locked = lock(fd);
        if (locked && !is_current(fd, path)) {
            close(fd);
            continue;
        }
        /* What cannot be put aside grows on: better than to lose a line. */
        if (locked && is_large(fd) && rename(path, older) == 0) {
            close(fd);
            continue;
        }
        *ret_fd = fd;
        return 0;
    }
}

/* 1 when the last line was cut, by a full disk or the end of the machine: what follows must not become part of it. */
static int is_cut(int fd)
{
    struct stat status;
    char last = '\n';
    return fstat(fd, &status) == 0 && status.st_size > 0 && pread(fd, &last, 1, status.st_size - 1) == 1 &&
           last != '\n';
}

/* `line` begins with a line break, for where one is missing. */
static int append_line(int fd, const char *path, const char *line, size_t size, struct kist_error *err)
{
    if (!is_cut(fd)) {
        line++;
        size--;
    }
    /* One write, so that the lines of several processes do not mix. */
    ssize_t written = write(fd, line, size);
    if (written < 0)
        return kist_fail_errno(err, errno, "cannot write to '%s'", path);
    if ((size_t)written != size)
        return kist_fail(err, KIST_ERR_NO_SPACE, "cannot write all of a line to '%s'", path);
    return 0;
}

static int append(const char *dir, const char *line, size_t size, struct kist_error *err)
{
    char *path = NULL, *older = NULL;
    int fd = -1, code = 0;
    if (asprintf(&path, "%s/%s", dir, KIST_HISTORY_FILE) < 0)
        path = NULL;
    if (asprintf(&older, "%s/%s", dir, KIST_HISTORY_OLDER) < 0)
        older = NULL;
    if (!path || !older)
        code = kist_fail(err, KIST_ERR_FAILED, "out of memory for the history");
    else
        code = open_file(path, older, &fd, err);
    if (!code)
        code = append_line(fd, path, line, size, err);
    if (fd >= 0 && close(fd) != 0 && !code)
        code = kist_fail_errno(err, errno, "cannot close '%s'", path);
    free(path);
    free(older);
    return code;
}

int kist_history_add(const char *dir, json_t *entry, struct kist_error *err)
{
    char now[KIST_TIME_LENGTH + 1];
    char *line = NULL;
    const char *sudo_user = getenv("SUDO_USER");
    kist_time_text(kist_time_now(), now);
    json_object_set_new(entry, "time", json_string(now));
    json_object_set_new(entry, "host", json_string(kist_host_name()));
    json_object_set_new(entry, "user", kist_user_json());
    if (sudo_user && *sudo_user)
        json_object_set_new(entry, "sudo_user", json_string(sudo_user));
    char *text = json_dumps(entry, JSON_COMPACT | JSON_ENSURE_ASCII);
    int size = text ? asprintf(&line, "\n%s\n", text) : -1;
    free(text);
    if (size < 0)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for the history");
    int code = append(dir, line, (size_t)size, err);
    free(line);
    return code;
}
