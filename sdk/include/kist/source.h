/*
 * kist/source.h - gives a backup's items and takes them back.
 *
 * Backup: open, items, then for each item read_begin, read..., read_end, then facts, close.
 * Restore or check: open, restore_begin, then for each item write_begin, write..., write_commit or write_abort, then
 * restore_end, close.
 *
 * An item may be a reference: a snapshot that a provider holds, of which no byte is read. In place of its reading there is
 * one reference_make, in place of its writing one reference_restore.
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
/* Targets are databases or the like: a restore can be made beside a living one, be compared by its counts and then take
 * its place. restore_begin heeds all flags of struct kist_restore, and restore_place and swap are there. */
#define KIST_SOURCE_SWAPS UINT64_C(8)
#define KIST_SOURCE_DRILLS UINT64_C(16) /* scratch_begin and scratch_end are there, and restored_counts */
#define KIST_SOURCE_REFERENCES UINT64_C(32) /* items may be references; the callbacks that begin with reference_ are there */
/* A restore can be made beside what lives, or in its place: restore_begin heeds KIST_RESTORE_BESIDE and _CLEAN, and
 * restore_place is there. Nothing is swapped. */
#define KIST_SOURCE_REPLACES UINT64_C(64)
/* The provider keeps a history of its own: restore_begin takes `at`, and then restores that moment in place of a backup. */
#define KIST_SOURCE_HISTORY UINT64_C(128)

/* What a provider holds of a backup. A source fills it once the provider has confirmed that it is whole; the core keeps it in
 * the manifest and hands it back. Strings are borrowed, and hold no secret: everybody may read a manifest. */
struct kist_reference {
    uint32_t struct_size;
    uint32_t reserved;
    const char *provider; /* who holds it, a word for people and programs: "neon", "rds". Required */
    const char *kind;     /* what it is there: "branch", "snapshot", "cluster snapshot". Required */
    const char *id;       /* what the provider calls it. Required */
    const char *name;     /* that the source gave it, by which it knows it for its own later. Required */
    const char *account;  /* in which it lies: a project, an account number; or NULL */
    const char *region;   /* or NULL */
    const char *state;    /* the provider's word when it was confirmed: "ready", "available". Required */
    int64_t time_ms;      /* the moment whose data it holds, since 1970 */
    int64_t size;         /* bytes of that data as the provider tells; -1 when it does not, or another one told */
    /* From then on it may be gone although its backup is there: the provider lets it expire, or retention lets it go before
     * the backup (a copy that is kept for a shorter time). Since 1970; 0: it stays as long as its backup. */
    int64_t until_ms;
    const char *stock_restore; /* a shell command that restores it without kist; or NULL */
};

typedef int (*kist_reference_fn)(void *arg, const struct kist_reference *reference);

#define KIST_ITEM_REFERENCE UINT32_C(1) /* no bytes are read: reference_make makes it */

/* One item. In a backup the plugin fills it (`struct_size` first) and hands it to a kist_item_fn; at restore the core
 * fills it from the manifest. Strings are borrowed. */
struct kist_item {
    uint32_t struct_size;
    uint32_t flags;     /* KIST_ITEM_* */
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
    const struct kist_reference *reference; /* at restore, of an item that is one; else NULL */
};

/* A backup that a source makes, or made. The core fills it; borrowed. */
struct kist_backup {
    uint32_t struct_size;
    uint32_t reserved;
    const char *pipeline; /* its name: [A-Za-z0-9._-]+ */
    const char *id;       /* "2026-11-21T02-00-00Z" */
    const char *owner;    /* the same for all runs that never run at the same time: machine and lock file */
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

/* A number that tells whether a restore holds what the original held. Strings are borrowed. */
struct kist_count {
    uint32_t struct_size;
    uint32_t flags; /* KIST_COUNT_* */
    const char *
        kind; /* what is counted, [a-z_]+: "table" (rows), "sequence" (last value), "large_objects", "extension" */
    const char *name; /* unique within its kind, as a person would write it: "public.orders" */
    int64_t number;   /* -1: not counted, and `note` says why */
    const char *hash; /* of the content, the same in whatever order it comes; or NULL */
    const char *note; /* or NULL */
};

#define KIST_COUNT_AT_LEAST                                                                                       \
    UINT32_C(1) /* it may have grown between counting and reading: a restore may hold more */
#define KIST_COUNT_ESTIMATE UINT32_C(2) /* for the reader only; nothing is compared */
#define KIST_COUNT_PRESENT UINT32_C(4)  /* only that it is there is compared */
#define KIST_COUNT_SKIPPED                                                                                        \
    UINT32_C(8) /* of a restore: this target cannot hold it, `note` says why; not compared */

typedef int (*kist_count_fn)(void *arg, const struct kist_count *count);

#define KIST_RESTORE_APPLY UINT32_C(1) /* into a target */
#define KIST_RESTORE_CHECK UINT32_C(2) /* prove that the items can be read; touches no target */
#define KIST_RESTORE_LOOK                                                                                         \
    UINT32_C(3) /* refuse the target if _APPLY would, change nothing; restore_end follows at once */

#define KIST_RESTORE_CREATE UINT32_C(1) /* make the target if it is missing */
#define KIST_RESTORE_CLEAN UINT32_C(2)  /* replace what is there: all of it, at once, or nothing */
/* Where the target holds something, leave it as it is and restore into a new place beside it, which the source names. */
#define KIST_RESTORE_BESIDE UINT32_C(4)
#define KIST_RESTORE_DRILL                                                                                        \
    UINT32_C(8) /* the target is scratch: what it cannot hold is left out and given as skipped */
#define KIST_RESTORE_NO_OWNER UINT32_C(16)    /* everything belongs to the role that restores */
#define KIST_RESTORE_SCHEMA_ONLY UINT32_C(32) /* definitions without data */
#define KIST_RESTORE_DATA_ONLY UINT32_C(64)   /* data without definitions, into a target that has these */
#define KIST_RESTORE_OLD_CLIENT UINT32_C(128) /* go on with a client program that has known holes */
/* The items are no backup: they come from anywhere, and nobody vouches for them. One whose restore would hand it to a
 * program that does whatever it says (a script for psql, say) is KIST_ERR_REFUSED; also with _CHECK, at the first write that
 * shows it. */
#define KIST_RESTORE_FOREIGN UINT32_C(256)
/* `target` was given as the name of a new branch (--to-branch): a source without branches refuses it. */
#define KIST_RESTORE_BRANCH UINT32_C(512)

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
    /* Parts of the items in the source's own terms, each ending with NULL; NULL: everything. */
    const char *const *tables, *const *schemas;
    const char *role; /* to become before anything is made there; or NULL */
    int64_t jobs;     /* how much at a time; 0 and 1: one after the other */
    const char
        *work_dir; /* an empty private directory for what has to lie on a disk meanwhile (jobs > 1); or NULL */
    /* With KIST_SOURCE_HISTORY: restore this moment from the provider's own history, and no items: a time as in RFC 3339
     * with its zone, checked by the core ("2026-11-21T02:00:00Z"), or "latest". NULL: the items. */
    const char *at;
    int64_t at_ms; /* the same since 1970; 0 for "latest" */
};

/* Where a restore writes to. The plugin fills it and hands it to a kist_place_fn; strings are borrowed. */
struct kist_place {
    uint32_t struct_size;
    uint32_t flags;     /* KIST_PLACE_* */
    const char *name;   /* of the target as asked for, what --confirm repeats: "shop" */
    const char *server; /* "db.example.org port 5432" */
    const char *
        fresh; /* the new name where it is restored beside the target ("shop_restore_20261121_020000"), else NULL */
    const char *
        holds; /* what the target holds, for a person: "14 tables, about 1,200,000 rows, 3.4 GiB"; NULL: nothing */
    const char *look; /* a shell command that looks at what was restored; or NULL. Never holds a password */
    const char *kept; /* with KIST_PLACE_PRESERVES: what the target is called afterwards, as it was ("main_before_..."); or NULL */
    const char *kind; /* what the target is: "branch", "instance"; NULL: "database" */
};

#define KIST_PLACE_MISSING UINT32_C(1) /* the target does not exist (yet) */
#define KIST_PLACE_SOURCE UINT32_C(2)  /* the target is what the section backs up */
/* What the target holds is kept by the provider as `kept`, so that no safety backup is needed to replace it. */
#define KIST_PLACE_PRESERVES UINT32_C(4)

typedef int (*kist_place_fn)(void *arg, const struct kist_place *place);

/* Borrowed during the call. */
struct kist_swap {
    uint32_t struct_size;
    uint32_t flags;     /* KIST_SWAP_* */
    const char *target; /* as in struct kist_restore */
    const char *fresh;  /* that takes its place, as kist_place named it; NULL with KIST_SWAP_UNDO */
};

#define KIST_SWAP_UNDO UINT32_C(1) /* bring back what the newest swap put aside */
#define KIST_SWAP_LOOK UINT32_C(2) /* only tell what would be done; refuse what would be refused */

/* What a swap did, or would do. Strings are borrowed. */
struct kist_swapped {
    uint32_t struct_size;
    uint32_t reserved;
    const char *name;       /* that is live now: "shop" */
    const char *from;       /* what it was called before */
    const char *kept;       /* what the one that was live is called now: "shop_before_20261121_020000" */
    int64_t interrupted_ms; /* how long nobody could connect; 0 for a look */
    int64_t ended_sessions;
};

typedef int (*kist_swapped_fn)(void *arg, const struct kist_swapped *swapped);

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
    /* Ends the restore, after the last item or a failure. A place that was made for it stays only if every item that was
     * begun was committed, restored_counts, if called, returned 0, and restore_reject was not called. */
    void (*restore_end)(void *restore);

    /* Optional. Once, between read_begin and the first read: gives the item as it is now being read. Its content type,
     * metadata and version count in place of those that items() gave; all else is ignored. Default: as items() gave. */
    int (*read_about)(void *reader, kist_item_fn give, void *arg, struct kist_error *err);

    /* Optional. Once, after all items were read, before facts: the counts of the very state that was read. May wait until
     * they are made. What was left out on purpose is given with its reason. A failure fails the run. Default: none. */
    int (*counts)(void *self, kist_count_fn give, void *arg, struct kist_error *err);
    /* Optional. After the last write_commit of an _APPLY, before restore_end: counts the same things again in the target.
     * `wanted` (borrowed) is what counts gave at the backup; what is not there now is not given. What is there but is not
     * sound (an index that is not valid, say) is KIST_ERR_CORRUPT. Default: none, and nothing is compared. */
    int (*restored_counts)(void *restore, const struct kist_count *wanted, uint64_t count, kist_count_fn give,
                           void *arg, struct kist_error *err);
    /* Optional, with KIST_SOURCE_SWAPS. Between restore_begin (_LOOK or _APPLY) and restore_end: gives the place, once. */
    int (*restore_place)(void *restore, kist_place_fn give, void *arg, struct kist_error *err);
    /* Optional, with KIST_SOURCE_SWAPS. Puts a place that was restored beside a target into the target's name, and the target
     * aside under a name of its own, both or neither, whenever this process dies. Gives what it did, once. */
    int (*swap)(void *self, const struct kist_swap *swap, kist_swapped_fn give, void *arg, struct kist_error *err);
    /* Optional, with KIST_SOURCE_SWAPS. Once, after open: from now on the instance reads `target` (as in struct
     * kist_restore; NULL: what is configured) instead of what its configuration names. */
    int (*aim)(void *self, const char *target, struct kist_error *err);
    /* Optional, with KIST_SOURCE_DRILLS. Makes a scratch place of its own and gives the text (kept until scratch_end) that
     * names it as a target. `work_dir` (kept) is an empty private directory. Refuses (KIST_ERR_REFUSED) whatever could be
     * the source itself. */
    int (*scratch_begin)(void *self, const char *work_dir, void **ret_scratch, const char **ret_target,
                         struct kist_error *err);
    /* Drops all that scratch_begin made and nothing else. Says in the log what it had to leave. */
    void (*scratch_end)(void *scratch);
    /* Optional. After restored_counts, also when that failed, and right before restore_end: what was restored is not what
     * was saved, so that a place that was made for it must go in restore_end, as if the restore had failed. Default:
     * nothing is done. */
    void (*restore_reject)(void *restore);

    /* Optional. What an instance of this configuration can do, of `features` and no more: where that depends on an option.
     * May be asked at any time, also where no instance is open, and always answers the same. Default: `features`. */
    uint64_t (*features_of)(const void *config);
    /* Optional. In a run only, once, after open and aim, before items: what is going to be made (borrowed until close). Nothing
     * is written yet. Default: nothing is done. */
    int (*backup_begin)(void *self, const struct kist_backup *backup, struct kist_error *err);
    /* Optional, with KIST_SOURCE_REFERENCES. Removes at the provider whatever this source has made for a backup that does not
     * exist and never will: of a run of `owner` that failed, or was killed. Nothing being there is success. Works after the
     * host was cancelled, too, and then takes no longer than half a minute. */
    int (*backup_sweep)(void *self, const struct kist_backup *backup, struct kist_error *err);

    /* With KIST_SOURCE_REFERENCES. In a run, once for each item with KIST_ITEM_REFERENCE, in the order of items(), all on the
     * instance that gave them: makes it, waits until the provider confirms that it is whole, and gives it, once. What is made
     * carries the names of `backup` (as backup_begin had it) so that it can be told from all others. Waits and tries again
     * by itself, with an end to it; a reply that was lost never makes a second one. KIST_ERR_EXISTS: one of that name is there
     * which this run did not make, and nothing was made; it is left alone. */
    int (*reference_make)(void *self, const struct kist_item *item, kist_reference_fn give, void *arg,
                          struct kist_error *err);
    /* With KIST_SOURCE_REFERENCES. Looks whether it is there and whole, and gives it as it is now (once). Changes nothing.
     * KIST_ERR_NOT_FOUND: it is gone. KIST_ERR_CORRUPT: it is there, and of no use (failed), or not what it should be. */
    int (*reference_look)(void *self, const struct kist_reference *reference, const struct kist_backup *backup,
                          kist_reference_fn give, void *arg, struct kist_error *err);
    /* With KIST_SOURCE_REFERENCES. Deletes it at the provider, for good: its backup is no more. Only what carries the name or
     * tag that the source gave it for this very backup; anything else is KIST_ERR_REFUSED and stays. That it is gone already
     * is success. Returns when the provider has confirmed that it is gone or on its way. */
    int (*reference_discard)(void *self, const struct kist_reference *reference, const struct kist_backup *backup,
                             struct kist_error *err);
    /* With KIST_SOURCE_REFERENCES or _HISTORY. Between restore_begin (_APPLY) and restore_end: restores one reference (`item`
     * as the manifest has it), or the moment `at` (`item` NULL), and waits until it can be used. Never deletes or replaces
     * what lives, but for KIST_RESTORE_CLEAN. restore_place is asked before it, and again after it. */
    int (*reference_restore)(void *restore, const struct kist_item *item, struct kist_error *err);
    /* Optional. Only in `doctor`: gives names by which somebody else's section may mean the same database: "host:NAME" of each
     * address it is reached at (no port, lower case), "neon:PROJECT/BRANCH". May ask the provider. Default: none. */
    int (*known_as)(void *self, int (*give)(void *arg, const char *name), void *arg, struct kist_error *err);
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
