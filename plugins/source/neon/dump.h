/*
 * dump.h - mode = dump: a branch that is there only meanwhile is read by the source `pg_dump`.
 *
 * Everything is what the callback of that name in kist/source.h is, for items that have bytes. `self` is the struct
 * neon_source. In a run a branch with a compute is made, and everything is read from it; all else is about the branch that
 * is configured, and about whatever a target names.
 */
#ifndef KIST_NEON_DUMP_H
#define KIST_NEON_DUMP_H

#include "neon.h"

/* In `doctor`: whether a dump could be made; nothing is changed. */
int neon_dump_check(struct neon_source *source, const struct kist_facts *facts, struct kist_error *err);
/* From close(): the temporary branch goes, whatever happened, and what was opened is closed. source->dump may be NULL. */
void neon_dump_close(struct neon_source *source);

int neon_dump_items(void *self, kist_item_fn give, void *arg, struct kist_error *err);
int neon_dump_read_begin(void *self, const struct kist_item *item, void **ret_reader, struct kist_error *err);
int neon_dump_read(void *reader, void *data, size_t capacity, size_t *ret_size, struct kist_error *err);
void neon_dump_read_end(void *reader);
int neon_dump_read_about(void *reader, kist_item_fn give, void *arg, struct kist_error *err);
int neon_dump_facts(void *self, const struct kist_facts *facts, struct kist_error *err);
int neon_dump_counts(void *self, kist_count_fn give, void *arg, struct kist_error *err);

int neon_dump_restore_begin(void *self, const struct kist_restore *restore, void **ret_restore,
                            struct kist_error *err);
int neon_dump_write_begin(void *restore, const struct kist_item *item, void **ret_writer, struct kist_error *err);
int neon_dump_write(void *writer, const void *data, size_t size, struct kist_error *err);
int neon_dump_write_commit(void *writer, struct kist_error *err);
void neon_dump_write_abort(void *writer);
void neon_dump_restore_end(void *restore);
int neon_dump_restored_counts(void *restore, const struct kist_count *wanted, uint64_t count, kist_count_fn give,
                              void *arg, struct kist_error *err);
void neon_dump_restore_reject(void *restore);
int neon_dump_restore_place(void *restore, kist_place_fn give, void *arg, struct kist_error *err);

int neon_dump_swap(void *self, const struct kist_swap *swap, kist_swapped_fn give, void *arg,
                   struct kist_error *err);
int neon_dump_aim(void *self, const char *target, struct kist_error *err);
int neon_dump_scratch_begin(void *self, const char *work_dir, void **ret_scratch, const char **ret_target,
                            struct kist_error *err);
void neon_dump_scratch_end(void *scratch);

/* ---- for its own files ---- */

struct neon_dump {
    const struct kist_source *calls; /* of the source that reads and writes */
    void *inner;
    int is_live;    /* it is aimed at the branch that is configured, */
    int is_aimed;   /* or at what aim() named: no branch is made then */
    int has_branch; /* it is aimed at this one, which has to go in the end */
    struct neon_branch branch;
};

/* dump.c: opens the source that reads and writes, once. */
int neon_dump_need(struct neon_source *source, struct neon_dump **ret_dump, struct kist_error *err) KIST_CHECKED;
/* Aims it at the branch that is configured, once. */
int neon_dump_need_live(struct neon_source *source, struct kist_error *err) KIST_CHECKED;
/* The same for what goes on without, when Neon does not answer soon: it may be the very thing that was lost. */
int neon_dump_try_live(struct neon_source *source, struct kist_error *err) KIST_CHECKED;
/* Whether the target says by itself which server is meant. */
int neon_dump_is_address(const char *target);
/* Aims it at a database of a branch. */
int neon_dump_aim_at(struct neon_source *source, const struct neon_branch *branch,
                     struct kist_error *err) KIST_CHECKED;

/* dump_branch.c: the temporary branch. Those that killed runs of the same machine left are deleted first. */
int neon_dump_branch_make(struct neon_source *source, struct kist_error *err) KIST_CHECKED;
/* Half a minute at the most; what is left is told. */
void neon_dump_branch_remove(struct neon_source *source);

/* dump_words.c: pure. */
#define NEON_DUMP_PREFIX "kist-dump-"
/* "kist-dump-shop-1a2b3c4d-": what all temporary branches of an owner begin with. 0 when it is too long. */
int neon_dump_prefix(const struct kist_backup *backup, char ret_prefix[NEON_NAME_SIZE]);
/* Whether it is a name that neon_dump_prefix and an id make. */
int neon_dump_is_ours(const char *name, const char *prefix);
/* The connection string as it is used: of its words only those that are known, and the server's certificate is verified unless
 * it is on this machine. New; to be wiped. NULL without memory. */
char *neon_dump_address(const char *uri) KIST_CHECKED;

#endif
