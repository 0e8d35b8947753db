/* restore_work.h - a private directory for what a restore has to keep on a disk meanwhile. */
#ifndef KIST_CORE_RESTORE_WORK_H
#define KIST_CORE_RESTORE_WORK_H

#include "error.h"

/* Locked as long as its process lives, so that what a killed one left behind is known for what it is. */
struct kist_work_dir {
    char *path; /* NULL: there is none */
    int fd;
};

/* Makes an empty one in the state directory, for this user alone, and removes those whose process is gone. */
int kist_work_dir_make(const char *state_dir, struct kist_work_dir *ret_dir, struct kist_error *err) KIST_CHECKED;
/* Removes it with all that it holds. */
void kist_work_dir_remove(struct kist_work_dir *dir);

#endif
