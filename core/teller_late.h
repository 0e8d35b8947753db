/* teller_late.h - what waits in the outbox, on its way. Inside teller*.c only. */
#ifndef KIST_CORE_TELLER_LATE_H
#define KIST_CORE_TELLER_LATE_H

#include "outbox.h"
#include "teller_job.h"

struct kist_teller_late {
    struct kist_outbox outbox;
    char *states;      /* of each entry */
    size_t under_way;  /* how many are with a worker */
    int64_t next_look; /* monotonic */
};

/* Opens the outbox when it is time to look, and closes it when nothing can be done any more. */
void kist_teller_late_look(struct kist_teller_late *late, const char *state_dir);
/* The next one that can be told now: the oldest of a notifier that has none under way, and did not fail. NULL: none. */
struct kist_teller_job *kist_teller_late_next(struct kist_teller_late *late, const struct kist_config *config);
/* It was told, or was not: then the others of its notifier stay where they are. */
void kist_teller_late_done(struct kist_teller_late *late, const struct kist_teller_job *job, json_t *result);

#endif
