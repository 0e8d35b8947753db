/* exchange.c - two names change places in one transaction, while a second session ends whoever is in the way.
 *
 * RENAME takes the lock that every new connection to the database waits for, then waits up to five seconds for the
 * sessions that are there. The whole transaction goes to the server as one message: from then on it needs nothing of this
 * process, which may be killed or stopped without leaving a database without its name, or a lock. */
#include "swap.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_MS 10      /* between two rounds of ending sessions */
#define ANSWER_MS 30000  /* the server's own limits end the transaction long before */
#define OUTCOME_MS 60000 /* longest search for an outcome that got lost */
#define OUTCOME_PAUSE_MS 500

static const char *const limits[] = {"SET lock_timeout = '3s'", "SET statement_timeout = '8s'",
                                     "SET idle_in_transaction_session_timeout = '5s'"};

struct exchange {
    struct pgd_swap *swap;
    struct pgd_link renames, ends;
    char backend[16], begun[64]; /* of the renaming session, to know it again */
    int *ended;                  /* its process ids, so that one that takes its time counts once */
    size_t ended_count;
    int lost; /* the connection went while the transaction ran */
};

/* ---- both sessions ---- */

static int identify(struct exchange *exchange, struct kist_error *err)
{
    PGresult *result = NULL;
    int code = pgd_query(&exchange->renames,
                         "SELECT pid, backend_start FROM pg_catalog.pg_stat_activity WHERE pid = "
                         "pg_catalog.pg_backend_pid()",
                         0, NULL, &result, err);
    if (!code && PQntuples(result) == 1) {
        snprintf(exchange->backend, sizeof exchange->backend, "%s", PQgetvalue(result, 0, 0));
        snprintf(exchange->begun, sizeof exchange->begun, "%s", PQgetvalue(result, 0, 1));
    }
    PQclear(result);
    return code;
}

static int prepare(struct exchange *exchange, struct kist_error *err)
{
    struct pgd_swap *swap = exchange->swap;
    struct kist_error ignored = {.struct_size = sizeof ignored};
    int code = pgd_connect_own(&exchange->renames, &swap->work.params, swap->timeout_ms, err);
    if (!code)
        code = pgd_connect_own(&exchange->ends, &swap->work.params, swap->timeout_ms, err);
    for (size_t i = 0; !code && i < sizeof limits / sizeof *limits; i++)
        code = pgd_execute(&exchange->renames, limits[i], err);
    /* So that the server gives up soon when this machine is gone; not every server can. */
    if (!code && pgd_execute(&exchange->renames, "SET client_connection_check_interval = '250ms'", &ignored) != 0)
        swap->host->log(swap->host, KIST_LOG_DEBUG, "the server does not look whether its client is still there");
    free(ignored.message);
    free(ignored.hint);
    return code ? code : identify(exchange, err);
}

/* ---- ending sessions ---- */

static int counts_as_new(struct exchange *exchange, int pid)
{
    for (size_t i = 0; i < exchange->ended_count; i++)
        if (exchange->ended[i] == pid)
            return 0;
    int *more = reallocarray(exchange->ended, exchange->ended_count + 1, sizeof *more);
    if (!more)
        return 1; /* it is only for the count */
    exchange->ended = more;
    more[exchange->ended_count++] = pid;
    return 1;
}

/* One round. A failure is no end: the renaming session gives up by itself when somebody stays. */
static void end_sessions(struct exchange *exchange)
{
    /* OFFSET 0: whom to end is settled before anybody is. Among conditions of one WHERE the server chooses the order. */
    static const char sql[] =
        "SELECT e.pid FROM (SELECT a.pid FROM pg_catalog.pg_stat_activity a WHERE a.datid IN ($1::oid, $2::oid) "
        "AND a.usesysid <> 0 AND " PGD_ENDABLE_SQL " OFFSET 0) e WHERE pg_catalog.pg_terminate_backend(e.pid)";
    struct pgd_swap *swap = exchange->swap;
    const char *oids[] = {swap->live_oid, swap->from_oid};
    struct kist_error ignored = {.struct_size = sizeof ignored};
    PGresult *result = NULL;
    if (pgd_query(&exchange->ends, sql, 2, oids, &result, &ignored) != 0)
        swap->host->log(swap->host, KIST_LOG_DEBUG, "cannot end sessions: %s",
                        ignored.message ? ignored.message : "");
    for (int row = 0; row < PQntuples(result); row++)
        swap->ended_sessions += counts_as_new(exchange, atoi(PQgetvalue(result, row, 0)));
    PQclear(result);
    free(ignored.message);
    free(ignored.hint);
}

/* ---- the transaction ---- */

static char *transaction(struct exchange *exchange)
{
    struct pgd_swap *swap = exchange->swap;
    PGconn *conn = exchange->renames.conn;
    char *live = PQescapeIdentifier(conn, swap->live, strlen(swap->live));
    char *from = PQescapeIdentifier(conn, swap->from, strlen(swap->from));
    char *kept = PQescapeIdentifier(conn, swap->kept, strlen(swap->kept));
    char *sql = NULL;
    if (!live || !from || !kept ||
        asprintf(&sql, "BEGIN; ALTER DATABASE %s RENAME TO %s; ALTER DATABASE %s RENAME TO %s; COMMIT", live, kept,
                 from, live) < 0)
        sql = NULL;
    PQfreemem(live);
    PQfreemem(from);
    PQfreemem(kept);
    return sql;
}

/* Takes the answers to the whole message. The first that is an error says why. */
static int take_answers(struct exchange *exchange, struct kist_error *err)
{
    PGresult *result;
    int code = 0, committed = 0;
    while ((result = PQgetResult(exchange->renames.conn)) != NULL) {
        if (!code && PQresultStatus(result) != PGRES_COMMAND_OK)
            code = pgd_query_failed(&exchange->renames, result, err);
        committed = strcmp(PQcmdStatus(result), "COMMIT") == 0;
        PQclear(result);
    }
    exchange->lost = !committed && PQstatus(exchange->renames.conn) == CONNECTION_BAD;
    if (!code && !committed)
        code = pgd_query_failed(&exchange->renames, NULL, err);
    return committed ? 0 : code;
}

static int rename_both(struct exchange *exchange, const char *sql, struct kist_error *err)
{
    const struct kist_host *host = exchange->swap->host;
    PGconn *conn = exchange->renames.conn;
    int64_t began = host->monotonic_ms(host), until = began + ANSWER_MS;
    if (PQsetnonblocking(conn, 0) != 0 || PQsendQuery(conn, sql) != 1) {
        exchange->lost = 1; /* a part of it may have left */
        return pgd_query_failed(&exchange->renames, NULL, err);
    }
    while (PQconsumeInput(conn) == 1 && PQisBusy(conn) && host->monotonic_ms(host) < until) {
        struct pollfd fd = {PQsocket(conn), POLLIN, 0};
        end_sessions(exchange);
        (void)poll(&fd, 1, ROUND_MS);
    }
    if (PQstatus(conn) == CONNECTION_OK && PQisBusy(conn)) {
        exchange->lost = 1;
        return host->fail(host, err, KIST_ERR_TIMEOUT, "the server does not answer");
    }
    int code = take_answers(exchange, err);
    exchange->swap->interrupted_ms = host->monotonic_ms(host) - began;
    return code;
}

/* ---- when the answer got lost ---- */

/* *ret_oid: of the database that has the live name now, once the session that renames is gone; else "". */
static int look_again(struct exchange *exchange, char *ret_oid, size_t size, struct kist_error *err)
{
    struct pgd_swap *swap = exchange->swap;
    const char *values[] = {exchange->backend, exchange->begun};
    PGresult *result = NULL;
    *ret_oid = '\0';
    if (!exchange->ends.conn || PQstatus(exchange->ends.conn) == CONNECTION_BAD) {
        pgd_disconnect(&exchange->ends);
        int code = pgd_connect_own(&exchange->ends, &swap->work.params, swap->timeout_ms, err);
        if (code)
            return code;
    }
    int code = pgd_query(&exchange->ends,
                         "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE "
                         "pid = $1::int AND backend_start = $2::timestamptz",
                         2, values, &result, err);
    int there = code ? 1 : PQntuples(result);
    PQclear(result);
    result = NULL;
    if (code || there)
        return code;
    code = pgd_query(&exchange->ends, "SELECT oid FROM pg_catalog.pg_database WHERE datname = $1", 1, &swap->live,
                     &result, err);
    if (!code)
        snprintf(ret_oid, size, "%s", PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "0");
    PQclear(result);
    return code;
}

/* 0: both have been renamed after all. `code` and `err` tell what happened. */
static int settle(struct exchange *exchange, int code, struct kist_error *err)
{
    struct pgd_swap *swap = exchange->swap;
    const struct kist_host *host = swap->host;
    struct kist_error ignored = {.struct_size = sizeof ignored};
    int64_t until = host->monotonic_ms(host) + OUTCOME_MS;
    char oid[16] = "", *why = strdup(err->message ? err->message : "");
    pgd_disconnect(&exchange->renames);
    while (!*oid && host->monotonic_ms(host) < until)
        if (look_again(exchange, oid, sizeof oid, &ignored) != 0 || !*oid)
            (void)poll(NULL, 0, OUTCOME_PAUSE_MS);
    free(ignored.message);
    free(ignored.hint);
    if (strcmp(oid, swap->from_oid) == 0) {
        host->log(host, KIST_LOG_WARNING,
                  "the connection was lost during the swap, which was done nevertheless: %s", why ? why : "");
        code = 0;
    } else if (strcmp(oid, swap->live_oid) != 0) {
        code = host->fail(
            host, err, KIST_ERR_UNAVAILABLE,
            "the connection was lost during the swap of '%s', and the server does not tell whether it was "
            "done: %s",
            swap->live, why ? why : "");
        host->hint(host, err, "it was done if there is a database '%s', and all is as it was if there is none",
                   swap->kept);
        exchange->lost = 2;
    }
    free(why);
    return code;
}

static int explain(struct exchange *exchange, int code, struct kist_error *err)
{
    const struct pgd_swap *swap = exchange->swap;
    const struct kist_host *host = swap->host;
    char *why = strdup(err->message ? err->message : "");
    code = host->fail(host, err, code, "cannot swap '%s' on %s: %s", swap->live, swap->work.server.where,
                      why ? why : "out of memory");
    host->hint(host, err, "'%s' is as it was, and '%s' is kept", swap->live, swap->from);
    free(why);
    return code;
}

int pgd_swap_exchange(struct pgd_swap *swap, struct kist_error *err)
{
    const struct kist_host *host = swap->host;
    struct exchange exchange = {.swap = swap, .renames = {.host = host}, .ends = {.host = host}};
    int code = prepare(&exchange, err);
    char *sql = code ? NULL : transaction(&exchange);
    if (!code && !sql)
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (!code) {
        /* From here on to stop half way would only make the interruption longer. */
        exchange.renames.cleaning_up = exchange.ends.cleaning_up = 1;
        exchange.ends.query_ms = ANSWER_MS;
        swap->ended_sessions = 0;
        code = rename_both(&exchange, sql, err);
    }
    if (code && exchange.lost)
        code = settle(&exchange, code, err);
    if (code && exchange.lost < 2 && code != KIST_ERR_CANCELLED)
        code = explain(&exchange, code, err);
    pgd_disconnect(&exchange.renames);
    pgd_disconnect(&exchange.ends);
    free(exchange.ended);
    free(sql);
    return code;
}
