#include "postgres.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 1: ready, 0: time is over, -1: to be stopped. */
static int await(const struct pgn_link *link, short events)
{
    const struct kist_host *host = link->notifier->host;
    for (;;) {
        int64_t left = link->until - host->monotonic_ms(host);
        if (host->cancelled(host))
            return -1;
        if (left <= 0)
            return 0;
        struct pollfd fds[] = {{PQsocket(link->conn), events, 0}, {host->cancel_fd(host), POLLIN, 0}};
        if (poll(fds, 2, left > 1000 ? 1000 : (int)left) > 0 && fds[0].revents)
            return 1;
    }
}

static int gave_up(const struct pgn_link *link, int ready, struct kist_error *err)
{
    const struct kist_host *host = link->notifier->host;
    return ready < 0 ? host->fail(host, err, KIST_ERR_CANCELLED, "stopped on request")
                     : host->fail(host, err, KIST_ERR_TIMEOUT, "no answer from %s in time", link->notifier->where);
}

static void be_silent(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

/* Without the connection's own wait for a host: that of this link is for all of them. */
static PGconn *begin(const struct pgn_notifier *notifier)
{
    char *conninfo = kist_pg_conninfo(notifier->options);
    PGconn *conn = conninfo ? PQconnectStart(conninfo) : NULL;
    if (conninfo)
        explicit_bzero(conninfo, strlen(conninfo));
    free(conninfo);
    return conn;
}

int pgn_connect(struct pgn_link *link, struct kist_error *err)
{
    const struct kist_host *host = link->notifier->host;
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    link->conn = begin(link->notifier);
    if (!link->conn)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    PQsetErrorVerbosity(link->conn, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(link->conn, be_silent, NULL);
    while (status != PGRES_POLLING_OK) {
        if (status == PGRES_POLLING_FAILED || PQstatus(link->conn) == CONNECTION_BAD)
            return pgn_connect_failed(link, err);
        int ready = await(link, status == PGRES_POLLING_READING ? POLLIN : POLLOUT);
        if (ready <= 0)
            return gave_up(link, ready, err);
        status = PQconnectPoll(link->conn);
    }
    return PQsetnonblocking(link->conn, 1) == 0 ? 0 : pgn_connect_failed(link, err);
}

void pgn_disconnect(struct pgn_link *link)
{
    free(link->name);
    PQfreemem(link->key);
    PQfreemem(link->value);
    PQfinish(link->conn);
    *link = (struct pgn_link){.notifier = link->notifier};
}

/* The last result of what was sent. */
static int last_result(struct pgn_link *link, PGresult **ret_result, struct kist_error *err)
{
    PGresult *last = NULL;
    for (;;) {
        int flushed = PQflush(link->conn);
        if (flushed == 0 && !PQisBusy(link->conn)) {
            PGresult *next = PQgetResult(link->conn);
            if (!next) {
                *ret_result = last;
                return 0;
            }
            PQclear(last);
            last = next;
            continue;
        }
        int ready = flushed < 0 ? 1 : await(link, flushed > 0 ? POLLIN | POLLOUT : POLLIN);
        if (flushed >= 0 && ready > 0 && PQconsumeInput(link->conn) == 1)
            continue;
        PQclear(last);
        return ready > 0 ? pgn_query_failed(link, NULL, err) : gave_up(link, ready, err);
    }
}

int pgn_query(struct pgn_link *link, const char *sql, int count, const char *const *values, PGresult **ret_result,
              struct kist_error *err)
{
    PGresult *result = NULL;
    *ret_result = NULL;
    if (PQsendQueryParams(link->conn, sql, count, NULL, values, NULL, NULL, 0) != 1)
        return pgn_query_failed(link, NULL, err);
    int code = last_result(link, &result, err);
    if (code)
        return code;
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        code = pgn_query_failed(link, result, err);
        PQclear(result);
        return code;
    }
    *ret_result = result;
    return 0;
}
