#include "restore.h"

#include <stdlib.h>
#include <string.h>

void pgd_target_done(struct pgd_target *target)
{
    pgd_params_done(&target->params);
    pgd_params_done(&target->maintenance);
    pgd_params_done(&target->result);
    pgd_server_done(&target->server);
    free(target->database);
    free(target->fresh);
    free(target->make_sql);
    free(target->holds);
    free(target->look);
    *target = (struct pgd_target){0};
}

const char *pgd_target_name(const struct pgd_target *target)
{
    return target->fresh ? target->fresh : target->database;
}

static int refuse_contents(struct pgd_target *target, const char *examples, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    int code = host->fail(host, err, KIST_ERR_REFUSED, "database '%s' on %s is not empty: it holds %s, such as %s",
                          target->database, target->server.where, target->holds, examples);
    host->hint(host, err,
               "restore beside it or into a new database (--create), or replace what is there with --in-place");
    return code;
}

/* A subscription cannot be dropped in a transaction, and without its name it would go on holding what the other
 * server keeps for it. */
static int refuse_subscriptions(struct pgd_target *target, struct pgd_link *link, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    PGresult *result = NULL;
    int code =
        pgd_query(link,
                  "SELECT s.subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = "
                  "s.subdbid WHERE d.datname = pg_catalog.current_database() ORDER BY 1 LIMIT 1",
                  0, NULL, &result, err);
    if (!code && PQntuples(result) > 0) {
        code = host->fail(host, err, KIST_ERR_REFUSED,
                          "database '%s' has the subscription '%s', which cannot be replaced in one transaction",
                          target->database, PQgetvalue(result, 0, 0));
        host->hint(host, err, "drop the subscription first, or restore beside the database");
    }
    PQclear(result);
    return code;
}

/* The database is missing and shall be made: can it be? It is made later, when the archive has told its
 * encoding. */
static int prepare_new(const struct pgd_source *source, const char *asked, struct pgd_target *target,
                       struct kist_error *err)
{
    const struct kist_host *host = target->host;
    struct pgd_maintenance work = {0};
    PGresult *result = NULL;
    int code = pgd_maintenance_reach(host, &target->params, NULL, target->timeout_ms, &work, err);
    if (code)
        return code;
    code = pgd_query(&work.link,
                     "SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user", 0,
                     NULL, &result, err);
    if (!code && (PQntuples(result) != 1 || *PQgetvalue(result, 0, 0) != 't')) {
        code = host->fail(host, err, KIST_ERR_AUTH, "role '%s' may not create database '%s' on %s",
                          PQuser(work.link.conn), target->database, work.server.where);
        host->hint(host, err, "ALTER ROLE ... CREATEDB, or make the database and leave --create out");
    }
    PQclear(result);
    char *pinned = code ? NULL : pgd_conninfo_pinned(work.link.conn, target->database, 1);
    if (!code && !pinned)
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (!code)
        code = pgd_place_recognize(source, asked, target, &work.link, err);
    if (!code)
        code = pgd_place_describe(target, work.link.conn, err);
    if (!code) {
        free(work.server.conninfo_restore);
        work.server.conninfo_restore = pinned;
        target->server = work.server;
        target->maintenance = work.params;
        work.server = (struct pgd_server){0};
        work.params = (struct pgd_params){0};
        target->missing = target->is_new = 1;
        target->place_flags |= KIST_PLACE_MISSING;
    } else {
        free(pinned);
    }
    pgd_maintenance_done(&work);
    return code;
}

/* What is done with a target that is there. */
static int decide(struct pgd_target *target, struct pgd_link *link, const struct kist_restore *restore,
                  const char *examples, struct kist_error *err)
{
    uint32_t flags = restore->flags;
    if (flags & KIST_RESTORE_DATA_ONLY)
        return pgd_contents_no_rows(target, link, restore, err);
    if (flags & KIST_RESTORE_CLEAN) {
        target->replace = 1;
        return restore->tables || restore->schemas ? 0 : refuse_subscriptions(target, link, err);
    }
    if (!target->holds)
        return 0;
    if (flags & KIST_RESTORE_BESIDE)
        return pgd_beside_prepare(target, link, err);
    return refuse_contents(target, examples, err);
}

static int refuse_source(struct pgd_target *target, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    return host->fail(host, err, KIST_ERR_REFUSED,
                      "database '%s' on %s is the one that is backed up: a drill does not go there",
                      target->database, target->server.where);
}

static int look_at(const struct pgd_source *source, struct pgd_target *target, const struct kist_restore *restore,
                   struct kist_error *err)
{
    const struct kist_host *host = target->host;
    struct pgd_link link = {.host = host};
    char *examples = NULL;
    int code = pgd_look(host, &target->params, target->timeout_ms, &link, &target->server, err);
    if (code == KIST_ERR_NOT_FOUND && (restore->flags & KIST_RESTORE_CREATE))
        return prepare_new(source, restore->target, target, err);
    if (code == KIST_ERR_NOT_FOUND)
        host->hint(host, err, "--create makes the database");
    if (!code && target->server.standby)
        code =
            host->fail(host, err, KIST_ERR_CONFIG, "%s is a standby: it can only be read", target->server.where);
    if (!code)
        code = pgd_place_recognize(source, restore->target, target, &link, err);
    if (!code && (restore->flags & KIST_RESTORE_DRILL) && (target->place_flags & KIST_PLACE_SOURCE))
        code = refuse_source(target, err);
    if (!code)
        code = pgd_contents_look(target, &link, &examples, err);
    if (!code)
        code = decide(target, &link, restore, examples, err);
    if (!code)
        code = pgd_place_describe(target, link.conn, err);
    pgd_disconnect(&link);
    free(examples);
    return code;
}

/* Several sessions are no transaction: they are let loose only where nothing can be lost. */
static int check_jobs(struct pgd_target *target, const struct kist_restore *restore, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    if (restore->jobs <= 1 || target->is_new || (restore->flags & KIST_RESTORE_DRILL))
        return 0;
    int code =
        host->fail(host, err, KIST_ERR_REFUSED,
                   "with --jobs a restore is not one transaction, and database '%s' on %s was not made for it",
                   target->database, target->server.where);
    host->hint(host, err, "leave --jobs out, or restore into a new database (--create)");
    return code;
}

static int take_names(struct pgd_target *target, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    int code = pgd_params_copy(host, &target->params, &target->result, err);
    if (!code && !(target->database = strdup(kist_pg_param(target->params.options, "dbname"))))
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    return code;
}

int pgd_target_prepare(const struct pgd_source *source, const struct kist_restore *restore,
                       struct pgd_target *ret_target, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    struct pgd_target target = {.host = host, .timeout_ms = source->config->connect_timeout.ms};
    int code = pgd_params_from_target(host, &source->params, restore->target, &target.params, err);
    if (!code)
        code = take_names(&target, err);
    if (!code)
        code = look_at(source, &target, restore, err);
    if (!code)
        code = check_jobs(&target, restore, err);
    if (code)
        pgd_target_done(&target);
    else
        *ret_target = target;
    return code;
}
