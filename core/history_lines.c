#include "history_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)256 << 10)
#define CAPACITY (KIST_HISTORY_LINE_MAX + CHUNK)

int kist_history_lines_open(int fd, struct kist_history_lines *ret_lines, struct kist_error *err)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return kist_fail_errno(err, errno, "cannot look at the history");
    char *buffer = malloc(CAPACITY);
    if (!buffer)
        return kist_fail(err, KIST_ERR_FAILED, "out of memory for the history");
    *ret_lines =
        (struct kist_history_lines){.fd = fd, .start = status.st_size, .buffer = buffer, .first = CAPACITY};
    return 0;
}

void kist_history_lines_close(struct kist_history_lines *lines)
{
    free(lines->buffer);
    *lines = (struct kist_history_lines){.fd = -1};
}

/* Reads `size` bytes at `offset`. A file that became shorter meanwhile gives zeros: lines that are damaged. */
static int read_at(int fd, char *data, size_t size, off_t offset, struct kist_error *err)
{
    while (size > 0) {
        ssize_t got = pread(fd, data, size, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return kist_fail_errno(err, errno, "cannot read the history");
        if (got == 0) {
            memset(data, 0, size);
            return 0;
        }
        data += got;
        size -= (size_t)got;
        offset += got;
    }
    return 0;
}

/* Puts a piece of the file in front of what the buffer holds, which is moved to its end first. */
static int fill(struct kist_history_lines *lines, struct kist_error *err)
{
    size_t piece = CAPACITY - lines->size < CHUNK ? CAPACITY - lines->size : CHUNK;
    if ((off_t)piece > lines->start)
        piece = (size_t)lines->start;
    memmove(lines->buffer + CAPACITY - lines->size, lines->buffer + lines->first, lines->size);
    lines->first = CAPACITY - lines->size - piece;
    lines->start -= (off_t)piece;
    lines->size += piece;
    return read_at(lines->fd, lines->buffer + lines->first, piece, lines->start, err);
}

/* Where the last line of the buffer begins; NULL when that is not in it. */
static const char *last_begin(const struct kist_history_lines *lines)
{
    const char *data = lines->buffer + lines->first;
    const char *end = lines->size ? memrchr(data, '\n', lines->size) : NULL;
    return end ? end + 1 : lines->start == 0 ? data : NULL;
}

int kist_history_lines_next(struct kist_history_lines *lines, const char **ret_line, size_t *ret_size,
                            struct kist_error *err)
{
    int too_long = 0;
    /* The end of the line that is wanted, or the last bytes of one that was cut. */
    if (lines->size == 0 && lines->start > 0 && fill(lines, err))
        return err->code;
    if (lines->size == 0) {
        *ret_line = NULL;
        return 0;
    }
    if (lines->buffer[lines->first + lines->size - 1] == '\n')
        lines->size--;
    const char *begin = NULL;
    while (!(begin = last_begin(lines))) {
        if (lines->size >= KIST_HISTORY_LINE_MAX) {
            too_long = 1;
            lines->size = 0;
        }
        if (fill(lines, err))
            return err->code;
    }
    const char *data = lines->buffer + lines->first;
    *ret_size = too_long ? 0 : (size_t)(data + lines->size - begin);
    *ret_line = begin;
    lines->size = (size_t)(begin - data);
    return 0;
}
