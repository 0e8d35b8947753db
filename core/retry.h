/*
 * retry.h - when a failed call is made again, and for how long: the one policy of every call to a store.
 *
 *     struct kist_retry retry = kist_retry_begin(&policy, where, cancel);
 *     do
 *         code = call(err);
 *     while (code && kist_retry_again(&retry, err));
 *     return err->code;
 */
#ifndef KIST_CORE_RETRY_H
#define KIST_CORE_RETRY_H

#include "cancel.h"

/* What time it is, how to wait, and a die: the system's, or those of a test. */
struct kist_retry_clock {
    void *arg;
    int64_t (*now_ms)(void *arg);
    /* Waits; 1 when `cancel` (may be NULL) was set instead. */
    int (*wait)(void *arg, int64_t ms, struct kist_cancel *cancel);
    /* A number from 0 to `limit`, all as likely. */
    int64_t (*draw)(void *arg, int64_t limit);
};

struct kist_retry_policy {
    int64_t retries;     /* after the first try */
    int64_t delay_ms;    /* the longest wait before the first of them; doubles from one to the next */
    int64_t deadline_ms; /* over all tries of a call; 0: none */
    const struct kist_retry_clock *clock; /* NULL: the system's */
};

/* One call and its tries. */
struct kist_retry {
    const struct kist_retry_policy *policy;
    const char *where; /* "shop-daily/disk(local)", for the log */
    struct kist_cancel *cancel;
    int64_t begun;
    int64_t tries; /* that failed */
};

struct kist_retry kist_retry_begin(const struct kist_retry_policy *policy, const char *where,
                                   struct kist_cancel *cancel);
/*
 * After a failure: 1 when the call is to be made again, with the wait behind it and `err` empty. Else 0, and `err` says
 * how often and how long it was tried, or that the wait was cancelled (KIST_ERR_CANCELLED).
 *
 * The wait is drawn from 0 to delay * 2^(tries - 1), at most 20 s, and never shorter than what the other side asked for. A
 * wait of its asking that ends behind the deadline is not begun.
 */
int kist_retry_again(struct kist_retry *retry, struct kist_error *err) KIST_CHECKED;

#endif
