/*
 * status.h - how each pipeline stands: what is there to fall back on, how old it is, and what comes next. For `kist status`,
 * the metrics and the report.
 *
 * A backup is good here when a destination holds it whole (as many as `require` asks for, where that is a number, of those that
 * answer), no proof of it has failed, it is not suspect or was accepted, was not made for safety before a restore, and what a
 * provider holds of it has not all expired there.
 */
#ifndef KIST_CORE_STATUS_H
#define KIST_CORE_STATUS_H

#include "listing.h"

#define KIST_TREND_MAX 20
/* A backup of later than this many seconds from now says that a clock is wrong, and nothing of its age. */
#define KIST_STATUS_FUTURE (24 * 60 * 60)

/* How many manifests are read: down to the newest good backup, as many as the trend takes, or all. */
enum kist_status_depth { KIST_STATUS_GOOD, KIST_STATUS_TREND, KIST_STATUS_ALL };

struct kist_status {
    const struct kist_config_pipeline *pipeline;
    struct kist_listing
        listing;           /* of all destinations, with manifests as deep as asked for; else those are empty */
    struct kist_error err; /* why the destinations could not be asked; then the listing is empty */
    const struct kist_listing_row *good;   /* the newest good backup; NULL: none */
    const struct kist_listing_row *newest; /* NULL: none */
    size_t complete;                       /* destinations that hold the newest good one */
    size_t expected;                       /* destinations that should */
    size_t good_count, total_count; /* without a manifest, a backup is taken for good unless a proof failed */
    int64_t trend[KIST_TREND_MAX];  /* raw sizes of the newest good ones, oldest first */
    size_t trend_count;
    int64_t verified, drilled; /* of any backup that is there: when that went well last; 0 never */
    json_t *last_run;          /* entry of the history of this host, or NULL */
    int64_t next;              /* slot; -1 without a schedule */
    int64_t stale_at;          /* from when on it is stale; 0 never: neither schedule nor max_age */
    int stale;
    char good_id[KIST_ID_LENGTH +
                 1]; /* the newest good one, here or, without an answer, as this host remembers; "" none */
    int64_t good_at; /* when that was begun; 0 without one */
    int remembered;  /* good_id is what this host remembers */
    char
        lost_id[KIST_ID_LENGTH + 1]; /* no destination has a good one, and this host remembers this one; "" none */
};

/* `max_age_ms` 0: that of the pipeline. Reads all manifests. */
void kist_status_read(const struct kist_config_pipeline *pipeline, const char *state_dir, int64_t max_age_ms,
                      int64_t now, struct kist_cancel *cancel, struct kist_status *ret_status);
/* The same, with the manifests that are needed for it. */
void kist_status_read_depth(const struct kist_config_pipeline *pipeline, const char *state_dir, int64_t max_age_ms,
                            int64_t now, enum kist_status_depth depth, struct kist_cancel *cancel,
                            struct kist_status *ret_status);
void kist_status_done(struct kist_status *status);

/* "unknown" (nobody could be asked), "never" (there is no good backup), "stale", "failed" (the last run of this host, and it is
 * newer than the good one) or "ok". */
const char *kist_status_word(const struct kist_status *status);
/* Of the newest good backup in seconds; -1 without one, and for one whose time says that a clock is wrong. */
int64_t kist_status_age(const struct kist_status *status, int64_t now);
/* What a person should look into: an array of {"text", "next_step"}. New reference; NULL without memory. */
json_t *kist_status_problems(const struct kist_status *status, int64_t now);

#endif
