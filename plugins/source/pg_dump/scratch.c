/* scratch.c - a place of a drill's own: a new database on the server of drill_url, or a whole server for a while. */
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct scratch {
    const struct kist_host *host;
    char name[PGD_SCRATCH_NAME_SIZE];
    char *target;                /* may hold a password */
    struct pgd_cluster *cluster; /* or NULL: */
    struct pgd_params work;      /* where the database can be dropped from */
    int64_t timeout_ms;
    int version_num;
};

static void done(struct scratch *scratch)
{
    if (scratch->target)
        explicit_bzero(scratch->target, strlen(scratch->target));
    free(scratch->target);
    pgd_params_done(&scratch->work);
    pgd_cluster_end(scratch->cluster);
    free(scratch);
}

/* A name that nobody else gives to anything. */
static int make_name(struct scratch *scratch, struct kist_error *err)
{
    const struct kist_host *host = scratch->host;
    time_t now = (time_t)(host->now_ms(host) / 1000);
    unsigned char chance[3];
    struct tm utc;
    char stamp[32];
    int code = host->random(host, chance, sizeof chance, err);
    if (code)
        return code;
    if (!gmtime_r(&now, &utc) || strftime(stamp, sizeof stamp, "%Y%m%d_%H%M%S", &utc) == 0)
        return host->fail(host, err, KIST_ERR_FAILED, "the clock shows no date");
    snprintf(scratch->name, sizeof scratch->name, PGD_SCRATCH_PREFIX "%s_%02x%02x%02x", stamp, chance[0],
             chance[1], chance[2]);
    return 0;
}

static int name_target(struct scratch *scratch, struct pgd_params *params, struct kist_error *err)
{
    const struct kist_host *host = scratch->host;
    if (kist_pg_param_set(params->options, "dbname", scratch->name) == 0)
        scratch->target = pgd_conninfo_given(params->options);
    return scratch->target ? 0 : host->fail(host, err, KIST_ERR_FAILED, "out of memory");
}

static int may_create(struct pgd_maintenance *work, struct kist_error *err)
{
    const struct kist_host *host = work->link.host;
    PGresult *result = NULL;
    int code =
        pgd_query(&work->link,
                  "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreatedb)",
                  0, NULL, &result, err);
    if (!code && PQntuples(result) == 0) {
        code = host->fail(host, err, KIST_ERR_AUTH, "role '%s' may not create a database for the drill on %s",
                          PQuser(work->link.conn), work->server.where);
        host->hint(host, err, "ALTER ROLE ... CREATEDB, or leave drill_url out");
    }
    PQclear(result);
    return code;
}

/* The database itself is made by the restore, which knows its encoding. */
static int begin_on_server(struct scratch *scratch, const struct pgd_source *source, struct kist_error *err)
{
    const struct kist_host *host = source->host;
    const char *avoid[] = {kist_pg_param(source->params.options, "dbname"), NULL};
    struct pgd_params drill = {0};
    struct pgd_maintenance work = {0};
    int code = pgd_params_from_target(host, &source->params, source->config->drill_url.reveal, &drill, err);
    if (!code)
        code = pgd_maintenance_reach(host, &drill, avoid, scratch->timeout_ms, &work, err);
    if (!code)
        code = pgd_scratch_guard(source, &drill, &work, err);
    if (!code)
        code = may_create(&work, err);
    if (!code) {
        pgd_scratch_sweep(&work);
        scratch->version_num = work.server.version_num;
        scratch->work = work.params;
        work.params = (struct pgd_params){0};
        code = name_target(scratch, &drill, err);
    }
    pgd_maintenance_done(&work);
    pgd_params_done(&drill);
    return code;
}

static int begin_cluster(struct scratch *scratch, const struct pgd_source *source, const char *work_dir,
                         struct kist_error *err)
{
    const struct kist_host *host = source->host;
    int code = pgd_cluster_begin(source, work_dir, &scratch->cluster, err);
    if (!code && asprintf(&scratch->target, "host='%s' port='5432' user='postgres' dbname='%s'",
                          pgd_cluster_socket(scratch->cluster), scratch->name) < 0) {
        scratch->target = NULL;
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    }
    return code;
}

int pgd_scratch_begin(void *self, const char *work_dir, void **ret_scratch, const char **ret_target,
                      struct kist_error *err)
{
    const struct pgd_source *source = self;
    const char *url = source->config->drill_url.reveal;
    struct scratch *scratch = calloc(1, sizeof *scratch);
    if (!scratch)
        return source->host->fail(source->host, err, KIST_ERR_FAILED, "out of memory");
    scratch->host = source->host;
    scratch->timeout_ms = source->config->connect_timeout.ms;
    int code = make_name(scratch, err);
    if (!code)
        code = url && *url ? begin_on_server(scratch, source, err) : begin_cluster(scratch, source, work_dir, err);
    if (code) {
        done(scratch);
        return code;
    }
    *ret_scratch = scratch;
    *ret_target = scratch->target;
    return 0;
}

int pgd_scratch_named(const char *database)
{
    return strncmp(database, PGD_SCRATCH_PREFIX, strlen(PGD_SCRATCH_PREFIX)) == 0;
}

int pgd_scratch_mark(struct pgd_link *link, const char *database, struct kist_error *err)
{
    char computer[256] = "", words[400], *sql = NULL;
    if (gethostname(computer, sizeof computer - 1) != 0)
        computer[0] = '\0';
    snprintf(words, sizeof words, "kist drill by %s, process %ld", computer, (long)getpid());
    char *name = PQescapeIdentifier(link->conn, database, strlen(database));
    char *comment = PQescapeLiteral(link->conn, words, strlen(words));
    int made = name && comment && asprintf(&sql, "COMMENT ON DATABASE %s IS %s", name, comment) >= 0;
    int code =
        made ? pgd_execute(link, sql, err) : link->host->fail(link->host, err, KIST_ERR_FAILED, "out of memory");
    if (made)
        free(sql);
    PQfreemem(name);
    PQfreemem(comment);
    return code;
}

/* A session of the restore may linger, and older servers do not end it by themselves. */
static int drop(struct scratch *scratch, struct pgd_link *link, struct kist_error *err)
{
    const char *name = scratch->name;
    char sql[200];
    PGresult *result = NULL;
    int code = pgd_query(link,
                         "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity "
                         "WHERE datname = $1",
                         1, &name, &result, err);
    PQclear(result);
    /* The name is of letters that need no quoting. */
    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s%s", name,
             scratch->version_num >= 130000 ? " WITH (FORCE)" : "");
    return code ? code : pgd_execute(link, sql, err);
}

void pgd_scratch_end(void *self)
{
    struct scratch *scratch = self;
    const struct kist_host *host = scratch->host;
    struct kist_error err = {.struct_size = sizeof err};
    struct pgd_link link = {.host = host, .cleaning_up = 1};
    if (!scratch->cluster) {
        int code = pgd_connect_own(&link, &scratch->work, scratch->timeout_ms, &err);
        if (!code)
            code = drop(scratch, &link, &err);
        if (code)
            host->log(host, KIST_LOG_WARNING,
                      "the drill's database '%s' stays behind, it could not be dropped: %s", scratch->name,
                      err.message ? err.message : "unknown reason");
        else
            host->log(host, KIST_LOG_DEBUG, "dropped the drill's database '%s'", scratch->name);
        pgd_disconnect(&link);
    }
    /* Here nobody else sees the error: its strings, made by malloc, are ours to free. */
    free(err.message);
    free(err.hint);
    done(scratch);
}
