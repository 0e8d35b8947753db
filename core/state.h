/*
 * state.h - the local state directory: locks and the history of runs. All of it can be deleted at any time; backups and
 * what is known of them live on the destinations.
 */
#ifndef KIST_CORE_STATE_H
#define KIST_CORE_STATE_H

#include "error.h"

#include <jansson.h>

/* The directory that applies: --state, $KIST_STATE, [kist] state, $STATE_DIRECTORY, then the default of the user. New. */
int kist_state_find(const char *option, const char *configured, char **ret_dir, struct kist_error *err) KIST_CHECKED;
/* Makes the directory and what belongs in it, for this user alone. */
int kist_state_prepare(const char *dir, struct kist_error *err) KIST_CHECKED;

/* Takes the lock of a pipeline without waiting: KIST_ERR_EXISTS when another run holds it. The kernel frees it when the
 * process ends, however it ends. */
int kist_lock_take(const char *dir, const char *pipeline, int *ret_fd, struct kist_error *err) KIST_CHECKED;
void kist_lock_release(int fd); /* -1 is fine */

/* Appends one JSON object as a line to history.jsonl; `time`, `host` and `user` are added. */
int kist_history_add(const char *dir, json_t *entry, struct kist_error *err) KIST_CHECKED;

/* This machine's name; never NULL. */
const char *kist_host_name(void);

#endif
