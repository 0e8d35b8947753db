/* tell.h - takes an event to the notifiers of a pipeline. */
#ifndef KIST_CORE_TELL_H
#define KIST_CORE_TELL_H

#include "config.h"

#include <kist/notifier.h>

/* Tells all of them, also after a signal: that is what may have to be told. How many could not be told; why is in the log. */
size_t kist_tell(const struct kist_config_pipeline *pipeline, const struct kist_event *event);

#endif
