/* check.c - would a backup work here? And what a person may want to know of the database. */
#include "rds.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define CHECK_MS RDS_MINUTE

/* ---- facts ---- */

static void number(const struct kist_facts *facts, const char *key, int64_t value)
{
    if (value >= 0)
        facts->number(facts, key, value);
}

static void text(const struct kist_facts *facts, const char *key, const char *value)
{
    if (*value)
        facts->text(facts, key, value);
}

void rds_facts_tell(const struct rds_source *source, const struct kist_facts *facts)
{
    const struct rds_database *d = &source->database;
    facts->text(facts, rds_is_cluster(source) ? "cluster" : "instance", rds_of(source));
    text(facts, "region", source->region_count > 0 && source->regions[0]->name ? source->regions[0]->name : "");
    text(facts, "engine", d->engine);
    text(facts, "server_version", d->version);
    text(facts, "instance_class", d->class);
    text(facts, "status", d->status);
    if (d->storage_gib > 1)
        number(facts, "storage_gib", d->storage_gib);
    number(facts, "history_days", d->retention_days);
    facts->text(facts, "encrypted", d->encrypted ? "yes" : "no");
}

int rds_facts(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    const struct rds_source *source = self;
    (void)err;
    rds_facts_tell(source, facts);
    if (!source->exported.identifier[0])
        return 0;
    facts->begin_object(facts, "export");
    facts->text(facts, "task", source->exported.identifier);
    facts->text(facts, "to", source->config->export_to);
    facts->text(facts, "status", source->exported.status);
    facts->end(facts);
    return 0;
}

/* ---- checks ---- */

int rds_check_status(const struct rds_source *source, struct kist_error *err)
{
    const struct kist_host *host = source->work;
    const struct rds_database *d = &source->database;
    if (strcmp(d->status, "available") == 0 || strcmp(d->status, "storage-optimization") == 0)
        return 0;
    if (rds_is_failed(d->status) || strncmp(d->status, "stop", 4) == 0) {
        host->fail(host, err, KIST_ERR_CONFIG, "'%s' is '%s': RDS makes no snapshot of it", rds_of(source),
                   d->status);
        host->hint(host, err, "start it, or see its events: aws rds describe-events");
        return KIST_ERR_CONFIG;
    }
    host->log(host, KIST_LOG_WARNING, "'%s' is '%s' now: a snapshot has to wait until it is available",
              rds_of(source), d->status);
    return 0;
}

/* May snapshots be listed there? */
static int check_region(struct rds_source *source, const char *name, struct kist_error *err)
{
    struct rds_region *region = NULL;
    struct rds_form form;
    struct rds_reply reply = {0};
    char what[128];
    int code = rds_region_open(source, name, &region, err);
    if (code)
        return code;
    rds_form_begin(&form, rds_is_cluster(source) ? "DescribeDBClusterSnapshots" : "DescribeDBSnapshots");
    rds_form_add(&form, "SnapshotType", "manual");
    rds_form_add(&form, "MaxRecords", "20");
    snprintf(what, sizeof what, "list snapshots in %s", region->name);
    code = rds_ask(source, region, &form, what, &reply, err);
    rds_reply_done(&reply);
    rds_form_done(&form);
    return code;
}

int rds_check(void *self, const struct kist_facts *facts, struct kist_error *err)
{
    struct rds_source *source = self;
    const struct kist_host *host = source->work;
    rds_begin(source, CHECK_MS);
    int code = rds_find_own(source, &source->database, err);
    if (code)
        return code;
    rds_facts_tell(source, facts);
    code = rds_check_status(source, err);
    if (!code)
        code = rds_copy_check(source, source->database.encrypted, err);
    if (!code && source->database.retention_days == 0)
        host->log(
            host, KIST_LOG_WARNING,
            "automated backups of '%s' are off: --at and --latest restore nothing, only snapshots can be restored",
            rds_of(source));
    if (!code && rds_is_cluster(source) && !source->config->instance_class)
        host->log(host, KIST_LOG_WARNING,
                  "a cluster that is restored needs an instance in it: set instance_class");
    for (size_t i = 0; i <= source->copy_count && !code; i++)
        code = check_region(source, source->regions[i]->name, err);
    return code;
}

/* ---- other names ---- */

static int give_host(const char *host, int (*give)(void *arg, const char *name), void *arg)
{
    char name[300];
    if (!*host)
        return 0;
    snprintf(name, sizeof name, "host:%s", host);
    for (char *at = name; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return give(arg, name);
}

int rds_known_as(void *self, int (*give)(void *arg, const char *name), void *arg, struct kist_error *err)
{
    struct rds_source *source = self;
    rds_begin(source, CHECK_MS);
    int code = source->database.identifier[0] ? 0 : rds_find_own(source, &source->database, err);
    if (!code)
        code = give_host(source->database.host, give, arg);
    return code ? code : give_host(source->database.reader, give, arg);
}
