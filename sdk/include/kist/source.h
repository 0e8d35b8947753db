/*
 * kist/source.h - gives a backup's items and takes them back.
 *
 * Backup: open, items, then for each item read_begin, read..., read_end, then facts, close.
 * Restore or check: open, restore_begin, then for each item write_begin, write..., write_commit or write_abort, then
 * restore_end, close.
 */
#ifndef KIST_SOURCE_H
#define KIST_SOURCE_H

#include <kist/abi.h>
#include <kist/option.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KIST_SOURCE_RESTORES UINT64_C(1) /* restore_begin with KIST_RESTORE_APPLY works */
#define KIST_SOURCE_CHECKS UINT64_C(2)   /* restore_begin with KIST_RESTORE_CHECK works */
/* Items are the objects of a living store, named by their keys, and come and go: one whose read says KIST_ERR_NOT_FOUND is
 * left out of the backup and told, and one whose read fails with a retryable error (it changed, say) is read again from
 * its beginning. Keys that cannot be kept are left out, and the run is degraded. */
#define KIST_SOURCE_OBJECTS UINT64_C(4)

/* One item. In a backup the plugin fills it (`struct_size` first) and hands it to a kist_item_fn; at restore the core
 * fills it from the manifest. Strings are borrowed. */
struct kist_item {
    uint32_t struct_size;
    uint32_t reserved;
    const char *name;   /* file name within the backup: "shop.dump". Unique in the backup */
    const char *format; /* the plugin's own word for what is inside ("custom"), kept in the manifest; or NULL */
    const char *content_type;  /* or NULL */
    const char *database;      /* what {database} stands for in `name =`; or NULL */
    int64_t size_estimate;     /* bytes, for progress only; -1 when unknown */
    const char *stock_restore; /* for RESTORE.txt: a shell command that takes the decoded item on stdin; or NULL */
    const char *version; /* changes when the content does; NULL: it has to be read to know. What has the version
                          * that it had in the last good backup may be kept from there, unread */
    const char *const *metadata; /* name, value, ..., NULL, as in struct kist_put; or NULL */
    const char *sha256;          /* at restore: of the bytes that follow, in lower-case hex; else NULL */
};

typedef int (*kist_item_fn)(void *arg, const struct kist_item *item);

/* Where a source tells facts for the manifest; the core makes it. Keys are [a-z0-9_]+; texts must be UTF-8. begin_object
 * and begin_list open a nested value (key NULL inside a list), end closes the innermost. Nothing returns an error:
 * the core remembers the first and fails the run. */
struct kist_facts {
    uint32_t struct_size;
    uint32_t reserved;
    void *core;
    void (*text)(const struct kist_facts *facts, const char *key, const char *value);
    void (*number)(const struct kist_facts *facts, const char *key, int64_t value);
    void (*begin_object)(const struct kist_facts *facts, const char *key);
    void (*begin_list)(const struct kist_facts *facts, const char *key);
    void (*end)(const struct kist_facts *facts);
};

#define KIST_RESTORE_APPLY UINT32_C(1) /* into a target */
#define KIST_RESTORE_CHECK UINT32_C(2) /* prove that the items can be read; touches no target */
#define KIST_RESTORE_LOOK                                                                                         \
    UINT32_C(3) /* refuse the target if _APPLY would, change nothing; restore_end follows at once */

#define KIST_RESTORE_CREATE UINT32_C(1) /* make the target if it is missing */
#define KIST_RESTORE_CLEAN UINT32_C(2)  /* replace what is there */

/* What to restore; the core fills it, borrowed during restore_begin. */
struct kist_restore {
    uint32_t struct_size;
    uint32_t mode;  /* KIST_RESTORE_APPLY, _CHECK or _LOOK */
    uint32_t flags; /* KIST_RESTORE_CREATE, _CLEAN */
    uint32_t reserved;
    const char *target; /* as given to --to, in the plugin's own terms; NULL: the configured source itself */
    /* What is going to be written, so that a target that would refuse one of them later does so now. */
    const struct kist_item *items;
    uint64_t item_count;
};

struct kist_source {
    struct kist_plugin_head head;
    struct kist_plugin_about about;
    uint64_t features; /* KIST_SOURCE_* */

    /* Required. Once per instance; cheap: no connection yet. `config` (kept) is what the options filled. */
    int (*open)(const struct kist_host *host, const void *config, void **ret_self, struct kist_error *err);
    /* Required. Once, last. Ends every child and connection. */
    void (*close)(void *self);

    /* Optional. In `doctor` and `run --dry-run`: everything that would fail in a run, and nothing changed. Facts may be
     * told for the reader. Default: nothing to say. */
    int (*check)(void *self, const struct kist_facts *facts, struct kist_error *err);

    /* Required. Looks at what is to be saved and gives its items, at least one; none is an error of the source.
     * A result other than 0 of `give` is returned at once. */
    int (*items)(void *self, kist_item_fn give, void *arg, struct kist_error *err);

    /* Required. Begins to read an item that items() gave (maybe to another instance of the same configuration: many items
     * are read by several instances at once). One reader at a time per instance. */
    int (*read_begin)(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err);
    /* Required. Gives 1 to `capacity` bytes (capacity >= 1), or 0: the end. The end is said only when it is sure that
     * the item is whole: a child's exit status 0, not the end of its pipe. */
    int (*read)(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err);
    /* Required. Ends the reader, at the end, before it, or after a failure: a child is gone when it returns. */
    void (*read_end)(void *reader);

    /* Optional. After all items were read: what a person or a check may want to know of the source as it was
     * (versions, sizes, row counts). */
    int (*facts)(void *self, const struct kist_facts *facts, struct kist_error *err);

    /* Optional, with KIST_SOURCE_RESTORES or _CHECKS. Looks at the target, refuses it (KIST_ERR_REFUSED) or prepares. A
     * refusal has changed nothing. One restore at a time per instance. */
    int (*restore_begin)(void *self, const struct kist_restore *restore, void **ret_restore,
                         struct kist_error *err);
    /* One item at a time. The bytes that follow have been proved to be those that were saved. */
    int (*write_begin)(void *restore, const struct kist_item *item, void **ret_writer, struct kist_error *err);
    /* Takes all `size` bytes or fails; then only write_abort follows. */
    int (*write)(void *writer, const void *data, size_t size, struct kist_error *err);
    /* Ends the item: 0 only if the target holds it whole. Ends the writer, also on failure. */
    int (*write_commit)(void *writer, struct kist_error *err);
    /* Ends the writer; the target is as it was before write_begin. */
    void (*write_abort)(void *writer);
    /* Ends the restore, after the last item or a failure. */
    void (*restore_end)(void *restore);

    /* Optional. Once, between read_begin and the first read: gives the item as it is now being read. Its content type,
     * metadata and version count in place of those that items() gave; all else is ignored. Default: as items() gave. */
    int (*read_about)(void *reader, kist_item_fn give, void *arg, struct kist_error *err);
};

#if !defined(__cplusplus)
/* Defines the plugin: KIST_SOURCE(.about = {.name = "pg_dump", ...}, .open = ..., ...); */
#define KIST_SOURCE(...)                                                                                          \
    extern const struct kist_source kist_plugin;                                                                  \
    KIST_PUBLIC const struct kist_source kist_plugin = {.head = {KIST_ABI_MAGIC, KIST_ABI_VERSION,                \
                                                                 KIST_KIND_SOURCE, sizeof(struct kist_source),    \
                                                                 sizeof(struct kist_option), 0},                  \
                                                        __VA_ARGS__}
#endif

#ifdef __cplusplus
}
#endif
#endif
