/* history_lines.h - the lines of a file from its end to its beginning, however large it is. */
#ifndef KIST_CORE_HISTORY_LINES_H
#define KIST_CORE_HISTORY_LINES_H

#include "error.h"

#include <sys/types.h>

#define KIST_HISTORY_LINE_MAX ((size_t)1 << 20) /* a longer one is no line of ours */

struct kist_history_lines {
    int fd;
    off_t start;  /* of the file's bytes that `buffer` holds */
    char *buffer; /* filled from its end towards its beginning */
    size_t first; /* where what it holds begins */
    size_t size;  /* what is left of it, before the lines that were given */
};

/* `fd` is borrowed. What is appended later is not seen. */
int kist_history_lines_open(int fd, struct kist_history_lines *ret_lines, struct kist_error *err) KIST_CHECKED;
/* The line before the last one given, without its end; `ret_line` NULL before the first of the file. It is borrowed until the
 * next call. One that is too long is given as an empty one of size 0. */
int kist_history_lines_next(struct kist_history_lines *lines, const char **ret_line, size_t *ret_size,
                            struct kist_error *err) KIST_CHECKED;
void kist_history_lines_close(struct kist_history_lines *lines);

#endif
