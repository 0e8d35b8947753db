/* news.h - what happened, as those who did it hand it to those who tell it. */
#ifndef KIST_CORE_NEWS_H
#define KIST_CORE_NEWS_H

#include "run.h"

#include <kist/notifier.h>

/* What happened, in the words of the core; all borrowed. The message is made of it. */
struct kist_news {
    uint32_t kind;         /* KIST_EVENT_* */
    const char *summary;   /* "backup of shop: failed"; NULL: made from the kind */
    const char *backup;    /* id, or NULL */
    const char *run;       /* UUID of the run; NULL: a new one */
    const char *cause;     /* or NULL */
    const char *next_step; /* or NULL: made from the kind */
    const char *last_good; /* id, or NULL: what the ledger knows */
    int64_t started_ms, finished_ms;
    int64_t raw_size, stored_size; /* -1 when unknown */
    const struct kist_run_place *places;
    size_t place_count;
    int exit;
    int with_log; /* the tail of the log belongs to it */
};

#endif
