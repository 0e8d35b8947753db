/* plugin_trial_child.h - what runs in the child of plugin_trial.c, and how the two talk. */
#ifndef KIST_CORE_PLUGIN_TRIAL_CHILD_H
#define KIST_CORE_PLUGIN_TRIAL_CHILD_H

#include "plugin_trial.h"

/* A case that takes longer is taken for hung. */
#define TRIAL_CASE_SECONDS 300

/* Lines to the parent: B number name clause, E outcome detail; fields are behind tabs. */
#define TRIAL_BEGINS 'B'
#define TRIAL_ENDS 'E'

/* Runs the cases from number `first` on and tells of them on `fd`. Before, it removes what an earlier child left.
 * Does not return: the child ends with status 0 when all were run. */
void kist_plugin_trial_child(const struct kist_plugin_trial *trial, size_t first, int fd)
    __attribute__((noreturn));

#endif
