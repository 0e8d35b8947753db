/* signals.h - what the process does when it is told to stop. */
#ifndef KIST_CORE_SIGNALS_H
#define KIST_CORE_SIGNALS_H

#include "cancel.h"

/* Before any thread: SIGINT, SIGTERM and SIGHUP set `cancel`; the second of them ends the process at once (children die
 * with it). SIGPIPE and SIGXFSZ become errors of the call that caused them. */
int kist_signals_setup(struct kist_cancel *cancel, struct kist_error *err) KIST_CHECKED;
/* The signal that came, or 0. */
int kist_signals_seen(void);

/* In a process that was forked from one that called kist_signals_setup or kist_signals_queue: the same anew, with nothing seen. */
int kist_signals_restart(struct kist_cancel *cancel, struct kist_error *err) KIST_CHECKED;
/* Holds back SIGCHLD and `more` (a list that ends with 0), which are read from `ret_fd` (a signalfd) from now on. */
int kist_signals_queue(const int *more, int *ret_fd, struct kist_error *err) KIST_CHECKED;
/* Takes one signal from the queue; 0 when it is empty. */
int kist_signals_take(int fd);
/* Closes the queue, and lets signals come as before. */
void kist_signals_unqueue(int fd);

#endif
