/* restore.h - gives a backup back: to the source it came from, to another target, or as files. */
#ifndef KIST_CORE_RESTORE_H
#define KIST_CORE_RESTORE_H

#include "listing.h"
#include "pull.h"

/* Where a restore goes, as the source told; empty (name NULL) where it tells nothing. All of it is new. */
struct kist_restore_place {
    char *name, *server, *fresh, *holds, *look, *kept, *kind; /* as in struct kist_place */
    uint32_t flags;                                           /* KIST_PLACE_* */
};

/* Where the bytes of the items come from when that is no backup on a destination. */
struct kist_restore_bytes {
    /* After the target was looked at: proves all bytes of the items, and may fill in their digests. */
    int (*prove)(void *arg, struct kist_error *err);
    /* Opens an item, decoded. */
    int (*open)(void *arg, const struct kist_manifest_item *item, struct kist_pull **ret_pull,
                struct kist_error *err);
    void *arg;
};

struct kist_restore_options {
    const char *target;     /* of --to, expanded; NULL: the source itself */
    const char *output_dir; /* of --output; NULL: into the source or target */
    uint32_t flags;         /* KIST_RESTORE_* of kist/source.h */
    const char *role;       /* as in struct kist_restore, like these: */
    const char *const *tables, *const *schemas;
    int64_t jobs;
    const char *work_dir; /* private, for what has to lie on a disk meanwhile; may be NULL when jobs is 0 */
    /* Patterns, see selection.h; without any, all items are restored. */
    const char *const *include;
    size_t include_count;
    const char *at; /* a moment of the provider's history in place of items, as in struct kist_restore; or NULL */
    int64_t at_ms;
    /* Both may be NULL; a result other than 0 stops the restore, with nothing changed. `planned` is called when the target
     * was looked at and nothing was read yet, `ready` when all is proved, right before the first change. */
    int (*planned)(void *arg, const struct kist_restore_place *place, struct kist_error *err);
    int (*ready)(void *arg, const struct kist_restore_place *place, struct kist_error *err);
    void *arg;
    int dry_run;                            /* ends after `planned` */
    const struct kist_restore_bytes *bytes; /* NULL: of the backup that was found */
    int quiet;
    struct kist_cancel *cancel;
};

/* What was restored. */
struct kist_restored {
    size_t items;
    uint64_t raw_size;
    struct kist_comparison counts; /* with those of the backup; empty where nothing was counted */
    struct kist_restore_place place;
};

void kist_restored_done(struct kist_restored *restored);

/* Asks the target, proves every stored byte of the items that are meant (and decodes what is encrypted), and only then
 * restores them; then compares the counts. KIST_ERR_CORRUPT when these differ: nothing of the restore is left then, where
 * the source can restore beside or at once. `ret_restored` is filled as far as it got, also on failure, and is to be given
 * to kist_restored_done in any case. With `bytes`, `found` needs a manifest only; with `at`, one without items.
 * What a provider holds is asked for in place of being read (KIST_ERR_CORRUPT when it is gone), also for a dry run, and the
 * source restores it there. */
int kist_restore_backup(const struct kist_config *config, const struct kist_config_pipeline *pipeline,
                        const struct kist_found *found, const struct kist_restore_options *options,
                        struct kist_restored *ret_restored, struct kist_error *err) KIST_CHECKED;

#endif
