/*
 * daemon.h - runs pipelines when they are due, until it is told to stop. One thread, which never touches a plugin's callbacks:
 * whatever does is a member of the crew, in a process of its own.
 */
#ifndef KIST_CORE_DAEMON_H
#define KIST_CORE_DAEMON_H

#include "config.h"

/* Reads the configuration again; NULL, and what is wrong in the log, when it cannot be used. */
typedef struct kist_config *(*kist_daemon_load_fn)(void *arg);

/* `config` is given. Returns when all members are gone: 0 after it was told to stop. */
enum kist_exit kist_daemon_run(struct kist_config *config, const char *state_dir, kist_daemon_load_fn load,
                               void *arg);

#endif
