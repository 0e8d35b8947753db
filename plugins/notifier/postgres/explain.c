/* What went wrong, in words and codes of kist. */
#include "postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int starts(const char *state, const char *class)
{
    return strncmp(state, class, strlen(class)) == 0;
}

/* A server that is busy, ending, starting, full, or a standby that may be promoted. */
static int may_work_later(const char *state)
{
    return starts(state, "08") || starts(state, "57P") || starts(state, "53") || starts(state, "40") ||
           strcmp(state, "55P03") == 0 || strcmp(state, "25006") == 0 || strcmp(state, "25P03") == 0;
}

static int code_of(const char *state)
{
    return starts(state, "28")           ? KIST_ERR_AUTH
           : may_work_later(state)       ? KIST_ERR_UNAVAILABLE
           : strcmp(state, "57014") == 0 ? KIST_ERR_TIMEOUT
           : starts(state, "42") || starts(state, "22") || starts(state, "23") || strcmp(state, "3D000") == 0 ||
                   strcmp(state, "3F000") == 0
               ? KIST_ERR_CONFIG
               : KIST_ERR_FAILED;
}

int pgn_connect_failed(const struct pgn_link *link, struct kist_error *err)
{
    const struct pgn_notifier *notifier = link->notifier;
    const struct kist_host *host = notifier->host;
    char state[6], *line = kist_pg_line(PQerrorMessage(link->conn));
    if (!line)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    kist_pg_sqlstate(PQerrorMessage(link->conn), state);
    int tls = !*state && kist_pg_speaks_of_tls(line);
    int code = *state                                                       ? code_of(state)
               : strstr(line, "password") || strstr(line, "authentication") ? KIST_ERR_AUTH
               : tls                                                        ? KIST_ERR_CONFIG
                                                                            : KIST_ERR_UNAVAILABLE;
    host->fail(host, err, code, "cannot connect to %s: %s", notifier->where, line);
    if (tls && notifier->tls_by_default)
        host->hint(
            host, err,
            "the server's certificate is checked (sslmode=verify-full) because the url says nothing else: name "
            "its authority with ?sslrootcert=FILE, or relax it with ?sslmode=require");
    else if (code == KIST_ERR_AUTH)
        host->hint(host, err, "check user and password in the url, and the server's pg_hba.conf");
    else if (code == KIST_ERR_UNAVAILABLE)
        host->hint(host, err, "check host and port in the url, and that the server runs");
    free(line);
    return code;
}

int pgn_no_table(const struct pgn_link *link, struct kist_error *err)
{
    const struct pgn_notifier *notifier = link->notifier;
    const struct kist_host *host = notifier->host;
    host->fail(host, err, KIST_ERR_CONFIG, "there is no table %s in %s that '%s' can see", link->name,
               notifier->where, PQuser(link->conn) ? PQuser(link->conn) : "");
    host->hint(host, err,
               "name it as table = SCHEMA.TABLE, or make it: CREATE TABLE %s (%s text PRIMARY KEY, %s text)",
               link->name, link->key, link->value);
    return KIST_ERR_CONFIG;
}

static void query_hint(const struct pgn_link *link, const char *state, const char *column, struct kist_error *err)
{
    const struct kist_host *host = link->notifier->host;
    const char *user = PQuser(link->conn), *name = link->name ? link->name : "";
    if (strcmp(state, "42501") == 0 && link->oid[0])
        host->hint(host, err, "GRANT SELECT, INSERT, UPDATE ON %s TO \"%s\"", name, user ? user : "");
    else if (strcmp(state, "42703") == 0)
        host->hint(host, err,
                   "key_column, value_column and time_columns name columns as they are, capital letters too");
    else if (strcmp(state, "23502") == 0)
        host->hint(
            host, err,
            "a new row needs a value for column '%s': give it a default, name it in time_columns if it is a time, "
            "or add the rows once by hand, since existing ones are only changed",
            column ? column : "?");
    else if (strcmp(state, "25006") == 0)
        host->hint(host, err,
                   "the server takes no changes: it is a standby, or the role or database is set to be "
                   "read-only");
    else if (starts(state, "22") || strcmp(state, "42804") == 0)
        host->hint(host, err, "value_format and the types of the columns do not go together; text takes all");
}

int pgn_query_failed(struct pgn_link *link, const PGresult *result, struct kist_error *err)
{
    const struct pgn_notifier *notifier = link->notifier;
    const struct kist_host *host = notifier->host;
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    /* The primary message alone: details quote the row. */
    const char *said = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    char *line = kist_pg_line(said ? said : PQerrorMessage(link->conn));
    int lost = PQstatus(link->conn) == CONNECTION_BAD;
    snprintf(link->state, sizeof link->state, "%s", state ? state : "");
    int code = lost ? KIST_ERR_UNAVAILABLE : code_of(link->state);
    host->fail(host, err, code, "cannot write to %s in %s: %s", link->name ? link->name : "the table",
               notifier->where, line ? line : "out of memory");
    if (!lost)
        query_hint(link, link->state, result ? PQresultErrorField(result, PG_DIAG_COLUMN_NAME) : NULL, err);
    free(line);
    return code;
}
