#include "holder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 100

struct batch {
    char *sql, *oids; /* the statement; what it locks, as an array */
    const char *first;
};

static void batch_done(struct batch *batch)
{
    free(batch->sql);
    free(batch->oids);
}

/* The next tables from *at on, which moves behind them. -1: no memory. `sql` NULL: there are none. */
static int make_batch(const struct pgd_census *list, size_t *at, struct batch *ret_batch)
{
    struct batch batch = {0};
    size_t sql_size = 0, oids_size = 0;
    int count = 0, failed = 0;
    FILE *sql = open_memstream(&batch.sql, &sql_size), *oids = open_memstream(&batch.oids, &oids_size);
    for (; sql && oids && *at < list->count && count < BATCH; ++*at) {
        const struct pgd_entry *entry = &list->items[*at];
        if (entry->todo != PGD_ROWS && entry->todo != PGD_LOCK)
            continue;
        fprintf(sql, "%s ONLY %s", count ? "," : "LOCK TABLE", entry->name);
        fprintf(oids, "%s%s", count ? "," : "{", entry->oid);
        if (count++ == 0)
            batch.first = entry->name;
    }
    if (sql && oids) {
        fputs(" IN ACCESS SHARE MODE", sql);
        fputs("}", oids);
    }
    failed |= !sql || fclose(sql) != 0;
    failed |= !oids || fclose(oids) != 0;
    if (failed || count == 0)
        batch_done(&batch);
    else
        *ret_batch = batch;
    return failed ? -1 : 0;
}

/* Who stands in the way? The transaction has failed already, and who it was may be gone. */
static int name_the_locked(struct pgd_holder *holder, const struct batch *batch, struct kist_error *err)
{
    const struct kist_host *host = holder->host;
    const char *values[] = {batch->oids};
    int64_t waited = holder->config->lock_timeout.ms;
    PGresult *result = NULL;
    int code = pgd_execute(&holder->link, "ROLLBACK", err);
    if (!code)
        code = pgd_query(&holder->link,
                         "SELECT format('%I.%I', n.nspname, c.relname), l.pid FROM pg_locks l "
                         "JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace "
                         "JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() "
                         "AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' "
                         "AND l.relation = ANY ($1::oid[]) ORDER BY l.granted DESC, 1 LIMIT 1",
                         1, values, &result, err);
    if (code)
        return code;
    if (PQntuples(result) > 0)
        code = host->fail(host, err, KIST_ERR_TIMEOUT,
                          "table %s is locked by server process %s, and was still after %lld ms",
                          PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1), (long long)waited);
    else
        code = host->fail(host, err, KIST_ERR_TIMEOUT,
                          "table %s, or one of those locked with it, was locked by another session for %lld ms",
                          batch->first, (long long)waited);
    PQclear(result);
    host->hint(host, err, "end that session, or wait longer with lock_timeout");
    return code;
}

static int explain(struct pgd_holder *holder, const struct batch *batch, int code, int *ret_changed,
                   struct kist_error *err)
{
    const struct kist_host *host = holder->host;
    const char *state = holder->link.state;
    /* Dropped, its schema dropped, something else by that name. */
    if (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0 || strcmp(state, "42809") == 0) {
        *ret_changed = 1;
        return 0;
    }
    if (strcmp(state, "55P03") == 0)
        return name_the_locked(holder, batch, err);
    char *message = strdup(err->message ? err->message : "");
    if (strcmp(state, "53200") == 0) {
        code = host->fail(host, err, KIST_ERR_FAILED, "cannot lock every table that is to be dumped: %s",
                          message ? message : "out of memory");
        host->hint(host, err,
                   "raise max_locks_per_transaction of the server; with counts = off only pg_dump holds locks");
    } else if (strcmp(state, "42501") == 0) {
        code = host->fail(host, err, KIST_ERR_AUTH, "cannot lock what is to be dumped: %s",
                          message ? message : "out of memory");
        host->hint(host, err, "GRANT pg_read_all_data TO the role, or leave these tables out with exclude_tables");
    }
    free(message);
    return code;
}

int pgd_locks_take(struct pgd_holder *holder, const struct pgd_census *list, int *ret_changed,
                   struct kist_error *err)
{
    const struct kist_host *host = holder->host;
    struct batch batch = {0};
    size_t at = 0;
    int code = 0;
    *ret_changed = 0;
    while (!code && !*ret_changed) {
        if (make_batch(list, &at, &batch) != 0)
            return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
        if (!batch.sql)
            return 0;
        code = pgd_execute(&holder->link, batch.sql, err);
        if (code)
            code = explain(holder, &batch, code, ret_changed, err);
        batch_done(&batch);
        batch = (struct batch){0};
    }
    return code;
}
