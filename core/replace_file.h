/* replace_file.h - a file of this machine that is written as a whole or not at all, for programs of others to read. */
#ifndef KIST_CORE_REPLACE_FILE_H
#define KIST_CORE_REPLACE_FILE_H

#include "error.h"

/* Puts `data` in the place of the regular file at `path`, or makes it. A file that was there keeps its mode; a new one is this
 * user's alone. What is no regular file is refused. */
int kist_file_replace(const char *path, const void *data, size_t size, struct kist_error *err) KIST_CHECKED;
/* The same for a file that everybody may read, whatever the umask says. */
int kist_file_publish(const char *path, const void *data, size_t size, struct kist_error *err) KIST_CHECKED;

#endif
