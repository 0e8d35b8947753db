/* find.c - asking RDS for a snapshot, an instance or a cluster by its identifier. */
#include "rds.h"

#include <stdio.h>
#include <string.h>

/* What a reply lists, and how it is asked for. */
struct kind {
    const char *action, *parameter, *list, *element, *missing, *word;
};

static const struct kind snapshots[] = {
    {"DescribeDBSnapshots", "DBSnapshotIdentifier", "DBSnapshots", "DBSnapshot", "DBSnapshotNotFound", "snapshot"},
    {"DescribeDBClusterSnapshots", "DBClusterSnapshotIdentifier", "DBClusterSnapshots", "DBClusterSnapshot",
     "DBClusterSnapshotNotFound", "snapshot"}};
static const struct kind databases[] = {
    {"DescribeDBInstances", "DBInstanceIdentifier", "DBInstances", "DBInstance", "DBInstanceNotFound", "instance"},
    {"DescribeDBClusters", "DBClusterIdentifier", "DBClusters", "DBCluster", "DBClusterNotFound", "cluster"}};

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
    if (code)
        return rds_was(source, kind->missing) ? fail_missing(source, region, kind, identifier, err) : code;
    const struct kist_xml *list = kist_xml_child(reply->result, kind->list), *element = NULL;
    /* It has been asked for by its whole name, so a reply has no second page, and nothing else on it. */
    for (element = list ? kist_xml_child(list, kind->element) : NULL; element;
         element = kist_xml_next(element, kind->element)) {
        const char *name = kist_xml_value(element, kind->parameter);
        if (name && rds_same(name, identifier))
            break;
    }
    *ret_element = element;
    return element ? 0 : fail_missing(source, region, kind, identifier, err);
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

int rds_is_ours(const struct rds_snapshot *snapshot, const struct kist_backup *backup)
{
    return snapshot->pipeline[0] && strcmp(snapshot->pipeline, backup->pipeline) == 0 &&
           strcmp(snapshot->backup, backup->id) == 0 && strcmp(snapshot->type, "manual") == 0;
}
