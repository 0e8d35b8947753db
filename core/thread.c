#include "thread.h"

#include <time.h>

#ifndef __has_feature
#define __has_feature(name) 0
#endif

int kist_thread_join_within(pthread_t thread, int64_t wait_ms)
{
    /* Not the clock on the wall: one that is set back would stretch the wait. The thread sanitizer knows only the other one. */
#if defined __SANITIZE_THREAD__ || __has_feature(thread_sanitizer)
    const clockid_t clock = CLOCK_REALTIME;
#else
    const clockid_t clock = CLOCK_MONOTONIC;
#endif
    struct timespec until;
    clock_gettime(clock, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
#if defined __SANITIZE_THREAD__ || __has_feature(thread_sanitizer)
    return pthread_timedjoin_np(thread, NULL, &until) == 0;
#else
    return pthread_clockjoin_np(thread, NULL, clock, &until) == 0;
#endif
}
