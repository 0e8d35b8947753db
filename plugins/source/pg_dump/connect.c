#include "pg_dump.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest wait for the answer to a statement of our own; they read catalogs, or make a database. */
#define QUERY_MS (5 * 60 * 1000)

/* Waits for the connection's socket. 1: ready, 0: time is over, -1: to be stopped. */
static int wait_socket(const struct pgd_link *link, short events, int64_t until)
{
    const struct kist_host *host = link->host;
    for (;;) {
        int64_t left = until - host->monotonic_ms(host);
        int heed = !link->cleaning_up;
        if (heed && host->cancelled(host))
            return -1;
        if (left <= 0)
            return 0;
        struct pollfd fds[] = {{PQsocket(link->conn), events, 0},
                               {link->stop ? *link->stop : -1, POLLIN, 0},
                               {heed ? host->cancel_fd(host) : -1, POLLIN, 0}};
        int ready = poll(fds, 3, left > 1000 ? 1000 : (int)left);
        if (ready > 0 && fds[1].revents)
            return -1;
        if (ready > 0 && fds[0].revents)
            return 1;
    }
}

static int stopped(const struct kist_host *host, struct kist_error *err)
{
    return host->fail(host, err, KIST_ERR_CANCELLED, "stopped on request");
}

static int code_of(const char *state, const char *message)
{
    if (strncmp(state, "28", 2) == 0 || strcmp(state, "42501") == 0)
        return KIST_ERR_AUTH;
    if (strcmp(state, "3D000") == 0)
        return KIST_ERR_NOT_FOUND;
    if (*state)
        return strncmp(state, "57P", 3) == 0 || strncmp(state, "53", 2) == 0 || strncmp(state, "08", 2) == 0 ||
                       strncmp(state, "40", 2) == 0 /* a standby had to go on */
                   ? KIST_ERR_UNAVAILABLE
                   : KIST_ERR_FAILED;
    if (strstr(message, "password") || strstr(message, "authentication"))
        return KIST_ERR_AUTH;
    return kist_pg_speaks_of_tls(message) ? KIST_ERR_CONFIG : KIST_ERR_UNAVAILABLE;
}

static void connect_hint(const struct kist_host *host, const struct pgd_params *params, int code,
                         const char *message, struct kist_error *err)
{
    if (params->tls_by_default && kist_pg_speaks_of_tls(message))
        host->hint(
            host, err,
            "the server's certificate is checked (sslmode=verify-full) because the configuration says nothing "
            "else: name the authority that signed it with sslrootcert, or relax it with %s",
            params->from_url ? "?sslmode=require in the url" : "sslmode = require");
    else if (code == KIST_ERR_AUTH && strstr(message, "no password"))
        host->hint(host, err, "give a password in the url, or password, password_file or passfile");
    else if (code == KIST_ERR_AUTH)
        host->hint(host, err, "check user and password (url or user, password), and the server's pg_hba.conf");
    else if (code == KIST_ERR_UNAVAILABLE)
        host->hint(host, err, "check host and port, and that the server runs");
}

static int connect_failed(struct pgd_link *link, const struct pgd_params *params, struct kist_error *err)
{
    const struct kist_host *host = link->host;
    char state[6], *line = kist_pg_line(PQerrorMessage(link->conn));
    if (!line)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    kist_pg_sqlstate(PQerrorMessage(link->conn), state);
    int code = host->fail(host, err, code_of(state, line), "cannot connect: %s", line);
    connect_hint(host, params, code, line, err);
    free(line);
    return code;
}

/* How many servers the parameters name: each gets its time. */
static int64_t count_hosts(const struct pgd_params *params)
{
    const char *hosts = kist_pg_param(params->options, "host");
    int64_t count = 1;
    while (hosts && (hosts = strchr(hosts, ',')) != NULL) {
        hosts++;
        count++;
    }
    return count;
}

static int connect_poll(struct pgd_link *link, const struct pgd_params *params, int64_t timeout_ms,
                        struct kist_error *err)
{
    const struct kist_host *host = link->host;
    /* A name may have several addresses, of which the first is a black hole; tcp_user_timeout ends each attempt.
     */
    int64_t until = host->monotonic_ms(host) + timeout_ms * (count_hosts(params) + 1);
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (status != PGRES_POLLING_OK) {
        if (status == PGRES_POLLING_FAILED || PQstatus(link->conn) == CONNECTION_BAD)
            return connect_failed(link, params, err);
        int ready = wait_socket(link, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, until);
        if (ready < 0)
            return stopped(host, err);
        if (ready == 0)
            return host->fail(host, err, KIST_ERR_TIMEOUT, "cannot connect: no answer from '%s' port %s",
                              PQhost(link->conn) ? PQhost(link->conn) : "",
                              PQport(link->conn) ? PQport(link->conn) : "");
        status = PQconnectPoll(link->conn);
    }
    return 0;
}

static void be_silent(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

int pgd_connect(struct pgd_link *link, const struct pgd_params *params, int64_t timeout_ms, struct kist_error *err)
{
    const struct kist_host *host = link->host;
    if (params->unnamed)
        return pgd_params_fail_unnamed(host, err);
    if (timeout_ms <= 0)
        timeout_ms = 15000;
    char *conninfo = kist_pg_conninfo(params->options), *timed = NULL;
    if (conninfo && asprintf(&timed, "%s tcp_user_timeout='%lld'", conninfo, (long long)timeout_ms) < 0)
        timed = NULL;
    link->conn = timed ? PQconnectStart(timed) : NULL;
    if (conninfo)
        explicit_bzero(conninfo, strlen(conninfo));
    if (timed)
        explicit_bzero(timed, strlen(timed));
    free(conninfo);
    free(timed);
    if (!link->conn)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    PQsetErrorVerbosity(link->conn, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(link->conn, be_silent, NULL);
    int code = connect_poll(link, params, timeout_ms, err);
    if (code) {
        pgd_disconnect(link);
        return code;
    }
    PQsetErrorVerbosity(link->conn, PQERRORS_DEFAULT);
    return 0;
}

void pgd_disconnect(struct pgd_link *link)
{
    PQfinish(link->conn);
    link->conn = NULL;
}

int pgd_query_failed(struct pgd_link *link, const PGresult *result, struct kist_error *err)
{
    const struct kist_host *host = link->host;
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    char *line = kist_pg_line(result ? PQresultErrorMessage(result) : PQerrorMessage(link->conn));
    int lost = PQstatus(link->conn) == CONNECTION_BAD;
    snprintf(link->state, sizeof link->state, "%s", state ? state : "");
    int code = lost ? KIST_ERR_UNAVAILABLE : state ? code_of(state, "") : KIST_ERR_FAILED;
    code = host->fail(host, err, code, "the server answered: %s", line ? line : "out of memory");
    free(line);
    return code;
}

/* The last result of what was sent; NULL on a code other than 0. */
static int last_result(struct pgd_link *link, PGresult **ret_result, struct kist_error *err)
{
    const struct kist_host *host = link->host;
    int64_t until = host->monotonic_ms(host) + (link->query_ms > 0 ? link->query_ms : QUERY_MS);
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
        int ready = wait_socket(link, flushed > 0 ? POLLIN | POLLOUT : POLLIN, until);
        if (ready > 0 && PQconsumeInput(link->conn) == 1)
            continue;
        PQclear(last);
        if (ready < 0)
            return stopped(host, err);
        if (ready == 0)
            return host->fail(host, err, KIST_ERR_TIMEOUT, "the server gave no answer for %lld s",
                              (long long)(link->query_ms > 0 ? link->query_ms : QUERY_MS) / 1000);
        return pgd_query_failed(link, NULL, err);
    }
}

int pgd_query(struct pgd_link *link, const char *sql, int count, const char *const *values, PGresult **ret_result,
              struct kist_error *err)
{
    PGresult *result = NULL;
    if (PQsetnonblocking(link->conn, 1) != 0 ||
        PQsendQueryParams(link->conn, sql, count, NULL, values, NULL, NULL, 0) != 1)
        return pgd_query_failed(link, NULL, err);
    int code = last_result(link, &result, err);
    if (code)
        return code;
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        code = pgd_query_failed(link, result, err);
        PQclear(result);
        return code;
    }
    *ret_result = result;
    return 0;
}

int pgd_connect_own(struct pgd_link *link, const struct pgd_params *params, int64_t timeout_ms,
                    struct kist_error *err)
{
    int code = pgd_connect(link, params, timeout_ms, err);
    if (!code)
        code = pgd_execute(link, "SET search_path = pg_catalog, pg_temp", err);
    if (code)
        pgd_disconnect(link);
    return code;
}

int pgd_execute(struct pgd_link *link, const char *sql, struct kist_error *err)
{
    PGresult *result = NULL;
    int code = pgd_query(link, sql, 0, NULL, &result, err);
    PQclear(result);
    return code;
}
