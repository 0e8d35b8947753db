/*
 * state.h - the local state directory: locks and the history of runs. All of it can be deleted at any time; backups and
 * what is known of them live on the destinations.
 */
#ifndef KIST_CORE_STATE_H
#define KIST_CORE_STATE_H

#include "error.h"

#include <jansson.h>
#include <stdint.h>

/* The directory that applies: --state, $KIST_STATE, [kist] state, $STATE_DIRECTORY, then the default of the user. New. */
int kist_state_find(const char *option, const char *configured, char **ret_dir,
                    struct kist_error *err) KIST_CHECKED;
/* Makes the directory and what belongs in it, for this user alone. */
int kist_state_prepare(const char *dir, struct kist_error *err) KIST_CHECKED;

/* The lock of a pipeline. `owner` is the same for all runs that exclude each other by it, and for no others: machine and
 * lock file. */
struct kist_lock {
    int fd; /* -1: not held */
    char *owner;
};

#define KIST_LOCK_INIT                                                                                            \
    {                                                                                                             \
        .fd = -1                                                                                                  \
    }

/* Takes it without waiting: KIST_ERR_EXISTS when another run holds it. The kernel frees it when the process ends, however
 * it ends. */
int kist_lock_take(const char *dir, const char *pipeline, struct kist_lock *ret_lock,
                   struct kist_error *err) KIST_CHECKED;
void kist_lock_release(struct kist_lock *lock);

/* A file that has grown to KIST_HISTORY_MAX bytes is put aside before the next line; the one before it is dropped. */
#define KIST_HISTORY_FILE "history.jsonl"
#define KIST_HISTORY_OLDER "history.1.jsonl"
#define KIST_HISTORY_MAX ((int64_t)32 << 20)

/* Appends one JSON object as a line to the history; `time`, `host`, `user` and, behind sudo, `sudo_user` are added. Several
 * processes may do so at once. */
int kist_history_add(const char *dir, json_t *entry, struct kist_error *err) KIST_CHECKED;

/* Who runs this process: a name, else the number. New reference; NULL without memory. */
json_t *kist_user_json(void);
/* This machine's name; never NULL. */
const char *kist_host_name(void);

#endif
