#include "swap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void done(struct pgd_swap *swap)
{
    pgd_maintenance_done(&swap->work);
    pgd_params_done(&swap->params);
    free(swap->from);
    free(swap->kept);
}

/* The oid of a database as text in `ret_oid`, "0" if there is none. */
static int find(struct pgd_swap *swap, const char *name, char ret_oid[16], struct kist_error *err)
{
    PGresult *result = NULL;
    snprintf(ret_oid, 16, "0");
    if (!name)
        return 0;
    int code = pgd_query(&swap->work.link, "SELECT oid FROM pg_catalog.pg_database WHERE datname = $1", 1, &name,
                         &result, err);
    if (!code && PQntuples(result) == 1)
        snprintf(ret_oid, 16, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return code;
}

static int missing(struct pgd_swap *swap, const char *name, struct kist_error *err)
{
    return swap->host->fail(swap->host, err, KIST_ERR_NOT_FOUND, "there is no database '%s' on %s", name,
                            swap->work.server.where);
}

static int name_all(struct pgd_swap *swap, const struct kist_swap *asked, struct kist_error *err)
{
    const struct kist_host *host = swap->host;
    int code = find(swap, swap->live, swap->live_oid, err);
    if (!code && strcmp(swap->live_oid, "0") == 0)
        code = missing(swap, swap->live, err);
    if (!code && swap->undo)
        code = pgd_swap_newest(swap, &swap->from, err);
    else if (!code && asked->fresh && !(swap->from = strdup(asked->fresh)))
        code = host->fail(host, err, KIST_ERR_FAILED, "out of memory");
    if (!code)
        code = find(swap, swap->from, swap->from_oid, err);
    if (!code && strcmp(swap->from_oid, "0") == 0 && !swap->look)
        code = missing(swap, swap->from ? swap->from : "", err);
    if (!code && strcmp(swap->from_oid, swap->live_oid) == 0)
        code = host->fail(host, err, KIST_ERR_REFUSED, "'%s' cannot take the place of itself", swap->live);
    if (!code && !swap->undo && swap->from && !pgd_swap_is_restore(swap, swap->from)) {
        code = host->fail(host, err, KIST_ERR_REFUSED, "'%s' is not the name of a restore of '%s'", swap->from,
                          swap->live);
        host->hint(host, err, "only '%s_restore_<time>', or what a swap put aside, takes its place", swap->live);
    }
    return code ? code : pgd_swap_name(swap, swap->undo ? "undone" : "before", &swap->kept, err);
}

static int reach(struct pgd_swap *swap, const struct pgd_source *source, const struct kist_swap *asked,
                 struct kist_error *err)
{
    const char *avoid[] = {NULL, asked->fresh, NULL};
    int code = pgd_params_from_target(swap->host, &source->params, asked->target, &swap->params, err);
    if (code)
        return code;
    avoid[0] = swap->live = kist_pg_param(swap->params.options, "dbname");
    return pgd_maintenance_reach(swap->host, &swap->params, avoid, swap->timeout_ms, &swap->work, err);
}

static int tell(const struct pgd_swap *swap, kist_swapped_fn give, void *arg)
{
    const struct kist_host *host = swap->host;
    struct kist_swapped swapped = {.struct_size = sizeof swapped,
                                   .name = swap->live,
                                   .from = swap->from,
                                   .kept = swap->kept,
                                   .interrupted_ms = swap->interrupted_ms,
                                   .ended_sessions = swap->ended_sessions};
    if (!swap->look)
        host->log(
            host, KIST_LOG_INFO,
            "'%s' on %s is now what was '%s'; the one before is kept as '%s' (%lld session(s) ended, %lld ms)",
            swap->live, swap->work.server.where, swap->from, swap->kept, (long long)swap->ended_sessions,
            (long long)swap->interrupted_ms);
    return give(arg, &swapped);
}

int pgd_swap(void *self, const struct kist_swap *asked, kist_swapped_fn give, void *arg, struct kist_error *err)
{
    const struct pgd_source *source = self;
    struct pgd_swap swap = {.host = source->host,
                            .timeout_ms = source->config->connect_timeout.ms,
                            .undo = (asked->flags & KIST_SWAP_UNDO) != 0,
                            .look = (asked->flags & KIST_SWAP_LOOK) != 0};
    int code = reach(&swap, source, asked, err);
    if (!code)
        code = name_all(&swap, asked, err);
    if (!code)
        code = pgd_swap_check(&swap, err);
    /* What was put aside has still got what it was dressed in. */
    if (!code && !swap.undo && strcmp(swap.from_oid, "0") != 0)
        code = pgd_swap_dress(&swap, err);
    if (!code && !swap.look)
        code = pgd_swap_exchange(&swap, err);
    if (!code)
        code = tell(&swap, give, arg);
    done(&swap);
    return code;
}
