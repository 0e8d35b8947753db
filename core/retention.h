/*
 * retention.h - which backups of a destination may go. A pure function of what is known: it asks nobody and removes nothing.
 *
 * What no rule and no flag overrules:
 *  - nothing goes unless the newest backup is good and the last run was;
 *  - at least min_keep good backups stay, and always the newest one that was verified and is good, and the newest good one;
 *  - held ones stay, and what cannot be read (its keys are unknown), and whatever is older than that (it may be needed by it);
 *  - a run deletes at most max_delete percent of the backups that are there, or none at all;
 *  - nothing goes while the clock cannot be right: behind the newest backup, or far from that of the server.
 *
 * The picks of "N daily" and its like are those of borg(1) prune: from the newest to the oldest backup, the newest one of each
 * period is kept; one that an earlier rule of the list last, hourly, daily, weekly, monthly, yearly has kept already does not
 * count. They are made twice, among the good backups and among all of them, and what either keeps stays: a bad backup takes no
 * good one's place.
 */
#ifndef KIST_CORE_RETENTION_H
#define KIST_CORE_RETENTION_H

#include "keep.h"
#include "zone.h"

/* A backup as retention sees it. */
struct kist_candidate {
    int64_t time;   /* when its run began, in seconds since 1970 */
    int good;       /* whole, not suspect unless accepted, not proved bad, no safety backup, not lapsed */
    int verified;   /* a proof has gone well, and none has failed since */
    int held;       /* a person pinned it */
    int unreadable; /* its manifest is damaged */
};

struct kist_retention {
    struct kist_keep keep;
    int min_keep;   /* at least 1 */
    int max_delete; /* percent */
    const struct kist_zone *zone;
    int64_t now;
    int64_t server_time; /* what the store's own clock said at the same moment; 0: unknown */
    const char
        *freeze; /* a reason that the caller knows for deleting nothing (the last run failed, ...); or NULL */
};

/* Why one stays or goes. */
enum kist_fate {
    KIST_FATE_REMOVE,
    KIST_FATE_LAST, /* `number`th of the newest */
    KIST_FATE_WITHIN,
    KIST_FATE_HOURLY,
    KIST_FATE_DAILY,
    KIST_FATE_WEEKLY,
    KIST_FATE_MONTHLY,
    KIST_FATE_YEARLY,
    KIST_FATE_HELD,
    KIST_FATE_UNREADABLE,
    KIST_FATE_NEEDED,   /* older than one that cannot be read */
    KIST_FATE_NEWEST,   /* the newest good one */
    KIST_FATE_VERIFIED, /* the newest verified one */
    KIST_FATE_MIN_KEEP,
    KIST_FATE_NO_RULE, /* there is no `keep` */
    KIST_FATE_FROZEN   /* would go, but nothing does now */
};

struct kist_plan_entry {
    enum kist_fate fate;
    char text[64]; /* "weekly 2026-W46", "held", "expired" ... for people */
};

struct kist_plan {
    struct kist_plan_entry *entries; /* one for each backup, in the same order */
    size_t count, removed;           /* entries with KIST_FATE_REMOVE */
    size_t wanted;                   /* what the rules would have removed */
    char *frozen;                    /* why nothing goes although `wanted` is not 0; or NULL */
    char *hint;                      /* what a person can do about that; or NULL */
};

/* `backups` are those of one destination in the order of their ids, oldest first; after a clock that was wrong their times may
 * go back. A plan that is frozen is a success. */
int kist_retention_plan(const struct kist_candidate *backups, size_t count, const struct kist_retention *rules,
                        struct kist_plan *ret_plan, struct kist_error *err) KIST_CHECKED;
/* Why nothing may go at all, by whatever rule, but for max_delete: the reason that a plan would be frozen for. NULL when nothing
 * is in the way. New. */
int kist_retention_guard(const struct kist_candidate *backups, size_t count, const struct kist_retention *rules,
                         char **ret_reason, struct kist_error *err) KIST_CHECKED;
void kist_plan_done(struct kist_plan *plan);

#endif
