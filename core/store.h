/* store.h - an opened destination under its prefix: what the rest of the core calls instead of a plugin's callbacks. */
#ifndef KIST_CORE_STORE_H
#define KIST_CORE_STORE_H

#include "config.h"
#include "instance.h"

struct kist_store {
    const struct kist_config_section *section;
    const struct kist_destination *plugin;
    struct kist_instance *instance;
};

/* `cancel` may be NULL: then nothing but the end of the work stops it (cleaning up after a signal, say). */
int kist_store_open(const struct kist_config_section *section, const char *pipeline, struct kist_cancel *cancel,
                    struct kist_store **ret_store, struct kist_error *err) KIST_CHECKED;
void kist_store_close(struct kist_store *store); /* NULL is fine */

const char *kist_store_name(const struct kist_store *store);
/* 1 for a store that keeps nothing. */
int kist_store_discards(const struct kist_store *store);

int kist_store_check(struct kist_store *store, struct kist_error *err) KIST_CHECKED;
int kist_store_sweep(struct kist_store *store, uint64_t *ret_count, struct kist_error *err) KIST_CHECKED;

/* Keys here are relative to the section's prefix. */
int kist_store_put_begin(struct kist_store *store, const char *key, int64_t size, const char *content_type,
                         void **ret_writer, struct kist_error *err) KIST_CHECKED;
int kist_store_put_write(struct kist_store *store, void *writer, const void *data, size_t size,
                         struct kist_error *err) KIST_CHECKED;
int kist_store_put_commit(struct kist_store *store, void *writer, uint64_t size,
                          struct kist_error *err) KIST_CHECKED;
void kist_store_put_abort(struct kist_store *store, void *writer);
int kist_store_put_bytes(struct kist_store *store, const char *key, const void *data, size_t size,
                         const char *content_type, struct kist_error *err) KIST_CHECKED;

int kist_store_get_begin(struct kist_store *store, const char *key, void **ret_reader,
                         struct kist_error *err) KIST_CHECKED;
int kist_store_get_read(struct kist_store *store, void *reader, void *data, size_t capacity, size_t *ret_size,
                        struct kist_error *err) KIST_CHECKED;
void kist_store_get_end(struct kist_store *store, void *reader);
/* The whole object with a closing zero, refused above `limit` bytes. New. */
int kist_store_get_bytes(struct kist_store *store, const char *key, size_t limit, char **ret_data,
                         size_t *ret_size, struct kist_error *err) KIST_CHECKED;

/* Objects below `folder`, keys relative to the prefix again. A store that gives foreign keys is an error. */
int kist_store_list(struct kist_store *store, const char *folder, kist_object_fn give, void *arg,
                    struct kist_error *err) KIST_CHECKED;
int kist_store_size(struct kist_store *store, const char *key, int64_t *ret_size,
                    struct kist_error *err) KIST_CHECKED;
int kist_store_remove(struct kist_store *store, const char *key, struct kist_error *err) KIST_CHECKED;

#endif
