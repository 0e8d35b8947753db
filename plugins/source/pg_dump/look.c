#include "pg_dump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"

/* Longest wait for a second session of a pooler. */
#define SECOND_MS 5000

/* ---- poolers ---- */

static int refuse_pooler(const struct kist_host *host, const char *what, struct kist_error *err)
{
    int code = host->fail(host, err, KIST_ERR_CONFIG, "%s, but pg_dump needs one session from begin to end", what);
    host->hint(host, err, "give the address of the server itself, not of the pooler before it");
    return code;
}

int pgd_pooler_name(const struct kist_host *host, const char *hosts, struct kist_error *err)
{
    static const char suffix[] = "-pooler";
    for (const char *name = hosts; name && *name; name += *name == ',') {
        size_t length = strcspn(name, ","), label = strcspn(name, ".,"), end = sizeof suffix - 1;
        if (label > end && strncmp(name + label - end, suffix, end) == 0 && memmem(name, length, ".neon.", 6)) {
            int code = host->fail(host, err, KIST_ERR_CONFIG,
                                  "'%.*s' is Neon's connection pooler, and pg_dump needs a session of its own",
                                  (int)length, name);
            host->hint(host, err, "use the direct host '%.*s%.*s'", (int)(label - end), name,
                       (int)(length - label), name + label);
            return code;
        }
        name += length;
    }
    return 0;
}

static int backend_pid(struct pgd_link *link, int *ret_pid, struct kist_error *err)
{
    PGresult *result = NULL;
    int code = pgd_query(link, "SELECT pg_catalog.pg_backend_pid()", 0, NULL, &result, err);
    if (!code)
        *ret_pid = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return code;
}

/* The server said at the start which backend it is, and a pooler says something of its own. If it lends its
 * backends by the transaction, a second client that begins one gets the backend that ours has just used. A second
 * client that gets none, because the role or the pool has no more, tells nothing. */
static int tempt_pooler(const struct pgd_link *link, const struct pgd_params *params, int64_t timeout_ms, int pid,
                        int *ret_shared, struct kist_error *err)
{
    const struct kist_host *host = link->host;
    struct pgd_link second = {.host = host, .query_ms = SECOND_MS};
    int other = 0, code = pgd_connect(&second, params, timeout_ms, err);
    if (!code)
        code = pgd_execute(&second, "BEGIN", err);
    if (!code)
        code = backend_pid(&second, &other, err);
    pgd_disconnect(&second);
    if (code && code != KIST_ERR_CANCELLED)
        host->log(host, KIST_LOG_DEBUG, "no second connection to look for a pooler with: %s",
                  err->message ? err->message : "");
    *ret_shared = !code && other == pid;
    return code == KIST_ERR_CANCELLED ? code : 0;
}

static int refuse_if_pooled(struct pgd_link *link, const struct pgd_params *params, int64_t timeout_ms,
                            struct kist_error *err)
{
    int first = 0, next = 0, third = 0, shared = 0;
    int code = backend_pid(link, &first, err);
    if (!code)
        code = backend_pid(link, &next, err);
    if (!code && first == next && PQbackendPID(link->conn) != first)
        code = tempt_pooler(link, params, timeout_ms, first, &shared, err);
    if (!code && !shared)
        code = backend_pid(link, &third, err);
    if (code)
        return code;
    if (first != next || next != third || shared)
        return refuse_pooler(
            link->host, "a connection pooler answers and runs each transaction in another server process", err);
    return 0;
}

/* ---- facts ---- */

static char *copy(const char *text)
{
    char *own = strdup(text);
    if (own)
        kist_child_clean_text(own);
    return own;
}

static int64_t number(const PGresult *result, int column)
{
    return strtoll(PQgetvalue(result, 0, column), NULL, 10);
}

static int fill_server(struct pgd_link *link, const PGresult *result, struct pgd_server *server)
{
    const char *password = PQpass(link->conn), *host = PQhost(link->conn);
    server->version = copy(PQgetvalue(result, 0, 0));
    server->version_num = (int)number(result, 1);
    server->encoding = copy(PQgetvalue(result, 0, 2));
    server->standby = *PQgetvalue(result, 0, 3) == 't';
    server->size = number(result, 4);
    /* Tables without their indexes, as of the last vacuum, come nearest to the size of a dump. */
    server->size_estimate = number(result, 5) > 0 ? number(result, 5) : server->size;
    server->database = strdup(PQgetvalue(result, 0, 6));
    server->conninfo = pgd_conninfo_pinned(link->conn, NULL, 0);
    server->conninfo_restore = pgd_conninfo_pinned(link->conn, NULL, 1);
    server->password = password && *password ? strdup(password) : NULL;
    if (asprintf(&server->where, "%s port %s", host && *host ? host : "the local socket", PQport(link->conn)) < 0)
        server->where = NULL;
    int lacking = !server->version || !server->encoding || !server->database || !server->conninfo ||
                  !server->conninfo_restore || (password && *password && !server->password) || !server->where;
    return lacking ? -1 : 0;
}

static int read_facts(struct pgd_link *link, struct pgd_server *server, struct kist_error *err)
{
    const struct kist_host *host = link->host;
    PGresult *result = NULL;
    int code = pgd_query(
        link,
        "SELECT pg_catalog.current_setting('server_version'), pg_catalog.current_setting('server_version_num'), "
        "pg_catalog.pg_encoding_to_char(d.encoding), pg_catalog.pg_is_in_recovery(), "
        "pg_catalog.pg_database_size(d.oid), (SELECT GREATEST(pg_catalog.sum(c.relpages::pg_catalog.int8) "
        "* pg_catalog.current_setting('block_size')::pg_catalog.int8, "
        /* Tables that no vacuum has counted yet; asking for their size would wait for whoever locks them. */
        "CASE WHEN pg_catalog.bool_or(c.reltuples < 0) THEN pg_catalog.pg_database_size(d.oid) / 2 ELSE 0 END) "
        "FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'm', 't')), d.datname "
        "FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()",
        0, NULL, &result, err);
    if (!code && PQntuples(result) != 1)
        code = host->fail(host, err, KIST_ERR_UNSUPPORTED, "the server does not know the database that it serves");
    if (!code && fill_server(link, result, server) != 0)
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    PQclear(result);
    if (!code && server->password && host->add_secret(host, server->password) != 0)
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    return code;
}

static int read_extensions(struct pgd_link *link, struct pgd_server *server, struct kist_error *err)
{
    PGresult *result = NULL;
    int code = pgd_query(link, "SELECT extname, extversion FROM pg_catalog.pg_extension ORDER BY 1", 0, NULL,
                         &result, err);
    if (code)
        return code;
    size_t count = (size_t)PQntuples(result);
    server->extensions = calloc(2 * count + 1, sizeof *server->extensions);
    int failed = !server->extensions;
    for (size_t i = 0; i < 2 * count && !failed; i++)
        failed = !(server->extensions[i] = copy(PQgetvalue(result, (int)(i / 2), (int)(i % 2))));
    PQclear(result);
    return failed ? link->host->fail(link->host, err, KIST_ERR_FAILED, "out of memory") : 0;
}

int pgd_look(const struct kist_host *host, const struct pgd_params *params, int64_t timeout_ms,
             struct pgd_link *ret_link, struct pgd_server *ret_server, struct kist_error *err)
{
    struct pgd_link link = {.host = host};
    struct pgd_server server = {0};
    int code = pgd_connect(&link, params, timeout_ms, err);
    if (code)
        return code;
    /* Only now: through a pooler a setting would stay behind in a session of somebody else. */
    code = refuse_if_pooled(&link, params, timeout_ms, err);
    if (!code)
        code =
            pgd_execute(&link, "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false)", err);
    if (!code)
        code = read_facts(&link, &server, err);
    if (!code)
        code = read_extensions(&link, &server, err);
    if (code) {
        pgd_disconnect(&link);
        pgd_server_done(&server);
        return code;
    }
    *ret_link = link;
    *ret_server = server;
    return 0;
}

void pgd_server_done(struct pgd_server *server)
{
    if (server->password)
        explicit_bzero(server->password, strlen(server->password));
    for (size_t i = 0; server->extensions && server->extensions[i]; i++)
        free(server->extensions[i]);
    free(server->extensions);
    free(server->version);
    free(server->database);
    free(server->encoding);
    free(server->where);
    free(server->conninfo);
    free(server->conninfo_restore);
    free(server->password);
    *server = (struct pgd_server){0};
}
