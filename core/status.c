#include "status.h"
#include "history.h"
#include "ledger.h"
#include "log.h"
#include "status_rows.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is there ---- */

static void note_time(int64_t *newest, const struct kist_catalog_mark *mark)
{
    int64_t time = 0;
    if (kist_id_parse(mark->time, &time) && time > *newest)
        *newest = time;
}

static void set_good(struct kist_status *status, const struct kist_listing_row *row, int64_t now)
{
    status->good = row;
    status->good_at = kist_manifest_begun(&row->manifest, now);
    memcpy(status->good_id, row->id, sizeof status->good_id);
}

/* Rows come from the newest to the oldest. One of a time that is yet to come stands in only where there is no other: its
 * age is not known. */
static void take_good(struct kist_status *status, const struct kist_listing_row *row, int64_t now)
{
    int future = kist_manifest_begun(&row->manifest, now) > now + KIST_STATUS_FUTURE;
    if (!status->good || (!future && status->good_at > now + KIST_STATUS_FUTURE))
        set_good(status, row, now);
    if (status->trend_count < KIST_TREND_MAX)
        status->trend[status->trend_count++] = (int64_t)kist_manifest_raw_size(&row->manifest);
}

static int is_deep_enough(const struct kist_status *status, enum kist_status_depth depth, int64_t now)
{
    int found = status->good && status->good_at <= now + KIST_STATUS_FUTURE;
    return depth == KIST_STATUS_GOOD    ? found
           : depth == KIST_STATUS_TREND ? found && status->trend_count == KIST_TREND_MAX
                                        : 0;
}

static void reverse_trend(struct kist_status *status)
{
    for (size_t i = 0; i < status->trend_count / 2; i++) {
        int64_t *other = &status->trend[status->trend_count - 1 - i], kept = *other;
        *other = status->trend[i];
        status->trend[i] = kept;
    }
}

/* Goes through the rows; manifests are read on the way, unless all were. */
static int look_at_rows(struct kist_status *status, enum kist_status_depth depth, int64_t now,
                        struct kist_error *err)
{
    struct kist_listing *listing = &status->listing;
    int code = 0;
    for (size_t i = listing->row_count; i > 0 && !code; i--) {
        struct kist_listing_row *row = &listing->rows[i - 1];
        int is_read = depth == KIST_STATUS_ALL;
        note_time(&status->verified, &row->verified);
        note_time(&status->drilled, &row->drilled);
        if (!is_read && !is_deep_enough(status, depth, now)) {
            /* Of those behind the good one only the size is of interest. */
            code = kist_status_row_load(listing, row, status->good != NULL, err);
            is_read = !code;
        }
        int good = is_read ? kist_status_row_good(listing, row) : !row->bad;
        status->good_count += (size_t)good;
        if (is_read && good)
            take_good(status, row, now);
    }
    reverse_trend(status);
    return code;
}

static void count_places(struct kist_status *status)
{
    const struct kist_listing *listing = &status->listing;
    const struct kist_listing_row *row = status->good;
    for (size_t i = 0; row && i < listing->pipeline->destination_count; i++)
        if (kist_listing_counts(listing, row, i)) {
            status->expected++;
            status->complete += row->places[i] == KIST_PLACE_GOOD;
        }
}

static int ask(struct kist_status *status, enum kist_status_depth depth, int64_t now, struct kist_cancel *cancel,
               struct kist_error *err)
{
    struct kist_listing *listing = &status->listing;
    int code = kist_listing_read(status->pipeline, NULL,
                                 depth == KIST_STATUS_ALL ? KIST_LISTING_MANIFESTS : KIST_LISTING_IDS, cancel,
                                 listing, err);
    if (!code)
        code = look_at_rows(status, depth, now, err);
    if (code)
        return code;
    status->total_count = listing->row_count;
    if (listing->row_count)
        status->newest = &listing->rows[listing->row_count - 1];
    count_places(status);
    return 0;
}

/* ---- what this host remembers ---- */

/* A good backup that nobody has any more is no good backup, and worth a word: a disk may not be mounted. */
static void remember(struct kist_status *status, const char *state_dir)
{
    struct kist_ledger ledger = {0};
    kist_ledger_read(state_dir, status->pipeline->name, &ledger);
    int64_t time = 0;
    if (status->good_id[0] || !kist_id_parse(ledger.good, &time))
        return;
    if (!status->err.code) {
        memcpy(status->lost_id, ledger.good, sizeof status->lost_id);
        return;
    }
    memcpy(status->good_id, ledger.good, sizeof status->good_id);
    status->good_at = time;
    status->remembered = 1;
}

/* A history that cannot be read hides nothing else. */
static void read_last_run(struct kist_status *status, const char *state_dir)
{
    KIST_CLEANUP_ERROR struct kist_error err = KIST_ERROR_INIT;
    if (kist_history_last(state_dir, status->pipeline->name, "run", &status->last_run, &err))
        kist_log_at(KIST_LOG_WARNING, status->pipeline->name, &err);
}

/* ---- how old it is ---- */

static void judge_age(struct kist_status *status, int64_t max_age_ms, int64_t now)
{
    const struct kist_config_pipeline *pipeline = status->pipeline;
    int64_t max_age = max_age_ms ? max_age_ms : pipeline->max_age_ms;
    status->next = kist_schedule_next(&pipeline->schedule, now);
    if (!max_age && pipeline->schedule.kind == KIST_SCHEDULE_NONE)
        return;
    /* No answer, and nothing remembered: that it is old is as little known as that it is not. */
    if (!status->good_id[0] && status->err.code)
        return;
    if (!status->good_id[0] || status->good_at > now + KIST_STATUS_FUTURE)
        status->stale_at = now;
    else
        status->stale_at = max_age ? status->good_at + max_age / 1000
                                   : kist_schedule_overdue_at(&pipeline->schedule, status->good_at);
    /* A schedule without any slot left asks for nothing. */
    if (status->stale_at < 0)
        status->stale_at = 0;
    status->stale = status->stale_at > 0 && now >= status->stale_at;
}

void kist_status_read_depth(const struct kist_config_pipeline *pipeline, const char *state_dir, int64_t max_age_ms,
                            int64_t now, enum kist_status_depth depth, struct kist_cancel *cancel,
                            struct kist_status *ret_status)
{
    struct kist_status status = {.pipeline = pipeline, .err = KIST_ERROR_INIT, .next = -1};
    if (ask(&status, depth, now, cancel, &status.err)) {
        kist_listing_done(&status.listing);
        struct kist_error err = status.err;
        status = (struct kist_status){.pipeline = pipeline, .err = err, .next = -1};
    }
    remember(&status, state_dir);
    read_last_run(&status, state_dir);
    judge_age(&status, max_age_ms, now);
    *ret_status = status;
}

void kist_status_read(const struct kist_config_pipeline *pipeline, const char *state_dir, int64_t max_age_ms,
                      int64_t now, struct kist_cancel *cancel, struct kist_status *ret_status)
{
    kist_status_read_depth(pipeline, state_dir, max_age_ms, now, KIST_STATUS_ALL, cancel, ret_status);
}

void kist_status_done(struct kist_status *status)
{
    if (status->listing.pipeline)
        kist_listing_done(&status->listing);
    json_decref(status->last_run);
    kist_error_done(&status->err);
    *status = (struct kist_status){.err = KIST_ERROR_INIT, .next = -1};
}
