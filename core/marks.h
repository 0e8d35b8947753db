/*
 * marks.h - what became known of a backup after it was made: a proof that it can be restored, or that it cannot.
 *
 *     _kist/<pipeline>/<id>.<word>.<time>     a mark; the document says more, but its name is enough for a listing
 *
 * A mark speaks of the copy on the destination that it lies on, but for "accepted" and "held", which are about the backup and
 * lie on all of them.
 */
#ifndef KIST_CORE_MARKS_H
#define KIST_CORE_MARKS_H

#include "catalog.h"

#define KIST_MARK_HASH "hash"         /* every stored byte was right */
#define KIST_MARK_DECODE "decode"     /* and it decoded to what was saved */
#define KIST_MARK_DRILL "drill"       /* and was restored, with every count equal */
#define KIST_MARK_ACCEPTED "accepted" /* a person says that a suspect backup is good */
#define KIST_MARK_HELD "held"         /* a person pinned it: retention never deletes it */
#define KIST_MARK_LAPSED "lapsed"     /* what a provider held of it past its time was discarded; the backup stays */
/* One of the proofs has failed: only one that is as strong can make up for it. */
#define KIST_MARK_BAD_HASH "badhash"
#define KIST_MARK_BAD_DECODE "baddecode"
#define KIST_MARK_BAD_DRILL "baddrill"

/* Writes one, and then removes those that it makes superfluous: older ones of the same word, and what an as strong proof
 * makes up for. `body` (borrowed, may be NULL) says more; pipeline, id, time, host and user are added. With a sign_key it is
 * signed as a manifest is. `catalog` is that of the store, as it was read before any mark of this backup was written by the
 * caller; NULL: it is read now. */
int kist_mark_put(struct kist_store *store, const struct kist_config_pipeline *pipeline,
                  const struct kist_catalog *catalog, const char *id, const char *word, json_t *body,
                  struct kist_error *err) KIST_CHECKED;
/* Reads one. New reference. One that is not as it should be is KIST_ERR_CORRUPT. */
int kist_mark_load(struct kist_store *store, const struct kist_config_pipeline *pipeline,
                   const struct kist_catalog_mark *mark, json_t **ret_body, struct kist_error *err) KIST_CHECKED;
/* Where the pipeline has a sign_key: takes every mark that speaks for a backup out of a catalog that was read unless it is
 * signed with it, and says so in the log. Those that speak against one, and that pin one, stay, whoever wrote them: they only
 * make wary. */
void kist_marks_check(struct kist_store *store, const struct kist_config_pipeline *pipeline,
                      struct kist_catalog *catalog);
/* The newest mark `word` of a backup in a catalog that was read, or NULL. `word` NULL: of any. */
const struct kist_catalog_mark *kist_mark_find(const struct kist_catalog *catalog, const char *id,
                                               const char *word);
/* Removes all marks `word` (NULL: of any word) that a catalog has of a backup. */
int kist_marks_remove(struct kist_store *store, const char *pipeline, const struct kist_catalog *catalog,
                      const char *id, const char *word, struct kist_error *err) KIST_CHECKED;
/* Copies a mark from one destination to another, as it is. One that is there already is a success. */
int kist_mark_copy(struct kist_store *from, struct kist_store *to, const char *pipeline,
                   const struct kist_catalog_mark *mark, struct kist_error *err) KIST_CHECKED;
/* The verdict on a copy: the newest proof that failed and that no later one as strong makes up for, else the newest proof;
 * NULL without any. */
const struct kist_catalog_mark *kist_mark_verdict(const struct kist_catalog *catalog, const char *id);
/* The word for a proof at a level, or for one that failed; NULL for a level that is not noted. What lacks an object, or bytes
 * of it, is seen by every proof that reads: a failure by size is one by hash. */
const char *kist_mark_word(enum kist_verify_level level, int failed);
/* The level that a word proves; KIST_VERIFY_NONE for any other word. */
enum kist_verify_level kist_mark_level(const char *word);
/* 1 for a proof that failed. */
int kist_mark_is_bad(const struct kist_catalog_mark *mark);

#endif
