/* mirror.h - shared by the files of the source "mirror": every object of a store is an item. */
#ifndef MIRROR_H
#define MIRROR_H

#include <kist/plugin.h>

struct mirror_config {
    kist_store_ref from;
    const char *prefix;
    kist_list include, exclude;
    kist_switch allow_empty;
};

struct mirror {
    const struct kist_host *host;
    const struct mirror_config *config;
    const struct kist_destination *calls; /* of the store; NULL until it is opened */
    void *store;
    char *folder; /* of `prefix`, with '/' at its end; or "" */
    /* For the facts: what the listing gave. */
    int64_t objects, bytes, skipped, folders;
};

/* Opens the store if that is yet to be done. */
int mirror_open_store(struct mirror *mirror, struct kist_error *err) KIST_CHECKED;

/* mirror_object.c: an object as a store described it, copied. */
struct mirror_object {
    int64_t size, modified_ms;
    char *etag, *content_type, *checksum; /* or NULL */
    char **metadata;                      /* name, value, ..., NULL; or NULL */
};

/* A kist_object_fn; `arg` is an empty struct mirror_object. */
int mirror_object_note(void *arg, const struct kist_object *object);
void mirror_object_done(struct mirror_object *object);
/* "etag:size:seconds": another one when the content is. New; "" where the store tells nothing to go by, NULL without
 * memory. */
char *mirror_version(const char *etag, int64_t size, int64_t modified_ms);
/* 1 when both carry the same content type and metadata. */
int mirror_same_dress(const char *content_type, const char *const *metadata, const struct mirror_object *object);

/* mirror_digest.c: compares bytes with a checksum of the form "sha256:HEX" or "md5:HEX" while they pass. */
struct mirror_digest;

/* `checksum` may be NULL, or of a kind that is not known: then there is nothing to compare, and *ret_digest is NULL. */
int mirror_digest_new(const struct kist_host *host, const char *checksum, struct mirror_digest **ret_digest,
                      struct kist_error *err) KIST_CHECKED;
void mirror_digest_free(struct mirror_digest *digest);
int mirror_digest_update(struct mirror_digest *digest, const void *data, size_t size); /* 0 on failure */
int mirror_digest_fits(struct mirror_digest *digest); /* 1 when all was as the checksum says; once, at the end */

/* mirror_list.c */
int mirror_items(void *self, kist_item_fn give, void *arg, struct kist_error *err);
int mirror_check(void *self, const struct kist_facts *facts, struct kist_error *err);
int mirror_facts(void *self, const struct kist_facts *facts, struct kist_error *err);

/* mirror_read.c */
int mirror_read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err);
int mirror_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err);
void mirror_read_end(void *reader);
int mirror_read_about(void *reader, kist_item_fn give, void *arg, struct kist_error *err);

/* Where objects are written back to. */
struct mirror_target {
    struct mirror *mirror;
    const struct kist_destination *calls;
    void *store;
    int own;   /* the store is closed with the restore */
    int clean; /* objects that are there may be replaced */
};

/* mirror_restore.c */
int mirror_restore_begin(void *self, const struct kist_restore *restore, void **ret_restore,
                         struct kist_error *err);
void mirror_restore_end(void *restore);
int mirror_refuse(const struct mirror_target *target, const char *key, uint64_t more, struct kist_error *err);

/* mirror_replace.c */
int mirror_write_begin(void *restore, const struct kist_item *item, void **ret_writer, struct kist_error *err);
int mirror_write(void *writer, const void *data, size_t size, struct kist_error *err);
int mirror_write_commit(void *writer, struct kist_error *err);
void mirror_write_abort(void *writer);

#endif
