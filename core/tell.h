/*
 * tell.h - takes news to the notifiers of a pipeline, from a process that nothing of the notifiers can hang or crash.
 *
 * kist_tell_begin forks a helper while the process has one thread only. For each piece of news the helper forks a process per
 * notifier, which opens the plugin and calls it; one that crashes, or is not done in time, is ended alone. What could not be
 * told is kept in the outbox of the state directory, and told by the next run.
 */
#ifndef KIST_CORE_TELL_H
#define KIST_CORE_TELL_H

#include "news.h"

/* Before the first thread of the process, and before any lock is held. `state_dir` NULL: no outbox. What waits in the outbox
 * is told now, in the background. */
int kist_tell_begin(const struct kist_config *config, const char *state_dir, struct kist_error *err) KIST_CHECKED;
/* The same for a command that goes on without: then everything waits in the outbox, and a warning says so. */
void kist_tell_prepare(const struct kist_config *config, const char *state_dir);
/* All that there is to do is to tell what waits in the outbox: tells it, with more patience than the end of a run has. */
int kist_tell_late(const struct kist_config *config, const char *state_dir, struct kist_cancel *cancel,
                   struct kist_error *err) KIST_CHECKED;
/* Ends the helper; news that are under way are given the rest of their time. */
void kist_tell_end(void);

/* Tells all notifiers of the pipeline that want to hear of it, also after a signal: that is what may have to be told. How many
 * could not be told; why is in the log. News of a start are sent without waiting, and count for 0. */
size_t kist_tell(const struct kist_config_pipeline *pipeline, const struct kist_news *news);

/* Tells this notifier, whatever it wants to hear of, and keeps nothing in the outbox. */
int kist_tell_one(const struct kist_config_section *notifier, const struct kist_config_pipeline *pipeline,
                  const struct kist_news *news, struct kist_cancel *cancel, struct kist_error *err) KIST_CHECKED;

#endif
