/* find.c - asking RDS for a snapshot, an instance or a cluster by its identifier. */
#include "rds.h"

#include <stdio.h>
#include <string.h>

/* What a reply lists, and how it is asked for. */
struct kind {
    const char *action, *parameter, *list, *element, *arn, *missing, *word;
};

static const struct kind snapshots[] = {{"DescribeDBSnapshots", "DBSnapshotIdentifier", "DBSnapshots",
                                         "DBSnapshot", "DBSnapshotArn", "DBSnapshotNotFound", "snapshot"},
                                        {"DescribeDBClusterSnapshots", "DBClusterSnapshotIdentifier",
                                         "DBClusterSnapshots", "DBClusterSnapshot", "DBClusterSnapshotArn",
                                         "DBClusterSnapshotNotFound", "snapshot"}};
static const struct kind databases[] = {{"DescribeDBInstances", "DBInstanceIdentifier", "DBInstances",
                                         "DBInstance", "DBInstanceArn", "DBInstanceNotFound", "instance"},
                                        {"DescribeDBClusters", "DBClusterIdentifier", "DBClusters", "DBCluster",
                                         "DBClusterArn", "DBClusterNotFound", "cluster"}};

static int fail_missing(struct rds_source *source, const struct rds_region *region, const struct kind *kind,
                        const char *identifier, struct kist_error *err)
{
    return source->work->fail(source->work, err, KIST_ERR_NOT_FOUND, "there is no %s '%s' in %s", kind->word,
                              identifier, region->name);
}

/* The one element of that identifier: NULL and KIST_ERR_NOT_FOUND when there is none. */
static int find(struct rds_source *source, struct rds_region *region, const struct kind *kind,
                const char *identifier, struct rds_reply *reply, const struct kist_xml **ret_element,
                struct kist_error *err)
{
    struct rds_form form;
    char what[400];
    rds_form_begin(&form, kind->action);
    rds_form_add(&form, kind->parameter, identifier);
    snprintf(what, sizeof what, "look for %s '%s' in %s", kind->word, identifier, region->name);
    int code = rds_ask(source, region, &form, what, reply, err);
    rds_form_done(&form);
    if (code && rds_was(source, kind->missing))
        return fail_missing(source, region, kind, identifier, err);
    /* That something else is missing does not say that this is. */
    if (code == KIST_ERR_NOT_FOUND)
        return source->work->fail(source->work, err, KIST_ERR_FAILED, "%s", err->message ? err->message : what);
    if (code)
        return code;
    const struct kist_xml *list = kist_xml_child(reply->result, kind->list);
    const struct kist_xml *element = list ? kist_xml_child(list, kind->element) : NULL;
    if (!element)
        return fail_missing(source, region, kind, identifier, err);
    /* It has been asked for by its whole name, so a reply has no second page, and nothing else on it. */
    const char *name = kist_xml_value(element, kind->parameter);
    if (!name || !rds_same(name, identifier))
        return source->work->fail(source->work, err, KIST_ERR_CORRUPT, "cannot %s: RDS told of another one", what);
    *ret_element = element;
    return 0;
}

int rds_find_snapshot(struct rds_source *source, struct rds_region *region, const char *identifier,
                      struct rds_snapshot *ret_snapshot, struct kist_error *err)
{
    struct rds_reply reply = {0};
    const struct kist_xml *element = NULL;
    int code = find(source, region, &snapshots[rds_is_cluster(source)], identifier, &reply, &element, err);
    if (!code)
        code = rds_words_snapshot(source->work, element, ret_snapshot, err);
    rds_reply_done(&reply);
    return code;
}

int rds_find_database(struct rds_source *source, struct rds_region *region, int is_cluster, const char *identifier,
                      struct rds_database *ret_database, struct kist_error *err)
{
    struct rds_reply reply = {0};
    const struct kist_xml *element = NULL;
    int code = find(source, region, &databases[is_cluster], identifier, &reply, &element, err);
    if (!code)
        code = rds_words_database(source->work, element, ret_database, err);
    rds_reply_done(&reply);
    return code;
}

int rds_find_own(struct rds_source *source, struct rds_database *ret_database, struct kist_error *err)
{
    const struct kist_host *host = source->work;
    struct rds_region *own = NULL;
    int code = rds_region_open(source, NULL, &own, err);
    if (!code)
        code = rds_find_database(source, own, rds_is_cluster(source), rds_of(source), ret_database, err);
    if (code != KIST_ERR_NOT_FOUND)
        return code;
    host->fail(host, err, KIST_ERR_CONFIG, "there is no %s '%s' in %s",
               rds_is_cluster(source) ? "cluster" : "instance", rds_of(source), own->name);
    host->hint(host, err, "correct '%s' or 'region', or use the credentials of its account",
               rds_is_cluster(source) ? "cluster" : "instance");
    return KIST_ERR_CONFIG;
}

/* The account of the first of a list; "" when nothing is on it, or may be looked at. */
static void first_account(struct rds_source *source, struct rds_region *region, const struct kind *kind,
                          char ret_account[32])
{
    struct kist_error ignored = KIST_FAULT_INIT;
    struct rds_form form;
    struct rds_reply reply = {0};
    rds_form_begin(&form, kind->action);
    rds_form_add(&form, "MaxRecords", "20");
    int code = rds_call(source, region, &form, "see which account this is", &reply, &ignored);
    const struct kist_xml *list = code ? NULL : kist_xml_child(reply.result, kind->list);
    const char *arn = list ? kist_xml_value(kist_xml_child(list, kind->element), kind->arn) : NULL;
    rds_words_account(arn ? arn : "", ret_account);
    rds_reply_done(&reply);
    rds_form_done(&form);
    kist_fault_clear(&ignored);
}

void rds_find_account(struct rds_source *source, struct rds_region *region, char ret_account[32])
{
    const struct kind *const kinds[] = {&snapshots[rds_is_cluster(source)], &databases[rds_is_cluster(source)],
                                        &databases[!rds_is_cluster(source)], &snapshots[!rds_is_cluster(source)]};
    rds_words_account(source->database.arn, ret_account);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !ret_account[0]; i++)
        first_account(source, region, kinds[i], ret_account);
}

int rds_is_ours(const struct rds_snapshot *snapshot, const struct kist_backup *backup)
{
    return snapshot->pipeline[0] && strcmp(snapshot->pipeline, backup->pipeline) == 0 &&
           strcmp(snapshot->backup, backup->id) == 0 && strcmp(snapshot->type, "manual") == 0;
}

int rds_is_own(const struct rds_snapshot *snapshot, const struct kist_backup *backup)
{
    char owner[RDS_OWNER_DIGITS + 1];
    return rds_is_ours(snapshot, backup) && rds_name_owner(backup->owner, owner) == 0 &&
           strcmp(snapshot->owner, owner) == 0;
}

const char *rds_differs(const struct rds_snapshot *snapshot, const struct kist_reference *reference)
{
    int64_t apart = snapshot->time_ms - reference->time_ms;
    if (strncmp(reference->id, "arn:", 4) == 0 && strcmp(reference->id, snapshot->arn) != 0)
        return "is in another account or region than the one that was made";
    if (snapshot->time_ms && reference->time_ms && (apart > RDS_MINUTE || apart < -RDS_MINUTE))
        return "is of another time than the one that was made: somebody has put another one in its place";
    return NULL;
}
