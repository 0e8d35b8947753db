/* words.c - what a reply says of a snapshot, an instance, a cluster or an export: taken over in bounds, or refused. */
#include "rds.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define RETENTION_DAYS_MAX 36500 /* RDS knows 35 */

/* ---- small words ---- */

int64_t rds_words_number(const char *text)
{
    return text ? kist_stamp_number(text, strlen(text)) : -1;
}

int64_t rds_words_time(const char *text)
{
    int64_t ms = 0;
    const char *zone = kist_stamp_read(text, &ms);
    return zone && ms >= 1000 && (strcmp(zone, "Z") == 0 || strcmp(zone, "+00:00") == 0) ? ms : 0;
}

void rds_words_show(int64_t time_ms, char ret_text[32])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm utc = {0};
    ret_text[0] = '\0';
    if (gmtime_r(&seconds, &utc))
        (void)strftime(ret_text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* arn:aws:rds:eu-west-1:123456789012:snapshot:x */
void rds_words_account(const char *arn, char ret_account[32])
{
    const char *at = arn;
    for (int i = 0; i < 4 && at; i++) {
        const char *colon = strchr(at, ':');
        at = colon ? colon + 1 : NULL;
    }
    size_t length = at ? strspn(at, "0123456789") : 0;
    ret_account[0] = '\0';
    if (length > 0 && length < 32 && at[length] == ':') {
        memcpy(ret_account, at, length);
        ret_account[length] = '\0';
    }
}

/* ---- fields ---- */

static int is_plain(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (*at < 0x20 || *at == 0x7f)
            return 0;
    return 1;
}

/* A text that is too long or not printable is none. What has to be there is looked for later. */
static void take(char *to, size_t size, const struct kist_xml *element, const char *name)
{
    const char *text = kist_xml_value(element, name);
    to[0] = '\0';
    if (text && strlen(text) < size && is_plain(text))
        memcpy(to, text, strlen(text) + 1);
}

static int is_true(const struct kist_xml *element, const char *name)
{
    const char *text = kist_xml_value(element, name);
    return text && strcasecmp(text, "true") == 0;
}

int rds_is_aurora(const char *engine)
{
    return !*engine || strncmp(engine, "aurora", 6) == 0;
}

static int is_word(const char *text)
{
    size_t length = strlen(text);
    return length > 0 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_ .") == length;
}

static int is_arn(const char *text)
{
    static const char fits[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:._/-";
    return strncmp(text, "arn:", 4) == 0 && strspn(text, fits) == strlen(text);
}

static int fail_words(const struct kist_host *host, const char *what, struct kist_error *err)
{
    return host->fail(host, err, KIST_ERR_CORRUPT, "RDS told of %s that makes no sense", what);
}

/* The value of a tag; of one that stands twice, none. */
static void take_tag(char *to, size_t size, const struct kist_xml *element, const char *key)
{
    const struct kist_xml *list = kist_xml_child(element, "TagList");
    int found = 0;
    to[0] = '\0';
    for (const struct kist_xml *tag = list ? kist_xml_child(list, "Tag") : NULL; tag;
         tag = kist_xml_next(tag, "Tag")) {
        const char *name = kist_xml_value(tag, "Key");
        if (!name || strcmp(name, key) != 0)
            continue;
        if (found++)
            to[0] = '\0';
        else
            take(to, size, tag, "Value");
    }
}

/* ---- snapshots ---- */

static int64_t size_of(const struct kist_xml *element, int is_cluster)
{
    int64_t gib = rds_words_number(kist_xml_value(element, "AllocatedStorage"));
    /* Aurora tells 0 or 1 whatever it holds. */
    return gib <= (is_cluster ? 1 : 0) || gib > INT64_MAX >> 31 ? -1 : gib << 30;
}

int rds_words_snapshot(const struct kist_host *host, const struct kist_xml *element,
                       struct rds_snapshot *ret_snapshot, struct kist_error *err)
{
    struct rds_snapshot s = {.size = -1};
    int is_cluster = element && strcmp(kist_xml_name(element), "DBClusterSnapshot") == 0;
    if (!element || (!is_cluster && strcmp(kist_xml_name(element), "DBSnapshot") != 0))
        return fail_words(host, "a snapshot", err);
    take(s.identifier, sizeof s.identifier, element,
         is_cluster ? "DBClusterSnapshotIdentifier" : "DBSnapshotIdentifier");
    take(s.of, sizeof s.of, element, is_cluster ? "DBClusterIdentifier" : "DBInstanceIdentifier");
    take(s.arn, sizeof s.arn, element, is_cluster ? "DBClusterSnapshotArn" : "DBSnapshotArn");
    take(s.status, sizeof s.status, element, "Status");
    take(s.type, sizeof s.type, element, "SnapshotType");
    take(s.engine, sizeof s.engine, element, "Engine");
    take(s.version, sizeof s.version, element, "EngineVersion");
    take_tag(s.pipeline, sizeof s.pipeline, element, RDS_TAG_PIPELINE);
    take_tag(s.backup, sizeof s.backup, element, RDS_TAG_BACKUP);
    take_tag(s.owner, sizeof s.owner, element, RDS_TAG_OWNER);
    rds_words_account(s.arn, s.account);
    const char *source =
        kist_xml_value(element, is_cluster ? "SourceDBClusterSnapshotArn" : "SourceDBSnapshotIdentifier");
    s.time_ms = rds_words_time(kist_xml_value(element, "OriginalSnapshotCreateTime"));
    /* Else what a copy tells is when it was copied. */
    if (s.time_ms == 0 && !(source && *source))
        s.time_ms = rds_words_time(kist_xml_value(element, "SnapshotCreateTime"));
    s.size = size_of(element, is_cluster);
    s.percent = rds_words_number(kist_xml_value(element, "PercentProgress"));
    s.encrypted = is_true(element, is_cluster ? "StorageEncrypted" : "Encrypted");
    if (!is_word(s.identifier) || !is_word(s.status) || (s.arn[0] && !is_arn(s.arn)))
        return fail_words(host, "a snapshot", err);
    *ret_snapshot = s;
    return 0;
}

/* ---- instances and clusters ---- */

static int is_host(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == strlen(text) &&
           text[0] != '-';
}

static void take_groups(struct rds_database *d, const struct kist_xml *element)
{
    static const char name[] = "VpcSecurityGroupMembership";
    const struct kist_xml *list = kist_xml_child(element, "VpcSecurityGroups");
    for (const struct kist_xml *row = list ? kist_xml_child(list, name) : NULL;
         row && d->group_count < RDS_GROUPS_MAX; row = kist_xml_next(row, name)) {
        take(d->groups[d->group_count], sizeof d->groups[0], row, "VpcSecurityGroupId");
        d->group_count += d->groups[d->group_count][0] != '\0';
    }
}

static void take_instance(struct rds_database *d, const struct kist_xml *element)
{
    const struct kist_xml *endpoint = kist_xml_child(element, "Endpoint");
    take(d->identifier, sizeof d->identifier, element, "DBInstanceIdentifier");
    take(d->arn, sizeof d->arn, element, "DBInstanceArn");
    take(d->status, sizeof d->status, element, "DBInstanceStatus");
    take(d->class, sizeof d->class, element, "DBInstanceClass");
    take(d->database, sizeof d->database, element, "DBName");
    take(d->host, sizeof d->host, endpoint, "Address");
    d->port = rds_words_number(endpoint ? kist_xml_value(endpoint, "Port") : NULL);
    const struct kist_xml *group = kist_xml_child(element, "DBSubnetGroup");
    take(d->subnet_group, sizeof d->subnet_group, group, "DBSubnetGroupName");
    d->is_public = is_true(element, "PubliclyAccessible");
}

static void take_cluster(struct rds_database *d, const struct kist_xml *element)
{
    take(d->identifier, sizeof d->identifier, element, "DBClusterIdentifier");
    take(d->arn, sizeof d->arn, element, "DBClusterArn");
    take(d->status, sizeof d->status, element, "Status");
    take(d->database, sizeof d->database, element, "DatabaseName");
    take(d->host, sizeof d->host, element, "Endpoint");
    take(d->reader, sizeof d->reader, element, "ReaderEndpoint");
    take(d->subnet_group, sizeof d->subnet_group, element, "DBSubnetGroup");
    d->port = rds_words_number(kist_xml_value(element, "Port"));
}

int rds_words_database(const struct kist_host *host, const struct kist_xml *element,
                       struct rds_database *ret_database, struct kist_error *err)
{
    struct rds_database d = {.port = -1};
    int is_cluster = element && strcmp(kist_xml_name(element), "DBCluster") == 0;
    if (!element || (!is_cluster && strcmp(kist_xml_name(element), "DBInstance") != 0))
        return fail_words(host, "an instance", err);
    if (is_cluster)
        take_cluster(&d, element);
    else
        take_instance(&d, element);
    take_groups(&d, element);
    take_tag(d.restored_from, sizeof d.restored_from, element, RDS_TAG_RESTORED);
    take(d.engine, sizeof d.engine, element, "Engine");
    take(d.version, sizeof d.version, element, "EngineVersion");
    take(d.user, sizeof d.user, element, "MasterUsername");
    d.storage_gib = rds_words_number(kist_xml_value(element, "AllocatedStorage"));
    d.retention_days = rds_words_number(kist_xml_value(element, "BackupRetentionPeriod"));
    if (d.retention_days > RETENTION_DAYS_MAX)
        d.retention_days = -1;
    d.earliest_ms = rds_words_time(kist_xml_value(element, "EarliestRestorableTime"));
    d.latest_ms = rds_words_time(kist_xml_value(element, "LatestRestorableTime"));
    d.encrypted = is_true(element, "StorageEncrypted");
    if (!is_word(d.identifier) || !is_word(d.status) || !is_host(d.host) || !is_host(d.reader) || d.port > 65535)
        return fail_words(host, is_cluster ? "a cluster" : "an instance", err);
    *ret_database = d;
    return 0;
}

/* ---- exports ---- */

int rds_words_export(const struct kist_host *host, const struct kist_xml *element, struct rds_export *ret_export,
                     struct kist_error *err)
{
    struct rds_export e = {.percent = -1};
    if (!element)
        return fail_words(host, "an export", err);
    take(e.identifier, sizeof e.identifier, element, "ExportTaskIdentifier");
    take(e.status, sizeof e.status, element, "Status");
    take(e.source_arn, sizeof e.source_arn, element, "SourceArn");
    take(e.cause, sizeof e.cause, element, "FailureCause");
    e.percent = rds_words_number(kist_xml_value(element, "PercentProgress"));
    if (!is_word(e.identifier) || !is_word(e.status) || !is_arn(e.source_arn))
        return fail_words(host, "an export", err);
    *ret_export = e;
    return 0;
}
