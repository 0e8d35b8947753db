/* file_store.h - one file of this machine as a store that holds one object, for what reads stores. Nothing is written. */
#ifndef KIST_CORE_FILE_STORE_H
#define KIST_CORE_FILE_STORE_H

#include "store.h"

#include <sys/stat.h>

/* All zero for nothing. It stays where it is in memory while its store is open. */
struct kist_file_store {
    struct kist_config_section section;
    char *folder; /* as typed; "." where none was */
    char *key;    /* the file's name, or "dump" where that is no sound key */
    int fd;       /* open while `key` is set */
    struct stat opened;
    struct kist_file_store *self; /* what its instance gets as its configuration */
};

/* Opens the regular file at `path`, once: what another file of the same name holds later is not read. Only done follows a
 * failure. */
int kist_file_store_open(const char *path, const char *pipeline, struct kist_cancel *cancel,
                         struct kist_file_store *ret_file, struct kist_store **ret_store,
                         struct kist_error *err) KIST_CHECKED;
/* After its store is closed. */
void kist_file_store_done(struct kist_file_store *file);

#endif
