/*
 * plugin_trial.h - runs the conformance cases of a plugin's kind in a child process, which the plugin may crash.
 */
#ifndef KIST_CORE_PLUGIN_TRIAL_H
#define KIST_CORE_PLUGIN_TRIAL_H

#include "cancel.h"
#include "plugin.h"

/* How a case ended. Strings are borrowed, fit for one line each, and without known secrets. */
struct kist_trial_result {
    const char *name, *clause;
    int outcome;        /* KIST_CONFORMANCE_* */
    const char *detail; /* what was wrong, or why it was skipped; else NULL */
};

struct kist_plugin_trial {
    const struct kist_plugin *plugin;
    const void *config;
    const char *where;        /* for its log lines, which are shown at debug level only */
    const char *prefix;       /* destinations: a folder that holds nothing, ending in '/' */
    const char *const *cases; /* the names of those to run; NULL: all */
    size_t case_count;
    struct kist_cancel *cancel; /* of the process: ends it behind the case that runs */
    void (*report)(void *arg, const struct kist_trial_result *result);
    void *arg;
};

/* The name of case number `index` for a kind, or NULL behind the last; there is none for a kind without a suite. */
const char *kist_plugin_trial_case(uint32_t kind, size_t index);

/* Runs them. A failed case is a result, and no failure of this function. */
int kist_plugin_trial_run(const struct kist_plugin_trial *trial, struct kist_error *err) KIST_CHECKED;

#endif
