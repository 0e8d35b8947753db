/* restore_at.c - a moment of the history that RDS keeps by itself: is it one that can be restored? */
#include "rds.h"

#include <stdio.h>
#include <string.h>

#define DAY (24 * RDS_HOUR)

/* What the automated backup of an instance tells, which is there for a while after the instance is gone. */
static int ask_backups(struct rds_restore *r, struct rds_database *history, struct kist_error *err)
{
    struct rds_source *source = r->source;
    struct rds_form form;
    struct rds_reply reply = {0};
    rds_form_begin(&form, "DescribeDBInstanceAutomatedBackups");
    rds_form_add(&form, "DBInstanceIdentifier", rds_of(source));
    int code = rds_ask(source, r->region, &form, "look at the automated backups", &reply, err);
    rds_form_done(&form);
    const struct kist_xml *list = code ? NULL : kist_xml_child(reply.result, "DBInstanceAutomatedBackups");
    for (const struct kist_xml *row = list ? kist_xml_child(list, "DBInstanceAutomatedBackup") : NULL; row;
         row = kist_xml_next(row, "DBInstanceAutomatedBackup")) {
        const struct kist_xml *window = kist_xml_child(row, "RestoreWindow");
        const char *name = kist_xml_value(row, "DBInstanceIdentifier"),
                   *resource = kist_xml_value(row, "DbiResourceId");
        int64_t latest = window ? rds_words_time(kist_xml_value(window, "LatestTime")) : 0;
        /* Of instances of that name that were, the newest. */
        if (!name || !rds_same(name, rds_of(source)) || latest <= history->latest_ms)
            continue;
        history->latest_ms = latest;
        history->earliest_ms = rds_words_time(kist_xml_value(window, "EarliestTime"));
        snprintf(r->resource, sizeof r->resource, "%s", resource ? resource : "");
    }
    rds_reply_done(&reply);
    return code && rds_was(source, "DBInstanceAutomatedBackupNotFound") ? 0 : code;
}

static int refuse_none(const struct rds_restore *r, struct kist_error *err)
{
    const struct kist_host *host = r->source->work;
    host->fail(host, err, KIST_ERR_REFUSED, "RDS holds no history of '%s' in %s", rds_of(r->source),
               r->region->name);
    host->hint(host, err, "its automated backups are off, or it is gone: restore a backup of kist instead");
    return KIST_ERR_REFUSED;
}

/* The window, as well as it is known; 0 where it is not. */
static int find_window(struct rds_restore *r, int64_t *ret_earliest, int64_t *ret_latest, struct kist_error *err)
{
    struct rds_database history = {.latest_ms = 0};
    const struct rds_database *origin = &r->origin;
    int is_there = origin->identifier[0] != '\0';
    int code = rds_is_cluster(r->source) ? 0 : ask_backups(r, &history, err);
    if (code)
        return code;
    if (is_there && origin->retention_days == 0 && history.latest_ms == 0)
        return refuse_none(r, err);
    if (!is_there && history.latest_ms == 0)
        return refuse_none(r, err);
    *ret_latest = origin->latest_ms > history.latest_ms ? origin->latest_ms : history.latest_ms;
    *ret_earliest = history.earliest_ms ? history.earliest_ms : origin->earliest_ms;
    if (*ret_earliest == 0 && *ret_latest > 0 && origin->retention_days > 0)
        *ret_earliest = *ret_latest - origin->retention_days * DAY;
    /* One that lives is known by its name. */
    if (is_there)
        r->resource[0] = '\0';
    return 0;
}

static int refuse_outside(const struct rds_restore *r, const char *at, int64_t earliest, int64_t latest,
                          struct kist_error *err)
{
    const struct kist_host *host = r->source->work;
    char from[32], to[32];
    rds_words_show(earliest, from);
    rds_words_show(latest, to);
    host->fail(host, err, KIST_ERR_REFUSED, "%s is outside of the history of '%s', which goes from %s to %s", at,
               rds_of(r->source), from, to);
    host->hint(host, err, "choose a moment within it, or restore a backup of kist");
    return KIST_ERR_REFUSED;
}

int rds_restore_moment(struct rds_restore *r, const char *at, int64_t at_ms, struct kist_error *err)
{
    int64_t earliest = 0, latest = 0;
    int is_latest = strcmp(at, "latest") == 0;
    int code = find_window(r, &earliest, &latest, err);
    if (code)
        return code;
    /* RDS tells seconds, and so takes them. */
    if (!is_latest && ((earliest > 0 && at_ms / RDS_SECOND < earliest / RDS_SECOND) ||
                       (latest > 0 && at_ms / RDS_SECOND > latest / RDS_SECOND)))
        return refuse_outside(r, at, earliest, latest, err);
    if (is_latest)
        snprintf(r->at, sizeof r->at, "latest");
    else
        rds_words_show(at_ms, r->at);
    snprintf(r->from, sizeof r->from, "%s at %s", rds_of(r->source), r->at);
    return 0;
}
