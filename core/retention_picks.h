/* retention_picks.h - what a rule picks among some backups, before anything else is considered. As borg(1) prune picks. */
#ifndef KIST_CORE_RETENTION_PICKS_H
#define KIST_CORE_RETENTION_PICKS_H

#include "retention.h"

struct kist_pick {
    enum kist_fate fate; /* KIST_FATE_REMOVE: no rule picks it */
    int number;          /* of those that this rule has picked so far */
    int oldest;          /* picked as the oldest one there is, by a rule that found less than it asks for */
};

/* `civils` has the local time of each backup, `picks` is zeroed; all have `count` entries. */
void kist_retention_pick(const struct kist_candidate *backups, const struct kist_civil *civils, size_t count,
                         int only_good, const struct kist_keep *keep, int64_t now, struct kist_pick *picks);

/* "weekly 2026-W46": why it was picked, for people. */
void kist_retention_pick_text(const struct kist_pick *pick, const struct kist_civil *civil,
                              const struct kist_keep *keep, char *ret_text, size_t capacity);

#endif
