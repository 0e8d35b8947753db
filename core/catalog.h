/*
 * catalog.h - the backups of a pipeline on one destination: which manifests there are, and what they say.
 *
 *     _kist/<pipeline>/<id>.json      a backup
 *     _kist/<pipeline>/<id>.pending   a run that has begun; it names the keys that it may have written, and says whether
 *                                     a provider may hold something of it
 *     _kist/<pipeline>/<id>.tombstone a copy of the manifest of a backup that is being deleted, see prune.h
 *     _kist/<pipeline>/<id>.<word>.<time>   a mark, see marks.h
 */
#ifndef KIST_CORE_CATALOG_H
#define KIST_CORE_CATALOG_H

#include "manifest.h"
#include "store.h"

struct kist_catalog_id {
    char id[KIST_ID_LENGTH + 1];
};

#define KIST_MARK_WORD 15 /* longest word of a mark */

struct kist_catalog_mark {
    char id[KIST_ID_LENGTH + 1];
    char time[KIST_ID_LENGTH + 1]; /* in the form of an id */
    char word[KIST_MARK_WORD + 1];
};

/* Ids found, oldest first. */
struct kist_catalog {
    struct kist_catalog_id *backups;
    size_t backup_count;
    struct kist_catalog_id *pending;
    size_t pending_count;
    struct kist_catalog_id *tombstones; /* a backup of the same id may be there still */
    size_t tombstone_count;
    struct kist_catalog_mark *marks; /* by id, and oldest first */
    size_t mark_count;
    const char *
        taken; /* a key that a note names, but whose object is somebody else's: never removed. Borrowed, or NULL */
};

int kist_catalog_read(struct kist_store *store, const char *pipeline, struct kist_catalog *ret_catalog,
                      struct kist_error *err) KIST_CHECKED;
void kist_catalog_done(struct kist_catalog *catalog);
/* 1 when `id` is among the backups. */
int kist_catalog_has(const struct kist_catalog *catalog, const char *id);
/* 1 when there is a tombstone of `id`. */
int kist_catalog_is_buried(const struct kist_catalog *catalog, const char *id);
/* 1 when something is left of backups that are deleted: a tombstone without a manifest. */
int kist_catalog_has_remains(const struct kist_catalog *catalog);

/* The manifest of one backup, checked, with the signature of the pipeline's sign_key if it has one. KIST_ERR_NOT_FOUND
 * when there is none, KIST_ERR_CORRUPT when it is damaged. */
int kist_catalog_load(struct kist_store *store, const struct kist_config_pipeline *pipeline, const char *id,
                      struct kist_manifest *ret_manifest, struct kist_error *err) KIST_CHECKED;
/* Writes the manifest: from now on the backup exists there. */
int kist_catalog_commit(struct kist_store *store, const char *pipeline, const char *id, const char *text,
                        size_t size, struct kist_error *err) KIST_CHECKED;

/* Takes a manifest away: from now on the backup does not exist there. */
int kist_catalog_remove(struct kist_store *store, const char *pipeline, const char *id,
                        struct kist_error *err) KIST_CHECKED;

/* That a provider may hold something of a run: nobody must forget it before the backup exists somewhere, or that is deleted. */
struct kist_catalog_held {
    const char *plugin; /* of the source, which alone can ask for it */
    const char
        *sign_key; /* of the pipeline, or NULL: what nobody with the key wrote has nothing deleted at a provider */
    const struct kist_config_section *const *destinations; /* where the manifest may be */
    size_t destination_count;
};

/* Says that a run of `owner` (the one who holds the lock) has begun which may write `keys`; and that it is over. `held`
 * NULL: no provider holds anything of it. */
int kist_catalog_begin(struct kist_store *store, const char *pipeline, const char *id, const char *owner,
                       char *const *keys, size_t key_count, const struct kist_catalog_held *held,
                       struct kist_error *err) KIST_CHECKED;
/* Whether the note of a run says that a provider may hold something of it: what it says, and "owner" whose run it was, is new,
 * and NULL where it says nothing, or the run may be at work still. KIST_ERR_CORRUPT where nobody with the sign_key has written
 * it, of that very run. */
int kist_catalog_held_by(struct kist_store *store, const struct kist_config_pipeline *pipeline, const char *id,
                         const char *owner, json_t **ret_held, struct kist_error *err) KIST_CHECKED;
/* Whether a run, or a repair, that may not be over has a note of that id there, as the store says of that one object. `owner` as
 * in kist_catalog_busy. */
int kist_catalog_is_at_work(struct kist_store *store, const char *pipeline, const char *id, const char *owner,
                            int *ret_at_work, struct kist_error *err) KIST_CHECKED;
/* Whether the note is there still, as the store says of that one object. */
int kist_catalog_is_begun(struct kist_store *store, const char *pipeline, const char *id, int *ret_begun,
                          struct kist_error *err) KIST_CHECKED;
int kist_catalog_end(struct kist_store *store, const char *pipeline, const char *id,
                     struct kist_error *err) KIST_CHECKED;
/* Removes what a run that was killed left: the keys named by its note, unless its manifest made it, then the note. The
 * caller holds the lock of `owner`; notes of other owners are left alone for a day. `ret_count`: objects removed. */
int kist_catalog_sweep(struct kist_store *store, const char *pipeline, const char *owner,
                       const struct kist_catalog *catalog, uint64_t *ret_count,
                       struct kist_error *err) KIST_CHECKED;

/* Forgets all notes but that of `id`, so that a sweep leaves them as they are. */
void kist_catalog_forget_others(struct kist_catalog *catalog, const char *id);

/* Whether a run that is not of `owner` may be at work there: the id of its note, or "". `owner` NULL: that of no lock; then a
 * run of this machine counts as over. */
int kist_catalog_busy(struct kist_store *store, const char *pipeline, const char *owner,
                      const struct kist_catalog *catalog, char ret_id[KIST_ID_LENGTH + 1],
                      struct kist_error *err) KIST_CHECKED;

/* Copies the manifest of a backup, byte for byte, to its tombstone, after checking it as kist_catalog_load does. */
int kist_catalog_bury(struct kist_store *store, const struct kist_config_pipeline *pipeline, const char *id,
                      struct kist_error *err) KIST_CHECKED;
/* The same where there is no room for another document: the manifest is removed first, and put back when the tombstone cannot
 * be written for all that. `ret_gone`: the manifest is no more, even after a failure. */
int kist_catalog_bury_in_place(struct kist_store *store, const struct kist_config_pipeline *pipeline,
                               const char *id, int *ret_gone, struct kist_error *err) KIST_CHECKED;
/* The manifest that a tombstone holds, checked as any other. */
int kist_catalog_load_tombstone(struct kist_store *store, const struct kist_config_pipeline *pipeline,
                                const char *id, struct kist_manifest *ret_manifest,
                                struct kist_error *err) KIST_CHECKED;
int kist_catalog_remove_tombstone(struct kist_store *store, const char *pipeline, const char *id,
                                  struct kist_error *err) KIST_CHECKED;
/* Whether the manifest of a backup is there, or its tombstone, as the store says of that one object. */
int kist_catalog_exists(struct kist_store *store, const char *pipeline, const char *id, int *ret_exists,
                        struct kist_error *err) KIST_CHECKED;
int kist_catalog_tombstone_exists(struct kist_store *store, const char *pipeline, const char *id, int *ret_exists,
                                  struct kist_error *err) KIST_CHECKED;

/* `err` is KIST_ERR_CORRUPT, of a backup. Where that is no more, having been deleted while it was read, it becomes
 * KIST_ERR_NOT_FOUND. Returns its code. */
int kist_catalog_check_there(struct kist_store *store, const char *pipeline, const char *id,
                             struct kist_error *err) KIST_CHECKED;

/* "_kist/<pipeline>/<id><suffix>"; `id` and `suffix` "" give the folder. New; NULL without memory. */
char *kist_catalog_key(const char *pipeline, const char *id, const char *suffix) KIST_CHECKED;

#endif
