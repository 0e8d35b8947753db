#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEFT_AFTER_S (24 * 60 * 60)

/* ---- is it the source? ---- */

/* What a server is, however it was reached. */
struct identity {
    char system[32];  /* of its data directory, which a copy has too; "" when the role may not read it */
    char process[96]; /* its start to the microsecond, and its port */
};

static int read_text(struct pgd_link *link, const char *sql, char *ret_text, size_t size, struct kist_error *err)
{
    PGresult *result = NULL;
    int code = pgd_query(link, sql, 0, NULL, &result, err);
    if (!code && PQntuples(result) == 1)
        snprintf(ret_text, size, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return code;
}

static int identify(struct pgd_link *link, struct identity *ret_identity, struct kist_error *err)
{
    struct kist_error ignored = {.struct_size = sizeof ignored};
    if (read_text(link, "SELECT system_identifier FROM pg_catalog.pg_control_system()", ret_identity->system,
                  sizeof ret_identity->system, &ignored) != 0)
        link->host->log(link->host, KIST_LOG_DEBUG, "the server's system identifier is not shown: %s",
                        ignored.message ? ignored.message : "");
    free(ignored.message);
    free(ignored.hint);
    return read_text(link,
                     "SELECT pg_catalog.pg_postmaster_start_time()::text || ' ' || "
                     "pg_catalog.current_setting('port')",
                     ret_identity->process, sizeof ret_identity->process, err);
}

/* From another database of its server if possible: the source is not even connected to. */
static int identify_source(const struct pgd_source *source, struct identity *ret_identity, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    const char *avoid[] = {kist_pg_param(source->params.options, "dbname"), NULL};
    int64_t timeout_ms = source->config->connect_timeout.ms;
    struct pgd_maintenance work = {.link = {.host = host}};
    int code = pgd_maintenance_reach(host, &source->params, avoid, timeout_ms, &work, err);
    if (code == KIST_ERR_AUTH || code == KIST_ERR_NOT_FOUND)
        code = pgd_look(host, &source->params, timeout_ms, &work.link, &work.server, err);
    if (!code)
        code = identify(&work.link, ret_identity, err);
    pgd_maintenance_done(&work);
    return code;
}

static int is_same_text(const PQconninfoOption *a, const PQconninfoOption *b, const char *keyword)
{
    const char *left = kist_pg_param(a, keyword), *right = kist_pg_param(b, keyword);
    return left && right ? strcmp(left, right) == 0 : left == right;
}

/* A drill must work when the source is gone: then what the configuration says is all there is to compare. */
static int compare_unreached(const struct pgd_source *source, const struct pgd_params *drill,
                             struct kist_error *why)
{
    source->host->log(source->host, KIST_LOG_INFO,
                      "the source cannot be asked whether drill_url names it, only names are compared: %s",
                      why->message ? why->message : "");
    return is_same_text(source->params.options, drill->options, "host") &&
           is_same_text(source->params.options, drill->options, "hostaddr") &&
           is_same_text(source->params.options, drill->options, "port");
}

static int is_source(const struct pgd_source *source, const struct pgd_params *drill, struct pgd_maintenance *work,
                     int *ret_is, struct kist_error *err)
{
    struct identity here = {0}, there = {0};
    const char *named = kist_pg_param(drill->options, "dbname");
    const char *own = kist_pg_param(source->params.options, "dbname");
    *ret_is = 0;
    if (!named || !own || strcmp(named, own) != 0)
        return 0;
    int code = identify(&work->link, &here, err);
    if (code)
        return code;
    code = identify_source(source, &there, err);
    if (code == KIST_ERR_CANCELLED)
        return code;
    if (code)
        *ret_is = compare_unreached(source, drill, err);
    else
        *ret_is =
            (*here.system && strcmp(here.system, there.system) == 0) || strcmp(here.process, there.process) == 0;
    return 0;
}

int pgd_scratch_guard(const struct pgd_source *source, const struct pgd_params *drill,
                      struct pgd_maintenance *work, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    int same = 0;
    if (work->server.standby)
        return host->fail(host, err, KIST_ERR_REFUSED, "%s (drill_url) is a standby: it can only be read",
                          work->server.where);
    int code = is_source(source, drill, work, &same, err);
    if (!code && same) {
        code =
            host->fail(host, err, KIST_ERR_REFUSED, "drill_url names the database that is backed up: '%s' on %s",
                       kist_pg_param(drill->options, "dbname"), work->server.where);
        host->hint(
            host, err,
            "name another server, or at least another database of this one, such as postgres: a drill makes a "
            "database of its own there");
    }
    return code;
}

/* ---- what killed drills left ---- */

static void drop_left(struct pgd_maintenance *work, const char *name, const char *comment)
{
    const struct kist_host *host = work->link.host;
    struct kist_error err = {.struct_size = sizeof err};
    char *quoted = PQescapeIdentifier(work->link.conn, name, strlen(name)), *sql = NULL;
    /* Without FORCE: whoever has come since keeps it. */
    if (quoted && asprintf(&sql, "DROP DATABASE %s", quoted) >= 0) {
        if (pgd_execute(&work->link, sql, &err) == 0)
            host->log(host, KIST_LOG_INFO, "dropped '%s' on %s, which an earlier drill left (%s)", name,
                      work->server.where, comment);
        else
            host->log(host, KIST_LOG_WARNING, "'%s' on %s, which an earlier drill left, cannot be dropped: %s",
                      name, work->server.where, err.message ? err.message : "");
        free(sql);
    }
    PQfreemem(quoted);
    free(err.message);
    free(err.hint);
}

void pgd_scratch_sweep(struct pgd_maintenance *work)
{
    static const char sql[] =
        "SELECT d.datname, pg_catalog.shobj_description(d.oid, 'pg_database') FROM pg_catalog.pg_database d "
        "WHERE d.datname ~ '^" PGD_SCRATCH_PREFIX "[0-9]{8}_[0-9]{6}_[0-9a-f]{6}$' "
        "AND pg_catalog.substr(d.datname::text, 12, 15) COLLATE \"C\" < $1 "
        "AND pg_catalog.shobj_description(d.oid, 'pg_database') LIKE 'kist drill by %' "
        "AND pg_catalog.pg_has_role(d.datdba, 'USAGE') "
        "AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid)";
    const struct kist_host *host = work->link.host;
    struct kist_error err = {.struct_size = sizeof err};
    time_t before = (time_t)(host->now_ms(host) / 1000 - LEFT_AFTER_S);
    struct tm utc;
    char stamp[32] = "";
    const char *value = stamp;
    PGresult *result = NULL;
    if (!gmtime_r(&before, &utc) || strftime(stamp, sizeof stamp, "%Y%m%d_%H%M%S", &utc) == 0)
        return;
    if (pgd_query(&work->link, sql, 1, &value, &result, &err) != 0)
        host->log(host, KIST_LOG_WARNING, "cannot look for what earlier drills left on %s: %s", work->server.where,
                  err.message ? err.message : "");
    for (int row = 0; row < PQntuples(result); row++)
        drop_left(work, PQgetvalue(result, row, 0), PQgetvalue(result, row, 1));
    PQclear(result);
    free(err.message);
    free(err.hint);
}
