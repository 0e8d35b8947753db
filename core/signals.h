/* signals.h - what the process does when it is told to stop. */
#ifndef KIST_CORE_SIGNALS_H
#define KIST_CORE_SIGNALS_H

#include "cancel.h"

/* Before any thread: SIGINT, SIGTERM and SIGHUP set `cancel`; the second of them ends the process at once (children die
 * with it). SIGPIPE and SIGXFSZ become errors of the call that caused them. */
int kist_signals_setup(struct kist_cancel *cancel, struct kist_error *err) KIST_CHECKED;
/* The signal that came, or 0. */
int kist_signals_seen(void);

#endif
