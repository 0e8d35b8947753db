/*
 * fault.h - errors that a plugin keeps for itself: of a thread of its own, or of a second call after a first one failed.
 *
 *     struct kist_error own = KIST_FAULT_INIT;
 */
#ifndef KIST_SDK_FAULT_H
#define KIST_SDK_FAULT_H

#include <kist/plugin.h>

#define KIST_FAULT_INIT                                                                                           \
    {                                                                                                             \
        .struct_size = sizeof(struct kist_error)                                                                  \
    }

/* Empties it. Its strings came from host->fail() and host->hint(), which use malloc. */
void kist_fault_clear(struct kist_error *own);
/* Says the same in `err`, with hint and what is known about trying again. Returns the code. */
int kist_fault_repeat(const struct kist_host *host, const struct kist_error *own, struct kist_error *err);

#endif
