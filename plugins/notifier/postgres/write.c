/*
 * One transaction. Names are quoted by libpq, values are parameters.
 *
 * search_path stays what it is for the role, since triggers of the table may count on it as they do for the application;
 * therefore our own statements name everything with its schema, operators too.
 */
#include "postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

#define LOCK_CLASS "1802072948" /* "kist" as a number: ours among advisory locks */
#define TRIES 3

static int execute(struct pgn_link *link, const char *sql, struct kist_error *err)
{
    PGresult *result = NULL;
    int code = pgn_query(link, sql, 0, NULL, &result, err);
    PQclear(result);
    return code;
}

/* ---- names ---- */

static char *quote(const struct pgn_link *link, const char *name)
{
    return PQescapeIdentifier(link->conn, name, strlen(name));
}

/* "schema"."table", or "table". New; NULL without memory. */
static char *quote_table(const struct pgn_link *link, const char *schema)
{
    char *name = quote(link, link->notifier->table), *room = schema ? quote(link, schema) : NULL, *text = NULL;
    if (!name || (schema && !room) || asprintf(&text, "%s%s%s", schema ? room : "", schema ? "." : "", name) < 0)
        text = NULL;
    PQfreemem(name);
    PQfreemem(room);
    return text;
}

static int no_memory(const struct pgn_link *link, struct kist_error *err)
{
    return link->notifier->host->fail(link->notifier->host, err, KIST_ERR_FAILED, "out of memory");
}

/* Which table is it? Without a schema it is the one that the role's search_path finds, as for the application; from then on
 * it is named in full. */
static int find_table(struct pgn_link *link, struct kist_error *err)
{
    static const char sql[] =
        "SELECT c.oid, n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid "
        "OPERATOR(pg_catalog.=) c.relnamespace WHERE c.oid OPERATOR(pg_catalog.=) "
        "pg_catalog.to_regclass($1)::pg_catalog.oid";
    PGresult *result = NULL;
    free(link->name);
    link->name = quote_table(link, link->notifier->schema);
    if (!link->key)
        link->key = quote(link, link->notifier->config->key_column);
    if (!link->value)
        link->value = quote(link, link->notifier->config->value_column);
    if (!link->name || !link->key || !link->value)
        return no_memory(link, err);
    int code = pgn_query(link, sql, 1, (const char *const *)&link->name, &result, err);
    if (!code && PQntuples(result) != 1)
        code = pgn_no_table(link, err);
    if (!code) {
        char *name = quote_table(link, PQgetvalue(result, 0, 1));
        snprintf(link->oid, sizeof link->oid, "%s", PQgetvalue(result, 0, 0));
        if (name) {
            free(link->name);
            link->name = name;
        } else {
            code = no_memory(link, err);
        }
    }
    PQclear(result);
    return code;
}

/* ---- rows ---- */

/* The columns of times as a part of a statement: `, "updatedAt" = CURRENT_TIMESTAMP` or `, "updatedAt"` and so on. */
static char *time_columns(const struct pgn_link *link, const char *behind_each, int with_names)
{
    const kist_list *list = &link->notifier->config->time_columns;
    char *text = strdup("");
    for (uint64_t i = 0; text && i < list->count; i++) {
        char *name = quote(link, list->items[i]), *longer = NULL;
        if (!name || asprintf(&longer, "%s, %s%s", text, with_names ? name : "", behind_each) < 0)
            longer = NULL;
        PQfreemem(name);
        free(text);
        text = longer;
    }
    return text;
}

/* How many rows there were is in *ret_count. */
static int update(struct pgn_link *link, const struct pgn_entry *entry, int *ret_count, struct kist_error *err)
{
    char *times = time_columns(link, " = CURRENT_TIMESTAMP", 1), *sql = NULL;
    const char *values[] = {entry->key, entry->value};
    PGresult *result = NULL;
    if (times && asprintf(&sql, "UPDATE %s SET %s = %s%s%s$2%s%s WHERE %s OPERATOR(pg_catalog.=) $1", link->name,
                          link->value, entry->only_newer ? "GREATEST(" : "", entry->only_newer ? link->value : "",
                          entry->only_newer ? ", " : "", entry->only_newer ? ")" : "", times, link->key) < 0)
        sql = NULL;
    int code = sql ? pgn_query(link, sql, 2, values, &result, err) : no_memory(link, err);
    if (!code)
        *ret_count = atoi(PQcmdTuples(result));
    PQclear(result);
    free(sql);
    free(times);
    return code;
}

static int insert(struct pgn_link *link, const struct pgn_entry *entry, struct kist_error *err)
{
    char *names = time_columns(link, "", 1), *times = time_columns(link, "CURRENT_TIMESTAMP", 0), *sql = NULL;
    const char *values[] = {entry->key, entry->value};
    PGresult *result = NULL;
    if (names && times &&
        asprintf(&sql, "INSERT INTO %s (%s, %s%s) VALUES ($1, $2%s)", link->name, link->key, link->value, names,
                 times) < 0)
        sql = NULL;
    int code = sql ? pgn_query(link, sql, 2, values, &result, err) : no_memory(link, err);
    PQclear(result);
    free(sql);
    free(names);
    free(times);
    return code;
}

static int write_entries(struct pgn_link *link, const struct pgn_entries *entries, struct kist_error *err)
{
    int code = 0;
    for (size_t i = 0; !code && i < entries->count; i++) {
        int count = 0;
        code = update(link, &entries->items[i], &count, err);
        if (!code && count == 0)
            code = insert(link, &entries->items[i], err);
    }
    return code;
}

/* ---- the transaction ---- */

/* The server gives up when we do, and times without a zone are UTC. */
static int set_limits(struct pgn_link *link, struct kist_error *err)
{
    const struct kist_host *host = link->notifier->host;
    long long left = (long long)(link->until - host->monotonic_ms(host));
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT pg_catalog.set_config('statement_timeout', '%lld', true), "
             "pg_catalog.set_config('idle_in_transaction_session_timeout', '%lld', true), "
             "pg_catalog.set_config('TimeZone', 'UTC', true)",
             left < 1 ? 1 : left, left < 1 ? 1 : left);
    return execute(link, sql, err);
}

/* Without a unique constraint nothing else keeps two at once from adding the same row. */
static int lock(struct pgn_link *link, struct kist_error *err)
{
    static const char sql[] =
        "SELECT pg_catalog.pg_advisory_xact_lock(" LOCK_CLASS ", $1::pg_catalog.oid::pg_catalog.int4)";
    const char *values[] = {link->oid};
    PGresult *result = NULL;
    int code = pgn_query(link, sql, 1, values, &result, err);
    PQclear(result);
    return code;
}

static int attempt(struct pgn_link *link, const struct pgn_entries *entries, int keep, struct kist_error *err)
{
    int code = execute(link, "BEGIN ISOLATION LEVEL READ COMMITTED", err);
    if (!code)
        code = set_limits(link, err);
    if (!code)
        code = find_table(link, err);
    if (!code)
        code = lock(link, err);
    if (!code)
        code = write_entries(link, entries, err);
    return code ? code : execute(link, keep ? "COMMIT" : "ROLLBACK", err);
}

int pgn_write(struct pgn_link *link, const struct pgn_entries *entries, int keep, struct kist_error *err)
{
    struct kist_error ignored = KIST_FAULT_INIT;
    int code = attempt(link, entries, keep, err);
    /* Somebody who knows nothing of our lock, the application, has just added the row: it is there to be changed now. */
    for (int try = 1; code && strcmp(link->state, "23505") == 0 && try < TRIES; try++) {
        link->state[0] = '\0';
        if (execute(link, "ROLLBACK", &ignored) != 0)
            break;
        code = attempt(link, entries, keep, err);
    }
    kist_fault_clear(&ignored);
    return code;
}
