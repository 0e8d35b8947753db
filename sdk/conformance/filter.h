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

struct kist_filter_conformance {
    const struct kist_filter *plugin;
    const struct kist_host *host; /* whose fail() fills errors with strings of malloc, in any thread */
    const void *config;           /* for every `open`: the cases open instances of their own */
    /* The stock tools, as shell commands from stdin to stdout. The decoder is by default the one that the plugin
     * names ("": there is none); `stock_check` only says by its exit status whether a stream is sound. */
    const char *stock_decoder, *stock_check;
    const char *const *stock_encoders; /* ends with NULL; those that are not installed are left out */
    /* 1: streams put one behind the other are a stream of the format, and so are some whole blocks of one. 0: what
     * follows a stream is damage, and so is a stream that lacks blocks. */
    int joins;
    /* The most bits of a stream of one block (a date, padding) that can change without any effect. A change of
     * every other bit must be noticed. */
    size_t harmless_bits;
    /* 1: runs only the cases that depend on how blocks are encoded, for a further config of a plugin whose decoder
     * was tried with another. */
    int encoding_only;
    const char *cut_says; /* Optional: what the error about a stream that was cut off says */
    /* Called once per case. `detail` says what was wrong, or why it was skipped; else it is NULL. */
    void (*report)(void *arg, const char *name, const char *clause, int outcome, const char *detail);
    void *arg;
};

/* Runs all cases; returns how many failed. */
int kist_conformance_filter(const struct kist_filter_conformance *suite);

#endif
