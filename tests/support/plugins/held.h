/* held.h - what the two files of the test source `held` share. */
#ifndef HELD_H
#define HELD_H

#include <kist/plugin.h>

struct held_config {
    const char *place, *name, *host;
    kist_list items, stored, until_items, far;
    kist_size size;
    kist_duration until, delay, history;
    kist_choice fail, can;
};

enum held_fault {
    HELD_NONE,
    HELD_MAKE,
    HELD_LOOK,
    HELD_DISCARD,
    HELD_SWEEP,
    HELD_RESTORE,
    HELD_HALF,
    HELD_HANG,
    HELD_HANG_DISCARD,
    HELD_DOWN,
    HELD_AUTH,
    HELD_TAKEN,
    HELD_FAR,
};

struct held {
    const struct kist_host *host;
    const struct held_config *config;
    const char *pipeline, *backup; /* from backup_begin on */
    size_t told;                   /* bytes of the stored item that were read */
    const char *reading;
};

#define HELD_PATH 4096

/* "PLACE/NAME" into `path`, a buffer of HELD_PATH. */
void held_path(const struct held *held, const char *name, char *path);
int held_broken(const struct held *held, const char *path, struct kist_error *err);
/* A line in the file `calls`; fails as the option `fail` says, where `fault` is it or the whole provider is away. */
int held_call(const struct held *held, const char *verb, const char *what, int32_t fault, struct kist_error *err);
int held_wait(const struct held *held, int64_t ms, struct kist_error *err);
/* The text of a file, new; KIST_ERR_NOT_FOUND when it is not there. */
int held_read(const struct held *held, const char *path, char **ret_text, struct kist_error *err);

int held_restore_begin(void *self, const struct kist_restore *wanted, void **ret_restore, struct kist_error *err);
int held_restore_place(void *self, kist_place_fn give, void *arg, struct kist_error *err);
int held_restore_reference(void *self, const struct kist_item *item, struct kist_error *err);
int held_write_begin(void *self, const struct kist_item *item, void **ret_writer, struct kist_error *err);
int held_write(void *writer, const void *data, size_t size, struct kist_error *err);
int held_write_commit(void *writer, struct kist_error *err);
void held_write_abort(void *writer);
void held_restore_reject(void *self);
void held_restore_end(void *self);

#endif
