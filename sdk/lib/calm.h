/*
 * calm.h - a host that never asks to stop: for what has to be cleaned up after the real one did.
 */
#ifndef KIST_SDK_CALM_H
#define KIST_SDK_CALM_H

#include <kist/plugin.h>

struct kist_calm {
    struct kist_host
        host; /* first: its functions get its address. Hand &calm.host to whoever is to work in peace */
    int fd;   /* never readable */
};

/* A copy of `host` whose cancelled() is always 0. -1 when the machine has no descriptor to spare. */
int kist_calm_init(struct kist_calm *calm, const struct kist_host *host) KIST_CHECKED;
void kist_calm_done(struct kist_calm *calm);

#endif
