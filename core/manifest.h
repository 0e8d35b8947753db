/*
 * manifest.h - the document that makes a backup exist. It is the same on every destination.
 *
 * JSON, one field a line at the top level. Its last line is "checksum": the SHA-256 of every byte before that line, so
 * that no flipped bit anywhere in the document goes unseen. Where a sign_key is configured, the line before it is
 * "signature": the HMAC-SHA256 of every byte before that one, which nobody without the key can make. Unknown fields are ignored; the version is "kist_manifest".
 */
#ifndef KIST_CORE_MANIFEST_H
#define KIST_CORE_MANIFEST_H

#include "backup_id.h"
#include "counts.h"
#include "hash.h"

#include <jansson.h>
#include <kist/source.h>

#define KIST_MANIFEST_VERSION 2 /* a manifest without references is of version 1, which older programs read */
#define KIST_MANIFEST_LIMIT ((size_t)64 << 20) /* bytes; a larger one is not read */

#define KIST_REFERENCE_TEXTS 8 /* strings in a struct kist_reference */

/* One stored form of some bytes. */
struct kist_digest {
    uint64_t size;
    char sha256[KIST_SHA256_HEX + 1];
};

struct kist_manifest_filter {
    char *plugin, *version;
    char *settings; /* a short hash of what the filter said of its settings, or NULL */
};

/* Of an item that a provider holds: as struct kist_reference, which `as` is, with strings that are its own. */
struct kist_manifest_reference {
    struct kist_reference as;
    char *texts[KIST_REFERENCE_TEXTS];
};

struct kist_manifest_item {
    struct kist_manifest_reference *reference; /* NULL: it is stored. Else key, format, filters and the hashes are empty, stored.size
                                                * is 0 and raw.size the reference's size (0: unknown) */
    char *name;          /* as the source called it */
    char *format;        /* the source's word for what is inside, or NULL */
    char *content_type;  /* or NULL */
    char *stock_restore; /* or NULL */
    char *version;       /* what the source went by; NULL: it had to be read */
    json_t *metadata;    /* object of strings, or NULL */
    char *key; /* NULL for a reference; relative to the destination's prefix; that of an older backup for what was not read again */
    struct kist_digest raw, stored;
    struct kist_manifest_filter *filters; /* in the order in which they were applied */
    size_t filter_count;
};

struct kist_manifest {
    char *pipeline;
    char id[KIST_ID_LENGTH + 1];
    int64_t started, finished; /* seconds since 1970 */
    char *kist_version;
    char *source_plugin, *source_version;
    json_t *labels; /* object of strings */
    json_t *facts;  /* object; what the source told */
    struct kist_counts counts;
    json_t *suspect; /* array of reasons why it may not be what it should be; NULL: none */
    struct kist_manifest_item *items;
    size_t item_count;
    char *notes_key; /* RESTORE.txt, or NULL */
    struct kist_digest notes;
};

void kist_manifest_done(struct kist_manifest *manifest);
void kist_manifest_item_done(struct kist_manifest_item *item);
/* Adds an empty item. */
int kist_manifest_add_item(struct kist_manifest *manifest, struct kist_manifest_item **ret_item,
                           struct kist_error *err) KIST_CHECKED;
int kist_manifest_add_filter(struct kist_manifest_item *item, const char *plugin, const char *version,
                             const char *settings, struct kist_error *err) KIST_CHECKED;

/* When the run of a backup began, as seen at `now`. Ids only grow, whatever the clock does: one that is yet to come follows one
 * of a clock that was far ahead and says nothing, and what the manifest says is right. Any other id is right, or nearly so,
 * also where the clock of its run was behind. */
int64_t kist_manifest_begun(const struct kist_manifest *manifest, int64_t now);

/* 1 when both went through the same plugins in the same order: what decodes one decodes the other. */
int kist_manifest_same_filters(const struct kist_manifest_item *a, const struct kist_manifest_item *b);

/* The document, signed with `sign_key` if that is not NULL. New. */
int kist_manifest_format(const struct kist_manifest *manifest, const char *sign_key, char **ret_text,
                         size_t *ret_size, struct kist_error *err) KIST_CHECKED;
/* Reads and checks a document: its checksum, the signature of `sign_key` (NULL: none is asked for), its form, and that it
 * is the one of `pipeline` and `id`. Anything wrong is KIST_ERR_CORRUPT. */
int kist_manifest_parse(const char *text, size_t size, const char *sign_key, const char *pipeline, const char *id,
                        struct kist_manifest *ret_manifest, struct kist_error *err) KIST_CHECKED;

/* A backup with this label was made before a restore, of what was replaced then: its value is the id of what was restored.
 * It may be of another database than those before it, so it is never the latest one of its pipeline. */
#define KIST_SAFETY_LABEL "safety"

/* 1 for the manifest of such a backup. */
int kist_safety_is(const struct kist_manifest *manifest);

/* ---- references ---- */

/* A copy of what a source gave. KIST_ERR_BUG where it lacks what is required, or is no sound text. */
int kist_reference_copy(const struct kist_reference *given, struct kist_manifest_reference **ret_reference,
                        struct kist_error *err) KIST_CHECKED;
void kist_reference_free(struct kist_manifest_reference *reference); /* NULL is fine */
/* As it stands in a manifest. New reference; NULL without memory. */
json_t *kist_reference_json(const struct kist_reference *reference);
/* KIST_ERR_CORRUPT for what is no reference. */
int kist_reference_parse(json_t *json, struct kist_manifest_reference **ret_reference,
                         struct kist_error *err) KIST_CHECKED;
/* "branch br-x of neon project quiet-sun-1" for messages, into `ret_text`. New; NULL without memory. */
char *kist_reference_text(const struct kist_reference *reference) KIST_CHECKED;
/* 1 when some item is a reference. */
int kist_manifest_has_references(const struct kist_manifest *manifest);
/* Who holds the references, each once, as "neon" or "neon, rds". New; NULL where there are none, or without memory. */
char *kist_manifest_held_by(const struct kist_manifest *manifest) KIST_CHECKED;
/* 1 when there are references and all of them are past their `until`: nothing can be restored of them any more. */
int kist_manifest_has_lapsed(const struct kist_manifest *manifest, int64_t now_ms);

/* Sums over the items. */
uint64_t kist_manifest_raw_size(const struct kist_manifest *manifest);
uint64_t kist_manifest_stored_size(const struct kist_manifest *manifest);

#endif
