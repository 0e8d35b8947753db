#include "output_dir.h"
#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)1 << 20)
#define PARTIAL ".kist-partial"

/* A file that is being written. */
struct output {
    const char *dir, *name; /* for messages */
    int folder;             /* descriptor of the directory that will hold it */
    const char *base;       /* its name there */
    int fd;
};

static int fail(const struct output *output, int errnum, const char *what, struct kist_error *err)
{
    return kist_fail_errno(err, errnum, "cannot %s '%s/%s'", what, output->dir, output->name);
}

/* Opens the folder of `name` below `dir`, making what is missing and following no link. */
static int open_folder(struct output *output, struct kist_error *err)
{
    if (mkdir(output->dir, 0700) != 0 && errno != EEXIST)
        return kist_fail_errno(err, errno, "cannot make the directory '%s'", output->dir);
    output->folder = open(output->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (output->folder < 0)
        return kist_fail_errno(err, errno, "cannot open the directory '%s'", output->dir);
    output->base = output->name;
    for (const char *slash; (slash = strchr(output->base, '/')); output->base = slash + 1) {
        char *part = strndup(output->base, (size_t)(slash - output->base));
        if (!part)
            return kist_fail(err, KIST_ERR_FAILED, "out of memory");
        int made = mkdirat(output->folder, part, 0700) == 0 || errno == EEXIST;
        int next = made ? openat(output->folder, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        int errnum = errno;
        free(part);
        if (next < 0)
            return fail(output, errnum, "make the directory of", err);
        close(output->folder);
        output->folder = next;
    }
    return 0;
}

static int write_all(const struct output *output, const unsigned char *data, size_t size, struct kist_error *err)
{
    while (size > 0) {
        ssize_t written = write(output->fd, data, size);
        if (written < 0 && errno != EINTR)
            return fail(output, errno, "write", err);
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

static int copy(const struct output *output, struct kist_pull *pull, struct kist_cancel *cancel,
                struct kist_progress *progress, struct kist_error *err)
{
    size_t capacity = kist_pull_piece(pull, PIECE), size = 1;
    unsigned char *memory = malloc(capacity);
    int code = memory ? 0 : kist_fail(err, KIST_ERR_FAILED, "out of memory");
    while (!code && size > 0) {
        code = kist_cancel_is_set(cancel) ? kist_fail(err, KIST_ERR_CANCELLED, "stopped by a signal")
                                          : kist_pull_read(pull, memory, capacity, &size, err);
        if (!code)
            code = write_all(output, memory, size, err);
        if (!code)
            kist_progress_add_raw(progress, size);
    }
    free(memory);
    return code;
}

/* Durable, and then visible under its name. */
static int finish(struct output *output, const char *partial, struct kist_error *err)
{
    int failed = fsync(output->fd) != 0 ? errno : 0;
    if (close(output->fd) != 0 && !failed)
        failed = errno;
    output->fd = -1;
    if (failed)
        return fail(output, failed, "store", err);
    int named = renameat2(output->folder, partial, output->folder, output->base, RENAME_NOREPLACE);
    /* Network file systems may not know the flag; a link does not replace either. */
    if (named != 0 && (errno == EINVAL || errno == ENOSYS) &&
        linkat(output->folder, partial, output->folder, output->base, 0) == 0)
        named = unlinkat(output->folder, partial, 0);
    if (named == 0) {
        if (fsync(output->folder) != 0 && errno != EINVAL)
            return fail(output, errno, "store the directory of", err);
        return 0;
    }
    if (errno != EEXIST)
        return fail(output, errno, "name", err);
    kist_fail(err, KIST_ERR_REFUSED, "'%s/%s' is there already", output->dir, output->name);
    kist_hint(err, "choose an empty directory with --output");
    return KIST_ERR_REFUSED;
}

static int write_file(struct output *output, struct kist_pull *pull, struct kist_cancel *cancel,
                      struct kist_progress *progress, struct kist_error *err)
{
    char *partial = NULL;
    if (asprintf(&partial, ".%.200s" PARTIAL, output->base) < 0)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory");
    struct stat status;
    int code = 0;
    if (fstatat(output->folder, output->base, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        code = kist_fail(err, KIST_ERR_REFUSED, "'%s/%s' is there already", output->dir, output->name);
        kist_hint(err, "choose an empty directory with --output");
    }
    /* What an earlier attempt left is of no use to anyone. */
    if (!code && unlinkat(output->folder, partial, 0) != 0 && errno != ENOENT)
        code = fail(output, errno, "write", err);
    if (!code) {
        output->fd = openat(output->folder, partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        code = output->fd < 0 ? fail(output, errno, "create", err) : 0;
        if (!code)
            code = copy(output, pull, cancel, progress, err);
        if (!code)
            code = finish(output, partial, err);
        if (code && unlinkat(output->folder, partial, 0) != 0 && errno != ENOENT)
            kist_error_prefix(err, "'%s/%s' could not be removed either", output->dir, partial);
    }
    free(partial);
    return code;
}

int kist_output_item(const char *dir, const char *name, struct kist_pull *pull, struct kist_cancel *cancel,
                     struct kist_progress *progress, struct kist_error *err)
{
    struct output output = {.dir = dir, .name = name, .folder = -1, .fd = -1};
    int code = kist_key_check(name, err);
    if (!code)
        code = open_folder(&output, err);
    if (!code)
        code = write_file(&output, pull, cancel, progress, err);
    if (output.fd >= 0)
        close(output.fd);
    if (output.folder >= 0)
        close(output.folder);
    return code;
}
