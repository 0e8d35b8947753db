#include "pg_dump.h"

#include <stdio.h>
#include <string.h>

/* One with the name of a database that is to be worked upon would be in its own way. */
static int is_avoided(const char *name, const char *const *avoid)
{
    for (size_t i = 0; avoid && avoid[i]; i++)
        if (strcmp(avoid[i], name) == 0)
            return 1;
    return 0;
}

int pgd_maintenance_reach(const struct kist_host *host, const struct pgd_params *params, const char *const *avoid,
                          int64_t timeout_ms, struct pgd_maintenance *ret_maintenance, struct kist_error *err)
{
    static const char *const names[] = {"postgres", "template1"};
    struct pgd_maintenance reached = {.link = {.host = host}};
    int code = pgd_params_copy(host, params, &reached.params, err), tried = 0;
    for (size_t i = 0; (!code || code == KIST_ERR_NOT_FOUND) && i < 2 && !reached.link.conn; i++) {
        if (is_avoided(names[i], avoid))
            continue;
        tried = 1;
        code = kist_pg_param_set(reached.params.options, "dbname", names[i]) != 0
                   ? host->fail(host, err, KIST_ERR_FAILED, "out of memory")
                   : pgd_look(host, &reached.params, timeout_ms, &reached.link, &reached.server, err);
    }
    if (!code && !tried)
        code = host->fail(host, err, KIST_ERR_REFUSED,
                          "both 'postgres' and 'template1' take part, and none is left to work from");
    if (code)
        pgd_maintenance_done(&reached);
    else
        *ret_maintenance = reached;
    return code;
}

void pgd_maintenance_done(struct pgd_maintenance *maintenance)
{
    pgd_disconnect(&maintenance->link);
    pgd_server_done(&maintenance->server);
    pgd_params_done(&maintenance->params);
}
