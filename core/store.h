/*
 * store.h - an opened destination under its prefix: what the rest of the core calls instead of a plugin's callbacks.
 *
 * A call that fails in a way that may pass is made again, as the section's `retries`, `retry_delay` and `deadline` say; a
 * read that breaks goes on where it stopped. Keys are relative to the section's prefix, in and out.
 */
#ifndef KIST_CORE_STORE_H
#define KIST_CORE_STORE_H

#include "config.h"
#include "instance.h"
#include "retry.h"

struct kist_store {
    const struct kist_config_section *section;
    const struct kist_destination *plugin;
    struct kist_instance *instance; /* NULL until connected */
    struct kist_cancel *cancel;     /* of this store alone, below that of its caller */
    struct kist_retry_policy policy;
    const char *pipeline;
    char *where;                /* "shop-daily/disk(local)", for log and errors */
    _Atomic int64_t busy_since; /* monotonic ms: the plugin's last sign of life in a call; 0 between calls */
    _Atomic int64_t given_up;   /* ms of silence after which it was given up; 0: it was not */
};

/* `cancel` may be NULL: then nothing but the end of the work stops it (cleaning up after a signal, say). */
int kist_store_open(const struct kist_config_section *section, const char *pipeline, struct kist_cancel *cancel,
                    struct kist_store **ret_store, struct kist_error *err) KIST_CHECKED;
void kist_store_close(struct kist_store *store); /* NULL is fine */

/* The same in two steps, so that another thread can watch the second, which may take long. Only close follows a failure of
 * kist_store_connect. */
int kist_store_new(const struct kist_config_section *section, const char *pipeline, struct kist_cancel *cancel,
                   struct kist_store **ret_store, struct kist_error *err) KIST_CHECKED;
int kist_store_connect(struct kist_store *store, struct kist_error *err) KIST_CHECKED;

/* For a thread that watches another one's work. How long the call that is under way has shown no sign of life, tries and
 * waits included; 0 between calls. */
int64_t kist_store_silent_ms(const struct kist_store *store);
/* 1 when it has been silent for longer than its section's `deadline`. */
int kist_store_is_overdue(const struct kist_store *store);
/* Ends what is under way, and all that would follow, with KIST_ERR_TIMEOUT. */
void kist_store_give_up(struct kist_store *store);
/* Makes `err`, whatever it says, say so where the store was given up. */
void kist_store_explain(const struct kist_store *store, struct kist_error *err);

const char *kist_store_name(const struct kist_store *store);
/* 1 for a store that keeps nothing. */
int kist_store_discards(const struct kist_store *store);

int kist_store_check(struct kist_store *store, struct kist_error *err) KIST_CHECKED;
int kist_store_sweep(struct kist_store *store, uint64_t *ret_count, struct kist_error *err) KIST_CHECKED;
/* Removes unfinished uploads of keys below `folder`, all of which belongs to the caller. KIST_ERR_UNSUPPORTED where the
 * store keeps none, or cannot tell. */
int kist_store_sweep_below(struct kist_store *store, const char *folder, uint64_t *ret_count,
                           struct kist_error *err) KIST_CHECKED;

int kist_store_put_begin(struct kist_store *store, const struct kist_put *put, void **ret_writer,
                         struct kist_error *err) KIST_CHECKED;
int kist_store_put_write(struct kist_store *store, void *writer, const void *data, size_t size,
                         struct kist_error *err) KIST_CHECKED;
int kist_store_put_commit(struct kist_store *store, void *writer, uint64_t size,
                          struct kist_error *err) KIST_CHECKED;
void kist_store_put_abort(struct kist_store *store, void *writer);
/* A whole object. One that is there already is no error when it was this very call that wrote it (a lost reply). */
int kist_store_put_bytes(struct kist_store *store, const char *key, const void *data, size_t size,
                         const char *content_type, struct kist_error *err) KIST_CHECKED;
/* The same with all that an object may carry; `put` need not say the size. */
int kist_store_put_object(struct kist_store *store, const struct kist_put *put, const void *data, size_t size,
                          struct kist_error *err) KIST_CHECKED;
/* Copies within the store; KIST_ERR_UNSUPPORTED where it cannot. `etag` may be NULL. */
int kist_store_copy(struct kist_store *store, const char *from, const char *etag, const struct kist_put *put,
                    struct kist_error *err) KIST_CHECKED;

/* What reads one object. */
struct kist_reader;

int kist_store_get_begin(struct kist_store *store, const char *key, uint64_t offset,
                         struct kist_reader **ret_reader, struct kist_error *err) KIST_CHECKED;
/* An object that is another one when a broken read goes on is KIST_ERR_CORRUPT, retryable: read it from its beginning. */
int kist_store_get_read(struct kist_reader *reader, void *data, size_t capacity, size_t *ret_size,
                        struct kist_error *err) KIST_CHECKED;
void kist_store_get_end(struct kist_reader *reader); /* NULL is fine */
/* The object that is being read, as the store describes it. */
int kist_store_get_about(struct kist_reader *reader, kist_object_fn give, void *arg,
                         struct kist_error *err) KIST_CHECKED;
/* The whole object with a closing zero, refused above `limit` bytes. New. */
int kist_store_get_bytes(struct kist_store *store, const char *key, size_t limit, char **ret_data,
                         size_t *ret_size, struct kist_error *err) KIST_CHECKED;

/* Objects below `folder` ("" for all), each once. A store that gives foreign keys is an error. */
int kist_store_list(struct kist_store *store, const char *folder, kist_object_fn give, void *arg,
                    struct kist_error *err) KIST_CHECKED;
int kist_store_stat(struct kist_store *store, const char *key, kist_object_fn give, void *arg,
                    struct kist_error *err) KIST_CHECKED;
int kist_store_size(struct kist_store *store, const char *key, int64_t *ret_size,
                    struct kist_error *err) KIST_CHECKED;
int kist_store_remove(struct kist_store *store, const char *key, struct kist_error *err) KIST_CHECKED;
/* Removes all of `keys`. Those that could not be removed are told one by one, and do not fail the call. */
int kist_store_remove_many(struct kist_store *store, const char *const *keys, size_t count, kist_unremoved_fn tell,
                           void *arg, struct kist_error *err) KIST_CHECKED;

#endif
