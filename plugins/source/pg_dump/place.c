/* place.c - what a person, and the core, may want to know of a target. */
#include "restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which server this is: its own number where the role may ask for it, and when and where it was started. */
struct identity {
    char *number, *start;
};

static void identity_done(struct identity *identity)
{
    free(identity->number);
    free(identity->start);
}

static int identify(struct pgd_link *link, struct identity *ret_identity, struct kist_error *err)
{
    static const char number[] = "SELECT system_identifier FROM pg_catalog.pg_control_system()";
    static const char start[] = /* no operator, which somebody may have made */
        "SELECT pg_catalog.format('%s %s', pg_catalog.current_setting('port'), "
        "pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()))";
    const struct kist_host *host = link->host;
    struct identity identity = {0};
    PGresult *result = NULL;
    int code = pgd_query(link, start, 0, NULL, &result, err);
    if (!code && !(identity.start = strdup(PQgetvalue(result, 0, 0))))
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    PQclear(result);
    result = NULL;
    if (!code && pgd_query(link, number, 0, NULL, &result, err) == 0)
        identity.number = strdup(PQgetvalue(result, 0, 0));
    PQclear(result);
    if (!code && host->cancelled(host))
        code = host->fail(host, err, KIST_ERR_CANCELLED, "stopped on request");
    if (code)
        identity_done(&identity);
    else
        *ret_identity = identity;
    return code;
}

static int is_same(const struct identity *a, const struct identity *b)
{
    return a->number && b->number ? strcmp(a->number, b->number) == 0 : strcmp(a->start, b->start) == 0;
}

/* Where the source cannot be asked (it may be what was lost), what is written of it has to do. */
static int looks_same(const struct pgd_params *a, const struct pgd_params *b)
{
    static const char *const keywords[] = {"host", "hostaddr", "port"};
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        const char *left = kist_pg_param(a->options, keywords[i]), *right = kist_pg_param(b->options, keywords[i]);
        if (strcmp(left ? left : "", right ? right : "") != 0)
            return 0;
    }
    return 1;
}

static int ask_source(const struct pgd_source *source, struct pgd_target *target, struct pgd_link *link,
                      int *ret_same, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    struct pgd_link other = {.host = host};
    struct identity here = {0}, there = {0};
    int code = identify(link, &here, err);
    if (code)
        return code;
    code = pgd_connect(&other, &source->params, target->timeout_ms, err);
    if (!code)
        code = identify(&other, &there, err);
    pgd_disconnect(&other);
    if (!code)
        *ret_same = is_same(&here, &there);
    else if (code != KIST_ERR_CANCELLED)
        *ret_same = looks_same(&source->params, &target->params);
    identity_done(&here);
    identity_done(&there);
    return code == KIST_ERR_CANCELLED ? code : 0;
}

int pgd_place_recognize(const struct pgd_source *source, const char *asked, struct pgd_target *target,
                        struct pgd_link *link, struct kist_error *err)
{
    const char *own = kist_pg_param(source->params.options, "dbname");
    int is_name = !asked || (!strstr(asked, "://") && !strchr(asked, '=')), same = is_name, code = 0;
    if (!own || strcmp(own, target->database) != 0)
        return 0;
    if (!is_name)
        code = ask_source(source, target, link, &same, err);
    if (!code && same)
        target->place_flags |= KIST_PLACE_SOURCE;
    return code;
}

/* ---- how to look at it ---- */

static void put_argument(FILE *out, const char *option, const char *value)
{
    if (!value || !*value)
        return;
    fprintf(out, " %s ", option);
    if (value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+-")] == '\0') {
        fputs(value, out);
        return;
    }
    fputc('\'', out);
    for (; *value; value++)
        fputs(*value == '\'' ? "'\\''" : (const char[]){*value, '\0'}, out);
    fputc('\'', out);
}

int pgd_place_describe(struct pgd_target *target, const PGconn *conn, struct kist_error *err)
{
    const struct kist_host *host = target->host;
    size_t size = 0;
    FILE *out = open_memstream(&target->look, &size);
    if (!out)
        return host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    fputs("psql", out);
    put_argument(out, "-h", PQhost(conn));
    put_argument(out, "-p", PQport(conn));
    put_argument(out, "-U", PQuser(conn));
    put_argument(out, "-d", pgd_target_name(target));
    return fclose(out) == 0 ? 0 : host->fail(host, err, KIST_ERR_FAILED, "out of memory");
}

int pgd_restore_place(void *self, kist_place_fn give, void *arg, struct kist_error *err)
{
    const struct pgd_restore *restore = self;
    const struct pgd_target *target = &restore->target;
    if (restore->check_only)
        return restore->host->fail(restore->host, err, KIST_ERR_BUG, "a check has no place");
    struct kist_place place = {.struct_size = sizeof place,
                               .flags = target->place_flags,
                               .name = target->database,
                               .server = target->server.where,
                               .fresh = target->fresh,
                               .holds = target->holds,
                               .look = target->look};
    return give(arg, &place);
}
