/*
 * manifest.h - the document that makes a backup exist. It is the same on every destination.
 *
 * JSON, one field a line at the top level. Its last line is "checksum": the SHA-256 of every byte before that line, so
 * that no flipped bit anywhere in the document goes unseen. Unknown fields are ignored; the version is "kist_manifest".
 */
#ifndef KIST_CORE_MANIFEST_H
#define KIST_CORE_MANIFEST_H

#include "backup_id.h"
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
                             struct kist_error *err) KIST_CHECKED;

/* The document. New. */
int kist_manifest_format(const struct kist_manifest *manifest, char **ret_text, size_t *ret_size,
                         struct kist_error *err) KIST_CHECKED;
/* Reads and checks a document: its checksum, its form, and that it is the one of `pipeline` and `id`. Anything wrong is
 * KIST_ERR_CORRUPT. */
int kist_manifest_parse(const char *text, size_t size, const char *pipeline, const char *id,
                        struct kist_manifest *ret_manifest, struct kist_error *err) KIST_CHECKED;

/* Sums over the items. */
uint64_t kist_manifest_raw_size(const struct kist_manifest *manifest);
uint64_t kist_manifest_stored_size(const struct kist_manifest *manifest);

#endif
