/* child_private.h - a running child, shared by the files of this helper. */
#ifndef KIST_SDK_CHILD_PRIVATE_H
#define KIST_SDK_CHILD_PRIVATE_H

#include "child.h"

#include <pthread.h>
#include <sys/types.h>
#include <unistd.h>

#define KIST_CHILD_TAIL ((size_t)8192)
#define KIST_CHILD_SAID ((size_t)1200)

struct kist_child {
    const struct kist_host *host;
    char *name;
    pid_t pid; /* 0 before it was started and after it was reaped */
    pthread_t keeper;
    int in, out, said, ended; /* our ends; -1 when closed. `ended` becomes readable when the program has ended */
    int stop_signal;
    int lost, status; /* the wait status once reaped; lost: the kernel no longer had it */
    int64_t idle_ms, deadline, grace_ms;
    size_t tail_size;
    char tail[2 * KIST_CHILD_TAIL + 1];
    char line[KIST_CHILD_SAID + 1];
};

static inline void kist_child_close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

#endif
