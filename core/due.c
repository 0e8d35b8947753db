#include "due.h"

/* A backup or a run that lies further ahead than this was made when the clock was wrong: it says nothing of any slot. */
#define AHEAD 3600 /* seconds */

int kist_due_is_covered(int64_t when, int64_t slot, int64_t now)
{
    return when >= slot && when <= now + AHEAD;
}

int64_t kist_due_slot(const struct kist_schedule *schedule, const struct kist_ledger *ledger, int64_t newest,
                      int64_t now)
{
    int64_t slot = kist_schedule_last(schedule, now);
    if (slot <= 0 || kist_due_is_covered(newest, slot, now))
        return 0;
    if (kist_due_is_covered(ledger->slot, slot, now) && (ledger->ended || ledger->tries >= KIST_DUE_TRIES))
        return 0;
    return slot;
}
