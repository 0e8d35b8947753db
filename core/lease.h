/*
 * lease.h - one host at a time: an object on a destination that says who runs a pipeline now.
 *
 *     _kist/<pipeline>/lease.<number>     JSON: owner, host, token, expires, released
 *
 * The highest number counts. Taking over one that has expired or was given back, prolonging and giving back all make the next
 * number, which only one can make, for a put never overwrites; lower numbers are removed when there is time for it. A lease
 * keeps two hosts from doing the same work; it is no guard of the data, which needs none: no key is ever written twice.
 */
#ifndef KIST_CORE_LEASE_H
#define KIST_CORE_LEASE_H

#include "targets.h"

struct kist_lease;

/* How long a lease is good for, when it is prolonged, and by how much clocks may differ. */
struct kist_lease_times {
    int64_t length_ms, prolong_ms, grace_ms;
};
extern const struct kist_lease_times kist_lease_times;

/* Takes the lease of the pipeline on the first destination that answers, and prolongs it in a thread of its own until it is
 * released. `owner` is that of the lock: an earlier process of the same owner is dead, and its lease is free. KIST_ERR_EXISTS
 * when another host has it; the message names host and expiry. A destination that cannot be asked is logged and passed over:
 * without any, the run goes on without a lease (`ret_lease` NULL). `times` is kist_lease_times but in tests. */
int kist_lease_take(struct kist_targets *targets, const char *owner, const struct kist_lease_times *times,
                    struct kist_lease **ret_lease, struct kist_error *err) KIST_CHECKED;
/* 1 when somebody else had it last: what was read before it was taken may be old. */
int kist_lease_changed_hands(const struct kist_lease *lease);
/* Gives it back. NULL is fine. */
void kist_lease_release(struct kist_lease *lease);

#endif
