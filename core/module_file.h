/* module_file.h - the file of a plugin, opened only if nobody but root and ourselves could have put it there. */
#ifndef KIST_CORE_MODULE_FILE_H
#define KIST_CORE_MODULE_FILE_H

#include "error.h"

struct kist_module_file {
    int fd;     /* for reading */
    char *path; /* absolute, without symbolic links: what was checked, and so what must be loaded */
};

#define KIST_MODULE_FILE_INIT                                                                                     \
    {                                                                                                             \
        .fd = -1                                                                                                  \
    }

/* A plugin is code that runs with our rights, and its constructors run before anything in it can be looked at, so the
 * file has to be trusted before it is loaded:
 *  - `path` is absolute; symbolic links among its directories are followed first, the file itself must not be one;
 *  - the file and every directory above it belong to root or to the effective user;
 *  - none of them can be written by group or others. A directory with the sticky bit (/tmp) may be, since nobody
 *    can replace another user's files there; and so may what a user's private group can write (the group whose id
 *    is the user's own, as made by user-group distributions with umask 002), but not when running as root;
 *  - the process did not gain rights when it was started (setuid, file capabilities).
 * Nobody else can then exchange the file between this check and its loading, which is why it may be loaded by path.
 * Errors: KIST_ERR_NOT_FOUND, else KIST_ERR_CONFIG; they do not repeat `path`. */
int kist_module_file_open(const char *path, struct kist_module_file *ret_file,
                          struct kist_error *err) KIST_CHECKED;
void kist_module_file_done(struct kist_module_file *file);

#endif
