/* look.c - is what a manifest refers to still there, and whole? */
#include "rds.h"

#include <stdio.h>
#include <string.h>

#define LOOK_MS (2 * RDS_MINUTE)

/* States in which it has all of its data; one that is "creating" or "copying" is not the one that was there. */
static int is_whole(const char *status)
{
    static const char *const sound[] = {"available", "modifying", "upgrading"};
    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++)
        if (strcmp(status, sound[i]) == 0)
            return 1;
    return 0;
}

static int fail_wrong(const struct rds_source *source, const struct kist_reference *reference, const char *why,
                      struct kist_error *err)
{
    return source->work->fail(source->work, err, KIST_ERR_CORRUPT, "snapshot '%s' %s", reference->name, why);
}

static int judge(const struct rds_source *source, const struct kist_reference *reference,
                 const struct kist_backup *backup, const struct rds_snapshot *now, struct kist_error *err)
{
    if (!rds_is_ours(now, backup))
        return fail_wrong(source, reference, "does not carry the tags of this backup: it is somebody else's", err);
    const char *why = rds_differs(now, reference);
    if (why)
        return fail_wrong(source, reference, why, err);
    if (is_whole(now->status))
        return 0;
    if (strcmp(now->status, "deleting") == 0 || strcmp(now->status, "deleted") == 0)
        return source->work->fail(source->work, err, KIST_ERR_NOT_FOUND, "snapshot '%s' is being deleted",
                                  reference->name);
    return source->work->fail(source->work, err, KIST_ERR_CORRUPT, "snapshot '%s' is '%s', and of no use",
                              reference->name, now->status);
}

/* ---- is it looked for where it lies? ---- */

int rds_check_kind(const struct rds_source *source, const struct kist_reference *reference, struct kist_error *err)
{
    const struct kist_host *host = source->work;
    if (strcmp(reference->kind, rds_is_cluster(source) ? "cluster snapshot" : "snapshot") == 0)
        return 0;
    host->fail(host, err, KIST_ERR_CONFIG, "'%s' is a %s, and the section names %s", reference->name,
               reference->kind, rds_is_cluster(source) ? "a cluster" : "an instance");
    host->hint(host, err, "give the section the '%s' that it was made of",
               rds_is_cluster(source) ? "instance" : "cluster");
    return KIST_ERR_CONFIG;
}

int rds_fail_missing(struct rds_source *source, struct rds_region *region, const struct kist_reference *reference,
                     struct kist_error *err)
{
    const struct kist_host *host = source->work;
    char account[32];
    if (!reference->account)
        return KIST_ERR_NOT_FOUND;
    rds_find_account(source, region, account);
    if (!account[0] || strcmp(account, reference->account) == 0)
        return KIST_ERR_NOT_FOUND;
    host->fail(host, err, KIST_ERR_CONFIG,
               "snapshot '%s' lies in account %s, and these credentials are of account %s", reference->name,
               reference->account, account);
    host->hint(host, err, "use credentials of the account that it was made in");
    return KIST_ERR_CONFIG;
}

int rds_reference_look(void *self, const struct kist_reference *reference, const struct kist_backup *backup,
                       kist_reference_fn give, void *arg, struct kist_error *err)
{
    struct rds_source *source = self;
    struct rds_region *region = NULL;
    struct rds_snapshot now;
    rds_begin(source, LOOK_MS);
    if (!rds_is_identifier(reference->name, RDS_IDENTIFIER_MAX))
        return fail_wrong(source, reference, "has a name that RDS does not give", err);
    int code = rds_check_kind(source, reference, err);
    if (!code)
        code = rds_region_open(source, reference->region, &region, err);
    if (!code)
        code = rds_find_snapshot(source, region, reference->name, &now, err);
    if (code == KIST_ERR_NOT_FOUND)
        return rds_fail_missing(source, region, reference, err);
    if (!code)
        code = judge(source, reference, backup, &now, err);
    if (code)
        return code;
    struct kist_reference found = *reference;
    found.state = now.status;
    if (now.time_ms)
        found.time_ms = now.time_ms;
    return give(arg, &found);
}
