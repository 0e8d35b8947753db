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

#define KIST_MANIFEST_VERSION 1
#define KIST_MANIFEST_LIMIT ((size_t)64 << 20) /* bytes; a larger one is not read */

/* One stored form of some bytes. */
struct kist_digest {
    uint64_t size;
    char sha256[KIST_SHA256_HEX + 1];
};

struct kist_manifest_filter {
    char *plugin, *version;
    char *settings; /* a short hash of what the filter said of its settings, or NULL */
};

struct kist_manifest_item {
    char *name;          /* as the source called it */
    char *format;        /* the source's word for what is inside, or NULL */
    char *content_type;  /* or NULL */
    char *stock_restore; /* or NULL */
    char *version;       /* what the source went by; NULL: it had to be read */
    json_t *metadata;    /* object of strings, or NULL */
    char *key; /* relative to the destination's prefix; that of an older backup for what was not read again */
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

/* Sums over the items. */
uint64_t kist_manifest_raw_size(const struct kist_manifest *manifest);
uint64_t kist_manifest_stored_size(const struct kist_manifest *manifest);

#endif
