/*
 * destination.h - what every destination has to do, as cases that any plugin can be held against.
 *
 * A case is a clause of kist/destination.h, tried through the plugin's own callbacks. All objects are made below
 * `prefix`, which must hold none before and holds none afterwards.
 */
#ifndef KIST_CONFORMANCE_DESTINATION_H
#define KIST_CONFORMANCE_DESTINATION_H

#include "conformance.h"

#include <kist/plugin.h>

struct kist_conformance {
    const struct kist_destination *plugin;
    const struct kist_host *host; /* whose fail() fills errors with strings of malloc */
    const void *config;           /* for every `open`: the cases open instances of their own */
    const char *prefix;           /* a folder ending in '/', or "" when the whole store may be used */
    /* Optional: makes host->cancelled() say 1 or 0. NULL skips the case that needs it. */
    void (*cancel)(void *arg, int on);
    /* Called once per case. `detail` says what was wrong, or why it was skipped; else it is NULL. */
    void (*report)(void *arg, const char *name, const char *clause, int outcome, const char *detail);
    void *arg;
};

/* Runs all cases; returns how many failed. */
int kist_conformance_destination(const struct kist_conformance *suite);

#endif
