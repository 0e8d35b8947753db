/* make.c - makes the database that is restored into, and drops it again when that fails. */
#include "restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int create_like_dump(struct pgd_target *target, struct pgd_link *link, const char *encoding,
                            struct kist_error *err)
{
    const struct kist_host *host = target->host;
    int plain_locale = 0, code = create(target, link, encoding, 0, err);
    if (code && encoding && err->message && strstr(err->message, encoding)) {
        /* The server's own locale does not fit the encoding; the C locale fits every one. */
        plain_locale = 1;
        code = create(target, link, encoding, 1, err);
    }
    if (!code)
        host->log(host, KIST_LOG_INFO, "created database '%s' on %s (encoding %s%s)", target->database,
                  target->server.where, encoding ? encoding : "of the server", plain_locale ? ", locale C" : "");
    return code;
}

static int create_beside(struct pgd_target *target, struct pgd_link *link, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    int code = pgd_execute(link, target->make_sql, err);
    if (!code)
        host->log(host, KIST_LOG_INFO, "created database '%s' beside '%s' on %s", target->fresh, target->database,
                  target->server.where);
    return code;
}

/* Nobody comes into the new database ($2) who may not come into the living one ($1); the rest of its grants waits for a swap.
 * Then it takes connections. */
static const char open_sql[] =
    "WITH l AS (SELECT datacl FROM pg_catalog.pg_database WHERE datname = $1 AND NOT EXISTS (SELECT FROM "
    "pg_catalog.aclexplode(COALESCE(datacl, pg_catalog.acldefault('d', datdba))) a WHERE a.grantee = 0 AND "
    "a.privilege_type = 'CONNECT')) "
    "SELECT 1 AS step, pg_catalog.format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', $2::text) FROM l "
    "UNION ALL SELECT 2, pg_catalog.format('GRANT CONNECT ON DATABASE %I TO %I', $2::text, "
    "pg_catalog.pg_get_userbyid(a.grantee)) FROM l CROSS JOIN LATERAL pg_catalog.aclexplode(l.datacl) a "
    "WHERE a.grantee <> 0 AND a.privilege_type = 'CONNECT' "
    "UNION ALL SELECT 3, pg_catalog.format('ALTER DATABASE %I ALLOW_CONNECTIONS true', $2::text) ORDER BY 1";

static int open_beside(struct pgd_target *target, struct pgd_link *link, struct kist_error *err)
{
    const char *values[] = {target->database, target->fresh};
    PGresult *result = NULL;
    int code = pgd_query(link, open_sql, 2, values, &result, err);
    for (int row = 0; !code && row < PQntuples(result); row++)
        code = pgd_execute(link, PQgetvalue(result, row, 1), err);
    PQclear(result);
    return code;
}

/* Says in the catalog whether the database is whole: a process that is killed cannot take it away. */
static int mark(struct pgd_target *target, struct pgd_link *link, int unfinished, struct kist_error *err)
{
    const char *database = pgd_target_name(target);
    if (pgd_scratch_named(database)) /* a drill's, whole or not: it never stays */
        return pgd_scratch_mark(link, database, err);
    char *name = PQescapeIdentifier(link->conn, database, strlen(database)), *sql = NULL;
    int code = !name || asprintf(&sql, "COMMENT ON DATABASE %s IS %s", name,
                                 unfinished ? "'" PGD_UNFINISHED "'" : "NULL") < 0
                   ? link->host->fail(link->host, err, KIST_ERR_FAILED, "out of memory")
                   : pgd_execute(link, sql, err);
    PQfreemem(name);
    free(sql);
    return code;
}

int pgd_target_make(struct pgd_target *target, const char *encoding, struct kist_error *err)
{
    struct pgd_link link = {.host = target->host};
    if (!target->missing)
        return 0;
    int code = pgd_connect_own(&link, &target->maintenance, target->timeout_ms, err);
    link.cleaning_up = 1; /* a request to stop would leave it in doubt whether the database was made */
    if (!code)
        code = target->fresh ? create_beside(target, &link, err) : create_like_dump(target, &link, encoding, err);
    if (!code) {
        target->missing = 0;
        target->made = 1;
        code = mark(target, &link, 1, err);
        if (!code && target->fresh)
            code = open_beside(target, &link, err);
    }
    pgd_disconnect(&link);
    if (code && target->made)
        pgd_target_drop(target);
    return code;
}

static int drop(struct pgd_target *target, struct pgd_link *link, struct kist_error *err)
{
    const char *database = pgd_target_name(target);
    char *sql = NULL, *name = PQescapeIdentifier(link->conn, database, strlen(database));
    int code = KIST_ERR_FAILED;
    /* The session of the program that was stopped may linger. */
    if (name && asprintf(&sql, "DROP DATABASE %s%s", name,
                         target->server.version_num >= 130000 ? " WITH (FORCE)" : "") >= 0)
        code = pgd_execute(link, sql, err);
    PQfreemem(name);
    free(sql);
    return code;
}

/* A database with subscriptions cannot be dropped. Those of a dump are not connected to anything. */
static void drop_subscriptions(struct pgd_target *target)
{
    static const char sql[] =
        "DO $kist$ DECLARE r record; BEGIN FOR r IN SELECT subname FROM pg_catalog.pg_subscription s JOIN "
        "pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = pg_catalog.current_database() LOOP "
        "EXECUTE pg_catalog.format('ALTER SUBSCRIPTION %I DISABLE', r.subname); "
        "EXECUTE pg_catalog.format('ALTER SUBSCRIPTION %I SET (slot_name = NONE)', r.subname); "
        "EXECUTE pg_catalog.format('DROP SUBSCRIPTION %I', r.subname); END LOOP; END $kist$";
    const struct kist_host *host = target->host;
    struct kist_error err = {.struct_size = sizeof err};
    struct pgd_link link = {.host = host, .cleaning_up = 1};
    if (pgd_connect_own(&link, &target->result, target->timeout_ms, &err) != 0 ||
        pgd_execute(&link, sql, &err) != 0)
        host->log(host, KIST_LOG_DEBUG, "subscriptions of '%s': %s", pgd_target_name(target),
                  err.message ? err.message : "");
    pgd_disconnect(&link);
    free(err.message);
    free(err.hint);
}

void pgd_target_drop(struct pgd_target *target)
{
    const struct kist_host *host = target->host;
    struct kist_error err = {.struct_size = sizeof err};
    struct pgd_link link = {.host = host, .cleaning_up = 1};
    if (!target->made)
        return;
    int code = pgd_connect_own(&link, &target->maintenance, target->timeout_ms, &err);
    if (!code)
        code = drop(target, &link, &err);
    if (code && err.message && strstr(err.message, "subscription")) {
        drop_subscriptions(target);
        code = drop(target, &link, &err);
    }
    pgd_disconnect(&link);
    if (code)
        host->log(host, KIST_LOG_WARNING,
                  "database '%s', created for this restore, could not be dropped again: %s",
                  pgd_target_name(target), err.message ? err.message : "unknown reason");
    else
        host->log(host, KIST_LOG_INFO, "dropped database '%s' again, the restore did not succeed",
                  pgd_target_name(target));
    target->made = 0;
    target->missing = 1;
    /* Here nobody else sees the error: its strings, made by malloc, are ours to free. */
    free(err.message);
    free(err.hint);
}

void pgd_target_keep(struct pgd_target *target)
{
    const struct kist_host *host = target->host;
    struct kist_error err = {.struct_size = sizeof err};
    struct pgd_link link = {.host = host, .cleaning_up = 1};
    if (!target->made)
        return;
    int code = pgd_connect_own(&link, &target->maintenance, target->timeout_ms, &err);
    if (!code)
        code = mark(target, &link, 0, &err);
    pgd_disconnect(&link);
    if (code)
        host->log(host, KIST_LOG_WARNING,
                  "database '%s' is whole, but its comment could not be taken away, which says that it is not: %s",
                  pgd_target_name(target), err.message ? err.message : "unknown reason");
    target->made = 0;
    free(err.message);
    free(err.hint);
}
