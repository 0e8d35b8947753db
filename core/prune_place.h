/* prune_place.h - retention at work on one destination: what is there, what the plan is, and what became of it. */
#ifndef KIST_CORE_PRUNE_PLACE_H
#define KIST_CORE_PRUNE_PLACE_H

#include "discard.h"
#include "prune.h"
#include "retention.h"
#include "targets.h"

enum kist_prune_outcome {
    KIST_PRUNE_STAYS, /* or would go */
    KIST_PRUNE_GONE,
    KIST_PRUNE_LOCKED, /* the store refused it */
    KIST_PRUNE_FAILED
};

struct kist_prune_row {
    char id[KIST_ID_LENGTH + 1];
    struct kist_candidate kept;
    uint64_t size;     /* as stored */
    const char *state; /* "ok", "suspect", "bad", "safety", "damaged"; "deleted": only its tombstone is there */
    enum kist_prune_outcome outcome;
    int unlisted;                   /* this prune has taken its manifest away */
    char *cause;                    /* of one that is locked or failed */
    struct kist_manifest *manifest; /* of one of which a provider holds something; else NULL */
    json_t *references;             /* array: in words, what was discarded at the provider, or would be; or NULL */
};

struct kist_prune_place {
    const struct kist_config_pipeline *pipeline;
    const struct kist_prune_options *options;
    const struct kist_config_section *section;
    const char *owner; /* of the lock; NULL without one */
    const char *freeze;
    struct kist_discard *discard;
    char busy[KIST_ID_LENGTH + 1]; /* a run of another host that is at work there, or "" */
    struct kist_store *store;
    struct kist_catalog catalog; /* as it was at first */
    struct kist_prune_row *rows; /* `count` backups, oldest first, and behind them the tombstones without one */
    size_t count, row_count;
    struct kist_candidate *kept; /* of the backups */
    struct kist_plan plan;
    int planned; /* the plan is made */
    char *waits; /* why nothing of the plan was done, or not all of it, although nothing failed; or NULL */
    uint64_t freed;
};

/* Reads what is there, and makes the plan. Changes nothing. */
int kist_prune_look(struct kist_prune_place *place, struct kist_error *err) KIST_CHECKED;
/* Makes the plan anew, with what the store's clock said at second `now`. */
int kist_prune_plan(struct kist_prune_place *place, int64_t now, int64_t server_time,
                    struct kist_error *err) KIST_CHECKED;
/* Why nothing may go at all, whatever rule lets it go; NULL: nothing is in the way. As above otherwise. New. */
int kist_prune_guard(struct kist_prune_place *place, int64_t now, int64_t server_time, char **ret_reason,
                     struct kist_error *err) KIST_CHECKED;
/* What the store's clock says now, 0 where it does not tell, by writing the tombstone of `id`, which is left there; and this
 * host's, at the same moment. */
int kist_prune_ask_clock(struct kist_prune_place *place, const char *id, int64_t *ret_now, int64_t *ret_server,
                         struct kist_error *err) KIST_CHECKED;
/* Carries the plan out, and finishes what an earlier prune began. */
int kist_prune_delete(struct kist_prune_place *place, struct kist_error *err) KIST_CHECKED;
/* Removes the data of all backups of which the catalog, just read, has nothing but the tombstone. */
int kist_prune_finish(struct kist_prune_place *place, const struct kist_catalog *catalog,
                      struct kist_error *err) KIST_CHECKED;
/* Discards what a provider holds of backups that stay, and no longer has to: after its time, and where a newer backup has the
 * same still. `all`: the places of all destinations that are pruned. With dry_run it only notes what would go. */
int kist_prune_lapse(struct kist_prune_place *place, const struct kist_prune_place *all, size_t count,
                     struct kist_error *err) KIST_CHECKED;
/* Notes what a provider would be asked to discard of those that would go from the place `index`. */
void kist_prune_foresee(struct kist_prune_place *all, size_t count, size_t index);
/* Removes the marks of backups that are no more. */
void kist_prune_sweep(struct kist_prune_place *place, const struct kist_catalog *catalog);
void kist_prune_place_done(struct kist_prune_place *place);

/* Whether the plan lets a row go, or it has gone already but for its rest. */
int kist_prune_goes(const struct kist_prune_place *place, size_t index);
/* Whether nothing goes there for now, whatever the plan says; its text, or NULL. */
const char *kist_prune_frozen(const struct kist_prune_place *place);
/* What became of a row; `why` is moved. */
void kist_prune_fail(struct kist_prune_row *row, struct kist_error *why);
/* The array of references of a row, made where there was none; NULL without memory. Borrowed. */
json_t *kist_prune_references(struct kist_prune_row *row);
struct kist_prune_row *kist_prune_find(struct kist_prune_place *place, const char *id);
/* Backups of the destination with this outcome. */
size_t kist_prune_count(const struct kist_prune_place *place, enum kist_prune_outcome outcome);

/* For people, on standard output; for programs. New reference. */
void kist_prune_print(const struct kist_prune_place *place, const struct kist_error *err);
json_t *kist_prune_json(const struct kist_prune_place *place, const struct kist_error *err);

#endif
