/*
 * kist/destination.h - a store of objects under keys.
 *
 * Keys are relative, UTF-8, separated by '/', without empty, "." or ".." components; the core has already put the
 * section's prefix in front and checked them, and a destination that maps keys to something with a meaning of its
 * own (a file system, say) checks again.
 */
#ifndef KIST_DESTINATION_H
#define KIST_DESTINATION_H

#include <kist/abi.h>
#include <kist/option.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a destination can do besides the required calls; callers ask for the feature, never for a plugin's name. */
#define KIST_DESTINATION_REREAD UINT64_C(1) /* reading an object twice costs next to nothing: no staging needed */
#define KIST_DESTINATION_DISCARDS UINT64_C(2) /* keeps nothing (null): backups on it are never listed */
/* A put_write or put_commit that fails with a retryable error has changed nothing and left the writer as it was: the same
 * call may be made again, or put_abort. */
#define KIST_DESTINATION_RESUMES UINT64_C(4)

/* A new object. The core fills it; borrowed during put_begin. */
struct kist_put {
    uint32_t struct_size;
    uint32_t reserved;
    const char *key;
    int64_t size;             /* exact size when known, else -1 */
    const char *content_type; /* or NULL */
    /* name, value, name, value, ..., NULL: what the object carries besides its bytes, as UTF-8 with names of [a-z0-9-];
     * or NULL. A store that has no place for it drops it. */
    const char *const *metadata;
    /* Where size is -1: about how large it may become, for choosing the size of parts; or -1. */
    int64_t size_estimate;
};

/* A stored object. The plugin fills it (`struct_size` first) and hands it to a kist_object_fn; strings are borrowed. */
struct kist_object {
    uint32_t struct_size;
    uint32_t reserved;
    const char *key;
    int64_t size;
    int64_t modified_ms; /* since 1970 UTC; 0 when the store does not tell */
    const char *etag;    /* changes when the content does; NULL when the store has none */
    /* These are NULL when the store does not tell them, or not in a listing. */
    const char *content_type;
    const char *const *metadata; /* as in struct kist_put */
    const char *checksum;        /* of the whole content: "sha256:HEX" or "md5:HEX" */
};

/* Receives one object. A result other than 0 ends the listing, which then returns it. */
typedef int (*kist_object_fn)(void *arg, const struct kist_object *object);

/* Told of a key that could not be removed, and why (borrowed). */
typedef void (*kist_unremoved_fn)(void *arg, const char *key, const struct kist_error *err);

struct kist_destination {
    struct kist_plugin_head head;
    struct kist_plugin_about about;
    uint64_t features; /* KIST_DESTINATION_* */

    /* Required. Once per instance, before anything else: check the configuration, connect if that is cheap.
     * `config` (kept) is the struct that the options filled. */
    int (*open)(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err);
    /* Required. Once, after the last writer and reader are gone. Cannot fail. */
    void (*close)(void *self);

    /* Optional. Once per run and in `doctor`: can objects be written here (exists, mounted, writable, not public)?
     * Must not leave anything behind. Default: yes. */
    int (*check)(void *self, struct kist_error *err);

    /* Required. Begins an object. Nothing is visible under the key before commit. An existing key may be refused
     * here or at commit, with KIST_ERR_EXISTS, and is never overwritten. One writer at a time per instance. */
    int (*put_begin)(void *self, const struct kist_put *put, void **ret_writer, struct kist_error *err);
    /* Required. Takes all `size` bytes (> 0; at most 4 MiB a call) or fails; after a failure only put_abort follows (but
     * see KIST_DESTINATION_RESUMES). */
    int (*put_write)(void *writer, const void *data, size_t size, struct kist_error *err);
    /* Required. Makes the object visible, durable and confirmed: the store has said that it holds `size` bytes. Ends the
     * writer, also on failure (then nothing is visible, or the error says what may be; but see KIST_DESTINATION_RESUMES). */
    int (*put_commit)(void *writer, uint64_t size, struct kist_error *err);
    /* Required. Ends the writer and removes what was written. Cannot fail; says in the log what it had to leave. */
    void (*put_abort)(void *writer);

    /* Required. Begins to read `key` from `offset`. KIST_ERR_NOT_FOUND if there is none. The object's size is a valid
     * offset (the end comes at once); one behind it is KIST_ERR_CORRUPT, here or at the first read. One reader at a time. */
    int (*get_begin)(void *self, const char *key, uint64_t offset, void **ret_reader, struct kist_error *err);
    /* Required. Reads up to `capacity` bytes; 0 in `ret_size` is the end and means that the object was whole. */
    int (*get_read)(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err);
    /* Required. Ends the reader, at its end or before. */
    void (*get_end)(void *reader);

    /* Required. Gives every object whose key starts with `prefix` (a folder ending in '/', or "" for all), once, in
     * any order, all pages. Complete or an error: an empty store gives none and returns 0. */
    int (*list)(void *self, const char *prefix, kist_object_fn give, void *arg, struct kist_error *err);
    /* Required. Gives the one object `key`, or KIST_ERR_NOT_FOUND. */
    int (*stat)(void *self, const char *key, kist_object_fn give, void *arg, struct kist_error *err);
    /* Required. Removes `key`; one that is missing is a success. Gone means gone also after a power loss. */
    int (*remove)(void *self, const char *key, struct kist_error *err);

    /* Optional. Once at the start of a run, lock held: removes what killed runs left behind that was never visible
     * (temporary files, unfinished uploads), ours and provably dead ones only. `ret_count` says how many. */
    int (*sweep)(void *self, uint64_t *ret_count, struct kist_error *err);

    /* Optional. Between get_begin and get_end, before or after reading: gives the object that is being read, as the store
     * describes it; its etag is that of the very bytes that get_read gives. Default: what stat says. The core goes on with
     * a read that broke only where the etag told here, before and after, is the same. */
    int (*get_about)(void *reader, kist_object_fn give, void *arg, struct kist_error *err);
    /* Optional. Removes many keys, as remove does each. Those that could not be removed are told one by one; the result
     * is 0 as long as the store was asked for all of them. Default: one remove after the other. */
    int (*remove_many)(void *self, const char *const *keys, uint64_t count, kist_unremoved_fn tell, void *arg,
                       struct kist_error *err);
    /* Optional. Copies the object `from` to put->key within the store, without its bytes passing through here; all that
     * holds for put_commit holds for the copy. `etag` (may be NULL): only if `from` still has it, else KIST_ERR_CORRUPT.
     * Default: KIST_ERR_UNSUPPORTED. */
    int (*copy)(void *self, const char *from, const char *etag, const struct kist_put *put,
                struct kist_error *err);
    /* Optional. Removes unfinished uploads of keys below `prefix` (a folder ending in '/'); the caller holds the lock of all
     * that is below it, so that none of them is alive. `ret_count` says how many. Default: KIST_ERR_UNSUPPORTED. */
    int (*sweep_below)(void *self, const char *prefix, uint64_t *ret_count, struct kist_error *err);
};

#if !defined(__cplusplus)
/* Defines the plugin: KIST_DESTINATION(.about = {.name = "local", ...}, .open = ..., ...); */
#define KIST_DESTINATION(...)                                                                                     \
    extern const struct kist_destination kist_plugin;                                                             \
    KIST_PUBLIC const struct kist_destination kist_plugin = {                                                     \
        .head = {KIST_ABI_MAGIC, KIST_ABI_VERSION, KIST_KIND_DESTINATION, sizeof(struct kist_destination),        \
                 sizeof(struct kist_option), 0},                                                                  \
        __VA_ARGS__}
#endif

#ifdef __cplusplus
}
#endif
#endif
