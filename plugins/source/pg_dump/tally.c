#include "counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So many numbers by one statement: ten thousand tables are not ten thousand round trips. */
#define BATCH 50
/* A count may take as long as it takes; a connection that is dead ends it. */
#define PATIENCE_MS (INT64_C(10) * 365 * 24 * 3600 * 1000)

/* ---- the session ---- */

/* $1: milliseconds to wait for a lock. A setting that the version does not have is not set. */
static const char settings_sql[] =
    "SELECT set_config(s.name, v.value, false) FROM (VALUES ('statement_timeout', '0'), ('lock_timeout', $1), "
    "('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'), ('transaction_timeout', '0'), "
    "('row_security', 'off'), ('datestyle', 'ISO, YMD'), ('intervalstyle', 'postgres'), "
    "('extra_float_digits', '3'), ('bytea_output', 'hex'), ('timezone', 'UTC'), ('lc_monetary', 'C'), "
    "('xmlbinary', 'base64'), ('default_transaction_deferrable', 'off')) "
    "AS v (name, value) JOIN pg_settings s ON lower(s.name) = v.name";

static int set_up(struct pgd_link *link, int64_t lock_ms, const char *role, struct kist_error *err)
{
    char lock_text[32];
    const char *values[] = {lock_text}, *roles[] = {role};
    PGresult *result = NULL;
    snprintf(lock_text, sizeof lock_text, "%lld", (long long)lock_ms);
    int code = pgd_execute(link, "SET search_path = pg_catalog, pg_temp", err);
    if (!code)
        code = pgd_query(link, settings_sql, 1, values, &result, err);
    PQclear(result);
    result = NULL;
    if (!code && role)
        code = pgd_query(link, "SELECT set_config('role', $1, false)", 1, roles, &result, err);
    PQclear(result);
    return code;
}

/* Nothing passes over the holder's connection for hours, and whatever lies between forgets it. */
static int keep_alive(struct pgd_params *params)
{
    static const char *const wanted[][2] = {
        {"keepalives_idle", "60"}, {"keepalives_interval", "10"}, {"keepalives_count", "6"}};
    int failed = 0;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!kist_pg_param(params->options, wanted[i][0]))
            failed |= kist_pg_param_set(params->options, wanted[i][0], wanted[i][1]);
    return failed;
}

int pgd_tally_connect(struct pgd_link *link, const struct pgd_params *params, int64_t timeout_ms, int64_t lock_ms,
                      const char *role, struct kist_error *err)
{
    struct pgd_params own = {0};
    int code = pgd_params_copy(link->host, params, &own, err);
    if (!code && keep_alive(&own) != 0)
        code = link->host->fail(link->host, err, KIST_ERR_FAILED, "out of memory");
    if (!code)
        code = pgd_connect(link, &own, timeout_ms, err);
    pgd_params_done(&own);
    link->query_ms = PATIENCE_MS;
    if (!code)
        code = set_up(link, lock_ms, role, err);
    return code;
}

void pgd_tally_stop(struct pgd_link *link)
{
    char why[256];
    PGcancel *cancel = PQgetCancel(link->conn);
    if (cancel && !PQcancel(cancel, why, sizeof why))
        link->host->log(link->host, KIST_LOG_DEBUG, "cannot stop a statement of the server: %s", why);
    PQfreeCancel(cancel);
}

/* ---- numbers ---- */

/* The hash does not know of an order: the hash of every row counts as two numbers, which are summed up. `convert` makes it the
 * same in every encoding, and OFFSET 0 keeps the server from making it twice. */
static void put_rows(FILE *sql, const struct pgd_entry *entry, const char *convert)
{
    if (!convert) {
        fprintf(sql, "count(*), NULL::text FROM ONLY %s AS t", entry->name);
        return;
    }
    fprintf(sql,
            "count(*), concat_ws(':', COALESCE(sum(('x' || left(h, 16))::bit(64)::int8), 0), "
            "COALESCE(sum(('x' || substr(h, 17, 16))::bit(64)::int8), 0)) "
            "FROM (SELECT encode(sha256(convert_to(textin(record_out(t.*)), '%s')), 'hex') AS h FROM ONLY %s AS t "
            "OFFSET 0) s",
            convert, entry->name);
}

/* The statement for the entries that are to do from *at on, which moves behind them; NULL: none is left, or no memory. */
static char *make_batch(const struct pgd_census *census, enum pgd_todo todo, const char *convert, size_t *at,
                        int *ret_count)
{
    size_t size = 0;
    char *text = NULL;
    int count = 0;
    FILE *sql = open_memstream(&text, &size);
    for (; sql && *at < census->count && count < BATCH; ++*at) {
        const struct pgd_entry *entry = &census->items[*at];
        if (entry->todo != todo)
            continue;
        fprintf(sql, "%s SELECT %zu, ", count++ ? " UNION ALL" : "", *at);
        if (todo == PGD_ROWS)
            put_rows(sql, entry, convert);
        else
            fprintf(sql, "last_value, NULL::text FROM %s", entry->name);
    }
    *ret_count = count;
    if (!sql || fclose(sql) != 0 || count == 0) {
        free(text);
        return NULL;
    }
    return text;
}

static int take(struct pgd_link *link, const PGresult *result, struct pgd_census *census, struct kist_error *err)
{
    for (int row = 0; row < PQntuples(result); row++) {
        size_t index = (size_t)strtoull(PQgetvalue(result, row, 0), NULL, 10);
        if (index >= census->count)
            return link->host->fail(link->host, err, KIST_ERR_FAILED, "the server answers what was not asked");
        struct pgd_entry *entry = &census->items[index];
        free(entry->hash);
        entry->hash = NULL;
        entry->number = strtoll(PQgetvalue(result, row, 1), NULL, 10);
        entry->todo = PGD_NOTHING;
        free(entry->note); /* it said why there is no number */
        entry->note = NULL;
        if (!PQgetisnull(result, row, 2) && !(entry->hash = strdup(PQgetvalue(result, row, 2))))
            return link->host->fail(link->host, err, KIST_ERR_FAILED, "out of memory");
    }
    return 0;
}

static int explain(struct pgd_link *link, const struct pgd_census *census, enum pgd_todo todo, size_t first,
                   int count, int code, struct kist_error *err)
{
    const struct kist_host *host = link->host;
    if (code == KIST_ERR_CANCELLED)
        return code;
    const char *said = err->message ? err->message : "";
    int full = strstr(said, "max_locks_per_transaction") != NULL;
    char *message = strdup(said);
    while (first < census->count && census->items[first].todo != todo)
        first++;
    const char *name = first < census->count ? census->items[first].name : "?";
    if (count > 1)
        code = host->fail(host, err, code, "cannot count %s and %d more: %s", name, count - 1,
                          message ? message : "out of memory");
    else
        code = host->fail(host, err, code, "cannot count %s: %s", name, message ? message : "out of memory");
    free(message);
    if (full)
        host->hint(host, err, "raise max_locks_per_transaction of the server");
    else if (code == KIST_ERR_AUTH)
        host->hint(host, err, "GRANT pg_read_all_data TO the role; where row level security is meant, BYPASSRLS");
    return code;
}

/* Planning locks the indexes, too. With thousands of tables these locks would fill the server's table of them, so each
 * batch gives back its own, and those on the tables stay. */
static int run_batch(struct pgd_link *link, const char *sql, int held, PGresult **ret_result,
                     struct kist_error *err)
{
    int code = held ? pgd_execute(link, "SAVEPOINT batch", err) : 0;
    if (!code)
        code = pgd_query(link, sql, 0, NULL, ret_result, err);
    if (!code && held)
        code = pgd_execute(link, "ROLLBACK TO SAVEPOINT batch", err);
    return code;
}

/* SQL_ASCII knows nothing that could be converted. */
static int choose_encoding(struct pgd_link *link, const char **ret_convert, struct kist_error *err)
{
    const struct kist_host *host = link->host;
    const char *encoding = PQparameterStatus(link->conn, "server_encoding");
    *ret_convert = encoding && strcmp(encoding, "SQL_ASCII") == 0 ? "SQL_ASCII" : "UTF8";
    if (PQserverVersion(link->conn) >= 110000)
        return 0;
    int code =
        host->fail(host, err, KIST_ERR_UNSUPPORTED, "checksums need PostgreSQL 11, and the server is older");
    host->hint(host, err, "leave checksums = yes out");
    return code;
}

int pgd_tally(struct pgd_link *link, struct pgd_census *census, enum pgd_todo todo, int hashes, int held,
              struct kist_error *err)
{
    const char *convert = NULL;
    int count = 0, code = hashes ? choose_encoding(link, &convert, err) : 0;
    char *sql;
    size_t at = 0, first = 0;
    while (!code && (sql = make_batch(census, todo, convert, &at, &count))) {
        PGresult *result = NULL;
        code = run_batch(link, sql, held, &result, err);
        code = code ? explain(link, census, todo, first, count, code, err) : take(link, result, census, err);
        PQclear(result);
        free(sql);
        first = at;
    }
    for (size_t i = 0; i < census->count && !code; i++)
        if (census->items[i].todo == todo)
            code = link->host->fail(link->host, err, KIST_ERR_FAILED, "out of memory");
    return code;
}

int pgd_tally_large_objects(struct pgd_link *link, int64_t *ret_number, struct kist_error *err)
{
    PGresult *result = NULL;
    int code = pgd_query(link, "SELECT count(*) FROM pg_largeobject_metadata", 0, NULL, &result, err);
    if (!code)
        *ret_number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return code;
}
