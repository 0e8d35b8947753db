/*
 * destination.h - what every destination has to do, as cases that any plugin can be held against.
 *
 * A case is a clause of kist/destination.h, tried through the plugin's own callbacks. All objects are made below
 * `prefix`, which must hold none before and holds none afterwards. Calls are made from several threads, each with
 * instances of its own, and one case forks a child that dies in the middle of its work.
 */
#ifndef KIST_CONFORMANCE_DESTINATION_H
#define KIST_CONFORMANCE_DESTINATION_H

#include "conformance.h"

#include <kist/plugin.h>

struct kist_conformance {
    const struct kist_destination *plugin;
    const struct kist_host *host; /* whose fail() fills errors with strings of malloc, in any thread */
    const void *config;           /* for every `open`: the cases open instances of their own */
    const char *prefix;           /* a folder ending in '/', or "" when the whole store may be used */
    /* Optional: makes host->cancelled() say 1 or 0, and host->cancel_fd() accordingly. NULL skips the cases that need
     * it. It is called with 0 before what a case made is removed, which must work then. */
    void (*cancel)(void *arg, int on);
    /* Optional: asked before each case. 1 runs it, 0 leaves it out without a report. */
    int (*begin)(void *arg, const char *name, const char *clause);
    /* Called once per case. `detail` says what was wrong, or why it was skipped; else it is NULL. */
    void (*report)(void *arg, const char *name, const char *clause, int outcome, const char *detail);
    void *arg;
    uint64_t big; /* bytes of the largest object; 0: 40 MiB */
};

/* Runs all cases; returns how many failed. */
int kist_conformance_destination(const struct kist_conformance *suite);

/* Removes whatever lies below the prefix: what a suite left that was ended by force. Returns 0, or -1 with a sentence in
 * `ret_detail` (new, may be NULL). */
int kist_conformance_destination_clean(const struct kist_conformance *suite, char **ret_detail);

/* The name of case number `index`, or NULL behind the last. */
const char *kist_conformance_destination_name(size_t index);

#endif
