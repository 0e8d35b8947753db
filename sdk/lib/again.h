/*
 * again.h - waits, and tries again what a service refused for now, for sources that have something made at a provider.
 *
 *     struct kist_again again = kist_again_begin(host, deadline_ms);
 *     do
 *         code = call(err);
 *     while (code && kist_again(&again, err));
 *
 * A call that changes something at the provider may be repeated only if it looks first whether the one before has done so.
 */
#ifndef KIST_SDK_AGAIN_H
#define KIST_SDK_AGAIN_H

#include <kist/plugin.h>

struct kist_again {
    const struct kist_host *host;
    int64_t begun;
    int64_t deadline_ms; /* over all tries; 0: none */
    int64_t delay_ms;    /* the longest wait before the second try; doubles from one to the next, up to 20 s */
    int64_t tries;       /* that failed */
};

struct kist_again kist_again_begin(const struct kist_host *host, int64_t deadline_ms);

/* After a failure: 1 when the call is to be made again, with the wait behind it (drawn from 0 to the longest, never shorter
 * than what the other side asked for) and told in the log at debug level, from the third on at info. Else 0: the error is not
 * retryable, the deadline would pass, or the host was cancelled (then `err` is KIST_ERR_CANCELLED). What was tried several
 * times says so. */
int kist_again(struct kist_again *again, struct kist_error *err) KIST_CHECKED;

/* Waits. KIST_ERR_CANCELLED when the host was cancelled meanwhile. */
int kist_again_wait(const struct kist_host *host, int64_t ms, struct kist_error *err) KIST_CHECKED;

#endif
