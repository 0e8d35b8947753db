/*
 * filter.h - what every filter has to do, as cases that any plugin can be held against.
 *
 * A case is a clause of kist/filter.h, tried through the plugin's own callbacks and, where they are given, against
 * the stock tools of its format.
 */
#ifndef KIST_CONFORMANCE_FILTER_H
#define KIST_CONFORMANCE_FILTER_H

#include "conformance.h"

#include <kist/plugin.h>

/* For a filter whose format is not known to the caller. */
#define KIST_FILTER_JOINS_UNKNOWN (-1)
#define KIST_FILTER_HARMLESS_UNKNOWN ((size_t)512) /* a header of 64 bytes that says nothing about the data */

struct kist_filter_conformance {
    const struct kist_filter *plugin;
    const struct kist_host *host; /* whose fail() fills errors with strings of malloc, in any thread */
    const void *config;           /* for every `open`: the cases open instances of their own */
    /* The stock tools, as shell commands from stdin to stdout. The decoder is by default the one that the plugin
     * names ("": there is none); `stock_check` only says by its exit status whether a stream is sound. */
    const char *stock_decoder, *stock_check;
    const char *const *stock_encoders; /* ends with NULL; those that are not installed are left out */
    /* 1: streams put one behind the other are a stream of the format, and so are some whole blocks of one. 0: what
     * follows a stream is damage, and so is a stream that lacks blocks. KIST_FILTER_JOINS_UNKNOWN: whichever the plugin
     * takes two streams for. */
    int joins;
    /* The most bits of a stream of one block (a date, padding) that can change without any effect. A change of
     * every other bit must be noticed. */
    size_t harmless_bits;
    /* 1: runs only the cases that depend on how blocks are encoded, for a further config of a plugin whose decoder
     * was tried with another. */
    int encoding_only;
    const char *cut_says; /* Optional: what the error about a stream that was cut off says */
    /* Optional: asked before each case. 1 runs it, 0 leaves it out without a report. */
    int (*begin)(void *arg, const char *name, const char *clause);
    /* Called once per case. `detail` says what was wrong, or why it was skipped; else it is NULL. */
    void (*report)(void *arg, const char *name, const char *clause, int outcome, const char *detail);
    void *arg;
};

/* Runs all cases; returns how many failed. */
int kist_conformance_filter(const struct kist_filter_conformance *suite);

/* The name of case number `index`, or NULL behind the last. */
const char *kist_conformance_filter_name(size_t index);

#endif
