/* private_dir.h - private directories for what has to lie on a disk for a while: <state>/work-XXXXXX. */
#ifndef KIST_CORE_PRIVATE_DIR_H
#define KIST_CORE_PRIVATE_DIR_H

#include "error.h"

struct kist_private_dir {
    char *path; /* absolute; NULL: there is none */
    int fd;     /* holds its lock */
};

/* Makes an empty one, and removes those that killed processes left, with all that is in them. */
int kist_private_dir_make(const char *state_dir, struct kist_private_dir *ret_dir,
                          struct kist_error *err) KIST_CHECKED;
/* Lets programs that root runs as another user get to what is made for them there: others may then search the state directory,
 * though not list it. */
int kist_private_dir_share(const char *state_dir, struct kist_error *err) KIST_CHECKED;
/* Removes it with all that is in it; what cannot be removed is in the log. An empty struct is fine. */
void kist_private_dir_remove(struct kist_private_dir *dir);

#endif
