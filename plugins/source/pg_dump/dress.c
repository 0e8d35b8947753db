#include "swap.h"

#include <stdlib.h>
#include <string.h>

#define BOTH "FROM pg_catalog.pg_database l JOIN pg_catalog.pg_database f ON l.oid = $1::oid AND f.oid = $2::oid "
#define GRANTEE                                                                                                   \
    "CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) "   \
    "END"
#define WHOSE                                                                                                     \
    "CASE WHEN s.setrole = 0 THEN pg_catalog.format('DATABASE %I', f.datname) ELSE "                              \
    "pg_catalog.format('ROLE %I IN DATABASE %I', pg_catalog.pg_get_userbyid(s.setrole), f.datname) END"
/* In these the server keeps a list of names, quoted where they need it, and takes each as a value of its own. */
#define LISTS                                                                                                     \
    "('local_preload_libraries', 'search_path', 'session_preload_libraries', 'shared_preload_libraries', "        \
    "'temp_tablespaces', 'unix_socket_directories')"

/* Each gives the statements that make one thing of the fresh database ($2) what it is of the live one ($1). In this order:
 * who owns it decides who can grant. */
static const char *const steps[] = {
    "SELECT pg_catalog.format('ALTER DATABASE %I OWNER TO %I', f.datname, "
    "pg_catalog.pg_get_userbyid(l.datdba)) " BOTH "WHERE f.datdba <> l.datdba",
    "SELECT pg_catalog.format('ALTER DATABASE %I WITH CONNECTION LIMIT %s', f.datname, l.datconnlimit) " BOTH
    "WHERE f.datconnlimit <> l.datconnlimit",
    /* NULL stands for the default grants and stays as it is where both have it. */
    "SELECT DISTINCT pg_catalog.format('REVOKE ALL ON DATABASE %I FROM %s CASCADE', f.datname, " GRANTEE ") " BOTH
    "CROSS JOIN LATERAL pg_catalog.aclexplode(COALESCE(f.datacl, pg_catalog.acldefault('d', f.datdba))) a "
    "WHERE f.datacl IS DISTINCT FROM l.datacl",
    "SELECT pg_catalog.format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, f.datname, " GRANTEE ", "
    "CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) " BOTH
    "CROSS JOIN LATERAL pg_catalog.aclexplode(COALESCE(l.datacl, pg_catalog.acldefault('d', l.datdba))) a "
    "WHERE f.datacl IS DISTINCT FROM l.datacl",
    "SELECT pg_catalog.format('ALTER %s RESET ALL', " WHOSE ") " BOTH
    "JOIN pg_catalog.pg_db_role_setting s ON s.setdatabase = f.oid",
    "SELECT pg_catalog.format('ALTER %s SET %I TO %s', " WHOSE
    ", c.name, CASE WHEN pg_catalog.lower(c.name) IN " LISTS
    " THEN (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(COALESCE(pg_catalog.replace(m[1], '\"\"', "
    "'\"'), m[2])), "
    "', ' ORDER BY n) FROM pg_catalog.regexp_matches(c.value, '\"((?:[^\"]|\"\")*)\"|([^,\\s\"]+)', 'g') "
    "WITH ORDINALITY AS r(m, n)) ELSE pg_catalog.quote_literal(c.value) END) " BOTH
    "JOIN pg_catalog.pg_db_role_setting s ON s.setdatabase = l.oid "
    "CROSS JOIN LATERAL (SELECT pg_catalog.split_part(u, '=', 1), pg_catalog.substr(u, pg_catalog.strpos(u, '=') "
    "+ 1) "
    "FROM pg_catalog.unnest(s.setconfig) AS u) AS c(name, value)",
    "SELECT pg_catalog.format('COMMENT ON DATABASE %I IS %L', f.datname, pg_catalog.shobj_description(l.oid, "
    "'pg_database')) " BOTH "WHERE pg_catalog.shobj_description(f.oid, 'pg_database') IS DISTINCT FROM "
    "pg_catalog.shobj_description(l.oid, 'pg_database')",
    "SELECT pg_catalog.format('SECURITY LABEL FOR %I ON DATABASE %I IS %L', s.provider, f.datname, s.label) " BOTH
    "JOIN pg_catalog.pg_shseclabel s ON s.objoid = l.oid AND s.classoid = "
    "'pg_catalog.pg_database'::pg_catalog.regclass",
};

static int run_step(struct pgd_swap *swap, const char *sql, struct kist_error *err)
{
    const char *oids[] = {swap->live_oid, swap->from_oid};
    PGresult *result = NULL;
    int code = pgd_query(&swap->work.link, sql, 2, oids, &result, err);
    for (int row = 0; !code && row < PQntuples(result); row++)
        code = pgd_execute(&swap->work.link, PQgetvalue(result, row, 0), err);
    PQclear(result);
    return code;
}

static int explain(struct pgd_swap *swap, int code, struct kist_error *err)
{
    const struct kist_host *host = swap->host;
    char *why = strdup(err->message ? err->message : "");
    code = host->fail(host, err, code == KIST_ERR_AUTH ? KIST_ERR_REFUSED : code,
                      "cannot give '%s' the owner, grants and settings of '%s': %s", swap->from, swap->live,
                      why ? why : "out of memory");
    host->hint(host, err, "'%s' is as it was, and '%s' is kept; swap as a role that may do this", swap->live,
               swap->from);
    free(why);
    return code;
}

int pgd_swap_dress(struct pgd_swap *swap, struct kist_error *err)
{
    const struct kist_host *host = swap->host;
    struct kist_error ignored = {.struct_size = sizeof ignored};
    int code = pgd_execute(&swap->work.link, "BEGIN", err);
    for (size_t i = 0; !code && i < sizeof steps / sizeof *steps; i++)
        code = run_step(swap, steps[i], err);
    if (!code && !swap->look)
        code = pgd_execute(&swap->work.link, "COMMIT", err);
    else if (pgd_execute(&swap->work.link, "ROLLBACK", &ignored) != 0)
        host->log(host, KIST_LOG_DEBUG, "the server took back the changes to '%s' by itself", swap->from);
    free(ignored.message);
    free(ignored.hint);
    return code && code != KIST_ERR_CANCELLED ? explain(swap, code, err) : code;
}
