/* listing.h - the backups of a pipeline over all its destinations, and how to find the one that a person means. */
#ifndef KIST_CORE_LISTING_H
#define KIST_CORE_LISTING_H

#include "catalog.h"

/* One backup; `places` has one entry per destination of the pipeline, in its order. */
enum kist_place_state {
    KIST_PLACE_ABSENT,
    KIST_PLACE_EXPIRED, /* absent, and the destination's retention would delete it at once: no lack */
    KIST_PLACE_GOOD,
    KIST_PLACE_DAMAGED,
    KIST_PLACE_UNKNOWN
};

/* How much is read: the ids alone, whose places are then good unless absent, or every manifest too. */
enum kist_listing_depth { KIST_LISTING_IDS, KIST_LISTING_MANIFESTS };

struct kist_listing_row {
    char id[KIST_ID_LENGTH + 1];
    enum kist_place_state *places;
    struct kist_manifest manifest; /* of the first place that has a good one; else empty (pipeline NULL) */
    char *damage;                  /* what is wrong with a damaged one, or NULL */
    /* What the marks on the places asked say; an empty word: nothing. */
    struct kist_catalog_mark verified; /* the newest proof of a copy that no later mark calls bad */
    struct kist_catalog_mark drilled;  /* the newest drill that went well */
    int bad;                           /* the newest verdict on some copy is that it cannot be restored */
    int held;                          /* some copy is pinned */
    int accepted;                      /* it is suspect, and a person says that it is good */
};

struct kist_listing {
    const struct kist_config_pipeline *pipeline;
    struct kist_store **stores;    /* one per destination; NULL where it could not be asked */
    struct kist_catalog *catalogs; /* one per destination; empty where it could not be asked */
    struct kist_listing_row *rows; /* oldest first */
    size_t row_count;
    int incomplete; /* a destination could not be asked; it is in the log */
};

/* Asks every destination, or only the one named `destination`. Fails when none can be asked, or there is no such one. */
int kist_listing_read(const struct kist_config_pipeline *pipeline, const char *destination,
                      enum kist_listing_depth depth, struct kist_cancel *cancel, struct kist_listing *ret_listing,
                      struct kist_error *err) KIST_CHECKED;
void kist_listing_done(struct kist_listing *listing);
/* 1 when destination `index` says something of the row: it was asked for, keeps what it is given, and keeps it still. */
int kist_listing_counts(const struct kist_listing *listing, const struct kist_listing_row *row, size_t index);
/* The gravest of "damaged" (some manifest is), "bad" (some copy was tried and cannot be restored), "unknown" (some destination
 * is silent), "suspect" (it is, and nobody accepted it), "expired" (nothing of it can be restored any more, see
 * kist_manifest_has_lapsed), "partial" (some destination lacks it) and "ok". */
const char *kist_listing_state(const struct kist_listing *listing, const struct kist_listing_row *row);
/* Fills in what a row learns from the marks; kist_listing_read has done it. */
void kist_listing_read_marks(const struct kist_listing *listing, struct kist_listing_row *row);
/* Tells what is absent from what has expired; kist_listing_read has done it. */
int kist_listing_find_expired(struct kist_listing *listing, struct kist_error *err) KIST_CHECKED;
/* 1 where the backup is, or may be. */
int kist_listing_is_there(const struct kist_listing_row *row, size_t index);

/* A backup by name: PIPELINE/ID, PIPELINE/latest or PIPELINE. */
struct kist_backup_name {
    const struct kist_config_pipeline *pipeline;
    char id[KIST_ID_LENGTH + 1]; /* "" for the latest */
};

int kist_backup_name_parse(const struct kist_config *config, const char *text, struct kist_backup_name *ret_name,
                           struct kist_error *err) KIST_CHECKED;

/* Whether all of several names can be read, before the first of them is used. */
int kist_backup_names_check(const struct kist_config *config, char *const *texts, int count,
                            struct kist_error *err) KIST_CHECKED;

/* An opened store with one good manifest on it. */
struct kist_found {
    struct kist_store *store;
    struct kist_manifest manifest;
};

/* The backup on the first destination that has a good manifest of it. Without an id it is the newest that was made for its
 * own sake and has not expired. KIST_ERR_NOT_FOUND when there is no such backup, KIST_ERR_CORRUPT when all its manifests are
 * damaged. */
int kist_backup_find(const struct kist_backup_name *name, const char *destination, struct kist_cancel *cancel,
                     struct kist_found *ret_found, struct kist_error *err) KIST_CHECKED;
void kist_found_done(struct kist_found *found);

#endif
