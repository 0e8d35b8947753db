/* thread.h - waiting for a thread, but not for ever. */
#ifndef KIST_CORE_THREAD_H
#define KIST_CORE_THREAD_H

#include <pthread.h>
#include <stdint.h>

/* Waits at most `wait_ms` for the end of `thread`; 1 when it has ended, and is joined then. */
int kist_thread_join_within(pthread_t thread, int64_t wait_ms);

#endif
