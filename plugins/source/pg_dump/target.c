#include "pg_dump.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"

/* Everything that a person or a program put there: what an extension brought does not count, nor an empty schema.
 */
#define CONTENTS_SQL                                                                                              \
    "WITH own AS (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class c "    \
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r','p','v','m','S','f','c') "  \
    "AND n.nspname !~ '^(pg_|information_schema$)' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d "           \
    "WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') "                 \
    "UNION ALL SELECT pg_catalog.format('%I.%I()', n.nspname, p.proname) FROM pg_catalog.pg_proc p "              \
    "JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname !~ '^(pg_|information_schema$)' "   \
    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass "        \
    "AND d.objid = p.oid AND d.deptype = 'e') "                                                                   \
    "UNION ALL SELECT pg_catalog.format('%I.%I', n.nspname, t.typname) FROM pg_catalog.pg_type t "                \
    "JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype IN ('d','e','r') "                  \
    "AND n.nspname !~ '^(pg_|information_schema$)' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d "           \
    "WHERE d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e') "                  \
    "UNION ALL SELECT 'large object ' || l.oid FROM pg_catalog.pg_largeobject_metadata l) "                       \
    "SELECT name, pg_catalog.count(*) OVER () FROM own ORDER BY 1 LIMIT 3"

void pgd_target_done(struct pgd_target *target)
{
    pgd_params_done(&target->params);
    pgd_params_done(&target->maintenance);
    pgd_server_done(&target->server);
    free(target->database);
}

static int refuse_contents(struct pgd_target *target, const PGresult *result, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    char names[512] = "";
    for (int row = 0; row < PQntuples(result); row++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", row ? ", " : "", PQgetvalue(result, row, 0));
    }
    kist_child_clean_text(names);
    int code = host->fail(host, err, KIST_ERR_REFUSED,
                          "database '%s' on %s is not empty: it holds %s object(s), such as %s", target->database,
                          target->server.where, PQgetvalue(result, 0, 1), names);
    host->hint(host, err,
               "restore into an empty or new database (--create), or replace what is there with --clean");
    return code;
}

static int look_inside(struct pgd_target *target, struct pgd_link *link, int clean, struct kist_error *err)
{
    PGresult *result = NULL;
    int code = pgd_query(link, CONTENTS_SQL, 0, NULL, &result, err);
    if (!code && PQntuples(result) > 0) {
        target->clean = 1;
        if (!clean)
            code = refuse_contents(target, result, err);
    }
    PQclear(result);
    return code;
}

/* Connects to a database of the target's server that is always there. */
static int reach_maintenance(struct pgd_target *target, struct pgd_link *ret_link, struct kist_error *err)
{
    static const char *const names[] = {"postgres", "template1"};
    const struct kist_host *host = target->host;
    int code = pgd_params_copy(host, &target->params, &target->maintenance, err);
    for (size_t i = 0; !code && i < 2; i++) {
        if (pgd_param_set(target->maintenance.options, "dbname", names[i]) != 0)
            return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
        code = pgd_look(host, &target->maintenance, target->timeout_ms, ret_link, &target->server, err);
        if (code != KIST_ERR_NOT_FOUND)
            break;
        code = i == 0 ? 0 : code;
    }
    return code;
}

/* The database is missing and shall be made: can it be? It is made later, when the archive has told its encoding.
 */
static int prepare_new(struct pgd_target *target, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    struct pgd_link link = {.host = host};
    PGresult *result = NULL;
    int code = reach_maintenance(target, &link, err);
    if (!code)
        code = pgd_query(&link,
                         "SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user", 0,
                         NULL, &result, err);
    if (!code && (PQntuples(result) != 1 || *PQgetvalue(result, 0, 0) != 't')) {
        code = host->fail(host, err, KIST_ERR_AUTH, "role '%s' may not create database '%s' on %s",
                          PQuser(link.conn), target->database, target->server.where);
        host->hint(host, err, "ALTER ROLE ... CREATEDB, or make the database and leave --create out");
    }
    PQclear(result);
    char *pinned = code ? NULL : pgd_conninfo_pinned(link.conn, target->database, 1);
    if (!code && !pinned)
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (pinned) {
        free(target->server.conninfo_restore);
        target->server.conninfo_restore = pinned;
    }
    pgd_disconnect(&link);
    target->missing = !code;
    return code;
}

static int look_at(struct pgd_target *target, const struct kist_restore *restore, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    struct pgd_link link = {.host = host};
    int code = pgd_look(host, &target->params, target->timeout_ms, &link, &target->server, err);
    if (code == KIST_ERR_NOT_FOUND && (restore->flags & KIST_RESTORE_CREATE))
        return prepare_new(target, err);
    if (code == KIST_ERR_NOT_FOUND)
        host->hint(host, err, "--create makes the database");
    if (!code && target->server.standby)
        code =
            host->fail(host, err, KIST_ERR_CONFIG, "%s is a standby: it can only be read", target->server.where);
    if (!code)
        code = look_inside(target, &link, (restore->flags & KIST_RESTORE_CLEAN) != 0, err);
    pgd_disconnect(&link);
    return code;
}

int pgd_target_prepare(const struct pgd_source *source, const struct kist_restore *restore,
                       struct pgd_target *ret_target, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    struct pgd_target target = {.host = host, .timeout_ms = source->config->connect_timeout.ms};
    int code = pgd_params_from_target(host, &source->params, restore->target, &target.params, err);
    if (!code && !(target.database = strdup(pgd_param(target.params.options, "dbname"))))
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (!code)
        code = look_at(&target, restore, err);
    if (code)
        pgd_target_done(&target);
    else
        *ret_target = target;
    return code;
}

/* ---- making and dropping it ---- */

static int create(struct pgd_target *target, struct pgd_link *link, const char *encoding, int plain_locale,
                  struct kist_error *err)
{
    char *name = PQescapeIdentifier(link->conn, target->database, strlen(target->database));
    char *kind = encoding ? PQescapeLiteral(link->conn, encoding, strlen(encoding)) : NULL, *sql = NULL;
    const char *locale = !plain_locale ? ""
                         : target->server.version_num >= 150000
                             ? " LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
                             : " LC_COLLATE 'C' LC_CTYPE 'C'";
    int code = 0;
    if (!name || (encoding && !kind) ||
        asprintf(&sql, "CREATE DATABASE %s TEMPLATE template0%s%s%s", name, kind ? " ENCODING " : "",
                 kind ? kind : "", locale) < 0) {
        sql = NULL;
        code = link->host->fail(link->host, err, KIST_ERR_FAILED, "out of memory");
    }
    if (!code)
        code = pgd_execute(link, sql, err);
    PQfreemem(name);
    PQfreemem(kind);
    free(sql);
    return code;
}

int pgd_target_make(struct pgd_target *target, const char *encoding, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    struct pgd_link link = {.host = host};
    if (!target->missing)
        return 0;
    int code = pgd_connect(&link, &target->maintenance, target->timeout_ms, err), plain_locale = 0;
    if (!code)
        code = create(target, &link, encoding, 0, err);
    if (code && encoding && err->message && strstr(err->message, encoding)) {
        /* The server's own locale does not fit the encoding; the C locale fits every one. */
        plain_locale = 1;
        code = create(target, &link, encoding, 1, err);
    }
    pgd_disconnect(&link);
    if (code)
        return code;
    target->missing = 0;
    target->made = 1;
    host->log(host, KIST_LOG_INFO, "created database '%s' on %s (encoding %s%s)", target->database,
              target->server.where, encoding ? encoding : "of the server", plain_locale ? ", locale C" : "");
    return 0;
}

static int drop(struct pgd_target *target, struct pgd_link *link, struct kist_error *err)
{
    char *sql = NULL, *name = PQescapeIdentifier(link->conn, target->database, strlen(target->database));
    int code = KIST_ERR_FAILED;
    /* The session of the program that was stopped may linger. */
    if (name && asprintf(&sql, "DROP DATABASE %s%s", name,
                         target->server.version_num >= 130000 ? " WITH (FORCE)" : "") >= 0)
        code = pgd_execute(link, sql, err);
    PQfreemem(name);
    free(sql);
    return code;
}

void pgd_target_drop(struct pgd_target *target)
{
    const struct kist_host *host = target->host;
    struct kist_error err = {.struct_size = sizeof err};
    struct pgd_link link = {.host = host, .cleaning_up = 1};
    if (!target->made)
        return;
    int code = pgd_connect(&link, &target->maintenance, target->timeout_ms, &err);
    if (!code)
        code = drop(target, &link, &err);
    pgd_disconnect(&link);
    if (code)
        host->log(host, KIST_LOG_WARNING,
                  "database '%s', created for this restore, could not be dropped again: %s", target->database,
                  err.message ? err.message : "unknown reason");
    else
        host->log(host, KIST_LOG_INFO, "dropped database '%s' again, the restore did not succeed",
                  target->database);
    target->made = 0;
    target->missing = 1;
    /* Here nobody else sees the error: its strings, made by malloc, are ours to free. */
    free(err.message);
    free(err.hint);
}
