/* lying_private.h - what the files of the lying store share. */
#ifndef KIST_TEST_LYING_PRIVATE_H
#define KIST_TEST_LYING_PRIVATE_H

#include "lying_store.h"

#include <pthread.h>

#define PART ((size_t)5 << 20)

struct item {
    struct item *next;
    char *key, *type;
    char *metadata[9];
    unsigned char *data;
    size_t size, room;
    unsigned version;
    int removed, swept, shown; /* shown: before its commit */
    const struct kist_host *host;
};

struct lying_world {
    pthread_mutex_t lock;
    struct item *items, *writers;
    enum lie lie;
    unsigned versions;
    char sum[80];
};

extern struct lying_world lying_world;

int lying_lies(enum lie lie);
/* The item under the key, unless it was removed. */
struct item *lying_find(const char *key);
int lying_fails(const struct kist_host *host, struct kist_error *err, int code);
int lying_is_cancelled(const struct kist_host *host);
/* Fails because it is cancelled. */
int lying_stops(const struct kist_host *host, struct kist_error *err);

/* lying_read.c: callbacks of the descriptor. */
int lying_get_begin(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err);
int lying_get_read(void *arg, void *data, size_t capacity, size_t *ret_size, struct kist_error *err);
void lying_get_end(void *reader);
int lying_get_about(void *arg, kist_object_fn give, void *give_arg, struct kist_error *err);
int lying_list(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err);
int lying_stat(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err);

#endif
