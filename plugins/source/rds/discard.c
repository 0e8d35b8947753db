/* discard.c - deletes what kist made, and nothing else: every deletion looks at the tags first. */
#include "rds.h"

#include <stdio.h>
#include <string.h>

#define DISCARD_MS (2 * RDS_MINUTE)
#define SWEEP_MS (8 * RDS_SECOND) /* what is still being made cannot be deleted: that is left to the next run */
#define CONFIRM_MS (2 * RDS_SECOND)

static int refuse(const struct rds_source *source, const struct rds_snapshot *snapshot, const char *why,
                  struct kist_error *err)
{
    const struct kist_host *host = source->work;
    host->fail(host, err, KIST_ERR_REFUSED, "snapshot '%s' is left alone: it %s", snapshot->identifier, why);
    host->hint(host, err,
               "kist deletes only what carries its own tags for that very backup; delete it at RDS by hand if it "
               "is to go");
    return KIST_ERR_REFUSED;
}

/* May it be deleted for that backup? */
static int check_ours(const struct rds_source *source, const struct rds_snapshot *snapshot,
                      const struct kist_backup *backup, struct kist_error *err)
{
    if (strcmp(snapshot->type, "manual") != 0)
        return refuse(source, snapshot, "is not a manual snapshot", err);
    if (!rds_is_ours(snapshot, backup))
        return refuse(source, snapshot, "does not carry the tags of this backup", err);
    return 0;
}

static int is_going(const char *status)
{
    return strcmp(status, "deleting") == 0 || strcmp(status, "deleted") == 0;
}

/* One request to delete it. 0: RDS says that it is on its way; `ret_status` is its word. */
static int delete_once(struct rds_source *source, struct rds_region *region, const char *identifier,
                       char ret_status[64], struct kist_error *err)
{
    int is_cluster = rds_is_cluster(source);
    struct rds_form form;
    struct rds_reply reply = {0};
    struct rds_snapshot gone = {.status = ""};
    char what[400];
    rds_form_begin(&form, is_cluster ? "DeleteDBClusterSnapshot" : "DeleteDBSnapshot");
    rds_form_add(&form, is_cluster ? "DBClusterSnapshotIdentifier" : "DBSnapshotIdentifier", identifier);
    snprintf(what, sizeof what, "delete snapshot '%s' in %s", identifier, region->name);
    int code = rds_call(source, region, &form, what, &reply, err);
    if (!code)
        code = rds_words_snapshot(source->work,
                                  kist_xml_child(reply.result, is_cluster ? "DBClusterSnapshot" : "DBSnapshot"),
                                  &gone, err);
    if (code && rds_was(source, is_cluster ? "DBClusterSnapshotNotFound" : "DBSnapshotNotFound")) {
        code = 0;
        snprintf(gone.status, sizeof gone.status, "deleted");
    }
    if (!code)
        memcpy(ret_status, gone.status, sizeof gone.status);
    rds_reply_done(&reply);
    rds_form_done(&form);
    return code;
}

/* Until it is gone or going, or time is up. */
static int confirm(struct rds_source *source, struct rds_region *region, const char *identifier,
                   struct kist_error *err)
{
    struct rds_snapshot now;
    for (;;) {
        int code = rds_find_snapshot(source, region, identifier, &now, err);
        if (code == KIST_ERR_NOT_FOUND || (!code && is_going(now.status)))
            return 0;
        if (!code && rds_left(source) == 0)
            code =
                source->work->fail(source->work, err, KIST_ERR_TIMEOUT,
                                   "snapshot '%s' was to be deleted, and is still '%s'", identifier, now.status);
        if (!code)
            code = kist_again_wait(source->work, CONFIRM_MS, err);
        if (code)
            return code;
    }
}

static int delete_it(struct rds_source *source, struct rds_region *region, const char *identifier, int64_t most,
                     struct kist_error *err)
{
    struct kist_again again = kist_again_begin(source->work, rds_limit(source, most));
    char status[64] = "";
    int code = 0;
    do
        code = delete_once(source, region, identifier, status, err);
    while (code && kist_again(&again, err));
    if (!code && !is_going(status))
        code = confirm(source, region, identifier, err);
    if (!code)
        source->work->log(source->work, KIST_LOG_DEBUG, "deleted snapshot '%s' in %s", identifier, region->name);
    return code;
}

int rds_reference_discard(void *self, const struct kist_reference *reference, const struct kist_backup *backup,
                          struct kist_error *err)
{
    struct rds_source *source = self;
    struct rds_region *region = NULL;
    struct rds_snapshot now;
    rds_begin(source, DISCARD_MS);
    if (!rds_is_identifier(reference->name, RDS_IDENTIFIER_MAX))
        return source->work->fail(source->work, err, KIST_ERR_REFUSED, "'%.60s' is no identifier of a snapshot",
                                  reference->name);
    int code = rds_check_kind(source, reference, err);
    if (!code)
        code = rds_region_open(source, reference->region, &region, err);
    if (!code)
        code = rds_find_snapshot(source, region, reference->name, &now, err);
    /* Gone is what was wanted, unless it was looked for elsewhere. */
    if (code == KIST_ERR_NOT_FOUND) {
        code = rds_fail_missing(source, region, reference, err);
        return code == KIST_ERR_NOT_FOUND ? 0 : code;
    }
    if (!code)
        code = check_ours(source, &now, backup, err);
    const char *why = code ? NULL : rds_differs(&now, reference);
    if (why)
        code = refuse(source, &now, why, err);
    if (code || is_going(now.status))
        return code;
    return delete_it(source, region, reference->name, DISCARD_MS, err);
}

/* ---- what a run that failed has left ---- */

static int fail_late(const struct rds_source *source, const char *region, struct kist_error *err)
{
    return source->work->fail(source->work, err, KIST_ERR_TIMEOUT, "there was no time left to sweep in %s",
                              region);
}

/* What has the tags of the backup, and was made elsewhere, may be needed there. */
static int tell_other(const struct rds_source *source, const struct rds_snapshot *snapshot,
                      const struct kist_backup *backup)
{
    if (rds_is_ours(snapshot, backup) && !rds_is_own(snapshot, backup))
        source->work->log(source->work, KIST_LOG_WARNING,
                          "snapshot '%s' stays: a pipeline of the same name on another machine has made it",
                          snapshot->identifier);
    return 0;
}

static int sweep_region(struct rds_source *source, const char *name, const char *identifier,
                        const struct kist_backup *backup, struct kist_error *err)
{
    struct rds_region *region = NULL;
    struct rds_snapshot now;
    int code = rds_left(source) > 0 ? rds_region_open(source, name, &region, err) : fail_late(source, name, err);
    if (!code)
        code = rds_find_snapshot(source, region, identifier, &now, err);
    if (code == KIST_ERR_NOT_FOUND)
        return 0;
    /* Somebody else's of that name was never made by this run. */
    if (code || !rds_is_own(&now, backup) || is_going(now.status))
        return code ? code : tell_other(source, &now, backup);
    if (rds_left(source) == 0)
        return fail_late(source, name, err);
    code = delete_it(source, region, identifier, SWEEP_MS, err);
    if (!code)
        source->work->log(source->work, KIST_LOG_INFO, "deleted snapshot '%s' in %s, which belongs to no backup",
                          identifier, region->name);
    return code;
}

/* Copies first: a snapshot that is being copied cannot be deleted. What fails here does not keep the others. */
static int sweep_all(struct rds_source *source, const char *identifier, const struct kist_backup *backup,
                     struct kist_error *err)
{
    struct kist_error first = KIST_FAULT_INIT;
    int failed = 0;
    for (size_t i = source->copy_count + 1; i-- > 0;)
        if (sweep_region(source, source->regions[i]->name, identifier, backup, failed ? err : &first))
            failed = 1;
    int code = failed ? kist_fault_repeat(source->work, &first, err) : 0;
    kist_fault_clear(&first);
    return code;
}

int rds_backup_sweep(void *self, const struct kist_backup *backup, struct kist_error *err)
{
    struct rds_source *source = self;
    int64_t pause = source->config->poll.ms < CONFIRM_MS ? source->config->poll.ms : CONFIRM_MS;
    char identifier[RDS_IDENTIFIER_MAX + 1];
    if (rds_identifier(source, backup, identifier))
        return 0; /* then there never was one */
    int code = rds_calm(source, err);
    if (!code)
        rds_export_cancel(source, identifier);
    if (!code)
        code = sweep_all(source, identifier, backup, err);
    /* What was asked for a moment ago, by a request whose reply nobody has heard, may not be listed yet. */
    if (!code)
        code = kist_again_wait(source->work, pause, err);
    return code ? code : sweep_all(source, identifier, backup, err);
}
