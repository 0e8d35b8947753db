#include "restore.h"
#include "swap.h"

#include <stdlib.h>

/* Each finds nothing where all is well, else the one thing to name. $1: oid of the live database, $2: of what takes its
 * place, 0 while that is not there. */
static const struct check {
    const char *sql, *what, *why, *hint;
} checks[] = {
    {"SELECT current_user WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = current_user AND "
     "(rolsuper OR rolcreatedb)) AND $1::oid IS NOT NULL AND $2::oid IS NOT NULL",
     "role", "may not rename databases", "ALTER ROLE ... CREATEDB"},
    {"SELECT datname FROM pg_catalog.pg_database WHERE oid IN ($1::oid, $2::oid) AND NOT "
     "pg_catalog.pg_has_role(datdba, 'USAGE') LIMIT 1",
     "database", "belongs to another role, and only its owner or a superuser may rename it",
     "swap as its owner, or GRANT that role to yours"},
    {"SELECT datname FROM pg_catalog.pg_database WHERE oid IN ($1::oid, $2::oid) AND datistemplate LIMIT 1",
     "database", "is a template", "ALTER DATABASE ... IS_TEMPLATE false"},
    {"SELECT datname FROM pg_catalog.pg_database WHERE oid = $2::oid AND $1::oid IS NOT NULL AND NOT datallowconn "
     "AND datname ~ '_restore_[0-9]{8}_[0-9]{6}(_[0-9]+)?$'",
     "database", "takes no connections, as a restore leaves it that was killed when it had just begun",
     "DROP DATABASE it and restore again"},
    {"SELECT datname FROM pg_catalog.pg_database WHERE oid IN ($1::oid, $2::oid) AND NOT datallowconn LIMIT 1",
     "database", "takes no connections, by somebody's decision", "ALTER DATABASE ... ALLOW_CONNECTIONS true"},
    {"SELECT datname FROM pg_catalog.pg_database WHERE oid IN ($1::oid, $2::oid) AND datconnlimit = -2 LIMIT 1",
     "database", "is what an interrupted DROP DATABASE left", "DROP DATABASE it for good"},
    {"SELECT datname FROM pg_catalog.pg_database WHERE oid = $2::oid AND $1::oid IS NOT NULL AND "
     "pg_catalog.shobj_description(oid, 'pg_database') = '" PGD_UNFINISHED "'",
     "database", "holds a restore that has not finished", "restore again, or DROP DATABASE it"},
    {"SELECT p.gid FROM pg_catalog.pg_prepared_xacts p JOIN pg_catalog.pg_database d ON d.datname = p.database "
     "WHERE d.oid IN ($1::oid, $2::oid) LIMIT 1",
     "prepared transaction", "is open there and would hold the swap up",
     "COMMIT PREPARED or ROLLBACK PREPARED it"},
    {"SELECT s.slot_name FROM pg_catalog.pg_replication_slots s JOIN pg_catalog.pg_database d "
     "ON d.datname = s.database WHERE d.oid IN ($1::oid, $2::oid) LIMIT 1",
     "logical replication slot", "reads this database and would go on with the one that is put aside",
     "pg_drop_replication_slot it, and let its reader begin anew after the swap"},
    {"SELECT subname FROM pg_catalog.pg_subscription WHERE subdbid IN ($1::oid, $2::oid) LIMIT 1", "subscription",
     "writes to this database and would go on with the one that is put aside",
     "DROP SUBSCRIPTION it, and make it anew after the swap"},
    {"SELECT a.usename FROM pg_catalog.pg_stat_activity a WHERE a.datid IN ($1::oid, $2::oid) AND a.usesysid <> 0 "
     "AND NOT " PGD_ENDABLE_SQL " LIMIT 1",
     "role", "has a session there that your role may not end",
     "GRANT pg_signal_backend to your role (a superuser's session only a superuser ends)"},
};

static int run_check(struct pgd_swap *swap, const struct check *check, struct kist_error *err)
{
    const struct kist_host *host = swap->host;
    const char *oids[] = {swap->live_oid, swap->from_oid};
    PGresult *result = NULL;
    int code = pgd_query(&swap->work.link, check->sql, 2, oids, &result, err);
    if (!code && PQntuples(result) > 0) {
        code = host->fail(host, err, KIST_ERR_REFUSED, "cannot swap '%s' on %s: %s '%s' %s", swap->live,
                          swap->work.server.where, check->what, PQgetvalue(result, 0, 0), check->why);
        host->hint(host, err, "%s", check->hint);
    }
    PQclear(result);
    return code;
}

static int count_sessions(struct pgd_swap *swap, struct kist_error *err)
{
    const char *oids[] = {swap->live_oid, swap->from_oid};
    PGresult *result = NULL;
    int code = pgd_query(&swap->work.link,
                         "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.datid IN "
                         "($1::oid, $2::oid) AND a.usesysid <> 0",
                         2, oids, &result, err);
    if (!code)
        swap->ended_sessions = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return code;
}

int pgd_swap_check(struct pgd_swap *swap, struct kist_error *err)
{
    const struct kist_host *host = swap->host;
    int code = swap->work.server.standby
                   ? host->fail(host, err, KIST_ERR_REFUSED, "%s is a standby: it can only be read",
                                swap->work.server.where)
                   : 0;
    for (size_t i = 0; !code && i < sizeof checks / sizeof *checks; i++)
        code = run_check(swap, &checks[i], err);
    return code ? code : count_sessions(swap, err);
}
