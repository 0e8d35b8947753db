/* restore_make.c - asks RDS for the new instance or cluster, and waits until it can be used. */
#include "rds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRANSIENT_MS (15 * RDS_MINUTE)

/* ---- what is asked for ---- */

static void add_groups(const struct rds_restore *r, struct rds_form *form)
{
    static const char name[] = "VpcSecurityGroupIds.VpcSecurityGroupId";
    const kist_list *groups = &r->source->config->security_groups;
    int are_set = groups->count > 0 && rds_is_home(r->source, r->region->name);
    char row[80];
    if (are_set)
        rds_form_add_list(form, name, groups);
    for (size_t i = 0; !are_set && i < r->origin.group_count; i++) {
        snprintf(row, sizeof row, "%s.%zu", name, i + 1);
        rds_form_add(form, row, r->origin.groups[i]);
    }
}

/* Left to itself, RDS takes the default network of the account, where the new one may be open to everybody. */
static void add_network(const struct rds_restore *r, struct rds_form *form)
{
    const char *group = rds_is_home(r->source, r->region->name) ? r->source->config->subnet_group : NULL;
    if (!group && r->origin.subnet_group[0])
        group = r->origin.subnet_group;
    rds_form_add(form, "DBSubnetGroupName", group);
    add_groups(r, form);
}

static void add_tags(const struct rds_restore *r, struct rds_form *form)
{
    rds_form_add_tag(form, 1, RDS_TAG_RESTORED, r->from);
    rds_form_add_tags(form, 2, &r->source->config->tags);
}

static void add_moment(const struct rds_restore *r, const char *time_name, struct rds_form *form)
{
    if (strcmp(r->at, "latest") == 0)
        rds_form_add(form, "UseLatestRestorableTime", "true");
    else
        rds_form_add(form, time_name, r->at);
}

static void fill_instance(const struct rds_restore *r, struct rds_form *form)
{
    if (r->at[0]) {
        rds_form_begin(form, "RestoreDBInstanceToPointInTime");
        rds_form_add(form, "TargetDBInstanceIdentifier", r->target);
        rds_form_add(form, r->resource[0] ? "SourceDbiResourceId" : "SourceDBInstanceIdentifier",
                     r->resource[0] ? r->resource : rds_of(r->source));
        add_moment(r, "RestoreTime", form);
    } else {
        rds_form_begin(form, "RestoreDBInstanceFromDBSnapshot");
        rds_form_add(form, "DBInstanceIdentifier", r->target);
        rds_form_add(form, "DBSnapshotIdentifier", r->snapshot.identifier);
    }
    rds_form_add(form, "DBInstanceClass", r->source->config->instance_class);
    rds_form_add(form, "PubliclyAccessible", r->origin.is_public ? "true" : "false");
    add_network(r, form);
    add_tags(r, form);
}

/* A Multi-AZ cluster comes with its instances; one of Aurora has none until they are made. */
static int is_aurora(const struct rds_restore *r)
{
    return rds_is_aurora(r->at[0] ? r->origin.engine : r->snapshot.engine);
}

static void fill_cluster(const struct rds_restore *r, struct rds_form *form)
{
    if (r->at[0]) {
        rds_form_begin(form, "RestoreDBClusterToPointInTime");
        rds_form_add(form, "DBClusterIdentifier", r->target);
        rds_form_add(form, "SourceDBClusterIdentifier", rds_of(r->source));
        add_moment(r, "RestoreToTime", form);
    } else {
        rds_form_begin(form, "RestoreDBClusterFromSnapshot");
        rds_form_add(form, "DBClusterIdentifier", r->target);
        rds_form_add(form, "SnapshotIdentifier", r->snapshot.identifier);
        rds_form_add(form, "Engine", r->snapshot.engine);
        rds_form_add(form, "EngineVersion", r->snapshot.version[0] ? r->snapshot.version : NULL);
    }
    if (!is_aurora(r)) {
        rds_form_add(form, "DBClusterInstanceClass", r->source->config->instance_class);
        rds_form_add(form, "PubliclyAccessible", "false");
    }
    add_network(r, form);
    add_tags(r, form);
}

/* The instance that a restored cluster needs to be of use. */
static void fill_member(const struct rds_restore *r, const char *name, struct rds_form *form)
{
    rds_form_begin(form, "CreateDBInstance");
    rds_form_add(form, "DBInstanceIdentifier", name);
    rds_form_add(form, "DBClusterIdentifier", r->target);
    rds_form_add(form, "DBInstanceClass", r->source->config->instance_class);
    rds_form_add(form, "Engine", r->made.engine);
    rds_form_add(form, "PubliclyAccessible", "false");
    add_tags(r, form);
}

/* ---- asking for it ---- */

/* What is made: a cluster, its member, or an instance. */
struct making {
    struct rds_restore *restore;
    const char *name;
    int is_cluster, is_member;
};

static int ask_once(const struct making *m, const char *what, struct rds_database *ret_made,
                    struct kist_error *err)
{
    struct rds_restore *r = m->restore;
    struct rds_form form;
    struct rds_reply reply = {0};
    if (m->is_member)
        fill_member(r, m->name, &form);
    else if (m->is_cluster)
        fill_cluster(r, &form);
    else
        fill_instance(r, &form);
    int code = rds_call(r->source, r->region, &form, what, &reply, err);
    if (!code)
        code = rds_words_database(r->source->work,
                                  kist_xml_child(reply.result, m->is_cluster ? "DBCluster" : "DBInstance"),
                                  ret_made, err);
    if (!code && !rds_same(ret_made->identifier, m->name))
        code = r->source->work->fail(r->source->work, err, KIST_ERR_CORRUPT,
                                     "cannot %s: RDS answers with another one, '%s'", what, ret_made->identifier);
    rds_reply_done(&reply);
    rds_form_done(&form);
    return code;
}

/* After a try that may have made it in spite of its answer: 1, 0, or an error. */
static int was_made(const struct making *m, struct rds_database *ret_made, struct kist_error *err)
{
    struct rds_restore *r = m->restore;
    const struct kist_host *host = r->source->work;
    struct rds_database found;
    int code = rds_find_database(r->source, r->region, m->is_cluster, m->name, &found, err);
    if (code)
        return code == KIST_ERR_NOT_FOUND ? 0 : code;
    if (strcmp(found.restored_from, r->from) != 0) {
        host->fail(host, err, KIST_ERR_REFUSED, "somebody else has made '%s' meanwhile", m->name);
        host->hint(host, err, "it was left alone: restore again, with another name for --to");
        return KIST_ERR_REFUSED;
    }
    *ret_made = found;
    return 1;
}

static int make(const struct making *m, const char *what, struct rds_database *ret_made, struct kist_error *err)
{
    struct rds_source *source = m->restore->source;
    struct kist_error own = KIST_FAULT_INIT;
    struct kist_again again = kist_again_begin(source->work, rds_limit(source, TRANSIENT_MS));
    int code = 0, made = 0;
    do {
        kist_fault_clear(&own);
        code = ask_once(m, what, ret_made, &own);
        if (!code || (!own.retryable && code != KIST_ERR_EXISTS))
            break;
        made = rds_is_refusal(source) ? 0 : was_made(m, ret_made, err);
        source->work->retry(source->work, &own, 1, own.retry_after_ms);
    } while (made == 0 && kist_again(&again, &own));
    if (made == 1)
        code = 0;
    else if (made < 0)
        code = made;
    else if (code)
        code = kist_fault_repeat(source->work, &own, err);
    kist_fault_clear(&own);
    return code;
}

/* ---- making and waiting ---- */

static int make_and_wait(const struct making *m, struct rds_database *ret_made, struct kist_error *err)
{
    struct rds_source *source = m->restore->source;
    const struct kist_host *host = source->work;
    char what[256];
    snprintf(what, sizeof what, "make %s '%s' in %s", m->is_cluster ? "cluster" : "instance", m->name,
             m->restore->region->name);
    host->log(host, KIST_LOG_INFO, "%s", what);
    int code = make(m, what, ret_made, err);
    if (code == KIST_ERR_CANCELLED || code == KIST_ERR_TIMEOUT || code == KIST_ERR_UNAVAILABLE)
        host->log(host, KIST_LOG_WARNING, "'%s' may be there: kist deletes no instance, so see to it at RDS",
                  m->name);
    if (code)
        return code;
    code = rds_wait_database(source, m->restore->region, m->is_cluster, ret_made, err);
    if (code && code != KIST_ERR_NOT_FOUND)
        host->log(host, KIST_LOG_WARNING, "'%s' is left as it is: kist deletes no instance", m->name);
    return code;
}

int rds_restore_make(struct rds_restore *r, struct kist_error *err)
{
    struct rds_source *source = r->source;
    int is_cluster = rds_is_cluster(source);
    char name[RDS_INSTANCE_MAX + 8];
    struct rds_database member;
    const struct making whole = {.restore = r, .name = r->target, .is_cluster = is_cluster};
    const struct making part = {.restore = r, .name = name, .is_member = 1};
    rds_begin(source, source->config->wait.ms);
    int code = make_and_wait(&whole, &r->made, err);
    if (code || !is_cluster || !is_aurora(r))
        return code;
    snprintf(name, sizeof name, "%s-1", r->target);
    code = make_and_wait(&part, &member, err);
    if (code)
        source->work->log(source->work, KIST_LOG_WARNING, "cluster '%s' is left without an instance", r->target);
    /* Only now its address leads somewhere. */
    return code ? code : rds_find_database(source, r->region, 1, r->target, &r->made, err);
}
