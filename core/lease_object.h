/* lease_object.h - the objects that a lease is made of. */
#ifndef KIST_CORE_LEASE_OBJECT_H
#define KIST_CORE_LEASE_OBJECT_H

#include "store.h"
#include "uuid.h"

struct kist_lease_object {
    int64_t number;                   /* 0: there is none */
    int64_t expires;                  /* seconds since 1970 */
    int released;                     /* it was given back */
    int damaged;                      /* it says nothing that can be understood */
    char owner[512];                  /* of the lock of the run */
    char host[256];                   /* for people */
    char token[KIST_UUID_LENGTH + 1]; /* of the run */
};

/* Some of those with lower numbers that should have been removed. */
struct kist_lease_older {
    int64_t numbers[16];
    size_t count;
};

/* The one with the highest number; number 0 when there is none. KIST_ERR_NOT_FOUND when it went meanwhile. `ret_older` may be
 * NULL. */
int kist_lease_object_find(struct kist_store *store, const char *pipeline, struct kist_lease_object *ret_object,
                           struct kist_lease_older *ret_older, struct kist_error *err) KIST_CHECKED;
/* KIST_ERR_EXISTS when somebody else made that number. */
int kist_lease_object_put(struct kist_store *store, const char *pipeline, const struct kist_lease_object *object,
                          struct kist_error *err) KIST_CHECKED;
/* Removes one that no longer counts; 1 when it did. What cannot be removed does no harm. */
int kist_lease_object_drop(struct kist_store *store, const char *pipeline, int64_t number);

#endif
