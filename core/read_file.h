/* read_file.h - small files that a person names in a configuration: opened without ever waiting, and checked. */
#ifndef KIST_CORE_READ_FILE_H
#define KIST_CORE_READ_FILE_H

#include "error.h"
#include <sys/stat.h>

/*
 * Opens a regular file (a symbolic link to one is fine) for reading. A directory, pipe, socket or device is
 * refused without opening it. Messages do not name the path: the caller says "FILE: message". KIST_ERR_CONFIG or
 * KIST_ERR_FAILED.
 */
int kist_file_open(const char *path, int *ret_fd, struct stat *ret_status, struct kist_error *err) KIST_CHECKED;

/* All of it with a closing NUL, refused above `limit` bytes. New; free it with kist_secret_free() after
 * overwriting `ret_size` bytes, or with free(). */
int kist_file_read(int fd, size_t limit, char **ret_data, size_t *ret_size, struct kist_error *err) KIST_CHECKED;

/*
 * Whether a file or directory is under the control of root or of the user that kist runs as: nobody else owns it,
 * and nobody else may write to it (a group may, if it is the primary group that kist runs with). KIST_ERR_CONFIG
 * with a hint that names `path`.
 */
int kist_file_check_control(const char *path, const struct stat *status, struct kist_error *err) KIST_CHECKED;

/* The first line of a file, without its end. `ret_status` may be NULL. New; free it with kist_secret_free(). */
int kist_file_first_line(const char *path, char **ret_line, struct stat *ret_status,
                         struct kist_error *err) KIST_CHECKED;

#endif
