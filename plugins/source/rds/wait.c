/* wait.c - asks again and again until something is ready, with an end to it. */
#include "rds.h"

#include <stdio.h>
#include <string.h>

/* What was just made may not be listed yet; what was seen and is missing so many times in a row is gone. */
#define UNSEEN_MS (5 * RDS_MINUTE)
#define MISSES 3

int rds_is_failed(const char *status)
{
    static const char *const exact[] = {"failed", "deleting", "deleted", "restore-error", "storage-full"};
    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        if (strcmp(status, exact[i]) == 0)
            return 1;
    return strncmp(status, "incompatible-", 13) == 0 || strncmp(status, "inaccessible-", 13) == 0;
}

void rds_progress_tell(const struct rds_source *source, struct rds_progress *progress, int64_t percent,
                       const char *status)
{
    if (percent < 0 || percent > 100 || percent / 10 <= progress->told / 10)
        return;
    progress->told = percent;
    source->work->log(source->work, KIST_LOG_INFO, "%s: %s, %lld %%", progress->what, status, (long long)percent);
}

/* ---- the loop ---- */

/* Something that is waited for. */
struct waiting {
    struct rds_source *source;
    const char *what; /* for people */
    int (*look)(struct waiting *waiting, struct kist_error *err);
    struct rds_region *region;
    int is_cluster;
    struct rds_snapshot *snapshot;
    struct rds_database *database;
    int64_t begun;
    int seen, misses, senseless;
};

static const char *status_of(const struct waiting *w)
{
    return w->snapshot ? w->snapshot->status : w->database->status;
}

static int look_at_snapshot(struct waiting *w, struct kist_error *err)
{
    const char *identifier = w->snapshot->identifier;
    struct rds_snapshot now;
    int code = rds_find_snapshot(w->source, w->region, identifier, &now, err);
    if (!code)
        *w->snapshot = now;
    return code;
}

static int look_at_database(struct waiting *w, struct kist_error *err)
{
    struct rds_database now;
    int code = rds_find_database(w->source, w->region, w->is_cluster, w->database->identifier, &now, err);
    if (!code)
        *w->database = now;
    return code;
}

/* Is it only that RDS does not list it yet, or for a moment? And one answer that makes no sense is no reason to give up what
 * took hours; several are. */
static int is_missing_for_now(struct waiting *w)
{
    const struct kist_host *host = w->source->work;
    w->misses++;
    return w->seen ? w->misses < MISSES : host->monotonic_ms(host) - w->begun < UNSEEN_MS;
}

static int look_again(struct waiting *w, struct kist_error *err)
{
    struct rds_source *source = w->source;
    const struct kist_host *host = source->work;
    int64_t left = rds_left(source), poll = source->config->poll.ms;
    if (left == 0)
        return rds_fail_deadline(source, w->what, status_of(w), err);
    int code = kist_again_wait(host, poll < left ? poll : left, err);
    if (code)
        return code;
    code = w->look(w, err);
    if (!code) {
        w->seen = 1;
        w->misses = w->senseless = 0;
    } else if (code == KIST_ERR_NOT_FOUND && is_missing_for_now(w)) {
        return 0;
    } else if ((code == KIST_ERR_CORRUPT && ++w->senseless < MISSES) || (err->retryable && rds_left(source) > 0)) {
        /* An outage is no reason to give up what is being made. */
        host->log(host, KIST_LOG_WARNING, "%s", err->message ? err->message : "RDS does not answer");
        return 0;
    } else if (code == KIST_ERR_NOT_FOUND) {
        code = host->fail(host, err, KIST_ERR_FAILED, "%s has vanished while it was waited for", w->what);
        host->hint(host, err, "somebody else has deleted it");
    }
    return code;
}

static int fail_status(const struct waiting *w, struct kist_error *err)
{
    const struct kist_host *host = w->source->work;
    host->fail(host, err, KIST_ERR_FAILED, "%s did not become available: it is '%s'", w->what, status_of(w));
    host->hint(host, err, "the events of RDS tell why: aws rds describe-events");
    return KIST_ERR_FAILED;
}

static int wait_for(struct waiting *w, struct kist_error *err)
{
    struct rds_progress progress = {.what = w->what};
    int code = 0;
    w->begun = w->source->work->monotonic_ms(w->source->work);
    /* The reply to what made it is no confirmation. */
    while (!code && (!w->seen || strcmp(status_of(w), "available") != 0)) {
        if (rds_is_failed(status_of(w)))
            return fail_status(w, err);
        code = look_again(w, err);
        if (!code && w->snapshot)
            rds_progress_tell(w->source, &progress, w->snapshot->percent, w->snapshot->status);
    }
    return code;
}

int rds_wait_snapshot(struct rds_source *source, struct rds_region *region, struct rds_snapshot *snapshot,
                      struct kist_error *err)
{
    char what[400];
    struct waiting w = {
        .source = source, .what = what, .look = look_at_snapshot, .region = region, .snapshot = snapshot};
    snprintf(what, sizeof what, "snapshot '%s' in %s", snapshot->identifier, region->name);
    return wait_for(&w, err);
}

int rds_wait_database(struct rds_source *source, struct rds_region *region, int is_cluster,
                      struct rds_database *database, struct kist_error *err)
{
    char what[400];
    struct waiting w = {.source = source,
                        .what = what,
                        .look = look_at_database,
                        .region = region,
                        .is_cluster = is_cluster,
                        .database = database};
    snprintf(what, sizeof what, "%s '%s' in %s", is_cluster ? "cluster" : "instance", database->identifier,
             region->name);
    return wait_for(&w, err);
}
