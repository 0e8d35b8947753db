/* beside.c - a new database beside a living one, and like it. */
#include "restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_MAX_BYTES 63
#define TRIES 100

void pgd_derived_name(const struct kist_host *host, const char *name, const char *word, int number,
                      char ret_name[64])
{
    char stamp[16] = "", tail[96];
    time_t now = (time_t)(host->now_ms(host) / 1000);
    struct tm utc = {0};
    if (gmtime_r(&now, &utc))
        (void)strftime(stamp, sizeof stamp, "%Y%m%d_%H%M%S", &utc);
    int used = snprintf(tail, sizeof tail, "_%.20s_%s", word, stamp);
    if (number > 1)
        used += snprintf(tail + used, sizeof tail - (size_t)used, "_%d", number);
    size_t room = NAME_MAX_BYTES - (size_t)used, length = strlen(name);
    /* No character is cut in two. */
    if (length > room)
        for (length = room; length > 0 && ((unsigned char)name[length] & 0xc0) == 0x80;)
            length--;
    memcpy(ret_name, name, length);
    memcpy(ret_name + length, tail, (size_t)used + 1);
}

/* The statement that makes a database $1 like the one that answers, as far as this role may. What a server is
 * too old to know is not in its catalog, which to_jsonb forgives. */
static const char like_sql[] =
    "SELECT pg_catalog.format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L', "
    "$1::pg_catalog.text, pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype) || "
    "CASE j->>'datlocprovider' WHEN 'i' THEN pg_catalog.format(' LOCALE_PROVIDER icu ICU_LOCALE %L', l.locale) || "
    "CASE WHEN j->>'daticurules' IS NULL THEN '' ELSE pg_catalog.format(' ICU_RULES %L', j->>'daticurules') END "
    "WHEN 'b' THEN pg_catalog.format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', l.locale) "
    "WHEN 'c' THEN ' LOCALE_PROVIDER libc' ELSE '' END || "
    "CASE WHEN t.spcname <> 'pg_default' AND pg_catalog.has_tablespace_privilege(t.oid, 'CREATE') "
    "THEN pg_catalog.format(' TABLESPACE %I', t.spcname) ELSE '' END || "
    "CASE WHEN pg_catalog.pg_has_role(d.datdba, CASE WHEN pg_catalog.current_setting('server_version_num')::int "
    ">= "
    "160000 THEN 'SET' ELSE 'MEMBER' END) "
    "THEN pg_catalog.format(' OWNER %I', pg_catalog.pg_get_userbyid(d.datdba)) ELSE '' END || "
    /* So that one that is left before it got its mark cannot be taken for a copy. */
    "' ALLOW_CONNECTIONS false', "
    "(SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) "
    "FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace "
    "CROSS JOIN LATERAL pg_catalog.to_jsonb(d) AS j "
    "CROSS JOIN LATERAL (SELECT COALESCE(j->>'datlocale', j->>'daticulocale') AS locale) AS l "
    "WHERE d.datname = pg_catalog.current_database()";

static int choose_name(struct pgd_target *target, struct pgd_link *link, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    char name[64];
    int taken = 1, code = 0;
    for (int i = 1; !code && taken && i < TRIES; i++) {
        PGresult *result = NULL;
        const char *value = name;
        pgd_derived_name(host, target->database, "restore", i, name);
        code = pgd_query(link, "SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1", 1, &value, &result, err);
        taken = code || PQntuples(result) > 0;
        PQclear(result);
    }
    if (!code && taken)
        code = host->fail(host, err, KIST_ERR_EXISTS, "every name like '%s' is taken on %s", name,
                          target->server.where);
    if (!code && !(target->fresh = strdup(name)))
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    return code;
}

static int plan(struct pgd_target *target, struct pgd_link *link, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    const char *value = target->fresh;
    PGresult *result = NULL;
    int code = pgd_query(link, like_sql, 1, &value, &result, err);
    if (!code && (PQntuples(result) != 1 || *PQgetvalue(result, 0, 1) != 't')) {
        code = host->fail(host, err, KIST_ERR_REFUSED, "role '%s' may not create a database beside '%s' on %s",
                          PQuser(link->conn), target->database, target->server.where);
        host->hint(host, err, "ALTER ROLE ... CREATEDB, or replace what is there with --in-place");
    }
    if (!code && !(target->make_sql = strdup(PQgetvalue(result, 0, 0))))
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    PQclear(result);
    return code;
}

/* An earlier restore that was killed could not take its database away. */
static int tell_leftovers(struct pgd_target *target, struct pgd_link *link, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    PGresult *result = NULL;
    const char *value = PGD_UNFINISHED;
    int code = pgd_query(link,
                         "SELECT d.datname, pg_catalog.quote_ident(d.datname) FROM pg_catalog.pg_database d WHERE "
                         "(pg_catalog.shobj_description(d.oid, 'pg_database') = $1 OR NOT d.datallowconn AND "
                         "d.datname ~ '_restore_[0-9]{8}_[0-9]{6}(_[0-9]+)?$') AND NOT EXISTS (SELECT FROM "
                         "pg_catalog.pg_stat_activity a WHERE a.datid = d.oid) ORDER BY 1",
                         1, &value, &result, err);
    for (int row = 0; !code && row < PQntuples(result); row++)
        host->log(
            host, KIST_LOG_WARNING,
            "database '%s' on %s was left behind by a restore that was killed, unless one is running that still "
            "fetches its archive (--jobs): DROP DATABASE %s removes it",
            PQgetvalue(result, row, 0), target->server.where, PQgetvalue(result, row, 1));
    PQclear(result);
    return code;
}

int pgd_beside_prepare(struct pgd_target *target, struct pgd_link *link, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    int code = tell_leftovers(target, link, err);
    if (!code)
        code = choose_name(target, link, err);
    if (!code)
        code = plan(target, link, err);
    if (!code)
        code = pgd_params_copy(host, &target->params, &target->maintenance, err);
    char *pinned = code ? NULL : pgd_conninfo_pinned(link->conn, target->fresh, 1);
    if (!code && (!pinned || kist_pg_param_set(target->result.options, "dbname", target->fresh) != 0))
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (code) {
        free(pinned);
        return code;
    }
    free(target->server.conninfo_restore);
    target->server.conninfo_restore = pinned;
    target->missing = target->is_new = 1;
    return 0;
}
